#pragma once
/*
 * Deadline: moments at which something is cut off, in lists sorted by time.
 *
 * Nearly all deadlines of one list are the same time ahead when they are set,
 * so setting looks from the end and is O(1) as a rule. Times are
 * CLOCK_MONOTONIC milliseconds.
 */
#include "base/base.h"

#include <sys/queue.h>

struct deadline {
    int64_t at_ms; /* 0: not set */
    TAILQ_ENTRY(deadline) link;
};

TAILQ_HEAD(deadline_list, deadline);

static inline void deadline_clear(struct deadline_list *list, struct deadline *d)
{
    if (d->at_ms)
        TAILQ_REMOVE(list, d, link);
    d->at_ms = 0;
}

/* Sets or moves. */
static inline void deadline_set(struct deadline_list *list, struct deadline *d, int64_t at_ms)
{
    struct deadline *before;

    deadline_clear(list, d);
    d->at_ms = at_ms < 1 ? 1 : at_ms;
    before = TAILQ_LAST(list, deadline_list);
    while (before && before->at_ms > d->at_ms)
        before = TAILQ_PREV(before, deadline_list, link);
    if (before)
        TAILQ_INSERT_AFTER(list, before, d, link);
    else
        TAILQ_INSERT_HEAD(list, d, link);
}

/* The first that has passed, or NULL. The caller clears or sets it. */
static inline struct deadline *deadline_passed(struct deadline_list *list, int64_t now_ms)
{
    struct deadline *first = TAILQ_FIRST(list);

    return first && first->at_ms <= now_ms ? first : NULL;
}
