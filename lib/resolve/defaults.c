/* MAX's defaults, and what an architecture insists on. */
#include "plan/bytes.h"
#include "resolve/resolution.h"

static void flag(enum tristate *t, bool otherwise)
{
    if (*t == UNSET)
        *t = otherwise ? YES : NO;
}

static void number(struct opt_int *o, int64_t otherwise)
{
    if (!o->set)
        *o = (struct opt_int){true, otherwise};
}

static void real(struct opt_real *o, double otherwise)
{
    if (!o->set)
        *o = (struct opt_real){true, otherwise};
}

static void model_defaults(struct model_fields *m)
{
    flag(&m->trust_remote_code, false);
    flag(&m->use_subgraphs, true);
    flag(&m->allow_cast, false);
    flag(&m->enable_echo, false);
    flag(&m->pool_embeddings, true);
    number(&m->data_parallel_degree, 1);
    if (!m->served_model_name)
        m->served_model_name = str_dup(m->model_path);
}

/* Only what does not depend on the model: the rest is decided stage by stage. */
void fill_defaults(struct resolution *r)
{
    struct pipeline_request *q = r->req;

    model_defaults(&q->main);
    if (r->has_draft) {
        if (q->draft.trust_remote_code == UNSET)
            q->draft.trust_remote_code = q->main.trust_remote_code;
        if (!q->draft.data_parallel_degree.set)
            q->draft.data_parallel_degree = q->main.data_parallel_degree;
        model_defaults(&q->draft);
    }
    if (q->role == ROLE_UNSET)
        q->role = ROLE_PREFILL_AND_DECODE;
    number(&q->kv.page_size, 128);
    flag(&q->kv.enable_prefix_caching, true);
    flag(&q->kv.enable_swapping_to_host, false);
    flag(&q->kv.allow_head_replication, false);
    real(&q->kv.swap_space_gb, 50);
    real(&q->kv.device_memory_utilization, 0.9);
    if (q->kv.connector == CONNECTOR_UNSET)
        q->kv.connector = CONNECTOR_NULL;
    if (q->kv.hash_algo == KV_HASH_UNSET)
        q->kv.hash_algo = KV_HASH_AHASH64;
    flag(&q->lora.enable_lora, false);
    number(&q->lora.max_lora_rank, 16);
    number(&q->lora.max_num_loras, 1);
    number(&q->max_ce_batch_size, 192);
    number(&q->max_batch_input_tokens, 8192);
    number(&q->ep_size, 1);
    number(&q->max_vision_cache_entries, 256);
    real(&q->kvcache_ce_watermark, 0.95);
    real(&q->vision_cache_utilization, 0.2);
    flag(&q->ep_use_allreduce, false);
    flag(&q->enable_chunked_prefill, true);
    flag(&q->enable_in_flight_batching, false);
    flag(&q->execute_empty_batches, false);
    flag(&q->prefer_module_v3, false);
    flag(&q->force, false);
    flag(&q->enable_structured_output, false);
    if (q->formula == FORMULA_UNSET)
        q->formula = FORMULA_MAX;
    if (q->max_num_steps.set && q->max_num_steps.value != 1)
        notice_add(&r->notices, "field-retired",
                   "max_num_steps is of an older version; steps are single now.");
    q->max_num_steps = (struct opt_int){true, 1};
}

/* ---- required arguments */

/* Names that are another field's, which alone counts after request_check(). */
static const char *settled_name(const char *name)
{
    static const char *const aliases[][2] = {
        {"do_penalties", "enable_penalties"},
        {"prefill_chunk_size", "max_batch_input_tokens"},
        {"allow_safetensors_weights_fp32_bf16_bidirectional_cast",
         "allow_safetensors_weights_fp32_bf6_bidirectional_cast"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (str_eq(aliases[i][0], name))
            return aliases[i][1];
    return name;
}

/* The receivers that have a field of the name are those the request's tables know. */
static const struct field *find_field(const struct field_table *table, const char *name,
                                      size_t base, size_t *ret_offset)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct field *f = &table->fields[i];
        const struct field *inner;

        if (str_eq(f->name, name) && f->kind != FIELD_OBJECT) {
            *ret_offset = base + f->offset;
            return f;
        }
        if (f->kind != FIELD_OBJECT || str_eq(f->name, "draft_model") || str_eq(f->name, "lease"))
            continue;
        inner = find_field(f->fields, name, base + f->offset, ret_offset);
        if (inner)
            return inner;
    }
    return NULL;
}

/* Writes the value; true when it was another one. */
static bool set_field(void *at, enum field_kind kind, double value)
{
    bool changed = false;

    if (kind == FIELD_BOOL) {
        enum tristate wanted = value != 0 ? YES : NO;

        changed = *(enum tristate *)at != wanted;
        *(enum tristate *)at = wanted;
    } else if (kind == FIELD_INT) {
        struct opt_int wanted = {true, int_of_real(value)}, *o = at;

        changed = !o->set || o->value != wanted.value;
        *o = wanted;
    } else if (kind == FIELD_REAL) {
        struct opt_real wanted = {true, value}, *o = at;

        changed = !o->set || o->value != value;
        *o = wanted;
    }
    return changed;
}

static void apply_one(struct resolution *r, const struct arch *arch,
                      const struct required_argument *a)
{
    size_t offset;
    const struct field *f = find_field(&pipeline_request_table, settled_name(a->name), 0, &offset);

    if (str_eq(a->name, "trust_remote_code")) {
        /* A record of the registry does not get to switch strangers' code on. */
        if (!is_yes(r->req->main.trust_remote_code))
            notice_add(&r->notices, "required-argument-not-applied",
                       "%s wants trust_remote_code; that is yours to give.", arch->name);
        return;
    }
    if (!f) {
        notice_add(&r->notices, "required-argument-unknown",
                   "%s insists on %s, which is no field of a request; it has no effect.",
                   arch->name, a->name);
        return;
    }
    if (!set_field((char *)r->req + offset, f->kind, a->value))
        return;
    if (a->kind == REQUIRED_BOOL) {
        notice_add(&r->notices, "required-argument", "%s insists on %s = %s; it was replaced.",
                   arch->name, a->name, a->value != 0 ? "true" : "false");
        decide_bool(&r->decisions, a->name, a->value != 0, "%s insists on it", arch->name);
    } else {
        notice_add(&r->notices, "required-argument", "%s insists on %s = %g; it was replaced.",
                   arch->name, a->name, a->value);
        decide_int(&r->decisions, a->name, int_of_real(a->value), "%s insists on it", arch->name);
    }
}

/* The draft's first, so that the target wins where they differ. */
void apply_required(struct resolution *r)
{
    if (is_yes(r->req->force))
        return;
    for (size_t i = 0; r->has_draft && r->draft.arch && i < r->draft.arch->n_required; i++)
        apply_one(r, r->draft.arch, &r->draft.arch->required[i]);
    for (size_t i = 0; i < r->main.arch->n_required; i++)
        apply_one(r, r->main.arch, &r->main.arch->required[i]);
}
