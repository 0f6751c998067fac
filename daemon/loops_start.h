#pragma once
/* Loops from the side of whoever starts and stops them; see daemon/loops.h. */
#include "api/app.h"
#include "api/metrics.h"
#include "daemon/ioloop.h"
#include "daemon/loops.h"

struct loop {
    struct ioloop io;
    struct app app;
    struct metrics *metrics;
};

struct loops {
    struct loop *items;
    size_t n; /* those that run */
    struct metrics **all_metrics;
};

struct loops_config {
    size_t n_loops;
    uv_loop_t *core_loop; /* one loop is a guest there; several have threads */
    struct server_config server;
    struct app_config app;
    const struct event_log *events;                 /* what is known already */
    const struct listener_config *const *listeners; /* of each loop */
    const size_t *n_listeners;
};

/* On failure some may run: loops_stop(), loops_release(). Takes over the descriptors. */
bool loops_start(struct loops *l, const struct loops_config *config, struct err *err) MUST_CHECK;
void loops_drain(struct loops *l);
size_t loops_n_connections(const struct loops *l);
void loops_stop(struct loops *l); /* the core loop must turn once more */
void loops_release(struct loops *l);
