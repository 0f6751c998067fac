#pragma once
/*
 * Gate: no two writes decide on the same identity at a time.
 *
 * A registration is decided on what is visible. One that is on its way to the
 * disk is not visible yet, so a second write to the same (name, task) waits for
 * the first to end; a write to everything (reset, reload) waits for all, and
 * all that come after it wait for it. Waiting calls are let in again in order,
 * and decide anew.
 */
#include "api/backend.h"
#include "base/map.h"

struct gate {
    struct map busy; /* identities under way */
    bool all_busy;   /* a write to everything is under way */
    struct call *waiting, **waiting_end;
};

void gate_init(struct gate *g);
void gate_release(struct gate *g);

/*
 * Enters with identities (copied; in "name task" form), or with everything
 * (n 0). False: the call waits, and gate_take_waiting() gives it back.
 */
bool gate_enter(struct gate *g, const char *const *identities, size_t n, struct call *call);
/* What gate_enter() was given leaves. */
void gate_leave(struct gate *g, const char *const *identities, size_t n);
/*
 * After gate_leave(): all that waited, linked by call->next in order, to be
 * tried again one after another. Whoever still has to wait queues up anew.
 */
struct call *gate_take_waiting(struct gate *g);
