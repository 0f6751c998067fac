#pragma once
/* Words, inside: what is compiled, and where text is cut. */
#include "tokenizer/vocab.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/words.h"

enum { META = 0x2581, META_PACKED = 0x8196e2, PLAIN_END = 0x600 };

enum words_family { WORDS_NONE, WORDS_BYTES, WORDS_JOINED, WORDS_BERT, WORDS_SPACED };

struct words_head {
    uint32_t family;
    uint32_t nfc;       /* BYTES: text is composed first */
    uint32_t prepend;   /* JOINED: "▁" before each section */
    uint32_t pair_bits; /* BYTES, JOINED: the set of pairs has 2^pair_bits bits; 0: there is none */
    union {
        /* BYTES: bit lead & 63 of [last & 63]: some token goes across from such a byte to such a
         * one, and has not the whole of both characters. */
        uint64_t partial[64];
        uint64_t ascii[128][2]; /* JOINED: the pairs of ASCII, "▁" as a space */
    };
    /* pairs */
};

struct words {
    struct words_head head;
    const uint64_t *pairs;
    const struct token_model *model;
    const struct program *program;
    const struct scanner *scanner;
    struct image_identity identity;
    bool trims;
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
 * Characters as their bytes; of BYTES, with fewer of them when a token begins or ends within,
 * and only those of several bytes are in the set.
 */
static inline uint32_t pack_bytes(const char *p, size_t n)
{
    uint32_t packed;

    memcpy(&packed, p, sizeof(packed)); /* reads 4 bytes, n is 1 to 4 */
    return packed & UINT32_MAX >> (32 - 8 * n);
}

/*
 * Ends of words from at on, at most max, as scanner_ends(). Bert's white space is a word too,
 * which has no ids.
 */
size_t words_ends(const struct words *w, const char *text, size_t size, size_t at, uint32_t *ends,
                  size_t max);
/*
 * Of BYTES with pairs: the first place behind at where the word text[at, end) can be cut, for no
 * token goes across; else end.
 */
size_t words_cut_bytes(const struct words *w, const char *text, size_t at, size_t end);
/* Of SPACED: may text be cut before the space at i? */
bool words_cut_at_space(const struct words *w, const char *text, size_t size, size_t i);
/* Of JOINED: may text be cut before the character at i (not 0)? */
bool words_cut_between(const struct words *w, const char *text, size_t i);
/* BYTES: text is certainly in NFC, each character by itself and beside any of the others. */
bool words_composed(const char *text, size_t size);
/* SPACED: finds out which characters are plain. False: spaces are none. */
bool words_find_plain(struct words *w);

/* ---- memory of one thread */

enum { WORDS_BATCH = 256 };

struct words_scratch {
    struct word_cache cache;
    struct key_shape {
        struct short_key mask;
        uint64_t tag;
    } shapes[2][SHORT_KEY_MAX + 2]; /* of words, and of parts of words */
    unsigned shaped_for;            /* this owner; 0: none */
    uint32_t ends[WORDS_BATCH];
    struct short_key keys[WORDS_BATCH];
    uint64_t hashes[WORDS_BATCH];
    struct tokens tokens;  /* of one word */
    struct pieces pieces;  /* of one word */
    struct pieces section; /* of a section that must be normalized */
    struct buf text;       /* a word as the model sees it */
    uint32_t *places;      /* … and where its bytes came from */
    size_t places_capacity;
    struct buf first; /* the first word with a space before it */
    struct model_scratch *model;
    struct pieces_scratch *program;
};

/* One word by the exact means, into s->tokens; spans are bytes of the word. */
bool words_encode_exact(const struct words *w, bool part, const char *word, size_t size,
                        struct words_scratch *s, struct err *err) MUST_CHECK;
