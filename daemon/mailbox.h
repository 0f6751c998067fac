#pragma once
/*
 * Mailbox: messages of any thread to one loop, in order.
 *
 * A message is embedded in what it is about, so posting allocates nothing and
 * cannot fail. Messages of one thread are run in the order they were posted.
 * The loop is woken only when the box was empty, and not at all by its own
 * thread: that runs the box before it blocks (see ioloop.c).
 */
#include "base/base.h"

#include <stdatomic.h>
#include <uv.h>

struct message {
    struct message *next;
    /* On the loop's thread. The message is its own again: it may free or post it. */
    void (*run)(struct message *m);
};

struct mailbox {
    _Atomic(struct message *) newest; /* a stack: the newest on top */
    uv_async_t async;
    _Atomic(uv_thread_t) owner; /* posts of this thread wake nobody */
};

/* The caller is the owner until another thread says so. */
void mailbox_open(struct mailbox *m, uv_loop_t *loop);
/* By the thread that will run the loop; it must run the box once afterwards. */
void mailbox_own(struct mailbox *m);
/* Any thread. message->run is set. */
void mailbox_post(struct mailbox *m, struct message *message);
/* Runs what is in the box, also what is posted meanwhile; loop thread. True: there was some.
 */
bool mailbox_run(struct mailbox *m);
/* Loop thread; no other thread posts any more. What is in the box is run. */
void mailbox_close(struct mailbox *m);
