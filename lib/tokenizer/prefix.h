#pragma once
/*
 * Prefix cache: long texts that begin alike are encoded once.
 *
 * A text is cut at safe places (tokenizer_safe_cut) into blocks of some KiB;
 * the ids of a block are those of its bytes alone, so a block that was seen
 * before, anywhere, needs no encoding. Found by hash, trusted only when all bytes
 * are the same. What is used least recently goes when the budget is full; that
 * never changes a result.
 *
 * Any number of threads: the table is behind a lock that is held for a look-up
 * or an insertion, never while comparing, copying or encoding.
 */
#include "tokenizer/tokenizer.h"

struct prefix_cache;
/* max_bytes: of texts and ids together, with what it takes to keep them. */
struct prefix_cache *prefix_cache_new(size_t max_bytes);
void prefix_cache_free(struct prefix_cache *c);

/* How much needed no encoding. */
struct prefix_use {
    size_t bytes, ids;
};

/*
 * As tokenizer_encode_ids(). Texts without safe places, and the last block, are
 * always encoded. Errors: as there.
 */
bool prefix_encode(struct prefix_cache *c, const struct tokenizer *t, const char *text, size_t size,
                   bool add_special_tokens, struct scratch *scratch, struct id_list *ids,
                   struct prefix_use *ret, struct err *err) MUST_CHECK;

/* Forgets all texts; what is being encoded may come in again. NULL is fine. */
void prefix_cache_clear(struct prefix_cache *c);

struct prefix_counts {
    size_t n_blocks, bytes, hits, misses, evicted;
};
void prefix_cache_counts(struct prefix_cache *c, struct prefix_counts *ret);
