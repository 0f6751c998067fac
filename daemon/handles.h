#pragma once
/*
 * Handles: pipelines, factories and tokenizers by id.
 *
 * Every stored handle has an entry; its texts (request, document) are in
 * memory only within a budget of bytes: the least recently asked lose theirs
 * and get them back from the store when somebody asks. A leased pipeline keeps
 * its texts. A handle is small without them, and their number has a limit of
 * its own, so that ids from outside cannot fill the memory.
 *
 * Core loop only.
 */
#include "base/blob.h"
#include "base/map.h"
#include "store/registry_store.h"

#include <sys/queue.h>

enum { HANDLES_MAX = 1 << 17 };

struct handle {
    struct map_node node;         /* by id */
    TAILQ_ENTRY(handle) by_use;   /* all of a kind, least recently used first */
    TAILQ_ENTRY(handle) by_birth; /* all of a kind, by revision: the order of lists */
    TAILQ_ENTRY(handle) by_texts; /* those with texts, by use */
    char id[41];
    enum store_handle_kind kind;
    char state[24];
    char *arch, *task, *model, *commit;
    int64_t revision, created_at, last_used;
    size_t n_leases; /* with those whose write is under way */
    bool leaving;    /* its deletion is under way: as good as gone */

    /* ---- texts; NULL when they are only in the store */
    char *effective, *members, *detail;
    struct blob *body; /* rendered; NULL when something in it changed since */
    size_t bytes;      /* of the texts */
};

TAILQ_HEAD(handle_list, handle);

struct handles {
    struct map by_id;
    struct handle_list by_use[3], by_birth[3]; /* by enum store_handle_kind */
    size_t n[3];
    bool all_leaving; /* also those that become durable from now on: a reset is behind them */
    struct handle_list with_texts;
    size_t bytes, max_bytes;
    uint64_t n_texts_dropped;
};

void handles_init(struct handles *t, size_t max_bytes);
void handles_release(struct handles *t);

/* NULL: unknown, or leaving. */
struct handle *handles_find(const struct handles *t, const char *id);
/* Also one that is leaving, for it may yet stay: what counts its leases. */
struct handle *handles_find_any(const struct handles *t, const char *id);
/* Puts in what was stored, or replaces it; the row's strings are copied. */
struct handle *handles_put(struct handles *t, const struct store_handle *row);
/* After loading: rows came in the order of use. O(n log n). */
void handles_sort(struct handles *t);
/* Gives a handle its texts back. */
void handles_set_texts(struct handles *t, struct handle *h, const struct store_handle *row);
/* It was asked for: youngest of its kind. True when the store should know (once an hour). */
bool handles_touch(struct handles *t, struct handle *h, int64_t now_s);
void handles_remove(struct handles *t, struct handle *h);
/* Every handle is leaving, or those that are left stay after all. */
void handles_all_leaving(struct handles *t, bool leaving);
/* Drops texts until the budget holds. */
void handles_fit(struct handles *t);
/* The oldest unleased handle of the most numerous kind, when there are more than HANDLES_MAX. */
struct handle *handles_surplus(const struct handles *t);

static inline bool handle_has_texts(const struct handle *h) { return h->members != NULL; }
/* What `state` means where that is a question; NULL elsewhere. */
const char *handle_state_reason(enum store_handle_kind kind, const char *state);
/* The document as served; rendered when needed. The handle must have its texts. Borrowed. */
struct blob *handle_body(struct handle *h);
/* What the hot cache knows the handle's answers by. */
uint64_t handle_tag(const char *id);
