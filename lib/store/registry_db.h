#pragma once
/*
 * The registry store from inside: what its files share. Inside of lib/store only.
 *
 *     registry_open.c     lock, connection, versions, set aside
 *     registry_salvage.c  what a broken file still gives
 *     registry_write.c    ops -> rows
 *     registry_store.c    rows -> callbacks, close, checkpoints
 */
#include "store/db.h"
#include "store/registry_store.h"

enum {
    REGISTRY_APPLICATION_ID = 0x706C6E64, /* "plnd" */
    REGISTRY_SCHEMA = 2,
};

enum registry_stmt {
    STMT_ARCH_PUT,
    STMT_ARCH_DELETE,
    STMT_ARCH_CLEAR,
    STMT_TOMBSTONE_PUT,
    STMT_TOMBSTONE_CLEAR,
    STMT_BASE,
    STMT_HANDLE_PUT,
    STMT_HANDLE_STATE,
    STMT_HANDLE_TOUCH,
    STMT_HANDLE_DELETE,
    STMT_HANDLES_CLEAR,
    STMT_LEASE_PUT,
    STMT_LEASE_DELETE,
    STMT_REPLY_PUT,
    STMT_REPLY_DELETE,
    STMT_REPLIES_EXPIRE,
    STMT_EVENT,
    STMT_EVENTS_COMPACT,
    STMT_COMPACTED,
    STMT_REVISION,
    STMT_BEGIN,
    STMT_COMMIT,
    N_STMTS,
};

struct registry_store {
    sqlite3 *db;                  /* NULL: there is none and none can be made; empty, read-only */
    sqlite3_stmt *stmts[N_STMTS]; /* NULLs in a read-only store */
    bool read_only;
    int lock_fd;          /* of path.lock; -1 none */
    int wal_pages;        /* after the last commit */
    int checkpoint_pages; /* see options */
};

/* Statements of registry_write.c, prepared once the schema is current. */
bool registry_prepare(struct registry_store *s, struct err *err) MUST_CHECK;

/* Runs the schema steps behind version from, in one transaction each. */
bool registry_migrate(sqlite3 *db, int from, struct err *err) MUST_CHECK;
/* A new store's meta row. */
bool registry_init_meta(sqlite3 *db, struct err *err) MUST_CHECK;

/*
 * Copies what can be read of the file at broken into the new and empty db, and
 * counts it in report. Revisions go on behind a gap, so that none is given
 * twice; the events go, for a log with holes is worse than none.
 */
bool registry_salvage(sqlite3 *db, const char *broken, struct registry_store_report *report,
                      struct err *err) MUST_CHECK;
