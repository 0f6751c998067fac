#pragma once
/*
 * App: what the handlers of one I/O loop share.
 *
 * Each loop has its own: a reference to the current registry, a log of the
 * last events, and what it may know of the process. New registries and events
 * come as messages and are put in with app_set_registry() and app_event();
 * between two messages a handler reads without locks or atomics.
 *
 * Order: the core sends a loop the registry and the event of a change before
 * it answers the call that made the change. So whoever has read an answer
 * finds its effect on the same loop, and a long poll that was woken finds its
 * event in the log.
 *
 * Everything here belongs to the loop's thread.
 */
#include "api/texts.h"
#include "api/vitals.h"
#include "arch/registry.h"
#include "event/event.h"

struct metrics;
struct route;
struct server;

/* What api/stream.h's topics are. */
enum { TOPIC_EVENTS = 1 };

/* A row of GET /v1/limits. The name carries the unit. */
struct app_limit {
    const char *name;
    int64_t value;
};

struct app_config {
    struct registry *registry; /* a reference is taken */
    size_t max_events;         /* kept for readers that come back; 0: 4096 */
    int64_t compacted;         /* newest revision whose event is no longer stored; 0: none */
    const struct vitals *vitals;
    const struct app_limit *limits; /* borrowed */
    size_t n_limits;
    int64_t max_wait_s; /* longest Prefer: wait=N of a long poll; 0: 60 */
    /* The whole table, for the list at / ; and the counts of every loop, for /metrics. Borrowed. */
    const struct route *const *routes;
    size_t n_routes;
    struct metrics *const *metrics;
    size_t n_metrics;
    const char *version; /* static */
};

struct app {
    struct registry *registry;
    struct event_log events;
    struct texts texts;
    const struct vitals *vitals;
    const struct app_limit *limits;
    size_t n_limits;
    int64_t max_wait_s;
    const struct route *const *routes;
    size_t n_routes;
    struct metrics *const *metrics;
    size_t n_metrics;
    const char *version;
    struct server *server; /* where events are published; NULL: nowhere */
};

void app_init(struct app *a, const struct app_config *config);
void app_release(struct app *a);

/* Takes over the reference. The caller then moves the hot generation. */
void app_set_registry(struct app *a, struct registry *registry);
/*
 * Takes over the reference: keeps the event and hands it to every open stream
 * that wants it. Cost: one counted reference per stream.
 */
void app_event(struct app *a, struct event *e);
/* As app_event() for what was stored before the start: nobody is listening yet. */
void app_event_load(struct app *a, struct event *e);
