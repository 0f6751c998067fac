/*
 * The effective request: every field that counts, in a fixed order, defaults
 * written out. Posted back it resolves to itself, and its bytes are what ids
 * are digests of. Revisions are commits here, so that a branch that moves is
 * another request.
 */
#include "resolve/names.h"
#include "resolve/resolution.h"
#include "json/writer.h"

static void flag_write(struct json *j, const char *key, enum tristate t)
{
    if (t == UNSET)
        json_nil(j, key);
    else
        json_bool(j, key, t == YES);
}

static void int_write(struct json *j, const char *key, struct opt_int o)
{
    if (o.set)
        json_int(j, key, o.value);
    else
        json_nil(j, key);
}

static void real_write(struct json *j, const char *key, struct opt_real o)
{
    if (o.set)
        json_number(j, key, o.value);
    else
        json_nil(j, key);
}

static void strv_write(struct json *j, const char *key, const struct strv *v)
{
    json_strv(j, key, (const char *const *)v->items, v->n);
}

/* Members sorted, so that their order in the request does not count. */
static void value_write(struct json *j, const char *key, const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;

    if (text)
        json_raw(j, key, text);
    else
        json_nil(j, key);
    free(text);
}

static const char *pinned(const struct model *m)
{
    return m->ref.source == MODEL_HUB ? m->commit : NULL;
}

static void model_write(struct json *j, const struct side *s)
{
    const struct model_fields *m = s->fields;

    json_str(j, "model_path", m->model_path);
    json_str(j, "served_model_name", m->served_model_name);
    json_str(j, "huggingface_model_revision", pinned(s->model));
    json_str(j, "huggingface_weight_revision", pinned(s->weights));
    json_str(j, "subfolder", m->subfolder && m->subfolder[0] ? m->subfolder : NULL);
    strv_write(j, "weight_path", &m->weight_path);
    json_str(j, "quantization_encoding", encoding_name((enum encoding)m->encoding));
    flag_write(j, "trust_remote_code", m->trust_remote_code);
    flag_write(j, "use_subgraphs", m->use_subgraphs);
    flag_write(j, "allow_safetensors_weights_fp32_bf6_bidirectional_cast", m->allow_cast);
    json_str(j, "rope_type", rope_type_name((enum rope_type)m->rope_type));
    int_write(j, "sliding_window", m->sliding_window);
    int_write(j, "data_parallel_degree", m->data_parallel_degree);
    int_write(j, "max_length", m->max_length);
    flag_write(j, "enable_echo", m->enable_echo);
    flag_write(j, "pool_embeddings", m->pool_embeddings);
    json_str(j, "chat_template", m->chat_template);
    value_write(j, "vision_config_overrides", m->vision_config_overrides);
    value_write(j, "device_specs", m->device_specs);
}

static void kv_write(struct json *j, const struct kv_fields *kv)
{
    json_key(j, "kv_cache"), json_open(j, '{');
    json_str(j, "cache_strategy", kv_strategy_name((enum kv_strategy)kv->cache_strategy));
    int_write(j, "kv_cache_page_size", kv->page_size);
    flag_write(j, "enable_prefix_caching", kv->enable_prefix_caching);
    flag_write(j, "enable_kvcache_swapping_to_host", kv->enable_swapping_to_host);
    real_write(j, "host_kvcache_swap_space_gb", kv->swap_space_gb);
    real_write(j, "device_memory_utilization", kv->device_memory_utilization);
    json_str(j, "kv_connector", kv_connector_name(kv->connector));
    value_write(j, "kv_connector_config", kv->connector_config);
    json_str(j, "kv_cache_format", kv_format_name(kv->format));
    json_str(j, "kv_cache_hash_algo", kv_hash_name(kv->hash_algo));
    json_str(j, "kv_cache_hash_seed", kv->hash_seed);
    flag_write(j, "allow_kv_head_replication", kv->allow_head_replication);
    json_close(j, '}');
}

/* The whole section means nothing while it is switched off. */
static void lora_write(struct json *j, const struct lora_fields *lora)
{
    bool on = is_yes(lora->enable_lora);

    json_key(j, "lora"), json_open(j, '{');
    json_bool(j, "enable_lora", on);
    if (on) {
        strv_write(j, "lora_paths", &lora->lora_paths);
        int_write(j, "max_lora_rank", lora->max_lora_rank);
        int_write(j, "max_num_loras", lora->max_num_loras);
    }
    json_close(j, '}');
}

static void speculative_write(struct json *j, const struct resolution *r)
{
    const struct speculative_fields *s = &r->req->spec;

    json_key(j, "speculative"), json_open(j, '{');
    json_str(j, "speculative_method", spec_method_name(s->method));
    if (s->method != SPEC_NONE || r->has_draft) {
        int_write(j, "num_speculative_tokens", s->num_speculative_tokens);
        json_str(j, "rejection_sampling_strategy", rejection_name(s->rejection));
        real_write(j, "synthetic_acceptance_rate", s->synthetic_acceptance_rate);
        flag_write(j, "use_relaxed_acceptance_for_thinking", s->use_relaxed_acceptance);
        int_write(j, "relaxed_topk", s->relaxed_topk);
        real_write(j, "relaxed_delta", s->relaxed_delta);
    }
    json_close(j, '}');
}

/* Only figures that were given: what a machine happens to have is not asked for. */
static void devices_write(struct json *j, const struct resolution *r)
{
    json_key(j, "devices"), json_open(j, '[');
    for (size_t i = 0; r->figures_given && i < r->n_devices; i++) {
        const struct device *d = &r->devices[i];

        json_item(j), json_open(j, '{');
        json_str(j, "type", d->type);
        json_int(j, "id", d->id);
        json_str(j, "api", device_api_name(d->api));
        if (d->memory_bytes > 0) {
            json_int(j, "memory_bytes", d->memory_bytes);
            json_int(j, "free_bytes", d->free_bytes);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void runtime_write(struct json *j, const struct pipeline_request *q)
{
    json_str(j, "pipeline_role", pipeline_role_name(q->role));
    int_write(j, "max_batch_size", q->max_batch_size);
    int_write(j, "max_ce_batch_size", q->max_ce_batch_size);
    int_write(j, "max_queue_size_tg", q->max_queue_size_tg);
    int_write(j, "min_batch_size_tg", q->min_batch_size_tg);
    int_write(j, "max_batch_input_tokens", q->max_batch_input_tokens);
    int_write(j, "max_batch_total_tokens", q->max_batch_total_tokens);
    int_write(j, "ep_size", q->ep_size);
    flag_write(j, "ep_use_allreduce", q->ep_use_allreduce);
    flag_write(j, "enable_chunked_prefill", q->enable_chunked_prefill);
    flag_write(j, "enable_in_flight_batching", q->enable_in_flight_batching);
    flag_write(j, "execute_empty_batches", q->execute_empty_batches);
    flag_write(j, "device_graph_capture", q->device_graph_capture);
    flag_write(j, "enable_overlap_scheduler", q->enable_overlap_scheduler);
    flag_write(j, "prefer_module_v3", q->prefer_module_v3);
    json_str(j, "reasoning_parser", q->reasoning_parser);
    json_str(j, "tool_parser", q->tool_parser);
    real_write(j, "kvcache_ce_watermark", q->kvcache_ce_watermark);
    int_write(j, "max_vision_cache_entries", q->max_vision_cache_entries);
    real_write(j, "vision_cache_utilization", q->vision_cache_utilization);
    flag_write(j, "force", q->force);
    flag_write(j, "enable_structured_output", q->enable_structured_output);
    flag_write(j, "enable_variable_logits", q->enable_variable_logits);
    flag_write(j, "enable_penalties", q->enable_penalties);
    flag_write(j, "enable_min_tokens", q->enable_min_tokens);
    json_str(j, "memory_formula", name_of(request_formulas, q->formula));
    json_str(j, "weights", q->weights == WEIGHTS_REMOTE ? "remote" : "required");
}

void effective_write(const struct resolution *r, bool without_engine, struct buf *out)
{
    const struct pipeline_request *q = r->req;
    struct json j = json_begin(out);

    json_open(&j, '{');
    model_write(&j, &r->main);
    json_str(&j, "task", task_name(r->task));
    json_str(&j, "override_architecture", q->override_architecture);
    value_write(&j, "custom_architectures",
                json_array_size(q->custom_architectures) ? q->custom_architectures : NULL);
    devices_write(&j, r);
    kv_write(&j, &q->kv);
    lora_write(&j, &q->lora);
    speculative_write(&j, r);
    if (r->has_draft) {
        json_key(&j, "draft_model"), json_open(&j, '{');
        model_write(&j, &r->draft);
        json_close(&j, '}');
    } else {
        json_nil(&j, "draft_model");
    }
    runtime_write(&j, q);
    if (!without_engine)
        json_str(&j, "engine", q->engine);
    json_close(&j, '}');
}
