#pragma once
/*
 * Decode table: id → the text it becomes, for decoders that treat tokens one by
 * one. Decoding is then copying.
 *
 *     offsets[id] … offsets[id + 1]   in blob; LOOK: id is none, special or a byte of
 *                                     ByteFallback, and the blob begins with what it is
 *
 * Which decoders those are:
 *     bytes   [ByteLevel] [Fuse]: the bytes of all tokens, U+FFFD for what is no UTF-8
 *     text    steps that look at one token (Replace, Strip, Metaspace, WordPiece; the first
 *             token apart), then [ByteFallback] [Fuse] [Strip from the left]; no decoder: spaces
 * All others run as chains (decoder.h).
 */
#include "tokenizer/spec.h"

enum decode_kind { DECODE_AS_CHAIN, DECODE_AS_BYTES, DECODE_AS_TEXT };

enum { DECODE_LOOK = 1u << 31, DECODE_PADDING = 32 /* readable bytes behind the blob */ };

enum decode_look { LOOK_NONE, LOOK_SPECIAL, LOOK_BYTE, LOOK_SPECIAL_BYTE };

struct decode_table {
    const uint32_t *offsets; /* n + 1 */
    const char *blob;
    uint32_t n;
    enum decode_kind kind;
    uint32_t n_steps;   /* text: of the decoders, those before ByteFallback */
    bool first_differs; /* the first token goes through the steps by itself */
    bool byte_fallback;
    uint32_t strip, strip_max; /* a scalar value, and how many of it go at the front */
};

struct core;
struct token_model;
struct pattern;
/* What the decoders allow. */
void decode_table_plan(const struct core *c, struct decode_table *ret);
/* Appends IMAGE_TEXTS. Errors: COMBINATION (a pattern's). */
bool decode_table_compile(const struct core *c, const struct token_model *m,
                          struct pattern **patterns, struct buf *out, struct err *err) MUST_CHECK;
bool decode_table_open(const void *data, size_t size, struct decode_table *t,
                       struct err *err) MUST_CHECK;
