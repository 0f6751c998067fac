#pragma once
/*
 * Reply head: heads of replies as text, for what the front sends itself.
 *
 * (libmicrohttpd writes the heads of what it carries.) A head is a status line and
 * fields, each ending in CRLF; the empty line behind them is the caller's. Private to api/.
 */
#include "base/buf.h"

struct hot_entry;
struct server;

/* The status line, Date, and for all but 204 the Content-Length. */
void reply_head_begin(struct buf *head, unsigned status, size_t body_size);
/* One field; neither name nor value has a CR or LF. */
void reply_head_add(struct buf *head, const char *name, const char *value);

enum { REPLY_TIMING_MAX = 48, KEPT_HEAD_MAX = 1024 };

/* The end of Server-Timing: the whole time, in milliseconds; it lies in room. */
const char *reply_timing(int64_t duration_ns, bool from_hot, char room[REPLY_TIMING_MAX]);

/*
 * The whole head of a kept answer, with the empty line; its size. What is the same for everybody
 * is rendered once and stays with entry.
 */
size_t reply_kept_head(const struct server *s, struct hot_entry *entry, const char *id,
                       int64_t duration_ns, char ret[KEPT_HEAD_MAX]);
