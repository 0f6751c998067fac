#include "api/routes/routes.h"

#include "api/builtin.h"
#include "api/stream.h"

#include <stdio.h>

const enum err_code model_errors[] = {
    ERR_REPO_NOT_FOUND,   ERR_REPO_PRIVATE,       ERR_REPO_GATED,
    ERR_REPO_DISABLED,    ERR_REPO_RENAMED,       ERR_TOKEN_INVALID,
    ERR_FILE_NOT_FOUND,   ERR_REVISION_NOT_FOUND, ERR_HUB_UNREACHABLE,
    ERR_HUB_TIMEOUT,      ERR_HUB_RATE_LIMITED,   ERR_HUB_BAD_ANSWER,
    ERR_OFFLINE,          ERR_PATH_NOT_FOUND,     ERR_PATH_NOT_ALLOWED,
    ERR_CONFIG_MISSING,   ERR_CONFIG_INVALID,     ERR_FILE_CORRUPT,
    ERR_CONTENT_MISMATCH, ERR_FILE_TOO_LARGE,     ERR_NONE,
};

const enum err_code resolve_errors[] = {
    ERR_REPO_NOT_FOUND,
    ERR_REPO_PRIVATE,
    ERR_REPO_GATED,
    ERR_REVISION_NOT_FOUND,
    ERR_HUB_UNREACHABLE,
    ERR_OFFLINE,
    ERR_CONFIG_MISSING,
    ERR_CONFIG_INVALID,
    ERR_NO_ARCHITECTURES,
    ERR_REMOTE_CODE,
    ERR_ARCH_NOT_FOUND,
    ERR_TASK_NOT_FOUND,
    ERR_TASK_UNKNOWN,
    ERR_ENCODING_UNSUPPORTED,
    ERR_ENCODING_UNKNOWN,
    ERR_WEIGHTS_NOT_FOUND,
    ERR_WEIGHTS_INCONSISTENT,
    ERR_DEVICE_UNAVAILABLE,
    ERR_DEVICE_UNSUPPORTED,
    ERR_MAX_LENGTH,
    ERR_DOES_NOT_FIT,
    ERR_DRAFT,
    ERR_LORA,
    ERR_COMBINATION,
    ERR_IDEMPOTENCY_CONFLICT,
    ERR_IDEMPOTENCY_MISMATCH,
    ERR_NOT_IMPLEMENTED,
    ERR_NONE,
};

static const struct route_table *const tables[] = {
    &home_routes,   &architecture_routes, &reset_routes,    &model_routes,      &tokenizer_routes,
    &encode_routes, &decode_routes,       &render_routes,   &chunk_routes,      &vocabulary_routes,
    &vllm_routes,   &factory_routes,      &pipeline_routes, &lease_routes,      &task_routes,
    &event_routes,  &health_routes,       &metrics_routes,  &capability_routes, &openapi_routes,
    &hub_routes,
};

const struct route **routes_all(size_t *ret_n)
{
    const struct route **all;
    size_t n = n_builtin_routes, at = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        n += tables[i]->n;
    all = mem_new_array(n, const struct route *);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (size_t k = 0; k < tables[i]->n; k++)
            all[at++] = &tables[i]->routes[k];
    for (size_t k = 0; k < n_builtin_routes; k++)
        all[at++] = &builtin_routes[k];
    *ret_n = n;
    return all;
}

struct call *plain_call(struct request *req, enum op op, void *args)
{
    return request_call(req, op, args, args_plain_release);
}

struct args_handle *handle_args(struct request *req, enum err_code code, const char *what)
{
    const char *id = req->capture[0];
    struct args_handle *args;

    if (strlen(id) >= sizeof(args->id)) {
        reply_error(req, code, "there is no %s %.60s…", what, id);
        return NULL;
    }
    args = mem_new(struct args_handle);
    snprintf(args->id, sizeof(args->id), "%s", id);
    return args;
}

void page_args(const struct page_query *page, struct args_handle *args)
{
    args->limit = page->limit.set ? page->limit.value : PAGE_DEFAULT;
    if (page->page_token)
        snprintf(args->page_token, sizeof(args->page_token), "%s", page->page_token);
}

bool body_bind(struct request *req, const struct field_table *table, void *ret)
{
    AUTO_ERR struct err err = {0};
    json_t *doc = NULL;
    bool ok = request_json(req, &doc, &err);

    if (ok && doc)
        ok = bind_object(table, doc, "", ret, &err);
    json_decref(doc);
    if (!ok)
        reply_problem(req, &err);
    return ok;
}

/* ---- calls that take their time */

static void slow_answer(struct request *req, struct call *call)
{
    char wait[32];

    if (call->answer.status == 202 && call->respond_async) {
        reply_header(req, "Preference-Applied", "respond-async");
    } else if (call->answer.status && call->wait_s >= 0) {
        snprintf(wait, sizeof(wait), "wait=%d", call->wait_s);
        reply_header(req, "Preference-Applied", wait);
    }
    reply_answer(req, &call->answer);
}

void submit_slow(struct request *req, enum op op, void *args, void (*args_release)(void *args))
{
    bool is_stream = request_accepts(req, "application/x-ndjson", true);
    struct call *call;

    if (is_stream)
        stream_open(req, &(struct stream_config){.kind = STREAM_NDJSON});
    call = request_call(req, op, args, args_release);
    if (!is_stream && (call->respond_async || call->wait_s >= 0))
        req->on_answer = slow_answer;
    request_submit(req, call);
}
