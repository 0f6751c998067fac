#include "daemon/hubcache.h"

#include "base/clock.h"

/* One operation, with copies of what it is about: the thread it runs on has nothing else. */
struct op {
    struct storage_cache_op cache;
    struct hubcache *owner;
    struct hub_cache_get *get; /* NULL: a put */
    char *credential, *repo, *revision, *commit, *path, *oid;
    char *data; /* put: ours; get: what was found */
    size_t size;
    bool found;
    int64_t max_bytes; /* tidy */
};

static char *copy(const char *s) { return s ? str_dup(s) : NULL; }

static struct op *op_new(struct hubcache *c, const char *credential, const char *repo,
                         const char *revision, const char *commit, const char *path)
{
    struct op *op = mem_new(struct op);

    op->owner = c;
    op->credential = copy(credential);
    op->repo = copy(repo);
    op->revision = copy(revision);
    op->commit = copy(commit);
    op->path = copy(path);
    return op;
}

static void op_free(struct op *op)
{
    free(op->credential);
    free(op->repo);
    free(op->revision);
    free(op->commit);
    free(op->path);
    free(op->oid);
    free(op->data);
    free(op);
}

static void on_done(struct storage_cache_op *cache)
{
    struct op *op = container_of(cache, struct op, cache);

    op->owner->n_under_way--;
    if (op->get)
        op->get->done(op->get, op->found ? op->data : NULL, op->found ? op->size : 0);
    op_free(op);
}

/* Takes over op. A queue that is full makes a get a miss and forgets a put. */
static void submit(struct op *op, void (*run)(struct storage_cache_op *, struct cache_store *))
{
    AUTO_ERR struct err err = {0};

    op->cache.run = run;
    op->cache.done = on_done;
    op->owner->n_under_way++;
    if (op->owner->stopping || !storage_submit_cache(op->owner->storage, &op->cache, &err))
        on_done(&op->cache);
}

/* ---- on the cache thread; errors are misses */

static void run_get_pin(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    struct cache_pin pin = {0};

    if (!cache_get_pin(store, op->repo, op->revision, op->credential, &pin, &op->found, &err))
        op->found = false;
    if (!op->found)
        return;
    op->data = str_dup_n(pin.info, pin.info_size);
    op->size = pin.info_size;
    cache_pin_release(&pin);
}

static void run_put_pin(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    const struct cache_pin pin = {.model = op->repo,
                                  .revision = op->revision,
                                  .credential = op->credential,
                                  .commit = op->commit,
                                  .canonical = op->repo,
                                  .info = op->data,
                                  .info_size = op->size,
                                  .pinned_at = clock_wall_s()};

    op->found = cache_put_pin(store, &pin, &err);
}

static void run_get_file(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    struct cache_file file = {0};

    if (!cache_get_file(store, op->repo, op->commit, op->path, op->credential, clock_wall_s(),
                        &file, &op->found, &err))
        op->found = false;
    if (op->found && file.content) {
        op->data = take(&file.content);
        op->size = file.content_size;
    } else {
        op->found = false;
    }
    cache_file_release(&file);
}

static void run_put_file(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    const struct cache_file file = {.model = op->repo,
                                    .commit = op->commit,
                                    .path = op->path,
                                    .credential = op->credential,
                                    .etag = op->oid,
                                    .size = (int64_t)op->size,
                                    .content = op->data,
                                    .content_size = op->size,
                                    .last_used = clock_wall_s()};

    op->found = cache_put_file(store, &file, &err);
}

static void no_blob(void *ctx, const char *blob_path) { (void)ctx, (void)blob_path; }

static void run_forget(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    int64_t rows;

    op->found = op->repo ? cache_delete_model(store, op->repo, no_blob, NULL, &rows, &err)
                         : cache_clear(store, &rows, &err);
}

static void run_tidy(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};

    op->found = cache_expire(store, clock_wall_s(), &err) &&
                cache_evict(store, op->max_bytes, no_blob, NULL, &op->owner->disk_bytes, &err);
}

/* ---- the interface */

static void get_pin(void *ctx, struct hub_cache_get *g)
{
    struct op *op = op_new(ctx, g->credential, g->repo, g->revision, NULL, NULL);

    op->get = g;
    submit(op, run_get_pin);
}

static void put_pin(void *ctx, const char *credential, const char *repo, const char *revision,
                    const char *commit, const char *text)
{
    struct op *op = op_new(ctx, credential, repo, revision, commit, NULL);

    op->data = str_dup(text);
    op->size = strlen(text);
    submit(op, run_put_pin);
}

static void get_file(void *ctx, struct hub_cache_get *g)
{
    struct op *op = op_new(ctx, g->credential, g->repo, NULL, g->commit, g->path);

    op->get = g;
    submit(op, run_get_file);
}

static void put_file(void *ctx, const char *credential, const char *repo, const char *commit,
                     const char *path, const char *oid, const void *data, size_t size)
{
    struct op *op = op_new(ctx, credential, repo, NULL, commit, path);

    op->oid = str_dup(oid ? oid : "");
    op->data = str_dup_n(data, size);
    op->size = size;
    submit(op, run_put_file);
}

void hubcache_init(struct hubcache *c, struct storage *storage)
{
    *c = (struct hubcache){.storage = storage,
                           .iface = {.ctx = c,
                                     .get_pin = get_pin,
                                     .put_pin = put_pin,
                                     .get_file = get_file,
                                     .put_file = put_file}};
}

void hubcache_forget(struct hubcache *c, const char *model)
{
    submit(op_new(c, NULL, model, NULL, NULL, NULL), run_forget);
}

void hubcache_tidy(struct hubcache *c, int64_t max_bytes)
{
    struct op *op = op_new(c, NULL, NULL, NULL, NULL, NULL);

    op->max_bytes = max_bytes;
    submit(op, run_tidy);
}
