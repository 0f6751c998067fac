#include "api/reply.h"

#include "api/exchange.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char application_json[] = "application/json";

/* ---- what a handler says before the reply */

void reply_header(struct request *req, const char *name, const char *value)
{
    struct exchange *ex = exchange_of(req);

    assert(!ex->response && ex->n_headers < REPLY_MAX_HEADERS);
    assert(!strpbrk(value, "\r\n"));
    buf_append(&ex->headers, name, strlen(name) + 1);
    buf_append(&ex->headers, value, strlen(value) + 1);
    ex->n_headers++;
}

void reply_cache_control(struct request *req, const char *value)
{
    exchange_of(req)->cache_control = value;
}

void reply_etag(struct request *req, const char *etag)
{
    struct exchange *ex = exchange_of(req);

    assert(strlen(etag) < sizeof(ex->etag));
    snprintf(ex->etag, sizeof(ex->etag), "%s", etag);
}

void reply_cacheable(struct request *req, uint64_t tag)
{
    exchange_of(req)->cacheable = true;
    exchange_of(req)->tag = tag;
}

/* ---- the head of every reply */

static void add(struct MHD_Response *r, const char *name, const char *value)
{
    /* Fails only for values that cannot be a header; ours are checked or made by us. */
    if (MHD_add_response_header(r, name, value) != MHD_YES)
        assert(!"a header that libmicrohttpd refuses");
}

static void add_own_headers(struct exchange *ex, struct MHD_Response *r)
{
    const char *p = ex->headers.data;

    for (unsigned i = 0; i < ex->n_headers; i++) {
        const char *value = p + strlen(p) + 1;

        add(r, p, value);
        p = value + strlen(value) + 1;
    }
}

static const char *cache_control_of(const struct exchange *ex, unsigned status)
{
    if (ex->cache_control)
        return ex->cache_control;
    return ex->method == METHOD_GET && status < 400 ? "no-cache" : "no-store";
}

/* What is the same whoever asks, and whenever. */
static void add_lasting(const struct exchange *ex, unsigned status, struct MHD_Response *r,
                        const char *content_type)
{
    if (content_type)
        add(r, "Content-Type", content_type);
    add(r, "Cache-Control", cache_control_of(ex, status));
    if (ex->etag[0])
        add(r, "ETag", ex->etag);
    if (ex->negotiated)
        add(r, "Vary", "Accept");
}

static const char *revision_text(const struct exchange *ex, char ret[24])
{
    const struct server *s = server_of(ex);

    if (ex->req.revision == s->revision)
        return s->revision_text;
    snprintf(ret, 24, "%lld", (long long)ex->req.revision);
    return ret;
}

/* The end of Server-Timing: the whole time, in milliseconds. */
static const char *total_text(int64_t duration_ns, bool from_hot, char ret[48])
{
    uint64_t us = (uint64_t)duration_ns / 1000;
    char *at = ret + 47;

    *at = '\0';
    for (int i = 0; i < 4 || us; i++) { /* the point is before the last three digits */
        if (i == 3)
            *--at = '.';
        *--at = (char)('0' + us % 10);
        us /= 10;
    }
    at = (char *)memcpy(at - 10, "total;dur=", 10);
    return from_hot ? memcpy(at - 5, "hot, ", 5) : at;
}

static bool must_say_close(const struct exchange *ex)
{
    return ex->must_close || server_of(ex)->draining;
}

void reply_send(struct exchange *ex, unsigned status, struct MHD_Response *response, uint64_t size,
                const char *content_type)
{
    assert(!ex->response);
    add_lasting(ex, status, response, content_type);
    add(response, "X-Request-Id", ex->req.id);
    add(response, "X-Registry-Revision", revision_text(ex, (char[24]){0}));
    buf_append_str(&ex->timing,
                   total_text(clock_mono_ns() - ex->start_ns, ex->from_hot, (char[48]){0}));
    add(response, "Server-Timing", ex->timing.data);
    add_own_headers(ex, response);
    if (must_say_close(ex))
        add(response, "Connection", "close");
    ex->status = status;
    ex->sent_bytes = size;
    ex->response = response;
    exchange_wake(ex);
}

/* ---- bytes */

static void free_blob(void *cls) { blob_unref(cls); }

static bool is_unchanged(const struct exchange *ex, unsigned status)
{
    return ex->method == METHOD_GET && status == 200 && ex->head.if_none_match &&
           head_etag_matches(ex->head.if_none_match, ex->etag);
}

/*
 * A 304 is made of the whole response: libmicrohttpd then does not send the body,
 * but says its length, as it should. (Of an empty one it would say 0.)
 */
static void send_body(struct exchange *ex, unsigned status, struct MHD_Response *r, uint64_t size,
                      const char *content_type)
{
    if (is_unchanged(ex, status))
        reply_send(ex, 304, r, 0, NULL);
    else
        reply_send(ex, status, r, size, content_type);
}

/*
 * JSON ends in a newline, whether or not the blob does. As a piece of its own it costs a
 * system call more, which is as much as copying COPY_MAX; kept answers have it in them.
 */
static bool needs_newline(const struct blob *blob, const char *content_type)
{
    return blob->size && blob->bytes[blob->size - 1] != '\n' && strstr(content_type, "json");
}

static struct MHD_Response *response_of_blob(struct blob *blob, const char *content_type)
{
    enum { COPY_MAX = 32 << 10 };
    struct MHD_IoVec iov[] = {{blob->bytes, blob->size}, {"\n", 1}};
    bool newline = needs_newline(blob, content_type);

    if (newline && blob->size > COPY_MAX)
        return MHD_create_response_from_iovec(iov, 2, free_blob, blob_ref(blob));
    blob = newline ? blob_line(blob) : blob_ref(blob);
    return MHD_create_response_from_buffer_with_free_callback_cls(blob->size, blob->bytes,
                                                                  free_blob, blob);
}

static void send_blob(struct exchange *ex, unsigned status, struct blob *blob,
                      const char *content_type)
{
    send_body(ex, status, response_of_blob(blob, content_type),
              blob->size + needs_newline(blob, content_type), content_type);
}

static void keep_hot(struct exchange *ex, unsigned status, struct blob *blob,
                     const char *content_type, const char *location)
{
    struct server *s = server_of(ex);
    struct hot_key key;
    AUTO_BLOB struct blob *line = NULL;
    struct hot_entry entry = {
        .status = status,
        .content_type = content_type,
        .cache_control = cache_control_of(ex, status),
        .route = ex->req.route,
        .route_index = ex->route_index,
        .revision = ex->req.revision,
        .tag = ex->tag,
        .negotiated = ex->negotiated,
    };

    if (!ex->cacheable || !ex->hot_allowed || status != 200 || ex->n_headers ||
        ex->req.revision < s->hot_floor)
        return;
    key = (struct hot_key){
        .hash = ex->hot_hash,
        .method = (char)ex->method,
        .target = ex->req.target,
        .target_size = ex->target.size,
        .accept = ex->head.accept ? ex->head.accept : "",
        .content_type = ex->head.content_type ? ex->head.content_type : "",
        .body = ex->req.body,
        .body_size = ex->req.body_size,
    };
    line = needs_newline(blob, content_type) ? blob_line(blob) : blob_ref(blob);
    entry.body = line;
    snprintf(entry.etag, sizeof(entry.etag), "%s", ex->etag);
    snprintf(entry.location, sizeof(entry.location), "%s", location ? location : "");
    hot_insert(s->hot, &key, &entry);
    if (s->config.metrics)
        metrics_count(s->config.metrics, COUNTER_HOT_MISSES, 1);
}

/* The part of the head that is the same for everybody. */
static char *kept_new(const struct hot_entry *entry)
{
    struct buf b = {0};

    buf_printf(&b, "HTTP/1.1 %u OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", entry->status,
               entry->content_type, entry->body->size);
    buf_printf(&b, "Cache-Control: %s\r\n", entry->cache_control);
    if (entry->etag[0])
        buf_printf(&b, "ETag: %s\r\n", entry->etag);
    if (entry->location[0])
        buf_printf(&b, "Location: %s\r\n", entry->location);
    if (entry->negotiated)
        buf_append_str(&b, "Vary: Accept\r\n");
    return buf_take(&b);
}

/* The Date of this second; rendered once in it. */
static const char *date_text(void)
{
    static _Thread_local char text[40];
    static _Thread_local time_t of;
    time_t now = time(NULL);
    struct tm tm;

    if (now != of) {
        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        of = now;
    }
    return text;
}

static char *put(char *at, const char *text)
{
    size_t size = strlen(text);

    memcpy(at, text, size);
    return at + size;
}

size_t reply_kept_head(const struct server *s, struct hot_entry *entry, const char *id,
                       int64_t duration_ns, char ret[KEPT_HEAD_MAX])
{
    char timing[48], *at = ret;

    if (!entry->reply) {
        entry->reply = kept_new(entry);
        entry->reply_free = free;
        assert(strlen(entry->reply) + 400 < KEPT_HEAD_MAX);
    }
    at = put(at, entry->reply);
    at = put(put(at, "Date: "), date_text());
    at = put(put(at, "\r\nX-Registry-Revision: "), s->revision_text);
    at = put(put(at, "\r\nX-Request-Id: "), id);
    at = put(put(at, "\r\nServer-Timing: "), total_text(duration_ns, true, timing));
    at = put(at, "\r\n\r\n");
    return (size_t)(at - ret);
}

void reply_hot(struct exchange *ex, const struct hot_entry *entry)
{
    ex->from_hot = true;
    ex->cache_control = entry->cache_control;
    ex->negotiated = entry->negotiated;
    memcpy(ex->etag, entry->etag, sizeof(ex->etag));
    if (entry->location[0])
        reply_header(&ex->req, "Location", entry->location);
    send_blob(ex, entry->status, entry->body, entry->content_type);
}

void reply_blob(struct request *req, unsigned status, struct blob *blob, const char *content_type)
{
    struct exchange *ex = exchange_of(req);

    content_type = content_type ? content_type : application_json;
    if (!ex->etag[0])
        reply_etag(req, blob->etag);
    keep_hot(ex, status, blob, content_type, NULL);
    send_blob(ex, status, blob, content_type);
}

void reply_buf(struct request *req, unsigned status, struct buf *body, const char *content_type)
{
    struct exchange *ex = exchange_of(req);
    struct MHD_Response *r;
    size_t size;
    char *data;

    content_type = content_type ? content_type : application_json;
    if (body->size && body->data[body->size - 1] != '\n' && strstr(content_type, "json"))
        buf_append_char(body, '\n');
    if (ex->cacheable) {
        AUTO_BLOB struct blob *blob = blob_new(body->data, body->size);

        buf_release(body);
        reply_blob(req, status, blob, content_type);
        return;
    }
    size = body->size;
    data = buf_take(body);
    r = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
    send_body(ex, status, r, size, content_type);
}

void reply_text(struct request *req, unsigned status, const char *text, const char *content_type)
{
    struct exchange *ex = exchange_of(req);
    size_t size = strlen(text);

    send_body(
        ex, status,
        MHD_create_response_from_buffer(size, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT),
        size, content_type ? content_type : application_json);
}

void reply_json(struct request *req, unsigned status, json_t *doc)
{
    AUTO_BUF struct buf body = {0};
    AUTO_FREE char *text = json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY);

    if (!text) {
        reply_error(req, ERR_INTERNAL, "the answer cannot be written as JSON");
        return;
    }
    buf_append_str(&body, text);
    reply_buf(req, status, &body, NULL);
}

void reply_empty(struct request *req, unsigned status)
{
    struct exchange *ex = exchange_of(req);

    reply_send(ex, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), 0,
               NULL);
}

void reply_file(struct request *req, unsigned status, int fd, uint64_t offset, uint64_t size,
                const char *content_type)
{
    struct exchange *ex = exchange_of(req);
    struct MHD_Response *r;

    r = MHD_create_response_from_fd_at_offset64(size, fd, offset);
    if (!r) {
        close(fd);
        reply_error(req, ERR_INTERNAL, "the file cannot be sent");
        return;
    }
    send_body(ex, status, r, size, content_type);
}

/* ---- problems */

/* When the problem itself says when to come again: as the fact retry_after_s, or by its kind. */
static bool retry_after(const struct err *err, char ret[16])
{
    static const char fact[] = "\"retry_after_s\":"; /* as it is nowhere inside a string */
    const char *at =
        err->facts.size ? memmem(err->facts.data, err->facts.size, fact, sizeof(fact) - 1) : NULL;

    if (at)
        snprintf(ret, 16, "%.*s", (int)strspn(at + sizeof(fact) - 1, "0123456789"),
                 at + sizeof(fact) - 1);
    else
        snprintf(ret, 16, "%s", err->code == ERR_BUSY || err->code == ERR_DRAINING ? "1" : "");
    return *ret != '\0';
}

void reply_problem(struct request *req, const struct err *err)
{
    struct exchange *ex = exchange_of(req);
    unsigned status = problem_of(err->code)->status;
    struct buf body = {0};
    char seconds[16];

    ex->code = err->code;
    ex->etag[0] = '\0';
    ex->cacheable = false;
    ex->cache_control = NULL;
    if (status == 401)
        reply_header(req, "WWW-Authenticate",
                     ex->head.authorization ? "Bearer realm=\"pipelined\", error=\"invalid_token\""
                                            : "Bearer realm=\"pipelined\"");
    if (retry_after(err, seconds))
        reply_header(req, "Retry-After", seconds);
    problem_write(&body, err, req->id);
    reply_buf(req, status, &body, "application/problem+json");
}

void reply_error(struct request *req, enum err_code code, const char *fmt, ...)
{
    AUTO_ERR struct err err = {0};
    char text[sizeof(err.msg)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(&err, code, "%s", text);
    reply_problem(req, &err);
}

/* ---- what a backend answered */

static void reply_failure(struct request *req, const struct answer *a)
{
    char seconds[16];

    if (a->retry_after_s && !retry_after(&a->err, seconds)) {
        snprintf(seconds, sizeof(seconds), "%u", a->retry_after_s);
        reply_header(req, "Retry-After", seconds);
    }
    reply_problem(req, &a->err);
}

void reply_answer(struct request *req, const struct answer *a)
{
    struct exchange *ex = exchange_of(req);
    const char *type = a->content_type ? a->content_type : application_json;

    if (a->revision)
        req->revision = a->revision;
    if (a->timing[0])
        buf_printf(&ex->timing, "%s, ", a->timing);
    if (a->etag[0])
        reply_etag(req, a->etag);
    if (!a->status) {
        reply_failure(req, a);
        return;
    }
    if (a->cacheable)
        reply_cacheable(req, a->tag);
    if (!a->body) {
        if (a->location[0])
            reply_header(req, "Location", a->location);
        reply_empty(req, a->status);
        return;
    }
    if (!ex->etag[0] && ex->method == METHOD_GET)
        reply_etag(req, a->body->etag);
    /* Kept before Location becomes a header: an entry has a place of its own for it. */
    keep_hot(ex, a->status, a->body, type, a->location);
    if (a->location[0])
        reply_header(req, "Location", a->location);
    send_blob(ex, a->status, a->body, type);
}
