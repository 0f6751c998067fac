#pragma once
/*
 * Loops: the I/O loops as the core sees them.
 *
 * Everything here is called on the core loop and reaches each I/O loop as a
 * message, in the order of the calls: what was published before an answer is
 * there before the answer. The first loop may be the core's own.
 */
#include "api/backend.h"
#include "arch/registry.h"
#include "event/event.h"

struct loops;

/* The registry (when it changed) and the revision every answer carries from now on. */
void loops_publish(struct loops *l, struct registry *registry, int64_t revision, bool changed);
/* To every loop's log and its readers. References are taken. */
void loops_event(struct loops *l, struct event *e);
/* Kept answers about a thing (handle_tag(), model_tag()), or all of them. */
void loops_invalidate(struct loops *l, uint64_t tag);
void loops_new_generation(struct loops *l);
/* The tokenizer of a handle (NULL: all) is not to be used any more. */
void loops_drop_text(struct loops *l, const char *id);
/* The call goes back to where it came from. */
void loops_answer(struct loops *l, struct call *call);
/* A line of progress; a reference is taken. */
void loops_progress(struct loops *l, struct call *call, struct blob *line);
