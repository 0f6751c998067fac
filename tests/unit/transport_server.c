/*
 * A server on the real transport with a fake backend, for tests/e2e/test_transport.py
 * and bench/http: what a handler can do, without what ours do.
 *
 *     transport_server [tcp] [unix:PATH] [fd:N] [thread] [name=value …]
 *
 * Prints "listening on …" for each listener to stderr; ends with status 0 on SIGTERM.
 */
#include "api/builtin.h"
#include "api/metrics.h"
#include "api/reply.h"
#include "api/stream.h"
#include "daemon/ioloop.h"
#include "json/writer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum { TOPIC = 1 };

static struct ioloop io;
static struct metrics *metrics;
static unsigned n_submitted;
static bool deny_lan; /* treat the TCP listener as one beyond loopback */

/* ---- the backend: a call is answered after some time, from a timer or a thread */

struct slow_query {
    struct opt_int ms;
    char *how; /* "timer", "thread", "now", "never", "fail", "progress" */
};

static const struct field slow_fields[] = {
    {"ms", FIELD_INT, offsetof(struct slow_query, ms), .min = 0, .max = 60000, .doc = "How long."},
    {"how", FIELD_STR, offsetof(struct slow_query, how), .doc = "How it is answered."},
};
static const struct field_table slow_table = {"SlowQuery", slow_fields, ARRAY_SIZE(slow_fields)};

struct job {
    struct message message;
    struct call *call;
    uv_timer_t timer;
    uv_thread_t thread;
    unsigned n_lines;
};

struct args {
    int64_t ms;
    char how[16];
};

static struct job *never; /* calls that are answered only when everything is over */

static void job_answer(struct job *job)
{
    struct answer *a = &job->call->answer;
    const struct args *args = job->call->args;

    if (str_eq(args->how, "fail")) {
        err_set(&a->err, ERR_HUB_UNREACHABLE, "no Hub today");
        err_fact_int(&a->err, "tries", 3);
        a->retry_after_s = 7;
    } else {
        a->status = 200;
        a->body = blob_new("{\"slow\":true}", 13);
        snprintf(a->timing, sizeof(a->timing), "core;dur=1.5");
        a->cacheable = str_eq(args->how, "cache");
        a->tag = 7;
    }
    api_answer(job->call);
}

static void on_timer_closed(uv_handle_t *timer) { free(container_of(timer, struct job, timer)); }

static void on_timer(uv_timer_t *timer)
{
    struct job *job = container_of(timer, struct job, timer);
    const struct args *args = job->call->args;

    if (str_eq(args->how, "progress") && job->n_lines < 3) {
        char text[64];
        struct blob *line;

        snprintf(text, sizeof(text), "{\"step\":%u}", ++job->n_lines);
        line = blob_new(text, strlen(text));
        api_progress(job->call, line);
        blob_unref(line);
        return;
    }
    uv_timer_stop(timer);
    uv_close((uv_handle_t *)timer, on_timer_closed);
    job_answer(job);
}

static void on_message(struct message *m)
{
    struct job *job = container_of(m, struct job, message);

    uv_thread_join(&job->thread);
    job_answer(job);
    free(job);
}

static void work(void *arg)
{
    struct job *job = arg;
    const struct args *args = job->call->args;

    usleep((useconds_t)args->ms * 1000);
    ioloop_post(&io, &job->message);
}

static void submit(void *ctx, struct call *call)
{
    struct job *job = mem_new(struct job);
    const struct args *args = call->args;
    (void)ctx;

    n_submitted++;
    job->call = call;
    job->message.run = on_message;
    if (str_eq(args->how, "never")) {
        job->message.next = never ? &never->message : NULL;
        never = job;
    } else if (str_eq(args->how, "now")) {
        job_answer(job);
        free(job);
    } else if (str_eq(args->how, "thread")) {
        uv_thread_create(&job->thread, work, job);
    } else {
        uv_timer_init(io.loop, &job->timer); /* where the call came from */
        uv_timer_start(&job->timer, on_timer, (uint64_t)args->ms, (uint64_t)args->ms);
    }
}

/* ---- handlers */

static char hello_text[601];

static void get_hello(struct request *req) { reply_text(req, 200, hello_text, NULL); }

static void get_hot(struct request *req)
{
    struct buf body = {0};

    buf_printf(&body, "{\"hello\":\"%s\"}", hello_text);
    body.data[body.size - 2] = '"';
    buf_clear(&body);
    buf_append_str(&body, hello_text);
    reply_cacheable(req, 42);
    reply_buf(req, 200, &body, NULL);
}

static void get_large(struct request *req)
{
    enum { SIZE = 1200000 };
    struct buf body = {0};

    buf_append_char(&body, '"');
    buf_reserve(&body, SIZE);
    memset(body.data + body.size, 'x', SIZE);
    body.size += SIZE;
    buf_append_char(&body, '"');
    reply_cacheable(req, 42);
    reply_buf(req, 200, &body, NULL);
}

static void get_slow(struct request *req)
{
    struct slow_query *q = req->query;
    struct args *args = mem_new(struct args);

    args->ms = q->ms.set ? q->ms.value : 10;
    snprintf(args->how, sizeof(args->how), "%s", q->how ? q->how : "timer");
    if (request_accepts(req, "application/x-ndjson", true))
        stream_open(req, &(struct stream_config){.kind = STREAM_NDJSON});
    request_submit(req, request_call(req, OP_STATUS, args, free));
}

static void post_echo(struct request *req)
{
    AUTO_ERR struct err err = {0};
    json_t *doc = NULL;

    if (!request_json(req, &doc, &err)) {
        reply_problem(req, &err);
        return;
    }
    reply_cacheable(req, 42);
    reply_json(req, 200, doc);
    json_decref(doc);
}

static void post_bytes(struct request *req)
{
    struct buf body = {0};

    buf_printf(&body, "{\"size\":%zu}", req->body_size);
    reply_buf(req, 200, &body, NULL);
}

static void get_captures(struct request *req)
{
    struct buf body = {0};
    struct json j = json_begin(&body);
    size_t n = 0;

    while (n < ROUTE_MAX_CAPTURES && req->capture[n])
        n++;
    json_open(&j, '{');
    json_strv(&j, "captures", req->capture, n);
    json_str(&j, "principal", req->principal);
    json_close(&j, '}');
    reply_buf(req, 200, &body, NULL);
}

static void get_file(struct request *req)
{
    FILE *f = tmpfile();
    enum { SIZE = 4 << 20 };

    for (int i = 0; i < SIZE / 16; i++)
        fprintf(f, "%015d\n", i);
    fflush(f);
    reply_etag(req, "\"file\"");
    reply_file(req, 200, dup(fileno(f)), 16, SIZE - 16, "application/octet-stream");
    fclose(f);
}

static void get_events(struct request *req)
{
    const char *last = request_header(req, "Last-Event-ID");
    bool json = request_accepts(req, "application/x-ndjson", true);

    stream_open(req, &(struct stream_config){
                         .kind = json ? STREAM_NDJSON : STREAM_SSE,
                         .topic = TOPIC,
                         .since = last ? strtoll(last, NULL, 10) : 0,
                         .max_queued = 256 * 1024,
                     });
}

static void post_publish(struct request *req)
{
    static int64_t id;
    struct blob *line = blob_new(req->body, req->body_size);

    api_publish(req->server, TOPIC, ++id, "test", NULL, line);
    blob_unref(line);
    reply_empty(req, 204);
}

static void post_revision(struct request *req)
{
    api_set_revision(req->server, strtoll(req->body, NULL, 10));
    reply_empty(req, 204);
}

static void post_invalidate(struct request *req)
{
    if (req->body_size)
        api_hot_invalidate(req->server, strtoull(req->body, NULL, 10));
    else
        api_hot_clear(req->server);
    reply_empty(req, 204);
}

static void get_silent(struct request *req) { (void)req; }

static void get_stats(struct request *req)
{
    struct buf body = {0};
    struct json j = json_begin(&body);

    json_open(&j, '{');
    json_int(&j, "submitted", n_submitted);
    json_int(&j, "connections", (int64_t)server_n_connections(req->server));
    json_close(&j, '}');
    reply_buf(req, 200, &body, NULL);
}

static void get_metrics(struct request *req)
{
    struct buf body = {0};

    metrics_write(&body, &metrics, 1);
    metrics_process(&body);
    reply_buf(req, 200, &body, "text/plain; version=0.0.4");
}

static const struct route own_routes[] = {
    {METHOD_GET, "/hello", get_hello, .id = "hello", .scope = SCOPE_READ},
    {METHOD_GET, "/hot", get_hot, .id = "hot", .scope = SCOPE_READ},
    {METHOD_GET, "/large", get_large, .id = "large", .scope = SCOPE_READ},
    {METHOD_GET, "/slow", get_slow, .id = "slow", .streams = true, .query = &slow_table,
     .query_size = sizeof(struct slow_query)},
    {METHOD_POST, "/slow", get_slow, .id = "slowPost", .streams = true, .query = &slow_table,
     .query_size = sizeof(struct slow_query), .body = BODY_JSON},
    {METHOD_GET, "/call", get_slow, .id = "call", .query = &slow_table,
     .query_size = sizeof(struct slow_query)},
    {METHOD_POST, "/call", get_slow, .id = "callPost", .query = &slow_table,
     .query_size = sizeof(struct slow_query), .body = BODY_JSON},
    {METHOD_POST, "/echo", post_echo, .id = "echo", .body = BODY_JSON, .body_required = true},
    {METHOD_POST, "/bytes", post_bytes, .id = "bytes", .body = BODY_BYTES, .max_body = 1 << 20},
    {METHOD_GET, "/raw/{name}/{path*}", get_captures, .id = "captures", .query_open = true},
    {METHOD_PUT, "/raw/{name}", get_captures, .id = "putCapture"},
    {METHOD_DELETE, "/raw/{name}", get_captures, .id = "deleteCapture", .scope = SCOPE_WRITE},
    {METHOD_GET, "/file", get_file, .id = "file", .streams = true},
    {METHOD_GET, "/events", get_events, .id = "events", .streams = true},
    {METHOD_POST, "/publish", post_publish, .id = "publish", .body = BODY_BYTES},
    {METHOD_POST, "/revision", post_revision, .id = "revision", .body = BODY_BYTES},
    {METHOD_POST, "/invalidate", post_invalidate, .id = "invalidate", .body = BODY_BYTES},
    {METHOD_GET, "/silent", get_silent, .id = "silent"},
    {METHOD_GET, "/stats", get_stats, .id = "stats", .probe = true},
    {METHOD_GET, "/metrics", get_metrics, .id = "metrics", .probe = true},
};

/* ---- start */

static bool find_key(void *ctx, const char *token, size_t size, struct principal *ret)
{
    (void)ctx;
    if (size == 6 && memcmp(token, "reader", 6) == 0)
        *ret = (struct principal){"reader", SCOPE_READ};
    else if (size == 5 && memcmp(token, "admin", 5) == 0)
        *ret = (struct principal){"admin", SCOPE_ADMIN};
    else
        return false;
    return true;
}

static int listen_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 512) ||
        getsockname(fd, (struct sockaddr *)&a, &size))
        abort();
    fprintf(stderr, "listening on http://127.0.0.1:%u\n", ntohs(a.sin_port));
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 512))
        abort();
    fprintf(stderr, "listening on unix:%s\n", path);
    return fd;
}

static void log_access(void *ctx, const struct access *a)
{
    (void)ctx;
    fprintf(stderr, "%s %s %u %s %s %s%s\n", a->method, a->target, a->status, a->route_id,
            a->request_id, a->principal, a->completed ? "" : " cut");
}

static bool set_option(struct server_config *c, const char *option)
{
    const char *equals = strchr(option, '=');
    size_t n = equals ? (size_t)(equals - option) : 0;
    long value = equals ? strtol(equals + 1, NULL, 10) : 0;

#define IS(name) (n == strlen(name) && strncmp(option, name, n) == 0)
    if (IS("header_timeout_ms"))
        c->header_timeout_ms = value;
    else if (IS("body_timeout_ms"))
        c->body_timeout_ms = value;
    else if (IS("idle_timeout_ms"))
        c->idle_timeout_ms = value;
    else if (IS("request_timeout_ms"))
        c->request_timeout_ms = value;
    else if (IS("heartbeat_ms"))
        c->heartbeat_ms = value;
    else if (IS("max_connections"))
        c->max_connections = (unsigned)value;
    else if (IS("max_connections_per_peer"))
        c->max_connections_per_peer = (unsigned)value;
    else if (IS("max_calls"))
        c->max_calls = (unsigned)value;
    else if (IS("max_header_bytes"))
        c->max_header_bytes = (size_t)value;
    else if (IS("keys"))
        c->auth.find = find_key, deny_lan = value > 1;
    else if (str_eq(option, "log"))
        c->log_access = log_access;
    else
        return false;
    return true;
#undef IS
}

static void on_stop(struct message *m)
{
    (void)m;
    server_drain(io.server);
}

static struct message stop_message = {.run = on_stop};
static uv_timer_t drained;
static uv_signal_t stop_signal;

static void on_drained(uv_timer_t *timer)
{
    static int rounds;

    if (!io.has_thread && server_n_connections(io.server) && ++rounds < 200)
        return;
    uv_close((uv_handle_t *)timer, NULL);
    uv_close((uv_handle_t *)&stop_signal, NULL);
    if (!io.has_thread)
        ioloop_close(&io);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)signal, (void)number;
    if (uv_is_active((uv_handle_t *)&drained))
        return; /* it is on its way */
    ioloop_post(&io, &stop_message);
    uv_timer_start(&drained, on_drained, 10, 10);
}

int main(int argc, char **argv)
{
    const struct route *routes[ARRAY_SIZE(own_routes) + 16];
    struct listener_config listeners[SERVER_MAX_LISTENERS];
    struct server_config config = {.backend = {submit, NULL}, .version = "test"};
    bool threaded = false;
    size_t n = 0, n_routes = 0;
    struct err err = {0};

    memset(hello_text, 'x', sizeof(hello_text) - 1);
    memcpy(hello_text, "{\"hello\":\"", 10);
    memcpy(hello_text + 597, "\"}\n", 3);
    for (size_t i = 0; i < ARRAY_SIZE(own_routes); i++)
        routes[n_routes++] = &own_routes[i];
    for (size_t i = 0; i < n_builtin_routes; i++)
        routes[n_routes++] = &builtin_routes[i];
    for (int i = 1; i < argc; i++) {
        if (str_eq(argv[i], "tcp"))
            listeners[n++] = (struct listener_config){listen_tcp(), {.is_loopback = true}};
        else if (str_starts(argv[i], "unix:"))
            listeners[n++] = (struct listener_config){listen_unix(argv[i] + 5), {.is_unix = true}};
        else if (str_starts(argv[i], "fd:"))
            listeners[n++] =
                (struct listener_config){(int)strtol(argv[i] + 3, NULL, 10), {.is_loopback = true}};
        else if (str_eq(argv[i], "thread"))
            threaded = true;
        else if (!set_option(&config, argv[i]))
            return 64;
    }
    for (size_t i = 0; i < n; i++)
        listeners[i].door.needs_key = deny_lan && !listeners[i].door.is_unix;
    metrics = metrics_new(routes, n_routes);
    config.metrics = metrics;
    config.routes = routes;
    config.n_routes = n_routes;
    uv_timer_init(uv_default_loop(), &drained);
    uv_signal_init(uv_default_loop(), &stop_signal);
    uv_signal_start(&stop_signal, on_signal, SIGTERM);
    if (!(threaded ? ioloop_start(&io, "io", &config, listeners, n, &err)
                   : ioloop_open(&io, uv_default_loop(), &config, listeners, n, &err))) {
        fprintf(stderr, "%s\n", err.msg);
        return 70;
    }
    fprintf(stderr, "ready\n");
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    ioloop_stop(&io);
    uv_loop_close(uv_default_loop());
    while (never) {
        struct message *next = never->message.next;

        api_answer(never->call); /* the server is gone: this only frees it */
        free(never);
        never = next ? container_of(next, struct job, message) : NULL;
    }
    metrics_free(metrics);
    err_release(&err);
    return 0;
}
