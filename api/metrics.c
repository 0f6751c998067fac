#include "api/metrics.h"

#include "api/router.h"

#include <dirent.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Microseconds. Up to 2.5 ms is where the hot cache and lookups are; the rest is the Hub. */
static const int64_t bounds_us[] = {25,      50,      100,     250,      500,     1000,   2500,
                                    5000,    10000,   25000,   50000,    100000,  250000, 500000,
                                    1000000, 2500000, 5000000, 10000000, 60000000};
enum { N_BOUNDS = ARRAY_SIZE(bounds_us), N_CLASSES = 6 };

typedef _Atomic uint64_t count; /* written by one thread */

struct route_counts {
    count classes[N_CLASSES]; /* 1xx … 5xx */
    count hot;
    count buckets[N_BOUNDS + 1];
    count sum_us;
};

struct metrics {
    const struct route *const *routes;
    size_t n_routes;
    count gauges[N_GAUGES], counters[N_COUNTERS];
    struct route_counts counts[]; /* n_routes and one for what has no route */
};

static inline void add(count *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t get(const count *c)
{
    return atomic_load_explicit((count *)c, memory_order_relaxed);
}

struct metrics *metrics_new(const struct route *const *routes, size_t n_routes)
{
    struct metrics *m = mem_alloc(sizeof(*m) + (n_routes + 1) * sizeof(struct route_counts));

    m->routes = routes;
    m->n_routes = n_routes;
    return m;
}

void metrics_free(struct metrics *m) { free(m); }

void metrics_request(struct metrics *m, size_t route, unsigned status, int64_t duration_us,
                     bool from_hot)
{
    struct route_counts *c = &m->counts[route < m->n_routes ? route : m->n_routes];
    size_t i = 0;

    while (i < N_BOUNDS && duration_us > bounds_us[i])
        i++;
    add(&c->buckets[i], 1);
    add(&c->sum_us, (uint64_t)duration_us);
    add(&c->classes[status / 100 < N_CLASSES ? status / 100 : 0], 1);
    add(&c->hot, from_hot);
}

void metrics_gauge(struct metrics *m, enum metric_gauge gauge, uint64_t value)
{
    atomic_store_explicit(&m->gauges[gauge], value, memory_order_relaxed);
}

uint64_t metrics_gauge_read(const struct metrics *m, enum metric_gauge gauge)
{
    return atomic_load_explicit(&m->gauges[gauge], memory_order_relaxed);
}

void metrics_count(struct metrics *m, enum metric_counter counter, uint64_t n)
{
    add(&m->counters[counter], n);
}

/* ---- text */

void metrics_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_sample(struct buf *out, const char *name, const char *labels, double value)
{
    const char *open = labels && *labels ? "{" : "", *close = *open ? "}" : "";

    buf_printf(out, "%s%s%s%s ", name, open, *open ? labels : "", close);
    if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, "%.0f\n", value);
    else
        buf_printf(out, "%.9g\n", value);
}

void metrics_single(struct buf *out, const char *name, const char *type, const char *help,
                    double value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, NULL, value);
}

void metrics_label(struct buf *labels, const char *name, const char *value)
{
    buf_printf(labels, "%s%s=\"", labels->size ? "," : "", name);
    for (const char *p = value; *p; p++) {
        if (*p == '\n')
            buf_append_str(labels, "\\n");
        else if (*p == '"' || *p == '\\')
            buf_printf(labels, "\\%c", *p);
        else
            buf_append_char(labels, *p);
    }
    buf_append_char(labels, '"');
}

static void route_labels(struct buf *labels, const struct metrics *m, size_t i)
{
    bool known = i < m->n_routes;

    buf_clear(labels);
    metrics_label(labels, "method", known ? method_name(m->routes[i]->method) : "other");
    metrics_label(labels, "route", known ? m->routes[i]->path : "other");
}

/* The sum over the loops of the count at this place of struct metrics. */
static uint64_t sum(struct metrics *const *all, size_t n, const count *in_first)
{
    size_t offset = (size_t)((const char *)in_first - (const char *)all[0]);
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += get((const count *)((const char *)all[i] + offset));
    return total;
}

static void write_requests(struct buf *out, struct metrics *const *all, size_t n)
{
    static const char name[] = "pipelined_http_requests_total";
    CLEANUP(buf_release) struct buf labels = {0};

    metrics_family(out, name, "counter", "Requests by route, method and class of status.");
    for (size_t i = 0; i <= all[0]->n_routes; i++)
        for (size_t c = 1; c < N_CLASSES; c++) {
            uint64_t total = sum(all, n, &all[0]->counts[i].classes[c]);
            char class[4] = {(char)('0' + c), 'x', 'x', '\0'};

            if (!total)
                continue;
            route_labels(&labels, all[0], i);
            metrics_label(&labels, "status", class);
            metrics_sample(out, name, labels.data, (double)total);
        }
}

static void write_hot(struct buf *out, struct metrics *const *all, size_t n)
{
    static const char name[] = "pipelined_http_hot_hits_total";
    CLEANUP(buf_release) struct buf labels = {0};

    metrics_family(out, name, "counter", "Requests answered from kept bytes.");
    for (size_t i = 0; i < all[0]->n_routes; i++) {
        uint64_t total = sum(all, n, &all[0]->counts[i].hot);

        if (!total)
            continue;
        route_labels(&labels, all[0], i);
        metrics_sample(out, name, labels.data, (double)total);
    }
}

static void write_histogram(struct buf *out, struct metrics *const *all, size_t n, size_t i)
{
    static const char base[] = "http_server_request_duration_seconds";
    CLEANUP(buf_release) struct buf labels = {0};
    const struct route_counts *c = &all[0]->counts[i];
    uint64_t total = 0;
    size_t plain;

    route_labels(&labels, all[0], i);
    plain = labels.size;
    for (size_t b = 0; b <= N_BOUNDS; b++) {
        char le[32] = "+Inf";

        total += sum(all, n, &c->buckets[b]);
        if (b < N_BOUNDS)
            snprintf(le, sizeof(le), "%g", (double)bounds_us[b] / 1e6);
        labels.size = plain;
        metrics_label(&labels, "le", le);
        buf_printf(out, "%s_bucket{%s} %llu\n", base, labels.data, (unsigned long long)total);
    }
    labels.data[plain] = '\0';
    buf_printf(out, "%s_sum{%s} %.6f\n%s_count{%s} %llu\n", base, labels.data,
               (double)sum(all, n, &c->sum_us) / 1e6, base, labels.data, (unsigned long long)total);
}

static bool is_used(struct metrics *const *all, size_t n, size_t i)
{
    for (size_t b = 0; b <= N_BOUNDS; b++)
        if (sum(all, n, &all[0]->counts[i].buckets[b]))
            return true;
    return false;
}

void metrics_write(struct buf *out, struct metrics *const *all, size_t n)
{
    static const struct {
        const char *name, *help;
    } gauges[N_GAUGES] =
        {
            [GAUGE_CONNECTIONS] = {"pipelined_http_connections", "Open connections."},
            [GAUGE_CALLS] = {"pipelined_http_calls", "Requests that wait for an answer."},
            [GAUGE_STREAMS] = {"pipelined_http_streams", "Open streams of events and progress."},
            [GAUGE_BODIES_BYTES] = {"pipelined_http_bodies_bytes", "Memory of request bodies."},
            [GAUGE_HOT_ENTRIES] = {"pipelined_http_hot_entries", "Answers kept as bytes."},
            [GAUGE_HOT_BYTES] = {"pipelined_http_hot_bytes", "Memory of answers kept as bytes."},
        },
      counters[N_COUNTERS] = {
          [COUNTER_CONNECTIONS] = {"pipelined_http_connections_total", "Connections accepted."},
          [COUNTER_CUTS] = {"pipelined_http_cuts_total", "Connections cut off for being slow."},
          [COUNTER_REFUSED] = {"pipelined_http_refused_total", "Request heads refused."},
          [COUNTER_ABANDONED] = {"pipelined_http_abandoned_total", "Answers nobody waited for."},
          [COUNTER_SLOW] = {"pipelined_http_slow_readers_total", "Streams dropped: slow readers."},
          [COUNTER_HOT_MISSES] = {"pipelined_http_hot_misses_total", "Cacheable, but not kept."},
          [COUNTER_RECEIVED_BYTES] = {"pipelined_http_received_bytes_total", "Bodies received."},
          [COUNTER_SENT_BYTES] = {"pipelined_http_sent_bytes_total", "Bodies sent."},
      };

    write_requests(out, all, n);
    write_hot(out, all, n);
    metrics_family(out, "http_server_request_duration_seconds", "histogram",
                   "From the head of a request to its reply.");
    for (size_t i = 0; i <= all[0]->n_routes; i++)
        if (is_used(all, n, i))
            write_histogram(out, all, n, i);
    for (int g = 0; g < N_GAUGES; g++)
        metrics_single(out, gauges[g].name, "gauge", gauges[g].help,
                       (double)sum(all, n, &all[0]->gauges[g]));
    for (int c = 0; c < N_COUNTERS; c++)
        metrics_single(out, counters[c].name, "counter", counters[c].help,
                       (double)sum(all, n, &all[0]->counters[c]));
}

/* ---- the process */

static size_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

/* Resident pages and the start in ticks after boot; false where /proc is not readable. */
static bool read_stat(long long *ret_start, long *ret_pages)
{
    FILE *f = fopen("/proc/self/stat", "re");
    char line[1024];
    const char *p;
    bool good;

    if (!f)
        return false;
    good = fgets(line, sizeof(line), f);
    fclose(f);
    p = good ? strrchr(line, ')') : NULL; /* the name may hold anything */
    // NOLINTNEXTLINE(cert-err34-c): the kernel's numbers fit
    return p && sscanf(p + 1,
                       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                       "%*d %lld %*u %ld",
                       ret_start, ret_pages) == 2;
}

static double boot_time_s(void)
{
    FILE *f = fopen("/proc/stat", "re");
    char line[256];
    long long s = 0;

    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "btime %lld", &s) == 1) // NOLINT(cert-err34-c): the kernel's, too
            break;
    fclose(f);
    return (double)s;
}

void metrics_process(struct buf *out)
{
    struct rusage usage;
    struct rlimit limit;
    long long start = 0;
    long pages = 0;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metrics_single(out, "process_cpu_seconds_total", "counter", "User and system CPU time.",
                       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    metrics_single(out, "process_open_fds", "gauge", "Open file descriptors.", (double)count_fds());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_single(out, "process_max_fds", "gauge", "Limit of open file descriptors.",
                       (double)limit.rlim_cur);
    if (!read_stat(&start, &pages))
        return;
    metrics_single(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                   (double)pages * (double)sysconf(_SC_PAGESIZE));
    metrics_single(out, "process_start_time_seconds", "gauge", "Start, in Unix seconds.",
                   boot_time_s() + (double)start / (double)sysconf(_SC_CLK_TCK));
}
