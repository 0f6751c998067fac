#include "api/front.h"

#include "api/exchange.h"
#include "api/metrics.h"
#include "api/plain.h"
#include "api/reply_head.h"
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    MAX_EVENTS = 128,  /* in one turn; then the loop gets its own */
    MAX_LOOKS = 4,     /* at one connection in a turn */
    BODY_ROOM = 16384, /* of a request that may be answered here, beside its head */
    MAX_SPARE = 64,    /* connections that are kept for requests to come */
    RETRY_MS = 1000,   /* after a shortage of descriptors */
    VISITOR_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
};

/* What its deadline is for. */
enum wait {
    WAIT_HEAD, /* the first request, or the rest of a head */
    WAIT_REST, /* the next request, or that the reply is read */
    N_WAITS,
};

struct visitor {
    struct arrival arrival;
    enum wait wait;
    struct deadline deadline; /* in the list of wait; not set while it is asked for */
    int64_t active_ms;        /* WAIT_REST begins anew with it, without moving the deadline */
    TAILQ_ENTRY(visitor) link;
    /* What the socket did not take of a reply: the head's rest, then the body from body_at. */
    struct buf head;
    struct payload body;
    size_t body_at;
    bool is_sending;          /* there is such a rest */
    bool is_leaving;          /* to be closed behind it */
    bool is_ended;            /* the client has said that nothing more comes */
    struct connection *asked; /* of a request that has no reply yet; NULL: none */
    bool is_ready;            /* in the list of those whose reply is there */
    TAILQ_ENTRY(visitor) ready;
};

struct front {
    struct server *server;
    int epoll;
    TAILQ_HEAD(, visitor) visitors;
    TAILQ_HEAD(, visitor) ready;
    TAILQ_HEAD(, connection) spare;
    size_t n_spare;
    struct deadline_list waits[N_WAITS];
    int64_t retry_ms; /* when to listen again after a shortage; 0: there is none */
    size_t room;
    char data[]; /* what is being looked at, room bytes */
};

static void visitor_wait(struct front *f, struct visitor *v, enum wait wait, int64_t at_ms)
{
    deadline_clear(&f->waits[v->wait], &v->deadline);
    v->wait = wait;
    deadline_set(&f->waits[wait], &v->deadline, at_ms);
}

/* ---- connections for requests that somebody must be asked for */

static struct connection *connection_take(struct front *f, struct visitor *v)
{
    struct connection *c = TAILQ_FIRST(&f->spare);

    if (c) {
        TAILQ_REMOVE(&f->spare, c, link);
        f->n_spare--;
    } else {
        c = mem_new(struct connection);
        c->server = f->server;
        c->exchange.connection = c;
    }
    c->listener = v->arrival.listener;
    c->visitor = v;
    c->fd = v->arrival.fd;
    c->peer = v->arrival.peer_size ? &v->arrival.peer.any : NULL;
    TAILQ_INSERT_TAIL(&f->server->connections, c, link);
    return c;
}

static void connection_free(struct connection *c)
{
    exchange_release(&c->exchange);
    free(c);
}

/* Its exchange was finished, or dropped. */
static void connection_give_back(struct front *f, struct connection *c)
{
    connection_enter(c, PHASE_IDLE, 0);
    TAILQ_REMOVE(&f->server->connections, c, link);
    if (f->n_spare == MAX_SPARE) {
        connection_free(c);
        return;
    }
    TAILQ_INSERT_HEAD(&f->spare, c, link);
    f->n_spare++;
}

/* ---- coming and going */

static void visitor_free(struct front *f, struct visitor *v)
{
    struct connection *c = take(&v->asked);

    if (c) {
        c->exchange.asleep = false;
        exchange_finish(&c->exchange, false);
        connection_give_back(f, c);
    }
    if (v->is_ready)
        TAILQ_REMOVE(&f->ready, v, ready);
    deadline_clear(&f->waits[v->wait], &v->deadline);
    TAILQ_REMOVE(&f->visitors, v, link);
    buf_release(&v->head);
    payload_release(&v->body);
    free(v);
}

static void visitor_close(struct front *f, struct visitor *v)
{
    struct arrival a = v->arrival;

    visitor_free(f, v);
    close(a.fd);
    server_left(f->server, a.listener, a.share);
}

/* Nothing was taken out of the socket that libmicrohttpd should see. */
static void hand_over(struct front *f, struct visitor *v)
{
    struct arrival a = v->arrival;
    int64_t deadline_ms =
        v->wait == WAIT_HEAD ? v->deadline.at_ms : v->active_ms + f->server->config.idle_timeout_ms;

    visitor_free(f, v);
    epoll_ctl(f->epoll, EPOLL_CTL_DEL, a.fd, NULL);
    server_take_over(f->server, &a, deadline_ms);
}

static void welcome(struct front *f, const struct arrival *a, int64_t now_ms)
{
    struct visitor *v = mem_new(struct visitor);
    struct epoll_event e = {.events = (uint32_t)VISITOR_EVENTS, .data.ptr = v};

    v->arrival = *a;
    TAILQ_INSERT_TAIL(&f->visitors, v, link);
    /* The first request must come as fast as a head: nobody connects to say nothing. */
    visitor_wait(f, v, WAIT_HEAD, now_ms + f->server->config.header_timeout_ms);
    server_came(f->server);
    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, a->fd, &e) != 0)
        visitor_close(f, v);
}

/* ---- replies */

/* What is left to send; false: nothing more can be sent. */
static bool send_rest(struct visitor *v)
{
    while (v->is_sending) {
        struct iovec parts[] = {
            {v->head.data, v->head.size},
            {(char *)(uintptr_t)v->body.bytes + v->body_at, v->body.size - v->body_at},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
        ssize_t n = sendmsg(v->arrival.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if ((size_t)n >= v->head.size) {
            v->body_at += (size_t)n - v->head.size;
            buf_release(&v->head);
        } else {
            memmove(v->head.data, v->head.data + n, v->head.size - (size_t)n);
            v->head.size -= (size_t)n;
        }
        if (v->body_at == v->body.size && !v->head.size) {
            payload_release(&v->body);
            v->is_sending = false;
        }
    }
    return true;
}

/*
 * One system call, as a rule; what the socket does not take is kept. Takes over body. False: the
 * client is gone.
 */
static bool send_reply(struct visitor *v, const char *head, size_t head_size, struct payload *body)
{
    struct iovec parts[] = {{(char *)(uintptr_t)head, head_size},
                            {(char *)(uintptr_t)body->bytes, body->size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
    ssize_t n = sendmsg(v->arrival.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t sent = n > 0 ? (size_t)n : 0;

    if (sent == head_size + body->size || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        payload_release(body);
        return n >= 0;
    }
    if (sent < head_size)
        buf_append(&v->head, head + sent, head_size - sent);
    v->body_at = sent > head_size ? sent - head_size : 0;
    v->body = *body;
    v->is_sending = true;
    *body = (struct payload){.size = 0};
    return send_rest(v);
}

/* The request is answered by entry. False: the client is gone. */
static bool answer_kept(struct front *f, struct visitor *v, const struct plain *p,
                        struct hot_entry *entry, const struct principal *who, int64_t start_ns)
{
    struct server *s = f->server;
    char id[REQUEST_ID_MAX + 1], head[KEPT_HEAD_MAX];
    int64_t now_ns = clock_mono_ns();
    const struct route *route = entry->route;
    struct access a = {
        .method = method_name(p->method),
        .target = p->target,
        .route_id = route->id ? route->id : "",
        .request_id = id,
        .principal = who->name,
        .peer = v->arrival.peer_size ? &v->arrival.peer.any : NULL,
        .status = entry->status,
        .body_bytes = entry->body->size,
        .duration_us = (now_ns - start_ns) / 1000,
    };
    struct payload body;
    size_t size;

    if (head_is_request_id(p->head.request_id))
        strcpy(id, p->head.request_id);
    else
        server_make_id(s, id);
    size = reply_kept_head(s, entry, id, now_ns - start_ns, head);
    body = payload_of_blob(blob_ref(entry->body));
    a.completed = send_reply(v, head, size, &body);
    server_report(s, &a, route, entry->route_index, true, p->body_size);
    return a.completed;
}

/* ---- requests */

/* The answer that is kept for it and whoever asks may have; NULL: somebody else must look. */
static struct hot_entry *find_kept(struct front *f, const struct visitor *v, const struct plain *p,
                                   struct principal *ret, uint64_t *ret_hash)
{
    const struct server_config *c = &f->server->config;
    const struct door *door = &v->arrival.listener->door;
    AUTO_ERR struct err err = {0};
    struct hot_key key =
        exchange_hot_key(p->method, p->target, p->target_size, &p->head, p->body, p->body_size);
    struct hot_entry *entry;

    *ret_hash = key.hash = hot_hash(&key);
    entry = hot_find(f->server->hot, &key);
    /* Without an entry whoever is asked looks at who asks. */
    return entry && auth_check_host(&c->auth, door, &p->head, &err) &&
                   auth_identify(&c->auth, door, &p->head, ret, &err) &&
                   auth_allow(ret, ((const struct route *)entry->route)->scope, &err)
               ? entry
               : NULL;
}

/* Takes out of the socket what was looked at, before anything else can be sent or read. */
static bool take_out(const struct visitor *v, size_t size)
{
    char sink[4096];

    while (size) {
        ssize_t n = recv(v->arrival.fd, sink, size < sizeof(sink) ? size : sizeof(sink), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        size -= (size_t)n;
    }
    return true;
}

enum outcome {
    WAITS, /* for the client */
    MORE,  /* there may be more to look at */
    ENDED, /* to be closed */
    GONE,  /* with libmicrohttpd: v is not there any more */
};

/* A head that has begun must end in time. */
static enum outcome wait_for_head(struct front *f, struct visitor *v, int64_t now_ms)
{
    if (v->wait != WAIT_HEAD)
        visitor_wait(f, v, WAIT_HEAD, now_ms + f->server->config.header_timeout_ms);
    return WAITS;
}

/* A reply went out, or as much of it as the socket took. */
static enum outcome wait_for_next(struct front *f, struct visitor *v, int64_t now_ms)
{
    v->active_ms = now_ms;
    if (v->wait != WAIT_REST || !v->deadline.at_ms)
        visitor_wait(f, v, WAIT_REST, now_ms + f->server->config.idle_timeout_ms);
    if (v->is_sending)
        return WAITS; /* until it is read */
    return v->is_leaving ? ENDED : MORE;
}

/* The reply of the exchange is there: it goes out, and the exchange is over. */
static enum outcome deliver(struct front *f, struct visitor *v, struct connection *c)
{
    struct exchange *ex = &c->exchange;
    bool is_there;

    v->is_leaving = ex->must_close;
    is_there = send_reply(v, ex->reply_head.data, ex->reply_head.size, &ex->payload);
    exchange_finish(ex, is_there);
    connection_give_back(f, c);
    return is_there ? wait_for_next(f, v, clock_mono_ms()) : ENDED;
}

/*
 * A plain request without a kept answer: its route is asked. The bytes of it are copied, since
 * those in data are overwritten while it waits.
 */
static enum outcome ask(struct front *f, struct visitor *v, const struct plain *plain,
                        const char *bytes, uint64_t hash, int64_t start_ns)
{
    struct connection *c = connection_take(f, v);
    struct exchange *ex = &c->exchange;
    struct plain p = *plain;
    bool is_routed;

    buf_append(&ex->head_bytes, bytes, p.size - p.body_size);
    buf_append(&ex->body, p.body, p.body_size);
    plain_move(&p, bytes, ex->head_bytes.data);
    exchange_open(ex, p.target, start_ns);
    ex->method = p.method;
    ex->method_text = method_name(p.method);
    ex->head = p.head;
    ex->hot_allowed = true;
    ex->hot_hash = hash;
    exchange_name(ex);
    is_routed = exchange_admit(ex) && exchange_find_route(ex, ex->method_text, true);
    if (is_routed && ex->req.route->streams) {
        exchange_drop(ex);
        connection_give_back(f, c);
        hand_over(f, v);
        return GONE;
    }
    v->asked = c;
    if (!take_out(v, p.size))
        return ENDED;
    ex->req.body = ex->body.data;
    ex->req.body_size = p.body_size;
    ex->body_counted = p.body_size;
    f->server->bodies_bytes += p.body_size;
    if (is_routed)
        exchange_ask(ex);
    if (ex->status) {
        v->asked = NULL;
        return deliver(f, v, c);
    }
    deadline_clear(&f->waits[v->wait], &v->deadline);
    exchange_sleep(ex, PHASE_CALL, ex->req.deadline_ms);
    return WAITS;
}

/* What lies in data: size bytes that the socket still has. */
static enum outcome serve(struct front *f, struct visitor *v, size_t size, int64_t start_ns)
{
    for (size_t at = 0; at < size;) {
        struct plain p;
        struct principal who;
        struct hot_entry *entry;
        enum outcome outcome;
        uint64_t hash;
        enum plain_found found = plain_read(f->data + at, size - at, &p);

        if (found == PLAIN_PARTIAL && size < f->room)
            return wait_for_head(f, v, start_ns / 1000000);
        if (found == PLAIN_PARTIAL && at > 0)
            return MORE; /* there was no room for the rest of it */
        if (found != PLAIN_WHOLE) {
            hand_over(f, v);
            return GONE;
        }
        entry = find_kept(f, v, &p, &who, &hash);
        if (!entry)
            outcome = ask(f, v, &p, f->data + at, hash, start_ns);
        else if (take_out(v, p.size) && answer_kept(f, v, &p, entry, &who, start_ns))
            outcome = wait_for_next(f, v, start_ns / 1000000);
        else
            outcome = ENDED;
        if (outcome != MORE)
            return outcome;
        at += p.size;
    }
    return size == f->room ? MORE : WAITS;
}

/* Looks at what the socket has, as often as there is more; v may be gone then. */
static void look(struct front *f, struct visitor *v)
{
    int64_t start_ns = clock_mono_ns();
    struct epoll_event e = {.events = (uint32_t)VISITOR_EVENTS, .data.ptr = v};

    for (int i = 0; i < MAX_LOOKS; i++) {
        ssize_t n = recv(v->arrival.fd, f->data, f->room, MSG_PEEK | MSG_DONTWAIT);
        enum outcome outcome;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        outcome = n > 0 ? serve(f, v, (size_t)n, start_ns) : ENDED;
        /* A client's end behind its last request; a head that is cut short by it. */
        if (outcome == WAITS && v->is_ended && !v->is_sending && !v->asked)
            outcome = v->wait == WAIT_HEAD ? ENDED : MORE;
        if (outcome == ENDED)
            visitor_close(f, v);
        if (outcome != MORE)
            return;
    }
    epoll_ctl(f->epoll, EPOLL_CTL_MOD, v->arrival.fd, &e); /* there is more, but others wait too */
}

/* True when all is sent that was to be; else v waits, or is gone. */
static bool flush(struct front *f, struct visitor *v, int64_t now_ms)
{
    size_t before = v->head.size + v->body.size - v->body_at;

    if (!send_rest(v) || (!v->is_sending && (v->is_leaving || f->server->draining))) {
        visitor_close(f, v);
        return false;
    }
    if (!v->is_sending || v->head.size + v->body.size - v->body_at != before)
        v->active_ms = now_ms;
    return !v->is_sending;
}

/* Something has come, or there is room to send, or both. */
static void on_event(struct front *f, struct visitor *v, uint32_t events)
{
    if (events & (EPOLLHUP | EPOLLERR)) { /* nobody is there to read a reply */
        visitor_close(f, v);
        return;
    }
    v->is_ended |= events & EPOLLRDHUP;
    if (v->asked)
        return; /* what has come is for later */
    if (!v->is_sending || flush(f, v, clock_mono_ms()))
        look(f, v);
}

/* ---- replies that had to be waited for */

void front_wake(struct front *f, struct visitor *v)
{
    assert(v->asked && !v->is_ready);
    v->is_ready = true;
    TAILQ_INSERT_TAIL(&f->ready, v, ready);
}

void front_run(struct front *f)
{
    struct visitor *v;

    while ((v = TAILQ_FIRST(&f->ready))) {
        enum outcome outcome;

        TAILQ_REMOVE(&f->ready, v, ready);
        v->is_ready = false;
        outcome = deliver(f, v, take(&v->asked));
        if (outcome == ENDED)
            visitor_close(f, v);
        else if (outcome == MORE)
            look(f, v);
    }
}

/* ---- listening */

void front_listen(struct front *f, struct listener *l, bool on)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};

    l->deaf = !on;
    epoll_ctl(f->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->fd, &e);
}

static void on_knock(struct front *f, struct listener *l)
{
    int64_t now_ms = clock_mono_ms();
    struct arrival a;
    enum accepted got = ACCEPTED;

    for (int i = 0; i < MAX_EVENTS && (got = listener_accept(l, &a)) == ACCEPTED; i++)
        welcome(f, &a, now_ms);
    if (got == ACCEPTED_FULL || got == ACCEPTED_POOR)
        front_listen(f, l, false);
    if (got == ACCEPTED_POOR)
        f->retry_ms = now_ms + RETRY_MS;
}

static bool is_listener(const struct server *s, const void *p)
{
    return (const char *)p >= (const char *)s->listeners &&
           (const char *)p < (const char *)(s->listeners + SERVER_MAX_LISTENERS);
}

void front_ready(struct front *f)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(f->epoll, events, MAX_EVENTS, 0);

    for (int i = 0; i < n; i++)
        if (is_listener(f->server, events[i].data.ptr))
            on_knock(f, events[i].data.ptr);
        else
            on_event(f, events[i].data.ptr, events[i].events);
}

/* ---- time */

/* A visitor that was active since its deadline was set gets a later one. */
static bool is_late(struct front *f, struct visitor *v, int64_t now_ms)
{
    int64_t at_ms = v->active_ms + f->server->config.idle_timeout_ms;

    if (v->wait == WAIT_HEAD || at_ms <= now_ms)
        return true;
    visitor_wait(f, v, WAIT_REST, at_ms);
    return false;
}

void front_check(struct front *f, int64_t now_ms)
{
    struct server *s = f->server;
    struct deadline *next;

    for (int i = 0; i < N_WAITS; i++)
        for (struct deadline *d = deadline_passed(&f->waits[i], now_ms); d && d->at_ms <= now_ms;
             d = next) {
            struct visitor *v = container_of(d, struct visitor, deadline);

            next = TAILQ_NEXT(d, link);
            if (!is_late(f, v, now_ms))
                continue;
            visitor_close(f, v);
            if (s->config.metrics)
                metrics_count(s->config.metrics, COUNTER_CUTS, 1);
        }
    if (!f->retry_ms || now_ms < f->retry_ms)
        return;
    f->retry_ms = 0;
    for (size_t i = 0; i < s->n_listeners; i++)
        if (s->listeners[i].deaf && s->listeners[i].n < s->listeners[i].max && !s->draining)
            front_listen(f, &s->listeners[i], true);
}

int64_t front_next_ms(const struct front *f)
{
    int64_t next_ms = f->retry_ms ? f->retry_ms : INT64_MAX;

    if (!TAILQ_EMPTY(&f->ready))
        return 0;
    for (int i = 0; i < N_WAITS; i++) {
        const struct deadline *d = TAILQ_FIRST(&f->waits[i]);

        if (d && d->at_ms < next_ms)
            next_ms = d->at_ms;
    }
    return next_ms;
}

/* ---- life */

bool front_new(struct front **ret, struct server *s, struct err *err)
{
    size_t room = s->config.max_header_bytes + BODY_ROOM;
    struct front *f = mem_alloc(sizeof(*f) + room);

    f->server = s;
    f->room = room;
    TAILQ_INIT(&f->visitors);
    TAILQ_INIT(&f->ready);
    TAILQ_INIT(&f->spare);
    for (int i = 0; i < N_WAITS; i++)
        TAILQ_INIT(&f->waits[i]);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (f->epoll < 0) {
        free(f);
        return err_set(err, ERR_IO, "no epoll: %s", strerror(errno));
    }
    *ret = f;
    return true;
}

int front_fd(const struct front *f) { return f->epoll; }

void front_drain(struct front *f)
{
    struct visitor *next;

    f->retry_ms = 0;
    for (struct visitor *v = TAILQ_FIRST(&f->visitors); v; v = next) {
        next = TAILQ_NEXT(v, link);
        if (!v->is_sending && !v->asked)
            visitor_close(f, v);
    }
}

void front_free(struct front *f)
{
    struct visitor *next;
    struct connection *c;

    if (!f)
        return;
    for (struct visitor *v = TAILQ_FIRST(&f->visitors); v; v = next) {
        next = TAILQ_NEXT(v, link);
        visitor_close(f, v);
    }
    while ((c = TAILQ_FIRST(&f->spare))) {
        TAILQ_REMOVE(&f->spare, c, link);
        connection_free(c);
    }
    close(f->epoll);
    free(f);
}
