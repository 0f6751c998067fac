#include "store/registry_db.h"

/* clang-format off */
/* REPLACE would delete the old row first, and with a handle its leases: hence upserts. */
static const char *const sql[N_STMTS] = {
    [STMT_ARCH_PUT] =
        "INSERT INTO arch (name, task, doc, ordinal, revision, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (name, task) DO UPDATE SET doc = excluded.doc,"
        " revision = excluded.revision, created_at = excluded.created_at",
    [STMT_ARCH_DELETE] = "DELETE FROM arch WHERE name = ? AND task = ?",
    [STMT_ARCH_CLEAR] = "DELETE FROM arch",
    [STMT_TOMBSTONE_PUT] =
        "INSERT INTO tombstone (name, task, revision) VALUES (?, ?, ?)"
        " ON CONFLICT (name, task) DO UPDATE SET revision = excluded.revision",
    [STMT_TOMBSTONE_CLEAR] = "DELETE FROM tombstone",
    [STMT_BASE] =
        "UPDATE meta SET cleared = ?, builtin_since = ?, base_digest = coalesce(?, base_digest)",
    [STMT_HANDLE_PUT] =
        "INSERT INTO handle (id, kind, state, arch, task, model, commit_id, effective, members,"
        " detail, revision, created_at, last_used, bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, state = excluded.state,"
        " arch = excluded.arch, task = excluded.task, model = excluded.model,"
        " commit_id = excluded.commit_id, effective = excluded.effective,"
        " members = excluded.members, detail = excluded.detail, revision = excluded.revision,"
        " created_at = excluded.created_at, last_used = excluded.last_used,"
        " bytes = excluded.bytes",
    [STMT_HANDLE_STATE] =
        "UPDATE handle SET state = ?, members = coalesce(?, members), revision = ? WHERE id = ?",
    [STMT_HANDLE_TOUCH] = "UPDATE handle SET last_used = ? WHERE id = ?",
    [STMT_HANDLE_DELETE] = "DELETE FROM handle WHERE id = ?",
    [STMT_HANDLES_CLEAR] = "DELETE FROM handle WHERE kind = ?",
    [STMT_LEASE_PUT] =
        "INSERT INTO lease (id, pipeline, holder, ttl_ms, expires_wall_ms, expires_boot_ms,"
        " boot_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET pipeline = excluded.pipeline, holder = excluded.holder,"
        " ttl_ms = excluded.ttl_ms, expires_wall_ms = excluded.expires_wall_ms,"
        " expires_boot_ms = excluded.expires_boot_ms, boot_id = excluded.boot_id,"
        " created_at = excluded.created_at",
    [STMT_LEASE_DELETE] = "DELETE FROM lease WHERE id = ?",
    [STMT_REPLY_PUT] =
        "INSERT OR REPLACE INTO reply (key, principal, fingerprint, status, headers, body,"
        " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [STMT_REPLY_DELETE] = "DELETE FROM reply WHERE key = ? AND principal = ?",
    [STMT_REPLIES_EXPIRE] = "DELETE FROM reply WHERE expires_at <= ?",
    [STMT_EVENT] =
        "INSERT INTO event (revision, kind, op, ref, at_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
    [STMT_EVENTS_COMPACT] = "DELETE FROM event WHERE revision <= ?",
    [STMT_COMPACTED] = "UPDATE meta SET compacted = max(compacted, ?)",
    [STMT_REVISION] = "UPDATE meta SET revision = max(revision, ?)",
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
};
/* clang-format on */

bool registry_prepare(struct registry_store *s, struct err *err)
{
    return db_prepare(s->db, sql, N_STMTS, s->stmts, err);
}

static bool run(struct registry_store *s, enum registry_stmt which, const char *what,
                struct err *err)
{
    return db_run(s->db, s->stmts[which], what, err);
}

static bool put_arch(struct registry_store *s, const struct store_arch *a, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_ARCH_PUT]);

    param_text(&p, a->name), param_text(&p, a->task), param_text(&p, a->doc);
    param_int(&p, a->ordinal), param_int(&p, a->revision), param_int(&p, a->created_at);
    return run(s, STMT_ARCH_PUT, "architecture not written", err);
}

static bool delete_arch(struct registry_store *s, const struct store_tombstone *t, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_ARCH_DELETE]);

    param_text(&p, t->name), param_text(&p, t->task);
    return run(s, STMT_ARCH_DELETE, "architecture not deleted", err);
}

static bool put_tombstone(struct registry_store *s, const struct store_tombstone *t,
                          struct err *err)
{
    struct params p = params_of(s->stmts[STMT_TOMBSTONE_PUT]);

    param_text(&p, t->name), param_text(&p, t->task), param_int(&p, t->revision);
    return run(s, STMT_TOMBSTONE_PUT, "deletion not written", err);
}

static bool set_base(struct registry_store *s, const struct store_op *op, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_BASE]);

    param_int(&p, op->base.cleared), param_int(&p, op->base.builtin_since);
    param_text(&p, op->base.digest);
    return run(s, STMT_BASE, "state of the base layers not written", err);
}

static bool put_handle(struct registry_store *s, const struct store_handle *h, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_HANDLE_PUT]);

    param_text(&p, h->id), param_int(&p, h->kind), param_text(&p, h->state);
    param_text(&p, h->arch), param_text(&p, h->task), param_text(&p, h->model);
    param_text(&p, h->commit), param_text(&p, h->effective), param_text(&p, h->members);
    param_text(&p, h->detail), param_int(&p, h->revision), param_int(&p, h->created_at);
    param_int(&p, h->last_used), param_int(&p, h->bytes);
    return run(s, STMT_HANDLE_PUT, "handle not written", err);
}

static bool set_handle_state(struct registry_store *s, const struct store_handle *h,
                             struct err *err)
{
    struct params p = params_of(s->stmts[STMT_HANDLE_STATE]);

    param_text(&p, h->state), param_text(&p, h->members);
    param_int(&p, h->revision), param_text(&p, h->id);
    return run(s, STMT_HANDLE_STATE, "state of a handle not written", err);
}

static bool touch_handle(struct registry_store *s, const struct store_handle *h, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_HANDLE_TOUCH]);

    param_int(&p, h->last_used), param_text(&p, h->id);
    return run(s, STMT_HANDLE_TOUCH, "use of a handle not written", err);
}

static bool put_lease(struct registry_store *s, const struct store_lease *l, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_LEASE_PUT]);

    param_text(&p, l->id), param_text(&p, l->pipeline), param_text(&p, l->holder);
    param_int(&p, l->ttl_ms), param_int(&p, l->expires.wall_ms), param_int(&p, l->expires.boot_ms);
    param_text(&p, l->expires.boot_id), param_int(&p, l->created_at);
    return run(s, STMT_LEASE_PUT, "lease not written", err);
}

static bool put_reply(struct registry_store *s, const struct store_reply *r, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_REPLY_PUT]);

    param_text(&p, r->key), param_text(&p, r->principal), param_text(&p, r->fingerprint);
    param_int(&p, r->status), param_text(&p, r->headers), param_blob(&p, r->body, r->body_size);
    param_int(&p, r->created_at), param_int(&p, r->expires_at);
    return run(s, STMT_REPLY_PUT, "idempotent reply not written", err);
}

static bool delete_reply(struct registry_store *s, const struct store_reply *r, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_REPLY_DELETE]);

    param_text(&p, r->key), param_text(&p, r->principal);
    return run(s, STMT_REPLY_DELETE, "idempotent reply not deleted", err);
}

static bool put_event(struct registry_store *s, const struct store_event *e, struct err *err)
{
    struct params p = params_of(s->stmts[STMT_EVENT]);

    param_int(&p, e->revision), param_text(&p, e->kind), param_text(&p, e->op);
    param_text(&p, e->ref), param_int(&p, e->at_ms), param_text(&p, e->body);
    return run(s, STMT_EVENT, "event not written", err);
}

/* Statements with a single parameter. */
static bool run_int(struct registry_store *s, enum registry_stmt which, int64_t v, const char *what,
                    struct err *err)
{
    struct params p = params_of(s->stmts[which]);

    param_int(&p, v);
    return run(s, which, what, err);
}

static bool run_text(struct registry_store *s, enum registry_stmt which, const char *v,
                     const char *what, struct err *err)
{
    struct params p = params_of(s->stmts[which]);

    param_text(&p, v);
    return run(s, which, what, err);
}

static bool apply_op(struct registry_store *s, const struct store_op *op, struct err *err)
{
    switch (op->kind) {
    case STORE_ARCH_PUT:
        return put_arch(s, &op->arch, err);
    case STORE_ARCH_DELETE:
        return delete_arch(s, &op->tombstone, err);
    case STORE_TOMBSTONE_PUT:
        return put_tombstone(s, &op->tombstone, err);
    case STORE_ARCH_CLEAR:
        return run(s, STMT_ARCH_CLEAR, "architectures not cleared", err) &&
               run(s, STMT_TOMBSTONE_CLEAR, "deletions not cleared", err) && set_base(s, op, err);
    case STORE_BASE:
        return set_base(s, op, err);
    case STORE_HANDLE_PUT:
        return put_handle(s, &op->handle, err);
    case STORE_HANDLE_STATE:
        return set_handle_state(s, &op->handle, err);
    case STORE_HANDLE_TOUCH:
        return touch_handle(s, &op->handle, err);
    case STORE_HANDLE_DELETE:
        return run_text(s, STMT_HANDLE_DELETE, op->handle.id, "handle not deleted", err);
    case STORE_HANDLES_CLEAR:
        return run_int(s, STMT_HANDLES_CLEAR, op->handle.kind, "handles not cleared", err);
    case STORE_LEASE_PUT:
        return put_lease(s, &op->lease, err);
    case STORE_LEASE_DELETE:
        return run_text(s, STMT_LEASE_DELETE, op->lease.id, "lease not deleted", err);
    case STORE_REPLY_PUT:
        return put_reply(s, &op->reply, err);
    case STORE_REPLY_DELETE:
        return delete_reply(s, &op->reply, err);
    case STORE_REPLIES_EXPIRE:
        return run_int(s, STMT_REPLIES_EXPIRE, op->reply.expires_at, "replies not expired", err);
    case STORE_EVENT:
        return put_event(s, &op->event, err);
    case STORE_EVENTS_COMPACT:
        return run_int(s, STMT_EVENTS_COMPACT, op->event.revision, "events not compacted", err) &&
               run_int(s, STMT_COMPACTED, op->event.revision, "events not compacted", err);
    }
    return err_set(err, ERR_INTERNAL, "store: no such op: %d", (int)op->kind);
}

static bool apply_all(struct registry_store *s, const struct store_write *writes, size_t n_writes,
                      struct err *err)
{
    int64_t revision = 0;

    for (size_t i = 0; i < n_writes; i++) {
        for (size_t j = 0; j < writes[i].n_ops; j++)
            if (!apply_op(s, &writes[i].ops[j], err))
                return false;
        if (writes[i].revision > revision)
            revision = writes[i].revision;
    }
    return !revision || run_int(s, STMT_REVISION, revision, "revision not written", err);
}

bool registry_store_apply(struct registry_store *s, const struct store_write *writes,
                          size_t n_writes, struct err *err)
{
    if (s->read_only)
        return err_set(err, ERR_STORE_READ_ONLY,
                       "the store is read-only: nothing can be changed; reading goes on");
    if (!run(s, STMT_BEGIN, "transaction not begun", err))
        return false;
    if (!apply_all(s, writes, n_writes, err) || !run(s, STMT_COMMIT, "not committed", err)) {
        db_rollback(s->db);
        return false;
    }
    /* Readers elsewhere (the sqlite3 shell) can keep tidy() from doing it for ever. */
    if (s->wal_pages > 16 * s->checkpoint_pages)
        registry_store_tidy(s);
    return true;
}
