#include "daemon/upstream.h"

#include "hub/origin.h"

#include <assert.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

enum { REFUSAL_MAX_BYTES = 1 << 16, ONCE_AFTER_FAILURE_MS = 10000 };

struct upstreams {
    uv_loop_t *loop;
    struct upstreams_options o;
    struct origin home;
    struct rate_gates gates;
    struct upstreams_status status;
    int64_t failed_at_ms;           /* loop time of the last failure; 0 when the Hub is up */
    TAILQ_HEAD(, upstream) waiting; /* for a time, or to report a failure */
    uv_timer_t timer;
};

static void upstream_send(struct upstream *x);

static int64_t now_ms(const struct upstreams *e) { return (int64_t)uv_now(e->loop); }

/* ---- up and down */

static void seen_up(struct upstreams *e, bool is_up, const char *why)
{
    struct timespec now;

    e->failed_at_ms = is_up ? 0 : now_ms(e);
    snprintf(e->status.last_error, sizeof(e->status.last_error), "%s", is_up ? "" : why);
    if (e->status.since_ms && e->status.is_up == is_up)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    e->status.is_up = is_up;
    e->status.since_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool seems_down(const struct upstreams *e)
{
    return e->failed_at_ms && now_ms(e) - e->failed_at_ms < ONCE_AFTER_FAILURE_MS;
}

/* ---- waiting */

static void on_timer(uv_timer_t *timer);

static void arm(struct upstreams *e)
{
    struct upstream *x;
    int64_t due = INT64_MAX, now = now_ms(e);

    TAILQ_FOREACH (x, &e->waiting, link)
        if (x->due_ms < due)
            due = x->due_ms;
    if (due == INT64_MAX)
        uv_timer_stop(&e->timer);
    else
        uv_timer_start(&e->timer, on_timer, due > now ? (uint64_t)(due - now) : 0, 0);
}

static void wait_until(struct upstream *x, int64_t due_ms)
{
    x->due_ms = due_ms;
    x->is_late = true;
    TAILQ_INSERT_TAIL(&x->upstreams->waiting, x, link);
    arm(x->upstreams);
}

static void wait_over(struct upstream *x)
{
    TAILQ_REMOVE(&x->upstreams->waiting, x, link);
    x->is_late = false;
}

static void on_timer(uv_timer_t *timer)
{
    struct upstreams *e = container_of(timer, struct upstreams, timer);
    struct upstream *x;

    do { /* each may call out, after which the list may be another */
        TAILQ_FOREACH (x, &e->waiting, link)
            if (x->due_ms <= now_ms(e))
                break;
        if (!x)
            break;
        wait_over(x);
        if (x->failed.code) {
            AUTO_ERR struct err err = {0};

            err_move(&err, &x->failed);
            x->done(x, false, &err);
        } else
            upstream_send(x);
    } while (true);
    arm(e);
}

/* ---- ends and repetitions */

static void fail(struct upstream *x, const struct err *err)
{
    x->upstreams->status.failures += err->code != ERR_CANCELED;
    x->done(x, false, err);
}

/* Back to the first hop. */
static void rewind_to_start(struct upstream *x)
{
    const struct upstreams *e = x->upstreams;

    free(x->here);
    x->here = x->url ? str_dup(x->url) : hub_url(e->o.endpoint->url, &x->question);
    x->with_token = x->token != NULL;
    x->is_away = false;
    x->hops = 0;
    x->commit[0] = x->oid[0] = '\0';
    x->total = -1;
    buf_clear(&x->body);
}

/* What may pass: again later, or the end. */
static void try_again(struct upstream *x, const struct err *err)
{
    struct upstreams *e = x->upstreams;
    bool hopeless = x->once || x->attempt + 1 >= e->o.max_attempts || seems_down(e);
    int64_t delay = 0, told = x->answer.retry_after_s * 1000;
    uint32_t random;

    if (err->code == ERR_HUB_RATE_LIMITED) {
        delay = rate_gates_wait_ms(&e->gates, x->bucket, x->credential, now_ms(e));
        if (delay > e->o.max_rate_wait_ms)
            hopeless = true;
    } else if (!hopeless) {
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
            abort();
        delay = backoff_ms(x->attempt + 1, e->o.backoff_base_ms, e->o.backoff_cap_ms, random);
        if (told > delay && told <= e->o.max_rate_wait_ms)
            delay = told;
    }
    if (err->code == ERR_HUB_UNREACHABLE || err->code == ERR_HUB_TIMEOUT)
        if (hopeless)
            seen_up(e, false, err->msg);
    if (hopeless) {
        fail(x, err);
        return;
    }
    x->attempt++;
    e->status.retries++;
    rewind_to_start(x);
    wait_until(x, now_ms(e) + delay);
}

/* ---- one hop */

static void on_header(struct fetch *f, const char *line, size_t size)
{
    struct upstream *x = container_of(f, struct upstream, fetch);

    hub_answer_line(&x->answer, line, size);
}

/* What only the Hub itself may say of a file: a CDN's ETag is something else. */
static void take_facts(struct upstream *x)
{
    const struct hub_answer *a = &x->answer;

    if (x->is_away)
        return;
    if (!x->commit[0])
        memcpy(x->commit, a->commit, sizeof(x->commit));
    if (!x->oid[0] && hub_etag_is_hash(a->etag))
        memcpy(x->oid, a->etag, sizeof(x->oid));
    if (a->has_size)
        x->total = a->linked_size;
}

static void follow(struct upstream *x)
{
    struct upstreams *e = x->upstreams;
    AUTO_ERR struct err err = {0};
    char *next;
    struct origin there;

    if (!redirect_next(e->o.endpoint->url, x->here, x->answer.location, x->hops, x->with_token,
                       &next, &x->with_token, &err)) {
        fail(x, &err);
        return;
    }
    free(x->here);
    x->here = next;
    x->hops++;
    x->is_away = !origin_parse(&there, next) || !origin_eq(&there, &e->home);
    upstream_send(x);
}

/* The bytes of a range, from an answer that gave them, all of the file, or none. */
static bool cut_range(struct upstream *x, struct err *err)
{
    const struct hub_answer *a = &x->answer;

    if (a->status == 206) {
        if (!a->has_range || (a->range_first >= 0 && a->range_first != x->offset))
            return err_set(err, ERR_HUB_BAD_ANSWER,
                           "the Hub answered another range than bytes %lld-%lld",
                           (long long)x->offset, (long long)(x->offset + x->size - 1));
        if (a->range_total >= 0)
            x->total = a->range_total;
    } else if (a->status == 416) {
        buf_clear(&x->body);
    } else { /* 200: no range was understood */
        size_t skip = (uint64_t)x->offset < x->body.size ? (size_t)x->offset : x->body.size;

        x->total = (int64_t)x->body.size;
        if (skip)
            memmove(x->body.data, x->body.data + skip, x->body.size - skip);
        x->body.size -= skip;
    }
    if (x->body.size > (uint64_t)x->size)
        x->body.size = (size_t)x->size;
    if (x->body.data)
        x->body.data[x->body.size] = '\0';
    return true;
}

static void on_content(struct upstream *x)
{
    AUTO_ERR struct err err = {0};

    take_facts(x);
    x->body = x->fetch.body;
    x->fetch.body = (struct buf){0};
    if (x->size > 0) {
        if (!cut_range(x, &err)) {
            fail(x, &err);
            return;
        }
    } else if (x->total < 0)
        x->total = (int64_t)x->body.size;
    x->done(x, true, NULL);
}

static void on_answered(struct upstream *x)
{
    struct upstreams *e = x->upstreams;
    AUTO_ERR struct err err = {0};
    enum hub_verdict v;

    if (!x->is_away)
        rate_gates_saw(&e->gates, x->bucket, x->credential, &x->answer, now_ms(e));
    if (x->size > 0 && x->answer.status == 416) {
        on_content(x);
        return;
    }
    v = hub_judge(&x->question, &x->answer, x->fetch.body.data, x->fetch.body.size, &err);
    if (x->answer.status < 500 && !x->is_away)
        seen_up(e, true, "");
    if (x->is_away && v == HUB_REFUSED) {
        /* A signed URL that ran out, or a storage in trouble: the Hub makes another. */
        err_set(&err, ERR_HUB_UNREACHABLE, "the storage behind the Hub answered %d",
                x->answer.status);
        v = HUB_TROUBLE;
    }
    switch (v) {
    case HUB_CONTENT:
        on_content(x);
        return;
    case HUB_REDIRECT:
        take_facts(x);
        follow(x);
        return;
    case HUB_REFUSED:
        fail(x, &err);
        return;
    case HUB_TROUBLE:
        e->status.rate_limited += err.code == ERR_HUB_RATE_LIMITED;
        try_again(x, &err);
        return;
    }
}

static void on_fetched(struct fetch *f, bool ok, const struct err *err)
{
    struct upstream *x = container_of(f, struct upstream, fetch);
    AUTO_BUF struct buf body = {0};

    x->is_fetching = false;
    if (ok) {
        on_answered(x); /* x may be gone, with what is left of the body */
        return;
    }
    body = f->body;
    f->body = (struct buf){0};
    if (err->code == ERR_FILE_TOO_LARGE && x->size > 0 && x->answer.status == 200) {
        AUTO_ERR struct err wrong = {0};

        err_set(&wrong, ERR_HUB_BAD_ANSWER, "the Hub sends all of %.200s where a part was asked",
                x->question.path);
        fail(x, &wrong);
    } else if (err->code == ERR_HUB_UNREACHABLE || err->code == ERR_HUB_TIMEOUT)
        try_again(x, err);
    else
        fail(x, err);
}

static void upstream_send(struct upstream *x)
{
    struct upstreams *e = x->upstreams;
    int64_t wait =
        x->is_away ? 0 : rate_gates_wait_ms(&e->gates, x->bucket, x->credential, now_ms(e));

    if (wait > e->o.max_rate_wait_ms) {
        e->status.failures++;
        rate_gates_error(wait, x->bucket, &x->failed);
        wait_until(x, now_ms(e));
        return;
    }
    if (wait > 0) {
        wait_until(x, now_ms(e) + wait);
        return;
    }
    buf_release(&x->fetch.body);
    hub_answer_release(&x->answer);
    x->fetch = (struct fetch){
        .url = x->here,
        .token = x->with_token ? x->token : NULL,
        .accept = x->question.kind == HUB_FILE ? NULL : "application/json",
        .offset = x->offset,
        .size = x->size,
        .max_bytes = x->max_bytes > REFUSAL_MAX_BYTES ? x->max_bytes : REFUSAL_MAX_BYTES,
        .public_only = x->is_away && !origin_is_private(&e->home) && !e->o.endpoint->behind_proxy,
        .on_header = on_header,
        .done = on_fetched,
    };
    e->status.requests++;
    x->is_fetching = true;
    fetch_start(e->o.fetcher, &x->fetch);
}

/* ---- outside */

void upstream_start(struct upstreams *e, struct upstream *x)
{
    x->upstreams = e;
    x->question.has_token = x->token != NULL;
    x->bucket = hub_question_bucket(&x->question);
    credential_class(x->token, x->credential);
    x->attempt = 0;
    rewind_to_start(x);
    upstream_send(x);
}

void upstream_cancel(struct upstream *x)
{
    AUTO_ERR struct err err = {0};

    if (x->is_fetching) {
        fetch_cancel(&x->fetch);
        return;
    }
    if (x->is_late)
        wait_over(x);
    err_set(&err, ERR_CANCELED, "canceled");
    fail(x, &err);
}

void upstream_release(struct upstream *x)
{
    assert(!x->is_fetching && !x->is_late);
    hub_answer_release(&x->answer);
    buf_release(&x->body);
    buf_release(&x->fetch.body);
    err_release(&x->failed);
    free(x->here);
    *x = (struct upstream){0};
}

struct upstreams *upstreams_new(uv_loop_t *loop, const struct upstreams_options *options)
{
    struct upstreams *e = mem_new(struct upstreams);

    e->loop = loop;
    e->o = *options;
    if (!origin_parse(&e->home, options->endpoint->url))
        abort(); /* endpoint_read() has checked it */
    TAILQ_INIT(&e->waiting);
    uv_timer_init(loop, &e->timer);
    return e;
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, struct upstreams, timer));
}

void upstreams_free(struct upstreams *e)
{
    assert(TAILQ_EMPTY(&e->waiting));
    uv_close((uv_handle_t *)&e->timer, on_closed);
}

const struct upstreams_status *upstreams_status(const struct upstreams *e) { return &e->status; }
