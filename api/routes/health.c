/*
 * Readiness: may this daemon be sent requests? A probe looks at the status
 * alone; ?verbose is for people. What a probe must not depend on is shown and
 * does not count: without the Hub, everything that is here is still served.
 */
#include "api/routes/routes.h"

#include "base/clock.h"
#include "base/nearest.h"

enum { CORE_SILENT_MS = 10 * 1000, MAX_EXCLUDED = 16 };

struct check {
    const char *name;
    /* NULL: fine; else what is the matter. */
    const char *(*fault)(const struct vitals *v);
    bool counts;
};

static const char *startup_fault(const struct vitals *v)
{
    return atomic_load(&v->ready) ? NULL : "the state is still being loaded";
}

static const char *drain_fault(const struct vitals *v)
{
    return atomic_load(&v->draining) ? "the daemon is stopping" : NULL;
}

static const char *store_fault(const struct vitals *v)
{
    return atomic_load(&v->store_ok) ? NULL : "the last commit failed";
}

static const char *core_fault(const struct vitals *v)
{
    int64_t beat = atomic_load(&v->core_beat_ms);

    return beat && clock_mono_ms() - beat > CORE_SILENT_MS ? "the core loop does not turn" : NULL;
}

static const char *writable_fault(const struct vitals *v)
{
    return atomic_load(&v->store_read_only) ? "the store can only be read" : NULL;
}

static const char *hub_fault(const struct vitals *v)
{
    if (atomic_load(&v->offline))
        return "offline, as asked for";
    return atomic_load(&v->hub_ok) ? NULL : "the last request to the Hub failed";
}

static const struct check checks[] = {
    {"startup", startup_fault, true},    {"drain", drain_fault, true},
    {"store", store_fault, true},        {"core", core_fault, true},
    {"writable", writable_fault, false}, {"hub", hub_fault, false},
};

struct ready_query {
    enum tristate verbose;
    struct strv exclude;
};

static const struct field ready_fields[] = {
    {"verbose", FIELD_BOOL, offsetof(struct ready_query, verbose), .doc = "A line per check."},
    {"exclude", FIELD_STRV, offsetof(struct ready_query, exclude), .max = 32,
     .max_items = MAX_EXCLUDED, .doc = "Checks that do not count; may be repeated."},
};
static const struct field_table ready_table = {"ReadyQuery", ready_fields,
                                               ARRAY_SIZE(ready_fields)};

static const struct check *check_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        if (str_eq(checks[i].name, name))
            return &checks[i];
    return NULL;
}

static void no_check(struct request *req, enum err_code code, const char *name)
{
    const char *names[ARRAY_SIZE(checks)];
    AUTO_ERR struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        names[i] = checks[i].name;
    err_set(&err, code, "there is no check %.32s", name);
    err_fact_strv(&err, "available", names, ARRAY_SIZE(names));
    reply_problem(req, &err);
}

static bool is_excluded(const struct ready_query *q, const char *name)
{
    for (size_t i = 0; i < q->exclude.n; i++)
        if (str_eq(q->exclude.items[i], name))
            return true;
    return false;
}

static void get_ready(struct request *req)
{
    const struct vitals *vitals = ((struct app *)req->app)->vitals;
    const struct ready_query *q = req->query;
    AUTO_BUF struct buf out = {0};
    bool ready = true;

    for (size_t i = 0; i < q->exclude.n; i++)
        if (!check_find(q->exclude.items[i])) {
            no_check(req, ERR_FIELD, q->exclude.items[i]);
            return;
        }
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        const struct check *c = &checks[i];
        const char *fault = c->fault(vitals);

        if (is_excluded(q, c->name)) {
            buf_printf(&out, "[+]%s excluded: ok\n", c->name);
        } else if (!fault) {
            buf_printf(&out, "[+]%s ok\n", c->name);
        } else {
            buf_printf(&out, "[-]%s%s: %s\n", c->name, c->counts ? "" : " (does not count)", fault);
            ready = ready && !c->counts;
        }
    }
    /* Without ?verbose a probe that passes says no more than that it does. */
    if (q->verbose != YES && ready)
        buf_clear(&out);
    buf_append_str(&out, ready ? (q->verbose == YES ? "readyz check passed\n" : "ok\n")
                               : "readyz check failed\n");
    reply_cache_control(req, "no-store");
    reply_buf(req, ready ? 200 : 503, &out, "text/plain; charset=utf-8");
}

static void get_check(struct request *req)
{
    const struct vitals *vitals = ((struct app *)req->app)->vitals;
    const struct check *c = check_find(req->capture[0]);
    AUTO_BUF struct buf out = {0};
    const char *fault;

    if (!c) {
        no_check(req, ERR_NOT_FOUND, req->capture[0]);
        return;
    }
    fault = c->fault(vitals);
    buf_printf(&out, "%s\n", fault ? fault : "ok");
    reply_cache_control(req, "no-store");
    reply_buf(req, fault ? 503 : 200, &out, "text/plain; charset=utf-8");
}

#define READY(path_, id_)                                                                      \
    {                                                                                          \
        METHOD_GET, path_, get_ready, .id = id_, .query = &ready_table,                        \
                                      .query_size = sizeof(struct ready_query), .probe = true, \
                                      .answer_type = "text/plain", .tag = "health",            \
                                      .summary = "May requests be sent here?"                  \
    }

static const struct route rows[] = {
    READY("/readyz", "getReady"),
    READY("/healthz", "getHealth"),
    {METHOD_GET, "/readyz/{check}", get_check, .id = "getReadyCheck", .probe = true,
     .answer_type = "text/plain", .tag = "health", .summary = "One of the checks of /readyz"},
};
const struct route_table health_routes = ROUTE_TABLE(rows);
