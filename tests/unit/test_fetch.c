/* Where a transfer may lead: what a name resolves to counts, not what it looks like. */
#include "test.h"

#include "daemon/fetch.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

struct fixture {
    uv_loop_t loop;
    uv_poll_t poll;
    int listener, accepted, n_accepted;
    struct fetcher *fetcher;
    struct fetch fetch;
    bool ok;
    enum err_code code;
    char url[64];
};

/* Whoever comes is answered at once. */
static void on_knock(uv_poll_t *poll, int status, int events)
{
    static const char reply[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    struct fixture *f = poll->data;
    int fd = accept(f->listener, NULL, NULL);
    (void)status, (void)events;

    assert_true(fd >= 0);
    f->n_accepted++;
    assert_int_equal(write(fd, reply, sizeof(reply) - 1), sizeof(reply) - 1);
    shutdown(fd, SHUT_WR);
    f->accepted = fd; /* closed now, with the request unread, it would be a reset */
}

static void on_done(struct fetch *fetch, bool ok, const struct err *err)
{
    struct fixture *f = container_of(fetch, struct fixture, fetch);

    f->ok = ok;
    f->code = ok ? ERR_NONE : err->code;
    buf_release(&fetch->body);
    uv_close((uv_handle_t *)&f->poll, NULL);
    fetcher_free(f->fetcher);
}

static void run(struct fixture *f, const char *host, bool public_only, bool guard)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    struct fetch_options o;

    *f = (struct fixture){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(f->listener, 4), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &size), 0);
    snprintf(f->url, sizeof(f->url), "http://%s:%u/", host, ntohs(a.sin_port));
    uv_loop_init(&f->loop);
    uv_poll_init(&f->loop, &f->poll, f->listener);
    f->poll.data = f;
    uv_poll_start(&f->poll, UV_READABLE, on_knock);
    fetch_options_default(&o);
    o.guard_addresses = guard;
    f->fetcher = fetcher_new(&f->loop, &o);
    f->fetch = (struct fetch){
        .url = f->url, .max_bytes = 100, .public_only = public_only, .done = on_done};
    fetch_start(f->fetcher, &f->fetch);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    close(f->listener);
    if (f->n_accepted)
        close(f->accepted);
}

static void a_name_that_resolves_to_a_private_address_is_refused_before_a_connection(void **state)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "127.1", "0x7f000001"};
    struct fixture f;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        run(&f, hosts[i], true, true);
        assert_false(f.ok);
        assert_int_equal(f.code, ERR_HUB_BAD_ANSWER);
        assert_int_equal(f.n_accepted, 0);
    }
}

static void the_same_name_is_fetched_from_where_it_may_be_private(void **state)
{
    struct fixture f;
    (void)state;

    run(&f, "localhost", false, true);
    assert_true(f.ok);
    assert_int_equal(f.n_accepted, 1);
    run(&f, "localhost", true, false);
    assert_true(f.ok);
    assert_int_equal(f.n_accepted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_resolves_to_a_private_address_is_refused_before_a_connection),
        cmocka_unit_test(the_same_name_is_fetched_from_where_it_may_be_private),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
