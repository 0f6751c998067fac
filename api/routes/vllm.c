/*
 * /tokenize and /detokenize in vLLM's shapes, by model: what its clients send
 * works here. The tokenizer is the one that POST /v1/tokenizers gives for the model.
 */
#include "api/routes/chat_fields.h"
#include "api/routes/encoding_json.h"
#include "api/routes/text.h"
#include "api/text_parts.h"
#include "pipeline/prompt.h"

enum { BODY_MAX = 64 << 20 };

struct vllm_body {
    struct slice model, prompt;
    struct chat_fields chat;
    struct id_lists tokens;
    int add_special_tokens; /* -1: not said */
    bool token_strs;
};

#define AT(field) offsetof(struct vllm_body, field)
static const struct text_field tokenize_fields[] = {
    {"model", TEXT_FIELD_STRING, AT(model), .required = true},
    {"prompt", TEXT_FIELD_STRING, AT(prompt)},
    {"add_special_tokens", TEXT_FIELD_YES_NO, AT(add_special_tokens)},
    {"return_token_strs", TEXT_FIELD_BOOL, AT(token_strs)},
    CHAT_FIELDS(AT(chat), "chat_template_kwargs"),
};
static const struct text_field detokenize_fields[] = {
    {"model", TEXT_FIELD_STRING, AT(model), .required = true},
    {"tokens", TEXT_FIELD_IDS, AT(tokens), .required = true},
};

/* What vLLM does to messages before a template sees them. */
static const struct template_modes vllm_modes = {CONTENT_AUTO, ARGUMENTS_OBJECT, NULL_EMPTY};

struct asked {
    struct vllm_body body;
    struct chat chat;
    struct buf keep; /* strings of the body that had escapes */
};

static void asked_release(void *asked)
{
    struct asked *a = asked;

    chat_release(&a->chat);
    id_lists_release(&a->body.tokens);
    buf_release(&a->keep);
    free(a);
}

/* ---- /tokenize */

static void write_ids(struct text_job *job, const struct asked *a,
                      const struct template_report *report, const uint32_t *ids, size_t n)
{
    const struct text_tokenizer *t = job->tokenizer;
    struct json j = json_begin(&job->out);

    json_open(&j, '{');
    json_int(&j, "count", (int64_t)n);
    t->max_length > 0 ? json_int(&j, "max_model_len", t->max_length)
                      : json_nil(&j, "max_model_len");
    json_key(&j, "tokens"), json_write_u32s(&job->out, ids, n);
    json_key(&j, "token_strs");
    if (a->body.token_strs)
        tokens_json(t->tokenizer, ids, n, &job->out);
    else
        json_write_null(&job->out);
    if (job->chat)
        chat_json(job->chat, report, &j);
    json_close(&j, '}');
}

static bool run_prompt(struct text_job *job, struct err *err)
{
    const struct asked *a = job->asked;
    struct id_list *ids = &job->scratch->ids;

    ids->n = 0;
    if (!text_parts_ids(job, a->body.prompt, a->body.add_special_tokens != 0, ids, err))
        return false;
    write_ids(job, a, NULL, ids->items, ids->n);
    return true;
}

static bool run_messages(struct text_job *job, struct err *err)
{
    const struct asked *a = job->asked;
    const struct encode_options options = {.add_special_tokens = a->body.add_special_tokens >
                                                                 0, /* the template's are there */
                                           .plain = true};
    AUTO_TEMPLATE_REPORT struct template_report report = {0};
    AUTO_BUF struct buf text = {0};
    struct encoded *e = &job->scratch->encoding;

    if (!chat_render(job->chat, &text, &report, err) ||
        !prompt_encode(job->tokenizer->tokenizer, &text, &report, options, job->scratch->scratch, e,
                       err))
        return false;
    write_ids(job, a, &report, e->ids, e->n);
    return true;
}

static bool run_tokenize(struct text_job *job, struct err *err)
{
    return job->chat ? run_messages(job, err) : run_prompt(job, err);
}

static bool settle_tokenize(struct text_job *job, struct asked *a, struct err *err)
{
    const struct vllm_body *b = &a->body;
    const char *field = chat_fields_given(&b->chat);

    if (b->prompt.data && field) {
        err_set(err, ERR_COMBINATION, "prompt and %s exclude each other", field);
        return err_fact_str(err, "field", field);
    }
    if (b->prompt.data)
        return true;
    if (!b->chat.messages.data)
        return text_field_wrong(err, "prompt", "it is required, or messages are");
    job->chat = &a->chat;
    return chat_fields_take(&b->chat, &vllm_modes, "chat_template_kwargs", &a->chat, err);
}

/* ---- /detokenize */

static bool run_detokenize(struct text_job *job, struct err *err)
{
    const struct asked *a = job->asked;
    const struct tokenizer *t = job->tokenizer->tokenizer;
    const struct decode_options options = {false, tokenizer_cleans_up(t)};
    struct json j = json_begin(&job->out);
    AUTO_BUF struct buf text = {0};

    if (!tokenizer_decode(t, a->body.tokens.ids, a->body.tokens.n_ids, &options,
                          job->scratch->scratch, &text, err))
        return false;
    json_open(&j, '{');
    json_key(&j, "prompt"), json_write_str_n(&job->out, text.data ? text.data : "", text.size);
    json_close(&j, '}');
    return true;
}

static bool settle_detokenize(struct text_job *job, struct asked *a, struct err *err)
{
    (void)job;
    return !a->body.tokens.is_nested ||
           text_field_wrong(err, "tokens", "one array of ids is wanted");
}

/* ---- the routes */

static const struct text_kind tokenize_kind = {.run = run_tokenize},
                              detokenize_kind = {.run = run_detokenize};

static bool check_model(struct slice model, struct err *err)
{
    if (!model.data) /* null was given */
        return text_field_wrong(err, "model", "it is required, as a string");
    return !memchr(model.data, '\0', model.size) ||
           text_field_wrong(err, "model", "it may not contain U+0000");
}

static void by_model(struct request *req, const struct text_kind *kind,
                     const struct text_field *fields, size_t n,
                     bool (*settle)(struct text_job *job, struct asked *a, struct err *err))
{
    AUTO_ERR struct err err = {0};
    struct args_text *args = text_args(req, kind);
    struct text_job *job = &args->job;
    struct asked *a = mem_new(struct asked);
    AUTO_FREE char *model = NULL;

    job->asked = a;
    job->asked_release = asked_release;
    a->body = (struct vllm_body){.chat = CHAT_FIELDS_NONE, .add_special_tokens = -1};
    if (text_fields_read(fields, n, job->body, job->body_size, &a->keep, &a->body, &err) &&
        check_model(a->body.model, &err) && settle(job, a, &err)) {
        model = slice_dup(a->body.model);
        text_submit_model(req, args, model);
        return;
    }
    reply_problem(req, &err);
    args_text_release(args);
}

static void tokenize(struct request *req)
{
    by_model(req, &tokenize_kind, tokenize_fields, ARRAY_SIZE(tokenize_fields), settle_tokenize);
}

static void detokenize(struct request *req)
{
    by_model(req, &detokenize_kind, detokenize_fields, ARRAY_SIZE(detokenize_fields),
             settle_detokenize);
}

static const struct route rows[] = {
    {METHOD_POST, "/tokenize", tokenize, .id = "tokenize", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = chat_errors,
     .tag = "tokenizers", .summary = "Text or messages to ids, in vLLM's shape"},
    {METHOD_POST, "/detokenize", detokenize, .id = "detokenize", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = text_errors,
     .tag = "tokenizers", .summary = "Ids to text, in vLLM's shape"},
};
const struct route_table vllm_routes = ROUTE_TABLE(rows);
