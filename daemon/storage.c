#include "daemon/storage.h"

#include "base/clock.h"

#include <assert.h>
#include <stdatomic.h>

enum { DEFAULT_MAX_WAITING = 4096 };

struct storage {
    struct registry_store *registry; /* the registry lane's, once started */
    struct cache_store *cache;       /* the cache lane's, once started */

    /* ---- the loop's */
    struct lane *registry_lane, *cache_lane; /* NULL: not started */
    size_t max_waiting;
    bool stopping;
    int n_lanes_open;
    unsigned epoch; /* counts storage_resume() */

    /* ---- the registry lane's */
    bool failed; /* since failure; writes of failed_epoch and before fail with it */
    unsigned failed_epoch;
    struct err failure;

    /* ---- written by the registry lane, read by the loop */
    _Atomic uint64_t n_commits, n_writes, n_failed, commit_us, commit_us_max;
};

/* ---- the registry lane */

/* Writes of one transaction. */
struct group {
    struct store_write writes[STORAGE_BATCH_MAX];
    struct storage_write *owners[STORAGE_BATCH_MAX];
    size_t n, n_ops;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void write_failed(struct storage *s, struct storage_write *w)
{
    w->ok = false;
    err_copy(&w->err, &s->failure);
    count(&s->n_failed, 1);
}

static void commit(struct storage *s, struct group *g)
{
    int64_t start_ns = clock_mono_ns();
    struct err err = {0};
    uint64_t us;
    bool ok;

    if (g->n == 0)
        return;
    ok = registry_store_apply(s->registry, g->writes, g->n, &err);
    if (!ok) {
        s->failed = true;
        s->failed_epoch = g->owners[g->n - 1]->epoch; /* they only grow */
        err_release(&s->failure);
        err_move(&s->failure, &err);
    }
    for (size_t i = 0; i < g->n; i++) {
        if (ok)
            g->owners[i]->ok = true;
        else
            write_failed(s, g->owners[i]);
    }
    us = (uint64_t)(clock_mono_ns() - start_ns) / 1000;
    count(&s->n_commits, 1);
    count(&s->n_writes, g->n);
    count(&s->commit_us, us);
    if (us > atomic_load_explicit(&s->commit_us_max, memory_order_relaxed))
        atomic_store_explicit(&s->commit_us_max, us, memory_order_relaxed);
    g->n = g->n_ops = 0;
}

static void add_write(struct storage *s, struct group *g, struct storage_write *w)
{
    if (g->n == STORAGE_BATCH_MAX || (g->n && g->n_ops + w->write.n_ops > STORAGE_BATCH_MAX))
        commit(s, g);
    /* Asked only now, because that commit may have been the one that failed. */
    if (s->failed && w->epoch <= s->failed_epoch) {
        write_failed(s, w);
        return;
    }
    s->failed = false;
    g->writes[g->n] = w->write;
    g->owners[g->n++] = w;
    g->n_ops += w->write.n_ops;
}

static void run_registry(void *ctx, struct lane_batch *batch)
{
    struct storage *s = ctx;
    struct group g = {.n = 0};
    struct lane_item *item;

    STAILQ_FOREACH(item, batch, link)
    {
        struct storage_item *it = container_of(item, struct storage_item, item);

        if (it->is_read) {
            struct storage_read *r = container_of(it, struct storage_read, item);

            commit(s, &g); /* so that it sees them */
            r->ok = registry_store_get_handle(s->registry, r->id, &r->handle, &r->err);
        } else {
            add_write(s, &g, container_of(it, struct storage_write, item));
        }
    }
    commit(s, &g);
}

static void on_registry_idle(void *ctx)
{
    struct storage *s = ctx;

    registry_store_tidy(s->registry);
}

static void on_registry_done(void *ctx, struct lane_item *item)
{
    struct storage_item *it = container_of(item, struct storage_item, item);

    (void)ctx;
    if (it->is_read) {
        struct storage_read *r = container_of(it, struct storage_read, item);

        r->done(r);
    } else {
        struct storage_write *w = container_of(it, struct storage_write, item);

        w->done(w);
    }
}

/* ---- the cache lane */

static void run_cache(void *ctx, struct lane_batch *batch)
{
    struct storage *s = ctx;
    struct lane_item *item;

    STAILQ_FOREACH(item, batch, link)
    {
        struct storage_cache_op *op = container_of(item, struct storage_cache_op, item);

        op->run(op, s->cache);
    }
}

static void on_cache_done(void *ctx, struct lane_item *item)
{
    struct storage_cache_op *op = container_of(item, struct storage_cache_op, item);

    (void)ctx;
    op->done(op);
}

/* ---- the loop's side */

bool storage_open(struct storage **ret, const struct storage_config *config,
                  struct storage_report *report, struct err *err)
{
    CLEANUP(registry_store_closep) struct registry_store *registry = NULL;
    CLEANUP(cache_store_closep) struct cache_store *cache = NULL;
    struct storage *s;

    if (!registry_store_open(&registry, config->registry_path, NULL,
                             report ? &report->registry : NULL, err) ||
        !cache_store_open(&cache, config->cache_path, report ? report->cache_note : NULL, err))
        return false;
    s = mem_new(struct storage);
    s->registry = take(&registry);
    s->cache = take(&cache);
    s->max_waiting = config->max_waiting ? config->max_waiting : DEFAULT_MAX_WAITING;
    *ret = s;
    return true;
}

struct registry_store *storage_registry(struct storage *s)
{
    assert(!s->registry_lane);
    return s->registry;
}

void storage_start(struct storage *s, uv_loop_t *loop)
{
    s->registry_lane = lane_start(
        loop, "registry-store",
        &(struct lane_work){
            .run = run_registry, .idle = on_registry_idle, .done = on_registry_done, .ctx = s});
    s->cache_lane =
        lane_start(loop, "cache-store",
                   &(struct lane_work){.run = run_cache, .done = on_cache_done, .ctx = s});
    s->n_lanes_open = 2;
}

static bool may_submit(const struct storage *s, const struct lane *lane, struct err *err)
{
    if (s->stopping)
        return err_set(err, ERR_DRAINING, "the daemon is stopping");
    if (lane_waiting(lane) >= s->max_waiting)
        return err_set(err, ERR_BUSY, "%zu operations wait for the disk already",
                       lane_waiting(lane));
    return true;
}

bool storage_submit(struct storage *s, struct storage_write *w, struct err *err)
{
    if (!may_submit(s, s->registry_lane, err))
        return false;
    w->ok = false;
    w->err = (struct err){0};
    w->epoch = s->epoch;
    w->item.is_read = false;
    lane_submit(s->registry_lane, &w->item.item);
    return true;
}

bool storage_submit_read(struct storage *s, struct storage_read *r, struct err *err)
{
    if (!may_submit(s, s->registry_lane, err))
        return false;
    r->ok = false;
    r->err = (struct err){0};
    r->handle = NULL;
    r->item.is_read = true;
    lane_submit(s->registry_lane, &r->item.item);
    return true;
}

bool storage_submit_cache(struct storage *s, struct storage_cache_op *op, struct err *err)
{
    if (!may_submit(s, s->cache_lane, err))
        return false;
    lane_submit(s->cache_lane, &op->item);
    return true;
}

void storage_resume(struct storage *s, const struct storage_write *w)
{
    /* A later failure of the same epoch was decided on the same lost state. */
    if (w->epoch == s->epoch)
        s->epoch++;
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

struct storage_stats storage_stats(const struct storage *s)
{
    return (struct storage_stats){
        .n_waiting = s->registry_lane ? lane_waiting(s->registry_lane) : 0,
        .n_cache_waiting = s->cache_lane ? lane_waiting(s->cache_lane) : 0,
        .n_commits = counted(&s->n_commits),
        .n_writes = counted(&s->n_writes),
        .n_failed = counted(&s->n_failed),
        .commit_us = counted(&s->commit_us),
        .commit_us_max = counted(&s->commit_us_max),
    };
}

static void storage_free(struct storage *s)
{
    err_release(&s->failure);
    free(s);
}

static void on_lane_closed(void *ctx)
{
    struct storage *s = ctx;

    if (--s->n_lanes_open == 0)
        storage_free(s);
}

void storage_stop(struct storage *s)
{
    bool started = s->registry_lane != NULL;

    s->stopping = true;
    if (started) {
        /* Cache first: what its done() still wants of the registry is refused either way. */
        lane_stop(s->cache_lane, on_lane_closed);
        lane_stop(s->registry_lane, on_lane_closed);
    }
    cache_store_close(take(&s->cache));
    registry_store_close(take(&s->registry));
    if (!started)
        storage_free(s);
}
