#pragma once
/*
 * Exchange: a request and its reply, inside the connection they travel on.
 *
 *                     ┌─ exchange_mhd.c: heads, bodies, suspension of libmicrohttpd ─┐
 *     who carries it ─┤                                                              ├─ exchange.c
 *                     └─ front.c: plain requests, whole before they are taken ───────┘
 *
 * Private to api/. A connection has one exchange at a time (pipelined requests
 * wait in the socket), so it is embedded and its buffers are used again: a
 * request that is answered from the hot cache allocates nothing of ours.
 */
#include "api/deadline.h"
#include "api/front.h"
#include "api/head.h"
#include "api/hot.h"
#include "api/router.h"
#include "api/server.h"

#include <microhttpd.h>

enum phase {
    PHASE_IDLE,  /* no request line yet */
    PHASE_PAUSE, /* the same, and the last reply has just gone out */
    PHASE_HEAD,  /* request line, head not complete */
    PHASE_BODY,
    PHASE_CALL,   /* asleep until a call is answered */
    PHASE_STREAM, /* asleep or sending; the deadline is the heartbeat */
    PHASE_SEND,   /* the reply is in the hands of libmicrohttpd */
    N_PHASES,
};

/* A call on its way; outlives the exchange when that ends first. */
struct flight {
    struct call call;
    struct exchange *exchange; /* NULL: nobody waits any more */
    char request_id[REQUEST_ID_MAX + 1];
};

enum { REPLY_MAX_HEADERS = 16 };

/* The bytes of a reply, and who is told that they went out. */
struct payload {
    const char *bytes;
    size_t size;
    void (*release)(void *owner); /* NULL: they are static */
    void *owner;
};

/* All of b; takes over the reference. */
struct payload payload_of_blob(struct blob *b);

static inline void payload_release(struct payload *p)
{
    if (p->release)
        p->release(p->owner);
    *p = (struct payload){.size = 0};
}

struct exchange {
    /* ---- what stays when the request is over: everything before req */
    struct connection *connection;
    struct buf target, scratch, query_text;
    struct buf body;
    struct buf headers; /* of the reply: name NUL value NUL … */
    struct buf timing;
    struct buf head_bytes, reply_head; /* the front's */

    struct request req;
    struct MHD_Connection *mhd; /* NULL: the front carries it */
    enum method method;
    const char *method_text; /* libmicrohttpd's, valid until completed */
    struct head head;
    struct door door;
    struct principal who;
    const char *query; /* raw; in target */
    size_t swallowed;
    size_t body_counted; /* of server.bodies_bytes */
    size_t route_index;
    bool started;    /* between request line and completion */
    bool seen;       /* the handler was called once */
    bool routed;     /* the body, if any, is complete and the route was run */
    bool asleep;     /* suspended in libmicrohttpd */
    bool negotiated; /* the reply depends on Accept */
    bool must_close;
    bool from_hot;
    bool hot_allowed; /* nothing in the head makes the answer a special one */
    uint64_t hot_hash;
    int64_t start_ns;
    struct flight *flight;
    struct stream *stream;
    void (*then)(struct request *req, bool reached); /* set while it waits for a revision */
    int64_t awaited;
    TAILQ_ENTRY(exchange) waiter; /* server.waiters, while then is set */

    /* ---- the reply */
    unsigned status;               /* 0 until there is one */
    struct MHD_Response *response; /* when libmicrohttpd carries it; else: */
    struct payload payload;
    uint64_t sent_bytes;
    enum err_code code;
    unsigned n_headers;
    const char *cache_control;
    char etag[64];
    bool cacheable;
    uint64_t tag;
};

struct connection {
    struct server *server;
    struct listener *listener;
    struct share *share; /* see api/listener.h */
    int fd;
    struct visitor *visitor;     /* NULL: libmicrohttpd has it; else fd is the front's, and share */
    const struct sockaddr *peer; /* of visitor; NULL: none */
    bool is_cut;
    enum phase phase;
    struct deadline deadline; /* in the list of the phase */
    TAILQ_ENTRY(connection) link;
    struct exchange exchange;
};

struct server {
    struct server_config config;
    struct router *router;
    struct hot *hot;
    struct listener listeners[SERVER_MAX_LISTENERS];
    size_t n_listeners;
    struct front *front;
    struct MHD_Daemon *mhd;
    bool need_run;                  /* of MHD_run() */
    const struct arrival *arriving; /* set while libmicrohttpd takes it over */
    int64_t arriving_deadline_ms;
    TAILQ_HEAD(, connection) connections;
    TAILQ_HEAD(, stream) streams;
    TAILQ_HEAD(waiters, exchange) waiters;
    struct deadline_list deadlines[N_PHASES];
    size_t n_connections;
    size_t n_calls, n_streams;
    size_t bodies_bytes;
    int64_t revision;
    int64_t hot_floor; /* answers of an older revision are not kept */
    char revision_text[24];
    bool draining, stopping;
    uint8_t random[512];
    size_t random_left;
};

static inline struct exchange *exchange_of(const struct request *req)
{
    return container_of(req, struct exchange, req);
}

static inline struct server *server_of(const struct exchange *ex) { return ex->connection->server; }

/* Sets the phase and its deadline; at_ms 0: none. */
void connection_enter(struct connection *c, enum phase phase, int64_t at_ms);
/* Makes libmicrohttpd close it: never close() the descriptor, that is its own. */
void connection_cut(struct connection *c);

/* ---- server.c */

/* A connection was accepted, or is closed: whoever has it. */
void server_came(struct server *s);
void server_left(struct server *s, struct listener *l, struct share *share);
/* libmicrohttpd gets it; its next request must begin by deadline_ms. */
void server_take_over(struct server *s, const struct arrival *a, int64_t deadline_ms);

/* ---- exchange.c */

/* A UUIDv7. */
void server_make_id(struct server *s, char ret[REQUEST_ID_MAX + 1]);
/* Counts and logs a request that is over. route: NULL when none was found. */
void server_report(struct server *s, const struct access *a, const struct route *route,
                   size_t route_index, bool from_hot, size_t received);

/* A request to target has begun. */
void exchange_open(struct exchange *ex, const char *target, int64_t start_ns);
/* Gives it the name that its head asks for, or one of ours. */
void exchange_name(struct exchange *ex);
/* Who asks, and by which name for us. False: refused, a reply was made. */
bool exchange_admit(struct exchange *ex);
/* Finds the route of an admitted request. False: there is none, or not for it; a reply was made. */
bool exchange_find_route(struct exchange *ex, const char *method, bool known_method);
bool exchange_has_body(const struct exchange *ex);
/* What the route, or else the server, allows: bytes. */
size_t exchange_max_body(const struct exchange *ex);
/* Calls the handler of a complete request; perhaps only when a revision was reached. */
void exchange_ask(struct exchange *ex);
/* The request is over, answered or not: it is counted and logged, its parts go. */
void exchange_finish(struct exchange *ex, bool completed);
/* The same for a request that somebody else reads anew. */
void exchange_drop(struct exchange *ex);

void exchange_sleep(struct exchange *ex, enum phase phase, int64_t at_ms);
/* Whoever carries it goes on with it: soon, never from in here. */
void exchange_wake(struct exchange *ex);
/* The deadline of PHASE_CALL has passed. */
void exchange_timeout(struct exchange *ex);
/* Whoever waits for a revision up to the present one goes on. */
void exchange_reached(struct server *s);
/* Nobody will use the answer of the call on its way. */
void exchange_abandon(struct exchange *ex);
void exchange_release(struct exchange *ex);

/* What a kept answer to such a request is found by; its hash is the caller's to set. */
struct hot_key exchange_hot_key(enum method method, const char *target, size_t target_size,
                                const struct head *head, const char *body, size_t body_size);

/* ---- exchange_mhd.c */

/* With the request line; target is libmicrohttpd's and will be cut up. */
void exchange_begin(struct exchange *ex, struct MHD_Connection *mhd, const char *target);
/* What libmicrohttpd calls the handler for; see MHD_AccessHandlerCallback. */
enum MHD_Result exchange_step(struct exchange *ex, const char *method, const char *version,
                              const char *upload, size_t *upload_size);
void exchange_end(struct exchange *ex, bool completed);

/* ---- reply.c */

/*
 * For libmicrohttpd only: a reply that is not just bytes. Takes over response. size: of its body;
 * UINT64_MAX: a stream.
 */
void reply_response(struct exchange *ex, unsigned status, struct MHD_Response *response,
                    uint64_t size, const char *content_type);
void reply_hot(struct exchange *ex, const struct hot_entry *entry);

/* ---- stream.c */

void stream_free(struct stream *s); /* calls closed() */
void stream_beat(struct stream *s);
/* Ends every stream with an event that says why. */
void streams_drain(struct server *server);
/* The answer of a call whose request is a stream and that has no on_answer. */
void stream_answer(struct stream *s, struct answer *answer);
