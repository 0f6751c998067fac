/* Vocabulary: a token by its id, and the id of a token. */
#include "api/routes/text.h"
#include "tokenizer/pieces.h"
#include "json/writer.h"

#include <errno.h>

static void write_token(const struct tokenizer *t, uint32_t id, const struct buf *name,
                        struct buf *out)
{
    struct json j = json_begin(out);

    json_open(&j, '{');
    json_int(&j, "id", id);
    json_key(&j, "token"), json_write_str_n(out, name->data ? name->data : "", name->size);
    json_bool(&j, "special", tokenizer_is_special(t, id));
    json_close(&j, '}');
}

static bool parse_id(const char *text, uint32_t *ret)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    *ret = (uint32_t)v;
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno && v < NO_ID;
}

static bool no_token(const struct tokenizer *t, const char *given, struct err *err)
{
    err_set(err, ERR_TOKEN_NOT_FOUND, "no token has the id %.40s; ids are below %u", given,
            tokenizer_id_end(t));
    err_fact_str(err, "id", given);
    return err_fact_int(err, "limit", tokenizer_id_end(t));
}

static bool run_token(struct text_job *job, struct err *err)
{
    const struct tokenizer *t = job->tokenizer->tokenizer;
    AUTO_BUF struct buf name = {0};
    uint32_t id;

    if (!parse_id(job->argument, &id) || !tokenizer_token_name(t, id, &name))
        return no_token(t, job->argument, err);
    write_token(t, id, &name, &job->out);
    return true;
}

static bool run_id(struct text_job *job, struct err *err)
{
    const struct tokenizer *t = job->tokenizer->tokenizer;
    uint32_t id = tokenizer_token_id(t, job->argument, strlen(job->argument));
    AUTO_BUF struct buf name = {0};

    if (id == NO_ID) {
        err_set(err, ERR_TOKEN_NOT_FOUND,
                "'%.100s' is no token of this vocabulary; tokens are spelled as in its file",
                job->argument);
        return err_fact_str(err, "token", job->argument);
    }
    tokenizer_token_name(t, id, &name);
    write_token(t, id, &name, &job->out);
    return true;
}

static const struct text_kind token_kind = {.run = run_token}, id_kind = {.run = run_id};

static void get_token(struct request *req)
{
    text_by_handle(req, &token_kind, str_dup(req->capture[1]));
}

struct id_query {
    char *token;
};
static const struct field id_fields[] = {
    {"token", FIELD_STR, offsetof(struct id_query, token), .min = 1, .max = 4096, .required = true,
     .doc = "The token, spelled as in the vocabulary."},
};
static const struct field_table id_table = {"TokenIdQuery", id_fields, ARRAY_SIZE(id_fields)};

static void find_id(struct request *req)
{
    struct id_query *q = req->query;

    text_by_handle(req, &id_kind, take(&q->token));
}

static const enum err_code token_errors[] = {ERR_TOKENIZER_NOT_FOUND, ERR_PIPELINE_NOT_FOUND,
                                             ERR_TOKEN_NOT_FOUND, ERR_NONE};

static const struct route rows[] = {
    {METHOD_GET, "/v1/tokenizers/{id}/tokens/{token_id}", get_token, .id = "getToken",
     .scope = SCOPE_TOKENIZE, .errors = token_errors, .tag = "tokenizers",
     .summary = "One token of the vocabulary"},
    {METHOD_GET, "/v1/tokenizers/{id}/ids", find_id, .id = "findTokenId", .scope = SCOPE_TOKENIZE,
     .query = &id_table, .query_size = sizeof(struct id_query), .errors = token_errors,
     .tag = "tokenizers", .summary = "The id of a token"},
};
const struct route_table vocabulary_routes = ROUTE_TABLE(rows);
