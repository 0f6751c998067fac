#pragma once
/*
 * Decode table: id → the text it becomes, for decoders that treat tokens one by
 * one. Decoding is then copying.
 *
 * Most texts are the token's bytes in the vocabulary, or nearly so, and are copied from
 * there; two bits of each offset (vocab.h) say how. What is left is listed in a section of its
 * own, found by counting bits:
 *
 *     TEXTS   head; for every 64 ids which of them are listed, and how many before them;
 *             offsets of the listed texts, with what they are on top; the texts
 *
 * Which decoders those are:
 *     bytes   [ByteLevel] [Fuse]: the bytes of all tokens, U+FFFD for what is no UTF-8
 *     text    steps that look at one token (Replace, Strip, Metaspace, WordPiece; the first
 *             token apart), then [ByteFallback] [Fuse] [Strip from the left]; no decoder: spaces
 * All others run as chains (decoder.h).
 */
#include "tokenizer/bits.h"
#include "tokenizer/vocab.h"

enum decode_kind { DECODE_AS_CHAIN, DECODE_AS_BYTES, DECODE_AS_TEXT };

/* The two topmost bits of a vocabulary's offset. */
enum decode_how {
    HOW_PLAIN,  /* the bytes as they are */
    HOW_SPACED, /* a space, and the bytes less table.skip[HOW_SPACED] at the front */
    HOW_CUT,    /* the bytes less table.skip[HOW_CUT] */
    HOW_LISTED, /* in TEXTS, or no token at all */
};

/* The two topmost bits of an offset in TEXTS. */
enum decode_look { LOOK_TEXT, LOOK_SPECIAL, LOOK_BYTE, LOOK_SPECIAL_BYTE };

enum { LOOK_SHIFT = 30, LOOK_OFFSET = (1 << LOOK_SHIFT) - 1, DECODE_TAIL = 64 };

/* Which of 64 ids are listed. */
struct decode_block {
    uint64_t bits;
    uint32_t before; /* how many in all blocks before */
    uint32_t unused;
};

struct decode_table {
    enum decode_kind kind;
    uint32_t n_steps;   /* text: of the decoders, those before ByteFallback */
    bool first_differs; /* the first token goes through the steps by itself */
    bool byte_fallback;
    uint32_t strip, strip_max; /* a scalar value, and how many of it go at the front */
    uint32_t skip[3];          /* by enum decode_how */

    uint32_t longest;             /* bytes of a token of the vocabulary */
    uint32_t n, n_vocab;          /* ids; those that have an offset in the vocabulary */
    uint32_t byte_first, n_bytes; /* ids of ByteFallback's 256 bytes in their order; 0: are not */
    const uint32_t *offsets;      /* the vocabulary's */
    const char *bytes;
    const struct decode_block *blocks; /* n / 64 + 1 */
    const uint32_t *listed;            /* offsets; one more than there are */
    const char *texts;                 /* DECODE_TAIL bytes behind the last may be read */
};

/* Where a listed id is in t->listed; NO_ID: no token has the id. */
static inline uint32_t decode_listed(const struct decode_table *t, uint32_t id)
{
    const struct decode_block *b = &t->blocks[id / 64];
    uint64_t below = b->bits & ((UINT64_C(1) << id % 64) - 1);

    if (!(b->bits >> id % 64 & 1))
        return NO_ID;
    return b->before + count_bits(below);
}

struct core;
struct pattern;
/*
 * Writes section TEXTS of w and the two bits in its vocabulary, which must be there.
 * Errors: COMBINATION (a pattern's, too many texts).
 */
bool decode_table_compile(const struct core *c, struct pattern **patterns, struct image_writer *w,
                          struct err *err) MUST_CHECK;
/* v is a view of the same image. Errors: FILE_CORRUPT. */
bool decode_table_open(const struct core *c, const struct vocab *v, const void *data, size_t size,
                       struct decode_table *ret, struct err *err) MUST_CHECK;
