/* The canonical text of a record: every member, defaults written out, in one order. */
#include "arch/document.h"

#include "json/writer.h"

static const char *name_at(const char *const *names, int value)
{
    return value ? names[value - 1] : NULL;
}

static void write_strv(struct json *j, const char *key, const struct strv *v)
{
    json_strv(j, key, (const char *const *)v->items, v->n);
}

static void write_tristate(struct json *j, const char *key, enum tristate t)
{
    if (t == UNSET)
        json_nil(j, key);
    else
        json_bool(j, key, t == YES);
}

static void write_int(struct json *j, const char *key, const struct opt_int *v)
{
    if (v->set)
        json_int(j, key, v->value);
    else
        json_nil(j, key);
}

/* What is carried and not understood; its members are sorted, to be canonical. */
static void write_carried(struct json *j, const char *key, json_t *v)
{
    if (!v) {
        json_nil(j, key);
        return;
    }
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

    json_raw(j, key, text ? text : "null");
    free(text);
}

static void write_encodings(struct json *j, const struct arch *a)
{
    json_str(j, "default_encoding", encoding_name(a->default_encoding));
    json_key(j, "supported_encodings"), json_open(j, '{');
    for (int e = 1; e < N_ENCODINGS; e++) {
        enum kv_strategy first = a->first_strategy[e];

        if (!(a->encodings & (1u << e)))
            continue;
        json_key(j, encoding_names[e - 1]), json_open(j, '[');
        if (first)
            json_item(j), json_write_str(j->out, kv_strategy_name(first));
        for (int k = 1; k < N_KV_STRATEGIES; k++)
            if (k != (int)first && a->kv_strategies[e] & (1u << k))
                json_item(j), json_write_str(j->out, kv_strategy_names[k - 1]);
        json_close(j, ']');
    }
    json_close(j, '}');
}

/* A set of bits as the list of their names, bit 1 << first being names[0]. */
static void write_set(struct json *j, const char *key, const char *const *names, unsigned set,
                      int first)
{
    json_key(j, key), json_open(j, '[');
    for (int i = 0; names[i]; i++)
        if (set & (1u << (i + first)))
            json_item(j), json_write_str(j->out, names[i]);
    json_close(j, ']');
}

static void write_weights(struct json *j, const struct arch_object *a)
{
    /* an empty list is what MAX says of architectures without adapters: it stays one */
    bool none = a->document.weight_formats && json_array_size(a->document.weight_formats) == 0;

    json_str(j, "default_weights_format", weights_format_name(a->arch.default_weights_format));
    write_set(j, "weight_formats", weights_format_names, none ? 0 : a->arch.weight_formats, 1);
    json_key(j, "weight_adapters"), json_open(j, '{');
    for (int i = 1; i < N_FORMATS; i++)
        if (a->arch.weight_adapters[i])
            json_str(j, weights_format_names[i - 1], a->arch.weight_adapters[i]);
    json_close(j, '}');
    json_str(j, "rope_type", rope_type_name(a->arch.rope_type));
}

static void write_classes(struct json *j, const struct arch_object *a)
{
    const struct document *d = &a->document;

    json_str(j, "pipeline_model", d->pipeline_model);
    json_str(j, "pipeline_model_kind", name_at(model_kind_names, d->pipeline_model_kind));
    json_str(j, "pipeline_cls", d->pipeline_cls);
    json_str(j, "tokenizer", d->tokenizer);
    json_str(j, "context_type", d->context_type);
    json_str(j, "config", d->config);
    json_str(j, "batching", d->batching);
    json_str(j, "tool_parser", d->tool_parser);
    json_str(j, "reasoning_parser", d->reasoning_parser);
    json_str(j, "memory_planner", d->memory_planner);
}

static void write_memory(struct json *j, const struct arch_object *a)
{
    const struct document *d = &a->document;

    json_bool(j, "kv_cache", a->arch.kv_cache);
    json_str(j, "max_length_policy", max_length_policy_names[a->arch.max_length_policy]);
    write_int(j, "max_length_constant", &d->max_length_constant);
    write_int(j, "activation_reservation_bytes", &d->activation_reservation_bytes);
    write_tristate(j, "always_signal_buffers", d->always_signal_buffers);
}

static void write_abilities(struct json *j, const struct arch_object *o)
{
    const struct document *d = &o->document;
    const struct arch *a = &o->arch;

    json_bool(j, "multi_gpu_supported", a->multi_gpu_supported);
    json_bool(j, "supports_empty_batches", a->supports_empty_batches);
    json_bool(j, "requires_max_batch_context_length", a->requires_max_batch_context_length);
    json_bool(j, "supports_overlap_scheduler", a->supports_overlap_scheduler);
    json_bool(j, "supports_device_graph_capture", a->supports_device_graph_capture);
    json_bool(j, "supports_spec_decode_mixed_batches", a->supports_spec_decode_mixed_batches);
    json_bool(j, "checkpoints_recurrent_state", a->checkpoints_recurrent_state);
    json_str(j, "default_structured_output_backend", d->structured_output_backend);
    write_tristate(j, "default_structured_output_any_whitespace",
                   d->structured_output_any_whitespace);
    json_str(j, "checkpoint_draft_width", d->checkpoint_draft_width);
    json_str(j, "cascade_pipeline_factory", d->cascade_pipeline_factory);
    write_carried(j, "denoising_cache_defaults", d->denoising_cache_defaults);
}

static void write_required(struct json *j, const struct arch *a)
{
    json_key(j, "required_arguments"), json_open(j, '{');
    for (size_t i = 0; i < a->n_required; i++) {
        const struct required_argument *r = &a->required[i];

        if (r->kind == REQUIRED_BOOL)
            json_bool(j, r->name, r->value != 0);
        else if (r->kind == REQUIRED_INT)
            json_int(j, r->name, (int64_t)r->value);
        else
            json_number(j, r->name, r->value);
    }
    json_close(j, '}');
}

void document_write(const struct arch_object *a, struct buf *out)
{
    const struct document *d = &a->document;
    struct json j = json_begin(out);

    json_str(&j, "name", d->name);
    json_str(&j, "task", task_name(a->arch.task));
    json_str(&j, "role", a->arch.role);
    write_strv(&j, "example_repo_ids", &d->example_repo_ids);
    write_encodings(&j, &a->arch);
    write_weights(&j, a);
    write_classes(&j, a);
    write_set(&j, "input_modalities", modality_names, a->arch.input_modalities, 0);
    write_memory(&j, a);
    write_abilities(&j, a);
    write_required(&j, &a->arch);
    write_strv(&j, "context_validators", &d->context_validators);
    json_str(&j, "registered_in", d->registered_in);
    json_str(&j, "lazy_module", d->lazy_module);
    json_str(&j, "lazy_symbol", d->lazy_symbol);
    write_carried(&j, "origin", d->origin);
    write_carried(&j, "seed_version", d->seed_version);
    write_carried(&j, "superseded", d->superseded);
    write_strv(&j, "notes", &d->notes);
}
