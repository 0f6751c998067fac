#pragma once
/*
 * Events: what changed, in the order it became visible.
 *
 * Every event has a revision of its own from the registry's one counter, so a
 * reader that has seen revision n asks for what came after n and misses
 * nothing. A log keeps the last max events; asking for older ones is told apart
 * from asking for nothing (events_after() < 0), because the reader then has to
 * list again.
 *
 * An event is immutable and counted; a log belongs to one thread, which may
 * share events with other logs.
 */
#include "base/blob.h"

#include <assert.h>

enum event_kind {
    EVENT_ARCH_REGISTERED,
    EVENT_ARCH_OVERRIDDEN,
    EVENT_ARCH_DELETED,
    EVENT_REGISTRY_RESET,
    EVENT_CATALOG_RELOADED,
    EVENT_MODEL_PINNED,
    EVENT_MODEL_REFRESHED,
    EVENT_MODEL_EVICTED,
    EVENT_TOKENIZER_CREATED,
    EVENT_TOKENIZER_DELETED,
    EVENT_FACTORY_CREATED,
    EVENT_FACTORY_DELETED,
    EVENT_PIPELINE_CREATED,
    EVENT_PIPELINE_DELETED,
    EVENT_PIPELINE_EVICTED,
    EVENT_LEASE_CREATED,
    EVENT_LEASE_RENEWED,
    EVENT_LEASE_RELEASED,
    EVENT_LEASE_EXPIRED,
    N_EVENT_KINDS,
};

/* "pipeline.created"; what stands before the dot is the group a reader filters by. */
const char *event_kind_name(enum event_kind k);
bool event_kind_parse(const char *name, enum event_kind *ret);
/* NULL-terminated: the groups. */
const char *const *event_groups(void);

struct event {
    int64_t revision;
    enum event_kind kind;
    char ref[64]; /* id of the handle it is about; leases: of their pipeline; "" for the rest */
    struct blob *json; /* {"revision", "kind", "time", …} on one line, without newline */
    atomic_uint refs;
};

/*
 * members: further members of the event's object, comma-separated, without
 * braces; may be "". time_s: Unix seconds.
 */
struct event *event_new(int64_t revision, enum event_kind kind, const char *ref, int64_t time_s,
                        const char *members);
/* One that was stored: json is its text. */
struct event *event_load(int64_t revision, enum event_kind kind, const char *ref, const char *json,
                         size_t size);
struct event *event_ref(struct event *e);
void event_unref(struct event *e);

struct event_log {
    struct event **ring;
    size_t max, first, n;
    int64_t compacted; /* the newest revision that was dropped; 0: none */
};

void event_log_init(struct event_log *log, size_t max);
void event_log_release(struct event_log *log);
/* Takes over the reference. Revisions grow. */
void event_log_append(struct event_log *log, struct event *e);
/*
 * Index (for event_log_at) of the first event newer than since; the log's n
 * when there is none; -1 when events newer than since were already dropped.
 * O(log n).
 */
ptrdiff_t event_log_after(const struct event_log *log, int64_t since);
static inline struct event *event_log_at(const struct event_log *log, size_t i)
{
    assert(log->max > 0);
    return log->ring[(log->first + i) % log->max];
}
