/* Capabilities and limits: what this daemon does, and how much of it. */
#include "api/routes/routes.h"

#include "json/writer.h"

static void names(struct json *j, const char *key, const char *const *all)
{
    size_t n = 0;

    while (all[n])
        n++;
    json_strv(j, key, all, n);
}

static void get_capabilities(struct request *req)
{
    static const char *const event_forms[] = {"text/event-stream", "application/x-ndjson",
                                              "application/json", NULL};
    AUTO_BUF struct buf out = {0};
    struct json j = json_begin(&out);

    json_open(&j, '{');
    names(&j, "tasks", task_names);
    names(&j, "encodings", encoding_names);
    names(&j, "weights_formats", weights_format_names);
    names(&j, "rope_types", rope_type_names);
    names(&j, "kv_cache_strategies", kv_strategy_names);
    names(&j, "input_modalities", modality_names);
    names(&j, "event_groups", event_groups());
    names(&j, "event_forms", event_forms);
    json_key(&j, "served"), json_open(&j, '{');
    json_bool(&j, "registry", true);
    json_bool(&j, "models", true);
    json_bool(&j, "pipelines", true);
    json_bool(&j, "leases", true);
    json_bool(&j, "events", true);
    json_bool(&j, "encode", false);
    json_bool(&j, "chat_templates", true);
    json_bool(&j, "hub_endpoint", false);
    json_bool(&j, "engines", false);
    json_close(&j, '}');
    json_close(&j, '}');
    reply_buf(req, 200, &out, NULL);
}

static void get_limits(struct request *req)
{
    const struct app *app = req->app;
    AUTO_BUF struct buf out = {0};
    struct json j = json_begin(&out);

    json_open(&j, '{');
    for (size_t i = 0; i < app->n_limits; i++)
        json_int(&j, app->limits[i].name, app->limits[i].value);
    json_close(&j, '}');
    reply_buf(req, 200, &out, NULL);
}

static void get_status(struct request *req)
{
    request_submit(req, plain_call(req, OP_STATUS, mem_new(struct args_status)));
}

static const struct route rows[] = {
    {METHOD_GET, "/v1/capabilities", get_capabilities, .id = "getCapabilities", .scope = SCOPE_READ,
     .tag = "daemon", .summary = "What this daemon can"},
    {METHOD_GET, "/v1/limits", get_limits, .id = "getLimits", .scope = SCOPE_READ, .tag = "daemon",
     .summary = "Limits of requests and of what is kept"},
    {METHOD_GET, "/v1/status", get_status, .id = "getStatus", .scope = SCOPE_READ, .tag = "daemon",
     .summary = "How the daemon is"},
};
const struct route_table capability_routes = ROUTE_TABLE(rows);
