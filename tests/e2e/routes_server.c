/*
 * The real routes on the real transport over the built-in catalog, with a backend
 * that says what it was asked, for tests/e2e/test_routes.py: what is bound, what is
 * read from the loop's snapshot, what events do. Prints "listening on …" to stderr
 * and ends with status 0 on SIGTERM.
 *
 * POST /v1/reset makes one event: of a pipeline pl_<32 zeros> when caches is set,
 * else of the registry.
 */
#include "api/args.h"
#include "api/metrics.h"
#include "api/routes/routes.h"
#include "api/server.h"
#include "arch/catalog.h"
#include "base/clock.h"
#include "daemon/ioloop.h"
#include "json/writer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

static struct ioloop io;
static struct app app;
static struct vitals vitals;
static int64_t revision = 1;

static void answer(struct call *call, unsigned status, struct buf *body)
{
    if (body)
        call->answer.body = blob_new(body->data, body->size);
    call->answer.status = status;
    call->answer.revision = revision;
    api_answer(call);
}

static void on_reset(struct call *call)
{
    const struct args_reset *args = call->args;
    AUTO_BUF struct buf out = {0};

    app_event(&app,
              event_new(++revision, args->caches ? EVENT_PIPELINE_CREATED : EVENT_REGISTRY_RESET,
                        args->caches ? "pl_00000000000000000000000000000000" : "", clock_wall_s(),
                        ""));
    api_set_revision(io.server, revision);
    buf_printf(&out, "{\"architectures\":%d,\"caches\":%d,\"pipelines\":%d}", args->architectures,
               args->caches, args->pipelines);
    answer(call, 200, &out);
}

static void write_model(struct json *j, const struct args_model *a)
{
    json_str(j, "model", a->ref.model);
    json_str(j, "revision", a->ref.revision);
    json_str(j, "subfolder", a->ref.subfolder);
    json_bool(j, "trust_remote_code", a->ref.trust_remote_code);
    json_bool(j, "offline", a->ref.offline);
    json_str(j, "task", task_name(a->task));
    json_bool(j, "prefer_module_v3", a->prefer_module_v3);
    json_int(j, "limit", a->limit);
}

static void write_handle(struct json *j, const struct args_handle *a)
{
    json_str(j, "id", a->id);
    json_str(j, "page_token", a->page_token);
    json_int(j, "limit", a->limit);
    json_str(j, "task", task_name(a->task));
    json_str(j, "model", a->model);
    json_str(j, "state", a->state);
    json_bool(j, "force", a->force);
    json_bool(j, "allow_remote", a->allow_remote);
}

static void write_args(struct json *j, const struct call *call)
{
    switch (call->op) {
    case OP_ARCH_REGISTER: {
        const struct args_register *a = call->args;
        json_int(j, "n", (int64_t)json_array_size(a->docs));
        json_bool(j, "batch", a->batch);
        json_bool(j, "allow_override", a->allow_override);
        json_bool(j, "dry_run", a->dry_run);
        break;
    }
    case OP_ARCH_DELETE: {
        const struct args_arch *a = call->args;
        json_str(j, "name", a->name);
        json_str(j, "task", task_name(a->task));
        break;
    }
    case OP_TOKENIZER_CREATE:
        json_str(j, "model", ((struct args_tokenizer *)call->args)->request.model);
        break;
    case OP_FACTORY_CREATE:
    case OP_PIPELINE_CREATE: {
        const struct args_pipeline *a = call->args;
        json_str(j, "model_path", a->request.main.model_path);
        json_bool(j, "dry_run", a->request.dry_run == YES);
        break;
    }
    case OP_LEASE_CREATE:
    case OP_LEASE_RENEW:
    case OP_LEASE_DELETE: {
        const struct args_lease *a = call->args;
        json_str(j, "id", a->id);
        json_int(j, "ttl_s", a->ttl_s);
        json_str(j, "holder", a->holder);
        break;
    }
    default:
        if (call->op >= OP_MODEL && call->op <= OP_MODELS)
            write_model(j, call->args);
        else
            write_handle(j, call->args);
    }
}

static void submit(void *ctx, struct call *call)
{
    AUTO_BUF struct buf out = {0};
    struct json j = json_begin(&out);
    (void)ctx;

    if (call->op == OP_RESET) {
        on_reset(call);
        return;
    }
    if (call->op == OP_STATUS) {
        const struct args_status *a = call->args;
        buf_append_str(&out, a->form == STATUS_METRICS ? "core_metric 1\n" : "{\"core\":true}");
        answer(call, 200, &out);
        return;
    }
    if (call->op == OP_PIPELINE_GET && !strchr(((struct args_handle *)call->args)->id, '0')) {
        err_set(&call->answer.err, ERR_PIPELINE_NOT_FOUND, "there is no such pipeline");
        api_answer(call);
        return;
    }
    json_open(&j, '{');
    json_int(&j, "op", call->op);
    json_bool(&j, "respond_async", call->respond_async);
    json_bool(&j, "stream", call->stream);
    json_str(&j, "if_match", call->if_match);
    write_args(&j, call);
    json_close(&j, '}');
    answer(call, call->respond_async ? 202 : 200, &out);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    ioloop_close(&io);
}

static int listen_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&a, &size))
        return -1;
    fprintf(stderr, "listening on http://127.0.0.1:%d\n", ntohs(a.sin_port));
    return fd;
}

int main(void)
{
    static const struct app_limit limits[] = {{"max_body_bytes", 8 << 20}};
    struct listener_config listener = {listen_tcp(), {.is_loopback = true}};
    struct server_config config = {.backend = {.submit = submit}, .version = "test", .app = &app};
    struct app_config app_config = {.max_events = 8, .vitals = &vitals, .version = "test"};
    AUTO_ARCHS struct archs archs = {0};
    AUTO_ERR struct err err = {0};
    struct metrics *metrics;
    uv_signal_t signal;

    vitals.ready = vitals.store_ok = true;
    vitals.core_beat_ms = clock_mono_ms();
    catalog_load_builtin(revision, 0, &archs);
    app_config.registry = registry_new(revision, archs.items, archs.n);
    config.routes = app_config.routes = routes_all(&config.n_routes);
    app_config.n_routes = config.n_routes;
    app_config.limits = limits;
    app_config.n_limits = ARRAY_SIZE(limits);
    config.metrics = metrics = metrics_new(config.routes, config.n_routes);
    app_config.metrics = &metrics;
    app_config.n_metrics = 1;
    app_init(&app, &app_config);
    registry_unref(app_config.registry);
    uv_signal_init(uv_default_loop(), &signal);
    uv_signal_start(&signal, on_signal, SIGTERM);
    if (!ioloop_open(&io, uv_default_loop(), &config, &listener, 1, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 70;
    }
    app.server = io.server;
    api_set_revision(io.server, revision);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    app_release(&app);
    metrics_free(metrics);
    free((void *)config.routes);
    return 0;
}
