#pragma once
/*
 * Planners: what architectures say of their activations, weights in memory and
 * vision cache entries. MAX has a class for each; here it is a row of a table.
 */
#include "plan/plan.h"

struct planner_figures {
    const char *used;      /* name of the planner whose figures these are */
    int64_t weights_bytes; /* in memory; differs from the files with expert parallelism */
    int64_t activation_bytes;
    int64_t vision_entry_bytes; /* of one image; 0: no vision cache */
    bool always_signal;
};

/*
 * Figures for length and batch. Planners whose arithmetic is not public are
 * taken as PagedMemoryPlanner, with a notice: no guess of ours hides as theirs.
 */
void planner_figures(const struct plan_input *in, int64_t length, int64_t batch,
                     struct planner_figures *ret, struct notices *notices);

/* Batch of a planner that infers its own (recurrent state); 0: it does not. */
int64_t planner_batch(const struct plan_input *in, int64_t free_bytes);
