#pragma once
/*
 * Db: what both stores need of SQLite. Connections with our settings, its
 * errors as ours, statements by table.
 *
 * Inside of lib/store only.
 */
#include "base/err.h"

#include <sqlite3.h>

enum db_mode {
    DB_WRITE,     /* created when there is none; ERR_STORE_READ_ONLY where that may not be */
    DB_READ,      /* reads the WAL as well, for which it needs the -shm file */
    DB_IMMUTABLE, /* the file as it is: for where not even a lock can be taken */
    DB_BROKEN,    /* for reading, without the checks that stand in the way of what is left */
};

/* Opens without SQLite's own locking (a connection has one thread) and with our settings. */
bool db_open(sqlite3 **ret, const char *path, enum db_mode mode, struct err *err) MUST_CHECK;
void db_close(sqlite3 *db);
DEFINE_CLEANUP(sqlite3 *, db_close)

/* The last error of db as ours: "registry.db: what: why". Returns false. */
bool db_error(sqlite3 *db, const char *what, struct err *err);

bool db_exec(sqlite3 *db, const char *sql, struct err *err) MUST_CHECK;
/* The one integer a query gives. */
bool db_get_int(sqlite3 *db, const char *sql, int64_t *ret, struct err *err) MUST_CHECK;
/* PRAGMA quick_check: ERR_STORE_CORRUPT with the first complaint. */
bool db_check(sqlite3 *db, struct err *err) MUST_CHECK;

/* Prepares n statements to be used again and again; NULLs in ret on failure, too. */
bool db_prepare(sqlite3 *db, const char *const *sql, size_t n, sqlite3_stmt **ret,
                struct err *err) MUST_CHECK;
void db_finalize(sqlite3_stmt **stmts, size_t n);

/* Ends whatever a failed transaction left open. */
void db_rollback(sqlite3 *db);

/*
 * Binds a statement's parameters in their order. Bytes are borrowed until the
 * statement has run; NULL text is SQL's NULL.
 *
 *     struct params p = params_of(stmt);
 *     param_text(&p, name), param_int(&p, revision);
 */
struct params {
    sqlite3_stmt *stmt;
    int at;
};
struct params params_of(sqlite3_stmt *stmt);
void param_text(struct params *p, const char *text);
void param_int(struct params *p, int64_t v);
void param_blob(struct params *p, const void *data, size_t size);

/* Runs a bound statement that gives no rows, and resets it. */
bool db_run(sqlite3 *db, sqlite3_stmt *stmt, const char *what, struct err *err) MUST_CHECK;
/* Steps to the next row: *ret_row false at the end. Resets at the end and on failure. */
bool db_step(sqlite3 *db, sqlite3_stmt *stmt, bool *ret_row, const char *what,
             struct err *err) MUST_CHECK;

/* For CLEANUP() of a statement borrowed from its table. */
void stmt_resetp(sqlite3_stmt **stmt);
#define AUTO_RESET CLEANUP(stmt_resetp)
void stmt_finalizep(sqlite3_stmt **stmt);
#define AUTO_STMT CLEANUP(stmt_finalizep)

/* Text of a column, "" for NULL; borrowed until the next step. */
const char *column_text(sqlite3_stmt *stmt, int at);
