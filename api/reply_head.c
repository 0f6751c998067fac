#include "api/reply_head.h"

#include "api/exchange.h"
#include "json/writer.h"

#include <assert.h>
#include <time.h>

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

void reply_head_begin(struct buf *head, unsigned status, size_t body_size)
{
    /* Not printed: that costs more than all the rest of a head. */
    buf_append_str(head, "HTTP/1.1 ");
    json_write_int(head, status);
    buf_append_char(head, ' ');
    buf_append_str(head, MHD_get_reason_phrase_for(status));
    buf_append(head, "\r\n", 2);
    reply_head_add(head, "Date", date_text());
    if (status == 204)
        return;
    buf_append_str(head, "Content-Length: ");
    json_write_int(head, (int64_t)body_size);
    buf_append(head, "\r\n", 2);
}

void reply_head_add(struct buf *head, const char *name, const char *value)
{
    buf_append_str(head, name);
    buf_append(head, ": ", 2);
    buf_append_str(head, value);
    buf_append(head, "\r\n", 2);
}

const char *reply_timing(int64_t duration_ns, bool from_hot, char room[REPLY_TIMING_MAX])
{
    uint64_t us = (uint64_t)duration_ns / 1000;
    char *at = room + REPLY_TIMING_MAX - 1;

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

/* ---- kept answers */

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

static char *put(char *at, const char *text)
{
    size_t size = strlen(text);

    memcpy(at, text, size);
    return at + size;
}

size_t reply_kept_head(const struct server *s, struct hot_entry *entry, const char *id,
                       int64_t duration_ns, char ret[KEPT_HEAD_MAX])
{
    char timing[REPLY_TIMING_MAX], *at = ret;

    if (!entry->reply) {
        entry->reply = kept_new(entry);
        entry->reply_free = free;
        assert(strlen(entry->reply) + 400 < KEPT_HEAD_MAX);
    }
    at = put(at, entry->reply);
    at = put(put(at, "Date: "), date_text());
    at = put(put(at, "\r\nX-Registry-Revision: "), s->revision_text);
    at = put(put(at, "\r\nX-Request-Id: "), id);
    at = put(put(at, "\r\nServer-Timing: "), reply_timing(duration_ns, true, timing));
    at = put(at, "\r\n\r\n");
    return (size_t)(at - ret);
}
