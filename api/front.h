#pragma once
/*
 * Front: connections before libmicrohttpd has them.
 *
 *     accept ─► look (MSG_PEEK) ─► a plain request ─► take ─► kept answer, or its route ─► send ─┐
 *                ▲   │                                                                          │
 *                └───│──────────────────────────────────────────────────────────────────────────┘
 *                    └─► anything else: libmicrohttpd gets the connection, for good
 *
 * Bytes are looked at and left in the socket until it is clear whose they are; only then
 * are they taken out. So whatever is passed on is passed on whole: libmicrohttpd
 * reads the request that was not for us from its first byte. Heads that are anything but
 * plain (api/plain.h), large bodies and routes that stream are not the front's business. See
 * docs/decisions/0005-a-front-for-plain-requests.md.
 *
 * One edge-triggered epoll of our own, never re-armed, for all listeners of a
 * server. A connection in here costs its descriptor and some 200 bytes; it has a deadline
 * for its head (from connect, or from the first byte), and one for being idle or not
 * reading, which is looked at only when it has passed. Private to api/.
 *
 * Thread: the loop's.
 */
#include "api/deadline.h"
#include "api/listener.h"

struct front;
struct server;
struct visitor;

/* Errors: ERR_IO. listeners: the server's; they are watched as long as they listen. */
bool front_new(struct front **ret, struct server *s, struct err *err) MUST_CHECK;
/* Closes what is still in here. NULL is fine. */
void front_free(struct front *f);

/* To be watched for reading; then front_ready(). */
int front_fd(const struct front *f);
void front_ready(struct front *f);

/* The reply that v waits for is there; it goes out in front_run(). */
void front_wake(struct front *f, struct visitor *v);
void front_run(struct front *f);

/* Cuts off who is late. */
void front_check(struct front *f, int64_t now_ms);
/* The next moment to call front_check() at, or INT64_MAX. */
int64_t front_next_ms(const struct front *f);

/* Watches the listener's descriptor again, or no more. */
void front_listen(struct front *f, struct listener *l, bool on);

/* Closes those who wait; who still reads an answer, or is owed one, may have it first. */
void front_drain(struct front *f);
