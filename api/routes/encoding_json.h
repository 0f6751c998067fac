#pragma once
/* An encoding as JSON: ids and count, and the parts that were asked for. */
#include "tokenizer/tokenizer.h"
#include "json/writer.h"

struct encoding_parts {
    bool offsets, tokens, type_ids, special_mask, attention_mask, word_ids;
};

/* Appends an object; overflowing pieces are in it as objects of the same form. */
void encoding_json(const struct tokenizer *t, const struct encoded *e,
                   const struct encoding_parts *parts, struct buf *out);
/* Its members alone, into an object that is open; overflowing pieces apart. */
void encoding_members_json(const struct tokenizer *t, const struct encoded *e,
                           const struct encoding_parts *parts, struct json *j);
/* Appends an array of 0 and 1. */
void mask_json(const uint8_t *items, size_t n, struct buf *out);
/* Appends an array of the tokens' names. */
void tokens_json(const struct tokenizer *t, const uint32_t *ids, size_t n, struct buf *out);
