/*
 * Making pipelines and factories: one job per request.
 *
 *     resolve ──NEED_MODEL──► source ──┐
 *        ▲─────────────────────────────┘
 *        └─DONE──► dry run ─────────────────────────────► answer
 *                  known id ────────────────────────────► answer
 *                  new ──► weights here? ──► change ────► answer
 *
 * Read job_tick() and you have read the request. Jobs for the
 * same model share one walk over it (daemon/source.h); the resolving itself
 * takes microseconds, so the jobs themselves need not be shared.
 */
#include "api/args.h"
#include "base/clock.h"
#include "base/hash.h"
#include "daemon/core.h"
#include "daemon/template_file.h"
#include "daemon/weights.h"
#include "pipeline/pipeline.h"
#include "resolve/resolve.h"
#include "json/writer.h"

#include <stdio.h>

struct job {
    struct core *core;
    struct call *call; /* NULL: answered already */
    enum store_handle_kind kind;

    /* ---- what the request says beyond resolving */
    bool dry_run, weights_may_be_remote, wants_lease;
    int64_t lease_ttl_s;
    char lease_holder[LEASE_HOLDER_MAX];
    char provisional[41]; /* "" : answered when done */

    /* ---- under way */
    struct resolve *resolve;
    struct source_op fetch;
    struct pipeline *pipeline; /* the outcome */
    struct weights_check weights;
    struct weights_file *files;
    const char *state;
    struct lease *lease;
    bool makes_tokenizer;

    /* ---- while it makes an id nobody has yet: others that want the same wait here */
    struct map_node making; /* in core->making, when making.key is set */
    struct job *followers, *next_follower;
};

static void job_free(struct job *job)
{
    resolve_free(job->resolve);
    pipeline_unref(job->pipeline);
    free(job->files);
    job->core->n_jobs--;
    free(job);
}

static void job_progress(struct job *job, const char *state, const char *detail)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    if (!job->call || !job->call->stream)
        return;
    json_open(&j, '{');
    json_str(&j, "state", state);
    json_str(&j, "detail", detail);
    json_close(&j, '}');
    AUTO_BLOB struct blob *line = blob_new(b.data, b.size);
    loops_progress(job->core->loops, job->call, line);
}

static void job_fail(struct job *job, const struct err *err)
{
    struct provisional *p = provisional_find(&job->core->provisionals, job->provisional);

    if (p)
        err_copy(&p->err, err);
    if (job->call)
        core_answer_err(job->core, take(&job->call), err);
    job_free(job);
}

/* ---- the outcome as a row */

/* What only the daemon needs of a handle later: to build a factory, to check weights again. */
static char *detail_text(const struct pipeline *p, bool weights_may_be_remote)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    json_str(&j, "pipeline", p->id);
    json_str(&j, "weights_repo", p->weights_repo[0] ? p->weights_repo : p->model);
    json_str(&j, "weights_commit", p->weights_commit[0] ? p->weights_commit : p->commit);
    json_bool(&j, "weights_may_be_remote", weights_may_be_remote);
    json_key(&j, "files"), json_open(&j, '[');
    for (size_t i = 0; i < p->n_weight_files; i++) {
        json_item(&j), json_open(&j, '{');
        json_str(&j, "path", p->weight_files[i].path);
        json_int(&j, "size_bytes", p->weight_files[i].size);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    return buf_take(&b);
}

static const char *job_id(const struct job *job)
{
    return job->kind == STORE_FACTORY ? job->pipeline->factory_id : job->pipeline->id;
}

static void answer_made(struct core *core, struct call *call, struct handle *h,
                        const struct lease *lease, unsigned status)
{
    struct blob *body = handle_body(h);

    snprintf(call->answer.location, sizeof(call->answer.location), "%s/%s", handle_path(h->kind),
             h->id);
    if (!lease) {
        memcpy(call->answer.etag, body->etag, sizeof(call->answer.etag));
        /*
         * The next one to ask gets 200 and the same bytes: that is what may be
         * kept. Weights that are not here yet may arrive without our knowing.
         */
        call->answer.cacheable = status == 200 && !str_eq(h->state, "resolved");
        call->answer.tag = handle_tag(h->id);
        core_answer_blob(core, call, status, body);
        return;
    }
    /* The document, and the lease that came with it. */
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    char time[CLOCK_TEXT];

    buf_append(&b, body->bytes, body->size - 1);
    j.need_comma = true;
    json_key(&j, "lease"), json_open(&j, '{');
    json_str(&j, "id", lease->id);
    json_str(&j, "holder", lease->holder);
    json_int(&j, "ttl_s", lease->ttl_s);
    json_str(&j, "expires_at", clock_text(clock_wall_s() + lease->ttl_s, time));
    json_close(&j, '}');
    json_close(&j, '}');
    core_answer_buf(core, call, status, &b);
}

static void provisional_done(struct core *core, const char *provisional, const char *id)
{
    struct provisional *p = provisional_find(&core->provisionals, provisional);

    if (p)
        snprintf(p->pipeline, sizeof(p->pipeline), "%s", id);
}

static void job_finish(struct job *job);

/* The id is made, or cannot be: those who waited look again. */
static void job_release_followers(struct job *job)
{
    struct job *f = job->followers, *next;

    map_remove(&job->core->making, &job->making);
    job->followers = NULL;
    for (; f; f = next) {
        next = f->next_follower;
        f->next_follower = NULL;
        job_finish(f);
    }
}

static void on_made(struct change *c)
{
    struct job *job = c->subject;
    struct core *core = c->core;
    struct handle *h = handles_put(&core->handles, &c->ops[0].handle);

    for (size_t i = 1; i < c->n_ops; i++)
        if (c->ops[i].kind == STORE_HANDLE_PUT)
            handles_put(&core->handles, &c->ops[i].handle);

    if (job->makes_tokenizer)
        tokenizer_came(core, job->pipeline->tokenizer->id);
    loops_invalidate(core->loops, handle_tag(h->id));
    provisional_done(core, job->provisional, h->id);
    if (job->lease) {
        h->n_leases++; /* before it existed there was nothing to count on */
        lease_made(core, job->lease);
    }
    if (job->call)
        answer_made(core, take(&job->call), h, job->lease, 201);
    job_release_followers(job);
    handles_shrink(core);
    job_free(job);
}

static void on_not_made(struct change *c, const struct err *err)
{
    struct job *job = c->subject;

    if (job->makes_tokenizer)
        tokenizer_came(c->core, job->pipeline->tokenizer->id);
    if (job->lease) { /* no handle has counted it */
        c->core->n_leases_coming--;
        free(job->lease);
    }
    job_release_followers(job);
    job_fail(job, err);
}

/* A new handle: its row, its event, and the lease that was asked for with it. */
static void job_store(struct job *job)
{
    struct core *core = job->core;
    const struct pipeline *p = job->pipeline;
    bool is_factory = job->kind == STORE_FACTORY;
    const char *id = job_id(job);
    struct change *c = change_new(core, NULL, on_made);
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    int64_t now_s = clock_wall_s();

    c->failed = on_not_made;
    c->subject = job;
    change_op(c, &(struct store_op){
                     .kind = STORE_HANDLE_PUT,
                     .handle = {.id = id,
                                .kind = job->kind,
                                .state = is_factory ? "resolved" : job->state,
                                .arch = p->arch_name,
                                .task = task_name(p->task),
                                .model = p->model,
                                .commit = p->commit,
                                .effective = p->effective,
                                .members = p->members,
                                .detail = change_own(c, detail_text(p, job->weights_may_be_remote)),
                                .revision = change_next_revision(c),
                                .created_at = now_s,
                                .last_used = now_s,
                                .bytes = (int64_t)p->members_size}});
    json_str(&j, "id", id);
    json_str(&j, "model", p->model);
    json_str(&j, "commit", p->commit);
    json_str(&j, "architecture", p->arch_name);
    change_event(c, is_factory ? EVENT_FACTORY_CREATED : EVENT_PIPELINE_CREATED, id, b.data);
    if (job->lease)
        lease_put(c, job->lease, EVENT_LEASE_CREATED);
    /* Its tokenizer is a handle too, so that the link in the document leads somewhere. */
    job->makes_tokenizer = p->tokenizer && tokenizer_put(c, p->tokenizer);
    change_submit(c);
}

/* ---- a pipeline that is there already */

static void answer_known(struct core *core, struct call *call, struct handle *h)
{
    answer_made(core, call, h, NULL, 200);
}

static void on_state_or_lease(struct change *c)
{
    struct job *job = c->subject;
    struct core *core = c->core;
    struct handle *h = handles_find(&core->handles, job_id(job));

    if (job->lease)
        lease_made(core, job->lease);
    if (!h) { /* its deletion is on its way, and takes the lease with it: made anew */
        job->lease = NULL;
        job_finish(job);
        return;
    }
    snprintf(h->state, sizeof(h->state), "%s", job->state);
    handle_changed(core, h);
    if (job->call && job->lease && handle_has_texts(h))
        answer_made(core, take(&job->call), h, job->lease, 200);
    else if (job->call)
        handle_with_texts(core, take(&job->call), h, answer_known);
    job_free(job);
}

static void on_no_state_or_lease(struct change *c, const struct err *err)
{
    struct job *job = c->subject;

    if (job->lease)
        lease_undo(c->core, job->lease);
    job_fail(job, err);
}

/*
 * What can change of a known handle: weights that arrived make it ready, and
 * the lease that is asked for with it. Most often nothing, and nothing is written.
 */
static void job_known(struct job *job, struct handle *h)
{
    struct core *core = job->core;
    AUTO_ERR struct err err = {0};
    bool new_state = job->kind == STORE_PIPELINE && !str_eq(h->state, job->state);

    provisional_done(core, job->provisional, h->id);
    handle_used(core, h);
    if (job->wants_lease &&
        !lease_take(core, h->id, job->lease_ttl_s, job->lease_holder, &job->lease, &err)) {
        job_fail(job, &err);
        return;
    }
    if (!job->lease && !new_state) {
        if (job->call)
            handle_with_texts(core, take(&job->call), h, answer_known);
        job_free(job);
        return;
    }
    struct change *c = change_new(core, NULL, on_state_or_lease);
    c->failed = on_no_state_or_lease;
    c->subject = job;
    if (new_state)
        change_op(c, &(struct store_op){.kind = STORE_HANDLE_STATE,
                                        .handle = {.id = change_keep(c, h->id),
                                                   .state = job->state,
                                                   .revision = h->revision}});
    if (job->lease)
        lease_put(c, job->lease, EVENT_LEASE_CREATED);
    change_submit(c);
}

/* ---- resolved */

static void job_answer_dry(struct job *job)
{
    const struct pipeline *p = job->pipeline;
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    json_str(&j, "id", job_id(job));
    json_str(&j, "state", job->kind == STORE_FACTORY ? "resolved" : job->state);
    json_str(&j, "state_reason", handle_state_reason(job->kind, job->state));
    json_item(&j);
    buf_append(&b, p->members, p->members_size);
    if (job->kind == STORE_PIPELINE) {
        json_nil(&j, "endpoint");
        json_int(&j, "leases", 0);
    }
    json_bool(&j, "dry_run", true);
    json_close(&j, '}');
    if (job->call)
        core_answer_buf(job->core, take(&job->call), 200, &b);
    job_free(job);
}

static void job_finish(struct job *job)
{
    struct core *core = job->core;
    const char *id = job_id(job);
    struct handle *h = handles_find(&core->handles, id);
    struct map_node *making = map_find(&core->making, id);
    AUTO_ERR struct err err = {0};

    if (job->dry_run) {
        job_answer_dry(job);
    } else if (h) {
        job_known(job, h);
    } else if (making) {
        struct job *leader = container_of(making, struct job, making);

        job->next_follower = leader->followers;
        leader->followers = job;
    } else if (job->wants_lease &&
               !lease_take(core, id, job->lease_ttl_s, job->lease_holder, &job->lease, &err)) {
        job_fail(job, &err);
    } else {
        job->making.key = id;
        map_insert(&core->making, &job->making);
        job_progress(job, job->state, "being stored");
        job_store(job);
    }
}

static void on_weights(struct weights_check *w)
{
    struct job *job = container_of(w, struct job, weights);
    /* Of a diffusion model only the components are known: on the Hub that is not "here". */
    bool here = w->n_missing == 0 && (w->n_files > 0 || w->local);

    job->state = here || job->weights_may_be_remote ? "ready" : "resolved";
    job_finish(job);
}

static void job_check_weights(struct job *job)
{
    const struct pipeline *p = job->pipeline;

    job->files = mem_new_array(p->n_weight_files, struct weights_file);
    for (size_t i = 0; i < p->n_weight_files; i++)
        job->files[i] = (struct weights_file){p->weight_files[i].path, p->weight_files[i].size};
    job->weights.repo = p->weights_repo[0] ? p->weights_repo : p->model;
    job->weights.commit = p->weights_commit[0] ? p->weights_commit : p->commit;
    job->weights.local = job->weights.repo[0] == '/';
    job->weights.roots = job->core->roots;
    job->weights.disk = job->core->disk;
    job->weights.files = job->files;
    job->weights.n_files = p->n_weight_files;
    job->weights.done = on_weights;
    weights_check_start(job->core->loop, &job->weights);
}

static void on_model(struct source_op *op, struct model *model, const struct err *err);

/* Starts whatever comes next. Each arm ends in one callback, or in the job's end. */
static void job_tick(struct job *job)
{
    AUTO_ERR struct err err = {0};
    const struct model_ref *ref;

    switch (resolve_step(job->resolve)) {
    case RESOLVE_NEED_MODEL:
        ref = resolve_wanted(job->resolve);
        job_progress(job, "resolving", ref->model);
        job->fetch = (struct source_op){
            .ref = *ref, .token = job->core->token, .depth = INSPECT_ALL, .done = on_model};
        source_start(job->core->source, &job->fetch);
        return;
    case RESOLVE_DONE:
    case RESOLVE_FAILED:
        if (!resolve_take(job->resolve, &job->pipeline, &err)) {
            job_fail(job, &err);
            return;
        }
        job_progress(job, "resolved", job->pipeline->id);
        if (job->kind == STORE_PIPELINE)
            job_check_weights(job);
        else
            job_finish(job);
        return;
    }
}

static void on_model(struct source_op *op, struct model *model, const struct err *err)
{
    struct job *job = container_of(op, struct job, fetch);

    if (model)
        resolve_give_model(job->resolve, model_ref_count(model));
    else
        resolve_give_error(job->resolve, err);
    job_tick(job);
}

/* Answers 202 now; true when nothing is left to do. */
static bool job_accept(struct job *job)
{
    struct call *call = take(&job->call);
    char hex[SHA256_HEX];
    bool again;

    hash_sha256_hex(call->fingerprint, strlen(call->fingerprint), hex);
    snprintf(job->provisional, sizeof(job->provisional), "pl_%.32s", hex);
    struct provisional *p = provisional_enter(&job->core->provisionals, job->provisional, &again);
    provisional_accept(job->core, call, p);
    return again;
}

static struct job *job_new(struct core *core, struct call *call, enum store_handle_kind kind)
{
    struct job *job = mem_new(struct job);

    job->core = core;
    job->call = call;
    job->kind = kind;
    job->state = "resolved";
    core->n_jobs++;
    return job;
}

void op_pipeline_create(struct core *core, struct call *call)
{
    struct args_pipeline *args = call->args;
    struct pipeline_request *req = &args->request;
    struct job *job;

    if (template_is_path(req->main.chat_template)) {
        template_file_read(core, call, &req->main.chat_template, op_pipeline_create);
        return;
    }
    job = job_new(core, call, call->op == OP_FACTORY_CREATE ? STORE_FACTORY : STORE_PIPELINE);

    job->dry_run = req->dry_run == YES;
    job->weights_may_be_remote = req->weights == WEIGHTS_REMOTE;
    job->wants_lease = req->lease.ttl_s.set || req->lease.holder;
    job->lease_ttl_s = req->lease.ttl_s.set ? req->lease.ttl_s.value : 0;
    snprintf(job->lease_holder, sizeof(job->lease_holder), "%s",
             req->lease.holder ? req->lease.holder : "");

    if (call->respond_async && job->kind == STORE_PIPELINE && !job->dry_run && job_accept(job)) {
        job_free(job);
        return;
    }
    core_settle(core);
    job->resolve = resolve_new(req, core->registry);
    resolve_set_machine(job->resolve, &core->machine);
    job_tick(job);
}

/* ---- building what a factory has resolved: the same pipeline, once its weights were looked for */

/* The pipeline that a factory's row stands for. */
static struct pipeline *pipeline_of(const struct handle *h, const json_t *detail)
{
    struct pipeline *p = pipeline_new();
    json_t *file, *files = json_object_get(detail, "files");
    size_t i;

    snprintf(p->id, sizeof(p->id), "%s", json_string_value(json_object_get(detail, "pipeline")));
    snprintf(p->factory_id, sizeof(p->factory_id), "%s", h->id);
    snprintf(p->commit, sizeof(p->commit), "%s", h->commit);
    snprintf(p->weights_repo, sizeof(p->weights_repo), "%s",
             json_string_value(json_object_get(detail, "weights_repo")));
    snprintf(p->weights_commit, sizeof(p->weights_commit), "%s",
             json_string_value(json_object_get(detail, "weights_commit")));
    p->task = task_parse(h->task);
    p->arch_name = str_dup(h->arch);
    p->model = str_dup(h->model);
    p->members = str_dup(h->members);
    p->members_size = strlen(h->members);
    p->effective = str_dup(h->effective);
    p->n_weight_files = json_array_size(files);
    p->weight_files = mem_new_array(p->n_weight_files, struct pipeline_file);
    json_array_foreach(files, i, file)
    {
        p->weight_files[i].path = str_dup(json_string_value(json_object_get(file, "path")));
        p->weight_files[i].size = json_integer_value(json_object_get(file, "size_bytes"));
    }
    return p;
}

static void build(struct core *core, struct call *call, struct handle *h)
{
    json_t *detail = json_loads(h->detail, 0, NULL); /* written by detail_text() */
    struct job *job = job_new(core, call, STORE_PIPELINE);

    handle_used(core, h);
    job->weights_may_be_remote = json_is_true(json_object_get(detail, "weights_may_be_remote"));
    job->pipeline = pipeline_of(h, detail);
    json_decref(detail);
    job_check_weights(job);
}

void op_factory_build(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_handle *args = call->args;
    struct handle *h = handles_find(&core->handles, args->id);

    if (h && h->kind == STORE_FACTORY) {
        handle_with_texts(core, call, h, build);
        return;
    }
    handle_not_found(core, STORE_FACTORY, args->id, &err);
    core_answer_err(core, call, &err);
}
