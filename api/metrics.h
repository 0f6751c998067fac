#pragma once
/*
 * Metrics: what the loops count, and Prometheus text.
 *
 * Each loop has its own struct and is the only one to write it: a count is a
 * relaxed load and store, no lock and no locked instruction. A scrape on any
 * loop adds the structs up; it may see a request in one figure and not yet in
 * another.
 */
#include "base/buf.h"

struct route;
struct metrics;

/* One per loop; n_routes as of the table, which is where labels come from. */
struct metrics *metrics_new(const struct route *const *routes, size_t n_routes);
void metrics_free(struct metrics *m);

/* ---- by the loop's server; route: its number in the table, n_routes for none of it */
void metrics_request(struct metrics *m, size_t route, unsigned status, int64_t duration_us,
                     bool from_hot);
enum metric_gauge {
    GAUGE_CONNECTIONS,
    GAUGE_CALLS,
    GAUGE_STREAMS,
    GAUGE_BODIES_BYTES,
    GAUGE_HOT_ENTRIES,
    GAUGE_HOT_BYTES,
    N_GAUGES,
};
void metrics_gauge(struct metrics *m, enum metric_gauge gauge, uint64_t value);
uint64_t metrics_gauge_read(const struct metrics *m, enum metric_gauge gauge); /* any thread */
enum metric_counter {
    COUNTER_CONNECTIONS,
    COUNTER_CUTS,       /* connections cut off by a deadline */
    COUNTER_REFUSED,    /* heads refused */
    COUNTER_ABANDONED,  /* calls given up */
    COUNTER_SLOW,       /* streams dropped: the reader was too slow */
    COUNTER_HOT_MISSES, /* of requests that may be kept */
    COUNTER_RECEIVED_BYTES,
    COUNTER_SENT_BYTES,
    N_COUNTERS,
};
void metrics_count(struct metrics *m, enum metric_counter counter, uint64_t n);

/* ---- a scrape, on any thread */

/* Appends the HTTP families, the sum of all[0..n). */
void metrics_write(struct buf *out, struct metrics *const *all, size_t n);

/* For families of others: a head, then its samples. type: "counter", "gauge", "histogram". */
void metrics_family(struct buf *out, const char *name, const char *type, const char *help);
/* labels: `kind="x",state="y"`, escaped; "" or NULL for none. */
void metrics_sample(struct buf *out, const char *name, const char *labels, double value);
/* Family and its one sample. */
void metrics_single(struct buf *out, const char *name, const char *type, const char *help,
                    double value);
/* Appends name="value", escaped, to labels, after a comma when labels is not empty. */
void metrics_label(struct buf *labels, const char *name, const char *value);
/* process_* of this process: CPU, memory, descriptors, start. */
void metrics_process(struct buf *out);
