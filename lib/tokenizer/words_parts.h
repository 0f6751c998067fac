#pragma once
/* Words, inside: what is compiled, and where text is cut. */
#include "tokenizer/vocab.h"
#include "tokenizer/words.h"

enum { META = 0x2581, PLAIN_END = 0x600 };

enum words_family { WORDS_NONE, WORDS_BYTES, WORDS_JOINED, WORDS_BERT, WORDS_SPACED };

struct words_head {
    uint32_t family;
    uint32_t nfc;       /* BYTES: text is composed first */
    uint32_t prepend;   /* JOINED: "▁" before each section */
    uint32_t pair_bits; /* BYTES, JOINED: the set of pairs has 2^pair_bits bits; 0: there is none */
    /* pairs */
};

struct words {
    struct words_head head;
    const uint64_t *pairs;
    const struct token_model *model;
    const struct program *program;
    const struct scanner *scanner;
    struct image_identity identity;
    bool space_joins[128]; /* JOINED: some token may have this character before "▁" */
    /* SPACED: characters that stay something, and have no space at their ends, when normalized */
    uint64_t plain[PLAIN_END / 64];
};

/*
 * Two characters may stand side by side in a token. A set of bits by hash: what is in it is
 * found, what is not may be found too, which only costs a cut.
 */
static inline uint64_t pair_hash(uint32_t left, uint32_t right, uint32_t bits)
{
    return ((uint64_t)left << 32 | right) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits);
}
static inline bool pair_joins(const struct words *w, uint32_t left, uint32_t right)
{
    uint64_t bit = pair_hash(left, right, w->head.pair_bits);

    return w->pairs[bit / 64] >> bit % 64 & 1;
}

/*
 * Of BYTES the neighbours are bytes: those of a character, or fewer of it when the
 * token begins or ends within. Only characters of several bytes are in the set.
 */
static inline uint32_t pack_bytes(const char *p, size_t n)
{
    uint32_t packed = 0;

    while (n-- > 0)
        packed = packed << 8 | (uint8_t)*p++;
    return packed;
}

/* Words on their way from the family's rule, which may be a scanner that cannot begin within one.
 */
struct word_cursor {
    uint32_t raw[256];
    size_t n, i;
    bool within; /* a word of raw, of which a part is done */
};

/*
 * Ends of words from at on, at most max, as scanner_ends(); a section begins with
 * a cursor of zeros. Words too long for a short key are cut further where no
 * token goes across; parts says which are no whole words. Bert's white space is a
 * word too, which has no ids.
 */
size_t words_ends(const struct words *w, const char *text, size_t size, size_t at,
                  struct word_cursor *c, uint32_t *ends, bool *parts, size_t max);
/* Of SPACED: may text be cut before the space at i? */
bool words_cut_at_space(const struct words *w, const char *text, size_t size, size_t i);
/* Of JOINED: may text be cut before the character at i (not 0)? */
bool words_cut_between(const struct words *w, const char *text, size_t i);
/* BYTES: text is certainly in NFC, each character by itself and beside any of the others. */
bool words_composed(const char *text, size_t size);
/* SPACED: finds out which characters are plain. False: spaces are none. */
bool words_find_plain(struct words *w);
