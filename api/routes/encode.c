/*
 * Encoding: text to ids.
 *
 * One text and nothing but ids asked for is the way that counts: it ends in
 * encode_ids() without an encoding in between.
 */
#include "api/routes/encoding_json.h"
#include "api/routes/text.h"
#include "api/routes/text_fields.h"
#include "api/text_parts.h"
#include "json/writer.h"

enum { BODY_MAX = 64 << 20 };

/* ---- the body */

enum truncation_asked { ASK_ERROR, ASK_LONGEST, ASK_FIRST, ASK_SECOND, ASK_LEFT, ASK_RIGHT };
static const char *const truncation_names[] = {
    "error", "longest_first", "only_first", "only_second", "left", "right", NULL};
enum padding_asked { PAD_NONE, PAD_LONGEST, PAD_MAX_LENGTH };
static const char *const padding_names[] = {"none", "longest", "max_length", NULL};
static const char *const side_names[] = {"left", "right", NULL};
static const char *const unit_names[] = {"code_point", "byte", NULL};

struct encode_body {
    struct text_list text, pair;
    bool add_special_tokens, is_pretokenized, count_only, partial;
    struct encoding_parts parts;
    int offset_unit, truncation, padding, padding_side;
    int64_t max_length, stride, multiple_of; /* max_length 0: not said */
};

#define AT(field) offsetof(struct encode_body, field)
static const struct text_field fields[] = {
    {"text", TEXT_FIELD_STRINGS, AT(text), .required = true},
    {"text_pair", TEXT_FIELD_STRINGS, AT(pair)},
    {"add_special_tokens", TEXT_FIELD_BOOL, AT(add_special_tokens)},
    {"offsets", TEXT_FIELD_BOOL, AT(parts.offsets)},
    {"offset_unit", TEXT_FIELD_ENUM, AT(offset_unit), .names = unit_names},
    {"tokens", TEXT_FIELD_BOOL, AT(parts.tokens)},
    {"type_ids", TEXT_FIELD_BOOL, AT(parts.type_ids)},
    {"special_tokens_mask", TEXT_FIELD_BOOL, AT(parts.special_mask)},
    {"attention_mask", TEXT_FIELD_BOOL, AT(parts.attention_mask)},
    {"word_ids", TEXT_FIELD_BOOL, AT(parts.word_ids)},
    {"max_length", TEXT_FIELD_INT, AT(max_length), 1, 1 << 30},
    {"truncation", TEXT_FIELD_ENUM, AT(truncation), .names = truncation_names},
    {"stride", TEXT_FIELD_INT, AT(stride), 0, 1 << 30},
    {"padding", TEXT_FIELD_ENUM, AT(padding), .names = padding_names},
    {"padding_side", TEXT_FIELD_ENUM, AT(padding_side), .names = side_names},
    {"pad_to_multiple_of", TEXT_FIELD_INT, AT(multiple_of), 1, 1 << 20},
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
    const struct encoding_parts *p = &b->parts;

    return !b->pair.n && !b->is_pretokenized && b->truncation == ASK_ERROR &&
           b->padding == PAD_NONE && !p->type_ids && !p->special_mask && !p->attention_mask &&
           !p->word_ids;
}

static bool is_bare(const struct encode_body *b)
{
    return is_plain(b) && !b->parts.offsets && !b->parts.tokens;
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
    if (b->truncation != ASK_ERROR && !b->max_length && !job->tokenizer->max_length)
        return text_field_wrong(err, "max_length", "truncation needs it: this tokenizer has none");
    if (b->padding == PAD_MAX_LENGTH && !b->max_length)
        return text_field_wrong(err, "max_length", "padding to max_length needs it");
    if (b->padding != PAD_NONE && job->tokenizer->pad_id < 0)
        return text_field_wrong(err, "padding", "this tokenizer has no pad token");
    if (job->octets && b->text.is_list && !b->is_pretokenized)
        return text_field_wrong(err, "text", "application/octet-stream is for one text");
    return true;
}

static bool read_body(struct text_job *job, struct encode_body *b, struct err *err)
{
    *b = (struct encode_body){.add_special_tokens = true, .padding_side = SIDE_RIGHT};
    if (job->plain_text) {
        b->text.items = mem_new(struct slice);
        b->text.items[0] = (struct slice){job->body, job->body_size};
        b->text.n = b->text.capacity = 1;
        return true;
    }
    return text_fields_read(fields, ARRAY_SIZE(fields), job->body, job->body_size,
                            &job->scratch->text, b, err) &&
           check(job, b, err);
}

/* ---- lengths */

static int64_t limit_of(const struct text_job *job, const struct encode_body *b)
{
    return b->max_length ? b->max_length : job->tokenizer->max_length;
}

static bool fits(const struct text_job *job, const struct encode_body *b, size_t n, struct err *err)
{
    int64_t limit = limit_of(job, b);

    if (limit <= 0 || (int64_t)n <= limit)
        return true;
    err_set(err, ERR_PROMPT_TOO_LONG, "the text has %zu tokens, and max_length is %lld", n,
            (long long)limit);
    err_fact_int(err, "count", (int64_t)n);
    return err_fact_int(err, "max_length", limit);
}

/* ---- only ids */

static void write_ids(struct text_job *job, const struct id_list *ids)
{
    struct json j = json_begin(&job->out);

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
                           m->b->add_special_tokens, scratch->scratch, &m->counts[i], err);
}

static bool count(struct text_job *job, const struct encode_body *b, struct err *err)
{
    AUTO_FREE size_t *counts = mem_new_array(b->text.n + 1, size_t);
    struct many many = {.job = job, .b = b, .counts = counts};
    struct json j = json_begin(&job->out);

    if (!(b->text.is_list
              ? text_parts_each(job, b->text.items, b->text.n, count_one, &many, err)
              : text_parts_count(job, b->text.items[0], b->add_special_tokens, counts, err)))
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
    struct encode_stream *s = encode_stream_new(job->tokenizer->tokenizer, b->add_special_tokens);
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
    if (!text_parts_ids(job, b->text.items[0], b->add_special_tokens, ids, err) ||
        !fits(job, b, ids->n, err))
        return false;
    write_ids(job, ids);
    return true;
}

/* ---- everything else */

static struct truncation truncation_of(const struct text_job *job, const struct encode_body *b)
{
    static const enum truncation_strategy strategies[] = {
        [ASK_LONGEST] = TRUNCATE_LONGEST_FIRST, [ASK_FIRST] = TRUNCATE_ONLY_FIRST,
        [ASK_SECOND] = TRUNCATE_ONLY_SECOND,    [ASK_LEFT] = TRUNCATE_LONGEST_FIRST,
        [ASK_RIGHT] = TRUNCATE_LONGEST_FIRST,
    };

    if (b->truncation == ASK_ERROR)
        return (struct truncation){0};
    return (struct truncation){.set = true,
                               .max_length = (uint32_t)limit_of(job, b),
                               .stride = (uint32_t)b->stride,
                               .strategy = strategies[b->truncation],
                               .side = b->truncation == ASK_LEFT ? SIDE_LEFT : SIDE_RIGHT};
}

static struct padding padding_of(const struct text_job *job, const struct encode_body *b)
{
    const struct padding *own = tokenizer_padding(job->tokenizer->tokenizer);

    return (struct padding){.set = true,
                            .fixed = b->padding == PAD_MAX_LENGTH,
                            .length = (uint32_t)b->max_length,
                            .multiple_of = (uint32_t)b->multiple_of,
                            .pad_id = (uint32_t)job->tokenizer->pad_id,
                            .pad_type_id = own->set ? own->pad_type_id : 0,
                            .side = (enum text_side)b->padding_side};
}

static struct encode_options options_of(const struct text_job *job, const struct encode_body *b)
{
    return (struct encode_options){.add_special_tokens = b->add_special_tokens,
                                   .offsets = b->parts.offsets,
                                   .plain = is_plain(b),
                                   .offset_unit = (enum offset_unit)b->offset_unit,
                                   .truncation = truncation_of(job, b)};
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
           (b->truncation != ASK_ERROR || fits(job, b, ret->n, err));
}

static bool encode_items(struct text_job *job, const struct encode_body *b, struct encoded *items,
                         size_t n, struct err *err)
{
    struct many many = {.job = job, .b = b, .items = items};
    const struct encode_options options = options_of(job, b);

    if (b->text.is_list || !options.plain)
        return text_parts_each(job, b->text.items, n, encode_item, &many, err);
    return text_parts_encode(job, b->text.items[0], &options, items, err) &&
           fits(job, b, items->n, err);
}

static bool encode_all(struct text_job *job, const struct encode_body *b, struct err *err)
{
    size_t n = b->is_pretokenized ? 1 : b->text.n;
    struct encoded *items = mem_new_array(n + 1, struct encoded);
    struct json j = json_begin(&job->out);
    bool is_list = b->text.is_list && !b->is_pretokenized;
    bool ok = encode_items(job, b, items, n, err);

    if (ok && b->padding != PAD_NONE) {
        const struct padding padding = padding_of(job, b);

        encoded_pad(items, n, &padding);
    }
    if (ok && job->octets) {
        buf_append(&job->out, items[0].ids, items[0].n * sizeof(*items[0].ids));
    } else if (ok && is_list) {
        json_open(&j, '{');
        json_key(&j, "encodings"), json_open(&j, '[');
        for (size_t i = 0; i < n; i++)
            json_item(&j),
                encoding_json(job->tokenizer->tokenizer, &items[i], &b->parts, &job->out);
        json_close(&j, ']');
        json_close(&j, '}');
    } else if (ok) {
        encoding_json(job->tokenizer->tokenizer, &items[0], &b->parts, &job->out);
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
