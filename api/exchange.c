#include "api/exchange.h"

#include "api/metrics.h"
#include "api/query.h"
#include "api/reply.h"
#include "base/clock.h"
#include "base/hash.h"

#include <assert.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

enum {
    BODY_STEP = 16384,        /* bytes that must come within body_timeout_ms */
    SWALLOW_MAX = 256 * 1024, /* of a body that is not wanted, so that the reply is read */
    PAUSE_MS = 50,            /* after which a client is asked for whether it is still there */
    KEEP_BYTES = 64 * 1024,   /* buffers larger than this go with their request */
};

/* ---- the name of a request */

static void take_random(struct server *s, uint8_t *ret, size_t size)
{
    if (s->random_left < size) {
        if (getrandom(s->random, sizeof(s->random), 0) != (ssize_t)sizeof(s->random))
            abort();
        s->random_left = sizeof(s->random);
    }
    s->random_left -= size;
    memcpy(ret, s->random + s->random_left, size);
}

/* UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits. */
void server_make_id(struct server *s, char ret[REQUEST_ID_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b[16];
    struct timespec now;
    uint64_t ms;

    clock_gettime(CLOCK_REALTIME, &now);
    ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    take_random(s, b + 6, sizeof(b) - 6);
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    b[6] = 0x70 | (b[6] & 0x0f);
    b[8] = 0x80 | (b[8] & 0x3f);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *ret++ = '-';
        *ret++ = digits[b[i] >> 4];
        *ret++ = digits[b[i] & 15];
    }
    *ret = '\0';
}

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

/* Called with the request line; target is libmicrohttpd's and will be cut up. */
void exchange_begin(struct exchange *ex, struct MHD_Connection *mhd, const char *target)
{
    struct connection *c = ex->connection;
    struct server *s = c->server;

    assert(!ex->started);
    ex->mhd = mhd;
    ex->started = true;
    ex->start_ns = clock_mono_ns();
    ex->req.app = s->config.app;
    ex->req.server = s;
    ex->req.body = "";
    ex->req.principal = "anonymous";
    ex->req.revision = s->revision;
    ex->route_index = s->config.n_routes;
    buf_append_str(&ex->target, target);
    hide_query(target);
    ex->req.target = ex->target.data ? ex->target.data : "";
    connection_enter(c, PHASE_HEAD, ex->start_ns / 1000000 + s->config.header_timeout_ms);
}

static void keep_buf(struct buf *b)
{
    if (b->capacity > KEEP_BYTES)
        buf_release(b);
    else
        buf_clear(b);
}

void server_report(struct server *s, const struct access *a, const struct route *route,
                   size_t route_index, bool from_hot, size_t received)
{
    struct metrics *m = s->config.metrics;

    if (m) {
        if (a->status)
            metrics_request(m, route_index, a->status, a->duration_us, from_hot);
        metrics_count(m, COUNTER_RECEIVED_BYTES, received);
        if (a->body_bytes != UINT64_MAX)
            metrics_count(m, COUNTER_SENT_BYTES, a->body_bytes);
    }
    if (s->config.log_access && !(route && route->probe))
        s->config.log_access(s->config.log_ctx, a);
}

static void report(struct exchange *ex, int64_t now_ns, bool completed)
{
    const struct route *route = ex->req.route;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(ex->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct access a = {
        .method = ex->method_text ? ex->method_text : "-",
        .target = ex->req.target,
        .route_id = route && route->id ? route->id : "",
        .request_id = ex->req.id,
        .principal = ex->req.principal,
        .peer = info ? info->client_addr : NULL,
        .status = ex->status,
        .body_bytes = ex->req.is_head && ex->sent_bytes != UINT64_MAX ? 0 : ex->sent_bytes,
        .duration_us = (now_ns - ex->start_ns) / 1000,
        .code = ex->code,
        .completed = completed,
    };

    server_report(server_of(ex), &a, route, ex->route_index, ex->from_hot, ex->req.body_size);
}

/* The request is over and its parts go; what is used again stays. */
static void exchange_clear(struct exchange *ex)
{
    struct server *s = server_of(ex);

    if (ex->stream)
        stream_free(ex->stream);
    if (ex->then)
        TAILQ_REMOVE(&s->waiters, ex, waiter);
    if (ex->flight)
        exchange_abandon(ex);
    if (ex->response)
        MHD_destroy_response(ex->response);
    if (ex->req.query) {
        bind_release(ex->req.route->query, ex->req.query);
        free(ex->req.query);
    }
    if (ex->req.state && ex->req.state_release)
        ex->req.state_release(ex->req.state);
    s->bodies_bytes -= ex->body_counted;
    keep_buf(&ex->target), keep_buf(&ex->scratch), keep_buf(&ex->query_text);
    keep_buf(&ex->body), keep_buf(&ex->headers), keep_buf(&ex->timing);
    memset(&ex->req, 0, sizeof(*ex) - offsetof(struct exchange, req));
}

void exchange_end(struct exchange *ex, bool completed)
{
    int64_t now_ns;

    if (!ex->started)
        return;
    assert(!ex->asleep);
    now_ns = clock_mono_ns();
    report(ex, now_ns, completed);
    exchange_clear(ex);
    /* Draining, whoever was not told to leave by its head, as a stream, has to. */
    if (server_of(ex)->draining)
        connection_enter(ex->connection, PHASE_IDLE, now_ns / 1000000);
    else
        connection_enter(ex->connection, PHASE_PAUSE, now_ns / 1000000 + PAUSE_MS);
}

void exchange_release(struct exchange *ex)
{
    exchange_clear(ex);
    buf_release(&ex->target), buf_release(&ex->scratch), buf_release(&ex->query_text);
    buf_release(&ex->body), buf_release(&ex->headers), buf_release(&ex->timing);
}

/* ---- sleeping */

void exchange_sleep(struct exchange *ex, enum phase phase, int64_t at_ms)
{
    assert(!ex->asleep);
    ex->asleep = true;
    connection_enter(ex->connection, phase, at_ms);
    MHD_suspend_connection(ex->mhd);
}

/*
 * With polling left to us, MHD_resume_connection() only sets a flag: no
 * descriptor becomes readable and no timeout due. So the server remembers that
 * MHD_run() has something to do.
 */
void exchange_wake(struct exchange *ex)
{
    if (!ex->asleep)
        return;
    ex->asleep = false;
    MHD_resume_connection(ex->mhd);
    server_of(ex)->need_run = true;
}

void exchange_abandon(struct exchange *ex)
{
    struct server *s = server_of(ex);

    take(&ex->flight)->exchange = NULL; /* its answer then frees it */
    s->n_calls--;
    if (s->config.metrics)
        metrics_count(s->config.metrics, COUNTER_ABANDONED, 1);
}

static void end_wait(struct exchange *ex, bool reached)
{
    void (*then)(struct request *, bool) = take(&ex->then);

    TAILQ_REMOVE(&server_of(ex)->waiters, ex, waiter);
    then(&ex->req, reached);
}

void request_wait(struct request *req, int64_t revision, int64_t until_ms,
                  void (*then)(struct request *req, bool reached))
{
    struct exchange *ex = exchange_of(req);
    struct server *s = server_of(ex);

    if (revision <= s->revision || s->stopping) {
        then(req, revision <= s->revision);
        return;
    }
    ex->then = then;
    ex->awaited = revision;
    req->deadline_ms = until_ms;
    TAILQ_INSERT_TAIL(&s->waiters, ex, waiter);
    if (ex->asleep)
        connection_enter(ex->connection, PHASE_CALL, until_ms);
}

void exchange_reached(struct server *s)
{
    struct waiters all = TAILQ_HEAD_INITIALIZER(all), *waiters = &s->waiters;
    struct exchange *ex;

    /* then() may wait again, so the list is emptied first. */
    TAILQ_CONCAT(&all, waiters, waiter);
    while ((ex = TAILQ_FIRST(&all))) {
        TAILQ_REMOVE(&all, ex, waiter);
        TAILQ_INSERT_TAIL(waiters, ex, waiter);
        if (ex->awaited <= s->revision)
            end_wait(ex, true);
    }
}

void exchange_timeout(struct exchange *ex)
{
    int64_t after_ms = (clock_mono_ns() - ex->start_ns) / 1000000;

    if (ex->then) {
        end_wait(ex, false);
        return;
    }
    if (ex->flight)
        exchange_abandon(ex);
    reply_error(&ex->req, ERR_TIMEOUT, "no answer within %.1f s", (double)after_ms / 1e3);
}

/* ---- the head */

static enum MHD_Result on_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    return head_field(cls, name, name_size, value ? value : "", value ? value_size : 0) ? MHD_YES
                                                                                        : MHD_NO;
}

static bool has_body(const struct exchange *ex)
{
    return ex->head.is_chunked || ex->head.content_length > 0;
}

static struct hot_key hot_key_of(const struct exchange *ex)
{
    struct hot_key key = {
        .method = (char)ex->method,
        .target = ex->req.target,
        .target_size = ex->target.size,
        .accept = ex->head.accept ? ex->head.accept : "",
        .content_type = ex->head.content_type ? ex->head.content_type : "",
        .body = ex->req.body,
        .body_size = ex->req.body_size,
    };

    key.hash = hot_hash(&key);
    return key;
}

/* Answers from kept bytes. The only thing looked at besides is who may read them. */
static bool try_hot(struct exchange *ex)
{
    struct server *s = server_of(ex);
    struct hot_key key;
    struct hot_entry *entry;
    AUTO_ERR struct err err = {0};

    if (!ex->hot_allowed)
        return false;
    key = hot_key_of(ex);
    ex->hot_hash = key.hash;
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

static bool is_json_type(const struct exchange *ex)
{
    const char *type = ex->head.content_type;
    size_t size = type ? strcspn(type, "; \t") : 0;

    return !type || request_is_type(&ex->req, "application/json") ||
           (size > 5 && strncasecmp(type + size - 5, "+json", 5) == 0);
}

static size_t max_body_of(const struct exchange *ex)
{
    const struct route *route = ex->req.route;
    size_t max = server_of(ex)->config.max_body_bytes;

    if (route->body == BODY_NONE)
        return 0;
    return route->max_body && route->max_body < max ? route->max_body : max;
}

static bool check_body(struct exchange *ex, struct err *err)
{
    size_t max = max_body_of(ex);

    if (!has_body(ex))
        return true;
    if (ex->head.content_length > max || max == 0) {
        err_set(err, ERR_TOO_LARGE, "the body may have %zu bytes here", max);
        return err_fact_int(err, "limit", (int64_t)max);
    }
    if (ex->req.route->body == BODY_JSON && !is_json_type(ex))
        return err_set(err, ERR_MEDIA_TYPE, "the body must be application/json, not \"%.80s\"",
                       ex->head.content_type);
    if (server_of(ex)->bodies_bytes + ex->head.content_length >
        server_of(ex)->config.max_bodies_bytes)
        return err_set(err, ERR_BUSY, "too many bodies are being received");
    return true;
}

static void reply_not_found(struct exchange *ex)
{
    AUTO_ERR struct err err = {0};
    const char *near[5];
    size_t size = strcspn(ex->req.target, "?"), n;
    AUTO_FREE char *path = str_dup_n(ex->req.target, size < 200 ? size : 200);

    n = router_nearest(server_of(ex)->router, path, near);
    err_set(&err, ERR_NOT_FOUND, "nothing is at %s%s%s", path, n ? "; did you mean " : "",
            n ? near[0] : "");
    err_fact_strv(&err, "nearest", near, n);
    reply_problem(&ex->req, &err);
}

static void reply_method(struct exchange *ex, const char *method, const struct resource *res)
{
    AUTO_ERR struct err err = {0};

    reply_header(&ex->req, "Allow", res->allow);
    if (str_eq(method, "OPTIONS")) {
        reply_empty(&ex->req, 204);
        return;
    }
    err_set(&err, ERR_METHOD, "%.20s is not allowed here, only %s", method, res->allow);
    err_fact_str(&err, "allow", res->allow);
    reply_problem(&ex->req, &err);
}

/* Finds the route. False: a reply was made. */
static bool find_route(struct exchange *ex, const char *method, bool known_method)
{
    AUTO_ERR struct err err = {0};
    const struct resource *res;
    struct url url;

    buf_reserve(&ex->scratch, ex->target.size + 1);
    if (!url_parse(ex->req.target, ex->scratch.data, &url, &err)) {
        reply_problem(&ex->req, &err);
        return false;
    }
    ex->query = url.query;
    res = router_find(server_of(ex)->router, &url, ex->req.capture);
    if (!res) {
        reply_not_found(ex);
        return false;
    }
    if (!known_method || !res->routes[ex->method]) {
        reply_method(ex, method, res);
        return false;
    }
    ex->req.route = res->routes[ex->method];
    ex->route_index = res->index[ex->method];
    if (auth_allow(&ex->who, ex->req.route->scope, &err) && check_body(ex, &err))
        return true;
    reply_problem(&ex->req, &err);
    return false;
}

/* Reads the fields; false: the head is refused and a reply was made. */
static bool read_head(struct exchange *ex, const char *method, const char *version)
{
    struct server *s = server_of(ex);
    AUTO_ERR struct err err = {0};

    MHD_get_connection_values_n(ex->mhd, MHD_HEADER_KIND, on_field, &ex->head);
    if (head_is_request_id(ex->head.request_id))
        strcpy(ex->req.id, ex->head.request_id);
    else
        server_make_id(s, ex->req.id);
    if (!head_done(&ex->head, version, method, ex->req.target, &err)) {
        ex->must_close = true; /* whatever follows may be read in more than one way */
        if (s->config.metrics)
            metrics_count(s->config.metrics, COUNTER_REFUSED, 1);
    } else if (s->stopping) {
        err_set(&err, ERR_DRAINING, "the server stops");
    } else if (auth_check_host(&s->config.auth, &ex->door, &ex->head, &err) &&
               auth_identify(&s->config.auth, &ex->door, &ex->head, &ex->who, &err)) {
        ex->req.principal = ex->who.name;
        ex->req.scopes = ex->who.scopes;
        return true;
    }
    reply_problem(&ex->req, &err);
    return false;
}

/*
 * The head is complete. Afterwards there is a reply (perhaps to be sent only
 * after the body was swallowed), or the body is to be read.
 */
static void open_exchange(struct exchange *ex, const char *method, const char *version)
{
    struct server *s = server_of(ex);
    bool known_method = method_parse(method, &ex->method, &ex->req.is_head);

    ex->seen = true;
    ex->method_text = method;
    ex->door = ex->connection->listener->door;
    ex->req.deadline_ms = ex->start_ns / 1000000 + s->config.request_timeout_ms;
    if (!read_head(ex, method, version))
        return;
    /* An error closes the connection when the body is too long to be read for nothing. */
    ex->must_close = has_body(ex) && (ex->head.expects_continue || ex->head.is_chunked ||
                                      ex->head.content_length > SWALLOW_MAX);
    ex->hot_allowed = known_method && ex->method <= METHOD_POST && !ex->head.has_range &&
                      !ex->head.has_prefer && !ex->head.has_conditions && !ex->head.idempotency_key;
    /* What a kept answer may be for is looked up first when it can be sent, in run_route(). */
    if (ex->hot_allowed && ex->method == METHOD_GET && !has_body(ex))
        return;
    if (find_route(ex, method, known_method))
        ex->must_close = false;
}

/* ---- the body */

static void add_body(struct exchange *ex, const char *data, size_t size)
{
    struct server *s = server_of(ex);
    size_t max = max_body_of(ex), before = ex->body.size;
    AUTO_ERR struct err err = {0};

    if (ex->body.size + size > max) {
        err_set(&err, ERR_TOO_LARGE, "the body may have %zu bytes here", max);
        err_fact_int(&err, "limit", (int64_t)max);
    } else if (s->bodies_bytes + size > s->config.max_bodies_bytes) {
        err_set(&err, ERR_BUSY, "too many bodies are being received");
    } else {
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

/* Sets req.query. False: a reply was made. */
static bool bind_query(struct exchange *ex, int64_t *ret_min_revision)
{
    const struct route *route = ex->req.route;
    struct url_param params[URL_MAX_PARAMS];
    size_t n = 0;
    const char *also = ex->method == METHOD_GET && route->scope ? "min_revision" : NULL;
    const char *min_revision;
    AUTO_ERR struct err err = {0};

    *ret_min_revision = 0;
    buf_reserve(&ex->query_text, ex->target.size + 1);
    if (!url_parse_query(ex->query, ex->query_text.data, params, &n, &err))
        goto failed;
    if (route->query) {
        assert(route->query_size);
        ex->req.query = mem_alloc(route->query_size);
    }
    if (!query_bind(route->query, params, n, route->query_open, also, ex->req.query, &err))
        goto failed;
    min_revision = also ? query_find(params, n, also) : NULL;
    if (min_revision) {
        char *end;

        *ret_min_revision = strtoll(min_revision, &end, 10);
        if (end == min_revision || *end || *ret_min_revision < 0) {
            err_set(&err, ERR_FIELD, "min_revision must be a revision of the registry: a number");
            err_fact_str(&err, "pointer", "?min_revision");
            goto failed;
        }
    }
    return true;
failed:
    reply_problem(&ex->req, &err);
    return false;
}

static void handle(struct exchange *ex)
{
    ex->req.route->handle(&ex->req);
    if (!ex->response && !ex->flight && !ex->then)
        reply_error(&ex->req, ERR_INTERNAL, "the handler of %s did not answer",
                    ex->req.route->path);
}

static void on_revision(struct request *req, bool reached)
{
    struct exchange *ex = exchange_of(req);
    int64_t have = server_of(ex)->revision;
    AUTO_ERR struct err err = {0};

    if (reached) {
        req->revision = have;
        handle(ex);
        return;
    }
    err_set(&err, ERR_REVISION_AHEAD, "the registry is at revision %lld, not yet at min_revision",
            (long long)have);
    err_fact_int(&err, "revision", have);
    reply_problem(req, &err);
}

/* The request is complete. */
static void run_route(struct exchange *ex)
{
    const struct route *route;
    int64_t min_revision;
    char key[256];

    ex->routed = true;
    ex->req.body = ex->body.size ? ex->body.data : "";
    ex->req.body_size = ex->body.size;
    if (try_hot(ex) || (!ex->req.route && !find_route(ex, ex->method_text, true)))
        return;
    route = ex->req.route;
    if (ex->head.idempotency_key && !head_idempotency_key(ex->head.idempotency_key, key))
        reply_error(&ex->req, ERR_INVALID,
                    "Idempotency-Key must be 1 to 255 visible ASCII characters, or a quoted string "
                    "of them: with this one the request could not be repeated safely");
    else if (route->body_required && !ex->req.body_size)
        reply_error(&ex->req, ERR_INVALID, "a body is required here");
    else if (bind_query(ex, &min_revision)) {
        if (min_revision)
            request_wait(&ex->req, min_revision, ex->req.deadline_ms, on_revision);
        else
            handle(ex);
    }
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
    if (ex->response)
        return send_reply(ex);
    if (!ex->asleep)
        exchange_sleep(ex, PHASE_CALL, ex->req.deadline_ms);
    return MHD_YES;
}

static enum MHD_Result step_head(struct exchange *ex, const char *method, const char *version)
{
    open_exchange(ex, method, version);
    if (has_body(ex)) {
        if (ex->response && ex->must_close)
            return send_reply(ex);
        connection_enter(ex->connection, PHASE_BODY,
                         clock_mono_ms() + server_of(ex)->config.body_timeout_ms);
        return MHD_YES;
    }
    /*
     * libmicrohttpd closes the connection after a reply that is made in its first
     * call. The next one comes at once.
     */
    return ex->response && ex->must_close ? send_reply(ex) : MHD_YES;
}

static enum MHD_Result step_body(struct exchange *ex, const char *upload, size_t *upload_size)
{
    size_t size = *upload_size;

    *upload_size = 0;
    if (!ex->response)
        add_body(ex, upload, size);
    if (!ex->response)
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
    if (!ex->response && !ex->routed)
        run_route(ex);
    return settle(ex);
}
