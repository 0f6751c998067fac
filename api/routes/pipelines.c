/* Pipelines: from a request to a handle. */
#include "api/routes/routes.h"

#include "api/routes/resolve.h"

#include <stdio.h>

static void create_pipeline(struct request *req) { ask_resolve(req, OP_PIPELINE_CREATE); }

static const char *const state_names[] = {"resolving", "resolved", "fetching", "starting", "ready",
                                          "draining",  "released", "failed",   NULL};

struct list_query {
    struct page_query page;
    int task, state;
    char *model;
};

/* clang-format off */
static const struct field list_fields[] = {
    {"task", FIELD_ENUM, offsetof(struct list_query, task), .names = task_names,
     .doc = "Only pipelines of this task."},
    {"model", FIELD_STR, offsetof(struct list_query, model), .min = 1, .max = 256,
     .doc = "Only pipelines of this model."},
    {"state", FIELD_ENUM, offsetof(struct list_query, state), .names = state_names,
     .doc = "Only pipelines in this state."},
    PAGE_FIELDS(struct list_query),
};
static const struct field_table list_table = {"PipelineListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};
/* clang-format on */

static void list_pipelines(struct request *req)
{
    const struct list_query *q = req->query;
    struct args_handle *args = mem_new(struct args_handle);

    page_args(&q->page, args);
    args->task = (enum task)q->task;
    if (q->model)
        snprintf(args->model, sizeof(args->model), "%s", q->model);
    if (q->state)
        snprintf(args->state, sizeof(args->state), "%s", state_names[q->state - 1]);
    request_submit(req, plain_call(req, OP_PIPELINE_LIST, args));
}

/* Asked for by a provisional id, a pipeline that is there answers under its own. */
static void on_pipeline(struct request *req, struct call *call)
{
    static const char start[] = "{\"id\":\"";
    const struct blob *body = call->answer.body;
    const char *id = body ? body->bytes + strlen(start) : "";
    size_t size = strlen(req->capture[0]);
    char href[80];

    if (body && str_starts(body->bytes, start) &&
        (strncmp(id, req->capture[0], size) != 0 || id[size] != '"')) {
        snprintf(href, sizeof(href), "/v1/pipelines/%.*s", (int)strcspn(id, "\""), id);
        reply_header(req, "Content-Location", href);
    }
    reply_answer(req, &call->answer);
}

static void get_pipeline(struct request *req)
{
    struct args_handle *args = handle_args(req, ERR_PIPELINE_NOT_FOUND, "pipeline");

    if (!args)
        return;
    req->on_answer = on_pipeline;
    request_submit(req, plain_call(req, OP_PIPELINE_GET, args));
}

struct delete_query {
    enum tristate force;
};

static const struct field delete_fields[] = {
    {"force", FIELD_BOOL, offsetof(struct delete_query, force),
     .doc = "Although somebody holds a lease on it."},
};
static const struct field_table delete_table = {"PipelineDeleteQuery", delete_fields,
                                                ARRAY_SIZE(delete_fields)};

static void delete_pipeline(struct request *req)
{
    const struct delete_query *q = req->query;
    struct args_handle *args = handle_args(req, ERR_PIPELINE_NOT_FOUND, "pipeline");

    if (!args)
        return;
    args->force = q->force == YES;
    request_submit(req, plain_call(req, OP_PIPELINE_DELETE, args));
}

static const enum err_code get_errors[] = {ERR_PIPELINE_NOT_FOUND, ERR_NONE};
static const enum err_code delete_errors[] = {ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_LEASED,
                                              ERR_PRECONDITION, ERR_STORE, ERR_NONE};

static const struct route rows[] = {
    {METHOD_POST, "/v1/pipelines", create_pipeline, .id = "createPipeline", .streams = true,
     .scope = SCOPE_WRITE, .body = BODY_JSON, .body_required = true,
     .body_fields = &pipeline_request_table, RESOLVE_QUERY, .status = 201, .errors = resolve_errors,
     .tag = "pipelines", .summary = "Resolve a model and check its weights"},
    {METHOD_GET, "/v1/pipelines", list_pipelines, .id = "listPipelines", .scope = SCOPE_READ,
     .query = &list_table, .query_size = sizeof(struct list_query), .tag = "pipelines",
     .summary = "List pipelines"},
    {METHOD_GET, "/v1/pipelines/{id}", get_pipeline, .id = "getPipeline", .scope = SCOPE_READ,
     .errors = get_errors, .tag = "pipelines", .summary = "One pipeline"},
    {METHOD_DELETE, "/v1/pipelines/{id}", delete_pipeline, .id = "deletePipeline",
     .scope = SCOPE_WRITE, .query = &delete_table, .query_size = sizeof(struct delete_query),
     .status = 204, .errors = delete_errors, .tag = "pipelines", .summary = "Forget a pipeline"},
};
const struct route_table pipeline_routes = ROUTE_TABLE(rows);
