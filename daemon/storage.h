#pragma once
/*
 * Storage: the threads that wait for the disk, and the way to them.
 *
 *     core loop ── storage_write ──► registry thread: group commits into registry.db
 *         ▲  └──── storage_cache ──► cache thread:    one op after another on cache.db
 *         └─ done(), by one uv_async per thread
 *
 * Two threads, because a registry commit that clients wait for must not stand
 * behind a lookup. Each takes everything that waits at once; the registry
 * thread makes one transaction of it (STORAGE_BATCH_MAX ops), so the more wait,
 * the cheaper each is.
 *
 * The contract of every request here: the caller embeds it and leaves it alone
 * until done(), which comes exactly once, on the loop, in the order of
 * submission per thread, never from inside the submitting call. A submit that
 * returns false took nothing, and done() never comes.
 *
 * All functions: loop thread only.
 */
#include "daemon/lane.h"
#include "store/cache_store.h"
#include "store/registry_store.h"

#include <uv.h>

enum { STORAGE_BATCH_MAX = 256 };

/* What writes and reads have in common on their way; private. */
struct storage_item {
    struct lane_item item;
    bool is_read;
};

/*
 * A write to the registry, acknowledged when it is on disk.
 *
 * When a commit fails, its writes fail, and so does every write submitted
 * until storage_resume(): they were decided on a state that never came to be.
 * The owner of the state goes back to what was committed (the last revision of
 * a done() that was ok), then resumes; it may do so in the first failed done(),
 * because everything still under way is certain to fail with the same error.
 */
struct storage_write {
    struct store_write write; /* its ops, and what they point to, borrowed until done() */
    bool ok;
    struct err err; /* when not ok; the caller's to release */
    void (*done)(struct storage_write *w);
    /* private */
    struct storage_item item;
    unsigned epoch;
};

/* Reads one handle. Sees every write submitted before it that succeeded. */
struct storage_read {
    char id[64];
    struct store_handle *handle; /* the caller's to free; NULL: none */
    bool ok;
    struct err err;
    void (*done)(struct storage_read *r);
    /* private */
    struct storage_item item;
};

/*
 * Something done with the cache. run() is on the cache thread: it touches the
 * op (embed it in what it needs) and the store, nothing else.
 */
struct storage_cache_op {
    void (*run)(struct storage_cache_op *op, struct cache_store *cache);
    void (*done)(struct storage_cache_op *op);
    /* private */
    struct lane_item item;
};

struct storage;

struct storage_config {
    const char *registry_path, *cache_path;
    size_t max_waiting; /* per thread; more is ERR_BUSY. 0: 4096 */
};

struct storage_report {
    struct registry_store_report registry;
    char cache_note[400]; /* "" nothing odd */
};

/*
 * Opens both stores on this thread. Then registry_store_load() of
 * storage_registry() reads the state; then storage_start() hands them to their
 * threads, and storage_registry() must not be used any more.
 */
bool storage_open(struct storage **ret, const struct storage_config *config,
                  struct storage_report *report, struct err *err) MUST_CHECK;
struct registry_store *storage_registry(struct storage *s);
void storage_start(struct storage *s, uv_loop_t *loop);

/* ERR_BUSY when too many wait, ERR_DRAINING after storage_stop(). */
bool storage_submit(struct storage *s, struct storage_write *w, struct err *err) MUST_CHECK;
bool storage_submit_read(struct storage *s, struct storage_read *r, struct err *err) MUST_CHECK;
bool storage_submit_cache(struct storage *s, struct storage_cache_op *op,
                          struct err *err) MUST_CHECK;

/*
 * After w failed: what is submitted from now on was decided on the committed
 * state. The first call for a failure counts, so it may be made for every
 * write that fails.
 */
void storage_resume(struct storage *s, const struct storage_write *w);

/* For metrics. */
struct storage_stats {
    size_t n_waiting, n_cache_waiting;      /* now, with those under way */
    uint64_t n_commits, n_writes, n_failed; /* transactions, writes in them, failed writes */
    uint64_t commit_us, commit_us_max;      /* in transactions, altogether and the longest */
};
struct storage_stats storage_stats(const struct storage *s);

/*
 * Runs what waits, calls every done(), closes the stores (one file each is left) and
 * frees s once the loop has closed its handles: run the loop once more after it.
 * Also for a storage that was never started.
 */
void storage_stop(struct storage *s);
