#pragma once
/*
 * Leases: who uses a pipeline, and until when.
 *
 * A lease keeps its pipeline from being evicted; a handle without one is only
 * an answer that may be forgotten. Time is the caller's CLOCK_BOOTTIME in
 * milliseconds: it goes on while the machine sleeps and never jumps.
 *
 * One thread owns the table.
 */
#include "base/map.h"

#include <sys/queue.h>

enum { LEASE_ID_MAX = 40, LEASE_HOLDER_MAX = 129, LEASE_TTL_MAX_S = 30 * 24 * 3600 };

struct lease {
    struct map_node node;  /* by id */
    char id[LEASE_ID_MAX]; /* "ls_" + 32 hex, random */
    char pipeline[LEASE_ID_MAX];
    char holder[LEASE_HOLDER_MAX]; /* "" when not said */
    int64_t ttl_s;
    int64_t expires_ms;
    size_t heap_index;
};

struct leases {
    struct map by_id;
    struct lease **heap; /* the first to expire on top */
    size_t n, capacity;
};

/* Frees every lease. */
void leases_release(struct leases *t);
/* A lease in no table, to be freed or put into one. id NULL: a new random one. */
struct lease *lease_new(const char *id, const char *pipeline, const char *holder, int64_t ttl_s,
                        int64_t expires_ms);
/* The lease is the table's from now on. O(log n). */
void leases_put(struct leases *t, struct lease *lease);
struct lease *leases_find(const struct leases *t, const char *id);
/* ttl_s 0 keeps the old one. O(log n). */
void leases_renew(struct leases *t, struct lease *lease, int64_t ttl_s, int64_t now_ms);
/* Takes it out of the table; the caller frees it. O(log n). */
void leases_remove(struct leases *t, struct lease *lease);
/* The next to expire, or NULL. */
struct lease *leases_first(const struct leases *t);
