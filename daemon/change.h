#pragma once
/*
 * Change: one write on its way to the disk, and what happens when it is there.
 *
 *     change_new ──► change_op, change_event … ──► change_submit
 *                                                     │ commit
 *                          apply(): visible ◄── ok ───┤
 *                          call gets the error ◄──────┘ failed
 *
 * A change gets its revisions when it is made, one per event, in the order of
 * submission; commits end in that order; so effects become visible in the
 * order of their revisions. When a commit fails, every change decided on the
 * lost state fails with it, and numbering goes back to what was committed.
 *
 * The change owns every string its ops point to: change_keep() copies,
 * change_own() takes over. Core loop only.
 */
#include "api/backend.h"
#include "daemon/storage.h"
#include "event/event.h"

struct core;

struct change {
    struct core *core;
    struct call *call; /* who waits for it; NULL: nobody */
    /* Committed: make it visible and answer. The change is freed after it. */
    void (*apply)(struct change *c);
    /* Not committed, for what must be undone; may be NULL. call has been given the error. */
    void (*failed)(struct change *c, const struct err *err);
    void *subject; /* of apply */

    /* ---- private */
    struct storage_write write;
    struct store_op *ops;
    size_t n_ops, ops_capacity;
    struct event **events;
    size_t n_events, events_capacity;
    void **owned;
    size_t n_owned, owned_capacity;
    unsigned epoch;
};

struct change *change_new(struct core *core, struct call *call, void (*apply)(struct change *c));
/* A copy, or the thing itself, that lives as long as the change. */
char *change_keep(struct change *c, const char *s);
void *change_own(struct change *c, void *p);

void change_op(struct change *c, const struct store_op *op);
/* Adds an event and returns its revision. ref and members as in event_new(). */
int64_t change_event(struct change *c, enum event_kind kind, const char *ref, const char *members);
/* The revision the next event will have. */
int64_t change_next_revision(const struct change *c);

/* Takes over the change. Where it cannot even be queued, call gets the error at once. */
void change_submit(struct change *c);
/* For a change that is not wanted after all. */
void change_free(struct change *c);
/* An apply() for changes that nothing follows from. */
void change_nothing(struct change *c);
