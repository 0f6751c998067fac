/* Decoding: ids to text. */
#include "api/routes/text.h"
#include "api/routes/text_fields.h"
#include "json/writer.h"

#include <endian.h>

enum { BODY_MAX = 64 << 20 };

struct decode_body {
    struct id_lists ids, previous;
    bool skip_special_tokens, clean_up;
};

#define AT(field) offsetof(struct decode_body, field)
static const struct text_field fields[] = {
    {"ids", TEXT_FIELD_IDS, AT(ids), .required = true},
    {"previous_ids", TEXT_FIELD_IDS, AT(previous)},
    {"skip_special_tokens", TEXT_FIELD_BOOL, AT(skip_special_tokens)},
    {"clean_up_tokenization_spaces", TEXT_FIELD_BOOL, AT(clean_up)},
};

/* u32, little endian, one behind the other. */
static bool read_octets(const struct text_job *job, struct id_lists *ids, struct err *err)
{
    size_t n = job->body_size / sizeof(uint32_t);

    if (job->body_size % sizeof(uint32_t))
        return err_set(err, ERR_INVALID, "%zu bytes are no list of ids: each has 4, little endian",
                       job->body_size);
    ids->ids = mem_new_array(n + 1, uint32_t);
    memcpy(ids->ids, job->body, n * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++)
        ids->ids[i] = le32toh(ids->ids[i]);
    ids->n_ids = n;
    ids->ends = mem_new(size_t);
    ids->ends[0] = n;
    ids->n = 1;
    return true;
}

static bool read_body(struct text_job *job, struct decode_body *b, struct err *err)
{
    *b = (struct decode_body){.clean_up = tokenizer_cleans_up(job->tokenizer->tokenizer)};
    if (job->octets_in)
        return read_octets(job, &b->ids, err);
    if (!text_fields_read(fields, ARRAY_SIZE(fields), job->body, job->body_size,
                          &job->scratch->text, b, err))
        return false;
    if (b->previous.n && (b->ids.is_nested || b->previous.is_nested))
        return text_field_wrong(err, "previous_ids", "it goes with one list of ids");
    if (job->text_out && b->ids.is_nested)
        return text_field_wrong(err, "ids", "text/plain is for one list of ids");
    return true;
}

/*
 * MAX's fix for tokenizers that drop the space in front of a lone token: it is
 * decoded behind another one, whose text is then taken off.
 */
static bool decode_behind(struct text_job *job, uint32_t id, const struct decode_options *options,
                          struct buf *out, struct err *err)
{
    enum { ANY_TOKEN = 33 };
    const uint32_t both[] = {ANY_TOKEN, id};
    AUTO_BUF struct buf alone = {0}, text = {0};
    const struct tokenizer *t = job->tokenizer->tokenizer;

    if (!tokenizer_decode(t, both, 1, options, job->scratch->scratch, &alone, err) ||
        !tokenizer_decode(t, both, 2, options, job->scratch->scratch, &text, err))
        return false;
    if (text.size > alone.size)
        buf_append(out, text.data + alone.size, text.size - alone.size);
    return true;
}

static bool decode_list(struct text_job *job, const struct decode_body *b, size_t from, size_t end,
                        struct buf *out, struct err *err)
{
    const struct decode_options options = {b->skip_special_tokens, b->clean_up};
    const uint32_t *ids = b->ids.ids + from;

    if (job->tokenizer->whitespace_fix && end - from == 1)
        return decode_behind(job, ids[0], &options, out, err);
    return tokenizer_decode(job->tokenizer->tokenizer, ids, end - from, &options,
                            job->scratch->scratch, out, err);
}

/* What the ids add to the text of those before, as far as no later id can change it. */
static bool decode_next(struct text_job *job, const struct decode_body *b, struct buf *out,
                        struct err *err)
{
    const struct decode_options options = {b->skip_special_tokens, b->clean_up};
    struct decode_stream *s = decode_stream_new(job->tokenizer->tokenizer, &options);
    AUTO_BUF struct buf before = {0};
    bool ok = decode_stream_push(s, b->previous.ids, b->previous.n_ids, &before, err) &&
              decode_stream_push(s, b->ids.ids, b->ids.n_ids, out, err);

    decode_stream_free(s);
    return ok;
}

static void write_text(const struct buf *text, struct buf *out)
{
    json_write_str_n(out, text->data ? text->data : "", text->size);
}

static bool write_all(struct text_job *job, const struct decode_body *b, struct err *err)
{
    struct json j = json_begin(&job->out);
    AUTO_BUF struct buf text = {0};

    json_open(&j, '{');
    json_key(&j, b->ids.is_nested ? "texts" : "text");
    if (b->ids.is_nested)
        json_open(&j, '[');
    for (size_t i = 0, from = 0; i < b->ids.n; from = b->ids.ends[i++]) {
        buf_clear(&text);
        if (b->previous.n ? !decode_next(job, b, &text, err)
                          : !decode_list(job, b, from, b->ids.ends[i], &text, err))
            return false;
        if (b->ids.is_nested)
            json_item(&j);
        write_text(&text, &job->out);
    }
    if (b->ids.is_nested)
        json_close(&j, ']');
    j.need_comma = true;
    json_close(&j, '}');
    return true;
}

static bool run(struct text_job *job, struct err *err)
{
    struct decode_body b;
    bool ok = read_body(job, &b, err);

    if (ok)
        ok = job->text_out && !b.previous.n ? decode_list(job, &b, 0, b.ids.n_ids, &job->out, err)
                                            : write_all(job, &b, err);
    id_lists_release(&b.ids);
    id_lists_release(&b.previous);
    return ok;
}

static const struct text_kind decode_kind = {.run = run};

static void decode(struct request *req) { text_by_handle(req, &decode_kind, NULL); }

static const struct route rows[] = {
    {METHOD_POST, "/v1/tokenizers/{id}/decode", decode, .id = "decode", .scope = SCOPE_TOKENIZE,
     .body = BODY_BYTES, .body_required = true, .max_body = BODY_MAX, .errors = text_errors,
     .tag = "tokenizers", .summary = "Ids to text"},
};
const struct route_table decode_routes = ROUTE_TABLE(rows);
