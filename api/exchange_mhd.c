/*
 * Exchanges on connections that libmicrohttpd has: what it calls back for.
 */
#include "api/exchange.h"
#include "api/metrics.h"
#include "api/reply.h"
#include "base/clock.h"

enum {
    RESERVE_MAX = 4 << 20,    /* of memory for what a head only announces */
    BODY_STEP = 16384,        /* bytes that must come within body_timeout_ms */
    SWALLOW_MAX = 256 * 1024, /* of a body that is not wanted, so that the reply is read */
    PAUSE_MS = 50,            /* after which a client is asked for whether it is still there */
};

/* ---- begin and end */

/*
 * libmicrohttpd would put every query key into its pool, which we have no use for, and
 * with some hundred of them run out of it and forget about the request. It has found
 * the '?' already and is about to write behind it.
 */
static void hide_query(const char *target)
{
    const char *query = strchr(target, '?');

    if (query)
        *(char *)(uintptr_t)(query + 1) = '\0';
}

void exchange_begin(struct exchange *ex, struct MHD_Connection *mhd, const char *target)
{
    int64_t start_ns = clock_mono_ns();

    ex->mhd = mhd;
    exchange_open(ex, target, start_ns);
    hide_query(target);
    connection_enter(ex->connection, PHASE_HEAD,
                     start_ns / 1000000 + server_of(ex)->config.header_timeout_ms);
}

void exchange_end(struct exchange *ex, bool completed)
{
    int64_t now_ms = clock_mono_ms();

    if (!ex->started)
        return;
    exchange_finish(ex, completed);
    /* Draining, whoever was not told to leave by its head, as a stream, has to. */
    if (server_of(ex)->draining)
        connection_enter(ex->connection, PHASE_IDLE, now_ms);
    else
        connection_enter(ex->connection, PHASE_PAUSE, now_ms + PAUSE_MS);
}

/* ---- the head */

static enum MHD_Result on_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    return head_field(cls, name, name_size, value ? value : "", value ? value_size : 0) ? MHD_YES
                                                                                        : MHD_NO;
}

/* Reads the fields; false: the head is refused and a reply was made. */
static bool read_head(struct exchange *ex, const char *method, const char *version)
{
    AUTO_ERR struct err err = {0};
    struct metrics *m = server_of(ex)->config.metrics;

    MHD_get_connection_values_n(ex->mhd, MHD_HEADER_KIND, on_field, &ex->head);
    exchange_name(ex);
    if (head_done(&ex->head, version, method, ex->req.target, &err))
        return exchange_admit(ex);
    ex->must_close = true; /* whatever follows may be read in more than one way */
    if (m)
        metrics_count(m, COUNTER_REFUSED, 1);
    reply_problem(&ex->req, &err);
    return false;
}

/*
 * The head is complete. Afterwards there is a reply (perhaps to be sent only
 * after the body was swallowed), or the body is to be read.
 */
static void open_exchange(struct exchange *ex, const char *method, const char *version)
{
    bool known_method = method_parse(method, &ex->method, &ex->req.is_head);

    ex->seen = true;
    ex->method_text = method;
    if (!read_head(ex, method, version))
        return;
    /* An error closes the connection when the body is too long to be read for nothing. */
    ex->must_close = exchange_has_body(ex) && (ex->head.expects_continue || ex->head.is_chunked ||
                                               ex->head.content_length > SWALLOW_MAX);
    ex->hot_allowed = known_method && ex->method <= METHOD_POST && !ex->head.has_range &&
                      !ex->head.has_prefer && !ex->head.has_conditions && !ex->head.idempotency_key;
    /* What a kept answer may be for is looked up first when it can be sent, in run_route(). */
    if (ex->hot_allowed && ex->method == METHOD_GET && !exchange_has_body(ex))
        return;
    if (exchange_find_route(ex, method, known_method))
        ex->must_close = false;
}

/* ---- the body */

static void add_body(struct exchange *ex, const char *data, size_t size)
{
    struct server *s = server_of(ex);
    size_t max = exchange_max_body(ex), before = ex->body.size;
    AUTO_ERR struct err err = {0};

    if (ex->body.size + size > max) {
        err_set(&err, ERR_TOO_LARGE, "the body may have %zu bytes here", max);
        err_fact_int(&err, "limit", (int64_t)max);
    } else if (s->bodies_bytes + size > s->config.max_bodies_bytes) {
        err_set(&err, ERR_BUSY, "too many bodies are being received");
    } else {
        if (!before && ex->head.content_length)
            buf_reserve(&ex->body, ex->head.content_length < RESERVE_MAX ? ex->head.content_length
                                                                         : RESERVE_MAX);
        buf_append(&ex->body, data, size);
        s->bodies_bytes += size;
        ex->body_counted += size;
        if (before / BODY_STEP != ex->body.size / BODY_STEP)
            connection_enter(ex->connection, PHASE_BODY,
                             clock_mono_ms() + s->config.body_timeout_ms);
        return;
    }
    ex->must_close = true;
    reply_problem(&ex->req, &err);
}

/* ---- the route */

/* Answers from kept bytes. The only thing looked at besides is who may read them. */
static bool try_hot(struct exchange *ex)
{
    struct server *s = server_of(ex);
    struct hot_key key;
    struct hot_entry *entry;
    AUTO_ERR struct err err = {0};

    ex->hot_allowed = ex->hot_allowed && ex->req.body_size <= HOT_BODY_MAX;
    if (!ex->hot_allowed)
        return false;
    key = exchange_hot_key(ex->method, ex->req.target, ex->target.size, &ex->head, ex->req.body,
                           ex->req.body_size);
    ex->hot_hash = key.hash = hot_hash(&key);
    entry = hot_find(s->hot, &key);
    if (!entry)
        return false;
    ex->req.route = entry->route;
    ex->route_index = entry->route_index;
    if (auth_allow(&ex->who, ex->req.route->scope, &err))
        reply_hot(ex, entry);
    else
        reply_problem(&ex->req, &err);
    return true;
}

/* The request is complete. */
static void run(struct exchange *ex)
{
    ex->routed = true;
    ex->req.body = ex->body.size ? ex->body.data : "";
    ex->req.body_size = ex->body.size;
    if (try_hot(ex) || (!ex->req.route && !exchange_find_route(ex, ex->method_text, true)))
        return;
    exchange_ask(ex);
}

/* ---- libmicrohttpd's view */

static enum MHD_Result send_reply(struct exchange *ex)
{
    connection_enter(ex->connection, PHASE_SEND, 0);
    return MHD_queue_response(ex->mhd, ex->status, ex->response);
}

/* Sends what there is, or sleeps. */
static enum MHD_Result settle(struct exchange *ex)
{
    if (ex->status)
        return send_reply(ex);
    if (!ex->asleep)
        exchange_sleep(ex, PHASE_CALL, ex->req.deadline_ms);
    return MHD_YES;
}

static enum MHD_Result step_head(struct exchange *ex, const char *method, const char *version)
{
    open_exchange(ex, method, version);
    if (exchange_has_body(ex)) {
        if (ex->status && ex->must_close)
            return send_reply(ex);
        connection_enter(ex->connection, PHASE_BODY,
                         clock_mono_ms() + server_of(ex)->config.body_timeout_ms);
        return MHD_YES;
    }
    /*
     * libmicrohttpd closes the connection after a reply that is made in its first
     * call. The next one comes at once.
     */
    return ex->status && ex->must_close ? send_reply(ex) : MHD_YES;
}

static enum MHD_Result step_body(struct exchange *ex, const char *upload, size_t *upload_size)
{
    size_t size = *upload_size;

    *upload_size = 0;
    if (!ex->status)
        add_body(ex, upload, size);
    if (!ex->status)
        return MHD_YES;
    /* The reply can go out only behind the body; one that does not end is cut off. */
    ex->swallowed += size;
    return ex->swallowed > SWALLOW_MAX + BODY_STEP ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_step(struct exchange *ex, const char *method, const char *version,
                              const char *upload, size_t *upload_size)
{
    if (!ex->seen)
        return step_head(ex, method, version);
    if (*upload_size)
        return step_body(ex, upload, upload_size);
    if (!ex->status && !ex->routed)
        run(ex);
    return settle(ex);
}
