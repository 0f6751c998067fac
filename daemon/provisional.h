#pragma once
/*
 * Provisional ids: pipelines that were asked for asynchronously and have no id
 * yet (docs/decisions/0002).
 *
 * GET of one shows `resolving`, then the pipeline itself, or `failed` with the
 * problem. The table is bounded and in memory only: the oldest go first.
 */
#include "api/backend.h"
#include "base/map.h"

#include <sys/queue.h>

struct core;

enum { PROVISIONAL_MAX = 4096 };

struct provisional {
    struct map_node node;
    char id[41];
    char pipeline[41]; /* "" until it is known */
    struct err err;    /* set when it failed */
    int64_t since_s;
    TAILQ_ENTRY(provisional) by_age;
};

struct provisionals {
    struct map by_id;
    TAILQ_HEAD(, provisional) by_age;
};

void provisionals_init(struct provisionals *t);
void provisionals_release(struct provisionals *t);
/* The entry of a request, made or found; `again` tells that one is under way or succeeded. */
struct provisional *provisional_enter(struct provisionals *t, const char *id, bool *again);
struct provisional *provisional_find(const struct provisionals *t, const char *id);
/* Answers 202 with where to look. */
void provisional_accept(struct core *core, struct call *call, const struct provisional *p);
/* Answers a GET of a provisional id; false: it is none. */
bool provisional_answer(struct core *core, struct call *call, const char *id);
