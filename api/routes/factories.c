/* Factories: a pipeline that is resolved and not yet built. */
#include "api/routes/resolve.h"

#include <stdio.h>

static void create_factory(struct request *req) { ask_resolve(req, OP_FACTORY_CREATE); }

struct build_body {
    int weights;
};

static const char *const weights_names[] = {"required", "remote", NULL};

static const struct field build_fields[] = {
    {"weights", FIELD_ENUM, offsetof(struct build_body, weights), .names = weights_names,
     .doc = "remote: weights that are only on the Hub will do for a ready pipeline."},
};
static const struct field_table build_table = {"FactoryBuild", build_fields,
                                               ARRAY_SIZE(build_fields)};

static void build_pipeline(struct request *req)
{
    struct build_body body = {0};
    struct args_handle *args;

    if (!body_bind(req, &build_table, &body))
        return;
    args = handle_args(req, ERR_FACTORY_NOT_FOUND, "factory");
    if (!args)
        return;
    args->allow_remote = body.weights == 2;
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

static const struct route rows[] = {
    {METHOD_POST, "/v1/factories", create_factory, .id = "createFactory", .scope = SCOPE_WRITE,
     .body = BODY_JSON, .body_required = true, .body_fields = &pipeline_request_table,
     RESOLVE_QUERY, .status = 201, .errors = resolve_errors, .tag = "pipelines",
     .summary = "Resolve a model, without its weights"},
    {METHOD_POST, "/v1/factories/{id}/pipelines", build_pipeline, .id = "buildPipeline",
     .scope = SCOPE_WRITE, .body = BODY_JSON, .body_fields = &build_table, .status = 201,
     .errors = build_errors, .tag = "pipelines", .summary = "Call a factory"},
};
const struct route_table factory_routes = ROUTE_TABLE(rows);
