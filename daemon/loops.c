#include "daemon/loops.h"

#include "daemon/ioloop.h"
#include "daemon/log.h"
#include "daemon/loops_start.h"

#include <stdio.h>
#include <unistd.h>

/* A message to one loop, with what it brings. */
struct note {
    struct message message;
    struct loop *loop;
    struct registry *registry;
    struct event *event;
    struct call *call;
    struct blob *line;
    int64_t revision;
    uint64_t tag;
    char id[41];
};

static void post(struct loop *loop, struct note *n, void (*run)(struct message *m))
{
    n->loop = loop;
    n->message.run = run;
    ioloop_post(&loop->io, &n->message);
}

static void on_publish(struct message *m)
{
    struct note *n = container_of(m, struct note, message);

    if (n->registry) {
        app_set_registry(&n->loop->app, n->registry);
        api_hot_clear(n->loop->io.server);
    }
    api_set_revision(n->loop->io.server, n->revision);
    free(n);
}

void loops_publish(struct loops *l, struct registry *registry, int64_t revision, bool changed)
{
    for (size_t i = 0; i < l->n; i++) {
        struct note *n = mem_new(struct note);

        n->registry = changed ? registry_ref(registry) : NULL;
        n->revision = revision;
        post(&l->items[i], n, on_publish);
    }
}

static void on_event(struct message *m)
{
    struct note *n = container_of(m, struct note, message);

    app_event(&n->loop->app, n->event);
    free(n);
}

void loops_event(struct loops *l, struct event *e)
{
    for (size_t i = 0; i < l->n; i++) {
        struct note *n = mem_new(struct note);

        n->event = event_ref(e);
        post(&l->items[i], n, on_event);
    }
}

static void on_invalidate(struct message *m)
{
    struct note *n = container_of(m, struct note, message);

    if (n->tag)
        api_hot_invalidate(n->loop->io.server, n->tag);
    else
        api_hot_clear(n->loop->io.server);
    free(n);
}

void loops_invalidate(struct loops *l, uint64_t tag)
{
    for (size_t i = 0; i < l->n; i++) {
        struct note *n = mem_new(struct note);

        n->tag = tag;
        post(&l->items[i], n, on_invalidate);
    }
}

void loops_new_generation(struct loops *l) { loops_invalidate(l, 0); }

static void on_drop_text(struct message *m)
{
    struct note *n = container_of(m, struct note, message);

    texts_drop(&n->loop->app.texts, n->id[0] ? n->id : NULL);
    free(n);
}

void loops_drop_text(struct loops *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++) {
        struct note *n = mem_new(struct note);

        snprintf(n->id, sizeof(n->id), "%s", id ? id : "");
        post(&l->items[i], n, on_drop_text);
    }
}

static void on_answer(struct message *m)
{
    api_answer(container_of((void *)m, struct call, message));
}

void loops_answer(struct loops *l, struct call *call)
{
    struct message *m = (void *)call->message;
    struct ioloop *io = call->loop;

    (void)l;
    m->run = on_answer;
    ioloop_post(io, m);
}

static void on_progress(struct message *m)
{
    struct note *n = container_of(m, struct note, message);

    api_progress(n->call, n->line);
    blob_unref(n->line);
    free(n);
}

void loops_progress(struct loops *l, struct call *call, struct blob *line)
{
    struct note *n = mem_new(struct note);

    (void)l;
    n->call = call; /* its answer comes behind this, so it is there */
    n->line = blob_ref(line);
    n->message.run = on_progress;
    ioloop_post(call->loop, &n->message);
}

/* ---- life */

static void log_access(void *ctx, const struct access *a)
{
    (void)ctx;
    log_debug("request", "id", a->request_id, "method", a->method, "target", a->target, "status",
              log_int(a->status), "us", log_int(a->duration_us), "principal", a->principal,
              "problem", a->code ? err_slug(a->code) : NULL);
}

static void log_mhd(void *ctx, const char *text)
{
    (void)ctx;
    log_warning("http: libmicrohttpd says", "text", text);
}

bool loops_start(struct loops *l, const struct loops_config *config, struct err *err)
{
    l->items = mem_new_array(config->n_loops, struct loop);
    l->all_metrics = mem_new_array(config->n_loops, struct metrics *);
    for (size_t i = 0; i < config->n_loops; i++) {
        struct loop *loop = &l->items[i];
        struct server_config server = config->server;
        struct app_config app = config->app;
        char name[16];
        bool ok;

        app_init(&loop->app, &app);
        for (size_t k = 0; k < config->events->n; k++)
            app_event_load(&loop->app, event_ref(event_log_at(config->events, k)));
        loop->app.events.compacted = config->events->compacted;
        loop->metrics = l->all_metrics[i] = metrics_new(server.routes, server.n_routes);
        loop->app.metrics = l->all_metrics;
        loop->app.n_metrics = config->n_loops;
        server.app = &loop->app;
        server.metrics = loop->metrics;
        server.log_access = log_access;
        server.log_error = log_mhd;
        snprintf(name, sizeof(name), "io-%zu", i);
        ok = config->n_loops == 1 ? ioloop_open(&loop->io, config->core_loop, &server,
                                                config->listeners[i], config->n_listeners[i], err)
                                  : ioloop_start(&loop->io, name, &server, config->listeners[i],
                                                 config->n_listeners[i], err);
        if (!ok) {
            metrics_free(loop->metrics);
            app_release(&loop->app);
            return false; /* those that run are stopped by loops_stop() */
        }
        loop->app.server = loop->io.server;
        l->n++;
    }
    return true;
}

static void on_drain(struct message *m)
{
    struct note *n = container_of(m, struct note, message);

    server_drain(n->loop->io.server);
    free(n);
}

void loops_drain(struct loops *l)
{
    for (size_t i = 0; i < l->n; i++)
        post(&l->items[i], mem_new(struct note), on_drain);
}

size_t loops_n_connections(const struct loops *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += metrics_gauge_read(l->items[i].metrics, GAUGE_CONNECTIONS);
    return (size_t)n;
}

void loops_stop(struct loops *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].io.has_thread)
            ioloop_stop(&l->items[i].io);
        else
            ioloop_close(&l->items[i].io);
}

void loops_release(struct loops *l)
{
    for (size_t i = 0; i < l->n; i++) {
        metrics_free(l->items[i].metrics);
        app_release(&l->items[i].app);
    }
    free(l->items);
    free(l->all_metrics);
    *l = (struct loops){0};
}
