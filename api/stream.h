#pragma once
/*
 * Stream: an answer that grows: server-sent events or JSON lines.
 *
 * The connection sleeps while there is nothing to send. What was pushed is a
 * queue of counted blobs, so one event to a thousand readers is rendered once.
 * A queue has a limit: a reader that does not keep up gets a last error event
 * and is cut off, and comes back with Last-Event-ID. Every 15 s without an
 * event a comment (SSE) or an empty line (NDJSON) is sent, which is also how
 * we learn that the client is gone.
 *
 * A stream belongs to its request and to the thread of its loop.
 */
#include "api/route.h"

struct stream;

enum stream_kind { STREAM_SSE, STREAM_NDJSON };

struct stream_config {
    enum stream_kind kind;
    size_t max_queued; /* bytes; 0: 1 MiB */
    /*
     * topic: 0, or what api_publish() addresses; then since and filter choose:
     * events with an id above since for which filter (may be NULL) is true.
     */
    unsigned topic;
    int64_t since;
    bool (*filter)(void *ctx, const void *event);
    void *ctx;
    /* The stream is over, for whatever reason; it is gone after this. May be NULL. Frees ctx. */
    void (*closed)(void *ctx);
};

/* The reply of req: 200 and an open end. Never NULL. */
struct stream *stream_open(struct request *req, const struct stream_config *config);
/*
 * line: one line of JSON without the newline; a reference is taken. SSE sends
 * it as data with id (0: none) and event (NULL: none), NDJSON as a line.
 * False: the queue was full and the stream is closing.
 */
bool stream_push(struct stream *s, int64_t id, const char *event, struct blob *line);
/* Ends the answer after what was pushed. */
void stream_close(struct stream *s);
/* The last line is the problem: event "error", or {"error": {…}}. */
void stream_fail(struct stream *s, const struct err *err);
