/* Leases: who uses a pipeline, and until when. */
#include "api/routes/routes.h"

#include "pipeline/leases.h"

#include <stdio.h>

struct lease_body {
    struct opt_int ttl_s;
    char *holder;
};

static const struct field lease_fields[] = {
    {"ttl_s", FIELD_INT, offsetof(struct lease_body, ttl_s), .min = 1, .max = LEASE_TTL_MAX_S,
     .doc = "Seconds until it expires unless it is renewed."},
    {"holder", FIELD_STR, offsetof(struct lease_body, holder), .min = 1,
     .max = LEASE_HOLDER_MAX - 1, .doc = "Who holds it, for people who look."},
};
static const struct field_table lease_table = {"LeaseRequest", lease_fields,
                                               ARRAY_SIZE(lease_fields)};

/* Arguments of op on the id in the path, with what the body says. */
static void ask_lease(struct request *req, enum op op, enum err_code not_found, const char *what)
{
    struct lease_body body = {0};
    struct args_lease *args;

    if (!body_bind(req, &lease_table, &body))
        return;
    args = mem_new(struct args_lease);
    args->ttl_s = body.ttl_s.value;
    if (body.holder)
        snprintf(args->holder, sizeof(args->holder), "%s", body.holder);
    bind_release(&lease_table, &body);
    if (strlen(req->capture[0]) >= sizeof(args->id)) {
        reply_error(req, not_found, "there is no %s %.60s…", what, req->capture[0]);
        free(args);
        return;
    }
    snprintf(args->id, sizeof(args->id), "%s", req->capture[0]);
    request_submit(req, plain_call(req, op, args));
}

static void create_lease(struct request *req)
{
    ask_lease(req, OP_LEASE_CREATE, ERR_PIPELINE_NOT_FOUND, "pipeline");
}

static void renew_lease(struct request *req)
{
    ask_lease(req, OP_LEASE_RENEW, ERR_LEASE_NOT_FOUND, "lease");
}

static void delete_lease(struct request *req)
{
    ask_lease(req, OP_LEASE_DELETE, ERR_LEASE_NOT_FOUND, "lease");
}

struct list_query {
    struct page_query page;
    char *pipeline;
};

static const struct field list_fields[] = {
    {"pipeline", FIELD_STR, offsetof(struct list_query, pipeline), .min = 1, .max = 40,
     .doc = "Only leases of this pipeline."},
    PAGE_FIELDS(struct list_query),
};
static const struct field_table list_table = {"LeaseListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};

static void list_leases(struct request *req)
{
    const struct list_query *q = req->query;
    struct args_handle *args = mem_new(struct args_handle);

    page_args(&q->page, args);
    if (q->pipeline)
        snprintf(args->id, sizeof(args->id), "%s", q->pipeline);
    request_submit(req, plain_call(req, OP_LEASE_LIST, args));
}

static const enum err_code create_errors[] = {
    ERR_PIPELINE_NOT_FOUND,   ERR_LEASE_LIMIT, ERR_IDEMPOTENCY_CONFLICT,
    ERR_IDEMPOTENCY_MISMATCH, ERR_STORE,       ERR_NONE};
static const enum err_code lease_errors[] = {ERR_LEASE_NOT_FOUND, ERR_STORE, ERR_NONE};

static const struct route rows[] = {
    {METHOD_POST, "/v1/pipelines/{id}/leases", create_lease, .id = "createLease",
     .scope = SCOPE_WRITE, .body = BODY_JSON, .body_fields = &lease_table, .status = 201,
     .errors = create_errors, .tag = "leases", .summary = "Use a pipeline for a while"},
    {METHOD_GET, "/v1/leases", list_leases, .id = "listLeases", .scope = SCOPE_READ,
     .query = &list_table, .query_size = sizeof(struct list_query), .tag = "leases",
     .summary = "List leases"},
    {METHOD_PUT, "/v1/leases/{id}", renew_lease, .id = "renewLease", .scope = SCOPE_WRITE,
     .body = BODY_JSON, .body_fields = &lease_table, .errors = lease_errors, .tag = "leases",
     .summary = "Renew a lease"},
    {METHOD_DELETE, "/v1/leases/{id}", delete_lease, .id = "deleteLease", .scope = SCOPE_WRITE,
     .status = 204, .errors = lease_errors, .tag = "leases", .summary = "Release a lease"},
};
const struct route_table lease_routes = ROUTE_TABLE(rows);
