#pragma once
/* BPE between its two steps: a piece as a row of symbols, which are then merged. */
#include "tokenizer/merges.h"

struct model_scratch;
struct tokens;

enum { BPE_SHORT = 32 };

/* Of a row as it begins; it ends where the next one starts. */
struct bpe_symbol {
    uint32_t id, end;
    /* in a long row: */
    uint32_t rank;       /* with the next one; MERGE_NONE */
    uint32_t prev, next; /* UINT32_MAX: none */
};

/*
 * Merges the row as the reference does: the lowest rank first, of equal ones the
 * leftmost. Appends what is left. Both give the same for regular merges; others
 * (merges.h) need long.
 */
void bpe_merge_short(const struct merges *m, uint32_t *ids, uint32_t *ends, uint32_t n,
                     struct tokens *out);
/* n log n. symbols and heap of scratch: room for n and 3 n. */
void bpe_merge_long(const struct merges *m, struct bpe_symbol *symbols, uint32_t n, uint64_t *heap,
                    struct tokens *out);
