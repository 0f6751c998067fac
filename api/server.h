#pragma once
/*
 * Server: the REST surface on one I/O loop.
 *
 * Knows libmicrohttpd, HTTP and JSON; knows neither the loop it runs in, nor
 * the disk, nor the Hub: what takes time is asked of the backend, and the
 * connection sleeps meanwhile. The loop watches the server's descriptors
 * for reading and calls server_ready() when it is; calls server_run() when
 * server_timeout_ms() have passed; and calls server_run() before it blocks
 * whenever server_timeout_ms() is 0.
 *
 *     connect ─► IDLE ──request line──► HEAD ──► BODY ──► CALL (asleep) ──► SEND ─┐
 *                 ▲    idle_timeout      header   body     request_timeout   idle  │
 *                 └───────────────────────────────────────────────────────────────┘
 *
 * Each phase has a deadline of ours, because libmicrohttpd's is about inactivity
 * only (a byte now and then keeps a connection for ever) and does not apply to
 * sleeping ones at all. What is late in IDLE, HEAD and BODY is cut off with
 * shutdown(); what is late in CALL gets a 504.
 *
 * Thread: everything here belongs to the thread of the loop, but for what
 * says otherwise. A process with n loops has n servers that share the config.
 */
#include "api/auth.h"
#include "api/route.h"

#include <sys/socket.h>

struct server;
struct metrics;
struct stream;

enum { SERVER_MAX_LISTENERS = 16, DEFAULT_PER_PEER = 256 };

struct listener_config {
    int fd; /* bound and listening; the server takes it over */
    struct door door;
};

/* One answered request, for the log. Strings are valid during the call. */
struct access {
    const char *method, *target, *route_id; /* route_id: "" when no route was found */
    const char *request_id, *principal;
    const struct sockaddr *peer; /* family AF_UNIX or NULL: no address */
    unsigned status;
    uint64_t body_bytes; /* of the answer; UINT64_MAX: a stream */
    int64_t duration_us;
    enum err_code code; /* of the problem; ERR_NONE */
    bool completed;     /* false: the client left, or was cut off */
};

struct server_config {
    /* ---- shared by the loops; must outlive them */
    const struct route *const *routes; /* all, also those of builtin.h */
    size_t n_routes;
    struct backend backend;
    struct auth auth;
    void *app;               /* request.app */
    void *loop;              /* call.loop: where answers are to be sent */
    struct metrics *metrics; /* of this loop; NULL: none (api/metrics.h) */
    /* May be NULL; not called for probes. */
    void (*log_access)(void *ctx, const struct access *a);
    void (*log_error)(void *ctx, const char *text); /* what libmicrohttpd has to say */
    void *log_ctx;
    const char *version; /* /version and Server: "pipelined/<version>" */
    int64_t revision;    /* as in api_set_revision(), for who asks before that is called */

    /* ---- limits; 0: the figure behind */
    size_t max_body_bytes;             /* 8 MiB */
    size_t max_header_bytes;           /* 16 KiB: what a connection costs while it is open */
    size_t max_bodies_bytes;           /* 256 MiB: bodies of all requests together */
    unsigned max_connections;          /* per listener: 1024 */
    unsigned max_connections_per_peer; /* per listener and address: 256, beyond this machine only */
    unsigned max_calls;                /* asleep at the same time: 8192 */
    unsigned max_json_depth;           /* 128 */
    size_t hot_bytes;                  /* cache of answers: 32 MiB */
    int64_t header_timeout_ms;  /* 10 s, from connect or request line to the end of the head */
    int64_t body_timeout_ms;    /* 30 s for every 16 KiB of the body */
    int64_t idle_timeout_ms;    /* 60 s */
    int64_t request_timeout_ms; /* 120 s, from the head to the answer */
    int64_t heartbeat_ms;       /* of streams: 15 s */
};

/*
 * Takes over the descriptors, also on failure. Also sets SIGPIPE to ignored,
 * process-wide. Errors: ERR_IO.
 */
bool server_start(struct server **ret, const struct server_config *config,
                  const struct listener_config *listeners, size_t n, struct err *err) MUST_CHECK;

/* To be watched for reading; then server_ready(). */
enum { SERVER_N_FDS = 2 };
int server_fd(const struct server *s, size_t i);
void server_ready(struct server *s, size_t i);
void server_run(struct server *s);
int server_timeout_ms(struct server *s); /* -1: nothing to wait for */

/*
 * Refuses new connections, cuts off idle ones, and tells the others with
 * Connection: close. Streams end. What is asked goes on.
 */
void server_drain(struct server *s);
/* Connections that are still open. */
size_t server_n_connections(const struct server *s);
/*
 * Cuts off whatever is left: calls are abandoned and their clients get a 503 as
 * far as it can be sent at once. A call that the backend still holds stays
 * its own until it passes it to api_answer(), which then only frees it.
 */
void server_stop(struct server *s);

/* ---- from the backend, on the thread of the loop */

/* call->answer is complete. The call is freed. */
void api_answer(struct call *call);
/* A line of progress for a call whose client reads a stream; else ignored. Borrowed. */
void api_progress(struct call *call, struct blob *line);

/* The number in X-Registry-Revision; grows. Hot answers are kept. */
void api_set_revision(struct server *s, int64_t revision);
int64_t api_revision(const struct server *s);
/* Every hot answer is old, also those still on their way with a revision before the present one. */
void api_hot_clear(struct server *s);
/* Hot answers with this tag are old. */
void api_hot_invalidate(struct server *s, uint64_t tag);
/*
 * To every stream of topic whose since is before id and whose filter lets event through.
 * name: the SSE event's; NULL: none.
 */
void api_publish(struct server *s, unsigned topic, int64_t id, const char *name, const void *event,
                 struct blob *line);
