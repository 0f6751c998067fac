#pragma once
/*
 * Hub memory: what the Hub said lately, pins and refusals, without asking.
 *
 * Both are bounded; what was not used for longest goes first. Times are the
 * caller's milliseconds. One thread.
 */
#include "base/map.h"
#include "hub/inspect.h"

#include <sys/queue.h>

enum { HUB_PINS_MAX = 2048, HUB_PINS_BYTES_MAX = 16 << 20, HUB_REFUSALS_MAX = 8192 };

/* What was last learned of (repo, revision, credential). */
struct known_pin {
    struct map_node node;
    TAILQ_ENTRY(known_pin) link;
    char *key;
    int64_t at_ms; /* when the Hub said so */
    struct pin pin;
    size_t bytes; /* about what it takes: a repository may have 100,000 files */
};

/* What was refused, and until when nobody asks again. */
struct refusal {
    struct map_node node;
    TAILQ_ENTRY(refusal) link;
    char *key;
    int64_t until_ms;
    struct err err;
};

struct hub_memory {
    struct map pins, refusals;
    size_t pin_bytes;
    TAILQ_HEAD(, known_pin) pin_order; /* first: longest unused */
    TAILQ_HEAD(, refusal) refusal_order;
};

void hub_memory_init(struct hub_memory *m);
void hub_memory_release(struct hub_memory *m);

/* NULL: unknown. Borrowed until the next call. */
const struct known_pin *hub_memory_pin(struct hub_memory *m, const char *repo, const char *revision,
                                       const char *credential);
/* Copies pin. */
void hub_memory_put_pin(struct hub_memory *m, const char *repo, const char *revision,
                        const char *credential, const struct pin *pin, int64_t at_ms);

/* key is "<kind>\n<repo>\n…". NULL: none, or expired. Borrowed until the next call. */
const struct refusal *hub_memory_refusal(struct hub_memory *m, const char *key, int64_t now_ms);
void hub_memory_put_refusal(struct hub_memory *m, const char *key, const struct err *err,
                            int64_t until_ms);
void hub_memory_drop_refusal(struct hub_memory *m, const char *key);

/* All about a repository, by the name that was asked for or the Hub's; NULL: everything. */
void hub_memory_forget(struct hub_memory *m, const char *repo);
