#include "daemon/source.h"

#include "base/map.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

enum {
    LOCAL_TTL_MS = 2000,  /* people edit what is on their disk and look at once */
    STALE_TTL_MS = 10000, /* how soon after a failure the Hub is asked again */
};

/* A model in memory. */
struct kept {
    struct map_node node;
    TAILQ_ENTRY(kept) link;
    char *key;
    struct model *model;
    struct err why_stale;
    enum inspect_depth depth;
    size_t bytes;
    int64_t pinned_at_ms; /* loop time */
};

/* One want under way. */
struct source_read {
    struct source_walk *walk;
    struct want *want;
    struct hub_op op;
    uv_work_t work;
    struct pin pin;
    struct buf data;
    struct err err;
    bool ok;
    TAILQ_ENTRY(source_read) link;
};

/* One model being read, for all who wait for it. */
struct source_walk {
    struct map_node node;
    char *key;      /* with depth and flags: who may share it */
    char *kept_key; /* under which the model is kept */
    struct source *source;
    struct inspect *inspect;
    struct model_ref ref;
    char *token;
    enum inspect_depth depth;
    bool refresh, canceled;
    bool outdated; /* the branch moved since: to be told, not to be kept */
    char commit[65], canonical[MODEL_PATH_MAX + 1];
    struct err why_stale;
    TAILQ_HEAD(, source_op) ops;
    TAILQ_HEAD(, source_read) reads;
    unsigned n_reads;
    struct model *found; /* in memory: nothing to read, only to tell */
    TAILQ_ENTRY(source_walk) link;
};

struct source {
    uv_loop_t *loop;
    struct source_options o;
    struct map kept, walks;
    TAILQ_HEAD(kept_order, kept) order; /* first: longest unused */
    TAILQ_HEAD(, source_walk) soon;
    uv_timer_t timer;
    unsigned n_walks; /* also canceled ones */
    struct source_status status;
};

static void walk_pump(struct source_walk *w);

void source_options_default(struct source_options *o)
{
    *o = (struct source_options){
        .max_bytes = (size_t)256 << 20, .max_parallel = 8, .pin_ttl_ms = 60000};
}

/* ---- models in memory */

static char *kept_key(const struct model_ref *ref, const char *token)
{
    char credential[CREDENTIAL_SIZE];

    credential_class(token, credential);
    return str_printf("%s\n%s\n%s\n%s\n%d", ref->model,
                      ref->source == MODEL_LOCAL ? "" : ref->revision, ref->subfolder,
                      ref->source == MODEL_LOCAL ? "" : credential, ref->trust_remote_code);
}

static void kept_free(struct source *s, struct kept *k)
{
    map_remove(&s->kept, &k->node);
    TAILQ_REMOVE(&s->order, k, link);
    s->status.bytes -= k->bytes;
    s->status.n_models--;
    model_unref(k->model);
    err_release(&k->why_stale);
    free(k->key);
    free(k);
}

static struct kept *kept_find(const struct source *s, const char *key)
{
    struct map_node *n = map_find(&s->kept, key);

    return n ? container_of(n, struct kept, node) : NULL;
}

static void kept_used(struct source *s, struct kept *k)
{
    TAILQ_REMOVE(&s->order, k, link);
    TAILQ_INSERT_TAIL(&s->order, k, link);
}

/* Is what we have still believed, and deep enough? */
static bool kept_is_fresh(const struct source *s, const struct kept *k, enum inspect_depth depth)
{
    int64_t ttl = s->o.pin_ttl_ms;

    if (k->depth < depth)
        return false;
    if (k->model->stale)
        ttl = ttl < STALE_TTL_MS ? ttl : STALE_TTL_MS;
    else if (k->model->ref.source == MODEL_LOCAL)
        ttl = ttl < LOCAL_TTL_MS ? ttl : LOCAL_TTL_MS;
    else if (revision_is_commit(k->model->ref.revision))
        return true;
    return (int64_t)uv_now(s->loop) - k->pinned_at_ms < ttl;
}

static void shrink(struct source *s)
{
    while (s->status.bytes > s->o.max_bytes && !TAILQ_EMPTY(&s->order)) {
        kept_free(s, TAILQ_FIRST(&s->order));
        s->status.evicted++;
    }
}

static void keep(struct source_walk *w, struct model *model)
{
    struct source *s = w->source;
    struct kept *k = kept_find(s, w->kept_key);

    if (w->outdated)
        return;
    if (k && k->depth > w->depth && str_eq(k->model->commit, model->commit) &&
        k->model->stale == model->stale) { /* what we have says more */
        k->pinned_at_ms = (int64_t)uv_now(s->loop);
        return;
    }
    if (k)
        kept_free(s, k);
    k = mem_new(struct kept);
    k->key = str_dup(w->kept_key);
    k->model = model_ref_count(model);
    k->depth = w->depth;
    k->bytes = model_bytes(model);
    k->pinned_at_ms = (int64_t)uv_now(s->loop);
    if (w->why_stale.code)
        err_copy(&k->why_stale, &w->why_stale);
    k->node.key = k->key;
    map_insert(&s->kept, &k->node);
    TAILQ_INSERT_TAIL(&s->order, k, link);
    s->status.bytes += k->bytes;
    s->status.n_models++;
    shrink(s);
}

/* ---- the end of a walk */

static void read_free(struct source_read *r)
{
    TAILQ_REMOVE(&r->walk->reads, r, link);
    r->walk->n_reads--;
    pin_release(&r->pin);
    buf_release(&r->data);
    err_release(&r->err);
    free(r);
}

static void walk_free(struct source_walk *w)
{
    assert(TAILQ_EMPTY(&w->ops) && !w->n_reads);
    w->source->n_walks--;
    inspect_free(w->inspect);
    model_unref(w->found);
    err_release(&w->why_stale);
    free(w->key);
    free(w->kept_key);
    free(w->token);
    free(w);
}

/* Tells everybody; model NULL and why, or model and why it is stale, if it is. */
static void walk_tell(struct source_walk *w, struct model *model, const struct err *err)
{
    struct source_op *op;

    map_remove(&w->source->walks, &w->node);
    while ((op = TAILQ_FIRST(&w->ops))) {
        TAILQ_REMOVE(&w->ops, op, link);
        op->walk = NULL;
        op->done(op, model, err);
    }
}

static void walk_finish(struct source_walk *w)
{
    AUTO_ERR struct err err = {0};
    CLEANUP(model_unrefp) struct model *model = NULL;

    if (inspect_take(w->inspect, &model, &err)) {
        keep(w, model);
        walk_tell(w, model, &w->why_stale);
    } else
        walk_tell(w, NULL, &err);
    walk_free(w);
}

/* ---- reads */

/*
 * The pin came: if memory has the model at this very commit, there is nothing
 * to read again. Returns true when the walk ended thereby.
 */
static bool is_unchanged(struct source_walk *w, const struct pin *pin)
{
    struct source *s = w->source;
    struct kept *k = kept_find(s, w->kept_key);

    if (!k || k->depth < w->depth || k->model->stale || pin->stale ||
        !str_eq(k->model->commit, pin->commit))
        return false;
    k->pinned_at_ms = (int64_t)uv_now(s->loop);
    kept_used(s, k);
    w->found = model_ref_count(k->model);
    walk_tell(w, w->found, &w->why_stale);
    walk_free(w);
    return true;
}

static bool is_same_branch(const struct model_ref *a, const struct model_ref *b)
{
    return str_eq(a->model, b->model) && str_eq(a->revision, b->revision);
}

/* Whatever else was read of the branch at another commit is void. */
static void branch_is_at(const struct source_walk *here, const struct pin *pin)
{
    struct source *s = here->source;
    struct kept *k, *next;
    struct map_node *n;

    if (here->ref.source == MODEL_LOCAL || pin->stale)
        return;
    for (k = TAILQ_FIRST(&s->order); k; k = next) {
        next = TAILQ_NEXT(k, link);
        if (is_same_branch(&k->model->ref, &here->ref) && !str_eq(k->model->commit, pin->commit))
            kept_free(s, k);
    }
    for (struct map_cursor c = {0}; (n = map_next(&s->walks, &c));) {
        struct source_walk *w = container_of(n, struct source_walk, node);

        if (is_same_branch(&w->ref, &here->ref) && w->commit[0] && !str_eq(w->commit, pin->commit))
            w->outdated = true;
    }
}

/* Nothing else is under way while the pin is. */
static void give_pin(struct source_read *r, struct pin *pin)
{
    struct source_walk *w = r->walk;
    struct want *want = r->want;
    struct pin mine;

    snprintf(w->commit, sizeof(w->commit), "%s", pin->commit);
    snprintf(w->canonical, sizeof(w->canonical), "%s", pin->canonical);
    branch_is_at(w, pin);
    mine = *pin;
    *pin = (struct pin){0};
    read_free(r);
    if (!is_unchanged(w, &mine)) {
        inspect_give_pin(w->inspect, want, &mine);
        mine = (struct pin){0}; /* its files are inspect's now */
        walk_pump(w);
    }
    pin_release(&mine);
}

static void on_hub(struct hub_op *op, struct pin *pin, const char *data, size_t size,
                   const struct err *err)
{
    struct source_read *r = container_of(op, struct source_read, op);
    struct source_walk *w = r->walk;

    if (!w->canceled && pin) {
        if (err->code) {
            err_release(&w->why_stale);
            err_copy(&w->why_stale, err);
        }
        give_pin(r, pin);
        return;
    }
    if (!w->canceled && data)
        inspect_give(w->inspect, r->want, data, size);
    else if (!w->canceled)
        inspect_give_error(w->inspect, r->want, err);
    read_free(r);
    walk_pump(w);
}

static void read_hub(struct source_read *r)
{
    struct source_walk *w = r->walk;
    const struct want *want = r->want;

    r->op = (struct hub_op){
        .kind = want->kind == WANT_PIN    ? HUB_OP_PIN
                : want->kind == WANT_FILE ? HUB_OP_FILE
                                          : HUB_OP_RANGE,
        .token = w->token,
        .repo = w->ref.model,
        .revision = w->ref.revision,
        .canonical = w->canonical,
        .commit = w->commit,
        .path = want->path,
        .oid = want->file ? want->file->oid : NULL,
        .file_size = want->file ? want->file->size : -1,
        .offset = want->offset,
        .size = want->size,
        .max_bytes = want->max_bytes,
        .refresh = w->refresh,
        .offline = w->ref.offline,
        .done = on_hub,
    };
    hub_start(w->source->o.hub, &r->op);
}

static void local_work(uv_work_t *work)
{
    struct source_read *r = container_of(work, struct source_read, work);
    const struct localroots *roots = r->walk->source->o.roots;
    const char *model = r->walk->ref.model;
    const struct want *want = r->want;

    if (want->kind == WANT_PIN)
        r->ok = local_pin(roots, model, &r->pin, &r->err);
    else
        r->ok = local_read(roots, model, want->path, want->offset,
                           want->kind == WANT_RANGE ? want->size : -1, want->max_bytes, &r->data,
                           &r->err);
}

static void on_local(uv_work_t *work, int status)
{
    struct source_read *r = container_of(work, struct source_read, work);
    struct source_walk *w = r->walk;
    struct timespec now;
    (void)status;

    if (!w->canceled && r->ok && r->want->kind == WANT_PIN) {
        struct pin pin = r->pin;

        r->pin = (struct pin){0};
        clock_gettime(CLOCK_REALTIME, &now);
        pin.pinned_at = now.tv_sec;
        give_pin(r, &pin);
        return;
    }
    if (!w->canceled && r->ok)
        inspect_give(w->inspect, r->want, r->data.data ? r->data.data : "", r->data.size);
    else if (!w->canceled)
        inspect_give_error(w->inspect, r->want, &r->err);
    read_free(r);
    walk_pump(w);
}

static void walk_pump(struct source_walk *w)
{
    struct want *want;

    if (w->canceled) {
        if (!w->n_reads)
            walk_free(w);
        return;
    }
    while (w->n_reads < w->source->o.max_parallel && (want = inspect_next(w->inspect))) {
        struct source_read *r = mem_new(struct source_read);

        r->walk = w;
        r->want = want;
        TAILQ_INSERT_TAIL(&w->reads, r, link);
        w->n_reads++;
        if (w->ref.source == MODEL_LOCAL)
            uv_queue_work(w->source->loop, &r->work, local_work, on_local);
        else
            read_hub(r);
    }
    if (inspect_done(w->inspect))
        walk_finish(w);
}

/* ---- walks */

static void on_soon(uv_timer_t *timer)
{
    struct source *s = container_of(timer, struct source, timer);
    struct source_walk *w;

    while ((w = TAILQ_FIRST(&s->soon))) {
        TAILQ_REMOVE(&s->soon, w, link);
        if (w->found) {
            walk_tell(w, w->found, &w->why_stale);
            walk_free(w);
            continue;
        }
        if (w->ref.source == MODEL_LOCAL && !s->o.roots) {
            AUTO_ERR struct err err = {0};

            err_set(&err, ERR_PATH_NOT_ALLOWED,
                    "%.200s is a local path, and no folder for local models is configured "
                    "(--model-root)",
                    w->ref.model);
            err_fact_str(&err, "path", w->ref.model);
            walk_tell(w, NULL, &err);
            walk_free(w);
            continue;
        }
        w->inspect = inspect_new(&w->ref, w->depth);
        walk_pump(w);
    }
}

static struct source_walk *walk_new(struct source *s, const struct source_op *op, char *key,
                                    char *of_kept)
{
    struct source_walk *w = mem_new(struct source_walk);

    w->source = s;
    w->key = key;
    w->kept_key = of_kept;
    w->ref = op->ref;
    w->token = op->token ? str_dup(op->token) : NULL;
    w->depth = op->depth;
    w->refresh = op->refresh;
    TAILQ_INIT(&w->ops);
    TAILQ_INIT(&w->reads);
    w->node.key = w->key;
    map_insert(&s->walks, &w->node);
    s->n_walks++;
    TAILQ_INSERT_TAIL(&s->soon, w, link);
    uv_timer_start(&s->timer, on_soon, 0, 0);
    return w;
}

void source_start(struct source *s, struct source_op *op)
{
    char *of_kept = kept_key(&op->ref, op->token);
    char *key = str_printf("%s\n%d%d%d", of_kept, op->depth, op->refresh, op->ref.offline);
    struct map_node *n = map_find(&s->walks, key);
    struct source_walk *w;
    struct kept *k;

    if (n) {
        w = container_of(n, struct source_walk, node);
        free(key);
        free(of_kept);
    } else {
        w = walk_new(s, op, key, of_kept);
        k = op->refresh ? NULL : kept_find(s, of_kept);
        if (k && (kept_is_fresh(s, k, op->depth))) {
            s->status.hits++;
            kept_used(s, k);
            w->found = model_ref_count(k->model);
            if (k->why_stale.code)
                err_copy(&w->why_stale, &k->why_stale);
        } else
            s->status.misses++;
    }
    op->walk = w;
    TAILQ_INSERT_TAIL(&w->ops, op, link);
}

void source_cancel(struct source_op *op)
{
    AUTO_ERR struct err err = {0};

    TAILQ_REMOVE(&op->walk->ops, op, link);
    op->walk = NULL;
    err_set(&err, ERR_CANCELED, "canceled");
    op->done(op, NULL, &err);
}

struct model *source_peek(struct source *s, const struct model_ref *ref, const char *token,
                          enum inspect_depth depth)
{
    AUTO_FREE char *key = kept_key(ref, token);
    struct kept *k = kept_find(s, key);

    if (!k || !kept_is_fresh(s, k, depth))
        return NULL;
    s->status.hits++;
    kept_used(s, k);
    return model_ref_count(k->model);
}

bool source_commit(const struct source *s, const struct model_ref *ref, const char *token,
                   char ret[65])
{
    AUTO_FREE char *key = kept_key(ref, token);
    const struct kept *k = kept_find(s, key);

    if (k)
        memcpy(ret, k->model->commit, sizeof(k->model->commit));
    return k != NULL;
}

void source_limit(struct source *s, size_t max_bytes)
{
    s->o.max_bytes = max_bytes;
    shrink(s);
}

size_t source_forget(struct source *s, const char *model)
{
    struct kept *k, *next;
    size_t n = 0;

    for (k = TAILQ_FIRST(&s->order); k; k = next) {
        next = TAILQ_NEXT(k, link);
        if (model && !str_eq(k->model->ref.model, model) && !str_eq(k->model->canonical, model))
            continue;
        kept_free(s, k);
        n++;
    }
    if (s->o.hub)
        hub_forget(s->o.hub, model);
    return n;
}

void source_each(const struct source *s, void (*each)(void *ctx, const struct model *m), void *ctx)
{
    const struct kept *k;

    TAILQ_FOREACH_REVERSE(k, &s->order, kept_order, link)
    each(ctx, k->model);
}

void source_status(const struct source *s, struct source_status *ret)
{
    *ret = s->status;
    ret->max_bytes = s->o.max_bytes;
    ret->walks = (unsigned)s->walks.n;
}

/* ---- start and stop */

struct source *source_new(uv_loop_t *loop, const struct source_options *options)
{
    struct source *s = mem_new(struct source);

    s->loop = loop;
    s->o = *options;
    TAILQ_INIT(&s->order);
    TAILQ_INIT(&s->soon);
    uv_timer_init(loop, &s->timer);
    return s;
}

static void walk_cancel(struct source_walk *w)
{
    struct source_read *r, *next;

    while (!TAILQ_EMPTY(&w->ops))
        source_cancel(TAILQ_FIRST(&w->ops));
    map_remove(&w->source->walks, &w->node);
    if (!w->inspect) { /* not begun */
        TAILQ_REMOVE(&w->source->soon, w, link);
        walk_free(w);
        return;
    }
    w->canceled = true;
    w->n_reads++; /* so that it is not freed under the loop below */
    for (r = TAILQ_FIRST(&w->reads); r; r = next) {
        next = TAILQ_NEXT(r, link);
        if (w->ref.source == MODEL_HUB)
            hub_cancel(&r->op); /* a worker cannot be called back: that read ends by itself */
    }
    w->n_reads--;
    walk_pump(w);
}

void source_stop(struct source *s)
{
    struct map_node *n;

    for (struct map_cursor c = {0}; (n = map_next(&s->walks, &c)); c = (struct map_cursor){0})
        walk_cancel(container_of(n, struct source_walk, node));
}

bool source_idle(const struct source *s) { return s->n_walks == 0; }

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, struct source, timer));
}

void source_free(struct source *s)
{
    assert(source_idle(s));
    while (!TAILQ_EMPTY(&s->order))
        kept_free(s, TAILQ_FIRST(&s->order));
    map_release(&s->kept);
    map_release(&s->walks);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
