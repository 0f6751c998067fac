#include "daemon/hub.h"

#include "daemon/hub_flight.h"
#include "hub/model_info.h"

#include <assert.h>
#include <stdio.h>

enum { COMMIT_NEGATIVE_MS = 3600000 }; /* what a commit does not hold it never will */

void hub_options_default(struct hub_options *o)
{
    *o = (struct hub_options){
        .pin_ttl_ms = 60000,
        .negative_ttl_ms = 60000,
        .max_attempts = 4,
        .backoff_base_ms = 500,
        .backoff_cap_ms = 8000,
        .max_rate_wait_ms = 2000,
    };
}

static int64_t now_ms(const struct hub *hub) { return (int64_t)uv_now(hub->loop); }

/* ---- refusals in memory */

/* What a refusal is about, for whom. */
char *flight_refusal_key(const struct hub_flight *fl)
{
    if (fl->kind == HUB_OP_PIN)
        return str_printf("pin\n%s\n%s\n%s", fl->repo, fl->revision, fl->credential);
    return str_printf("file\n%s\n%s\n%s\n%s", fl->repo, fl->commit, fl->path, fl->credential);
}

void flight_refused(struct hub_flight *fl, const struct err *err)
{
    struct hub *hub = fl->hub;
    AUTO_FREE char *key = NULL;
    int64_t ttl = hub->o.negative_ttl_ms;

    switch (err->code) {
    case ERR_FILE_NOT_FOUND:
        ttl = COMMIT_NEGATIVE_MS;
        break;
    case ERR_REPO_NOT_FOUND:
    case ERR_REPO_PRIVATE:
    case ERR_REPO_GATED:
    case ERR_REPO_DISABLED:
    case ERR_REVISION_NOT_FOUND:
    case ERR_TOKEN_INVALID:
        break;
    default:
        return;
    }
    key = flight_refusal_key(fl);
    hub_memory_put_refusal(&hub->memory, key, err, now_ms(hub) + ttl);
}

/* ---- flights */

void flight_free(struct hub_flight *fl)
{
    struct hub *hub = fl->hub;

    assert(TAILQ_EMPTY(&fl->ops));
    upstream_release(&fl->upstream);
    err_release(&fl->work_err);
    buf_release(&fl->data);
    pin_release(&fl->pin);
    pin_release(&fl->fresh);
    free(fl->key);
    free(fl->token);
    free(fl->repo);
    free(fl->revision);
    free(fl->canonical);
    free(fl->commit);
    free(fl->path);
    free(fl->cache_path);
    free(fl->next_page);
    free(fl);
    hub->n_flights--;
}

void flight_end(struct hub_flight *fl, bool ok, const struct err *err)
{
    struct hub *hub = fl->hub;
    static const struct err none;
    struct hub_op *op;

    map_remove(&hub->flights, &fl->node); /* whoever asks now is not told this */
    while ((op = TAILQ_FIRST(&fl->ops))) {
        CLEANUP(pin_release) struct pin copy = {0};

        TAILQ_REMOVE(&fl->ops, op, link);
        op->flight = NULL;
        if (!ok)
            op->done(op, NULL, NULL, 0, err);
        else if (fl->kind == HUB_OP_PIN) {
            pin_copy(&copy, &fl->pin);
            op->done(op, &copy, NULL, 0, err ? err : &none);
        } else
            op->done(op, NULL, fl->data.data ? fl->data.data : "", fl->data.size, &none);
    }
    flight_free(fl);
}

void flight_fail(struct hub_flight *fl, const struct err *err) { flight_end(fl, false, err); }

void flight_stale(struct hub_flight *fl, const struct err *err)
{
    fl->pin.stale = true;
    fl->hub->status.stale++;
    flight_end(fl, true, err);
}

static bool is_offline(const struct hub_flight *fl) { return fl->offline || fl->hub->o.offline; }

static void flight_offline(struct hub_flight *fl)
{
    AUTO_ERR struct err err = {0};

    if (fl->kind == HUB_OP_PIN)
        err_set(&err, ERR_OFFLINE,
                "%s at %.100s is not in the cache and nothing may be asked of the Hub (offline)",
                fl->repo, fl->revision);
    else
        err_set(&err, ERR_OFFLINE,
                "%.200s of %s is not in the cache and nothing may be asked of the Hub (offline)",
                fl->path, fl->repo);
    err_fact_str(&err, "model", fl->repo);
    if (fl->kind == HUB_OP_PIN)
        err_fact_str(&err, "revision", fl->revision);
    else
        err_fact_str(&err, "path", fl->path);
    if (fl->hub->o.endpoint->cache_dir)
        err_fact_str(&err, "cache_dir", fl->hub->o.endpoint->cache_dir);
    flight_fail(fl, &err);
}

/* ---- step: cache.db */

static void on_cache_answer(struct hub_cache_get *g, const void *data, size_t size)
{
    struct hub_flight *fl = container_of(g, struct hub_flight, get);

    if (fl->canceled) {
        flight_free(fl);
        return;
    }
    if (data && (fl->kind == HUB_OP_PIN ? pin_cached : file_cached)(fl, data, size))
        return;
    buf_clear(&fl->data); /* the pieces before the one that is missing */
    flight_next(fl);
}

void flight_ask_cache(struct hub_flight *fl)
{
    const struct hub_cache *cache = fl->hub->o.cache;
    int64_t size;

    fl->at = AT_CACHE;
    if (fl->kind == HUB_OP_RANGE) {
        free(fl->cache_path);
        fl->cache_path = range_piece(fl, (int64_t)fl->data.size, &size);
    }
    fl->get = (struct hub_cache_get){
        .credential = fl->credential,
        .repo = fl->repo,
        .revision = fl->kind == HUB_OP_PIN ? fl->revision : NULL,
        .commit = fl->commit,
        .path = fl->cache_path ? fl->cache_path : fl->path,
        .done = on_cache_answer,
    };
    (fl->kind == HUB_OP_PIN ? cache->get_pin : cache->get_file)(cache->ctx, &fl->get);
}

/* ---- step: the HF cache on disk */

static void disk_work(uv_work_t *work)
{
    struct hub_flight *fl = container_of(work, struct hub_flight, work);

    (fl->kind == HUB_OP_PIN ? pin_look : file_look)(fl);
}

static void on_disk(uv_work_t *work, int status)
{
    struct hub_flight *fl = container_of(work, struct hub_flight, work);
    (void)status;

    if (fl->canceled)
        flight_free(fl);
    else
        (fl->kind == HUB_OP_PIN ? pin_looked : file_looked)(fl);
}

static void ask_disk(struct hub_flight *fl)
{
    fl->at = AT_DISK;
    uv_queue_work(fl->hub->loop, &fl->work, disk_work, on_disk);
}

/* ---- step: the Hub */

void flight_ask_hub(struct hub_flight *fl, enum hub_question_kind kind, const char *repo,
                    const char *revision, const char *url,
                    void (*done)(struct upstream *, bool, const struct err *))
{
    upstream_release(&fl->upstream);
    fl->at = AT_HUB;
    fl->upstream.question =
        (struct hub_question){.kind = kind, .repo = repo, .revision = revision, .path = fl->path};
    fl->upstream.url = url;
    fl->upstream.token = fl->token;
    fl->upstream.offset = fl->offset;
    fl->upstream.size = fl->kind == HUB_OP_RANGE ? fl->size : 0;
    fl->upstream.max_bytes = fl->kind == HUB_OP_PIN ? MODEL_INFO_MAX_BYTES : (size_t)fl->max_bytes;
    fl->upstream.once = fl->kind == HUB_OP_PIN && fl->has_pin;
    fl->upstream.done = done;
    upstream_start(fl->hub->upstreams, &fl->upstream);
}

/* ---- the order of steps */

/* What memory has; false when it has nothing to say. Only from the loop, for ops may be told. */
static bool ask_memory(struct hub_flight *fl)
{
    struct hub *hub = fl->hub;
    AUTO_FREE char *key = flight_refusal_key(fl);
    const struct refusal *r =
        fl->refresh ? NULL : hub_memory_refusal(&hub->memory, key, now_ms(hub));
    const struct known_pin *k;

    if (r) {
        AUTO_ERR struct err err = {0};

        err_copy(&err, &r->err);
        err_fact_int(&err, "cached_for_s", (r->until_ms - now_ms(hub) + 999) / 1000);
        flight_fail(fl, &err);
        return true;
    }
    if (fl->kind != HUB_OP_PIN)
        return false;
    k = hub_memory_pin(&hub->memory, fl->repo, fl->revision, fl->credential);
    if (!k)
        return false;
    pin_copy(&fl->pin, &k->pin);
    fl->has_pin = true;
    if (fl->refresh ||
        (!revision_is_commit(fl->revision) && now_ms(hub) - k->at_ms >= hub->o.pin_ttl_ms))
        return false;
    flight_end(fl, true, NULL);
    return true;
}

static bool fits(const struct hub_flight *fl)
{
    return fl->kind != HUB_OP_FILE || fl->file_size <= fl->max_bytes;
}

static void flight_too_large(struct hub_flight *fl)
{
    AUTO_ERR struct err err = {0};

    err_set(&err, ERR_FILE_TOO_LARGE, "%.200s has %lld bytes, at most %lld are read", fl->path,
            (long long)fl->file_size, (long long)fl->max_bytes);
    err_fact_str(&err, "path", fl->path);
    err_fact_int(&err, "limit", fl->max_bytes);
    flight_fail(fl, &err);
}

static bool cache_may_have(const struct hub_flight *fl)
{
    if (!fl->hub->o.cache)
        return false;
    if (fl->kind == HUB_OP_PIN)
        return !fl->has_pin; /* memory has what was put there last */
    return fl->kind == HUB_OP_RANGE || fl->file_size <= HUB_CACHE_FILE_MAX;
}

/* Read this and you have read the request. */
void flight_next(struct hub_flight *fl)
{
    switch (fl->at) {
    case AT_SOON:
        if (!fits(fl)) {
            flight_too_large(fl);
            return;
        }
        if (ask_memory(fl))
            return;
        if (cache_may_have(fl)) {
            flight_ask_cache(fl);
            return;
        }
        /* fall through */
    case AT_CACHE:
        if (fl->use_disk && !fl->has_pin) {
            ask_disk(fl);
            return;
        }
        /* fall through */
    case AT_DISK:
        if (!is_offline(fl)) {
            (fl->kind == HUB_OP_PIN ? pin_ask_hub : file_ask_hub)(fl);
            return;
        }
        if (fl->kind == HUB_OP_PIN && fl->has_pin) {
            AUTO_ERR struct err err = {0};

            if (revision_is_commit(fl->revision)) {
                flight_end(fl, true, NULL);
                return;
            }
            err_set(&err, ERR_OFFLINE, "nothing may be asked of the Hub (offline)");
            flight_stale(fl, &err);
            return;
        }
        flight_offline(fl);
        return;
    case AT_HUB:
    case AT_CHECK:
        assert(!"these go on by themselves");
    }
}

static void on_soon(uv_timer_t *timer)
{
    struct hub *hub = container_of(timer, struct hub, soon_timer);
    struct hub_flight *fl;

    while ((fl = TAILQ_FIRST(&hub->soon))) {
        TAILQ_REMOVE(&hub->soon, fl, link);
        flight_next(fl);
    }
}

/* ---- outside */

static char *dup_or_null(const char *s) { return s ? str_dup(s) : NULL; }

/* What makes two ops the same. */
static char *op_key(const struct hub_op *op, const char *credential)
{
    if (op->kind == HUB_OP_PIN)
        return str_printf("pin\n%s\n%s\n%s\n%d%d", op->repo, op->revision, credential, op->refresh,
                          op->offline);
    return str_printf("file\n%s\n%s\n%s\n%s\n%lld+%lld\n%d", op->repo, op->commit, op->path,
                      credential, (long long)(op->kind == HUB_OP_RANGE ? op->offset : 0),
                      (long long)(op->kind == HUB_OP_RANGE ? op->size : op->max_bytes),
                      op->offline * 2 + (op->kind == HUB_OP_RANGE));
}

static struct hub_flight *flight_new(struct hub *hub, const struct hub_op *op, char *key)
{
    struct hub_flight *fl = mem_new(struct hub_flight);

    fl->hub = hub;
    fl->key = key;
    TAILQ_INIT(&fl->ops);
    fl->kind = op->kind;
    fl->token = dup_or_null(op->token);
    fl->repo = str_dup(op->repo);
    fl->revision = dup_or_null(op->revision);
    fl->canonical = dup_or_null(op->canonical && *op->canonical ? op->canonical : NULL);
    fl->commit = dup_or_null(op->commit);
    fl->path = dup_or_null(op->path);
    if (op->oid && hub_etag_is_hash(op->oid))
        snprintf(fl->oid, sizeof(fl->oid), "%s", op->oid);
    credential_class(op->token, fl->credential);
    fl->file_size = op->file_size;
    if (op->kind == HUB_OP_RANGE) {
        fl->offset = op->offset;
        fl->size = op->size;
        fl->max_bytes = op->size;
    } else
        fl->max_bytes = op->max_bytes;
    fl->refresh = op->refresh;
    fl->offline = op->offline;
    /* The folder is the daemon's user's: what is in it was seen with his token, for his token. */
    fl->use_disk = hub->o.disk && str_eq(fl->credential, hub->credential);
    fl->node.key = fl->key;
    map_insert(&hub->flights, &fl->node);
    hub->n_flights++;
    return fl;
}

void hub_start(struct hub *hub, struct hub_op *op)
{
    char credential[CREDENTIAL_SIZE];
    struct hub_flight *fl;
    struct map_node *n;
    char *key;

    assert(!hub->stopping);
    credential_class(op->token, credential);
    key = op_key(op, credential);
    n = map_find(&hub->flights, key);
    if (n) {
        free(key);
        fl = container_of(n, struct hub_flight, node);
        hub->status.joined++;
    } else {
        fl = flight_new(hub, op, key);
        fl->at = AT_SOON;
        TAILQ_INSERT_TAIL(&hub->soon, fl, link);
        uv_timer_start(&hub->soon_timer, on_soon, 0, 0);
    }
    op->flight = fl;
    TAILQ_INSERT_TAIL(&fl->ops, op, link);
}

void hub_cancel(struct hub_op *op)
{
    AUTO_ERR struct err err = {0};

    TAILQ_REMOVE(&op->flight->ops, op, link);
    op->flight = NULL;
    err_set(&err, ERR_CANCELED, "canceled");
    op->done(op, NULL, NULL, 0, &err);
}

/* Nobody is told any more; it goes now, or when what it waits for has come. */
static void flight_cancel(struct hub_flight *fl)
{
    map_remove(&fl->hub->flights, &fl->node);
    fl->canceled = true;
    switch (fl->at) {
    case AT_SOON:
        TAILQ_REMOVE(&fl->hub->soon, fl, link);
        flight_free(fl);
        return;
    case AT_HUB:
        upstream_cancel(&fl->upstream);
        return;
    case AT_CACHE:
    case AT_DISK:
    case AT_CHECK:
        return;
    }
}

struct hub *hub_new(uv_loop_t *loop, const struct hub_options *options)
{
    struct hub *hub = mem_new(struct hub);
    struct upstreams_options o = {
        .endpoint = options->endpoint,
        .fetcher = options->fetcher,
        .max_attempts = options->max_attempts,
        .backoff_base_ms = options->backoff_base_ms,
        .backoff_cap_ms = options->backoff_cap_ms,
        .max_rate_wait_ms = options->max_rate_wait_ms,
    };

    hub->loop = loop;
    hub->o = *options;
    hub->upstreams = upstreams_new(loop, &o);
    credential_class(options->endpoint->token, hub->credential);
    hub_memory_init(&hub->memory);
    TAILQ_INIT(&hub->soon);
    uv_timer_init(loop, &hub->soon_timer);
    return hub;
}

void hub_stop(struct hub *hub)
{
    struct map_node *n;

    hub->stopping = true;
    for (struct map_cursor c = {0}; (n = map_next(&hub->flights, &c)); c = (struct map_cursor){0}) {
        struct hub_flight *fl = container_of(n, struct hub_flight, node);

        while (!TAILQ_EMPTY(&fl->ops))
            hub_cancel(TAILQ_FIRST(&fl->ops));
        flight_cancel(fl);
    }
}

bool hub_idle(const struct hub *hub) { return hub->n_flights == 0; }

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, struct hub, soon_timer));
}

void hub_free(struct hub *hub)
{
    assert(hub_idle(hub));
    hub_memory_release(&hub->memory);
    map_release(&hub->flights);
    upstreams_free(hub->upstreams);
    uv_close((uv_handle_t *)&hub->soon_timer, on_closed);
}

void hub_forget(struct hub *hub, const char *repo) { hub_memory_forget(&hub->memory, repo); }

void hub_status(const struct hub *hub, struct hub_status *ret)
{
    const struct upstreams_status *e = upstreams_status(hub->upstreams);

    *ret = hub->status;
    ret->offline = hub->o.offline;
    ret->is_up = e->is_up;
    ret->since_ms = e->since_ms;
    memcpy(ret->last_error, e->last_error, sizeof(ret->last_error));
    ret->requests = e->requests;
    ret->retries = e->retries;
    ret->failures += e->failures;
    ret->rate_limited = e->rate_limited;
    ret->flights = (unsigned)hub->flights.n;
    ret->negatives = (unsigned)hub->memory.refusals.n;
}
