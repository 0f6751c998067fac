#include "daemon/ioloop.h"
#include "daemon/prompt_thread.h"

#include <pthread.h>

enum { MAX_RUNS = 8 };

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct ioloop *il = poll->data;
    (void)status, (void)events;

    server_ready(il->server, (size_t)(poll - il->polls));
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* it is there so that the loop does not block */
}

static void on_timer(uv_timer_t *timer)
{
    struct ioloop *il = timer->data;

    server_run(il->server);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct ioloop *il = prepare->data;
    int wait_ms = 0;

    for (int n = 0; n < MAX_RUNS; n++) {
        mailbox_run(&il->mailbox);
        wait_ms = server_timeout_ms(il->server);
        if (wait_ms != 0)
            break;
        server_run(il->server);
    }
    if (wait_ms == 0) {
        uv_idle_start(&il->idle, on_idle);
        return;
    }
    uv_idle_stop(&il->idle);
    if (wait_ms < 0)
        uv_timer_stop(&il->timer);
    else
        uv_timer_start(&il->timer, on_timer, (uint64_t)wait_ms, 0);
}

bool ioloop_open(struct ioloop *il, uv_loop_t *loop, const struct server_config *config,
                 const struct listener_config *listeners, size_t n, struct err *err)
{
    struct server_config c = *config;

    c.loop = il;
    if (!server_start(&il->server, &c, listeners, n, err))
        return false;
    il->loop = loop;
    mailbox_open(&il->mailbox, loop);
    uv_prepare_init(loop, &il->prepare);
    uv_idle_init(loop, &il->idle);
    uv_timer_init(loop, &il->timer);
    il->prepare.data = il->timer.data = il;
    uv_prepare_start(&il->prepare, on_prepare);
    for (size_t i = 0; i < SERVER_N_FDS; i++) {
        uv_poll_init(loop, &il->polls[i], server_fd(il->server, i));
        il->polls[i].data = il;
        uv_poll_start(&il->polls[i], UV_READABLE, on_ready);
    }
    return true;
}

void ioloop_close(struct ioloop *il)
{
    /* The poll handles first: their descriptors go with the server. */
    for (size_t i = 0; i < SERVER_N_FDS; i++) {
        uv_poll_stop(&il->polls[i]);
        uv_close((uv_handle_t *)&il->polls[i], NULL);
    }
    mailbox_run(&il->mailbox);
    server_stop(take(&il->server));
    mailbox_close(&il->mailbox);
    uv_close((uv_handle_t *)&il->prepare, NULL);
    uv_close((uv_handle_t *)&il->idle, NULL);
    uv_close((uv_handle_t *)&il->timer, NULL);
}

/* ---- with a thread */

static void on_stop(struct message *m)
{
    struct ioloop *il = container_of(m, struct ioloop, stop);

    ioloop_close(il); /* no handle is left, so uv_run() returns */
}

static void run_loop(void *arg)
{
    struct ioloop *il = arg;

    prompt_thread();
    mailbox_own(&il->mailbox);
    mailbox_run(&il->mailbox); /* what was posted before this thread was the owner */
    uv_run(il->loop, UV_RUN_DEFAULT);
}

bool ioloop_start(struct ioloop *il, const char *name, const struct server_config *config,
                  const struct listener_config *listeners, size_t n, struct err *err)
{
    uv_loop_init(&il->own_loop);
    if (!ioloop_open(il, &il->own_loop, config, listeners, n, err)) {
        uv_loop_close(&il->own_loop);
        return false;
    }
    il->stop.run = on_stop;
    if (uv_thread_create(&il->thread, run_loop, il) != 0) {
        ioloop_close(il);
        uv_run(&il->own_loop, UV_RUN_DEFAULT);
        uv_loop_close(&il->own_loop);
        return err_set(err, ERR_IO, "cannot start a thread for requests");
    }
    il->has_thread = true;
    pthread_setname_np(il->thread, name);
    return true;
}

void ioloop_stop(struct ioloop *il)
{
    if (!il->has_thread)
        return;
    ioloop_post(il, &il->stop);
    uv_thread_join(&il->thread);
    uv_loop_close(&il->own_loop);
    il->has_thread = false;
}
