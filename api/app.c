#include "api/app.h"

#include "api/server.h"

enum { MAX_EVENTS_DEFAULT = 4096, MAX_WAIT_S_DEFAULT = 60 };

void app_init(struct app *a, const struct app_config *config)
{
    *a = (struct app){
        .registry = registry_ref(config->registry),
        .vitals = config->vitals,
        .limits = config->limits,
        .n_limits = config->n_limits,
        .max_wait_s = config->max_wait_s ? config->max_wait_s : MAX_WAIT_S_DEFAULT,
        .routes = config->routes,
        .n_routes = config->n_routes,
        .metrics = config->metrics,
        .n_metrics = config->n_metrics,
        .version = config->version,
    };
    event_log_init(&a->events, config->max_events ? config->max_events : MAX_EVENTS_DEFAULT);
    a->events.compacted = config->compacted;
}

void app_release(struct app *a)
{
    event_log_release(&a->events);
    texts_release(&a->texts);
    registry_unref(a->registry);
    *a = (struct app){0};
}

void app_set_registry(struct app *a, struct registry *registry)
{
    registry_unref(a->registry);
    a->registry = registry;
}

void app_event_load(struct app *a, struct event *e) { event_log_append(&a->events, e); }

void app_event(struct app *a, struct event *e)
{
    event_log_append(&a->events, e);
    if (a->server)
        api_publish(a->server, TOPIC_EVENTS, e->revision, event_kind_name(e->kind), e, e->json);
}
