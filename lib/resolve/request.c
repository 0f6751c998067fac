#include "resolve/request.h"

#include "base/nearest.h"
#include "resolve/names.h"

#include <stdio.h>

const char *pipeline_role_name(int r) { return name_of(request_roles, r); }
const char *kv_connector_name(int c) { return name_of(request_connectors, c); }
const char *kv_format_name(int f) { return name_of(request_kv_formats, f); }
const char *kv_hash_name(int h) { return name_of(request_hashes, h); }
const char *spec_method_name(int m) { return name_of(request_methods, m); }
const char *rejection_name(int r) { return name_of(request_rejections, r); }

void request_release(struct pipeline_request *req)
{
    bind_release(&pipeline_request_table, req);
    memset(req, 0, sizeof(*req));
}

static bool twice(struct err *err, const char *field, const char *alias, const char *prefix)
{
    err_set(err, ERR_COMBINATION,
            "%s%s and %s%s are two names of one field and were given different values; give one.",
            prefix, field, prefix, alias);
    return err_fact_str(err, "field", field);
}

/* Moves the alias to where the value counts. */
static bool merge_str(char **value, char **alias, const char *field, const char *name,
                      const char *prefix, struct err *err)
{
    if (*value && *alias && !str_eq(*value, *alias))
        return twice(err, field, name, prefix);
    if (!*value)
        *value = take(alias);
    free(take(alias));
    return true;
}

static bool merge_flag(enum tristate *value, enum tristate *alias, const char *field,
                       const char *name, const char *prefix, struct err *err)
{
    if (*value && *alias && *value != *alias)
        return twice(err, field, name, prefix);
    if (!*value)
        *value = *alias;
    *alias = UNSET;
    return true;
}

static bool field_fault(struct err *err, const char *pointer, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static bool field_fault(struct err *err, const char *pointer, const char *fmt, ...)
{
    AUTO_BUF struct buf text = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    err_set(err, ERR_FIELD, "%s: %s", pointer, text.data);
    return err_fact_str(err, "pointer", pointer);
}

static bool check_model(struct model_fields *m, const char *prefix, struct err *err)
{
    if (!merge_str(&m->model_path, &m->model, "model_path", "model", prefix, err) ||
        !merge_str(&m->model_revision, &m->revision, "huggingface_model_revision", "revision",
                   prefix, err) ||
        !merge_flag(&m->allow_cast, &m->allow_cast_bf16,
                    "allow_safetensors_weights_fp32_bf6_bidirectional_cast",
                    "allow_safetensors_weights_fp32_bf16_bidirectional_cast", prefix, err))
        return false;
    if (m->allow_cast == YES && !m->encoding) {
        err_set(err, ERR_COMBINATION,
                "%sallow_safetensors_weights_fp32_bf6_bidirectional_cast needs "
                "quantization_encoding: say float32 or bfloat16.",
                prefix);
        return err_fact_str(err, "field", "quantization_encoding");
    }
    if (m->vision_config_overrides && !json_is_object(m->vision_config_overrides))
        return field_fault(err, "/vision_config_overrides", "an object is needed.");
    for (size_t i = 0; i < m->weight_path.n; i++)
        if (m->weight_path.items[i][0] == '\0')
            return field_fault(err, "/weight_path", "a path is empty.");
    return true;
}

/* ---- component.field=value */

static const struct field *field_named(const struct field_table *table, const char *name, size_t n)
{
    for (size_t i = 0; i < table->n; i++)
        if (strlen(table->fields[i].name) == n && strncmp(table->fields[i].name, name, n) == 0)
            return &table->fields[i];
    return NULL;
}

static size_t slot_size(const struct field *f)
{
    switch (f->kind) {
    case FIELD_STR:
        return sizeof(char *);
    case FIELD_BOOL:
        return sizeof(enum tristate);
    case FIELD_INT:
        return sizeof(struct opt_int);
    case FIELD_REAL:
        return sizeof(struct opt_real);
    case FIELD_ENUM:
        return sizeof(int);
    case FIELD_STRV:
        return sizeof(struct strv);
    case FIELD_JSON:
        return sizeof(json_t *);
    default:
        return 0; /* no such field in a model */
    }
}

/* Binds {field: value} alone and exchanges the slot with the model's. */
static bool override_field(struct model_fields *m, const struct field *f, const char *text,
                           struct err *err)
{
    struct field_table one = {draft_model_table.name, f, 1};
    struct model_fields scratch = {0};
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *doc = json_object();
    bool ok;

    if (!value)
        value = json_string(text);
    if (!value || json_object_set_new(doc, f->name, value) < 0) {
        json_decref(doc);
        return field_fault(err, "/model_override", "the value of %s is not UTF-8.", f->name);
    }
    ok = bind_object(&one, doc, "/model_override", &scratch, err);
    json_decref(doc);
    if (!ok)
        return false;
    for (size_t i = 0; i < slot_size(f); i++) {
        char *a = (char *)m + f->offset + i, *b = (char *)&scratch + f->offset + i, c = *a;

        *a = *b;
        *b = c;
    }
    bind_release(&one, &scratch);
    return true;
}

static bool apply_override(struct pipeline_request *req, const char *text, struct err *err)
{
    const char *dot = strchr(text, '.'), *equals = dot ? strchr(dot, '=') : NULL;
    const char *names[64], *near[NEAREST_MAX];
    const struct field *f;
    struct model_fields *m;

    if (!dot || !equals || dot == text || equals == dot + 1)
        return field_fault(err, "/model_override",
                           "'%.80s' is not component.field=value, as in main.max_length=4096.",
                           text);
    if (strncmp(text, "main.", 5) == 0)
        m = &req->main;
    else if (strncmp(text, "draft.", 6) == 0)
        m = &req->draft;
    else
        return field_fault(err, "/model_override", "'%.*s' is no component; there are main, draft.",
                           (int)(dot - text > 40 ? 40 : dot - text), text);
    f = field_named(&draft_model_table, dot + 1, (size_t)(equals - dot - 1));
    if (f)
        return override_field(m, f, equals + 1, err);
    for (size_t i = 0; i < draft_model_table.n; i++)
        names[i] = draft_model_table.fields[i].name;
    field_fault(err, "/model_override", "a model has no field '%.*s'.",
                (int)(equals - dot - 1 > 80 ? 80 : equals - dot - 1), dot + 1);
    AUTO_FREE char *wanted = str_dup_n(dot + 1, (size_t)(equals - dot - 1));
    err_fact_strv(err, "nearest", near, nearest(wanted, names, draft_model_table.n, near));
    return err_fact_strv(err, "allowed", names, draft_model_table.n);
}

static bool apply_overrides(struct pipeline_request *req, struct err *err)
{
    for (size_t i = 0; i < req->model_override.n; i++)
        if (!apply_override(req, req->model_override.items[i], err))
            return false;
    for (size_t i = 0; i < req->model_override.n; i++)
        free(req->model_override.items[i]);
    free(req->model_override.items);
    req->model_override = (struct strv){0};
    return true;
}

/* ---- the whole */

static bool parse_task(const char *text, enum task otherwise, int *ret, struct err *err)
{
    const char *near[NEAREST_MAX];
    enum { N_NAMES = N_TASKS - 1 };

    *ret = otherwise;
    if (!text)
        return true;
    *ret = TASK_NONE;
    if (str_eq(text, "undefined"))
        return true;
    *ret = task_parse(text);
    if (*ret != TASK_NONE)
        return true;
    err_set(err, ERR_TASK_UNKNOWN, "There is no task '%.64s'.", text);
    err_fact_str(err, "pointer", "/task");
    err_fact_str(err, "value", text);
    err_fact_strv(err, "nearest", near, nearest(text, task_names, N_NAMES, near));
    return err_fact_strv(err, "available", task_names, N_NAMES);
}

static bool check_kv(const struct pipeline_request *req, struct err *err)
{
    const struct kv_fields *kv = &req->kv;
    bool on_host = kv->connector == CONNECTOR_LOCAL || kv->connector == CONNECTOR_TIERED ||
                   kv->connector == CONNECTOR_RUST_TIERED;

    if (kv->page_size.set && kv->page_size.value % 128)
        return field_fault(
            err, "/kv_cache/kv_cache_page_size", "%lld is no multiple of 128; the next is %lld.",
            (long long)kv->page_size.value, (long long)(kv->page_size.value / 128 + 1) * 128);
    if (kv->hash_seed && strspn(kv->hash_seed, "0123456789abcdefABCDEF") != 64)
        return field_fault(err, "/kv_cache/kv_cache_hash_seed", "64 hex digits are needed.");
    if (kv->connector_config && !json_is_object(kv->connector_config))
        return field_fault(err, "/kv_cache/kv_connector_config", "an object is needed.");
    if (on_host && kv->enable_prefix_caching == NO) {
        err_set(err, ERR_COMBINATION,
                "kv_connector %s keeps prefixes, so it needs enable_prefix_caching.",
                kv_connector_name(kv->connector));
        return err_fact_str(err, "field", "kv_cache.enable_prefix_caching");
    }
    if (on_host && kv->swap_space_gb.set && kv->swap_space_gb.value <= 0)
        return field_fault(err, "/kv_cache/host_kvcache_swap_space_gb",
                           "kv_connector %s needs host memory.", kv_connector_name(kv->connector));
    return true;
}

static bool check_draft(const struct pipeline_request *req, struct err *err)
{
    static const struct model_fields none; /* zero, padding too, as an empty draft is */

    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
    if (!req->draft.model_path && memcmp(&req->draft, &none, sizeof(none)) != 0)
        return field_fault(err, "/draft_model/model_path", "a draft model needs one.");
    return true;
}

bool request_check(struct pipeline_request *req, struct err *err)
{
    struct model_ref ref;

    if (!apply_overrides(req, err) || !check_model(&req->main, "", err) ||
        !check_model(&req->draft, "draft_model.", err) ||
        !merge_flag(&req->enable_penalties, &req->do_penalties, "enable_penalties", "do_penalties",
                    "", err))
        return false;
    if (req->prefill_chunk_size.set) {
        if (req->max_batch_input_tokens.set &&
            req->max_batch_input_tokens.value != req->prefill_chunk_size.value)
            return twice(err, "max_batch_input_tokens", "prefill_chunk_size", "");
        req->max_batch_input_tokens = req->prefill_chunk_size;
        req->prefill_chunk_size = (struct opt_int){0};
    }
    if (!parse_task(req->task_text, TASK_TEXT_GENERATION, &req->task, err) || !check_kv(req, err) ||
        !check_draft(req, err))
        return false;
    if (req->custom_architectures && !json_is_array(req->custom_architectures))
        return field_fault(err, "/custom_architectures",
                           "a list of architecture documents is needed.");
    return request_model_ref(req, &req->main, &ref, err) &&
           (!req->draft.model_path || request_model_ref(req, &req->draft, &ref, err));
}

bool request_model_ref(const struct pipeline_request *req, const struct model_fields *m,
                       struct model_ref *ret, struct err *err)
{
    if (!m->model_path || m->model_path[0] == '\0')
        return field_fault(err, "/model_path", "a model is needed: org/name, or a local path.");
    if (!model_ref_parse(ret, m->model_path, m->model_revision, m->subfolder, err))
        return false;
    ret->trust_remote_code =
        (m->trust_remote_code ? m->trust_remote_code : req->main.trust_remote_code) == YES;
    ret->offline = req->offline == YES;
    return true;
}

bool tokenizer_request_check(struct tokenizer_request *req, struct err *err)
{
    struct model_ref ref;

    return merge_str(&req->model, &req->model_path, "model", "model_path", "", err) &&
           parse_task(req->task_text, TASK_NONE, &req->task, err) &&
           tokenizer_request_model_ref(req, &ref, err);
}

void tokenizer_request_release(struct tokenizer_request *req)
{
    bind_release(&tokenizer_request_table, req);
    memset(req, 0, sizeof(*req));
}

bool tokenizer_request_model_ref(const struct tokenizer_request *req, struct model_ref *ret,
                                 struct err *err)
{
    if (!req->model || req->model[0] == '\0')
        return field_fault(err, "/model", "a model is needed: org/name, or a local path.");
    if (!model_ref_parse(ret, req->model, req->revision, req->subfolder, err))
        return false;
    ret->trust_remote_code = req->trust_remote_code == YES;
    ret->offline = req->offline == YES;
    return true;
}
