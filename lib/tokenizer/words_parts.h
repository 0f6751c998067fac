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
    bool is_space[256]; /* SPACED: a space, or what becomes one when normalized */
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

enum {
    WORDS_BATCH = 256,
    WORD_HUGE = 256,
    WORD_PARTS = WORD_HUGE / 2, /* at most, for each has a character of several bytes */
    WORD_END_PART = INT32_MIN,  /* a bit of an end: of a part of a longer word */
};

/*
 * Ends of words from at on, at most max, as scanner_ends() has it. Bert's white space is a word
 * too, which has no ids.
 */
size_t words_ends(const struct words *w, const char *text, size_t size, size_t at, uint32_t *ends,
                  size_t max);
/*
 * Of BYTES with pairs: ends of the parts of the word text[at, end), which is cut where no token
 * goes across; for up to WORD_HUGE bytes. One that is whole has no WORD_END_PART.
 */
size_t words_cut_long(const struct words *w, const char *text, size_t at, size_t end,
                      uint32_t *ends);
/* The first such place behind at; or end. */
size_t words_cut_huge(const struct words *w, const char *text, size_t at, size_t end);
/* Words of BERT that begin so have no ids. */
static inline bool words_is_bert_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
/* Of SPACED: may text be cut before the space at i? */
bool words_cut_at_space(const struct words *w, const char *text, size_t size, size_t i);
/* Of JOINED: may text be cut before the character at i (not 0)? */
bool words_cut_between(const struct words *w, const char *text, size_t i);
/* BYTES: text is certainly in NFC, each character by itself and beside any of the others. */
bool words_composed(const char *text, size_t size);
/* SPACED: finds out which characters are plain. False: spaces are none. */
bool words_find_plain(struct words *w);

/* ---- memory of one thread */

enum { WORDS_ENDS = 2 * WORDS_BATCH + WORD_PARTS };

struct words_scratch {
    struct word_cache cache;
    struct key_shape {
        struct short_key mask;
        uint64_t tag;
    } shapes[2][SHORT_KEY_MAX + 2]; /* of words, and of parts of words */
    unsigned shaped_for;            /* this owner; 0: none */
    uint32_t raw[WORDS_BATCH];      /* ends, of which long words may make more */
    uint32_t ends[WORDS_ENDS];
    struct short_key keys[WORDS_ENDS];
    uint64_t hashes[WORDS_ENDS];
    size_t n;              /* words of the batch */
    struct tokens tokens;  /* of one word */
    struct pieces pieces;  /* of one word */
    struct pieces section; /* of a section that must be normalized */
    struct buf text;       /* a word as the model sees it */
    struct buf first;      /* the first word with a space before it */
    struct model_scratch *model;
    struct pieces_scratch *program;
};

/* One word by the exact means, into s->tokens; spans are bytes of the word. */
bool words_encode_exact(const struct words *w, bool part, const char *word, size_t size,
                        struct words_scratch *s, struct err *err) MUST_CHECK;
/* If spans are to leave them out: spaces at the ends of tokens. */
void words_trim(const struct words *w, const char *word, struct tokens *tokens);
