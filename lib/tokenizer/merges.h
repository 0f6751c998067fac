#pragma once
/*
 * Merges: what two neighbouring tokens become, and how early.
 *
 * A slot is a permutation of the pair (42 bits) and the rank (22 bits). Slots lie in
 * ascending order with gaps, each at or behind where its bits point to: a search
 * goes on while slots are smaller and ends in the same cache line as a rule,
 * found or not. Four fifths are filled.
 */
#include "tokenizer/bits.h"
#include "tokenizer/vocab.h"

enum { MERGE_RANK_BITS = 22, MERGE_NONE = (1 << MERGE_RANK_BITS) - 1 };

/*
 * What 8 merges, in the order of their ranks, make. As a rule that is the same token as the one
 * before or the next: then it is the first one's id and 7 bits, a bit for every step. Else the
 * block has a place in a list of ids, and its topmost bit.
 */
enum { MERGE_BLOCK = 8, MERGE_STEPS_SHIFT = 21, MERGE_LISTED = 1u << 31 };

/* A view of the image. */
struct merges {
    const uint64_t *slots;
    const uint32_t *blocks; /* by rank / MERGE_BLOCK */
    const uint32_t *listed;
    uint32_t n_homes;
    uint32_t n;
};

static inline uint64_t merge_key(uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << 21 | right;

    /* An odd factor permutes the 42 bits; its upper bits depend on all. */
    return (key * UINT64_C(0x2545f4914f6cdd1d)) & ((UINT64_C(1) << 42) - 1);
}

static inline const uint64_t *merge_home(const struct merges *m, uint64_t key)
{
    return m->slots + ((key >> 10) * m->n_homes >> 32);
}

/* Rank, or MERGE_NONE. */
static inline uint32_t merge_rank(const struct merges *m, uint32_t left, uint32_t right)
{
    uint64_t key = merge_key(left, right);
    const uint64_t *slot = merge_home(m, key);

    while (*slot >> MERGE_RANK_BITS < key)
        slot++;
    return *slot >> MERGE_RANK_BITS == key ? (uint32_t)*slot & MERGE_NONE : MERGE_NONE;
}

/* The same, where one question comes after another: how far the slot is cannot be guessed, so
 * there is no branch for it up to six places. */
static inline uint32_t merge_rank_near(const struct merges *m, uint32_t left, uint32_t right)
{
    uint64_t key = merge_key(left, right), least = key << MERGE_RANK_BITS;
    const uint64_t *slot = merge_home(m, key);
    unsigned behind = (slot[0] < least) + (slot[1] < least) + (slot[2] < least) +
                      (slot[3] < least) + (slot[4] < least) + (slot[5] < least);

    slot += behind;
    if (__builtin_expect(behind == 6, 0))
        while (*slot < least)
            slot++;
    return (*slot ^ least) >> MERGE_RANK_BITS ? MERGE_NONE : (uint32_t)*slot & MERGE_NONE;
}

static inline uint32_t merge_result(const struct merges *m, uint32_t rank)
{
    uint32_t block = m->blocks[rank / MERGE_BLOCK], at = rank % MERGE_BLOCK;

    if (__builtin_expect(block & MERGE_LISTED, 0))
        return m->listed[(block & ~MERGE_LISTED) + at];
    return (block & ((1u << MERGE_STEPS_SHIFT) - 1)) +
           count_bits(block >> MERGE_STEPS_SHIFT & ((1u << at) - 1));
}

/*
 * Writes the table to sections MODEL_2 and MODEL_3 of w. *ret_regular: a token made by a merge
 * is longer than both of its parts, so no merge comes up twice at one place.
 * Errors: COMBINATION: a merge whose tokens are not in the vocabulary, as the reference.
 * Cost: some 60 ns per merge.
 */
bool merges_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                    struct image_writer *w, bool *ret_regular, struct err *err) MUST_CHECK;
void merges_open(struct image image, struct merges *ret);
