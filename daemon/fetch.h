#pragma once
/*
 * Fetch: GET over libcurl's multi interface, driven by the loop.
 *
 * One exchange, no redirects: what a 3xx means is the caller's to decide. The
 * caller embeds a struct fetch and leaves it alone between fetch_start() and
 * done(), which comes exactly once, on the loop thread and never from inside
 * fetch_start(); fetch_cancel() makes it come, from inside, with ERR_CANCELED.
 *
 * Transfers to one origin wait for each other in a FIFO of our own (curl's own
 * limit starves some of them). Every body has its bound, and while all bodies
 * together hold max_buffered_bytes or more, nothing new is started.
 */
#include "base/err.h"

#include <curl/curl.h>
#include <sys/queue.h>
#include <uv.h>

struct fetch_options {
    unsigned max_per_host;     /* 16 */
    unsigned max_total;        /* 64 */
    size_t max_buffered_bytes; /* 256 MiB */
    int connect_timeout_ms;    /* 10 s */
    int stall_timeout_ms;      /* 10 s: longest silence, before the first byte or inside a body */
    int total_timeout_ms;      /* 10 min, from when it leaves the queue */
    const char *user_agent;
    const char *ca_bundle; /* NULL: the system's */
    bool guard_addresses;  /* refuse private addresses where a fetch says public_only */
};

void fetch_options_default(struct fetch_options *o);

struct fetcher;
struct fetch_host;

struct fetch {
    /* ---- set before fetch_start(); strings are borrowed until done() */
    const char *url;
    const char *token;    /* NULL: none */
    const char *accept;   /* NULL: anything */
    int64_t offset, size; /* a range, when size > 0 */
    size_t max_bytes;     /* a body beyond this ends the transfer with ERR_FILE_TOO_LARGE */
    bool public_only;     /* the address it resolves to must not be private */
    /* One header line with its CRLF, status lines included. */
    void (*on_header)(struct fetch *f, const char *line, size_t size);
    /* ok: an answer came, whole, whatever its status; body has it. Else err says why. */
    void (*done)(struct fetch *f, bool ok, const struct err *err);

    /* ---- the answer */
    int status;
    struct buf body; /* the caller's to release, whatever the outcome */

    /* ---- fetch.c's */
    struct fetcher *fetcher;
    struct fetch_host *host;
    CURL *easy;
    struct curl_slist *headers;
    int64_t progress_ms; /* when something was last heard */
    size_t reserved;
    bool active, too_large, private_address;
    TAILQ_ENTRY(fetch) link;
};

/* libcurl is loaded with the first transfer: see daemon/curl.c. */
struct fetcher *fetcher_new(uv_loop_t *loop, const struct fetch_options *options);
/* Nothing may be in flight. The memory goes when the loop has closed its handles. */
void fetcher_free(struct fetcher *fetcher);

void fetch_start(struct fetcher *fetcher, struct fetch *f);
void fetch_cancel(struct fetch *f);
