#pragma once
/* An encoding as JSON: ids and count, and the parts that were asked for. */
#include "tokenizer/tokenizer.h"

struct encoding_parts {
    bool offsets, tokens, type_ids, special_mask, attention_mask, word_ids;
};

/* Appends an object; overflowing pieces are in it as objects of the same form. */
void encoding_json(const struct tokenizer *t, const struct encoded *e,
                   const struct encoding_parts *parts, struct buf *out);
/* Appends an array of the tokens' names. */
void tokens_json(const struct tokenizer *t, const uint32_t *ids, size_t n, struct buf *out);
