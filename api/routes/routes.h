#pragma once
/*
 * Routes: the tables of all resources, one file each, and what several of them
 * need.
 */
#include "api/app.h"
#include "api/args.h"
#include "api/reply.h"
#include "api/route.h"

struct route_table {
    const struct route *routes;
    size_t n;
};

/* clang-format off */
extern const struct route_table architecture_routes, capability_routes, chunk_routes,
    decode_routes, encode_routes, event_routes,
    factory_routes, health_routes, home_routes, hub_routes, lease_routes, metrics_routes,
    model_routes, openapi_routes, pipeline_routes, render_routes, reset_routes, task_routes,
    tokenizer_routes, vllm_routes, vocabulary_routes;
/* clang-format on */

#define ROUTE_TABLE(rows)      \
    {                          \
        rows, ARRAY_SIZE(rows) \
    }

/* Pointers to every route, also the built-in ones, in the order of the description. The caller
 * frees the array. */
const struct route **routes_all(size_t *ret_n);

/* limit= and page_token= of a list; a member `page` of the query's struct. */
struct page_query {
    struct opt_int limit;
    char *page_token;
};
enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000, PAGE_TOKEN_MAX = 63 };
/* clang-format off */
#define PAGE_FIELDS(type)                                                                          \
    {"limit", FIELD_INT, offsetof(type, page.limit), .min = 1, .max = PAGE_MAX,                    \
     .doc = "Most items of one page."},                                                            \
    {"page_token", FIELD_STR, offsetof(type, page.page_token), .min = 1, .max = PAGE_TOKEN_MAX,    \
     .doc = "next_page_token of the page before."}
/* clang-format on */

/* Errors that more than one table names. */
extern const enum err_code model_errors[], resolve_errors[];

/* A call with arguments that own nothing. */
struct call *plain_call(struct request *req, enum op op, void *args);
/*
 * The call of GET, DELETE and the like on /…/{id}: captures the id. NULL when it
 * is too long to be one of ours; the request was then answered with code.
 */
struct args_handle *handle_args(struct request *req, enum err_code code, const char *what);
/* Puts limit and page_token of a list into args. */
void page_args(const struct page_query *page, struct args_handle *args);

/*
 * The body of req bound by table into ret. False: the request was answered. An
 * empty body binds nothing and leaves ret zeroed.
 */
bool body_bind(struct request *req, const struct field_table *table, void *ret);

/*
 * Asks for what may take its time: NDJSON progress for a client that accepts
 * it, 202 or waiting as it prefers. The last line of a stream is the resource.
 */
void submit_slow(struct request *req, enum op op, void *args, void (*args_release)(void *args));
