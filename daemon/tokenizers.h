#pragma once
/*
 * Tokenizers: those that are loaded, by what their files are.
 *
 * One image serves every handle made of the same files. Loading is single
 * flight: read what is needed of the model, compile or map on a worker, then
 * tell all who wait. The least recently used go when there are too many bytes
 * (of mapped images: pages that are not touched cost address space only); who
 * holds one keeps it.
 *
 * Core loop only; what is handed out is counted and may go to any thread.
 */
#include "base/map.h"
#include "daemon/hub.h"
#include "hub/localdir.h"
#include "hub/model.h"
#include "tokenizer/tokenizer.h"

#include <sys/queue.h>

TAILQ_HEAD(loaded_list, loaded);

struct tokenizers {
    uv_loop_t *loop;
    struct hub *hub;
    const struct localroots *roots;
    char *folder; /* of images */
    struct map by_key, loading;
    struct loaded_list by_use; /* most recent first */
    size_t bytes, max_bytes;
    size_t n_loading;
    uint64_t n_mapped, n_compiled, n_failed;
};

void tokenizers_init(struct tokenizers *t, uv_loop_t *loop, struct hub *hub,
                     const struct localroots *roots, const char *cache_dir, size_t max_bytes);
void tokenizers_release(struct tokenizers *t); /* nothing is being loaded */

struct tokenizers_op {
    /* ---- filled by the caller */
    struct model *model; /* borrowed until done() */
    const char *token;   /* for the Hub; NULL: anonymous */
    /* Success: tokenizer, borrowed during the call. Failure: NULL and why. */
    void (*done)(struct tokenizers_op *op, struct tokenizer *tokenizer, const struct err *err);

    TAILQ_ENTRY(tokenizers_op) link; /* private */
};

/* done() comes once, on the loop; at once, from inside, when it is loaded or cannot be. */
void tokenizers_open(struct tokenizers *t, struct tokenizers_op *op);
/* Forgets all that nobody holds; images on disk stay. */
void tokenizers_forget(struct tokenizers *t);
