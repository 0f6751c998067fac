#pragma once
/*
 * Crew: the workers that are free help one that has a large job.
 *
 *     worker: run(n parts) ─── message ──► core loop: queues helpers
 *        │ part 0, 1, 2 …                     │
 *        ├──────────── one counter ───────────┴─► helper: part, part …
 *        ▼
 *     returns when all parts are done
 *
 * Nobody waits for a helper that has not begun: one that comes late finds nothing to do, and
 * when every worker is busy the job is done by its own alone. The parts are in no order.
 *
 * Core loop, but for run().
 */
#include "api/text_job.h"

struct core;

struct crew {
    struct text_crew text; /* what a job calls */
    struct core *core;
    size_t n_asked; /* the worker's; then, when it has ended, the loop's */
    size_t n_heard;
    void (*ended)(struct crew *crew);
};

void crew_init(struct crew *crew, struct core *core);
/* The worker has ended: calls ended() when no message of it is on its way, perhaps at once. */
void crew_end(struct crew *crew, void (*ended)(struct crew *crew));
