#include "daemon/hub_flight.h"

#include <stdio.h>

/* Hashing more would keep the loop for over 100 us. */
enum { CHECK_INLINE_BYTES = 1 << 16 };

/* ---- cache.db */

/*
 * A range is kept in pieces that fit a row, named by where they lie in the file;
 * one that is shorter than asked for is the file's last. The caller frees.
 */
char *range_piece(const struct hub_flight *fl, int64_t at, int64_t *ret_size)
{
    int64_t left = fl->size - at, from = fl->offset + at;

    *ret_size = left < HUB_CACHE_FILE_MAX ? left : HUB_CACHE_FILE_MAX;
    return str_printf("%s@%lld+%lld", fl->path, (long long)from, (long long)*ret_size);
}

/* True when it was the last one, or the next one was asked for. */
static bool on_cached_piece(struct hub_flight *fl, const void *data, size_t size)
{
    AUTO_FREE char *name = NULL;
    int64_t wanted;

    name = range_piece(fl, (int64_t)fl->data.size, &wanted);
    if ((int64_t)size > wanted)
        return false;
    buf_append(&fl->data, data, size);
    if ((int64_t)size < wanted || (int64_t)fl->data.size == fl->size) {
        fl->hub->status.cache_hits++;
        flight_end(fl, true, NULL);
    } else
        flight_ask_cache(fl);
    return true;
}

static void put_pieces(struct hub_flight *fl)
{
    const struct hub_cache *cache = fl->hub->o.cache;

    for (size_t at = 0; at < fl->data.size;) {
        int64_t size;
        AUTO_FREE char *name = range_piece(fl, (int64_t)at, &size);
        size_t n = fl->data.size - at < (size_t)size ? fl->data.size - at : (size_t)size;

        cache->put_file(cache->ctx, fl->credential, fl->repo, fl->commit, name, fl->oid,
                        fl->data.data + at, n);
        at += n;
    }
}

bool file_cached(struct hub_flight *fl, const char *data, size_t size)
{
    AUTO_ERR struct err ignored = {0};

    if (fl->kind == HUB_OP_RANGE)
        return on_cached_piece(fl, data, size);
    if (fl->oid[0] && !hub_content_check(fl->oid, fl->path, data, size, &ignored))
        return false;
    fl->hub->status.cache_hits++;
    buf_append(&fl->data, data, size);
    flight_end(fl, true, NULL);
    return true;
}

/* ---- the HF cache on disk */

void file_look(struct hub_flight *fl)
{
    fl->disk_answer = DISK_MISS;
    fl->work_ok = diskcache_read(fl->hub->o.disk, fl->repo, fl->commit, fl->path, fl->offset,
                                 fl->kind == HUB_OP_RANGE ? fl->size : -1, fl->max_bytes, &fl->data,
                                 &fl->disk_answer, &fl->work_err);
}

void file_looked(struct hub_flight *fl)
{
    const struct hub_cache *cache = fl->hub->o.cache;
    AUTO_ERR struct err err = {0};

    if (!fl->work_ok && fl->work_err.code == ERR_FILE_TOO_LARGE) {
        flight_fail(fl, &fl->work_err);
        return;
    }
    if (fl->work_ok && fl->disk_answer == DISK_HIT) {
        fl->hub->status.disk_hits++;
        if (cache && cache->used_blob && fl->data.size > HUB_CACHE_FILE_MAX)
            cache->used_blob(cache->ctx, fl->credential, fl->repo, fl->commit, fl->path);
        flight_end(fl, true, NULL);
        return;
    }
    if (fl->work_ok && fl->disk_answer == DISK_ABSENT && !fl->oid[0]) {
        err_set(&err, ERR_FILE_NOT_FOUND, "%s has no file %.200s at %s", fl->repo, fl->path,
                fl->commit);
        err_fact_str(&err, "path", fl->path);
        flight_fail(fl, &err);
        return;
    }
    err_release(&fl->work_err); /* a disk in trouble is a miss */
    buf_clear(&fl->data);
    flight_next(fl);
}

/* ---- the Hub: is it what it should be, and keep it */

static void check_work(uv_work_t *work)
{
    struct hub_flight *fl = container_of(work, struct hub_flight, work);
    struct diskcache *disk = fl->hub->o.disk;
    AUTO_ERR struct err ignored = {0};

    fl->work_ok = hub_content_check(fl->oid, fl->path, fl->data.data ? fl->data.data : "",
                                    fl->data.size, &fl->work_err);
    if (!fl->work_ok || fl->data.size <= HUB_CACHE_FILE_MAX || !disk || !fl->use_disk)
        return;
    /* A full disk must not cost the answer: then it is fetched again some day. */
    fl->on_disk = diskcache_put(disk, fl->repo, fl->commit, fl->path, fl->oid, fl->data.data,
                                fl->data.size, &fl->is_new, &ignored);
    if (fl->on_disk && fl->revision)
        (void)!diskcache_put_ref(disk, fl->repo, fl->revision, fl->commit, &ignored);
}

static void on_checked(struct hub_flight *fl)
{
    const struct hub_cache *cache = fl->hub->o.cache;

    if (!fl->work_ok) {
        AUTO_ERR struct err err = {0};

        err_move(&err, &fl->work_err);
        fl->hub->status.mismatches++;
        buf_clear(&fl->data);
        if (fl->n_mismatches++ == 0) { /* bytes go wrong on the way, too */
            file_ask_hub(fl);
            return;
        }
        flight_fail(fl, &err);
        return;
    }
    if (cache && fl->kind == HUB_OP_RANGE)
        put_pieces(fl);
    else if (cache && fl->data.size <= HUB_CACHE_FILE_MAX)
        cache->put_file(cache->ctx, fl->credential, fl->repo, fl->commit, fl->path, fl->oid,
                        fl->data.data ? fl->data.data : "", fl->data.size);
    else if (cache && cache->put_blob && fl->on_disk)
        cache->put_blob(cache->ctx, fl->credential, fl->repo, fl->commit, fl->path, fl->oid,
                        (int64_t)fl->data.size, fl->is_new);
    flight_end(fl, true, NULL);
}

static void on_check_work(uv_work_t *work, int status)
{
    struct hub_flight *fl = container_of(work, struct hub_flight, work);
    (void)status;

    if (fl->canceled)
        flight_free(fl);
    else
        on_checked(fl);
}

static void on_file_answer(struct upstream *x, bool ok, const struct err *err)
{
    struct hub_flight *fl = container_of(x, struct hub_flight, upstream);

    if (fl->canceled) {
        flight_free(fl);
        return;
    }
    if (!ok) {
        flight_refused(fl, err);
        flight_fail(fl, err);
        return;
    }
    fl->hub->status.bytes += x->body.size;
    buf_release(&fl->data);
    fl->data = x->body;
    x->body = (struct buf){0};
    if (!fl->oid[0])
        memcpy(fl->oid, x->oid, sizeof(fl->oid));
    fl->work_ok = true;
    if (fl->kind == HUB_OP_RANGE) {
        /* A part has no hash; but whose part it is the Hub says. */
        if (x->oid[0] && !str_eq(x->oid, fl->oid))
            fl->work_ok =
                err_set(&fl->work_err, ERR_CONTENT_MISMATCH,
                        "%.200s of %s is another file than its commit lists", fl->path, fl->repo);
        on_checked(fl);
        return;
    }
    if (!fl->oid[0]) { /* a mirror without hashes: nothing to check, and nothing to keep */
        flight_end(fl, true, NULL);
        return;
    }
    if (fl->data.size <= CHECK_INLINE_BYTES) {
        check_work(&fl->work);
        on_checked(fl);
        return;
    }
    fl->at = AT_CHECK;
    uv_queue_work(fl->hub->loop, &fl->work, check_work, on_check_work);
}

void file_ask_hub(struct hub_flight *fl)
{
    flight_ask_hub(fl, HUB_FILE, fl->canonical ? fl->canonical : fl->repo, fl->commit, NULL,
                   on_file_answer);
}
