/*
 * Models over the API: what a repository or a local model is, as read by the
 * source, with what the registry knows of it.
 */
#include "api/args.h"
#include "base/hash.h"
#include "daemon/core.h"
#include "hub/model_render.h"
#include "resolve/resolve.h"
#include "resolve/tokenizer.h"
#include "json/writer.h"

/* One question on its way: the source is asked, then the answer is rendered. */
struct question {
    struct core *core;
    struct call *call;
    struct source_op fetch;
    struct hub_op known; /* refresh: what was pinned before */
    char before[65];     /* … and its commit; "" nothing */
};

/* What the hot cache knows a model's answers by. */
static uint64_t model_tag(const char *model) { return hash_table_key(model, strlen(model)) | 1; }

static const struct args_model *args_of(const struct question *q) { return q->call->args; }

/* 200, kept by the loops until the model or the registry changes. A stale answer is not kept. */
static void answer(struct question *q, const struct model *m, struct buf *body)
{
    struct call *call = q->call;

    call->answer.cacheable = !m->stale;
    call->answer.tag = model_tag(m->ref.model);
    core_answer_buf(q->core, call, 200, body);
}

/* ---- the answers */

/* Which of the config's architectures the registry has, and for which task. */
static void render_known(const struct model *m, const struct registry *registry, struct json *j)
{
    const struct config *c = m->config;
    AUTO_ERR struct err err = {0};
    struct task_choice choice;
    bool has_task =
        c && registry_task(registry, c->architectures, c->n_architectures, &choice, &err);

    json_key(j, "known_architectures"), json_open(j, '[');
    for (size_t i = 0; c && i < c->n_architectures; i++) {
        AUTO_ERR struct err unknown = {0};
        const struct arch *a;

        if (!registry_find(registry, c->architectures[i], TASK_NONE, false, &a, NULL, &unknown))
            continue;
        json_item(j), json_write_str(j->out, a->name);
    }
    json_close(j, ']');
    json_str(j, "task", has_task ? task_name(choice.task) : NULL);
}

/* Where the handle of the tokenizer is, or will be once it is asked for. */
static void render_tokenizer_link(const struct model *m, const struct registry *registry,
                                  struct json *j)
{
    struct tokenizer_request req = {.model = (char *)m->ref.model,
                                    .revision = (char *)m->ref.revision,
                                    .subfolder =
                                        m->ref.subfolder[0] ? (char *)m->ref.subfolder : NULL,
                                    .trust_remote_code = m->ref.trust_remote_code ? YES : UNSET};
    AUTO_ERR struct err err = {0};
    struct tokenizer_handle *t;

    if (!tokenizer_handle_build(&req, m, registry, &t, &err)) {
        json_nil(j, "tokenizer");
        return;
    }
    AUTO_FREE char *href = str_printf("/v1/tokenizers/%s", t->id);
    json_key(j, "tokenizer"), json_open(j, '{');
    json_str(j, "id", t->id);
    json_str(j, "href", href);
    json_close(j, '}');
    tokenizer_handle_unref(t);
}

static void answer_summary(struct question *q, const struct model *m)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    model_render_summary(m, &j);
    render_known(m, q->core->registry, &j);
    json_close(&j, '}');
    answer(q, m, &b);
}

/* The document as the model has it (or as its GGUF metadata say it), with what it was read from. */
static void answer_config(struct question *q, const struct model *m)
{
    struct call *call = q->call;
    AUTO_ERR struct err err = {0};

    if (!m->config) {
        model_no_config(m, &err);
        core_answer_err(q->core, call, &err);
        return;
    }
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    model_render_origin(m, &j);
    json_key(&j, "config");
    buf_append(&b, m->config->body->bytes, m->config->body->size);
    json_close(&j, '}');
    answer(q, m, &b);
}

static void answer_tokenizer(struct question *q, const struct model *m)
{
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};
    struct json j = json_begin(&b);

    if (!m->tokenizer.kind[0]) {
        model_no_tokenizer(m, &err);
        core_answer_err(q->core, q->call, &err);
        return;
    }
    json_open(&j, '{');
    model_render_tokenizer(m, &j);
    render_tokenizer_link(m, q->core->registry, &j);
    json_close(&j, '}');
    answer(q, m, &b);
}

static void answer_about_architecture(struct question *q, const struct model *m)
{
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};
    const struct args_model *args = args_of(q);

    if (!answer_architecture(m, q->core->registry, args->task, args->prefer_module_v3, &b, &err))
        core_answer_err(q->core, q->call, &err);
    else
        answer(q, m, &b);
}

static void answer_about_task(struct question *q, const struct model *m)
{
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};

    if (!answer_task(m, q->core->registry, &b, &err))
        core_answer_err(q->core, q->call, &err);
    else
        answer(q, m, &b);
}

/* ---- refresh: what was pinned moves, and everything that was said of it is void */

struct refreshed {
    struct buf body;
    char model[MODEL_PATH_MAX + 1];
};

static void on_refreshed(struct change *c)
{
    struct refreshed *r = c->subject;

    loops_new_generation(c->core->loops);
    if (c->call)
        core_answer_buf(c->core, c->call, 200, &r->body);
    buf_release(&r->body);
    free(r);
}

static void on_not_refreshed(struct change *c, const struct err *err)
{
    struct refreshed *r = c->subject;

    (void)err;
    buf_release(&r->body);
    free(r);
}

static void answer_refresh(struct question *q, const struct model *m)
{
    struct refreshed *r = mem_new(struct refreshed);
    struct change *c = change_new(q->core, q->call, on_refreshed);
    struct json j = json_begin(&r->body);
    AUTO_BUF struct buf members = {0};
    struct json e = json_begin(&members);
    bool changed = !str_eq(q->before, m->commit);

    json_open(&j, '{');
    model_render_origin(m, &j);
    json_str(&j, "previous_commit", q->before[0] ? q->before : NULL);
    json_bool(&j, "changed", changed);
    json_close(&j, '}');
    json_str(&e, "model", m->ref.model);
    json_str(&e, "requested", m->ref.revision);
    json_str(&e, "commit", m->commit);
    json_str(&e, "previous_commit", q->before[0] ? q->before : NULL);
    c->failed = on_not_refreshed;
    c->subject = r;
    change_event(c, EVENT_MODEL_REFRESHED, "", members.data);
    change_submit(c);
}

/* ---- the question */

static void (*const answers[N_OPS])(struct question *q, const struct model *m) = {
    [OP_MODEL] = answer_summary,
    [OP_MODEL_CONFIG] = answer_config,
    [OP_MODEL_TOKENIZER] = answer_tokenizer,
    [OP_MODEL_ARCHITECTURE] = answer_about_architecture,
    [OP_MODEL_TASK] = answer_about_task,
    [OP_MODEL_REFRESH] = answer_refresh,
};

static void on_model(struct source_op *fetch, struct model *model, const struct err *err)
{
    struct question *q = container_of(fetch, struct question, fetch);

    if (model)
        answers[q->call->op](q, model);
    else
        core_answer_err(q->core, q->call, err);
    q->core->n_jobs--;
    free(q);
}

/* Which questions the config alone answers: no tokenizer files and headers are read for them. */
static enum inspect_depth depth_of(enum op op)
{
    return op == OP_MODEL || op == OP_MODEL_TOKENIZER ? INSPECT_ALL : INSPECT_CONFIG;
}

/* What the pin was, from memory or cache.db; then it is asked for. */
static void on_known(struct hub_op *op, struct pin *pin, const char *data, size_t size,
                     const struct err *err)
{
    struct question *q = container_of(op, struct question, known);
    (void)data, (void)size;

    if (err->code == ERR_CANCELED) {
        on_model(&q->fetch, NULL, err);
        return;
    }
    if (pin)
        memcpy(q->before, pin->commit, sizeof(q->before));
    source_start(q->core->source, &q->fetch);
}

static void refresh(struct question *q)
{
    const struct model_ref *ref = &q->fetch.ref;

    if (ref->source == MODEL_LOCAL) {
        (void)source_commit(q->core->source, ref, q->core->token, q->before);
        source_start(q->core->source, &q->fetch);
        return;
    }
    q->known = (struct hub_op){.kind = HUB_OP_PIN,
                               .token = q->core->token,
                               .repo = ref->model,
                               .revision = ref->revision,
                               .offline = true,
                               .done = on_known};
    hub_start(q->core->hub, &q->known);
}

void op_model(struct core *core, struct call *call)
{
    const struct args_model *args = call->args;
    struct question *q = mem_new(struct question);

    q->core = core;
    q->call = call;
    q->fetch = (struct source_op){.ref = args->ref,
                                  .token = core->token,
                                  .depth = depth_of(call->op),
                                  .refresh = call->op == OP_MODEL_REFRESH,
                                  .done = on_model};
    core->n_jobs++;
    if (q->fetch.refresh)
        refresh(q);
    else
        source_start(core->source, &q->fetch);
}

/* ---- forgetting */

void caches_drop(struct core *core, const char *model, struct caches_drop *d)
{
    hub_forget(core->hub, model);
    d->n_models = source_forget(core->source, model);
    d->forget.model = model;
    hubcache_forget(core->hubcache, &d->forget);
}

struct eviction {
    struct core *core;
    struct call *call;
    struct caches_drop drop;
    struct cache_removed removed;
};

static void on_evicted(struct change *c)
{
    const struct eviction *e = c->subject;
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    json_str(&j, "model", e->drop.forget.model);
    json_int(&j, "evicted", (int64_t)e->drop.n_models);
    json_int(&j, "pins", e->removed.n_pins);
    json_int(&j, "files", e->removed.n_files);
    json_int(&j, "freed_bytes", e->removed.bytes);
    json_close(&j, '}');
    loops_new_generation(c->core->loops);
    core_answer_buf(c->core, c->call, 200, &b);
}

static void on_forgotten(struct hubcache_forget *f, const struct cache_removed *removed,
                         const struct err *err)
{
    struct eviction *e = container_of(f, struct eviction, drop.forget);
    AUTO_BUF struct buf members = {0};
    struct json j = json_begin(&members);
    struct change *c;

    if (err->code) {
        loops_new_generation(e->core->loops);
        core_answer_err(e->core, e->call, err);
        free(e);
        return;
    }
    e->removed = *removed;
    c = change_new(e->core, e->call, on_evicted);
    c->subject = change_own(c, e);
    json_str(&j, "model", f->model);
    change_event(c, EVENT_MODEL_EVICTED, "", members.data);
    change_submit(c);
}

void op_model_delete(struct core *core, struct call *call)
{
    const struct args_model *args = call->args;
    struct eviction *e = mem_new(struct eviction);

    e->core = core;
    e->call = call;
    e->drop.forget.done = on_forgotten;
    caches_drop(core, args->ref.model, &e->drop);
}
