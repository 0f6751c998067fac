#pragma once
/*
 * Hub: pins, files and ranges of Hugging Face repositories, from wherever they
 * are nearest.
 *
 *     memory ─► cache (cache.db) ─► HF cache on disk ─► the Hub
 *
 * What a commit holds never changes, so only pins are ever asked again; a file
 * is asked of the network once, however many want it at once (single flight)
 * and however often later. What comes from the network is checked against its
 * hash before anybody sees or keeps it. When the Hub cannot be asked, the last
 * known pin serves, and the result says so. Offline means that no socket is
 * opened.
 *
 * All of it on one loop thread; disk and hashing on uv's workers.
 */
#include "daemon/fetch.h"
#include "hub/diskcache.h"
#include "hub/endpoint.h"
#include "hub/inspect.h"

/*
 * Where small things are kept between runs; the daemon puts cache.db behind it.
 * Every get ends in hub_cache_answer(), later or from inside; puts are told and
 * forgotten. A missing cache is NULL.
 */
struct hub_cache_get {
    const char *credential, *repo, *revision; /* of a pin */
    const char *commit, *path;                /* of a file; then revision is NULL */
    void (*done)(struct hub_cache_get *g, const void *data, size_t size); /* NULL: a miss */
};

struct hub_cache {
    void *ctx;
    /* Pin as pin_render() wrote it. */
    void (*get_pin)(void *ctx, struct hub_cache_get *g);
    void (*put_pin)(void *ctx, const char *credential, const char *repo, const char *revision,
                    const struct pin *pin, const char *text);
    /* Files up to HUB_CACHE_FILE_MAX; a piece of one is the path with "@offset+size". */
    void (*get_file)(void *ctx, struct hub_cache_get *g);
    void (*put_file)(void *ctx, const char *credential, const char *repo, const char *commit,
                     const char *path, const char *oid, const void *data, size_t size);
    /*
     * A file too large for that lies in the disk cache now, for whoever keeps
     * the books and evicts. Not is_new: somebody else had written it before.
     * used_blob(): one such was read. NULL without a disk cache.
     */
    void (*put_blob)(void *ctx, const char *credential, const char *repo, const char *commit,
                     const char *path, const char *oid, int64_t size, bool is_new);
    void (*used_blob)(void *ctx, const char *credential, const char *repo, const char *commit,
                      const char *path);
};

enum { HUB_CACHE_FILE_MAX = 1 << 20 };

struct hub_options {
    const struct endpoint *endpoint;
    struct fetcher *fetcher;
    struct diskcache *disk;        /* NULL: none */
    const struct hub_cache *cache; /* NULL: none */
    bool offline;
    int64_t pin_ttl_ms;       /* 60 s: how long a branch is believed */
    int64_t negative_ttl_ms;  /* 60 s: how long a refusal is */
    unsigned max_attempts;    /* 4 */
    int64_t backoff_base_ms;  /* 500 */
    int64_t backoff_cap_ms;   /* 8000 */
    int64_t max_rate_wait_ms; /* 2000: a shut gate that opens sooner is waited for */
};
void hub_options_default(struct hub_options *o);

struct hub;
struct hub *hub_new(uv_loop_t *loop, const struct hub_options *options);
/* Ends everything under way with ERR_CANCELED, from inside the call. */
void hub_stop(struct hub *hub);
/* After hub_stop(), when hub_idle(): what workers still did is done. Memory goes with the loop. */
void hub_free(struct hub *hub);
bool hub_idle(const struct hub *hub);

enum hub_op_kind { HUB_OP_PIN, HUB_OP_FILE, HUB_OP_RANGE };

/*
 * One thing wanted. The caller embeds it, fills the first part and leaves it
 * alone until done(), which comes once, on the loop, never from inside
 * hub_start().
 */
struct hub_op {
    enum hub_op_kind kind;
    const char *token;    /* NULL: anonymous. Strings are copied by hub_start() */
    const char *repo;     /* as asked for */
    const char *revision; /* PIN; of FILE, where known: the ref to write beside a file on disk */
    const char *canonical, *commit, *path, *oid; /* FILE, RANGE; canonical and oid may be NULL */
    int64_t file_size;                           /* as the pin has it; -1 unknown */
    int64_t offset, size;                        /* RANGE */
    int64_t max_bytes;                           /* FILE */
    bool refresh;                                /* PIN: believe no cache */
    bool offline;                                /* ask nothing of the Hub */
    /*
     * Success: PIN gives pin, to be taken over (or left); the others data,
     * borrowed during the call. *err is then ERR_NONE, or why a stale pin had
     * to do (pin->stale). Failure: pin and data NULL, *err says why.
     */
    void (*done)(struct hub_op *op, struct pin *pin, const char *data, size_t size,
                 const struct err *err);

    struct hub_flight *flight; /* the hub's */
    TAILQ_ENTRY(hub_op) link;
};

void hub_start(struct hub *hub, struct hub_op *op);
/* done() comes from inside, with ERR_CANCELED. What is under way goes on for the cache's sake. */
void hub_cancel(struct hub_op *op);

/* Forgets refusals and pins of a repository, by either of its names (NULL: of all). */
void hub_forget(struct hub *hub, const char *repo);

struct hub_status {
    bool offline, is_up;
    int64_t since_ms; /* wall clock of the last change; 0: never asked */
    char last_error[200];
    uint64_t requests, retries, failures, rate_limited, cache_hits, disk_hits, joined, mismatches,
        stale, bytes;
    unsigned flights, negatives;
};
void hub_status(const struct hub *hub, struct hub_status *ret);
