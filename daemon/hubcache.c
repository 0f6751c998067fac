#include "daemon/hubcache.h"

#include "base/clock.h"
#include "daemon/log.h"

/* One operation, with copies of what it is about: the thread it runs on has nothing else. */
struct op {
    struct storage_cache_op cache;
    struct hubcache *owner;
    struct diskcache *disk;
    char *credential, *repo, *revision, *commit, *path, *oid, *canonical;
    char *data; /* put: ours; get: what was found */
    size_t size;
    int64_t file_size, max_bytes, bytes_left; /* of a blob; of tidying */
    bool found, is_new;
    struct cache_removed removed;
    struct hubcache_model *models;
    size_t n_models;
    struct err err; /* what ought to be told */

    /* ---- who waits for it, at most one */
    struct hub_cache_get *get;
    struct hubcache_forget *forget;
    struct hubcache_list *list;
};

static char *copy(const char *s) { return s ? str_dup(s) : NULL; }

static struct op *op_new(struct hubcache *c, const char *credential, const char *repo,
                         const char *revision, const char *commit, const char *path)
{
    struct op *op = mem_new(struct op);

    op->owner = c;
    op->disk = c->disk;
    op->credential = copy(credential);
    op->repo = copy(repo);
    op->revision = copy(revision);
    op->commit = copy(commit);
    op->path = copy(path);
    return op;
}

static void op_free(struct op *op)
{
    for (size_t i = 0; i < op->n_models; i++) {
        free(op->models[i].model);
        free(op->models[i].revision);
        free(op->models[i].commit);
    }
    free(op->models);
    free(op->credential);
    free(op->repo);
    free(op->revision);
    free(op->commit);
    free(op->path);
    free(op->oid);
    free(op->canonical);
    free(op->data);
    err_release(&op->err);
    free(op);
}

static void on_done(struct storage_cache_op *cache)
{
    struct op *op = container_of(cache, struct op, cache);

    op->owner->n_under_way--;
    if (op->get)
        op->get->done(op->get, op->found ? op->data : NULL, op->found ? op->size : 0);
    else if (op->forget)
        op->forget->done(op->forget, &op->removed, &op->err);
    else if (op->list)
        op->list->done(op->list, op->models, op->n_models);
    op_free(op);
}

/* Takes over op. What cannot be queued ends at once, with why. */
static void submit(struct op *op, void (*run)(struct storage_cache_op *, struct cache_store *),
                   void (*done)(struct storage_cache_op *))
{
    struct hubcache *c = op->owner;

    op->cache.run = run;
    op->cache.done = done;
    c->n_under_way++;
    if (c->stopping)
        err_set(&op->err, ERR_DRAINING, "the daemon is stopping");
    if (op->err.code || !storage_submit_cache(c->storage, &op->cache, &op->err))
        done(&op->cache);
}

/* ---- gets; on the cache thread an error is a miss */

static void run_get_pin(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    struct cache_pin pin = {0};

    if (!cache_get_pin(store, op->repo, op->revision, op->credential, &pin, &op->found, &err))
        op->found = false;
    if (!op->found)
        return;
    op->data = take(&pin.info);
    op->size = pin.info_size;
    cache_pin_release(&pin);
}

static void get_pin(void *ctx, struct hub_cache_get *g)
{
    struct op *op = op_new(ctx, g->credential, g->repo, g->revision, NULL, NULL);

    op->get = g;
    submit(op, run_get_pin, on_done);
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

static void get_file(void *ctx, struct hub_cache_get *g)
{
    struct op *op = op_new(ctx, g->credential, g->repo, NULL, g->commit, g->path);

    op->get = g;
    submit(op, run_get_file, on_done);
}

/* ---- keeping to the budget */

/* The file of a row that goes. */
static int64_t remove_blob(void *ctx, const struct cache_file *file)
{
    struct op *op = ctx;
    AUTO_ERR struct err err = {0};
    int64_t freed = 0;

    if (op->disk &&
        !diskcache_remove(op->disk, file->model, file->commit, file->path, &freed, &err) &&
        !op->err.code)
        err_move(&op->err, &err);
    return freed;
}

/* An eighth is freed at once, so that the next put need not begin again. */
static void run_tidy(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);

    if (!cache_bytes(store, &op->bytes_left, &op->err) || op->bytes_left <= op->max_bytes)
        return;
    if (!cache_evict(store, op->max_bytes - op->max_bytes / 8, remove_blob, op, &op->bytes_left,
                     &op->err))
        op->bytes_left = 0;
}

static void tidy(struct hubcache *c);

static void on_tidied(struct storage_cache_op *cache)
{
    struct op *op = container_of(cache, struct op, cache);
    struct hubcache *c = op->owner;

    c->tidying = false;
    c->bytes = op->bytes_left;
    if (c->max_bytes < op->max_bytes) /* the limit moved meanwhile */
        tidy(c);
    if (op->err.code && op->err.code != ERR_DRAINING)
        log_err(LOG_LEVEL_WARNING, "cache: not all that should go could be removed", &op->err);
    on_done(cache);
}

static void tidy(struct hubcache *c)
{
    struct op *op;

    if (c->tidying)
        return;
    op = op_new(c, NULL, NULL, NULL, NULL, NULL);
    op->max_bytes = c->max_bytes;
    c->tidying = true;
    submit(op, run_tidy, on_tidied);
}

void hubcache_limit(struct hubcache *c, int64_t max_bytes)
{
    c->max_bytes = max_bytes;
    tidy(c);
}

/* ---- puts */

static void on_put(struct storage_cache_op *cache)
{
    struct op *op = container_of(cache, struct op, cache);
    struct hubcache *c = op->owner;

    if (!op->err.code)
        c->bytes += op->file_size;
    if (c->bytes > c->max_bytes || op->err.code == ERR_STORE_FULL)
        tidy(c);
    on_done(cache);
}

static void run_put_pin(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    const struct cache_pin pin = {.model = op->repo,
                                  .revision = op->revision,
                                  .credential = op->credential,
                                  .commit = op->commit,
                                  .canonical = op->canonical,
                                  .info = op->data,
                                  .info_size = op->size,
                                  .pinned_at = clock_wall_s()};

    (void)!cache_put_pin(store, &pin, &op->err);
}

static void put_pin(void *ctx, const char *credential, const char *repo, const char *revision,
                    const struct pin *pin, const char *text)
{
    struct op *op = op_new(ctx, credential, repo, revision, pin->commit, NULL);

    op->canonical = str_dup(pin->canonical);
    op->data = str_dup(text);
    op->size = strlen(text);
    op->file_size = (int64_t)op->size;
    submit(op, run_put_pin, on_put);
}

static struct cache_file row_of(const struct op *op)
{
    return (struct cache_file){.model = op->repo,
                               .commit = op->commit,
                               .path = op->path,
                               .credential = op->credential,
                               .etag = op->oid,
                               .size = op->file_size,
                               .last_used = clock_wall_s()};
}

static void run_put_file(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    struct cache_file file = row_of(op);

    file.content = op->data;
    file.content_size = op->size;
    (void)!cache_put_file(store, &file, &op->err);
}

static void put_file(void *ctx, const char *credential, const char *repo, const char *commit,
                     const char *path, const char *oid, const void *data, size_t size)
{
    struct op *op = op_new(ctx, credential, repo, NULL, commit, path);

    op->oid = str_dup(oid);
    op->data = str_dup_n(data, size);
    op->size = size;
    op->file_size = (int64_t)size;
    submit(op, run_put_file, on_put);
}

static void run_put_blob(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_FREE char *blob_path = diskcache_blob_path(op->repo, op->oid);
    struct cache_file file = row_of(op);

    file.blob_path = blob_path;
    (void)!cache_put_blob(store, &file, op->is_new, &op->err);
}

static void put_blob(void *ctx, const char *credential, const char *repo, const char *commit,
                     const char *path, const char *oid, int64_t size, bool is_new)
{
    struct op *op = op_new(ctx, credential, repo, NULL, commit, path);

    op->oid = str_dup(oid);
    op->file_size = size;
    op->is_new = is_new;
    submit(op, run_put_blob, on_put);
}

static void run_used_blob(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    const struct cache_file key = row_of(op);

    (void)!cache_touch_file(store, &key, clock_wall_s(), &op->err);
}

static void used_blob(void *ctx, const char *credential, const char *repo, const char *commit,
                      const char *path)
{
    submit(op_new(ctx, credential, repo, NULL, commit, path), run_used_blob, on_done);
}

/* ---- forgetting */

static void run_forget(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    AUTO_ERR struct err err = {0};
    bool ok = op->repo ? cache_delete_model(store, op->repo, remove_blob, op, &op->removed, &err)
                       : cache_clear(store, remove_blob, op, &op->removed, &err);

    if (!ok && !op->err.code)
        err_move(&op->err, &err);
}

void hubcache_forget(struct hubcache *c, struct hubcache_forget *f)
{
    struct op *op = op_new(c, NULL, f->model, NULL, NULL, NULL);

    op->forget = f;
    submit(op, run_forget, on_done);
}

/* ---- the list */

static struct hubcache_model *add_model(struct op *op, const char *model, const char *revision,
                                        const char *commit)
{
    struct hubcache_model *m;

    if ((op->n_models & (op->n_models - 1)) == 0)
        op->models =
            mem_resize(op->models, (op->n_models ? 2 * op->n_models : 1) * sizeof(*op->models));
    m = &op->models[op->n_models++];
    *m = (struct hubcache_model){
        .model = str_dup(model), .revision = str_dup(revision), .commit = str_dup(commit)};
    return m;
}

static void on_pin(void *ctx, const struct cache_pin *pin)
{
    struct op *op = ctx;

    if (str_eq(pin->credential, op->credential))
        add_model(op, pin->model, pin->revision, pin->commit)->pinned_at = pin->pinned_at;
}

static void run_list(struct storage_cache_op *cache, struct cache_store *store)
{
    struct op *op = container_of(cache, struct op, cache);
    size_t n = 0;
    char **repos = op->disk ? diskcache_repos(op->disk, &n) : NULL;

    (void)!cache_list_pins(store, on_pin, op, &op->err);
    for (size_t i = 0; i < n; i++) {
        char commit[41] = "";
        bool has_main = diskcache_ref(op->disk, repos[i], "main", commit);

        add_model(op, repos[i], has_main ? "main" : "", commit)->in_folder = true;
        free(repos[i]);
    }
    free(repos);
}

void hubcache_list(struct hubcache *c, struct hubcache_list *l)
{
    struct op *op = op_new(c, l->credential, NULL, NULL, NULL, NULL);

    op->list = l;
    submit(op, run_list, on_done);
}

void hubcache_init(struct hubcache *c, struct storage *storage, struct diskcache *disk,
                   int64_t max_bytes)
{
    *c = (struct hubcache){.storage = storage,
                           .disk = disk,
                           .max_bytes = max_bytes,
                           .iface = {.ctx = c,
                                     .get_pin = get_pin,
                                     .put_pin = put_pin,
                                     .get_file = get_file,
                                     .put_file = put_file,
                                     .put_blob = put_blob,
                                     .used_blob = used_blob}};
    tidy(c); /* counts, and a smaller budget than last time holds at once */
}
