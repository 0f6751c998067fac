#pragma once
/*
 * Idempotency: a POST that is sent again with its key gets its first answer.
 *
 * A key belongs to whoever used it (its API key's name). While the first
 * request is under way, a second one is told so (409); with another request
 * under the same key it is refused (422). Answers are kept in registry.db until
 * they expire; those that a repetition might better (5xx, busy) are not kept.
 *
 * Core loop only.
 */
#include "api/backend.h"
#include "base/map.h"
#include "store/registry_store.h"

#include <sys/queue.h>

struct core;

enum { IDEMPOTENCY_MAX = 65536 }; /* keys; beyond, the oldest answer goes */

struct idempotency {
    struct map by_key;
    TAILQ_HEAD(, idempotent) by_age; /* done ones, the first to expire first */
    int64_t ttl_s;
};

void idempotency_init(struct idempotency *t, int64_t ttl_s);
void idempotency_release(struct idempotency *t);
/* A stored answer, at start. */
void idempotency_load(struct idempotency *t, const struct store_reply *row);

/*
 * A call with a key comes in. False: it was answered (from memory, or refused).
 * True: go on; its answer must pass idempotency_answered().
 */
bool idempotency_enter(struct core *core, struct call *call);
/*
 * The call has its answer. True: send it. False: it is being stored first and
 * will be sent then.
 */
bool idempotency_answered(struct core *core, struct call *call);
/* Forgets what has expired. */
void idempotency_expire(struct core *core, int64_t now_s);
