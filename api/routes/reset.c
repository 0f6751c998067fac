/* Reset: the registry's, and what else is asked to go. */
#include "api/routes/routes.h"

static const char *const what_names[] = {"clear", "builtin", "keep", NULL};

struct reset_body {
    int architectures;
    enum tristate caches, pipelines;
};

/* clang-format off */
static const struct field fields[] = {
    {"architectures", FIELD_ENUM, offsetof(struct reset_body, architectures), .names = what_names,
     .doc = "clear: none is left; builtin: back to what the binary and the catalog files bring; "
            "keep: none is touched. Without any member it is clear, beside others keep."},
    {"caches", FIELD_BOOL, offsetof(struct reset_body, caches),
     .doc = "Forget models, their pins and cached files."},
    {"pipelines", FIELD_BOOL, offsetof(struct reset_body, pipelines),
     .doc = "Forget pipelines, factories, tokenizers and leases."},
};
static const struct field_table table = {"Reset", fields, ARRAY_SIZE(fields)};
/* clang-format on */

static void reset(struct request *req)
{
    struct reset_body body = {0};
    struct args_reset *args;

    if (!body_bind(req, &table, &body))
        return;
    /* The empty body is the seed's reset(). One that asks for something else
     * does not clear what it does not mention. */
    if (!body.architectures)
        body.architectures = body.caches || body.pipelines ? ARCHS_KEEP + 1 : ARCHS_CLEAR + 1;
    args = mem_new(struct args_reset);
    args->architectures = body.architectures - 1;
    args->caches = body.caches == YES;
    args->pipelines = body.pipelines == YES;
    request_submit(req, plain_call(req, OP_RESET, args));
}

static const enum err_code errors[] = {ERR_STORE,
                                       ERR_STORE_READ_ONLY,
                                       ERR_STORE_FULL,
                                       ERR_IDEMPOTENCY_CONFLICT,
                                       ERR_IDEMPOTENCY_MISMATCH,
                                       ERR_NONE};

static const struct route rows[] = {
    {METHOD_POST, "/v1/reset", reset, .id = "reset", .scope = SCOPE_ADMIN, .body = BODY_JSON,
     .body_fields = &table, .errors = errors, .tag = "architectures",
     .summary = "Reset the registry"},
};
const struct route_table reset_routes = ROUTE_TABLE(rows);
