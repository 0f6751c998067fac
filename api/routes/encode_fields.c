#include "api/routes/encode_fields.h"

enum truncation_asked { ASK_ERROR, ASK_LONGEST, ASK_FIRST, ASK_SECOND, ASK_LEFT, ASK_RIGHT };
const char *const truncation_names[] = {"error", "longest_first", "only_first", "only_second",
                                        "left",  "right",         NULL};
enum padding_asked { PAD_NONE, PAD_LONGEST, PAD_MAX_LENGTH };
const char *const padding_names[] = {"none", "longest", "max_length", NULL};
const char *const side_names[] = {"left", "right", NULL};
const char *const offset_unit_names[] = {"code_point", "byte", NULL};

const char *encode_fields_differ(const struct encode_fields *f, const struct encode_fields *none)
{
    static const struct text_field rows[] = {ENCODE_FIELDS(0)};

    return text_fields_differ(rows, ARRAY_SIZE(rows), f, none);
}

bool encode_fields_plain(const struct encode_fields *f, bool with_offsets)
{
    const struct encoding_parts *p = &f->parts;

    return f->truncation == ASK_ERROR && f->padding == PAD_NONE &&
           (with_offsets || (!p->offsets && !p->tokens)) && !p->type_ids && !p->special_mask &&
           !p->attention_mask && !p->word_ids;
}

bool encode_fields_check(const struct encode_fields *f, const struct text_tokenizer *t,
                         struct err *err)
{
    if (f->truncation != ASK_ERROR && !f->max_length && !t->max_length)
        return text_field_wrong(err, "max_length", "truncation needs it: this tokenizer has none");
    if (f->padding == PAD_MAX_LENGTH && !f->max_length)
        return text_field_wrong(err, "max_length", "padding to max_length needs it");
    if (f->padding != PAD_NONE && t->pad_id < 0)
        return text_field_wrong(err, "padding", "this tokenizer has no pad token");
    return true;
}

static int64_t limit_of(const struct encode_fields *f, const struct text_tokenizer *t)
{
    return f->max_length ? f->max_length : t->max_length;
}

static struct truncation truncation_of(const struct encode_fields *f,
                                       const struct text_tokenizer *t)
{
    static const enum truncation_strategy strategies[] = {
        [ASK_LONGEST] = TRUNCATE_LONGEST_FIRST, [ASK_FIRST] = TRUNCATE_ONLY_FIRST,
        [ASK_SECOND] = TRUNCATE_ONLY_SECOND,    [ASK_LEFT] = TRUNCATE_LONGEST_FIRST,
        [ASK_RIGHT] = TRUNCATE_LONGEST_FIRST,
    };

    if (f->truncation == ASK_ERROR)
        return (struct truncation){0};
    return (struct truncation){.set = true,
                               .max_length = (uint32_t)limit_of(f, t),
                               .stride = (uint32_t)f->stride,
                               .strategy = strategies[f->truncation],
                               .side = f->truncation == ASK_LEFT ? SIDE_LEFT : SIDE_RIGHT};
}

struct encode_options encode_fields_options(const struct encode_fields *f,
                                            const struct text_tokenizer *t)
{
    return (struct encode_options){.add_special_tokens = f->add_special_tokens,
                                   .offsets = f->parts.offsets,
                                   .offset_unit = (enum offset_unit)f->offset_unit,
                                   .truncation = truncation_of(f, t)};
}

bool encode_fields_fit(const struct encode_fields *f, const struct text_tokenizer *t, size_t n,
                       struct err *err)
{
    int64_t limit = limit_of(f, t);

    if (f->truncation != ASK_ERROR || limit <= 0 || (int64_t)n <= limit)
        return true;
    err_set(err, ERR_PROMPT_TOO_LONG, "the text has %zu tokens, and max_length is %lld", n,
            (long long)limit);
    err_fact_int(err, "count", (int64_t)n);
    return err_fact_int(err, "max_length", limit);
}

void encode_fields_pad(const struct encode_fields *f, const struct text_tokenizer *t,
                       struct encoded *items, size_t n)
{
    const struct padding *own = tokenizer_padding(t->tokenizer);
    const struct padding padding = {.set = true,
                                    .fixed = f->padding == PAD_MAX_LENGTH,
                                    .length = (uint32_t)f->max_length,
                                    .multiple_of = (uint32_t)f->multiple_of,
                                    .pad_id = (uint32_t)t->pad_id,
                                    .pad_type_id = own->set ? own->pad_type_id : 0,
                                    .side = (enum text_side)f->padding_side};

    if (f->padding != PAD_NONE)
        encoded_pad(items, n, &padding);
}
