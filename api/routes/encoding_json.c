#include "api/routes/encoding_json.h"

void tokens_json(const struct tokenizer *t, const uint32_t *ids, size_t n, struct buf *out)
{
    AUTO_BUF struct buf name = {0};

    buf_append_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        buf_clear(&name);
        tokenizer_token_name(t, ids[i], &name);
        if (i)
            buf_append_char(out, ',');
        json_write_str_n(out, name.data ? name.data : "", name.size);
    }
    buf_append_char(out, ']');
}

static void offsets_json(const struct encoded *e, struct buf *out)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < e->n; i++) {
        buf_append(out, i ? ",[" : "[", i ? 2 : 1);
        json_write_int(out, e->offsets[i].start);
        buf_append_char(out, ',');
        json_write_int(out, e->offsets[i].end);
        buf_append_char(out, ']');
    }
    buf_append_char(out, ']');
}

void mask_json(const uint8_t *items, size_t n, struct buf *out)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_append_char(out, ',');
        buf_append_char(out, items[i] ? '1' : '0');
    }
    buf_append_char(out, ']');
}

/* -1 is null, as the reference has it. */
static void words_json(const int32_t *items, size_t n, struct buf *out)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_append_char(out, ',');
        items[i] < 0 ? json_write_null(out) : json_write_int(out, items[i]);
    }
    buf_append_char(out, ']');
}

void encoding_members_json(const struct tokenizer *t, const struct encoded *e,
                           const struct encoding_parts *parts, struct json *j)
{
    struct buf *out = j->out;

    json_key(j, "ids"), json_write_u32s(out, e->ids, e->n);
    json_int(j, "count", (int64_t)e->n);
    if (parts->tokens)
        json_key(j, "tokens"), tokens_json(t, e->ids, e->n, out);
    if (parts->offsets)
        json_key(j, "offsets"), offsets_json(e, out);
    if (parts->type_ids)
        json_key(j, "type_ids"), json_write_u32s(out, e->type_ids, e->n);
    if (parts->special_mask)
        json_key(j, "special_tokens_mask"), mask_json(e->special_mask, e->n, out);
    if (parts->attention_mask)
        json_key(j, "attention_mask"), mask_json(e->attention_mask, e->n, out);
    if (parts->word_ids)
        json_key(j, "word_ids"), words_json(e->word_ids, e->n, out);
}

void encoding_json(const struct tokenizer *t, const struct encoded *e,
                   const struct encoding_parts *parts, struct buf *out)
{
    struct json j = json_begin(out);

    json_open(&j, '{');
    encoding_members_json(t, e, parts, &j);
    if (e->n_overflowing) {
        json_key(&j, "overflowing"), json_open(&j, '['); /* these have none of their own */
        for (size_t i = 0; i < e->n_overflowing; i++) {
            json_item(&j), json_open(&j, '{');
            encoding_members_json(t, &e->overflowing[i], parts, &j);
            json_close(&j, '}');
        }
        json_close(&j, ']');
    }
    json_close(&j, '}');
}
