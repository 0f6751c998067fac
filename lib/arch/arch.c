#include "arch/arch.h"

#include "arch/document.h"
#include "arch/required.h"
#include "base/clock.h"
#include "base/hash.h"
#include "json/writer.h"

#include <ctype.h>

static const char *const source_names[] = {"builtin", "catalog", "api", NULL};

const char *arch_source_name(enum arch_source s) { return source_names[s]; }

bool arch_has_encoding(const struct arch *a, enum encoding e)
{
    return e != ENCODING_NONE && (a->encodings & (1u << e)) != 0;
}

static void free_object(struct arch_object *o)
{
    bind_release(&arch_document_table, &o->document);
    free((void *)o->arch.required);
    blob_unref(o->arch.body);
    free(o);
}

struct arch *arch_ref(const struct arch *a)
{
    struct arch_object *o = container_of((struct arch *)a, struct arch_object, arch);

    atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
    return &o->arch;
}

void arch_unref(struct arch *a)
{
    if (!a)
        return;
    struct arch_object *o = container_of(a, struct arch_object, arch);

    if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1)
        free_object(o);
}

/* Python names classes with a capital and functions without: "pkg.mod.make_tokenizer". */
static bool names_a_class(const char *symbol)
{
    const char *dot = strrchr(symbol, '.');

    return isupper((unsigned char)(dot ? dot[1] : symbol[0]));
}

static bool yes_or(enum tristate t, bool absent) { return t == UNSET ? absent : t == YES; }

/* What is not said, as MAX has it. */
static void fill_defaults(struct document *d, json_t *doc)
{
    bool variant = d->name && str_ends(d->name, "_ModuleV3");
    bool composed = d->task == TASK_PIXEL_GENERATION || d->task == TASK_AUDIO_GENERATION;

    if (!d->role)
        d->role = variant ? 2 : 1;
    if (!d->pipeline_model_kind)
        d->pipeline_model_kind = composed ? KIND_EXECUTOR : KIND_PIPELINE_MODEL;
    if (!d->max_length_policy)
        d->max_length_policy = MAX_LENGTH_BOUNDED + 1;
    /* null is kept: newer versions of MAX have no rope type at all */
    if (!d->rope_type && !json_object_get(doc, "rope_type"))
        d->rope_type = ROPE_NONE;
}

static void fill_names(struct arch *a, const struct document *d)
{
    a->name = d->name;
    a->task = (enum task)d->task;
    a->role = role_names[d->role - 1];
    a->default_encoding = (enum encoding)d->default_encoding;
    a->default_weights_format = (enum weights_format)d->default_weights_format;
    a->rope_type = (enum rope_type)d->rope_type;
    a->example_repo_ids = (const char *const *)d->example_repo_ids.items;
    a->n_example_repo_ids = d->example_repo_ids.n;
    a->context_validators = (const char *const *)d->context_validators.items;
    a->n_context_validators = d->context_validators.n;
    a->pipeline_model = d->pipeline_model;
    a->pipeline_model_is_class = d->pipeline_model_kind == KIND_PIPELINE_MODEL;
    a->pipeline_cls = d->pipeline_cls;
    a->tokenizer = d->tokenizer;
    a->tokenizer_cls = d->tokenizer && names_a_class(d->tokenizer) ? d->tokenizer : "TextTokenizer";
    a->context_type = d->context_type;
    a->config = d->config;
    a->batching = d->batching;
    a->tool_parser = d->tool_parser;
    a->reasoning_parser = d->reasoning_parser;
    a->memory_planner = d->memory_planner;
}

static void fill_numbers(struct arch *a, const struct document *d)
{
    a->max_length_policy = (enum max_length_policy)(d->max_length_policy - 1);
    a->max_length_constant = d->max_length_constant.value;
    a->activation_reservation_bytes = d->activation_reservation_bytes.value;
    a->always_signal_buffers = d->always_signal_buffers == YES;
    a->multi_gpu_supported = d->multi_gpu_supported == YES;
    a->supports_empty_batches = d->supports_empty_batches == YES;
    a->requires_max_batch_context_length = d->requires_max_batch_context_length == YES;
    a->supports_overlap_scheduler = yes_or(d->supports_overlap_scheduler, true);
    a->supports_device_graph_capture = yes_or(d->supports_device_graph_capture, true);
    a->supports_spec_decode_mixed_batches = d->supports_spec_decode_mixed_batches == YES;
    a->checkpoints_recurrent_state = d->checkpoints_recurrent_state == YES;
}

static void fill_kv_cache(struct arch *a, const struct document *d)
{
    bool any = false;

    for (int e = 1; e < N_ENCODINGS; e++)
        any |= a->first_strategy[e] != KV_NONE;
    a->kv_cache = yes_or(d->kv_cache, any);
}

static void write_warnings(struct json *j, const struct arch *a)
{
    json_key(j, "warnings"), json_open(j, '[');
    for (size_t i = 0; i < a->n_required; i++) {
        const char *name = a->required[i].name;

        if (str_eq(name, "trust_remote_code")) {
            json_item(j);
            json_write_str(j->out, "requires trust_remote_code; whether code of a model may run "
                                   "is the request's to say, so this is not applied by itself");
        } else if (!required_is_known(name)) {
            AUTO_FREE char *text =
                str_printf("requires %s, which no config has: without effect", name);
            json_item(j);
            json_write_str(j->out, text);
        }
    }
    json_close(j, ']');
}

static void render(struct arch_object *o)
{
    AUTO_BUF struct buf out = {0};
    char digest[SHA256_HEX], tag[SHA256_HEX], time[CLOCK_TEXT];
    struct arch *a = &o->arch;
    struct json j = {.out = &out, .need_comma = true};

    buf_reserve(&out, 2000); /* nearly all of them are smaller */
    buf_append_char(&out, '{');
    document_write(o, &out);
    a->members_size = out.size;
    buf_append_char(&out, '}');
    hash_sha256_hex(out.data, out.size, digest);
    memcpy(a->digest, digest, sizeof(a->digest) - 1);
    out.size--;
    json_str(&j, "tokenizer_cls", a->tokenizer_cls);
    json_str(&j, "digest", a->digest);
    write_warnings(&j, a);
    json_str(&j, "source", arch_source_name(a->source));
    json_int(&j, "revision", a->revision);
    json_str(&j, "created_at", a->created_at > 0 ? clock_text(a->created_at, time) : NULL);
    json_close(&j, '}');
    /* What is behind the members has their digest, so its hash stands for all. */
    hash_sha256_hex(out.data + a->members_size, out.size - a->members_size, tag);
    a->body = blob_tagged(out.data, out.size, tag);
}

void arch_write_doc(const struct arch *a, struct buf *out)
{
    buf_append(out, a->body->bytes, a->members_size);
    buf_append_char(out, '}');
}

static void drop(json_t **v) { json_decref(*v), *v = NULL; }

/* Trees that are in the text and in the sets now; a hundred records would keep megabytes. */
static void drop_trees(struct document *d)
{
    drop(&d->supported_encodings);
    drop(&d->weight_formats);
    drop(&d->input_modalities);
    drop(&d->denoising_cache_defaults);
    drop(&d->origin);
    drop(&d->seed_version);
    drop(&d->superseded);
}

struct arch *arch_build(json_t *doc, const char *pointer_prefix, enum arch_source source,
                        int64_t revision, int64_t created_at, struct faults *f)
{
    struct arch_object *o = mem_new(struct arch_object);
    size_t before = f->n;

    o->refs = 1;
    o->arch.source = source;
    o->arch.revision = revision;
    o->arch.created_at = created_at;
    bind_into(&arch_document_table, doc, pointer_prefix, &o->document, f);
    if (json_is_object(doc)) {
        fill_defaults(&o->document, doc);
        fill_names(&o->arch, &o->document);
        fill_numbers(&o->arch, &o->document);
        document_check(o, pointer_prefix, f);
    }
    if (f->n != before) {
        free_object(o);
        return NULL;
    }
    fill_kv_cache(&o->arch, &o->document);
    render(o);
    drop_trees(&o->document);
    return &o->arch;
}

bool arch_from_json(struct arch **ret, json_t *doc, const char *pointer_prefix,
                    enum arch_source source, int64_t revision, int64_t created_at, struct err *err)
{
    AUTO_FAULTS struct faults f = {0};
    struct arch *a = arch_build(doc, pointer_prefix, source, revision, created_at, &f);

    if (!a)
        return faults_none(&f, err);
    *ret = a;
    return true;
}
