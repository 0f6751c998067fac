/*
 * Events: every change in order, once. From the loop's own log, in three forms:
 *
 *   text/event-stream       the log after `since`, then what comes
 *   application/x-ndjson    the same, a line each
 *   application/json        a document of what the log has; with Prefer: wait=N
 *                           and nothing in it, the answer waits
 *
 * A long poll waits for the loop's registry to move on, as a read with
 * min_revision= does. An event reaches the loop before the revision it made, so
 * the log then has it.
 */
#include "api/routes/routes.h"

#include "api/server.h"
#include "api/stream.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "json/writer.h"

#include <errno.h>
#include <stdio.h>

enum { MAX_KINDS = 32, LIST_DEFAULT = 1000, LIST_MAX = 10000, MAX_QUEUED = 8 << 20 };

struct event_query {
    struct opt_int since, limit;
    struct strv kind;
};

/* clang-format off */
#define EVENT_FIELDS                                                                               \
    {"since", FIELD_INT, offsetof(struct event_query, since), .min = 0, .max = 9e15,             \
     .doc = "Revision after which to begin; Last-Event-ID goes before it. Without it a stream "    \
            "begins with the next change, a document with the oldest that is kept."},              \
    {"limit", FIELD_INT, offsetof(struct event_query, limit), .min = 1, .max = LIST_MAX,           \
     .doc = "Most events of a document."}

static const struct field all_fields[] = {
    EVENT_FIELDS,
    {"kind", FIELD_STRV, offsetof(struct event_query, kind), .min = 1, .max = 64,
     .max_items = MAX_KINDS,
     .doc = "A kind (pipeline.created) or a group of them (pipeline); may be repeated or "
            "separated by commas."},
};
static const struct field_table all_table = {"EventQuery", all_fields, ARRAY_SIZE(all_fields)};

static const struct field one_fields[] = {
    EVENT_FIELDS,
};
static const struct field_table one_table = {"PipelineEventQuery", one_fields,
                                             ARRAY_SIZE(one_fields)};
/* clang-format on */

/* Which events a reader wants. */
struct wanted {
    uint32_t kinds; /* bit 1 << enum event_kind */
    char ref[64];   /* "" any */
};
_Static_assert(N_EVENT_KINDS <= 32, "kinds are bits of a uint32_t");

/* A reader between its first look at the log and its answer. */
struct reading {
    struct wanted wanted;
    int64_t since; /* -1: not said */
    int64_t limit;
    int64_t until_ms; /* long poll: when to answer with nothing; 0: at once */
    int64_t seen;     /* long poll: the registry was there already, and nothing was wanted */
    enum { READ_SSE, READ_NDJSON, READ_JSON } form;
};

static bool is_wanted(const struct wanted *w, const struct event *e)
{
    return (w->kinds & 1u << e->kind) && (!*w->ref || str_eq(w->ref, e->ref));
}

static bool wanted_filter(void *ctx, const void *event) { return is_wanted(ctx, event); }

/* Adds the kinds of one name, which may be a group. */
static bool kinds_add(uint32_t *kinds, const char *name, struct err *err)
{
    const char *names[N_EVENT_KINDS + 16], *near[NEAREST_MAX];
    size_t size = strlen(name), n = 0;
    uint32_t found = 0;

    for (size_t k = 0; k < N_EVENT_KINDS; k++) {
        const char *kind = event_kind_name((enum event_kind)k);

        if (str_eq(kind, name) || (str_starts(kind, name) && kind[size] == '.'))
            found |= 1u << k;
        names[n++] = kind;
    }
    if (found) {
        *kinds |= found;
        return true;
    }
    for (const char *const *g = event_groups(); *g; g++)
        names[n++] = *g;
    err_set(err, ERR_FIELD, "%.64s is no kind of event", name);
    err_fact_str(err, "parameter", "kind");
    err_fact_strv(err, "nearest", near, nearest(name, names, n, near));
    return err_fact_strv(err, "allowed", names, n);
}

static bool kinds_parse(const struct strv *v, uint32_t *ret, struct err *err)
{
    *ret = v->n ? 0 : UINT32_MAX;
    for (size_t i = 0; i < v->n; i++)
        for (const char *p = v->items[i]; *p;) {
            char name[65];
            size_t n = strcspn(p, ",");

            snprintf(name, sizeof(name), "%.*s", (int)n, p);
            if (n && !kinds_add(ret, name, err))
                return false;
            p += n + (p[n] == ',');
        }
    return true;
}

/* Last-Event-ID counts before since=: a browser repeats the URL it was given. */
static bool since_parse(const struct request *req, const struct event_query *q, int64_t *ret,
                        struct err *err)
{
    const char *last = request_header(req, "Last-Event-ID");
    char *end;

    *ret = q->since.set ? q->since.value : -1;
    if (!last || !*last)
        return true;
    errno = 0;
    *ret = strtoll(last, &end, 10);
    if (errno || *end || *ret < 0 || end == last) {
        err_set(err, ERR_FIELD, "Last-Event-ID must be the id of an event, a number, not %.40s",
                last);
        return err_fact_str(err, "header", "Last-Event-ID");
    }
    return true;
}

/* What does not fit is bounded later, like what is merely too long. */
static int seconds_of(const char *text)
{
    long n = strtol(text, NULL, 10);

    return n < 0 ? -1 : n > INT32_MAX ? INT32_MAX : (int)n;
}

static int prefer_wait(const struct request *req)
{
    const char *prefer = request_header(req, "Prefer"),
               *at = prefer ? strstr(prefer, "wait=") : NULL;

    return at ? seconds_of(at + strlen("wait=")) : -1;
}

static int64_t newest(const struct event_log *log)
{
    return log->n ? event_log_at(log, log->n - 1)->revision : log->compacted;
}

static void gone(struct request *req, const struct event_log *log, int64_t since)
{
    AUTO_ERR struct err err = {0};

    err_set(&err, ERR_COMPACTED,
            "events after revision %lld are no longer all there: list again, then go on from "
            "its revision",
            (long long)since);
    err_fact_int(&err, "since", since);
    err_fact_int(&err, "oldest", log->compacted);
    err_fact_int(&err, "revision", req->revision);
    reply_problem(req, &err);
}

/* ---- the two streams */

static void reading_free(void *ctx) { free(ctx); }

static void stream_events(struct request *req, const struct reading *r)
{
    struct app *app = req->app;
    const struct event_log *log = &app->events;
    int64_t since = r->since < 0 ? newest(log) : r->since, last = newest(log);
    ptrdiff_t first = event_log_after(log, since);
    struct wanted *wanted;
    struct stream *s;

    if (first < 0) {
        gone(req, log, since);
        return;
    }
    wanted = mem_new(struct wanted);
    *wanted = r->wanted;
    s = stream_open(req, &(struct stream_config){
                             .kind = r->form == READ_SSE ? STREAM_SSE : STREAM_NDJSON,
                             .max_queued = MAX_QUEUED, /* of which the log may take half */
                             .topic = TOPIC_EVENTS,
                             .since = since > last ? since : last,
                             .filter = wanted_filter,
                             .ctx = wanted,
                             .closed = reading_free,
                         });
    for (size_t i = (size_t)first; i < log->n; i++) {
        const struct event *e = event_log_at(log, i);

        if (is_wanted(wanted, e) && !stream_push(s, e->revision, event_kind_name(e->kind), e->json))
            return;
    }
}

/* ---- the document */

static void poll_wakes(struct request *req, bool reached);

/* Sleeps until there is something new. */
static void poll_wait(struct request *req, struct reading *r, const struct event_log *log)
{
    /* Never the same revision twice: not every one comes with an event that is wanted. */
    if (r->seen < r->since)
        r->seen = r->since;
    if (r->seen < newest(log))
        r->seen = newest(log);
    request_wait(req, ++r->seen, r->until_ms, poll_wakes);
}

/* Appends the document of what the log has behind index first; returns how many that are. */
static size_t write_events(const struct event_log *log, const struct reading *r, int64_t since,
                           ptrdiff_t first, struct buf *out)
{
    struct json j = json_begin(out);
    int64_t next = since > newest(log) ? since : newest(log);
    size_t n = 0;

    json_open(&j, '{');
    json_key(&j, "items"), json_open(&j, '[');
    for (size_t i = (size_t)first; i < log->n; i++) {
        const struct event *e = event_log_at(log, i);

        if (!is_wanted(&r->wanted, e))
            continue;
        if (n == (size_t)r->limit) {
            next = event_log_at(log, i - 1)->revision;
            break;
        }
        json_item(&j), buf_append(out, e->json->bytes, e->json->size);
        n++;
    }
    json_close(&j, ']');
    json_int(&j, "next_since", next);
    json_int(&j, "revision", newest(log));
    json_close(&j, '}');
    return n;
}

static void document_events(struct request *req, struct reading *r)
{
    struct app *app = req->app;
    const struct event_log *log = &app->events;
    AUTO_BUF struct buf out = {0};
    ptrdiff_t first;

    if (r->since < 0)
        r->since = r->until_ms ? newest(log) : log->compacted;
    first = event_log_after(log, r->since);
    if (first < 0) {
        gone(req, log, r->since);
        return;
    }
    if (!write_events(log, r, r->since, first, &out) && r->until_ms > clock_mono_ms()) {
        poll_wait(req, r, log);
        return;
    }
    reply_buf(req, 200, &out, NULL);
}

static void poll_wakes(struct request *req, bool reached)
{
    struct reading *r = req->state;

    if (!reached)
        r->until_ms = 0; /* waited long enough */
    req->revision = api_revision(req->server);
    document_events(req, r);
}

/* ---- the handlers */

static void read_events(struct request *req, const struct event_query *q, const char *ref)
{
    struct app *app = req->app;
    int wait_s = prefer_wait(req);
    AUTO_ERR struct err err = {0};
    struct reading r = {.limit = q->limit.set ? q->limit.value : LIST_DEFAULT};

    snprintf(r.wanted.ref, sizeof(r.wanted.ref), "%s", ref);
    if (!since_parse(req, q, &r.since, &err) || !kinds_parse(&q->kind, &r.wanted.kinds, &err)) {
        reply_problem(req, &err);
        return;
    }
    if (request_accepts(req, "application/x-ndjson", true))
        r.form = READ_NDJSON;
    else if (request_accepts(req, "text/event-stream", true))
        r.form = READ_SSE;
    else if (request_accepts(req, "application/json", true) || wait_s >= 0)
        r.form = READ_JSON;
    if (req->is_head) {
        reply_text(req, 200, "", r.form == READ_SSE ? "text/event-stream" : "application/x-ndjson");
        return;
    }
    if (r.form != READ_JSON) {
        stream_events(req, &r);
        return;
    }
    if (wait_s > 0) {
        if (wait_s > app->max_wait_s)
            wait_s = (int)app->max_wait_s;
        r.until_ms = clock_mono_ms() + wait_s * 1000;
    }
    req->state = mem_new(struct reading);
    req->state_release = free;
    *(struct reading *)req->state = r;
    document_events(req, req->state);
}

static void all_events(struct request *req) { read_events(req, req->query, ""); }

/* The loop does not know which pipelines there are: the core is asked first. */
static void on_pipeline(struct request *req, struct call *call)
{
    if (!call->answer.status)
        reply_answer(req, &call->answer);
    else
        read_events(req, req->query, req->capture[0]);
}

static void pipeline_events(struct request *req)
{
    struct args_handle *args = handle_args(req, ERR_PIPELINE_NOT_FOUND, "pipeline");

    if (!args)
        return;
    req->on_answer = on_pipeline;
    request_submit(req, plain_call(req, OP_PIPELINE_GET, args));
}

static const enum err_code all_errors[] = {ERR_COMPACTED, ERR_NONE};
static const enum err_code one_errors[] = {ERR_COMPACTED, ERR_PIPELINE_NOT_FOUND, ERR_NONE};

static const struct route rows[] = {
    {METHOD_GET, "/v1/events", all_events, .id = "listEvents", .streams = true, .scope = SCOPE_READ,
     .query = &all_table, .query_size = sizeof(struct event_query),
     .answer_type = "text/event-stream", .errors = all_errors, .tag = "events",
     .summary = "Every change, in order"},
    {METHOD_GET, "/v1/pipelines/{id}/events", pipeline_events, .id = "listPipelineEvents",
     .streams = true, .scope = SCOPE_READ, .query = &one_table,
     .query_size = sizeof(struct event_query), .answer_type = "text/event-stream",
     .errors = one_errors, .tag = "events", .summary = "What happened to one pipeline"},
};
const struct route_table event_routes = ROUTE_TABLE(rows);
