#include "api/reply.h"

#include "api/exchange.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "api/reply_head.h"
#include "base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

static const char application_json[] = "application/json";

/* ---- what a handler says before the reply */

void reply_header(struct request *req, const char *name, const char *value)
{
    struct exchange *ex = exchange_of(req);

    assert(!ex->status && ex->n_headers < REPLY_MAX_HEADERS);
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

/* Tells a header to whoever carries the reply; r: NULL for the front. */
static void add(struct exchange *ex, struct MHD_Response *r, const char *name, const char *value)
{
    if (!r)
        reply_head_add(&ex->reply_head, name, value);
    /* Fails only for values that cannot be a header; ours are checked or made by us. */
    else if (MHD_add_response_header(r, name, value) != MHD_YES)
        assert(!"a header that libmicrohttpd refuses");
}

static void add_own_headers(struct exchange *ex, struct MHD_Response *r)
{
    const char *p = ex->headers.data;

    for (unsigned i = 0; i < ex->n_headers; i++) {
        const char *value = p + strlen(p) + 1;

        add(ex, r, p, value);
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
static void add_lasting(struct exchange *ex, unsigned status, struct MHD_Response *r,
                        const char *content_type)
{
    if (content_type)
        add(ex, r, "Content-Type", content_type);
    add(ex, r, "Cache-Control", cache_control_of(ex, status));
    if (ex->etag[0])
        add(ex, r, "ETag", ex->etag);
    if (ex->negotiated)
        add(ex, r, "Vary", "Accept");
}

static const char *revision_text(const struct exchange *ex, char ret[24])
{
    const struct server *s = server_of(ex);

    if (ex->req.revision == s->revision)
        return s->revision_text;
    snprintf(ret, 24, "%lld", (long long)ex->req.revision);
    return ret;
}

static void add_all(struct exchange *ex, unsigned status, struct MHD_Response *r,
                    const char *content_type)
{
    char timing[REPLY_TIMING_MAX];

    add_lasting(ex, status, r, content_type);
    add(ex, r, "X-Request-Id", ex->req.id);
    add(ex, r, "X-Registry-Revision", revision_text(ex, (char[24]){0}));
    buf_append_str(&ex->timing, reply_timing(clock_mono_ns() - ex->start_ns, ex->from_hot, timing));
    add(ex, r, "Server-Timing", ex->timing.data);
    add_own_headers(ex, r);
    ex->must_close |= server_of(ex)->draining;
    if (ex->must_close)
        add(ex, r, "Connection", "close");
}

/* The reply is there: whoever carries it may have slept over it. */
static void made(struct exchange *ex, unsigned status, uint64_t size)
{
    ex->status = status;
    ex->sent_bytes = size;
    exchange_wake(ex);
}

void reply_response(struct exchange *ex, unsigned status, struct MHD_Response *response,
                    uint64_t size, const char *content_type)
{
    assert(!ex->status && ex->mhd);
    add_all(ex, status, response, content_type);
    ex->response = response;
    made(ex, status, size);
}

/* ---- bytes */

static void free_blob(void *cls) { blob_unref(cls); }

struct payload payload_of_blob(struct blob *b)
{
    return (struct payload){b->bytes, b->size, free_blob, b};
}

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
        reply_response(ex, 304, r, 0, NULL);
    else
        reply_response(ex, status, r, size, content_type);
}

static struct MHD_Response *response_of(const struct payload *p)
{
    if (!p->release)
        return MHD_create_response_from_buffer(p->size, (void *)(uintptr_t)p->bytes,
                                               MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer_with_free_callback_cls(
        p->size, (void *)(uintptr_t)p->bytes, p->release, p->owner);
}

/* The front takes no conditions, so what it carries is always sent whole. */
static void send_payload(struct exchange *ex, unsigned status, const struct payload *p,
                         const char *content_type)
{
    if (ex->mhd) {
        send_body(ex, status, response_of(p), p->size, content_type);
        return;
    }
    assert(!ex->status);
    reply_head_begin(&ex->reply_head, status, p->size);
    add_all(ex, status, NULL, content_type);
    buf_append_str(&ex->reply_head, "\r\n");
    ex->payload = *p;
    made(ex, status, p->size);
}

/*
 * JSON ends in a newline, whether or not the blob does. As a piece of its own it costs a
 * system call more, which is as much as copying COPY_MAX; kept answers have it in them.
 */
static bool needs_newline(const struct blob *blob, const char *content_type)
{
    return blob->size && blob->bytes[blob->size - 1] != '\n' && strstr(content_type, "json");
}

static void send_blob(struct exchange *ex, unsigned status, struct blob *blob,
                      const char *content_type)
{
    enum { COPY_MAX = 32 << 10 };
    bool newline = needs_newline(blob, content_type);
    struct payload p;

    if (newline && blob->size > COPY_MAX && ex->mhd) {
        struct MHD_IoVec iov[] = {{blob->bytes, blob->size}, {"\n", 1}};

        send_body(ex, status, MHD_create_response_from_iovec(iov, 2, free_blob, blob_ref(blob)),
                  blob->size + 1, content_type);
        return;
    }
    p = payload_of_blob(newline ? blob_line(blob) : blob_ref(blob));
    send_payload(ex, status, &p, content_type);
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
    key = exchange_hot_key(ex->method, ex->req.target, ex->target.size, &ex->head, ex->req.body,
                           ex->req.body_size);
    key.hash = ex->hot_hash;
    line = needs_newline(blob, content_type) ? blob_line(blob) : blob_ref(blob);
    entry.body = line;
    snprintf(entry.etag, sizeof(entry.etag), "%s", ex->etag);
    snprintf(entry.location, sizeof(entry.location), "%s", location ? location : "");
    hot_insert(s->hot, &key, &entry);
    if (s->config.metrics)
        metrics_count(s->config.metrics, COUNTER_HOT_MISSES, 1);
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
    struct payload p;

    content_type = content_type ? content_type : application_json;
    if (body->size && body->data[body->size - 1] != '\n' && strstr(content_type, "json"))
        buf_append_char(body, '\n');
    if (ex->cacheable) {
        AUTO_BLOB struct blob *blob = blob_new(body->data, body->size);

        buf_release(body);
        reply_blob(req, status, blob, content_type);
        return;
    }
    p = (struct payload){.size = body->size, .release = free};
    p.bytes = p.owner = buf_take(body);
    send_payload(ex, status, &p, content_type);
}

void reply_text(struct request *req, unsigned status, const char *text, const char *content_type)
{
    struct payload p = {.bytes = text, .size = strlen(text)};

    send_payload(exchange_of(req), status, &p, content_type ? content_type : application_json);
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
    send_payload(exchange_of(req), status, &(struct payload){.bytes = ""}, NULL);
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
