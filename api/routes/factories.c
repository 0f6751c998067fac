/* Factories: a pipeline that is resolved and not yet built. */
#include "api/routes/resolve.h"

#include <stdio.h>

static void create_factory(struct request *req) { ask_resolve(req, OP_FACTORY_CREATE); }

struct list_query {
    struct page_query page;
    int task;
    char *model;
};

/* clang-format off */
static const struct field list_fields[] = {
    {"task", FIELD_ENUM, offsetof(struct list_query, task), .names = task_names,
     .doc = "Only factories of this task."},
    {"model", FIELD_STR, offsetof(struct list_query, model), .min = 1, .max = 256,
     .doc = "Only factories of this model."},
    PAGE_FIELDS(struct list_query),
};
static const struct field_table list_table = {"FactoryListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};
/* clang-format on */

static void list_factories(struct request *req)
{
    const struct list_query *q = req->query;
    struct args_handle *args = mem_new(struct args_handle);

    page_args(&q->page, args);
    args->task = (enum task)q->task;
    if (q->model)
        snprintf(args->model, sizeof(args->model), "%s", q->model);
    request_submit(req, plain_call(req, OP_FACTORY_LIST, args));
}

static void on_factory(struct request *req, enum op op)
{
    struct args_handle *args = handle_args(req, ERR_FACTORY_NOT_FOUND, "factory");

    if (args)
        request_submit(req, plain_call(req, op, args));
}

static void get_factory(struct request *req) { on_factory(req, OP_FACTORY_GET); }
static void delete_factory(struct request *req) { on_factory(req, OP_FACTORY_DELETE); }

/* Everything was said when the factory was made, so a body has nothing to add. */
static void build_pipeline(struct request *req)
{
    AUTO_ERR struct err err = {0};
    struct args_handle *args;
    json_t *body = NULL;

    if (request_json(req, &body, &err) && json_object_size(body) > 0) {
        const char *name = json_object_iter_key(json_object_iter(body));
        AUTO_FREE char *pointer = str_printf("/%.200s", name);

        err_set(&err, ERR_UNKNOWN_FIELD,
                "%s: building takes no fields; what is to be built was said to POST /v1/factories",
                pointer);
        err_fact_str(&err, "pointer", pointer);
    }
    json_decref(body);
    if (err.code) {
        reply_problem(req, &err);
        return;
    }
    args = handle_args(req, ERR_FACTORY_NOT_FOUND, "factory");
    if (args)
        submit_slow(req, OP_FACTORY_BUILD, args, args_plain_release);
}

static const enum err_code build_errors[] = {
    ERR_FACTORY_NOT_FOUND,
    ERR_WEIGHTS_NOT_FOUND,
    ERR_WEIGHTS_INCONSISTENT,
    ERR_HUB_UNREACHABLE,
    ERR_OFFLINE,
    ERR_IDEMPOTENCY_CONFLICT,
    ERR_IDEMPOTENCY_MISMATCH,
    ERR_STORE,
    ERR_NONE,
};

static const enum err_code get_errors[] = {ERR_FACTORY_NOT_FOUND, ERR_NONE};

static const struct route rows[] = {
    {METHOD_POST, "/v1/factories", create_factory, .id = "createFactory", .streams = true,
     .scope = SCOPE_WRITE, .body = BODY_JSON, .body_required = true,
     .body_fields = &pipeline_request_table, RESOLVE_QUERY, .status = 201, .errors = resolve_errors,
     .tag = "pipelines", .summary = "Resolve a model, without its weights"},
    {METHOD_GET, "/v1/factories", list_factories, .id = "listFactories", .scope = SCOPE_READ,
     .query = &list_table, .query_size = sizeof(struct list_query), .tag = "pipelines",
     .summary = "List factories"},
    {METHOD_GET, "/v1/factories/{id}", get_factory, .id = "getFactory", .scope = SCOPE_READ,
     .errors = get_errors, .tag = "pipelines", .summary = "One factory"},
    {METHOD_DELETE, "/v1/factories/{id}", delete_factory, .id = "deleteFactory",
     .scope = SCOPE_WRITE, .status = 204, .errors = get_errors, .tag = "pipelines",
     .summary = "Forget a factory"},
    {METHOD_POST, "/v1/factories/{id}/pipelines", build_pipeline, .id = "buildPipeline",
     .streams = true, .scope = SCOPE_WRITE, .body = BODY_JSON,
     .body_schema = "{\"type\":\"object\",\"maxProperties\":0}", .status = 201,
     .errors = build_errors, .tag = "pipelines", .summary = "Call a factory"},
};
const struct route_table factory_routes = ROUTE_TABLE(rows);
