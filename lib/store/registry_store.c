#include "store/registry_store.h"

#include "store/registry_db.h"

#include <stdio.h>
#include <unistd.h>

void registry_store_close(struct registry_store *s)
{
    if (!s)
        return;
    db_finalize(s->stmts, N_STMTS);
    if (s->db && !s->read_only) {
        /* Failing is fine: the WAL then stays, and the next start reads it. */
        sqlite3_exec(s->db, "PRAGMA optimize", NULL, NULL, NULL);
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

bool registry_store_is_read_only(const struct registry_store *s) { return s->read_only; }

void registry_store_tidy(struct registry_store *s)
{
    if (s->read_only || s->wal_pages <= s->checkpoint_pages)
        return;
    /*
     * PASSIVE waits for nobody. The WAL file keeps its size and is used from
     * its start again. Failing is fine: the pages stay in the WAL.
     */
    if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
        s->wal_pages = 0;
}

/* ---- load */

struct load {
    const struct registry_store_loader *l;
    sqlite3 *db;
};

/* Calls each() for every row of sql. */
static bool each_row(const struct load *load, const char *sql,
                     void (*each)(const struct load *load, sqlite3_stmt *row), struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row;

    if (sqlite3_prepare_v2(load->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return db_error(load->db, sql, err);
    for (;;) {
        if (!db_step(load->db, stmt, &row, "cannot be read", err))
            return false;
        if (!row)
            return true;
        each(load, stmt);
    }
}

static void each_arch(const struct load *load, sqlite3_stmt *row)
{
    struct store_arch a = {
        .name = column_text(row, 0),
        .task = column_text(row, 1),
        .doc = column_text(row, 2),
        .ordinal = sqlite3_column_int64(row, 3),
        .revision = sqlite3_column_int64(row, 4),
        .created_at = sqlite3_column_int64(row, 5),
    };

    load->l->arch(load->l->ctx, &a);
}

static void each_tombstone(const struct load *load, sqlite3_stmt *row)
{
    struct store_tombstone t = {
        .name = column_text(row, 0),
        .task = column_text(row, 1),
        .revision = sqlite3_column_int64(row, 2),
    };

    load->l->tombstone(load->l->ctx, &t);
}

#define HANDLE_FACTS \
    "id, kind, state, arch, task, model, commit_id, revision, created_at, last_used, bytes"
#define HANDLE_TEXTS "effective, members, detail"

/* Borrows from row, which selects HANDLE_FACTS and, with texts, HANDLE_TEXTS. */
static struct store_handle handle_of(sqlite3_stmt *row, bool texts)
{
    return (struct store_handle){
        .id = column_text(row, 0),
        .kind = (enum store_handle_kind)sqlite3_column_int(row, 1),
        .state = column_text(row, 2),
        .arch = column_text(row, 3),
        .task = column_text(row, 4),
        .model = column_text(row, 5),
        .commit = column_text(row, 6),
        .revision = sqlite3_column_int64(row, 7),
        .created_at = sqlite3_column_int64(row, 8),
        .last_used = sqlite3_column_int64(row, 9),
        .bytes = sqlite3_column_int64(row, 10),
        .effective = texts ? column_text(row, 11) : NULL,
        .members = texts ? column_text(row, 12) : NULL,
        .detail = texts ? column_text(row, 13) : NULL,
    };
}

static void each_handle(const struct load *load, sqlite3_stmt *row)
{
    struct store_handle h = handle_of(row, load->l->handle_texts);

    load->l->handle(load->l->ctx, &h);
}

static void each_lease(const struct load *load, sqlite3_stmt *row)
{
    struct store_lease l = {
        .id = column_text(row, 0),
        .pipeline = column_text(row, 1),
        .holder = column_text(row, 2),
        .ttl_ms = sqlite3_column_int64(row, 3),
        .expires = {.wall_ms = sqlite3_column_int64(row, 4),
                    .boot_ms = sqlite3_column_int64(row, 5)},
        .created_at = sqlite3_column_int64(row, 7),
    };

    snprintf(l.expires.boot_id, sizeof(l.expires.boot_id), "%s", column_text(row, 6));
    load->l->lease(load->l->ctx, &l);
}

static void each_reply(const struct load *load, sqlite3_stmt *row)
{
    struct store_reply r = {
        .key = column_text(row, 0),
        .principal = column_text(row, 1),
        .fingerprint = column_text(row, 2),
        .status = sqlite3_column_int(row, 3),
        .headers = column_text(row, 4),
        .body = sqlite3_column_blob(row, 5),
        .body_size = (size_t)sqlite3_column_bytes(row, 5),
        .created_at = sqlite3_column_int64(row, 6),
        .expires_at = sqlite3_column_int64(row, 7),
    };

    load->l->reply(load->l->ctx, &r);
}

static void each_event(const struct load *load, sqlite3_stmt *row)
{
    struct store_event e = {
        .revision = sqlite3_column_int64(row, 0),
        .kind = column_text(row, 1),
        .op = column_text(row, 2),
        .ref = column_text(row, 3),
        .at_ms = sqlite3_column_int64(row, 4),
        .body = column_text(row, 5),
    };

    load->l->event(load->l->ctx, &e);
}

static bool load_events(const struct load *load, struct err *err)
{
    AUTO_FREE char *sql =
        str_printf("SELECT * FROM (SELECT revision, kind, op, ref, at_ms, body FROM event"
                   " ORDER BY revision DESC LIMIT %lld) ORDER BY revision",
                   (long long)(load->l->max_events > 0 ? load->l->max_events : -1));

    return each_row(load, sql, each_event, err);
}

static bool load_meta(sqlite3 *db, struct store_meta *ret, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row;

    if (sqlite3_prepare_v2(db,
                           "SELECT revision, compacted, cleared, builtin_since, base_digest,"
                           " instance_id, created_at FROM meta",
                           -1, &stmt, NULL) != SQLITE_OK)
        return db_error(db, "meta cannot be read", err);
    if (!db_step(db, stmt, &row, "meta cannot be read", err))
        return false;
    if (!row)
        return err_set(err, ERR_STORE_CORRUPT, "%s: meta has no row",
                       sqlite3_db_filename(db, "main"));
    ret->revision = sqlite3_column_int64(stmt, 0);
    ret->compacted = sqlite3_column_int64(stmt, 1);
    ret->cleared = sqlite3_column_int(stmt, 2) != 0;
    ret->builtin_since = sqlite3_column_int64(stmt, 3);
    snprintf(ret->base_digest, sizeof(ret->base_digest), "%s", column_text(stmt, 4));
    snprintf(ret->instance_id, sizeof(ret->instance_id), "%s", column_text(stmt, 5));
    ret->created_at = sqlite3_column_int64(stmt, 6);
    return true;
}

bool registry_store_load(struct registry_store *s, const struct registry_store_loader *l,
                         struct store_meta *ret_meta, struct err *err)
{
    const struct load load = {.l = l, .db = s->db};
    struct store_meta meta = {0};

    if (s->db && !load_meta(s->db, &meta, err))
        return false;
    if (s->db &&
        ((l->arch && !each_row(&load,
                               "SELECT name, task, doc, ordinal, revision, created_at FROM arch"
                               " ORDER BY ordinal, revision",
                               each_arch, err)) ||
         (l->tombstone &&
          !each_row(&load, "SELECT name, task, revision FROM tombstone ORDER BY revision",
                    each_tombstone, err)) ||
         (l->handle &&
          !each_row(&load,
                    l->handle_texts ? "SELECT " HANDLE_FACTS ", " HANDLE_TEXTS " FROM handle"
                                      " ORDER BY last_used, revision"
                                    : "SELECT " HANDLE_FACTS " FROM handle"
                                      " ORDER BY last_used, revision",
                    each_handle, err)) ||
         (l->lease && !each_row(&load,
                                "SELECT id, pipeline, holder, ttl_ms, expires_wall_ms,"
                                " expires_boot_ms, boot_id, created_at FROM lease ORDER BY rowid",
                                each_lease, err)) ||
         (l->reply && !each_row(&load,
                                "SELECT key, principal, fingerprint, status, headers, body,"
                                " created_at, expires_at FROM reply ORDER BY expires_at",
                                each_reply, err)) ||
         (l->event && !load_events(&load, err))))
        return false;
    *ret_meta = meta;
    return true;
}

/* ---- one handle */

static char *push(char **end, const char *text)
{
    char *ret = *end;

    *end = stpcpy(ret, text) + 1;
    return ret;
}

/* The strings lie behind the struct. */
static struct store_handle *handle_copy(const struct store_handle *h)
{
    size_t size = strlen(h->id) + strlen(h->state) + strlen(h->arch) + strlen(h->task) +
                  strlen(h->model) + strlen(h->commit) + strlen(h->effective) + strlen(h->members) +
                  strlen(h->detail) + 9;
    struct store_handle *ret = mem_alloc(sizeof(*ret) + size);
    char *end = (char *)(ret + 1);

    *ret = *h;
    ret->id = push(&end, h->id);
    ret->state = push(&end, h->state);
    ret->arch = push(&end, h->arch);
    ret->task = push(&end, h->task);
    ret->model = push(&end, h->model);
    ret->commit = push(&end, h->commit);
    ret->effective = push(&end, h->effective);
    ret->members = push(&end, h->members);
    ret->detail = push(&end, h->detail);
    return ret;
}

bool registry_store_get_handle(struct registry_store *s, const char *id, struct store_handle **ret,
                               struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    struct store_handle h;
    bool row = false;

    *ret = NULL;
    if (!s->db)
        return true;
    if (sqlite3_prepare_v2(s->db,
                           "SELECT " HANDLE_FACTS ", " HANDLE_TEXTS " FROM handle WHERE id = ?", -1,
                           &stmt, NULL) != SQLITE_OK)
        return db_error(s->db, "handle cannot be read", err);
    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    if (!db_step(s->db, stmt, &row, "handle cannot be read", err))
        return false;
    if (row) {
        h = handle_of(stmt, true);
        *ret = handle_copy(&h);
    }
    return true;
}

void store_handle_free(struct store_handle *h) { free(h); }
