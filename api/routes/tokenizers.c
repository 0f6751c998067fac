/* Tokenizers: handles and their facts. */
#include "api/routes/routes.h"

#include <stdio.h>

static void create_tokenizer(struct request *req)
{
    AUTO_ERR struct err err = {0};
    struct args_tokenizer *args = mem_new(struct args_tokenizer);

    if (!body_bind(req, &tokenizer_request_table, &args->request)) {
        free(args);
        return;
    }
    if (!tokenizer_request_check(&args->request, &err)) {
        reply_problem(req, &err);
        args_tokenizer_release(args);
        return;
    }
    request_submit(req, request_call(req, OP_TOKENIZER_CREATE, args, args_tokenizer_release));
}

struct list_query {
    struct page_query page;
    char *model;
};

static const struct field list_fields[] = {
    {"model", FIELD_STR, offsetof(struct list_query, model), .min = 1, .max = 256,
     .doc = "Only tokenizers of this model."},
    PAGE_FIELDS(struct list_query),
};
static const struct field_table list_table = {"TokenizerListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};

static void list_tokenizers(struct request *req)
{
    const struct list_query *q = req->query;
    struct args_handle *args = mem_new(struct args_handle);

    page_args(&q->page, args);
    if (q->model)
        snprintf(args->model, sizeof(args->model), "%s", q->model);
    request_submit(req, plain_call(req, OP_TOKENIZER_LIST, args));
}

static void on_tokenizer(struct request *req, enum op op)
{
    struct args_handle *args = handle_args(req, ERR_TOKENIZER_NOT_FOUND, "tokenizer");

    if (args)
        request_submit(req, plain_call(req, op, args));
}

static void get_tokenizer(struct request *req) { on_tokenizer(req, OP_TOKENIZER_GET); }
static void delete_tokenizer(struct request *req) { on_tokenizer(req, OP_TOKENIZER_DELETE); }

static const enum err_code get_errors[] = {ERR_TOKENIZER_NOT_FOUND, ERR_NONE};
static const enum err_code create_errors[] = {
    ERR_NO_TOKENIZER,   ERR_REPO_NOT_FOUND,       ERR_REPO_PRIVATE,
    ERR_REPO_GATED,     ERR_HUB_UNREACHABLE,      ERR_OFFLINE,
    ERR_FILE_CORRUPT,   ERR_MAX_LENGTH,           ERR_ARCH_NOT_FOUND,
    ERR_TASK_NOT_FOUND, ERR_IDEMPOTENCY_CONFLICT, ERR_IDEMPOTENCY_MISMATCH,
    ERR_NONE,
};
static const struct route rows[] = {
    {METHOD_POST, "/v1/tokenizers", create_tokenizer, .id = "createTokenizer", .scope = SCOPE_WRITE,
     .body = BODY_JSON, .body_required = true, .body_fields = &tokenizer_request_table,
     .status = 201, .errors = create_errors, .tag = "tokenizers",
     .summary = "The handle of a model's tokenizer"},
    {METHOD_GET, "/v1/tokenizers", list_tokenizers, .id = "listTokenizers", .scope = SCOPE_READ,
     .query = &list_table, .query_size = sizeof(struct list_query), .tag = "tokenizers",
     .summary = "List tokenizers"},
    {METHOD_GET, "/v1/tokenizers/{id}", get_tokenizer, .id = "getTokenizer", .scope = SCOPE_READ,
     .errors = get_errors, .tag = "tokenizers", .summary = "One tokenizer"},
    {METHOD_DELETE, "/v1/tokenizers/{id}", delete_tokenizer, .id = "deleteTokenizer",
     .scope = SCOPE_WRITE, .status = 204, .errors = get_errors, .tag = "tokenizers",
     .summary = "Forget a tokenizer"},
};
const struct route_table tokenizer_routes = ROUTE_TABLE(rows);
