#pragma once
/*
 * Registry store: registry.db, the one precious file.
 *
 * What was registered, deleted and cleared, the handles, leases, idempotent
 * replies and events, as docs/store-format.md describes them. One owner (the
 * core loop) holds all of it in memory, decides, numbers its writes with
 * revisions and submits them; the store is what remains of that after a
 * restart. It is therefore read as a whole once, at start, and written in
 * transactions of many ops: registry_store_apply() is a group commit.
 *
 * Every call blocks. A store belongs to one thread at a time; daemon/storage.h
 * keeps it on a thread of its own, tests call it directly.
 *
 * Errors, everywhere: ERR_STORE_FULL, ERR_STORE_READ_ONLY, ERR_STORE_CORRUPT,
 * and ERR_STORE for the rest; ERR_BUSY when another process holds the file.
 */
#include "base/err.h"
#include "store/clock.h"

/* ---- rows. Strings are borrowed: by an op until it is applied, by a callback while it runs. */

/* An architecture that came over the API. Those of the catalog are not stored. */
struct store_arch {
    const char *name, *task;
    const char *doc;    /* canonical JSON */
    int64_t ordinal;    /* place in the order of registration; replacing keeps it */
    int64_t revision;   /* when it was written */
    int64_t created_at; /* Unix seconds */
};

/* A built-in or catalog architecture that was deleted and shall stay so. */
struct store_tombstone {
    const char *name, *task;
    int64_t revision;
};

enum store_handle_kind { STORE_PIPELINE, STORE_FACTORY, STORE_TOKENIZER };

struct store_handle {
    const char *id; /* pl_…, fc_…, tk_… */
    enum store_handle_kind kind;
    const char *state;     /* "ready", "failed", …; at most 32 bytes */
    const char *arch;      /* "" none */
    const char *task;      /* "" none */
    const char *model;     /* as requested */
    const char *commit;    /* "" none */
    const char *effective; /* the whole request as JSON: can be posted back */
    const char *members;   /* the document's members, without braces */
    const char *detail;    /* JSON that only the daemon reads (weight files, factory id, …) */
    int64_t revision;      /* of its last change */
    int64_t created_at, last_used; /* Unix seconds */
    int64_t bytes;                 /* what counts against the LRU's budget */
};

struct store_lease {
    const char *id;       /* ls_… */
    const char *pipeline; /* pl_… */
    const char *holder;
    int64_t ttl_ms;
    struct clock_moment expires; /* clock_remaining_ms(&expires, &now, ttl_ms) */
    int64_t created_at;          /* Unix seconds */
};

/* What was answered under an Idempotency-Key. */
struct store_reply {
    const char *key, *principal;
    const char *fingerprint; /* of method, target and body */
    int status;
    const char *headers; /* the daemon's own form */
    const void *body;
    size_t body_size;
    int64_t created_at, expires_at; /* Unix seconds */
};

/* One change. There is one per revision, so a revision is a place to resume from. */
struct store_event {
    int64_t revision;
    const char *kind; /* "architecture", "pipeline", "lease", … */
    const char *op;   /* "put", "delete", "reset", … */
    const char *ref;  /* name, id */
    int64_t at_ms;    /* Unix milliseconds */
    const char *body; /* JSON, "" none */
};

/* The state that is not a row. */
struct store_meta {
    int64_t revision;      /* the last one committed; 0 for a new store */
    int64_t compacted;     /* events up to and with this revision are gone */
    bool cleared;          /* built-in and catalog layers are hidden */
    int64_t builtin_since; /* revision at which those layers last changed */
    char base_digest[65];  /* of those layers as last seen, "" for never */
    char instance_id[37];  /* UUID of this store; a salvaged one gets a new one */
    int64_t created_at;    /* Unix seconds */
};

/* ---- writes */

enum store_op_kind {
    STORE_ARCH_PUT,       /* arch; replaces the same (name, task) */
    STORE_ARCH_DELETE,    /* tombstone.name, .task: the record, if there is one */
    STORE_TOMBSTONE_PUT,  /* tombstone */
    STORE_ARCH_CLEAR,     /* base: all records and tombstones go; then as STORE_BASE */
    STORE_BASE,           /* base */
    STORE_HANDLE_PUT,     /* handle; replaces the same id */
    STORE_HANDLE_STATE,   /* handle.id, .state, .members (NULL: unchanged), .revision */
    STORE_HANDLE_TOUCH,   /* handle.id, .last_used */
    STORE_HANDLE_DELETE,  /* handle.id; its leases go with it */
    STORE_HANDLES_CLEAR,  /* handle.kind: all of that kind, and leases of pipelines */
    STORE_LEASE_PUT,      /* lease; renews the same id */
    STORE_LEASE_DELETE,   /* lease.id */
    STORE_REPLY_PUT,      /* reply; replaces the same (key, principal) */
    STORE_REPLY_DELETE,   /* reply.key, .principal */
    STORE_REPLIES_EXPIRE, /* reply.expires_at: those at or before it go */
    STORE_EVENT,          /* event */
    STORE_EVENTS_COMPACT, /* event.revision: up to and with it they go */
};

struct store_op {
    enum store_op_kind kind;
    union {
        struct store_arch arch;
        struct store_tombstone tombstone;
        struct store_handle handle;
        struct store_lease lease;
        struct store_reply reply;
        struct store_event event;
        struct {
            bool cleared;
            int64_t builtin_since;
            const char *digest; /* NULL: unchanged */
        } base;
    };
};

/* The ops of one change: they become durable together or not at all. */
struct store_write {
    const struct store_op *ops;
    size_t n_ops;
    int64_t revision; /* the registry's, once this is committed; 0: this does not move it */
};

/* ---- the store */

struct registry_store;

struct registry_store_options {
    bool read_only; /* do not even try to write */
    /*
     * Pages of WAL (4 KiB) after which registry_store_tidy() copies them to
     * the database file. 0: 1000.
     */
    int checkpoint_pages;
};

/* What opening found, for the log. Zeroed where it does not apply. */
struct registry_store_report {
    bool created;
    bool unclean;          /* the last owner did not close it */
    int migrated_from;     /* schema version, 0: it was current */
    bool read_only;        /* see reason; writes fail with ERR_STORE_READ_ONLY */
    char set_aside[4096];  /* where the corrupt file went; reason says what was wrong */
    int64_t n_salvaged;    /* rows read from it into the new store */
    int64_t n_lost_tables; /* tables that could not be read to their end */
    char reason[400];
};

/*
 * Opens or creates the store at path and brings its schema up to date. One
 * process may have it open for writing: ERR_BUSY names the other.
 *
 * A store that fails SQLite's check is renamed to path.corrupt-<UTC time>, what
 * can be read of it is copied into a new one, and that is opened. A store on a
 * read-only file system, or one this user may not write, is opened for reading;
 * if none is there it is empty. Both are successes that *report (may be NULL)
 * tells of.
 *
 * Errors: ERR_STORE_NEWER when a newer release wrote it (never touched),
 * ERR_STORE when it is another program's database, and the above.
 * Cost: one check of the file, some 5 ms per MiB.
 */
bool registry_store_open(struct registry_store **ret, const char *path,
                         const struct registry_store_options *options,
                         struct registry_store_report *report, struct err *err) MUST_CHECK;
/* Copies the WAL into the database file and removes it; then it is one file. NULL is fine. */
void registry_store_close(struct registry_store *s);
DEFINE_CLEANUP(struct registry_store *, registry_store_close)

/* Who wants what of the state; NULL callbacks are skipped. */
struct registry_store_loader {
    void (*arch)(void *ctx, const struct store_arch *a); /* by ordinal */
    void (*tombstone)(void *ctx, const struct store_tombstone *t);
    void (*handle)(void *ctx, const struct store_handle *h); /* least recently used first */
    bool handle_texts; /* false: effective, members and detail are NULL, and are not read */
    void (*lease)(void *ctx, const struct store_lease *l);
    void (*reply)(void *ctx, const struct store_reply *r);
    void (*event)(void *ctx, const struct store_event *e); /* by revision */
    int64_t max_events;                                    /* the newest so many; 0: all */
    void *ctx;
};

/* The state as it is committed. */
bool registry_store_load(struct registry_store *s, const struct registry_store_loader *loader,
                         struct store_meta *ret_meta, struct err *err) MUST_CHECK;

/* One handle with its texts, for ids that memory has dropped. NULL: there is none. */
bool registry_store_get_handle(struct registry_store *s, const char *id, struct store_handle **ret,
                               struct err *err) MUST_CHECK;
/* Frees what registry_store_get_handle() gave: one block. NULL is fine. */
void store_handle_free(struct store_handle *h);
DEFINE_CLEANUP(struct store_handle *, store_handle_free)

/*
 * Applies all writes in one transaction and returns when it is on disk. On
 * failure nothing of any of them happened, and the store can be used further:
 * after ERR_STORE_FULL it works again once there is space.
 * Cost: one fsync, and some 10 us per op.
 */
bool registry_store_apply(struct registry_store *s, const struct store_write *writes,
                          size_t n_writes, struct err *err) MUST_CHECK;

bool registry_store_is_read_only(const struct registry_store *s);

/*
 * Copies the WAL to the database file if it has grown over checkpoint_pages.
 * For when there is nothing else to do; registry_store_apply() does it itself
 * only at 16 times that size. Cost: 5 to 50 ms when it does something.
 */
void registry_store_tidy(struct registry_store *s);
