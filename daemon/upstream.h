#pragma once
/*
 * Upstream: one question to the Hub, asked until it is answered or hopeless.
 *
 * Around a fetch: redirects by hand (hub/origin.h), repetition with jitter on
 * what may pass, the gate of the rate limit before every request, and whether
 * the Hub is up. While it seems down every question is asked once only, so that
 * who has something older to show gets to it soon.
 *
 * The caller embeds a struct upstream; rules as for a fetch.
 */
#include "daemon/fetch.h"
#include "hub/endpoint.h"
#include "hub/protocol.h"
#include "hub/ratelimit.h"

struct upstreams_options {
    const struct endpoint *endpoint;
    struct fetcher *fetcher;
    unsigned max_attempts;
    int64_t backoff_base_ms, backoff_cap_ms;
    int64_t max_rate_wait_ms; /* a gate that opens sooner is waited for */
};

struct upstream {
    /* ---- set before upstream_start(); strings are borrowed until done() */
    struct hub_question question;
    const char *url;      /* NULL: the question's; else a further page of its answer */
    const char *token;    /* NULL: anonymous */
    int64_t offset, size; /* a range, when size > 0 */
    size_t max_bytes;
    bool once; /* no repetition: the caller has something else to show */
    void (*done)(struct upstream *x, bool ok, const struct err *err);

    /* ---- the answer, released with upstream_release() */
    struct hub_answer answer; /* of the last hop */
    char commit[65];          /* X-Repo-Commit of the first hop that told */
    char oid[65];             /* the content's hash by the Hub's own word; "" untold */
    int64_t total;            /* bytes of the whole file, -1 untold */
    struct buf body;

    /* ---- upstream.c's */
    struct upstreams *upstreams;
    struct fetch fetch;
    char credential[CREDENTIAL_SIZE];
    enum hub_bucket bucket;
    char *here;      /* URL of this hop */
    bool with_token; /* … and whether the token goes there */
    bool is_away;    /* … and whether it is another origin than the Hub's */
    bool is_fetching, is_late;
    unsigned hops, attempt;
    int64_t due_ms;
    struct err failed; /* to be reported when due */
    TAILQ_ENTRY(upstream) link;
};

struct upstreams;
struct upstreams *upstreams_new(uv_loop_t *loop, const struct upstreams_options *options);
void upstreams_free(struct upstreams *e); /* nothing may be under way; memory goes with the loop */

void upstream_start(struct upstreams *e, struct upstream *x);
void upstream_cancel(struct upstream *x); /* done() from inside, with ERR_CANCELED */
void upstream_release(struct upstream *x);

struct upstreams_status {
    bool is_up;
    int64_t since_ms; /* wall clock; 0: never asked */
    char last_error[200];
    uint64_t requests, retries, failures, rate_limited;
};
const struct upstreams_status *upstreams_status(const struct upstreams *e);
