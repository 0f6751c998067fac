#pragma once
/*
 * I/O loop: a uv loop with a server on it and a mailbox to reach both.
 *
 * Either a thread of its own (ioloop_start), or a guest on the loop that runs
 * everything else (ioloop_open on that loop): then messages of that thread are
 * run before the loop blocks, without a wake-up.
 *
 * Before the loop blocks, in this order: run the mailbox; run the server while
 * it has something to do, at most some times; arm the timer for what it waits
 * for. When it still has something to do the loop polls without blocking.
 */
#include "api/server.h"
#include "daemon/mailbox.h"

struct ioloop {
    struct mailbox mailbox;
    struct server *server;

    /* ---- private */
    uv_loop_t *loop, own_loop;
    uv_poll_t polls[SERVER_N_FDS];
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_timer_t timer;
    uv_thread_t thread;
    bool has_thread;
    struct message stop;
};

/*
 * Makes a server of config on loop. config->loop is set to il. The descriptors
 * are taken over, also on failure. Errors: those of server_start().
 */
bool ioloop_open(struct ioloop *il, uv_loop_t *loop, const struct server_config *config,
                 const struct listener_config *listeners, size_t n, struct err *err) MUST_CHECK;
/* Stops the server and closes the handles; the loop must run once more for that. Loop thread. */
void ioloop_close(struct ioloop *il);

/* ioloop_open() on a loop of its own, run by a thread named name (at most 15 bytes). */
bool ioloop_start(struct ioloop *il, const char *name, const struct server_config *config,
                  const struct listener_config *listeners, size_t n, struct err *err) MUST_CHECK;
/* Stops and joins. Afterwards nothing may post to it. Any thread but its own. */
void ioloop_stop(struct ioloop *il);

/* Any thread: runs m->run on the thread of the loop. */
static inline void ioloop_post(struct ioloop *il, struct message *m)
{
    mailbox_post(&il->mailbox, m);
}
