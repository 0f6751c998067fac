#include "store/cache_store.h"

#include "store/db.h"
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    CACHE_APPLICATION_ID = 0x706C6E63, /* "plnc" */
    CACHE_SCHEMA = 2,
    MEMORY_PAGES = 8192,     /* 32 MiB, when there is no disk to put them on */
    MEMORY_BYTES = 24 << 20, /* … of which content may take this much */
    TOUCH_AFTER_S = 3600,    /* so that reading writes once an hour at most */
};

enum cache_stmt {
    STMT_GET_PIN,
    STMT_PUT_PIN,
    STMT_LIST_PINS,
    STMT_GET_FILE,
    STMT_TOUCH_FILE,
    STMT_PUT_FILE,
    STMT_BLOB_USED,
    STMT_BYTES,
    STMT_OLDEST,
    STMT_OLDEST_PIN,
    STMT_FILES_OF,
    STMT_FILES,
    STMT_DELETE_FILE,
    STMT_DELETE_PIN,
    STMT_DELETE_PINS_OF,
    STMT_DELETE_PINS,
    N_STMTS,
};

/* clang-format off */
static const char *const sql[N_STMTS] = {
    [STMT_GET_PIN] = "SELECT commit_id, canonical, info, pinned_at FROM pin"
                     " WHERE model = ? AND revision = ? AND credential = ?",
    [STMT_PUT_PIN] = "INSERT OR REPLACE INTO pin (model, revision, credential, commit_id,"
                     " canonical, info, pinned_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [STMT_LIST_PINS] = "SELECT model, revision, credential, commit_id, canonical, pinned_at"
                       " FROM pin ORDER BY pinned_at DESC, model",
    [STMT_GET_FILE] = "SELECT etag, size, content, blob_path, last_used FROM file"
                      " WHERE model = ? AND commit_id = ? AND path = ? AND credential = ?",
    [STMT_TOUCH_FILE] = "UPDATE file SET last_used = ?5 WHERE model = ?1 AND commit_id = ?2"
                        " AND path = ?3 AND credential = ?4 AND last_used <= ?5 - ?6",
    [STMT_PUT_FILE] = "INSERT OR REPLACE INTO file (model, commit_id, path, credential, etag,"
                      " size, content, blob_path, last_used, bytes)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STMT_BLOB_USED] = "SELECT 1 FROM file WHERE blob_path = ? LIMIT 1",
    [STMT_BYTES] = "SELECT (SELECT coalesce(sum(bytes), 0) FROM file WHERE blob_path IS NULL) +"
                   " (SELECT coalesce(sum(bytes), 0) FROM (SELECT max(bytes) AS bytes FROM file"
                   " WHERE blob_path IS NOT NULL GROUP BY blob_path)) +"
                   " (SELECT coalesce(sum(length(info)), 0) FROM pin)",
#define FILE_TO_REMOVE "SELECT rowid, bytes, model, commit_id, path, blob_path FROM file"
    [STMT_OLDEST] = FILE_TO_REMOVE " WHERE bytes > 0 ORDER BY last_used, rowid LIMIT 1",
    [STMT_OLDEST_PIN] = "SELECT rowid, length(info) FROM pin ORDER BY pinned_at, rowid LIMIT 1",
    /* Under the name asked for and, after a rename, under the Hub's; both ways. */
    [STMT_FILES_OF] = FILE_TO_REMOVE " WHERE model = ?1"
                      " OR model IN (SELECT canonical FROM pin WHERE model = ?1)"
                      " OR model IN (SELECT model FROM pin WHERE canonical = ?1) LIMIT 1",
    [STMT_FILES] = FILE_TO_REMOVE " LIMIT 1",
    [STMT_DELETE_FILE] = "DELETE FROM file WHERE rowid = ?",
    [STMT_DELETE_PIN] = "DELETE FROM pin WHERE rowid = ?",
    [STMT_DELETE_PINS_OF] = "DELETE FROM pin WHERE model = ?1 OR canonical = ?1",
    [STMT_DELETE_PINS] = "DELETE FROM pin",
};
/* clang-format on */

struct cache_store {
    sqlite3 *db;
    sqlite3_stmt *stmts[N_STMTS];
    char *path; /* ":memory:" when there is no disk to put it on */
};

void cache_pin_release(struct cache_pin *p)
{
    free(p->model), free(p->revision), free(p->credential);
    free(p->commit), free(p->canonical), free(p->info);
    *p = (struct cache_pin){0};
}

void cache_file_release(struct cache_file *f)
{
    free(f->model), free(f->commit), free(f->path), free(f->credential);
    free(f->etag), free(f->content), free(f->blob_path);
    *f = (struct cache_file){0};
}

/* ---- open */

static void detach(struct cache_store *s)
{
    db_finalize(s->stmts, N_STMTS);
    sqlite3_close(s->db);
    s->db = NULL;
}

static void remove_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        AUTO_FREE char *file = str_printf("%s%s", path, suffixes[i]);

        unlink(file);
    }
}

/* A cache of another schema, or no cache at all, counts as corrupt: both are deleted. */
static bool make_schema(sqlite3 *db, struct err *err)
{
    AUTO_FREE char *script =
        str_printf("PRAGMA auto_vacuum = INCREMENTAL; BEGIN; %s PRAGMA application_id = %d;"
                   " PRAGMA user_version = %d; COMMIT",
                   sql_cache, CACHE_APPLICATION_ID, CACHE_SCHEMA);
    int64_t application_id, version, n_tables;

    if (!db_get_int(db, "PRAGMA application_id", &application_id, err) ||
        !db_get_int(db, "PRAGMA user_version", &version, err) ||
        !db_get_int(db, "SELECT count(*) FROM sqlite_schema", &n_tables, err))
        return false;
    if (application_id == CACHE_APPLICATION_ID && version == CACHE_SCHEMA)
        return true;
    if (application_id || version || n_tables)
        return err_set(err, ERR_STORE_CORRUPT, "schema %d, not %d", (int)version, CACHE_SCHEMA);
    if (!db_exec(db, script, err)) {
        db_rollback(db);
        return false;
    }
    return true;
}

static bool attach(struct cache_store *s, struct err *err)
{
    bool in_memory = str_eq(s->path, ":memory:");
    AUTO_FREE char *limit = str_printf("PRAGMA max_page_count = %d", MEMORY_PAGES);

    if (!db_open(&s->db, s->path, DB_WRITE, err))
        return false;
    /* auto_vacuum only takes before anything is written, the journal mode included. */
    if (make_schema(s->db, err) &&
        db_exec(s->db, in_memory ? limit : "PRAGMA journal_mode = WAL", err) &&
        db_exec(s->db, "PRAGMA synchronous = NORMAL", err) &&
        db_prepare(s->db, sql, N_STMTS, s->stmts, err))
        return true;
    detach(s);
    return false;
}

/* Opens, if need be as a new file, if need be in memory. */
static bool attach_somehow(struct cache_store *s, char *note, struct err *err)
{
    AUTO_ERR struct err why = {0};

    if (attach(s, &why))
        return true;
    snprintf(note, sizeof(why.msg), "%s", why.msg);
    if (why.code == ERR_STORE_CORRUPT) {
        remove_files(s->path);
        if (attach(s, &why))
            return true;
    }
    free(s->path);
    s->path = str_dup(":memory:");
    return attach(s, err);
}

bool cache_store_open(struct cache_store **ret, const char *path, char *ret_note, struct err *err)
{
    CLEANUP(cache_store_closep) struct cache_store *s = mem_new(struct cache_store);
    char note[sizeof(err->msg)] = "";

    s->path = str_dup(path);
    if (!attach_somehow(s, note, err))
        return false;
    if (ret_note)
        memcpy(ret_note, note, sizeof(note));
    *ret = take(&s);
    return true;
}

void cache_store_close(struct cache_store *s)
{
    if (!s)
        return;
    detach(s);
    free(s->path);
    free(s);
}

/*
 * After a failure: true when it was corruption, which an empty cache has now
 * taken the place of, so that the call can be made again. *err is then empty.
 */
static bool survive(struct cache_store *s, struct err *err)
{
    char note[sizeof(err->msg)];

    if (err->code != ERR_STORE_CORRUPT)
        return false;
    err_release(err);
    detach(s);
    remove_files(s->path);
    return attach_somehow(s, note, err);
}

static bool run(struct cache_store *s, enum cache_stmt which, const char *what, struct err *err)
{
    return db_run(s->db, s->stmts[which], what, err);
}

/* Bytes of a column, the caller's, with a NUL behind them; NULL for SQL's NULL. */
static char *column_copy(sqlite3_stmt *stmt, int at, size_t *ret_size)
{
    const void *data = sqlite3_column_blob(stmt, at);
    size_t size = (size_t)sqlite3_column_bytes(stmt, at);

    *ret_size = size;
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
        return NULL;
    return size ? str_dup_n(data, size) : str_dup("");
}

/* ---- pins */

static bool get_pin(struct cache_store *s, const char *model, const char *revision,
                    const char *credential, struct cache_pin *ret, bool *ret_found, struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[STMT_GET_PIN];
    struct params p = params_of(stmt);

    param_text(&p, model), param_text(&p, revision), param_text(&p, credential);
    if (!db_step(s->db, stmt, ret_found, "pin not read", err))
        return false;
    if (*ret_found) {
        *ret = (struct cache_pin){
            .model = str_dup(model),
            .revision = str_dup(revision),
            .credential = str_dup(credential),
            .commit = str_dup(column_text(stmt, 0)),
            .canonical = str_dup(column_text(stmt, 1)),
            .pinned_at = sqlite3_column_int64(stmt, 3),
        };
        ret->info = column_copy(stmt, 2, &ret->info_size);
    }
    return true;
}

bool cache_get_pin(struct cache_store *s, const char *model, const char *revision,
                   const char *credential, struct cache_pin *ret, bool *ret_found, struct err *err)
{
    *ret_found = false;
    return get_pin(s, model, revision, credential, ret, ret_found, err) || survive(s, err);
}

static bool put_pin(struct cache_store *s, const struct cache_pin *pin, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_PUT_PIN]);

    param_text(&p, pin->model), param_text(&p, pin->revision), param_text(&p, pin->credential);
    param_text(&p, pin->commit), param_text(&p, pin->canonical);
    param_blob(&p, pin->info, pin->info_size), param_int(&p, pin->pinned_at);
    return run(s, STMT_PUT_PIN, "pin not written", err);
}

bool cache_put_pin(struct cache_store *s, const struct cache_pin *pin, struct err *err)
{
    return put_pin(s, pin, err) || (survive(s, err) && put_pin(s, pin, err));
}

bool cache_list_pins(struct cache_store *s, void (*each)(void *ctx, const struct cache_pin *pin),
                     void *ctx, struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[STMT_LIST_PINS];
    bool row;

    for (;;) {
        if (!db_step(s->db, stmt, &row, "pins not read", err)) {
            stmt = NULL; /* survive() finalizes it */
            return survive(s, err);
        }
        if (!row)
            return true;
        each(ctx, &(struct cache_pin){
                      .model = (char *)column_text(stmt, 0),
                      .revision = (char *)column_text(stmt, 1),
                      .credential = (char *)column_text(stmt, 2),
                      .commit = (char *)column_text(stmt, 3),
                      .canonical = (char *)column_text(stmt, 4),
                      .pinned_at = sqlite3_column_int64(stmt, 5),
                  });
    }
}

/* ---- files */

static bool touch_file(struct cache_store *s, const struct cache_file *key, int64_t now_s,
                       struct err *err)
{
    struct params p = params_of(s->stmts[STMT_TOUCH_FILE]);

    param_text(&p, key->model), param_text(&p, key->commit);
    param_text(&p, key->path), param_text(&p, key->credential);
    param_int(&p, now_s), param_int(&p, TOUCH_AFTER_S);
    return run(s, STMT_TOUCH_FILE, "use of a file not written", err);
}

bool cache_touch_file(struct cache_store *s, const struct cache_file *key, int64_t now_s,
                      struct err *err)
{
    return touch_file(s, key, now_s, err) || survive(s, err);
}

static bool get_file(struct cache_store *s, const struct cache_file *key, int64_t now_s,
                     struct cache_file *ret, bool *ret_found, struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[STMT_GET_FILE];
    struct params p = params_of(stmt);
    AUTO_ERR struct err ignored = {0};
    size_t size;

    param_text(&p, key->model), param_text(&p, key->commit);
    param_text(&p, key->path), param_text(&p, key->credential);
    if (!db_step(s->db, stmt, ret_found, "file not read", err))
        return false;
    if (!*ret_found)
        return true;
    *ret = (struct cache_file){
        .model = str_dup(key->model),
        .commit = str_dup(key->commit),
        .path = str_dup(key->path),
        .credential = str_dup(key->credential),
        .etag = str_dup(column_text(stmt, 0)),
        .size = sqlite3_column_int64(stmt, 1),
        .blob_path = column_copy(stmt, 3, &size),
        .last_used = sqlite3_column_int64(stmt, 4),
    };
    ret->content = column_copy(stmt, 2, &ret->content_size);
    /* What was read is good even where this cannot be written, as on a full disk. */
    if (now_s - ret->last_used >= TOUCH_AFTER_S && touch_file(s, key, now_s, &ignored))
        ret->last_used = now_s;
    return true;
}

bool cache_get_file(struct cache_store *s, const char *model, const char *commit, const char *path,
                    const char *credential, int64_t now_s, struct cache_file *ret, bool *ret_found,
                    struct err *err)
{
    const struct cache_file key = {.model = (char *)model,
                                   .commit = (char *)commit,
                                   .path = (char *)path,
                                   .credential = (char *)credential};

    *ret_found = false;
    return get_file(s, &key, now_s, ret, ret_found, err) || survive(s, err);
}

static bool put_file(struct cache_store *s, const struct cache_file *f, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_PUT_FILE]);

    param_text(&p, f->model), param_text(&p, f->commit), param_text(&p, f->path);
    param_text(&p, f->credential), param_text(&p, f->etag), param_int(&p, f->size);
    if (f->content)
        param_blob(&p, f->content, f->content_size);
    else
        param_text(&p, NULL);
    param_text(&p, f->blob_path), param_int(&p, f->last_used);
    param_int(&p, f->content ? (int64_t)f->content_size : f->blob_path ? f->size : 0);
    return run(s, STMT_PUT_FILE, "file not written", err);
}

bool cache_put_file(struct cache_store *s, const struct cache_file *f, struct err *err)
{
    if (f->content_size > CACHE_INLINE_MAX)
        return err_set(err, ERR_TOO_LARGE,
                       "%s: %zu bytes are too many for a row, at most %d: keep it as a blob",
                       f->path, f->content_size, (int)CACHE_INLINE_MAX);
    return put_file(s, f, err) || (survive(s, err) && put_file(s, f, err));
}

static bool is_blob_used(struct cache_store *s, const char *blob_path, bool *ret, struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[STMT_BLOB_USED];
    struct params p = params_of(stmt);

    param_text(&p, blob_path);
    return db_step(s->db, stmt, ret, "blob not looked up", err);
}

static bool put_blob(struct cache_store *s, const struct cache_file *f, bool is_new,
                     struct err *err)
{
    bool ours = is_new;

    if (!ours && !is_blob_used(s, f->blob_path, &ours, err))
        return false;
    return !ours || put_file(s, f, err);
}

bool cache_put_blob(struct cache_store *s, const struct cache_file *f, bool is_new, struct err *err)
{
    return put_blob(s, f, is_new, err) || (survive(s, err) && put_blob(s, f, is_new, err));
}

/* ---- size, eviction, deletion */

static bool get_bytes(struct cache_store *s, int64_t *ret, struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[STMT_BYTES];
    bool row;

    if (!db_step(s->db, stmt, &row, "size not read", err))
        return false;
    *ret = sqlite3_column_int64(stmt, 0);
    return true;
}

bool cache_bytes(struct cache_store *s, int64_t *ret_bytes, struct err *err)
{
    *ret_bytes = 0;
    return get_bytes(s, ret_bytes, err) || survive(s, err);
}

/* Rows on their way out. */
struct removal {
    cache_remove_blob *remove;
    void *ctx;
    struct cache_removed removed;
    int64_t counted; /* bytes that cache_bytes() does not count any more */
};

/* Removes the file that which finds first; *ret_row false: it finds none. */
static bool remove_one(struct cache_store *s, enum cache_stmt which, const char *model,
                       struct removal *r, bool *ret_row, struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[which];
    AUTO_FREE char *blob_path = NULL;
    struct params p = params_of(stmt);
    int64_t rowid, bytes;
    bool used = false;
    size_t size;

    if (model)
        param_text(&p, model);
    if (!db_step(s->db, stmt, ret_row, "file not found", err))
        return false;
    if (!*ret_row)
        return true;
    rowid = sqlite3_column_int64(stmt, 0);
    bytes = sqlite3_column_int64(stmt, 1);
    blob_path = column_copy(stmt, 5, &size);
    if (!blob_path)
        r->removed.bytes += bytes;
    else if (r->remove)
        r->removed.bytes +=
            r->remove(r->ctx, &(struct cache_file){.model = (char *)column_text(stmt, 2),
                                                   .commit = (char *)column_text(stmt, 3),
                                                   .path = (char *)column_text(stmt, 4),
                                                   .blob_path = blob_path});
    sqlite3_reset(stmt);

    p = params_of(s->stmts[STMT_DELETE_FILE]);
    param_int(&p, rowid);
    if (!run(s, STMT_DELETE_FILE, "file not deleted", err) ||
        (blob_path && !is_blob_used(s, blob_path, &used, err)))
        return false;
    r->removed.n_files++;
    r->counted += used ? 0 : bytes;
    return true;
}

static bool remove_oldest_pin(struct cache_store *s, struct removal *r, bool *ret_row,
                              struct err *err)
{
    AUTO_RESET sqlite3_stmt *stmt = s->stmts[STMT_OLDEST_PIN];
    struct params p = params_of(s->stmts[STMT_DELETE_PIN]);

    if (!db_step(s->db, stmt, ret_row, "pin not found", err))
        return false;
    if (!*ret_row)
        return true;
    param_int(&p, sqlite3_column_int64(stmt, 0));
    r->counted += sqlite3_column_int64(stmt, 1);
    sqlite3_reset(stmt);
    return run(s, STMT_DELETE_PIN, "pin not deleted", err);
}

static bool evict(struct cache_store *s, int64_t max_bytes, struct removal *r, int64_t *ret_bytes,
                  struct err *err)
{
    bool row = true;
    int64_t bytes;

    if (!get_bytes(s, &bytes, err))
        return false;
    if (bytes > max_bytes) {
        if (!db_exec(s->db, "BEGIN IMMEDIATE", err))
            return false;
        while (row && bytes - r->counted > max_bytes)
            if (!remove_one(s, STMT_OLDEST, NULL, r, &row, err))
                return false;
        for (row = true; row && bytes - r->counted > max_bytes;)
            if (!remove_oldest_pin(s, r, &row, err))
                return false;
        /* Behind the commit, because it moves pages that the transaction still holds. */
        if (!db_exec(s->db, "COMMIT", err) || !db_exec(s->db, "PRAGMA incremental_vacuum", err))
            return false;
    }
    *ret_bytes = bytes - r->counted;
    return true;
}

bool cache_evict(struct cache_store *s, int64_t max_bytes, cache_remove_blob *remove, void *ctx,
                 int64_t *ret_bytes, struct err *err)
{
    struct removal r = {remove, ctx};

    if (str_eq(s->path, ":memory:") && max_bytes > MEMORY_BYTES)
        max_bytes = MEMORY_BYTES;
    *ret_bytes = 0;
    if (evict(s, max_bytes, &r, ret_bytes, err))
        return true;
    db_rollback(s->db);
    return survive(s, err);
}

/* All files that files_of finds, and all pins that pins_of does; of model, if there is one. */
static bool remove_all(struct cache_store *s, enum cache_stmt files_of, enum cache_stmt pins_of,
                       const char *model, struct removal *r, struct err *err)
{
    struct params p = params_of(s->stmts[pins_of]);
    bool row = true;

    if (!db_exec(s->db, "BEGIN IMMEDIATE", err))
        return false;
    while (row)
        if (!remove_one(s, files_of, model, r, &row, err))
            return false;
    if (model)
        param_text(&p, model);
    if (!run(s, pins_of, "pins not deleted", err))
        return false;
    r->removed.n_pins = sqlite3_changes(s->db);
    return db_exec(s->db, "COMMIT", err) && db_exec(s->db, "PRAGMA incremental_vacuum", err);
}

static bool delete (struct cache_store *s, enum cache_stmt files_of, enum cache_stmt pins_of,
                    const char *model, struct removal *r, struct cache_removed *ret,
                    struct err *err)
{
    bool ok = remove_all(s, files_of, pins_of, model, r, err);

    *ret = r->removed; /* what was removed from the disk is gone in any case */
    if (ok)
        return true;
    db_rollback(s->db);
    return survive(s, err);
}

bool cache_delete_model(struct cache_store *s, const char *model, cache_remove_blob *remove,
                        void *ctx, struct cache_removed *ret, struct err *err)
{
    struct removal r = {remove, ctx};

    return delete (s, STMT_FILES_OF, STMT_DELETE_PINS_OF, model, &r, ret, err);
}

bool cache_clear(struct cache_store *s, cache_remove_blob *remove, void *ctx,
                 struct cache_removed *ret, struct err *err)
{
    struct removal r = {remove, ctx};

    return delete (s, STMT_FILES, STMT_DELETE_PINS, NULL, &r, ret, err);
}
