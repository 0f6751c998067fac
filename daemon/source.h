#pragma once
/*
 * Source: from a model's name to everything read of it.
 *
 * Drives hub/inspect to its end: chooses where to read (a local path, or the
 * Hub with its caches), keeps a bounded number of reads under way and shares
 * one walk among all who want the same. Models are kept in memory, by bytes;
 * one of a branch is believed as long as its pin, and dropped when another
 * reading of the branch (by subfolder, trust, credential) finds that it moved.
 *
 * On the core loop's thread.
 */
#include "daemon/hub.h"
#include "hub/localdir.h"
#include "hub/model.h"

struct source_options {
    struct hub *hub;
    const struct localroots *roots; /* NULL: no local models */
    size_t max_bytes;               /* of models in memory; 256 MiB */
    unsigned max_parallel;          /* reads under way per model; 8 */
    int64_t pin_ttl_ms;             /* 60 s */
};
void source_options_default(struct source_options *o);

struct source;
struct source *source_new(uv_loop_t *loop, const struct source_options *options);
void source_stop(struct source *s); /* everything under way ends with ERR_CANCELED, from inside */
void source_free(struct source *s); /* after source_stop(), when source_idle() */
bool source_idle(const struct source *s);

struct source_op {
    /* ---- filled before source_start(); copied */
    struct model_ref ref;
    const char *token; /* NULL: anonymous */
    enum inspect_depth depth;
    bool refresh; /* pin again whatever is known */
    /*
     * Success: model, borrowed during the call (take a reference). *err is then
     * ERR_NONE, or why model->stale. Failure: model is NULL.
     */
    void (*done)(struct source_op *op, struct model *model, const struct err *err);

    struct source_walk *walk; /* source.c's */
    TAILQ_ENTRY(source_op) link;
};

/* done() comes once, on the loop, never from inside. */
void source_start(struct source *s, struct source_op *op);
void source_cancel(struct source_op *op); /* done() from inside, with ERR_CANCELED */

/*
 * The model if it is in memory and its pin is believed, with a reference of the
 * caller's; NULL otherwise. What a hot path asks before source_start().
 */
struct model *source_peek(struct source *s, const struct model_ref *ref, const char *token,
                          enum inspect_depth depth);

/* The commit of what memory has of it, believed or not. */
bool source_commit(const struct source *s, const struct model_ref *ref, const char *token,
                   char ret[65]);

/*
 * Drops what memory holds of a model, by either of its names (every revision and
 * credential; NULL: of all). Returns how many.
 */
size_t source_forget(struct source *s, const char *model);
/* From now on at most max_bytes. */
void source_limit(struct source *s, size_t max_bytes);

/* What memory holds, for GET /v1/models: called for each, most recently used first. */
void source_each(const struct source *s, void (*each)(void *ctx, const struct model *m), void *ctx);

struct source_status {
    size_t n_models, bytes, max_bytes;
    unsigned walks;
    uint64_t hits, misses, evicted;
};
void source_status(const struct source *s, struct source_status *ret);
