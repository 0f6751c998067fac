#pragma once
/*
 * Hub cache: cache.db behind the Hub's struct hub_cache, and its files in the
 * Hub cache folder.
 *
 * Gets and puts become operations of the cache thread. A get that cannot be
 * queued or fails is a miss, a put that fails is forgotten: the cache is never
 * a reason to fail. What it holds on disk stays under max_bytes: whenever a put
 * exceeds it, the least recently used goes, files in the folder included, but
 * only those we wrote.
 *
 * Core loop only.
 */
#include "daemon/hub.h"
#include "daemon/storage.h"

struct hubcache {
    struct storage *storage;
    struct diskcache *disk;   /* NULL: none */
    int64_t max_bytes, bytes; /* bytes: as last counted, and what was put since */
    size_t n_under_way;
    bool stopping; /* nothing is queued any more */
    bool tidying;
    struct hub_cache iface; /* what the hub is given */
};

void hubcache_init(struct hubcache *c, struct storage *storage, struct diskcache *disk,
                   int64_t max_bytes);
static inline bool hubcache_idle(const struct hubcache *c) { return c->n_under_way == 0; }
/* From now on at most max_bytes. */
void hubcache_limit(struct hubcache *c, int64_t max_bytes);

/*
 * Forgets a model by either of its names (NULL: everything). done() comes once,
 * perhaps from inside; *err is ERR_NONE, or why not all of it could go.
 */
struct hubcache_forget {
    const char *model; /* copied */
    void (*done)(struct hubcache_forget *f, const struct cache_removed *removed,
                 const struct err *err);
};
void hubcache_forget(struct hubcache *c, struct hubcache_forget *f);

/*
 * What is known of models without asking anybody: the pins of a credential, and
 * the repositories that any program put into the Hub cache folder (pinned_at 0;
 * without a ref main, revision and commit are "").
 */
struct hubcache_model {
    char *model, *revision, *commit;
    int64_t pinned_at;
    bool in_folder;
};

/* done() comes once, perhaps from inside. models are borrowed, in no order. */
struct hubcache_list {
    const char *credential; /* copied */
    void (*done)(struct hubcache_list *l, const struct hubcache_model *models, size_t n);
};
void hubcache_list(struct hubcache *c, struct hubcache_list *l);
