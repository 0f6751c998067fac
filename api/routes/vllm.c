/*
 * /tokenize and /detokenize in vLLM's shapes, by model: what its clients send
 * works here. The tokenizer is the one that POST /v1/tokenizers gives for the model.
 */
#include "api/routes/encoding_json.h"
#include "api/routes/text.h"
#include "api/routes/text_fields.h"
#include "json/writer.h"

enum { BODY_MAX = 64 << 20 };

struct vllm_body {
    struct slice model, prompt;
    struct id_lists tokens;
    bool add_special_tokens, token_strs;
};

#define AT(field) offsetof(struct vllm_body, field)
static const struct text_field tokenize_fields[] = {
    {"model", TEXT_FIELD_STRING, AT(model), .required = true},
    {"prompt", TEXT_FIELD_STRING, AT(prompt), .required = true},
    {"add_special_tokens", TEXT_FIELD_BOOL, AT(add_special_tokens)},
    {"return_token_strs", TEXT_FIELD_BOOL, AT(token_strs)},
};
static const struct text_field detokenize_fields[] = {
    {"model", TEXT_FIELD_STRING, AT(model), .required = true},
    {"tokens", TEXT_FIELD_IDS, AT(tokens), .required = true},
};

static bool run_tokenize(struct text_job *job, struct err *err)
{
    struct vllm_body b = {.add_special_tokens = true};
    const struct text_tokenizer *t = job->tokenizer;
    struct id_list *ids = &job->scratch->ids;
    struct json j = json_begin(&job->out);

    ids->n = 0;
    if (!text_fields_read(tokenize_fields, ARRAY_SIZE(tokenize_fields), job->body, job->body_size,
                          &job->scratch->text, &b, err) ||
        !tokenizer_encode_ids(t->tokenizer, b.prompt.data, b.prompt.size, b.add_special_tokens,
                              job->scratch->scratch, ids, err))
        return false;
    json_open(&j, '{');
    json_int(&j, "count", (int64_t)ids->n);
    t->max_length > 0 ? json_int(&j, "max_model_len", t->max_length)
                      : json_nil(&j, "max_model_len");
    json_key(&j, "tokens"), json_write_u32s(&job->out, ids->items, ids->n);
    json_key(&j, "token_strs");
    if (b.token_strs)
        tokens_json(t->tokenizer, ids->items, ids->n, &job->out);
    else
        json_write_null(&job->out);
    json_close(&j, '}');
    return true;
}

static bool run_detokenize(struct text_job *job, struct err *err)
{
    struct vllm_body b = {0};
    const struct tokenizer *t = job->tokenizer->tokenizer;
    const struct decode_options options = {false, tokenizer_cleans_up(t)};
    struct json j = json_begin(&job->out);
    AUTO_BUF struct buf text = {0};
    bool ok = text_fields_read(detokenize_fields, ARRAY_SIZE(detokenize_fields), job->body,
                               job->body_size, &job->scratch->text, &b, err);

    if (ok && b.tokens.is_nested)
        ok = text_field_wrong(err, "tokens", "one array of ids is wanted");
    if (ok)
        ok = tokenizer_decode(t, b.tokens.ids, b.tokens.n_ids, &options, job->scratch->scratch,
                              &text, err);
    if (ok) {
        json_open(&j, '{');
        json_key(&j, "prompt"), json_write_str_n(&job->out, text.data ? text.data : "", text.size);
        json_close(&j, '}');
    }
    id_lists_release(&b.tokens);
    return ok;
}

static const struct text_kind tokenize_kind = {.run = run_tokenize},
                              detokenize_kind = {.run = run_detokenize};

/* The model alone; everything else is read where the job runs. */
static bool read_model(struct request *req, char **ret, struct err *err)
{
    AUTO_JSON_READER struct json_reader r = json_reader(req->body, req->body_size);
    struct slice key, text = {0};

    json_read_object(&r);
    while (json_read_key(&r, &key))
        if (slice_eq(key, "model") && json_read_kind(&r) == KIND_STRING) {
            json_read_text(&r, &text);
            free(*ret);
            *ret = slice_dup(text);
        } else
            json_read_skip(&r);
    if (!json_read_end(&r, ERR_INVALID, "body", err))
        return false;
    return *ret || text_field_wrong(err, "model", "it is required, as a string");
}

static void by_model(struct request *req, const struct text_kind *kind)
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *model = NULL;

    if (read_model(req, &model, &err))
        text_by_model(req, kind, model);
    else
        reply_problem(req, &err);
}

static void tokenize(struct request *req) { by_model(req, &tokenize_kind); }
static void detokenize(struct request *req) { by_model(req, &detokenize_kind); }

static const struct route rows[] = {
    {METHOD_POST, "/tokenize", tokenize, .id = "tokenize", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = text_errors,
     .tag = "tokenizers", .summary = "Text to ids, in vLLM's shape"},
    {METHOD_POST, "/detokenize", detokenize, .id = "detokenize", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = text_errors,
     .tag = "tokenizers", .summary = "Ids to text, in vLLM's shape"},
};
const struct route_table vllm_routes = ROUTE_TABLE(rows);
