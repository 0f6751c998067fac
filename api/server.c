#include "api/server.h"

#include "api/exchange.h"
#include "api/metrics.h"
#include "api/reply.h"
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

enum {
    MAX_RUNS = 8, /* of MHD_run() in a row for one listener; then the loop gets its turn */
    STOP_ROUNDS = 16,
};

/* ---- connections */

void connection_enter(struct connection *c, enum phase phase, int64_t at_ms)
{
    deadline_clear(&c->server->deadlines[c->phase], &c->deadline);
    c->phase = phase;
    if (at_ms)
        deadline_set(&c->server->deadlines[phase], &c->deadline, at_ms);
}

void connection_cut(struct connection *c)
{
    c->is_cut = true;
    shutdown(c->fd, SHUT_RDWR);
    c->server->need_run = true;
}

static void gauge_connections(const struct server *s)
{
    if (s->config.metrics)
        metrics_gauge(s->config.metrics, GAUGE_CONNECTIONS, s->n_connections);
}

void server_came(struct server *s)
{
    s->n_connections++;
    if (s->config.metrics)
        metrics_count(s->config.metrics, COUNTER_CONNECTIONS, 1);
    gauge_connections(s);
}

void server_left(struct server *s, struct listener *l, struct share *share)
{
    s->n_connections--;
    gauge_connections(s);
    listener_left(l, share);
    if (l->deaf && l->fd >= 0)
        front_listen(s->front, l, true);
}

static void open_connection(struct server *s, void **slot)
{
    const struct arrival *a = take(&s->arriving);
    struct connection *c = mem_new(struct connection);

    c->server = s;
    c->listener = a->listener;
    c->share = a->share;
    c->fd = a->fd;
    c->exchange.connection = c;
    TAILQ_INSERT_TAIL(&s->connections, c, link);
    connection_enter(c, PHASE_IDLE, s->arriving_deadline_ms);
    *slot = c;
}

static void close_connection(struct connection *c)
{
    struct server *s = c->server;

    connection_enter(c, PHASE_IDLE, 0);
    exchange_release(&c->exchange);
    TAILQ_REMOVE(&s->connections, c, link);
    server_left(s, c->listener, c->share);
    free(c);
}

void server_take_over(struct server *s, const struct arrival *a, int64_t deadline_ms)
{
    s->arriving = a;
    s->arriving_deadline_ms = deadline_ms;
    s->need_run = true;
    /* It closes what it cannot take; what it took and gave up again was told to on_connection(). */
    if (MHD_add_connection(s->mhd, a->fd, a->peer_size ? &a->peer.any : &(struct sockaddr){0},
                           a->peer_size ? a->peer_size : sizeof(struct sockaddr)) != MHD_YES &&
        s->arriving)
        server_left(s, a->listener, a->share);
    s->arriving = NULL;
}

/* ---- libmicrohttpd's callbacks */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode why)
{
    (void)mhd;

    if (why == MHD_CONNECTION_NOTIFY_STARTED)
        open_connection(cls, slot);
    else if (*slot)
        close_connection(take(slot));
}

static struct exchange *exchange_of_mhd(struct MHD_Connection *mhd)
{
    struct connection *c =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    return &c->exchange;
}

static void *on_request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct exchange *ex = exchange_of_mhd(mhd);
    (void)cls;

    exchange_begin(ex, mhd, target);
    return ex;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    (void)cls, (void)url, (void)slot;

    return exchange_step(exchange_of_mhd(mhd), method, version, upload, upload_size);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **slot,
                         enum MHD_RequestTerminationCode why)
{
    (void)cls, (void)slot;

    exchange_end(exchange_of_mhd(mhd), why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

/* The path is decoded by us, after it was split: see api/url.h. */
static size_t on_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls, (void)mhd;

    return strlen(text);
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
    const struct server *s = cls;
    char text[512];

    if (!s->config.log_error)
        return;
    vsnprintf(text, sizeof(text), fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    s->config.log_error(s->config.log_ctx, text);
}

/* ---- start */

static void set_defaults(struct server_config *c)
{
#define OR(field, value) (c->field = c->field ? c->field : (value))
    OR(max_body_bytes, 8 << 20);
    OR(max_header_bytes, 16 << 10);
    OR(max_bodies_bytes, 256 << 20);
    OR(max_connections, 1024);
    OR(max_calls, 8192);
    OR(max_json_depth, 128);
    OR(hot_bytes, 32 << 20);
    OR(header_timeout_ms, 10000);
    OR(body_timeout_ms, 30000);
    OR(idle_timeout_ms, 60000);
    OR(request_timeout_ms, 120000);
    OR(heartbeat_ms, 15000);
    OR(version, "0");
#undef OR
}

static bool start_mhd(struct server *s, struct err *err)
{
    const struct server_config *c = &s->config;

    /*
     * Types matter: the list is variadic. SIGPIPE is ours to ignore, else files
     * are sent in small pieces without sendfile(). Never an internal thread with
     * epoll: that stalls with 128 connections ready at once. Connections are counted by
     * their listeners.
     */
    s->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,             //
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                                         //
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->max_header_bytes,                      //
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((c->idle_timeout_ms + 999) / 1000), //
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT_MAX,                               //
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,                               //
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,                                 //
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, s,                              //
        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, s,                                 //
        MHD_OPTION_STRICT_FOR_CLIENT, 1,                                              //
        MHD_OPTION_END);
    if (!s->mhd)
        return err_set(err, ERR_IO, "cannot start libmicrohttpd: %s", strerror(errno));
    return true;
}

bool server_start(struct server **ret, const struct server_config *config,
                  const struct listener_config *listeners, size_t n, struct err *err)
{
    struct server *s = mem_new(struct server);

    assert(n <= SERVER_MAX_LISTENERS);
    signal(SIGPIPE, SIG_IGN);
    s->config = *config;
    set_defaults(&s->config);
    s->router = router_new(config->routes, config->n_routes);
    s->hot = hot_new(s->config.hot_bytes);
    TAILQ_INIT(&s->connections);
    TAILQ_INIT(&s->streams);
    TAILQ_INIT(&s->waiters);
    for (int i = 0; i < N_PHASES; i++)
        TAILQ_INIT(&s->deadlines[i]);
    api_set_revision(s, config->revision);
    for (size_t i = 0; i < n; i++)
        listener_open(&s->listeners[s->n_listeners++], s, &listeners[i]);
    if (!start_mhd(s, err) || !front_new(&s->front, s, err)) {
        server_stop(s);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        front_listen(s->front, &s->listeners[i], true);
    *ret = s;
    return true;
}

/* ---- running */

int server_fd(const struct server *s, size_t i)
{
    return i == 0 ? front_fd(s->front)
                  : MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

size_t server_n_connections(const struct server *s) { return s->n_connections; }

static bool is_due(const struct server *s)
{
    MHD_UNSIGNED_LONG_LONG ms;

    return s->need_run || (MHD_get_timeout(s->mhd, &ms) == MHD_YES && ms == 0);
}

static void run_mhd(struct server *s)
{
    int n = 0;

    do {
        s->need_run = false;
        MHD_run(s->mhd);
    } while (++n < MAX_RUNS && is_due(s));
}

void server_ready(struct server *s, size_t i)
{
    if (i == 0)
        front_ready(s->front);
    else
        run_mhd(s);
}

static void cut_late(struct server *s, enum phase phase, int64_t now_ms)
{
    struct deadline *d;

    while ((d = deadline_passed(&s->deadlines[phase], now_ms))) {
        deadline_clear(&s->deadlines[phase], d);
        connection_cut(container_of(d, struct connection, deadline));
        if (s->config.metrics)
            metrics_count(s->config.metrics, COUNTER_CUTS, 1);
    }
}

/*
 * A client that sends its request and its end at once: both come as one event,
 * and libmicrohttpd, which takes a short read for the last one, never looks at the
 * second. The connection would lie there until its idle deadline.
 */
static bool is_half_closed(const struct connection *c)
{
    char byte;

    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Looked at only when a client did not go on at once: busy ones are spared the system call. */
static void end_pauses(struct server *s, int64_t now_ms)
{
    struct deadline *d;

    while ((d = deadline_passed(&s->deadlines[PHASE_PAUSE], now_ms))) {
        struct connection *c = container_of(d, struct connection, deadline);

        connection_enter(c, PHASE_IDLE, now_ms + s->config.idle_timeout_ms);
        if (is_half_closed(c))
            connection_cut(c);
    }
}

static void check_deadlines(struct server *s)
{
    int64_t now_ms = clock_mono_ms();
    struct deadline *d;

    front_check(s->front, now_ms);
    end_pauses(s, now_ms);
    cut_late(s, PHASE_IDLE, now_ms);
    cut_late(s, PHASE_HEAD, now_ms);
    cut_late(s, PHASE_BODY, now_ms);
    while ((d = deadline_passed(&s->deadlines[PHASE_CALL], now_ms))) {
        deadline_clear(&s->deadlines[PHASE_CALL], d);
        exchange_timeout(&container_of(d, struct connection, deadline)->exchange);
    }
    while ((d = deadline_passed(&s->deadlines[PHASE_STREAM], now_ms))) {
        deadline_set(&s->deadlines[PHASE_STREAM], d, now_ms + s->config.heartbeat_ms);
        stream_beat(container_of(d, struct connection, deadline)->exchange.stream);
    }
}

static void set_gauges(const struct server *s)
{
    struct hot_stats hot = hot_stats(s->hot);
    struct metrics *m = s->config.metrics;

    metrics_gauge(m, GAUGE_CALLS, s->n_calls);
    metrics_gauge(m, GAUGE_STREAMS, s->n_streams);
    metrics_gauge(m, GAUGE_BODIES_BYTES, s->bodies_bytes);
    metrics_gauge(m, GAUGE_HOT_ENTRIES, hot.n);
    metrics_gauge(m, GAUGE_HOT_BYTES, hot.bytes);
}

void server_run(struct server *s)
{
    check_deadlines(s);
    front_run(s->front);
    if (is_due(s))
        run_mhd(s);
    if (s->config.metrics)
        set_gauges(s);
}

int server_timeout_ms(struct server *s)
{
    int64_t next_ms = front_next_ms(s->front), now_ms;
    MHD_UNSIGNED_LONG_LONG mhd_ms;
    int64_t least = INT32_MAX;

    for (int p = 0; p < N_PHASES; p++) {
        const struct deadline *d = TAILQ_FIRST(&s->deadlines[p]);
        if (d && d->at_ms < next_ms)
            next_ms = d->at_ms;
    }
    if (next_ms != INT64_MAX) {
        now_ms = clock_mono_ms();
        least = next_ms <= now_ms ? 0 : next_ms - now_ms;
    }
    if (s->need_run)
        return 0;
    if (MHD_get_timeout(s->mhd, &mhd_ms) == MHD_YES && (int64_t)mhd_ms < least)
        least = (int64_t)mhd_ms;
    return least == INT32_MAX ? -1 : (int)least;
}

/* ---- stopping */

void server_drain(struct server *s)
{
    struct connection *c;

    if (s->draining)
        return;
    s->draining = true;
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_close(&s->listeners[i]);
    if (s->front)
        front_drain(s->front);
    streams_drain(s);
    TAILQ_FOREACH (c, &s->connections, link)
        if (c->phase == PHASE_IDLE || c->phase == PHASE_PAUSE)
            connection_cut(c);
}

/* Answers what sleeps, so that nothing is suspended when libmicrohttpd stops: it would abort. */
static void answer_all(struct server *s)
{
    struct connection *c;

    streams_drain(s);
    TAILQ_FOREACH (c, &s->connections, link) {
        struct exchange *ex = &c->exchange;

        if (!ex->flight && !ex->then)
            continue;
        if (ex->then)
            TAILQ_REMOVE(&s->waiters, ex, waiter);
        ex->then = NULL;
        if (ex->flight)
            exchange_abandon(ex);
        if (!ex->stream)
            reply_error(&ex->req, ERR_DRAINING, "the server stops");
    }
}

void server_stop(struct server *s)
{
    struct connection *c;

    if (!s)
        return;
    server_drain(s);
    s->stopping = true;
    answer_all(s);
    if (s->front)
        front_run(s->front);
    if (s->mhd)
        run_mhd(s); /* what can be sent at once is */
    front_free(take(&s->front));
    for (int round = 0; s->n_connections && round < STOP_ROUNDS; round++) {
        TAILQ_FOREACH (c, &s->connections, link) {
            connection_cut(c);
            exchange_wake(&c->exchange);
        }
        run_mhd(s);
    }
    if (s->mhd)
        MHD_stop_daemon(s->mhd);
    assert(TAILQ_EMPTY(&s->connections) && s->n_calls == 0);
    hot_free(s->hot);
    router_free(s->router);
    free(s);
}

/* ---- news from the backend */

void api_set_revision(struct server *s, int64_t revision)
{
    s->revision = revision;
    snprintf(s->revision_text, sizeof(s->revision_text), "%lld", (long long)revision);
    exchange_reached(s);
}

int64_t api_revision(const struct server *s) { return s->revision; }

void api_hot_clear(struct server *s)
{
    s->hot_floor = s->revision;
    hot_clear(s->hot);
}

void api_hot_invalidate(struct server *s, uint64_t tag) { hot_invalidate(s->hot, tag); }
