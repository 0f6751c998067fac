#pragma once
/*
 * Route: a row of the table that says what the API has, and the request a
 * handler sees.
 *
 * The table is the one place: the matcher, the checks of scope, query and body,
 * HEAD, OPTIONS, 405 with Allow, 404 with the nearest path, the metrics' names
 * and the OpenAPI description are made from it.
 *
 *     static const struct field query[] = {
 *         {"task", FIELD_ENUM, offsetof(struct list_query, task), .names = task_names, .doc = "…"},
 *     };
 *     static const struct field_table query_table = {"ListQuery", query, ARRAY_SIZE(query)};
 *
 *     const struct route routes_architectures[] = {
 *         {METHOD_GET, "/v1/architectures", list_architectures, .id = "listArchitectures",
 *          .scope = SCOPE_READ, .query = &query_table, .query_size = sizeof(struct list_query), …},
 *         {METHOD_GET, "/v1/architectures/{name}", get_architecture, …},
 *         {METHOD_GET, "/{org}/{name}/resolve/{revision}/{path*}", …},
 *     };
 *
 * Paths. The raw path is split at '/' first; then each segment is
 * percent-decoded, once ('+' stays '+'): "org%2Fname" is one segment
 * "org/name". {x} captures one segment that is not empty, {x*} as the last one
 * captures the rest, one or more, joined by '/'. Captures are UTF-8 without
 * control characters; anything else was answered 400 before. A literal beats a
 * capture, a capture beats a tail, so "/v1/model" and "/{name}/…" live together.
 *
 * A handler runs on the thread of its I/O loop and, before it returns, does
 * exactly one of:
 *   - answer: one reply_…() of api/reply.h
 *   - ask:    request_submit(); the answer becomes the reply by itself, or
 *             req->on_answer is called with it and must reply (or submit again)
 *   - stream: stream_open() of api/stream.h
 * It may take some 50 µs; what takes longer is for the backend.
 */
#include "api/backend.h"
#include "api/scope.h"
#include "bind/bind.h"

struct request;

enum method {
    METHOD_GET, /* HEAD too: the same handler, the body is not sent */
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    N_METHODS,
};

enum body_kind {
    BODY_NONE,  /* a body is 413 beyond 0 bytes */
    BODY_JSON,  /* Content-Type application/json, …+json or none at all; else 415 */
    BODY_BYTES, /* any Content-Type; the handler looks */
};

enum { ROUTE_MAX_SEGMENTS = 64, ROUTE_MAX_CAPTURES = 6, REQUEST_ID_MAX = 128 };

struct route {
    enum method method;
    const char *path; /* template */
    void (*handle)(struct request *req);

    const char *id; /* operationId: "getArchitecture"; also the label in metrics */
    enum scope scope;
    enum body_kind body;
    size_t max_body; /* bytes; 0: the server's limit */
    bool body_required;
    /*
     * Query keys by the rows of bind.h, of the kinds STR, BOOL ("true", "1",
     * "" are yes; "false", "0" no), INT, REAL, ENUM and STRV (the key repeated).
     * Unknown keys: 422 with the nearest one; NULL: no keys are known. Every GET
     * with a scope knows min_revision= besides, and waits for it by itself.
     */
    const struct field_table *query;
    size_t query_size; /* of the struct it is bound to */
    /* Unknown query keys are ignored (the Hub's endpoints: clients send what they like). */
    bool query_open;
    /* stream_open() or reply_file() may be its answer: libmicrohttpd carries all its requests. */
    bool streams;
    bool
        probe; /* health and metrics: served while draining and overloaded, not in the access log */

    /* ---- for the OpenAPI description */
    const struct field_table *body_fields; /* request body; NULL: see body_schema */
    const char *body_schema;               /* JSON Schema text; NULL: anything */
    const char *answer_schema;             /* of the 2xx body, likewise */
    unsigned status;                       /* of success; 0: 200 */
    const char *answer_type;               /* NULL: application/json */
    const enum err_code *errors;           /* ERR_NONE-terminated: problems beyond the usual */
    const char *tag;                       /* group in the description: "architectures" */
    const char *summary;                   /* some words */
    const char *doc;                       /* sentences */
};

/*
 * A request on its way to an answer. All of it lives until the reply went out;
 * strings are borrowed from it unless a field says otherwise.
 */
struct request {
    const struct route *route;
    void *app; /* api_config.app: what handlers share on this loop */
    struct server *server;
    bool is_head;
    const char *target; /* raw, path and query, as sent */
    const char
        *capture[ROUTE_MAX_CAPTURES]; /* in the order of the template; NULL behind the last */
    void *query;      /* bound by route->query; members may be moved out (leave zero behind) */
    const char *body; /* NUL behind body_size, not counted; "" without a body */
    size_t body_size;
    char id[REQUEST_ID_MAX + 1]; /* X-Request-Id, taken or made */
    const char *principal;       /* name of the key; "local" without one */
    unsigned scopes;             /* what it may do; SCOPE_ALL when no keys are asked for */
    int64_t deadline_ms;         /* CLOCK_MONOTONIC; a handler may shorten it */
    int64_t revision;            /* X-Registry-Revision of the reply; set from the server's */
    /*
     * Called instead of sending call->answer as it is; may replace parts of the
     * answer and pass it to reply_answer(). Also called for errors (answer.status 0).
     */
    void (*on_answer)(struct request *req, struct call *call);
    void *state;                   /* the handler's own, between submit and on_answer */
    void (*state_release)(void *); /* called with state, if set, when the request ends */
};

/* A header of the request, NULL when absent. Names are compared without case. */
const char *request_header(const struct request *req, const char *name);
/*
 * Whether the client takes type ("application/x-ndjson") by its Accept: q > 0.
 * named: only if it is named there, not when just a wildcard (or no Accept) lets it in.
 */
bool request_accepts(const struct request *req, const char *type, bool named);
/* The Content-Type of the body is type, whatever its parameters. */
bool request_is_type(const struct request *req, const char *type);

/*
 * The body becomes the caller's to free; the request has none any more. After request_call(),
 * which looks at it.
 */
char *request_take_body(struct request *req) __attribute__((returns_nonnull));

/*
 * The body as JSON: *ret is the caller's; depth-limited, duplicate keys
 * refused. An empty body is NULL with true unless route->body_required.
 * Errors: ERR_INVALID, with line and column.
 */
bool request_json(struct request *req, json_t **ret, struct err *err) MUST_CHECK;

/*
 * A new call for the backend, with what the headers say: id, principal, deadline,
 * If-Match, If-None-Match, Idempotency-Key and fingerprint, Prefer. It takes over args.
 * request_submit() hands it to the backend; between the two the handler may change
 * it. A call that was not submitted ends with the request.
 */
struct call *request_call(struct request *req, enum op op, void *args,
                          void (*args_release)(void *args));
void request_submit(struct request *req, struct call *call);

/*
 * Sleeps until the loop's registry has reached revision or until_ms
 * (CLOCK_MONOTONIC) has passed, then calls then(), which must do what a handler
 * must. It is called at once when there is nothing to wait for. min_revision=
 * is done with this before the handler is called.
 */
void request_wait(struct request *req, int64_t revision, int64_t until_ms,
                  void (*then)(struct request *req, bool reached));
