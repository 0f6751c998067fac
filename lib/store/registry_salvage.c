#include "store/registry_db.h"

#include <stdio.h>

/*
 * Revisions seen by clients may be newer than the newest row that can still be
 * read. A gap this wide is beyond what can have been lost.
 */
enum { REVISION_GAP = 1000000 };

/* Single rows are looked for between the two ends that can be read, at most so many. */
enum { MAX_LOOKUPS = 1000000 };

/* A table on its way from the broken file to the new one. */
struct copy {
    sqlite3 *from, *to;
    const char *table;
    char *columns;        /* those that both have */
    sqlite3_stmt *insert; /* into the new one; what contradicts its constraints is left out */
    int n_columns;
    int64_t n;
};

static void copy_release(struct copy *c)
{
    sqlite3_finalize(c->insert);
    free(c->columns);
}

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(db, NULL, table, column, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

/* An older file has fewer columns; the new table's defaults stand in for the others. */
static bool copy_init(struct copy *c, sqlite3 *from, sqlite3 *to, const char *table,
                      struct err *err)
{
    AUTO_STMT sqlite3_stmt *list = NULL;
    AUTO_BUF struct buf columns = {0}, sql = {0};
    bool row;

    *c = (struct copy){.from = from, .to = to, .table = table};
    if (sqlite3_prepare_v2(to, "SELECT name FROM pragma_table_info(?)", -1, &list, NULL) !=
        SQLITE_OK)
        return db_error(to, table, err);
    sqlite3_bind_text(list, 1, table, -1, SQLITE_STATIC);
    buf_printf(&sql, "INSERT OR IGNORE INTO %s (", table);
    for (;;) {
        const char *name;

        if (!db_step(to, list, &row, table, err))
            return false;
        if (!row)
            break;
        name = column_text(list, 0);
        if (!has_column(from, table, name))
            continue;
        buf_printf(&columns, "%s%s", c->n_columns++ ? ", " : "", name);
    }
    if (c->n_columns == 0)
        return err_set(err, ERR_STORE_CORRUPT, "%s: not found", table);
    buf_printf(&sql, "%s) VALUES (?", columns.data);
    for (int i = 1; i < c->n_columns; i++)
        buf_append_str(&sql, ", ?");
    buf_append_char(&sql, ')');
    c->columns = buf_take(&columns);
    if (sqlite3_prepare_v2(to, sql.data, -1, &c->insert, NULL) != SQLITE_OK)
        return db_error(to, sql.data, err);
    return true;
}

/* The row that stmt stands on: its columns, then its rowid. */
static void copy_row(struct copy *c, sqlite3_stmt *stmt)
{
    for (int i = 0; i < c->n_columns; i++)
        sqlite3_bind_value(c->insert, i + 1, sqlite3_column_value(stmt, i));
    if (sqlite3_step(c->insert) == SQLITE_DONE)
        c->n += sqlite3_changes(c->to);
    sqlite3_reset(c->insert);
}

static sqlite3_stmt *copy_select(struct copy *c, const char *rest)
{
    AUTO_FREE char *sql =
        str_printf("SELECT %s, rowid FROM %s NOT INDEXED %s", c->columns, c->table, rest);
    sqlite3_stmt *stmt = NULL;

    sqlite3_prepare_v2(c->from, sql, -1, &stmt, NULL);
    return stmt;
}

/* Rows in the order given, until one cannot be read. True: all of them; *last is the last rowid. */
static bool copy_scan(struct copy *c, const char *order, int64_t *last)
{
    AUTO_STMT sqlite3_stmt *stmt = copy_select(c, order);
    int rc = SQLITE_ERROR;

    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        copy_row(c, stmt);
        *last = sqlite3_column_int64(stmt, c->n_columns);
    }
    return rc == SQLITE_DONE;
}

static void copy_between(struct copy *c, int64_t after, int64_t before)
{
    AUTO_STMT sqlite3_stmt *stmt = copy_select(c, "WHERE rowid = ?");

    if (before - after > MAX_LOOKUPS)
        before = after + MAX_LOOKUPS;
    for (int64_t id = after + 1; stmt && id < before; id++) {
        sqlite3_bind_int64(stmt, 1, id);
        if (sqlite3_step(stmt) == SQLITE_ROW)
            copy_row(c, stmt);
        sqlite3_reset(stmt);
    }
}

/* From the front to the first break, from the back to the last, then one by one in between. */
static bool copy_table(struct copy *c)
{
    int64_t front = 0, back = 0;

    if (copy_scan(c, "ORDER BY rowid", &front))
        return true;
    copy_scan(c, "ORDER BY rowid DESC", &back);
    if (back > front)
        copy_between(c, front, back);
    return false;
}

static void salvage_table(sqlite3 *from, sqlite3 *to, const char *table,
                          struct registry_store_report *report)
{
    CLEANUP(copy_release) struct copy c;
    AUTO_ERR struct err why = {0};

    if (!copy_init(&c, from, to, table, &why) || !copy_table(&c))
        report->n_lost_tables++;
    report->n_salvaged += c.n;
}

/* What the broken file says of itself; 0 where it cannot be read. */
static int64_t read_int(sqlite3 *from, const char *sql)
{
    AUTO_ERR struct err unreadable = {0};
    int64_t v = 0;

    if (!from || !db_get_int(from, sql, &v, &unreadable))
        return 0;
    return v;
}

/*
 * The new store keeps its own instance id: whoever cached by revision must not
 * take it for the old one. Base layers count as changed, so their digest stays
 * empty.
 */
static bool salvage_meta(sqlite3 *from, sqlite3 *to, struct err *err)
{
    AUTO_FREE char *sql =
        str_printf("DELETE FROM lease WHERE pipeline NOT IN (SELECT id FROM handle);"
                   "UPDATE meta SET cleared = %d, revision = %d + max(%lld, %lld,"
                   " (SELECT coalesce(max(revision), 0) FROM arch),"
                   " (SELECT coalesce(max(revision), 0) FROM tombstone),"
                   " (SELECT coalesce(max(revision), 0) FROM handle));"
                   "UPDATE meta SET compacted = revision, builtin_since = revision;",
                   read_int(from, "SELECT cleared FROM meta") != 0, REVISION_GAP,
                   (long long)read_int(from, "SELECT revision FROM meta"),
                   (long long)read_int(from, "SELECT max(revision) FROM event"));

    return db_exec(to, sql, err);
}

bool registry_salvage(sqlite3 *db, const char *broken, struct registry_store_report *report,
                      struct err *err)
{
    static const char *const tables[] = {"arch", "tombstone", "handle", "lease", "reply"};
    CLEANUP(db_closep) sqlite3 *from = NULL;
    AUTO_ERR struct err unreadable = {0};

    /* Leases may come back without their pipelines; salvage_meta() drops those. */
    if (!db_exec(db, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", err))
        return false;
    if (db_open(&from, broken, DB_BROKEN, &unreadable)) {
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
            salvage_table(from, db, tables[i], report);
    } else {
        report->n_lost_tables = (int64_t)ARRAY_SIZE(tables);
    }
    return salvage_meta(from, db, err) && db_exec(db, "COMMIT", err);
}
