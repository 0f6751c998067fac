#pragma once
/*
 * Hub cache: cache.db behind the Hub's struct hub_cache.
 *
 * Gets and puts become operations of the cache thread. A get that cannot be
 * queued or fails is a miss, a put that fails is forgotten: the cache is never
 * a reason to fail. Core loop only.
 */
#include "daemon/hub.h"
#include "daemon/storage.h"

struct hubcache {
    struct storage *storage;
    struct diskcache *disk; /* where evicted blobs lie; NULL: none */
    size_t n_under_way;
    bool stopping;          /* nothing is queued any more */
    int64_t disk_bytes;     /* as of the last count */
    struct hub_cache iface; /* what the hub is given */
};

void hubcache_init(struct hubcache *c, struct storage *storage);
static inline bool hubcache_idle(const struct hubcache *c) { return c->n_under_way == 0; }

/* Forgets a model (NULL: everything), later. */
void hubcache_forget(struct hubcache *c, const char *model);
/* Brings the files on disk under max_bytes and drops refusals that have expired, later. */
void hubcache_tidy(struct hubcache *c, int64_t max_bytes);
