#pragma once
/*
 * Encode fields: how a text is to be encoded and what of the encoding is wanted;
 * for every route that gives ids.
 */
#include "api/routes/encoding_json.h"
#include "api/routes/text_fields.h"

struct encode_fields {
    bool add_special_tokens;
    struct encoding_parts parts;
    int offset_unit, truncation, padding, padding_side;
    int64_t max_length, stride, multiple_of; /* max_length 0: not said */
};
/* What counts where the request says nothing. */
#define ENCODE_FIELDS_NONE(special) \
    (struct encode_fields) { .add_special_tokens = (special), .padding_side = SIDE_RIGHT }

extern const char *const offset_unit_names[], *const truncation_names[], *const padding_names[],
                                                                             *const side_names[];

/* Rows of a table; at: offset of a struct encode_fields. */
/* clang-format off */
#define ENCODE_AT(at, field) (at) + offsetof(struct encode_fields, field)
#define ENCODE_FIELDS(at)                                                                          \
    {"add_special_tokens", TEXT_FIELD_BOOL, ENCODE_AT(at, add_special_tokens)},                    \
    {"offsets", TEXT_FIELD_BOOL, ENCODE_AT(at, parts.offsets)},                                    \
    {"offset_unit", TEXT_FIELD_ENUM, ENCODE_AT(at, offset_unit), .names = offset_unit_names},      \
    {"tokens", TEXT_FIELD_BOOL, ENCODE_AT(at, parts.tokens)},                                      \
    {"type_ids", TEXT_FIELD_BOOL, ENCODE_AT(at, parts.type_ids)},                                  \
    {"special_tokens_mask", TEXT_FIELD_BOOL, ENCODE_AT(at, parts.special_mask)},                   \
    {"attention_mask", TEXT_FIELD_BOOL, ENCODE_AT(at, parts.attention_mask)},                      \
    {"word_ids", TEXT_FIELD_BOOL, ENCODE_AT(at, parts.word_ids)},                                  \
    {"max_length", TEXT_FIELD_INT, ENCODE_AT(at, max_length), 1, 1 << 30},                         \
    {"truncation", TEXT_FIELD_ENUM, ENCODE_AT(at, truncation), .names = truncation_names},         \
    {"stride", TEXT_FIELD_INT, ENCODE_AT(at, stride), 0, 1 << 30},                                 \
    {"padding", TEXT_FIELD_ENUM, ENCODE_AT(at, padding), .names = padding_names},                  \
    {"padding_side", TEXT_FIELD_ENUM, ENCODE_AT(at, padding_side), .names = side_names},           \
    {"pad_to_multiple_of", TEXT_FIELD_INT, ENCODE_AT(at, multiple_of), 1, 1 << 20}
/* clang-format on */

/* The first field that asks for other than `none` does; NULL: none. */
const char *encode_fields_differ(const struct encode_fields *f, const struct encode_fields *none);
/* Nothing but ids is asked for, and names and offsets where with_offsets allows them. */
bool encode_fields_plain(const struct encode_fields *f, bool with_offsets);

/* What only the tokenizer can tell. Errors: FIELD. */
bool encode_fields_check(const struct encode_fields *f, const struct text_tokenizer *t,
                         struct err *err) MUST_CHECK;
struct encode_options encode_fields_options(const struct encode_fields *f,
                                            const struct text_tokenizer *t);
/* n tokens are no more than may be, where they are not cut. Errors: PROMPT_TOO_LONG. */
bool encode_fields_fit(const struct encode_fields *f, const struct text_tokenizer *t, size_t n,
                       struct err *err) MUST_CHECK;
void encode_fields_pad(const struct encode_fields *f, const struct text_tokenizer *t,
                       struct encoded *items, size_t n);
