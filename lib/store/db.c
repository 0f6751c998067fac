#include "store/db.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * How a connection behaves. The journal mode and synchronous are the stores'
 * own. cell_size_check finds broken pages before their content is believed.
 */
static const char settings[] = "PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -1024;";

enum { BUSY_TIMEOUT_MS = 5000 }; /* somebody with the sqlite3 shell */

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path && *path ? path : "store in memory";
}

/* EFBIG is RLIMIT_FSIZE, which is somebody's way to say that the disk ends here. */
static bool is_full(int code, int os_error)
{
    return code == SQLITE_FULL || os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG;
}

static enum err_code err_code_of(int code, int os_error)
{
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_STORE_CORRUPT;
    case SQLITE_READONLY:
        return ERR_STORE_READ_ONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_STORE_FULL;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        if (is_full(code, os_error))
            return ERR_STORE_FULL;
        return os_error == EROFS || os_error == EACCES || os_error == EPERM ? ERR_STORE_READ_ONLY
                                                                            : ERR_STORE;
    default:
        return ERR_STORE;
    }
}

/*
 * The errno behind a code that means "the system refused". SQLite keeps it for
 * some calls only; for the others it is what the last failing call left, if the
 * caller has set it to 0 before.
 */
static int os_error_of(sqlite3 *db, int code)
{
    int left = errno, kept = sqlite3_system_errno(db);

    if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN && code != SQLITE_PERM)
        return 0;
    return kept ? kept : left;
}

bool db_error(sqlite3 *db, const char *what, struct err *err)
{
    int code = sqlite3_errcode(db);
    int os_error = os_error_of(db, code);

    return err_set(err, err_code_of(code, os_error), "%s: %s: %s%s%s",
                   base_name(sqlite3_db_filename(db, "main")), what, sqlite3_errmsg(db),
                   os_error ? ": " : "", os_error ? strerror(os_error) : "");
}

/* file:… with what a URI gives meaning to escaped. */
static char *uri_of(const char *path, bool immutable)
{
    struct buf uri = {0};

    buf_append_str(&uri, "file:");
    for (const char *p = path; *p; p++) {
        if (strchr("%?#", *p))
            buf_printf(&uri, "%%%02X", (unsigned char)*p);
        else
            buf_append_char(&uri, *p);
    }
    if (immutable)
        buf_append_str(&uri, "?immutable=1");
    return buf_take(&uri);
}

/*
 * Where no file can be made: SQLite tried to write first and to read last, and
 * tells of the last. Makes it ERR_STORE_READ_ONLY when the folder is to blame.
 */
static bool dir_error(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *dir = slash ? str_dup_n(path, (size_t)(slash - path) + 1) : str_dup(".");

    if (access(dir, F_OK) == 0 && access(dir, W_OK) < 0)
        return err_set(err, ERR_STORE_READ_ONLY, "%s cannot be made: %s", path, strerror(errno));
    return err_wrap(err, "%s", path);
}

bool db_open(sqlite3 **ret, const char *path, enum db_mode mode, struct err *err)
{
    CLEANUP(db_closep) sqlite3 *db = NULL;
    AUTO_FREE char *uri =
        str_eq(path, ":memory:") ? str_dup(path) : uri_of(path, mode == DB_IMMUTABLE);
    int flags =
        mode == DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;

    errno = 0;
    if (sqlite3_open_v2(uri, &db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        db_error(db, "cannot be opened", err);
        return mode == DB_WRITE && err->code == ERR_STORE ? dir_error(path, err) : false;
    }
    /* SQLite opens what it may not write for reading, and says so only when asked. */
    if (mode == DB_WRITE && sqlite3_db_readonly(db, "main") == 1)
        return err_set(err, ERR_STORE_READ_ONLY, "%s may not be written", path);
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    /* A file shorter than its header says is refused otherwise. */
    if (mode == DB_BROKEN && !db_exec(db, "PRAGMA writable_schema = ON", err))
        return false;
    errno = 0;
    if (sqlite3_exec(db, settings, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(db, "cannot be read", err);
    *ret = take(&db);
    return true;
}

void db_close(sqlite3 *db) { sqlite3_close(db); }

bool db_exec(sqlite3 *db, const char *sql, struct err *err)
{
    errno = 0;
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(db, sql, err);
    return true;
}

bool db_get_int(sqlite3 *db, const char *sql, int64_t *ret, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return db_error(db, sql, err);
    if (!db_step(db, stmt, &row, sql, err))
        return false;
    *ret = row ? sqlite3_column_int64(stmt, 0) : 0;
    return true;
}

bool db_check(sqlite3 *db, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row;

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK)
        return db_error(db, "cannot be checked", err);
    if (!db_step(db, stmt, &row, "cannot be checked", err))
        return false;
    if (!row || str_eq(column_text(stmt, 0), "ok"))
        return true;
    return err_set(err, ERR_STORE_CORRUPT, "%s: %s", base_name(sqlite3_db_filename(db, "main")),
                   column_text(stmt, 0));
}

bool db_prepare(sqlite3 *db, const char *const *sql, size_t n, sqlite3_stmt **ret, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = NULL;
    for (size_t i = 0; i < n; i++) {
        if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &ret[i], NULL) !=
            SQLITE_OK) {
            db_error(db, sql[i], err);
            db_finalize(ret, n);
            return false;
        }
    }
    return true;
}

void db_finalize(sqlite3_stmt **stmts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sqlite3_finalize(stmts[i]);
        stmts[i] = NULL;
    }
}

void db_rollback(sqlite3 *db)
{
    /* A full disk or an I/O error has rolled back by itself already. */
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

struct params params_of(sqlite3_stmt *stmt) { return (struct params){.stmt = stmt}; }

void param_text(struct params *p, const char *text)
{
    sqlite3_bind_text(p->stmt, ++p->at, text, -1, SQLITE_STATIC);
}

void param_int(struct params *p, int64_t v) { sqlite3_bind_int64(p->stmt, ++p->at, v); }

void param_blob(struct params *p, const void *data, size_t size)
{
    /* A NULL pointer would be SQL's NULL, and no bytes are no NULL. */
    sqlite3_bind_blob64(p->stmt, ++p->at, data ? data : "", size, SQLITE_STATIC);
}

bool db_run(sqlite3 *db, sqlite3_stmt *stmt, const char *what, struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        db_error(db, what, err);
        sqlite3_reset(stmt);
        return false;
    }
    sqlite3_reset(stmt);
    return true;
}

bool db_step(sqlite3 *db, sqlite3_stmt *stmt, bool *ret_row, const char *what, struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_step(stmt);
    *ret_row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        db_error(db, what, err);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE;
}

void stmt_resetp(sqlite3_stmt **stmt)
{
    if (*stmt)
        sqlite3_reset(*stmt);
}

void stmt_finalizep(sqlite3_stmt **stmt) { sqlite3_finalize(*stmt); }

const char *column_text(sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    return text ? text : "";
}
