/* Chunks: a text in pieces of so many tokens. */
#include "api/routes/text.h"
#include "api/routes/text_fields.h"
#include "json/writer.h"

enum { BODY_MAX = 64 << 20 };

struct chunk_body {
    struct slice text;
    int64_t max_tokens, overlap;
};

#define AT(field) offsetof(struct chunk_body, field)
static const struct text_field fields[] = {
    {"text", TEXT_FIELD_STRING, AT(text), .required = true},
    {"max_tokens", TEXT_FIELD_INT, AT(max_tokens), 1, 1 << 30, .required = true},
    {"overlap_tokens", TEXT_FIELD_INT, AT(overlap), 0, 1 << 30},
};

static void write_pair(struct json *j, const char *key, const struct offset *o)
{
    json_key(j, key), json_open(j, '[');
    json_item(j), json_write_int(j->out, o->start);
    json_item(j), json_write_int(j->out, o->end);
    json_close(j, ']');
}

static void write_chunks(const struct chunk_body *b, const struct chunks *chunks, size_t count,
                         struct buf *out)
{
    struct json j = json_begin(out);

    json_open(&j, '{');
    json_key(&j, "chunks"), json_open(&j, '[');
    for (size_t i = 0; i < chunks->n; i++) {
        const struct chunk *c = &chunks->items[i];

        json_item(&j), json_open(&j, '{');
        json_key(&j, "text");
        json_write_str_n(out, b->text.data + c->bytes.start, c->bytes.end - c->bytes.start);
        write_pair(&j, "offsets", &c->code_points);
        write_pair(&j, "byte_offsets", &c->bytes);
        json_int(&j, "count", c->n_tokens);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_int(&j, "count", (int64_t)count);
    json_close(&j, '}');
}

static bool run(struct text_job *job, struct err *err)
{
    struct chunk_body b = {0};
    struct id_list *ids = &job->scratch->ids;
    struct chunks chunks = {0};
    bool ok;

    if (!text_fields_read(fields, ARRAY_SIZE(fields), job->body, job->body_size,
                          &job->scratch->text, &b, err))
        return false;
    if (b.overlap >= b.max_tokens)
        return text_field_wrong(err, "overlap_tokens", "%lld is not less than max_tokens, %lld",
                                (long long)b.overlap, (long long)b.max_tokens);
    ids->n = 0;
    ok =
        tokenizer_chunk(job->tokenizer->tokenizer, b.text.data, b.text.size, (uint32_t)b.max_tokens,
                        (uint32_t)b.overlap, job->scratch->scratch, ids, &chunks, err);
    if (ok)
        write_chunks(&b, &chunks, ids->n, &job->out);
    chunks_release(&chunks);
    return ok;
}

static const struct text_kind chunk_kind = {.run = run};

static void chunk(struct request *req) { text_by_handle(req, &chunk_kind, NULL); }

static const struct route rows[] = {
    {METHOD_POST, "/v1/tokenizers/{id}/chunk", chunk, .id = "chunk", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = text_errors,
     .tag = "tokenizers", .summary = "A text in pieces of so many tokens"},
};
const struct route_table chunk_routes = ROUTE_TABLE(rows);
