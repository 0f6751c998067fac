/*
 * Encoding: text to ids.
 *
 * One text and nothing but ids asked for is the way that counts: it ends in
 * encode_ids() without an encoding in between.
 */
#include "api/routes/encode_fields.h"
#include "api/routes/text.h"
#include "api/text_parts.h"
#include "json/writer.h"

enum {
    BODY_MAX = 64 << 20,
    ID_ROOM = 11,      /* of an id in JSON */
    ANSWER_ROOM = 100, /* of what is around them */
};

/* ---- the body */

struct encode_body {
    struct text_list text, pair;
    struct encode_fields how;
    bool is_pretokenized, count_only, partial;
};

#define AT(field) offsetof(struct encode_body, field)
static const struct text_field fields[] = {
    {"text", TEXT_FIELD_STRINGS, AT(text), .required = true},
    {"text_pair", TEXT_FIELD_STRINGS, AT(pair)},
    ENCODE_FIELDS(AT(how)),
    {"is_pretokenized", TEXT_FIELD_BOOL, AT(is_pretokenized)},
    {"count_only", TEXT_FIELD_BOOL, AT(count_only)},
    {"partial", TEXT_FIELD_BOOL, AT(partial)},
};

static void body_release(struct encode_body *b)
{
    text_list_release(&b->text);
    text_list_release(&b->pair);
}

/* Texts by themselves, of which ids, names and offsets are wanted at the most. */
static bool is_plain(const struct encode_body *b)
{
    return !b->pair.n && !b->is_pretokenized && encode_fields_plain(&b->how);
}

static bool is_bare(const struct encode_body *b)
{
    return is_plain(b) && !b->how.parts.offsets && !b->how.parts.tokens;
}

static bool check(const struct text_job *job, const struct encode_body *b, struct err *err)
{
    bool single = !b->text.is_list;

    if (b->pair.n && b->pair.is_list != b->text.is_list)
        return text_field_wrong(err, "text_pair", "text and text_pair are both one, or both lists");
    if (b->pair.is_list && b->text.n != b->pair.n && !b->is_pretokenized)
        return text_field_wrong(err, "text_pair", "%zu texts have %zu pairs", b->text.n, b->pair.n);
    if (b->is_pretokenized && single)
        return text_field_wrong(err, "text",
                                "is_pretokenized wants the words of one text, in an array");
    if (b->partial && (!single || !is_bare(b)))
        return text_field_wrong(err, "partial", "it goes with one text and its ids, nothing else");
    if (job->octets && b->text.is_list && !b->is_pretokenized)
        return text_field_wrong(err, "text", "application/octet-stream is for one text");
    return encode_fields_check(&b->how, job->tokenizer, err);
}

static bool read_body(struct text_job *job, struct encode_body *b, struct err *err)
{
    *b = (struct encode_body){.how = ENCODE_FIELDS_NONE(true)};
    if (job->plain_text) {
        text_list_one(&b->text, (struct slice){job->body, job->body_size});
        return true;
    }
    return text_fields_read(fields, ARRAY_SIZE(fields), job->body, job->body_size,
                            &job->scratch->text, b, err) &&
           check(job, b, err);
}

/* ---- only ids */

static void write_ids(struct text_job *job, const struct id_list *ids)
{
    struct json j = json_begin(&job->out);

    buf_reserve(&job->out, ids->n * ID_ROOM + ANSWER_ROOM);
    if (job->octets) {
        buf_append(&job->out, ids->items, ids->n * sizeof(*ids->items));
        return;
    }
    json_open(&j, '{');
    json_key(&j, "ids"), json_write_u32s(&job->out, ids->items, ids->n);
    json_int(&j, "count", (int64_t)ids->n);
    if (job->reused_bytes)
        json_int(&j, "reused_bytes", (int64_t)job->reused_bytes);
    json_close(&j, '}');
}

/* What the texts of a list become, each by one thread. */
struct many {
    const struct text_job *job;
    const struct encode_body *b;
    struct encoded *items;
    size_t *counts;
};

static bool count_one(void *ctx, size_t i, struct text_scratch *scratch, struct err *err)
{
    const struct many *m = ctx;
    struct slice text = m->b->text.items[i];

    return tokenizer_count(m->job->tokenizer->tokenizer, text.data, text.size,
                           m->b->how.add_special_tokens, scratch->scratch, &m->counts[i], err);
}

static bool count(struct text_job *job, const struct encode_body *b, struct err *err)
{
    AUTO_FREE size_t *counts = mem_new_array(b->text.n + 1, size_t);
    struct many many = {.job = job, .b = b, .counts = counts};
    struct json j = json_begin(&job->out);

    if (!(b->text.is_list
              ? text_parts_each(job, b->text.items, b->text.n, count_one, &many, err)
              : text_parts_count(job, b->text.items[0], b->how.add_special_tokens, counts, err)))
        return false;
    json_open(&j, '{');
    if (!b->text.is_list) {
        json_int(&j, "count", (int64_t)counts[0]);
    } else {
        json_key(&j, "counts"), json_open(&j, '[');
        for (size_t i = 0; i < b->text.n; i++)
            json_item(&j), json_write_int(&job->out, (int64_t)counts[i]);
        json_close(&j, ']');
    }
    json_close(&j, '}');
    return true;
}

/* Ids that no text appended later can change. */
static bool encode_partial(struct text_job *job, const struct encode_body *b, struct err *err)
{
    struct id_list *ids = &job->scratch->ids;
    struct encode_stream *s =
        encode_stream_new(job->tokenizer->tokenizer, b->how.add_special_tokens);
    bool ok;

    ids->n = 0;
    ok = encode_stream_push(s, b->text.items[0].data, b->text.items[0].size, job->scratch->scratch,
                            ids, err);
    if (ok)
        write_ids(job, ids);
    encode_stream_free(s);
    return ok;
}

static bool encode_bare(struct text_job *job, const struct encode_body *b, struct err *err)
{
    struct id_list *ids = &job->scratch->ids;

    ids->n = 0;
    if (!text_parts_ids(job, b->text.items[0], b->how.add_special_tokens, ids, err) ||
        !encode_fields_fit(&b->how, job->tokenizer, ids->n, err))
        return false;
    write_ids(job, ids);
    return true;
}

/* ---- everything else */

static struct encode_options options_of(const struct text_job *job, const struct encode_body *b)
{
    struct encode_options options = encode_fields_options(&b->how, job->tokenizer);

    options.plain = is_plain(b);
    return options;
}

static bool encode_item(void *ctx, size_t i, struct text_scratch *scratch, struct err *err)
{
    const struct many *m = ctx;
    const struct text_job *job = m->job;
    const struct encode_body *b = m->b;
    const struct encode_options options = options_of(job, b);
    struct encoded *ret = &m->items[i];
    const bool words = b->is_pretokenized;
    const struct encode_input text = {.words = &b->text.items[words ? 0 : i],
                                      .n_words = words ? b->text.n : 1,
                                      .pretokenized = words};
    const struct encode_input pair = {.words = &b->pair.items[words ? 0 : i],
                                      .n_words = words ? b->pair.n : 1,
                                      .pretokenized = words};

    return tokenizer_encode(job->tokenizer->tokenizer, &text, b->pair.n ? &pair : NULL, &options,
                            scratch->scratch, ret, err) &&
           encode_fields_fit(&b->how, job->tokenizer, ret->n, err);
}

static bool encode_items(struct text_job *job, const struct encode_body *b, struct encoded *items,
                         size_t n, struct err *err)
{
    struct many many = {.job = job, .b = b, .items = items};
    const struct encode_options options = options_of(job, b);

    if (b->text.is_list || !options.plain)
        return text_parts_each(job, b->text.items, n, encode_item, &many, err);
    return text_parts_encode(job, b->text.items[0], &options, items, err) &&
           encode_fields_fit(&b->how, job->tokenizer, items->n, err);
}

static bool encode_all(struct text_job *job, const struct encode_body *b, struct err *err)
{
    size_t n = b->is_pretokenized ? 1 : b->text.n;
    struct encoded *items = mem_new_array(n + 1, struct encoded);
    struct json j = json_begin(&job->out);
    bool is_list = b->text.is_list && !b->is_pretokenized;
    bool ok = encode_items(job, b, items, n, err);

    if (ok)
        encode_fields_pad(&b->how, job->tokenizer, items, n);
    if (ok && job->octets) {
        buf_append(&job->out, items[0].ids, items[0].n * sizeof(*items[0].ids));
    } else if (ok && is_list) {
        json_open(&j, '{');
        json_key(&j, "encodings"), json_open(&j, '[');
        for (size_t i = 0; i < n; i++)
            json_item(&j),
                encoding_json(job->tokenizer->tokenizer, &items[i], &b->how.parts, &job->out);
        json_close(&j, ']');
        json_close(&j, '}');
    } else if (ok) {
        encoding_json(job->tokenizer->tokenizer, &items[0], &b->how.parts, &job->out);
    }
    for (size_t i = 0; i < n; i++)
        encoded_release(&items[i]);
    free(items);
    return ok;
}

static bool run(struct text_job *job, struct err *err)
{
    struct encode_body b;
    bool ok = read_body(job, &b, err);

    if (!ok)
        ;
    else if (b.partial)
        ok = encode_partial(job, &b, err);
    else if (b.count_only && is_bare(&b))
        ok = count(job, &b, err);
    else if (is_bare(&b) && !b.text.is_list)
        ok = encode_bare(job, &b, err);
    else
        ok = encode_all(job, &b, err);
    body_release(&b);
    return ok;
}

static const struct text_kind encode_kind = {.run = run};

static void encode(struct request *req) { text_by_handle(req, &encode_kind, NULL); }

static const struct route rows[] = {
    {METHOD_POST, "/v1/tokenizers/{id}/encode", encode, .id = "encode", .scope = SCOPE_TOKENIZE,
     .body = BODY_BYTES, .body_required = true, .max_body = BODY_MAX, .errors = text_errors,
     .tag = "tokenizers", .summary = "Text to ids"},
};
const struct route_table encode_routes = ROUTE_TABLE(rows);
