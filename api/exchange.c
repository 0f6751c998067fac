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

enum { KEEP_BYTES = 64 * 1024 /* buffers larger than this go with their request */ };

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

void exchange_open(struct exchange *ex, const char *target, int64_t start_ns)
{
    struct server *s = server_of(ex);

    assert(!ex->started);
    ex->started = true;
    ex->start_ns = start_ns;
    ex->door = ex->connection->listener->door;
    ex->req.app = s->config.app;
    ex->req.server = s;
    ex->req.body = "";
    ex->req.principal = "anonymous";
    ex->req.revision = s->revision;
    ex->req.deadline_ms = start_ns / 1000000 + s->config.request_timeout_ms;
    ex->route_index = s->config.n_routes;
    buf_append_str(&ex->target, target);
    ex->req.target = ex->target.data;
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

static const struct sockaddr *peer_of(const struct exchange *ex)
{
    const union MHD_ConnectionInfo *info;

    if (!ex->mhd)
        return ex->connection->peer;
    info = MHD_get_connection_info(ex->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static void report(struct exchange *ex, bool completed)
{
    const struct route *route = ex->req.route;
    struct access a = {
        .method = ex->method_text ? ex->method_text : "-",
        .target = ex->req.target,
        .route_id = route && route->id ? route->id : "",
        .request_id = ex->req.id,
        .principal = ex->req.principal,
        .peer = peer_of(ex),
        .status = ex->status,
        .body_bytes = ex->req.is_head && ex->sent_bytes != UINT64_MAX ? 0 : ex->sent_bytes,
        .duration_us = (clock_mono_ns() - ex->start_ns) / 1000,
        .code = ex->code,
        .completed = completed,
    };

    server_report(server_of(ex), &a, route, ex->route_index, ex->from_hot, ex->req.body_size);
}

/* The request is over and its parts go; what is used again stays. */
void exchange_drop(struct exchange *ex)
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
    payload_release(&ex->payload);
    if (ex->req.query) {
        bind_release(ex->req.route->query, ex->req.query);
        free(ex->req.query);
    }
    if (ex->req.state && ex->req.state_release)
        ex->req.state_release(ex->req.state);
    s->bodies_bytes -= ex->body_counted;
    keep_buf(&ex->target), keep_buf(&ex->scratch), keep_buf(&ex->query_text);
    keep_buf(&ex->body), keep_buf(&ex->headers), keep_buf(&ex->timing);
    keep_buf(&ex->head_bytes), keep_buf(&ex->reply_head);
    memset(&ex->req, 0, sizeof(*ex) - offsetof(struct exchange, req));
}

void exchange_finish(struct exchange *ex, bool completed)
{
    assert(ex->started && !ex->asleep);
    report(ex, completed);
    exchange_drop(ex);
}

void exchange_release(struct exchange *ex)
{
    exchange_drop(ex);
    buf_release(&ex->target), buf_release(&ex->scratch), buf_release(&ex->query_text);
    buf_release(&ex->body), buf_release(&ex->headers), buf_release(&ex->timing);
    buf_release(&ex->head_bytes), buf_release(&ex->reply_head);
}

/* ---- sleeping */

void exchange_sleep(struct exchange *ex, enum phase phase, int64_t at_ms)
{
    assert(!ex->asleep);
    ex->asleep = true;
    connection_enter(ex->connection, phase, at_ms);
    if (ex->mhd)
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
    if (!ex->mhd) {
        front_wake(server_of(ex)->front, ex->connection->visitor);
        return;
    }
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

struct hot_key exchange_hot_key(enum method method, const char *target, size_t target_size,
                                const struct head *head, const char *body, size_t body_size)
{
    return (struct hot_key){
        .method = (char)method,
        .target = target,
        .target_size = target_size,
        .accept = head->accept ? head->accept : "",
        .content_type = head->content_type ? head->content_type : "",
        .body = body,
        .body_size = body_size,
    };
}

bool exchange_has_body(const struct exchange *ex)
{
    return ex->head.is_chunked || ex->head.content_length > 0;
}

void exchange_name(struct exchange *ex)
{
    if (head_is_request_id(ex->head.request_id))
        strcpy(ex->req.id, ex->head.request_id);
    else
        server_make_id(server_of(ex), ex->req.id);
}

bool exchange_admit(struct exchange *ex)
{
    const struct server *s = server_of(ex);
    AUTO_ERR struct err err = {0};

    if (s->stopping) {
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

static bool is_json_type(const struct exchange *ex)
{
    const char *type = ex->head.content_type;
    size_t size = type ? strcspn(type, "; \t") : 0;

    return !type || request_is_type(&ex->req, "application/json") ||
           (size > 5 && strncasecmp(type + size - 5, "+json", 5) == 0);
}

size_t exchange_max_body(const struct exchange *ex)
{
    const struct route *route = ex->req.route;
    size_t max = server_of(ex)->config.max_body_bytes;

    if (route->body == BODY_NONE)
        return 0;
    return route->max_body && route->max_body < max ? route->max_body : max;
}

static bool check_body(struct exchange *ex, struct err *err)
{
    size_t max = exchange_max_body(ex);

    if (!exchange_has_body(ex))
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

bool exchange_find_route(struct exchange *ex, const char *method, bool known_method)
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
    if (!ex->status && !ex->flight && !ex->then)
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

void exchange_ask(struct exchange *ex)
{
    const struct route *route = ex->req.route;
    int64_t min_revision;
    char key[256];

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
