#include "base/clock.h"
#include "store/registry_db.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* schema_steps[i] makes version i + 1 of version i. */
static const char *const schema_steps[] = {sql_registry_1, sql_registry_2};
_Static_assert(ARRAY_SIZE(schema_steps) == REGISTRY_SCHEMA, "a step per version");

enum { DEFAULT_CHECKPOINT_PAGES = 1000 };

/* ---- one owner */

/*
 * SQLite's own locks last for a transaction only, and two daemons that each
 * believe to know the state must not take turns. The lock goes with the
 * process, however it ends; the file stays.
 */
static bool lock_store(struct registry_store *s, const char *path, struct err *err)
{
    AUTO_FREE char *lock_path = str_printf("%s.lock", path);
    char owner[24] = "";
    ssize_t n;

    s->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        if (errno == EROFS || errno == EACCES || errno == EPERM)
            return true; /* then the store cannot be written either */
        return err_set(err, errno == ENOSPC ? ERR_STORE_FULL : ERR_STORE, "%s: %s", lock_path,
                       strerror(errno));
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        n = pread(s->lock_fd, owner, sizeof(owner) - 1, 0);
        owner[n > 0 ? strspn(owner, "0123456789") : 0] = '\0';
        return err_set(err, ERR_BUSY, "%s is in use by another pipelined%s%s", path,
                       owner[0] ? ", process " : "", owner);
    }
    /* For people only, so a full disk does not matter. */
    n = snprintf(owner, sizeof(owner), "%d\n", (int)getpid());
    if (ftruncate(s->lock_fd, 0) == 0 && pwrite(s->lock_fd, owner, (size_t)n, 0) < 0)
        return true;
    return true;
}

/* ---- versions */

bool registry_migrate(sqlite3 *db, int from, struct err *err)
{
    for (int version = from; version < REGISTRY_SCHEMA; version++) {
        AUTO_FREE char *script =
            str_printf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d;"
                       " COMMIT",
                       schema_steps[version], REGISTRY_APPLICATION_ID, version + 1);

        if (sqlite3_exec(db, script, NULL, NULL, NULL) != SQLITE_OK) {
            AUTO_FREE char *what = str_printf("schema %d cannot be made", version + 1);

            db_error(db, what, err);
            db_rollback(db);
            return false;
        }
    }
    return true;
}

/* RFC 9562, version 4. */
static void make_uuid(char ret[37])
{
    uint8_t b[16];

    if (getrandom(b, sizeof(b), 0) != sizeof(b))
        abort(); /* never for so few bytes */
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

bool registry_init_meta(sqlite3 *db, struct err *err)
{
    char uuid[37], script[300];

    make_uuid(uuid);
    snprintf(script, sizeof(script),
             "INSERT INTO meta (id, revision, compacted, cleared, builtin_since, base_digest,"
             " instance_id, created_at) VALUES (1, 0, 0, 0, 0, '', '%s', %lld)",
             uuid, (long long)clock_wall_s());
    return db_exec(db, script, err);
}

/* ---- opening */

/* Whether it is ours, and how old: *ret_version 0 is a new file. */
static bool identify(sqlite3 *db, int64_t *ret_version, struct err *err)
{
    int64_t application_id, n_tables;

    if (!db_get_int(db, "PRAGMA application_id", &application_id, err) ||
        !db_get_int(db, "PRAGMA user_version", ret_version, err) ||
        !db_get_int(db, "SELECT count(*) FROM sqlite_schema", &n_tables, err))
        return false;
    if (application_id != REGISTRY_APPLICATION_ID && (application_id || n_tables))
        return err_set(err, ERR_STORE,
                       "%s is another program's database (application_id 0x%08x instead of"
                       " 0x%08x); name another --state-dir",
                       sqlite3_db_filename(db, "main"), (unsigned)application_id,
                       (unsigned)REGISTRY_APPLICATION_ID);
    if (*ret_version > REGISTRY_SCHEMA) {
        err_set(err, ERR_STORE_NEWER,
                "%s has schema %d and this pipelined knows up to %d: run the release that wrote"
                " it, or restore a copy from before the upgrade",
                sqlite3_db_filename(db, "main"), (int)*ret_version, (int)REGISTRY_SCHEMA);
        err_fact_int(err, "schema", *ret_version);
        return err_fact_int(err, "limit", REGISTRY_SCHEMA);
    }
    return true;
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int n_pages)
{
    struct registry_store *s = ctx;

    (void)db, (void)name;
    s->wal_pages = n_pages;
    return SQLITE_OK;
}

/*
 * FULL and a WAL: one fsync per commit. The hook takes the place of automatic
 * checkpoints, which would come in the middle of somebody's commit.
 */
static bool make_writable(struct registry_store *s, int64_t version,
                          struct registry_store_report *report, struct err *err)
{
    int64_t n_meta;

    if (!db_exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err))
        return false;
    sqlite3_wal_hook(s->db, on_commit, s);
    if (!registry_migrate(s->db, (int)version, err))
        return false;
    if (version == 0 && !registry_init_meta(s->db, err))
        return false;
    if (!db_get_int(s->db, "SELECT count(*) FROM meta", &n_meta, err))
        return false;
    /* Killed between the two of a first start: there is nothing else in it yet. */
    if (n_meta == 0 && !registry_init_meta(s->db, err))
        return false;
    report->created = version == 0;
    report->migrated_from = version && version < REGISTRY_SCHEMA ? (int)version : 0;
    return registry_prepare(s, err);
}

static bool open_writable(struct registry_store *s, const char *path,
                          struct registry_store_report *report, struct err *err)
{
    CLEANUP(db_closep) sqlite3 *db = NULL;
    int64_t version;

    if (!db_open(&db, path, DB_WRITE, err) || !identify(db, &version, err))
        return false;
    if (version && !db_check(db, err))
        return false;
    s->db = take(&db);
    if (make_writable(s, version, report, err))
        return true;
    db_finalize(s->stmts, N_STMTS);
    sqlite3_close(s->db);
    s->db = NULL;
    return false;
}

/*
 * For reading. Where no shared memory can be made beside it, a file that was
 * closed properly is complete without its WAL and is read as immutable.
 */
static bool open_readable(struct registry_store *s, const char *path, bool immutable,
                          struct err *err)
{
    CLEANUP(db_closep) sqlite3 *db = NULL;
    int64_t version;

    if (!db_open(&db, path, immutable ? DB_IMMUTABLE : DB_READ, err) ||
        !identify(db, &version, err) || !db_check(db, err))
        return false;
    if (version != REGISTRY_SCHEMA)
        return err_set(err, ERR_STORE_READ_ONLY,
                       "%s has schema %d and cannot be brought to %d, because it is read-only",
                       path, (int)version, (int)REGISTRY_SCHEMA);
    s->db = take(&db);
    return true;
}

static int64_t size_of(const char *path, const char *suffix)
{
    AUTO_FREE char *full = str_printf("%s%s", path, suffix);
    struct stat st;

    return stat(full, &st) == 0 ? st.st_size : -1;
}

/* Without any file a read-only store is simply empty. */
static bool open_read_only(struct registry_store *s, const char *path,
                           struct registry_store_report *report, const char *reason,
                           struct err *err)
{
    AUTO_ERR struct err first = {0};

    s->read_only = report->read_only = true;
    snprintf(report->reason, sizeof(report->reason), "%s", reason);
    if (size_of(path, "") <= 0 || open_readable(s, path, false, &first))
        return true;
    if (size_of(path, "-wal") <= 0 && open_readable(s, path, true, err))
        return true;
    err_release(err);
    err_move(err, &first);
    return false;
}

/* ---- corruption */

static bool rename_with(const char *from, const char *to, const char *suffix, struct err *err)
{
    AUTO_FREE char *a = str_printf("%s%s", from, suffix), *b = str_printf("%s%s", to, suffix);

    if (rename(a, b) < 0 && errno != ENOENT)
        return err_set(err, ERR_STORE_CORRUPT,
                       "%s is corrupt and cannot be renamed to %s: %s; move it away", a, b,
                       strerror(errno));
    return true;
}

/* registry.db.corrupt-20261123T210000Z, with a counter when that is taken. */
static void name_for_corrupt(const char *path, char *ret, size_t size)
{
    char utc[24];
    time_t now = (time_t)clock_wall_s();
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(utc, sizeof(utc), "%Y%m%dT%H%M%SZ", &tm);
    snprintf(ret, size, "%s.corrupt-%s", path, utc);
    for (int i = 2; i < 100 && access(ret, F_OK) == 0; i++)
        snprintf(ret, size, "%s.corrupt-%s-%d", path, utc, i);
}

static bool build_salvage(const char *path, const char *fresh, struct registry_store_report *report,
                          struct err *err)
{
    CLEANUP(db_closep) sqlite3 *db = NULL;

    unlink(fresh); /* of an attempt that was cut short */
    return db_open(&db, fresh, DB_WRITE, err) &&
           db_exec(db, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL", err) &&
           registry_migrate(db, 0, err) && registry_init_meta(db, err) &&
           registry_salvage(db, path, report, err);
}

/* Takes a finished salvage as the store. A WAL that is still there is the broken one's. */
static bool adopt_salvage(const char *path, struct err *err)
{
    AUTO_FREE char *ready = str_printf("%s.salvaged", path);
    AUTO_FREE char *wal = str_printf("%s-wal", path), *shm = str_printf("%s-shm", path);

    unlink(wal);
    unlink(shm);
    if (rename(ready, path) < 0)
        return err_set(err, ERR_STORE, "%s: %s", ready, strerror(errno));
    return true;
}

/*
 * In an order that a crash may end anywhere: the broken file keeps its name
 * until the salvage is complete and has its own, and a start that finds only
 * the latter goes on from there. The WAL goes with the file, for it holds what
 * was written last.
 */
static bool set_aside(struct registry_store *s, const char *path,
                      struct registry_store_report *report, struct err *err)
{
    AUTO_FREE char *fresh = str_printf("%s.salvaging", path);
    AUTO_FREE char *ready = str_printf("%s.salvaged", path);

    name_for_corrupt(path, report->set_aside, sizeof(report->set_aside));
    if (!build_salvage(path, fresh, report, err))
        return false;
    if (rename(fresh, ready) < 0)
        return err_set(err, ERR_STORE, "%s: %s", fresh, strerror(errno));
    return rename_with(path, report->set_aside, "", err) &&
           rename_with(path, report->set_aside, "-wal", err) && adopt_salvage(path, err) &&
           open_writable(s, path, report, err);
}

bool registry_store_open(struct registry_store **ret, const char *path,
                         const struct registry_store_options *options,
                         struct registry_store_report *report, struct err *err)
{
    CLEANUP(registry_store_closep) struct registry_store *s = mem_new(struct registry_store);
    struct registry_store_report unused;
    AUTO_ERR struct err why = {0};
    bool ok;

    if (!report)
        report = &unused;
    memset(report, 0, sizeof(*report));
    s->lock_fd = -1;
    s->checkpoint_pages =
        options && options->checkpoint_pages ? options->checkpoint_pages : DEFAULT_CHECKPOINT_PAGES;
    if (options && options->read_only) {
        ok = open_read_only(s, path, report, "asked for", err);
    } else {
        if (!lock_store(s, path, err))
            return false;
        if (size_of(path, "") < 0 && size_of(path, ".salvaged") > 0 && !adopt_salvage(path, err))
            return false;
        report->unclean = size_of(path, "-wal") > 0;
        ok = open_writable(s, path, report, &why);
        if (!ok && why.code == ERR_STORE_CORRUPT) {
            snprintf(report->reason, sizeof(report->reason), "%s", why.msg);
            ok = set_aside(s, path, report, err);
        } else if (!ok && why.code == ERR_STORE_READ_ONLY) {
            ok = open_read_only(s, path, report, why.msg, err);
        } else if (!ok) {
            err_move(err, &why);
        }
    }
    if (!ok)
        return false;
    *ret = take(&s);
    return true;
}
