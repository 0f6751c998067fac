#include "daemon/mailbox.h"

static void on_async(uv_async_t *async) { mailbox_run(container_of(async, struct mailbox, async)); }

void mailbox_open(struct mailbox *m, uv_loop_t *loop)
{
    atomic_init(&m->newest, NULL);
    uv_async_init(loop, &m->async, on_async);
    mailbox_own(m);
}

void mailbox_own(struct mailbox *m) { atomic_store(&m->owner, uv_thread_self()); }

void mailbox_post(struct mailbox *m, struct message *message)
{
    struct message *top = atomic_load_explicit(&m->newest, memory_order_relaxed);

    do
        message->next = top;
    while (!atomic_compare_exchange_weak(&m->newest, &top, message));
    /*
     * Who found messages leaves the waking to who posted the first of them. The
     * owner is read after the message is in (both in sequential order): a new
     * owner either is seen here, or sees the message in its first mailbox_run().
     */
    if (!top && atomic_load(&m->owner) != uv_thread_self())
        uv_async_send(&m->async);
}

/* All that is in the box, the oldest first. */
static struct message *take_all(struct mailbox *m)
{
    struct message *newest = atomic_exchange(&m->newest, NULL);
    struct message *oldest = NULL;

    while (newest) {
        struct message *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

bool mailbox_run(struct mailbox *m)
{
    struct message *message;
    bool any = false;

    while ((message = take_all(m))) {
        any = true;
        while (message) {
            struct message *next = message->next; /* run() may free it */

            message->run(message);
            message = next;
        }
    }
    return any;
}

void mailbox_close(struct mailbox *m)
{
    mailbox_run(m);
    uv_close((uv_handle_t *)&m->async, NULL);
}
