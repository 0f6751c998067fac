#include "daemon/lane.h"

#include <assert.h>
#include <pthread.h>

struct lane {
    struct lane_work work;
    char name[16];
    uv_thread_t thread;

    /* ---- the loop's */
    size_t n_waiting;
    struct lane_batch submitted; /* in this turn of the loop */
    uv_prepare_t turn_end;
    uv_async_t finished_async;
    int n_handles; /* of the two, not closed yet */
    bool stopped;
    void (*closed)(void *ctx);

    uv_mutex_t lock; /* guards what follows */
    uv_cond_t wake;
    struct lane_batch queued;
    struct lane_batch finished;
    bool stopping;
};

static void thread_main(void *arg)
{
    struct lane *l = arg;
    struct lane_batch batch;

    pthread_setname_np(pthread_self(), l->name);
    STAILQ_INIT(&batch);
    uv_mutex_lock(&l->lock);
    for (;;) {
        while (STAILQ_EMPTY(&l->queued) && !l->stopping)
            uv_cond_wait(&l->wake, &l->lock);
        if (STAILQ_EMPTY(&l->queued))
            break;
        STAILQ_CONCAT(&batch, &l->queued);
        uv_mutex_unlock(&l->lock);

        l->work.run(l->work.ctx, &batch);

        uv_mutex_lock(&l->lock);
        STAILQ_CONCAT(&l->finished, &batch);
        uv_async_send(&l->finished_async);
        if (STAILQ_EMPTY(&l->queued) && l->work.idle) {
            uv_mutex_unlock(&l->lock);
            l->work.idle(l->work.ctx);
            uv_mutex_lock(&l->lock);
        }
    }
    uv_mutex_unlock(&l->lock);
}

static void on_finished(uv_async_t *async)
{
    struct lane *l = container_of(async, struct lane, finished_async);
    struct lane_batch batch;
    struct lane_item *item;

    STAILQ_INIT(&batch);
    uv_mutex_lock(&l->lock);
    STAILQ_CONCAT(&batch, &l->finished);
    uv_mutex_unlock(&l->lock);

    while ((item = STAILQ_FIRST(&batch))) {
        STAILQ_REMOVE_HEAD(&batch, link);
        l->n_waiting--;
        l->work.done(l->work.ctx, item);
    }
}

/*
 * Hands over what was submitted in this turn of the loop, at once: sixty clients
 * that are answered together ask again together, and shall share a commit
 * instead of having the first of them commit alone.
 */
static void hand_over(struct lane *l)
{
    if (STAILQ_EMPTY(&l->submitted))
        return;
    uv_mutex_lock(&l->lock);
    STAILQ_CONCAT(&l->queued, &l->submitted);
    uv_cond_signal(&l->wake);
    uv_mutex_unlock(&l->lock);
}

static void on_turn_end(uv_prepare_t *prepare)
{
    hand_over(container_of(prepare, struct lane, turn_end));
}

struct lane *lane_start(uv_loop_t *loop, const char *name, const struct lane_work *work)
{
    struct lane *l = mem_new(struct lane);

    l->work = *work;
    strncpy(l->name, name, sizeof(l->name) - 1);
    STAILQ_INIT(&l->submitted);
    STAILQ_INIT(&l->queued);
    STAILQ_INIT(&l->finished);
    if (uv_mutex_init(&l->lock) || uv_cond_init(&l->wake) || uv_prepare_init(loop, &l->turn_end) ||
        uv_prepare_start(&l->turn_end, on_turn_end) ||
        uv_async_init(loop, &l->finished_async, on_finished) ||
        uv_thread_create(&l->thread, thread_main, l))
        abort(); /* start-up: nothing to clean up for */
    uv_unref((uv_handle_t *)&l->turn_end);
    l->n_handles = 2;
    return l;
}

void lane_submit(struct lane *l, struct lane_item *item)
{
    assert(!l->stopped);
    l->n_waiting++;
    STAILQ_INSERT_TAIL(&l->submitted, item, link);
}

size_t lane_waiting(const struct lane *l) { return l->n_waiting; }

static void on_closed(uv_handle_t *handle)
{
    struct lane *l = handle->data;
    void (*closed)(void *ctx) = l->closed;
    void *ctx = l->work.ctx;

    if (--l->n_handles)
        return;
    uv_cond_destroy(&l->wake);
    uv_mutex_destroy(&l->lock);
    free(l);
    closed(ctx);
}

void lane_stop(struct lane *l, void (*closed)(void *ctx))
{
    hand_over(l);
    l->stopped = true;
    l->closed = closed;
    uv_mutex_lock(&l->lock);
    l->stopping = true;
    uv_cond_signal(&l->wake);
    uv_mutex_unlock(&l->lock);
    uv_thread_join(&l->thread);
    on_finished(&l->finished_async);
    l->turn_end.data = l->finished_async.data = l;
    uv_close((uv_handle_t *)&l->turn_end, on_closed);
    uv_close((uv_handle_t *)&l->finished_async, on_closed);
}
