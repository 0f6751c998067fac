/* KV cache settings, and whether it all fits. */
#include "resolve/memory.h"

#include "plan/bytes.h"
#include "resolve/names.h"

#include <stdio.h>

static void decide_page_size(struct resolution *r)
{
    struct opt_int *page = &r->req->kv.page_size;

    if (!strstr(r->main.arch->name, "Gemma3") || page->value >= 256)
        return;
    page->value = 256;
    decide_int(&r->decisions, "kv_cache.kv_cache_page_size", 256,
               "Gemma 3 needs pages of at least 256 tokens");
}

/* The request's strategy when the architecture lists it for the encoding, else its first. */
static void decide_strategy(struct resolution *r)
{
    const struct arch *a = r->main.arch;
    int asked = r->req->kv.cache_strategy;
    enum kv_strategy first = a->first_strategy[r->main.encoding];
    bool listed = asked && (a->kv_strategies[r->main.encoding] & 1u << asked);

    if (!a->kv_cache) {
        r->req->kv.cache_strategy = KV_NONE;
        return;
    }
    if (first == KV_NONE || first == KV_MODEL_DEFAULT)
        first = KV_PAGED; /* everything newer versions have */
    if (asked && asked != KV_MODEL_DEFAULT && (listed || asked == (int)first))
        return;
    if (asked && asked != KV_MODEL_DEFAULT)
        notice_add(&r->notices, "strategy-replaced",
                   "%s does not run %s with the %s strategy; %s was taken.", a->name,
                   encoding_name(r->main.encoding), kv_strategy_name((enum kv_strategy)asked),
                   kv_strategy_name(first));
    r->req->kv.cache_strategy = (int)first;
    decide_str(&r->decisions, "kv_cache.cache_strategy", kv_strategy_name(first), NULL, 0,
               "the first that %s lists for %s", a->name, encoding_name(r->main.encoding));
}

unsigned kv_dtype_bytes_of(const struct pipeline_request *req, enum encoding e)
{
    switch ((enum kv_format)req->kv.format) {
    case KV_FORMAT_FLOAT32:
        return 4;
    case KV_FORMAT_BFLOAT16:
        return 2;
    case KV_FORMAT_FLOAT8_E4M3FN:
        return 1;
    case KV_FORMAT_UNSET:
        break;
    }
    return encoding_facts(e)->kv_dtype_bytes;
}

static struct plan_model plan_model_of(const struct resolution *r, const struct side *s)
{
    return (struct plan_model){.config = s->model->config,
                               .encoding = s->encoding,
                               .weights_bytes = s->weights_bytes,
                               .kv_dtype_bytes = kv_dtype_bytes_of(r->req, s->encoding)};
}

static void fill_input(struct resolution *r)
{
    const struct pipeline_request *q = r->req;
    const struct arch *a = r->main.arch;
    struct plan_input *in = &r->input;

    *in = (struct plan_input){
        .formula = q->formula == FORMULA_SEED ? PLAN_SEED : PLAN_MAX,
        .devices = r->devices,
        .n_devices = r->n_devices,
        .main = plan_model_of(r, &r->main),
        .has_draft = r->has_draft,
        .kv_cache = a->kv_cache,
        .planner = a->memory_planner,
        .activation_reservation_bytes = a->activation_reservation_bytes,
        .always_signal_buffers = a->always_signal_buffers,
        .requires_total_cap = a->requires_max_batch_context_length,
        .dp = q->main.data_parallel_degree.value,
        .ep = q->ep_size.value,
        .ep_allreduce = is_yes(q->ep_use_allreduce),
        .replicate_heads = is_yes(q->kv.allow_head_replication),
        .graph_capture = is_yes(q->device_graph_capture),
        .chunked_prefill = is_yes(q->enable_chunked_prefill),
        .decode_only = q->role == ROLE_DECODE_ONLY,
        .host_connector = q->kv.connector == CONNECTOR_LOCAL ||
                          q->kv.connector == CONNECTOR_TIERED ||
                          q->kv.connector == CONNECTOR_RUST_TIERED,
        .host_swap_gib = q->kv.swap_space_gb.value,
        .utilization = q->kv.device_memory_utilization.value,
        .page_size = q->kv.page_size.value,
        .max_length = q->main.max_length.set ? q->main.max_length.value : 0,
        .max_batch_size = q->max_batch_size.set ? q->max_batch_size.value : 0,
        .length_given = r->length_given,
        .batch_given = q->max_batch_size.set,
        .max_batch_input_tokens = q->max_batch_input_tokens.value,
        .max_batch_total_tokens =
            q->max_batch_total_tokens.set ? q->max_batch_total_tokens.value : 0,
        .max_vision_entries = q->max_vision_cache_entries.value,
        .vision_cap = q->vision_cache_utilization.value,
    };
    if (r->has_draft)
        in->draft = plan_model_of(r, &r->draft);
    else if (q->spec.method == SPEC_MTP)
        in->mtp_layers = r->main.model->config->n_mtp_layers;
}

/* ---- what would fit */

static bool fits(const struct plan_input *in, struct plan *ret)
{
    AUTO_ERR struct err ignored = {0};

    return plan_make(in, ret, NULL, &ignored) && ret->fits;
}

static void would_fit_encodings(const struct resolution *r, struct json *j)
{
    const struct model_file **files =
        mem_new_array(r->main.weights->n_files + 1, const struct model_file *);

    json_key(j, "encodings"), json_open(j, '[');
    for (int e = 1; e < N_ENCODINGS; e++) {
        const enum weights_format formats[] = {FORMAT_SAFETENSORS, FORMAT_GGUF};
        struct plan_input in = r->input;
        struct plan p;

        if (e == (int)r->main.encoding || !arch_has_encoding(r->main.arch, (enum encoding)e))
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(formats); k++) {
            size_t n = files_for_encoding(&r->main, (enum encoding)e, formats[k], files);

            in.main.encoding = (enum encoding)e;
            in.main.kv_dtype_bytes = kv_dtype_bytes_of(r->req, (enum encoding)e);
            in.main.weights_bytes = 0;
            for (size_t i = 0; i < n; i++)
                in.main.weights_bytes = sat_add(in.main.weights_bytes, files[i]->size);
            if (n == 0 || !fits(&in, &p))
                continue;
            json_item(j), json_open(j, '{');
            json_str(j, "encoding", encoding_name((enum encoding)e));
            json_str(j, "weights_format", weights_format_name(formats[k]));
            json_int(j, "weights_bytes", in.main.weights_bytes);
            json_int(j, "total_bytes", p.total_bytes);
            json_close(j, '}');
        }
    }
    json_close(j, ']');
    free(files);
}

/* The same number of every type in the table, and more of the one there is. */
static void would_fit_devices(const struct resolution *r, struct json *j)
{
    struct device devices[MAX_DEVICES];
    struct plan_input in = r->input;
    size_t n_types, n_listed = 0;
    const struct device_type *types = device_types(&n_types);
    struct plan p;

    in.devices = devices;
    json_key(j, "devices"), json_open(j, '[');
    for (size_t n = r->n_devices; n <= 8 && n_listed < 8; n *= 2) {
        in.n_devices = n;
        if (n > 1 && !r->main.arch->multi_gpu_supported)
            break;
        for (size_t t = 0; t < n_types && n_listed < 8; t++) {
            if (!(types[t].encodings & UINT32_C(1) << r->main.encoding))
                continue;
            for (size_t i = 0; i < n; i++)
                devices[i] = device_of_type(&types[t], (int)i);
            if (!fits(&in, &p))
                continue;
            json_item(j), json_open(j, '{');
            json_str(j, "type", types[t].name);
            json_int(j, "count", (int64_t)n);
            json_int(j, "memory_bytes", types[t].memory_bytes);
            json_close(j, '}');
            n_listed++;
        }
    }
    json_close(j, ']');
}

static bool does_not_fit(struct resolution *r, struct err *err)
{
    AUTO_BUF struct buf breakdown = {0}, would = {0};
    struct json j = json_begin(&would);
    int64_t length = 0, batch = 0;
    char a[64] = "", b[64] = "";

    if (r->plan.max_length > 1)
        length = plan_search_length(&r->input, r->plan.max_length - 1);
    if (r->plan.max_batch_size > 1)
        batch = plan_search_batch(&r->input, r->plan.max_batch_size - 1);
    json_open(&j, '{');
    would_fit_encodings(r, &j);
    length > 0 ? json_int(&j, "max_length", length) : json_nil(&j, "max_length");
    batch > 0 ? json_int(&j, "max_batch_size", batch) : json_nil(&j, "max_batch_size");
    would_fit_devices(r, &j);
    json_close(&j, '}');
    memory_write(r, &breakdown);
    if (length > 0)
        snprintf(a, sizeof(a), " Try max_length %lld.", (long long)length);
    if (batch > 0)
        snprintf(b, sizeof(b), " Try max_batch_size %lld.", (long long)batch);
    err_set(err, ERR_DOES_NOT_FIT, "%s%s%s%s", r->plan.reason, a, b,
            length > 0 || batch > 0 ? "" : " Try a smaller encoding or model, or a larger device.");
    err_fact_json(err, "memory", breakdown.data);
    return err_fact_json(err, "would_fit", would.data);
}

/* ---- the plan */

static bool has_estimate(const struct resolution *r)
{
    return !is_manifest(&r->main) && r->main.arch->pipeline_model_is_class;
}

static void take_results(struct resolution *r)
{
    struct pipeline_request *q = r->req;
    const struct plan *p = &r->plan;

    if (!q->max_batch_size.set)
        decide_int(&r->decisions, "max_batch_size", p->max_batch_size, "%s",
                   on_cpu(r) && r->n_devices == 1 ? "the default on a CPU"
                   : r->main.arch->kv_cache       ? "the default with a KV cache"
                                                  : "the default without a KV cache");
    q->max_batch_size = (struct opt_int){true, p->max_batch_size};
    if (p->max_length > 0 && p->max_length != q->main.max_length.value)
        decide_int(&r->decisions, "max_length", p->max_length, "%s",
                   p->length_truncated ? "a longer default does not fit"
                                       : "the KV cache holds no more");
    if (p->max_length > 0)
        q->main.max_length = (struct opt_int){true, p->max_length};
    if (p->max_batch_total_tokens > 0)
        q->max_batch_total_tokens = (struct opt_int){true, p->max_batch_total_tokens};
}

static void clamp_to_draft(struct resolution *r)
{
    struct opt_int *target = &r->req->main.max_length, *draft = &r->req->draft.max_length;

    if (!r->has_draft || !draft->set || !target->set || target->value <= draft->value)
        return;
    target->value = draft->value;
    decide_int(&r->decisions, "max_length", draft->value, "the draft model goes no further");
}

bool decide_memory(struct resolution *r, struct err *err)
{
    decide_page_size(r);
    decide_strategy(r);
    clamp_to_draft(r);
    if (!has_estimate(r)) {
        if (!r->req->max_batch_size.set)
            r->req->max_batch_size = (struct opt_int){true, 1};
        notice_add(&r->notices, "memory-not-planned",
                   "Memory of %s is not planned: it is no language model with known figures.",
                   r->main.arch->name);
        return true;
    }
    fill_input(r);
    if (!plan_make(&r->input, &r->plan, &r->notices, err))
        return false;
    r->has_plan = true;
    if (r->plan.estimated && !r->plan.fits)
        return does_not_fit(r, err);
    take_results(r);
    return true;
}

/* ---- documents */

static void per_device_write(const struct resolution *r, struct json *j)
{
    json_key(j, "per_device"), json_open(j, '[');
    for (size_t i = 0; i < r->n_devices; i++) {
        const struct device *d = &r->devices[i];
        struct plan_share s = plan_share_of(&r->input, &r->plan, i);

        json_item(j), json_open(j, '{');
        json_str(j, "device", d->type);
        json_str(j, "kind", device_kind_name(d->kind));
        json_int(j, "id", d->id);
        json_str(j, "api", device_api_name(d->api));
        json_int(j, "memory_bytes", d->memory_bytes);
        json_int(j, "free_bytes", d->free_bytes);
        json_int(j, "weights_bytes", s.weights_bytes);
        json_int(j, "activation_bytes", s.activation_bytes);
        json_int(j, "kv_cache_bytes", s.kv_cache_bytes);
        json_int(j, "signal_buffer_bytes", s.signal_buffer_bytes);
        json_int(j, "vision_cache_bytes", s.vision_cache_bytes);
        json_int(j, "total_bytes", s.total_bytes);
        json_bool(j, "fits", s.fits);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void text_write(struct json *j, const char *key, int64_t bytes)
{
    char text[BYTES_TEXT];

    json_str(j, key, bytes_text(bytes, text));
}

void memory_write(const struct resolution *r, struct buf *out)
{
    const struct plan *p = &r->plan;
    struct json j = json_begin(out);

    if (!r->has_plan) {
        json_write_null(out);
        return;
    }
    json_open(&j, '{');
    json_int(&j, "weights_bytes", p->weights_bytes);
    json_int(&j, "activation_bytes", p->activation_bytes);
    json_int(&j, "kv_cache_bytes", p->kv_cache_bytes);
    json_int(&j, "signal_buffer_bytes", p->signal_buffer_bytes);
    json_int(&j, "vision_cache_bytes", p->vision_cache_bytes);
    json_int(&j, "total_bytes", p->total_bytes);
    json_int(&j, "free_bytes", p->free_bytes);
    text_write(&j, "total", p->total_bytes);
    text_write(&j, "free", p->free_bytes);
    per_device_write(r, &j);
    if (p->estimated)
        json_bool(&j, "fits", p->fits);
    else
        json_nil(&j, "fits");
    json_str(&j, "formula", request_formulas[r->req->formula - 1]);
    json_str(&j, "planner", p->planner);
    json_number(&j, "utilization", r->input.utilization);
    if (p->has_estimate) {
        json_key(&j, "estimate"), json_open(&j, '{');
        json_int(&j, "kv_cache_bytes", p->estimated_kv_bytes);
        json_int(&j, "bytes_per_token", p->estimated_bytes_per_token);
        json_int(&j, "state_bytes_per_sequence", p->layers.state_bytes_per_sequence);
        json_int(&j, "full_layers", p->layers.n_full);
        json_int(&j, "sliding_layers", p->layers.n_sliding);
        json_int(&j, "state_layers", p->layers.n_state);
        json_int(&j, "layers_without_cache", p->layers.n_none);
        json_int(&j, "sliding_window", p->layers.window);
        json_close(&j, '}');
    }
    json_close(&j, '}');
}

void kv_cache_write(const struct resolution *r, struct buf *out)
{
    const struct kv_fields *kv = &r->req->kv;
    const struct plan *p = &r->plan;
    struct json j = json_begin(out);

    if (!r->has_plan || !r->main.arch->kv_cache) {
        json_write_null(out);
        return;
    }
    json_open(&j, '{');
    json_str(&j, "strategy", kv_strategy_name((enum kv_strategy)kv->cache_strategy));
    json_int(&j, "page_size", kv->page_size.value);
    json_int(&j, "bytes_per_token", p->bytes_per_token);
    json_int(&j, "bytes_per_page", p->bytes_per_block);
    json_int(&j, "pages", p->n_blocks);
    json_int(&j, "host_pages", p->host_blocks);
    json_int(&j, "capacity_tokens", p->capacity_tokens);
    json_int(&j, "budget_bytes", p->kv_cache_bytes);
    json_int(&j, "wanted_bytes", p->wanted_kv_bytes);
    json_str(&j, "dtype",
             kv->format ? request_kv_formats[kv->format - 1]
                        : encoding_facts(r->main.encoding)->kv_dtype);
    json_bool(&j, "prefix_caching", is_yes(kv->enable_prefix_caching));
    json_close(&j, '}');
}
