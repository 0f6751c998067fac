#include "daemon/fetch.h"

#include "hub/origin.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum {
    SWEEP_MS = 200,          /* how exactly silence is measured */
    RESERVE_BYTES = 1 << 16, /* what a body counts for before it says its size */
};

/* One origin: those who wait for it, first come, first served. */
struct fetch_host {
    char name[300];
    unsigned n_active;
    TAILQ_HEAD(, fetch) waiting;
    TAILQ_ENTRY(fetch_host) link;
};

struct fetcher {
    uv_loop_t *loop;
    CURLM *multi;     /* NULL before the first transfer */
    uv_timer_t timer; /* curl's */
    uv_timer_t sweep; /* ours: who has been silent for too long */
    struct fetch_options o;
    char *user_agent, *ca_bundle;
    TAILQ_HEAD(, fetch) active;
    TAILQ_HEAD(, fetch_host) hosts;
    size_t buffered; /* reserved by the active */
    unsigned n_active;
    unsigned n_closing; /* handles whose uv_close() callback is still to come */
    bool freed;
};

struct watch { /* one socket of curl's */
    uv_poll_t poll;
    curl_socket_t fd;
    struct fetcher *fetcher;
};

static void fetch_finish(struct fetch *f, CURLcode result);
static void pump(struct fetcher *fetcher);

void fetch_options_default(struct fetch_options *o)
{
    *o = (struct fetch_options){
        .max_per_host = 16,
        .max_total = 64,
        .max_buffered_bytes = (size_t)256 << 20,
        .connect_timeout_ms = 10000,
        .stall_timeout_ms = 10000,
        .total_timeout_ms = 600000,
        .user_agent = "pipelined",
        .guard_addresses = true,
    };
}

/* ---- curl and the loop */

/*
 * Must follow every curl_multi_socket_action(), and read until there is no
 * more: one action can complete several transfers, and the last of them leaves
 * no running handle behind that would bring us here again.
 */
static void reap(struct fetcher *fetcher)
{
    struct fetch *f;
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(fetcher->multi, &left))) {
        CURLcode result;

        if (msg->msg != CURLMSG_DONE)
            continue;
        result = msg->data.result; /* msg dies with the easy handle */
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&f);
        fetch_finish(f, result);
    }
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = container_of(poll, struct watch, poll);
    struct fetcher *fetcher = w->fetcher;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(fetcher->multi, w->fd, flags, &running);
    reap(fetcher); /* w may be gone */
}

static void on_timer(uv_timer_t *timer)
{
    struct fetcher *fetcher = container_of(timer, struct fetcher, timer);
    int running;

    curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(fetcher);
}

static void fetcher_maybe_free(struct fetcher *fetcher)
{
    if (!fetcher->freed || fetcher->n_closing)
        return;
    free(fetcher->user_agent);
    free(fetcher->ca_bundle);
    free(fetcher);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = container_of((uv_poll_t *)handle, struct watch, poll);

    w->fetcher->n_closing--;
    fetcher_maybe_free(w->fetcher);
    free(w);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct fetcher *fetcher = handle->data;

    fetcher->n_closing--;
    fetcher_maybe_free(fetcher);
}

/* curl tells which sockets it wants watched … */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct fetcher *fetcher = ctx;
    struct watch *w = socket_ctx;
    (void)easy;

    if (what == CURL_POLL_REMOVE) {
        if (w) {
            curl_multi_assign(fetcher->multi, fd, NULL);
            fetcher->n_closing++;
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        }
        return 0;
    }
    if (!w) {
        w = mem_new(struct watch);
        w->fd = fd;
        w->fetcher = fetcher;
        if (uv_poll_init_socket(fetcher->loop, &w->poll, fd) != 0) {
            free(w);
            return -1;
        }
        curl_multi_assign(fetcher->multi, fd, w);
    }
    uv_poll_start(&w->poll,
                  (what != CURL_POLL_OUT ? UV_READABLE : 0) |
                      (what != CURL_POLL_IN ? UV_WRITABLE : 0),
                  on_socket_ready);
    return 0;
}

/* … and when it wants to be called at the latest. */
static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct fetcher *fetcher = ctx;
    (void)multi;

    if (timeout_ms < 0)
        uv_timer_stop(&fetcher->timer);
    else /* 0 is "soon, not from in here", which is what a timer of 0 does */
        uv_timer_start(&fetcher->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_sweep(uv_timer_t *timer)
{
    struct fetcher *fetcher = container_of(timer, struct fetcher, sweep);
    int64_t now = (int64_t)uv_now(fetcher->loop);
    struct fetch *f;
    bool again;

    do { /* ending one calls out, after which the list may be another */
        again = false;
        TAILQ_FOREACH (f, &fetcher->active, link)
            if (!f->easy || now - f->progress_ms > fetcher->o.stall_timeout_ms) {
                fetch_finish(f, f->easy ? CURLE_OPERATION_TIMEDOUT : CURLE_FAILED_INIT);
                again = true;
                break;
            }
    } while (again);
    if (TAILQ_EMPTY(&fetcher->active))
        uv_timer_stop(&fetcher->sweep);
}

struct fetcher *fetcher_new(uv_loop_t *loop, const struct fetch_options *options)
{
    struct fetcher *fetcher = mem_new(struct fetcher);

    fetcher->loop = loop;
    fetcher->o = *options;
    fetcher->user_agent = str_dup(options->user_agent);
    fetcher->ca_bundle = options->ca_bundle ? str_dup(options->ca_bundle) : NULL;
    TAILQ_INIT(&fetcher->active);
    TAILQ_INIT(&fetcher->hosts);
    uv_timer_init(loop, &fetcher->timer);
    uv_timer_init(loop, &fetcher->sweep);
    fetcher->timer.data = fetcher->sweep.data = fetcher;
    return fetcher;
}

/* With the first transfer: curl is not even loaded before. */
static bool open_multi(struct fetcher *fetcher)
{
    CURLM *multi;

    if (fetcher->multi)
        return true;
    if (!(multi = curl_multi_init()))
        return false;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher);
    /* Fewer would close connections that the next transfer wants. */
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)fetcher->o.max_total * 2);
    fetcher->multi = multi;
    return true;
}

void fetcher_free(struct fetcher *fetcher)
{
    assert(TAILQ_EMPTY(&fetcher->active) && TAILQ_EMPTY(&fetcher->hosts));
    curl_multi_cleanup(fetcher->multi); /* closes idle connections, hence watches */
    fetcher->freed = true;
    fetcher->n_closing += 2;
    uv_close((uv_handle_t *)&fetcher->timer, on_timer_closed);
    uv_close((uv_handle_t *)&fetcher->sweep, on_timer_closed);
}

/* ---- one transfer */

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
    struct fetch *f = ctx;
    (void)one;

    f->progress_ms = (int64_t)uv_now(f->fetcher->loop);
    if (n > f->max_bytes - f->body.size) {
        f->too_large = true;
        return 0; /* makes curl fail the transfer with CURLE_WRITE_ERROR */
    }
    buf_append(&f->body, data, n);
    if (f->body.size > f->reserved) {
        f->fetcher->buffered += f->body.size - f->reserved;
        f->reserved = f->body.size;
    }
    return n;
}

static size_t on_header(char *data, size_t one, size_t n, void *ctx)
{
    struct fetch *f = ctx;
    (void)one;

    f->progress_ms = (int64_t)uv_now(f->fetcher->loop);
    if (f->on_header)
        f->on_header(f, data, n);
    return n;
}

/* Where a public address was promised, the resolver must not have found another. */
static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *f = ctx;

    if (purpose == CURLSOCKTYPE_IPCXN && address_is_private(&to->addr)) {
        f->private_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void add_header(struct fetch *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add_header(struct fetch *f, const char *fmt, ...)
{
    AUTO_BUF struct buf line = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&line, fmt, ap);
    va_end(ap);
    f->headers = curl_slist_append(f->headers, line.data);
}

static void set_options(struct fetch *f)
{
    const struct fetch_options *o = &f->fetcher->o;
    CURL *easy = f->easy;

    if (f->token)
        add_header(f, "Authorization: Bearer %s", f->token);
    if (f->accept)
        add_header(f, "Accept: %s", f->accept);
    add_header(f, "Accept-Encoding: identity"); /* hashes and ranges are of the file itself */
    if (f->size > 0)
        add_header(f, "Range: bytes=%lld-%lld", (long long)f->offset,
                   (long long)(f->offset + f->size - 1));
    curl_easy_setopt(easy, CURLOPT_URL, f->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, f);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, f->fetcher->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)o->total_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's are not the Hub's */
    if (f->fetcher->ca_bundle)
        curl_easy_setopt(easy, CURLOPT_CAINFO, f->fetcher->ca_bundle);
    if (f->public_only && o->guard_addresses) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, f);
    }
}

/* ---- queues */

static struct fetch_host *host_take(struct fetcher *fetcher, const char *url)
{
    struct fetch_host *host;
    const char *authority = strstr(url, "://");
    char name[sizeof(host->name)];

    authority = authority ? authority + 3 : url;
    snprintf(name, sizeof(name), "%.*s",
             (int)(authority - url + (ptrdiff_t)strcspn(authority, "/?#")), url);
    TAILQ_FOREACH (host, &fetcher->hosts, link)
        if (str_eq(host->name, name))
            return host;
    host = mem_new(struct fetch_host);
    memcpy(host->name, name, sizeof(name));
    TAILQ_INIT(&host->waiting);
    TAILQ_INSERT_TAIL(&fetcher->hosts, host, link);
    return host;
}

static void host_put(struct fetcher *fetcher, struct fetch_host *host)
{
    if (host->n_active || !TAILQ_EMPTY(&host->waiting))
        return;
    TAILQ_REMOVE(&fetcher->hosts, host, link);
    free(host);
}

static void fetch_activate(struct fetch *f)
{
    struct fetcher *fetcher = f->fetcher;

    TAILQ_REMOVE(&f->host->waiting, f, link);
    TAILQ_INSERT_TAIL(&fetcher->active, f, link);
    f->active = true;
    f->host->n_active++;
    fetcher->n_active++;
    f->reserved = f->max_bytes < RESERVE_BYTES ? f->max_bytes : RESERVE_BYTES;
    fetcher->buffered += f->reserved;
    f->progress_ms = (int64_t)uv_now(fetcher->loop);
    if (!uv_is_active((uv_handle_t *)&fetcher->sweep))
        uv_timer_start(&fetcher->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    if (!open_multi(fetcher))
        return; /* fails in the next sweep: nobody's done() is called from in here */
    f->easy = curl_easy_init();
    if (!f->easy)
        abort();
    set_options(f);
    curl_multi_add_handle(fetcher->multi, f->easy); /* only arms the timer */
}

/* Starts what may start; an origin that got one goes to the end of the line. */
static void pump(struct fetcher *fetcher)
{
    struct fetch_host *host, *next;
    bool more = true;

    while (more) {
        more = false;
        for (host = TAILQ_FIRST(&fetcher->hosts); host; host = next) {
            next = TAILQ_NEXT(host, link);
            if (fetcher->n_active >= fetcher->o.max_total ||
                (fetcher->n_active && fetcher->buffered >= fetcher->o.max_buffered_bytes))
                return;
            if (TAILQ_EMPTY(&host->waiting) || host->n_active >= fetcher->o.max_per_host)
                continue;
            fetch_activate(TAILQ_FIRST(&host->waiting));
            more = true;
        }
    }
}

void fetch_start(struct fetcher *fetcher, struct fetch *f)
{
    f->fetcher = fetcher;
    f->host = host_take(fetcher, f->url);
    f->status = 0;
    f->body = (struct buf){0};
    f->easy = NULL;
    f->headers = NULL;
    f->active = f->too_large = f->private_address = false;
    TAILQ_INSERT_TAIL(&f->host->waiting, f, link);
    pump(fetcher);
}

/* ---- the end */

static bool judge(const struct fetch *f, CURLcode result, struct err *err)
{
    char host[300];

    snprintf(host, sizeof(host), "%s", f->host->name);
    switch (result) {
    case CURLE_OK:
        return true;
    case CURLE_ABORTED_BY_CALLBACK:
        return err_set(err, ERR_CANCELED, "canceled");
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, ERR_HUB_TIMEOUT, "%s %s", host,
                       f->body.size ? "stopped in the middle of its answer"
                                    : "did not answer in time");
    case CURLE_PARTIAL_FILE:
        return err_set(err, ERR_HUB_UNREACHABLE, "%s broke off in the middle of its answer", host);
    case CURLE_WRITE_ERROR:
        if (f->too_large) {
            err_set(err, ERR_FILE_TOO_LARGE,
                    "the answer of %s is larger than the %zu bytes allowed", host, f->max_bytes);
            return err_fact_int(err, "limit", (int64_t)f->max_bytes);
        }
        break;
    default:
        break;
    }
    if (f->private_address)
        return err_set(err, ERR_HUB_BAD_ANSWER,
                       "%s is at a private address, to which redirects are not followed", host);
    return err_set(err, ERR_HUB_UNREACHABLE, "%s cannot be reached: %s", host,
                   curl_easy_strerror(result));
}

static void fetch_finish(struct fetch *f, CURLcode result)
{
    struct fetcher *fetcher = f->fetcher;
    AUTO_ERR struct err err = {0};
    long status = 0;
    bool ok = judge(f, result, &err);

    if (f->easy) {
        curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
        f->status = (int)status;
        curl_multi_remove_handle(fetcher->multi, f->easy);
        curl_easy_cleanup(f->easy);
        curl_slist_free_all(f->headers);
    }
    if (f->active) {
        TAILQ_REMOVE(&fetcher->active, f, link);
        f->host->n_active--;
        fetcher->n_active--;
        fetcher->buffered -= f->reserved;
    } else {
        TAILQ_REMOVE(&f->host->waiting, f, link);
    }
    f->easy = NULL;
    f->headers = NULL;
    host_put(fetcher, f->host);
    f->host = NULL;
    f->done(f, ok, ok ? NULL : &err); /* may free f */
    pump(fetcher);
}

void fetch_cancel(struct fetch *f) { fetch_finish(f, CURLE_ABORTED_BY_CALLBACK); }
