#include "api/stream.h"

#include "api/exchange.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "api/reply.h"
#include "base/clock.h"
#include "json/writer.h"

#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>

enum { QUEUE_BYTES = 1 << 20, ITEM_BYTES = 128 /* of accounting: an empty line costs too */ };

/* A piece of the stream: head, line, tail. */
struct item {
    STAILQ_ENTRY(item) link;
    struct blob *line; /* NULL: a heartbeat, which is all head */
    size_t head_size;
    char head[96];
};

struct stream {
    struct exchange *exchange;
    struct stream_config config;
    STAILQ_HEAD(, item) queue;
    size_t queued_bytes;
    size_t offset; /* into the first item */
    bool closing;
    TAILQ_ENTRY(stream) link; /* server.streams */
};

static const char *tail_of(const struct stream *s)
{
    return s->config.kind == STREAM_SSE ? "\n\n" : "\n";
}

static void item_free(struct stream *s, struct item *item)
{
    STAILQ_REMOVE_HEAD(&s->queue, link);
    s->queued_bytes -= ITEM_BYTES + (item->line ? item->line->size : 0);
    s->offset = 0;
    blob_unref(item->line);
    free(item);
}

static void enqueue(struct stream *s, struct item *item)
{
    STAILQ_INSERT_TAIL(&s->queue, item, link);
    s->queued_bytes += ITEM_BYTES + (item->line ? item->line->size : 0);
    exchange_wake(s->exchange);
}

/* ---- sending */

static size_t copy_piece(const char *piece, size_t size, size_t *skip, char *to, size_t room)
{
    size_t n;

    if (*skip >= size) {
        *skip -= size;
        return 0;
    }
    n = size - *skip < room ? size - *skip : room;
    memcpy(to, piece + *skip, n);
    *skip = 0;
    return n;
}

/* As much of the first item as there is room for; frees it when it is through. */
static size_t send_item(struct stream *s, char *to, size_t room)
{
    struct item *item = STAILQ_FIRST(&s->queue);
    const char *tail = item->line ? tail_of(s) : "";
    size_t line_size = item->line ? item->line->size : 0;
    size_t total = item->head_size + line_size + strlen(tail);
    size_t skip = s->offset, n;

    n = copy_piece(item->head, item->head_size, &skip, to, room);
    if (line_size)
        n += copy_piece(item->line->bytes, line_size, &skip, to + n, room - n);
    n += copy_piece(tail, strlen(tail), &skip, to + n, room - n);
    s->offset += n;
    if (s->offset == total)
        item_free(s, item);
    return n;
}

/*
 * libmicrohttpd asks for more. Returning 0 without having suspended would make
 * it ask again at once, for ever.
 */
static ssize_t on_read(void *cls, uint64_t pos, char *to, size_t max)
{
    struct exchange *ex = cls;
    struct stream *s = ex->stream;
    size_t n = 0;
    (void)pos;

    while (n < max && !STAILQ_EMPTY(&s->queue))
        n += send_item(s, to + n, max - n);
    if (n)
        return (ssize_t)n;
    if (s->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (ex->connection->is_cut || server_of(ex)->stopping)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    exchange_sleep(ex, PHASE_STREAM, clock_mono_ms() + server_of(ex)->config.heartbeat_ms);
    return 0;
}

/* ---- life */

struct stream *stream_open(struct request *req, const struct stream_config *config)
{
    struct exchange *ex = exchange_of(req);
    struct stream *s = mem_new(struct stream);
    struct MHD_Response *r;

    assert(!ex->stream && !ex->status && ex->mhd);
    s->exchange = ex;
    s->config = *config;
    if (!s->config.max_queued)
        s->config.max_queued = QUEUE_BYTES;
    STAILQ_INIT(&s->queue);
    ex->stream = s;
    TAILQ_INSERT_TAIL(&req->server->streams, s, link);
    req->server->n_streams++;
    reply_header(req, "X-Accel-Buffering", "no"); /* proxies that would collect events */
    /* After HEAD, libmicrohttpd 0.9.75 would send the last chunk of a body it does not send. */
    r = req->is_head ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                     : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, ex, NULL);
    reply_response(ex, 200, r, UINT64_MAX,
                   config->kind == STREAM_SSE ? "text/event-stream" : "application/x-ndjson");
    return s;
}

void stream_free(struct stream *s)
{
    struct server *server = server_of(s->exchange);

    while (!STAILQ_EMPTY(&s->queue))
        item_free(s, STAILQ_FIRST(&s->queue));
    TAILQ_REMOVE(&server->streams, s, link);
    server->n_streams--;
    s->exchange->stream = NULL;
    if (s->config.closed)
        s->config.closed(s->config.ctx);
    free(s);
}

static void push(struct stream *s, int64_t id, const char *event, struct blob *line)
{
    struct item *item = mem_new(struct item);
    int n = 0;

    item->line = blob_ref(line);
    if (s->config.kind == STREAM_SSE) {
        if (id)
            n += snprintf(item->head, sizeof(item->head), "id: %lld\n", (long long)id);
        if (event)
            n += snprintf(item->head + n, sizeof(item->head) - (size_t)n, "event: %.48s\n", event);
        n += snprintf(item->head + n, sizeof(item->head) - (size_t)n, "data: ");
    }
    item->head_size = (size_t)n;
    enqueue(s, item);
}

bool stream_push(struct stream *s, int64_t id, const char *event, struct blob *line)
{
    AUTO_ERR struct err err = {0};

    if (s->closing)
        return false;
    if (s->queued_bytes + line->size + ITEM_BYTES <= s->config.max_queued) {
        push(s, id, event, line);
        return true;
    }
    if (server_of(s->exchange)->config.metrics)
        metrics_count(server_of(s->exchange)->config.metrics, COUNTER_SLOW, 1);
    err_set(&err, ERR_BUSY,
            "the reader is too slow: %zu bytes wait for it; connect again and go on from the last "
            "event",
            s->queued_bytes);
    stream_fail(s, &err);
    return false;
}

void stream_close(struct stream *s)
{
    s->closing = true;
    exchange_wake(s->exchange);
}

void stream_fail(struct stream *s, const struct err *err)
{
    AUTO_BUF struct buf text = {0};
    bool is_sse = s->config.kind == STREAM_SSE;
    struct blob *line;

    if (s->closing)
        return;
    if (!is_sse)
        buf_append_str(&text, "{\"error\":");
    problem_write(&text, err, s->exchange->req.id);
    if (!is_sse)
        buf_append_char(&text, '}');
    s->exchange->code = err->code;
    line = blob_new(text.data, text.size);
    push(s, 0, "error", line);
    blob_unref(line);
    stream_close(s);
}

static void stream_drain(struct stream *s)
{
    AUTO_ERR struct err err = {0};

    err_set(&err, ERR_DRAINING, "the server stops; connect again and go on from the last event");
    stream_fail(s, &err);
}

/*
 * While the connection sleeps nobody reads its socket, so a client that went
 * away is noticed here: its end is in the socket's buffer, or writing fails.
 */
void stream_beat(struct stream *s)
{
    struct connection *c = s->exchange->connection;
    struct item *item;
    char byte;

    if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        connection_cut(c);
        exchange_wake(s->exchange);
        return;
    }
    item = mem_new(struct item);
    item->head_size = (size_t)snprintf(item->head, sizeof(item->head), "%s",
                                       s->config.kind == STREAM_SSE ? ": hb\n\n" : "\n");
    enqueue(s, item);
}

void stream_answer(struct stream *s, struct answer *a)
{
    if (!a->status) {
        stream_fail(s, &a->err);
        return;
    }
    if (a->body)
        stream_push(s, a->revision, "done", a->body);
    stream_close(s);
}

void api_publish(struct server *server, unsigned topic, int64_t id, const char *name,
                 const void *event, struct blob *line)
{
    struct stream *s, *next;

    for (s = TAILQ_FIRST(&server->streams); s; s = next) {
        next = TAILQ_NEXT(s, link);
        if (s->config.topic != topic || !topic || s->closing || id <= s->config.since)
            continue;
        s->config.since = id;
        if (!s->config.filter || s->config.filter(s->config.ctx, event))
            stream_push(s, id, name, line);
    }
}

void streams_drain(struct server *server)
{
    struct stream *s;

    TAILQ_FOREACH (s, &server->streams, link)
        stream_drain(s);
}
