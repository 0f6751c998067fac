/* Metrics: what the loops and the core count, in the Prometheus text format. */
#include "api/metrics.h"

#include "api/routes/routes.h"
#include "base/clock.h"

/* A scrape must not wait for a core that hangs: it is what shows that it does. */
enum { CORE_WAIT_MS = 2000 };

static void write_vitals(struct buf *out, const struct app *app)
{
    const struct vitals *v = app->vitals;
    AUTO_BUF struct buf labels = {0};

    metrics_label(&labels, "version", app->version);
    metrics_family(out, "pipelined_build_info", "gauge", "What is running.");
    metrics_sample(out, "pipelined_build_info", labels.data, 1);
    metrics_single(out, "pipelined_ready", "gauge", "1 when the state is loaded.",
                   atomic_load(&v->ready));
    metrics_single(out, "pipelined_draining", "gauge", "1 while the daemon stops.",
                   atomic_load(&v->draining));
    metrics_single(out, "pipelined_store_ok", "gauge", "1 when the last commit worked.",
                   atomic_load(&v->store_ok));
    metrics_single(out, "pipelined_hub_ok", "gauge", "1 when the Hub answered last time.",
                   atomic_load(&v->hub_ok));
    metrics_single(out, "pipelined_core_silence_seconds", "gauge",
                   "Since the core loop turned last.",
                   (double)(clock_mono_ms() - atomic_load(&v->core_beat_ms)) / 1e3);
    metrics_single(out, "pipelined_registry_architectures", "gauge", "Registered architectures.",
                   (double)registry_size(app->registry));
    metrics_single(out, "pipelined_registry_revision", "gauge", "Revision of the registry.",
                   (double)registry_revision(app->registry));
}

static void on_core(struct request *req, struct call *call)
{
    const struct app *app = req->app;
    AUTO_BUF struct buf out = {0};

    write_vitals(&out, app);
    metrics_process(&out);
    metrics_write(&out, app->metrics, app->n_metrics);
    if (call->answer.status && call->answer.body)
        buf_append(&out, call->answer.body->bytes, call->answer.body->size);
    reply_cache_control(req, "no-store");
    reply_buf(req, 200, &out, "text/plain; version=0.0.4; charset=utf-8");
}

static void get_metrics(struct request *req)
{
    struct args_status *args = mem_new(struct args_status);
    struct call *call;
    int64_t until_ms = clock_mono_ms() + CORE_WAIT_MS;

    args->form = STATUS_METRICS;
    if (req->deadline_ms > until_ms)
        req->deadline_ms = until_ms;
    call = plain_call(req, OP_STATUS, args);
    req->on_answer = on_core;
    request_submit(req, call);
}

static const struct route rows[] = {
    {METHOD_GET, "/metrics", get_metrics, .id = "getMetrics", .probe = true,
     .answer_type = "text/plain", .tag = "health", .summary = "Metrics for Prometheus"},
};
const struct route_table metrics_routes = ROUTE_TABLE(rows);
