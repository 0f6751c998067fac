#pragma once
/*
 * Lane: a thread that works through what a loop gives it, and hands it back.
 *
 * Items are run in the order given and done in that order. What is submitted in
 * one turn of the loop reaches the thread together, at the turn's end, and the
 * thread takes all that waits as one batch, so that the work may be shared.
 *
 * All functions but run(): loop thread only.
 */
#include "base/base.h"

#include <sys/queue.h>
#include <uv.h>

struct lane_item {
    STAILQ_ENTRY(lane_item) link;
};
STAILQ_HEAD(lane_batch, lane_item);

struct lane_work {
    /* On the lane's thread, with a batch that is not empty. Leaves the items in it. */
    void (*run)(void *ctx, struct lane_batch *batch);
    /* On the lane's thread, when nothing waits after a run(). NULL: nothing to do. */
    void (*idle)(void *ctx);
    /* On the loop, once for each item. */
    void (*done)(void *ctx, struct lane_item *item);
    void *ctx;
};

struct lane;

/* name is the thread's, at most 15 bytes. */
struct lane *lane_start(uv_loop_t *loop, const char *name, const struct lane_work *work);
void lane_submit(struct lane *l, struct lane_item *item);
/* Items submitted and not yet done. */
size_t lane_waiting(const struct lane *l);
/*
 * Runs what waits, ends the thread and calls done() for the rest; submitting from
 * there is a bug. closed() comes from the loop when the lane is freed.
 */
void lane_stop(struct lane *l, void (*closed)(void *ctx));
