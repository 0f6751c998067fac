#pragma once
/*
 * Guard: parts of a text in which special tokens are text like any other.
 *
 * For prompts that hold what somebody else wrote: "</s>" in a user's message ends
 * nothing. A special token counts when it touches none of the parts; so one that
 * is half the template's and half the user's is none either. Other added tokens
 * are found as always.
 */
#include "base/base.h"

/* Bytes [start, end). */
struct span {
    uint32_t start, end;
};

/* In order, apart from each other; none: every special token counts. */
struct guard {
    const struct span *items;
    size_t n;
};

/* Does [start, end), which is not empty, touch one of them? Cost: a binary search. */
static inline bool guard_touches(const struct guard *g, uint32_t start, uint32_t end)
{
    size_t low = 0, high = g->n;

    while (low < high) { /* the first that ends behind start */
        size_t middle = (low + high) / 2;

        if (g->items[middle].end > start)
            high = middle;
        else
            low = middle + 1;
    }
    return low < g->n && g->items[low].start < end;
}
