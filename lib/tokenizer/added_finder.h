#pragma once
/*
 * Added finder: added tokens in raw text, for the fast way.
 *
 * Only those that are found the same in raw text as step by step: no white space
 * taken, no look at the neighbours, and normalizers that leave the text of the
 * token alone. When one of the others might be there, it says so and the text
 * goes the exact way.
 */
#include "tokenizer/core.h"

enum { ADDED_FIRST_MAX = 8 };

struct added_finder {
    bool usable;     /* false: only the exact way finds them */
    uint8_t n_first; /* distinct first bytes, if no more than first[] holds; else 0 */
    uint8_t first[ADDED_FIRST_MAX];
    uint64_t pairs[1024]; /* first two bytes of some token; of one of a single byte all pairs */
};

void added_finder_open(const struct core *c, struct added_finder *f);

enum added_found { ADDED_NONE, ADDED_TOKEN, ADDED_EXACT /* encode the text the exact way */ };
/*
 * The first token in text[at, size). A special one that is guarded is none; one that only the
 * exact way finds is reported whether guarded or not.
 * Cost: where tokens begin with few bytes 0.1 to 0.4 ns per byte, else some 1 ns.
 */
enum added_found added_find(const struct core *c, const struct added_finder *f, const char *text,
                            size_t size, size_t at, const struct guard *guard, struct span *ret,
                            uint32_t *ret_id);
