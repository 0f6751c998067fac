#pragma once
/*
 * Core: the one owner of all mutable state, on one loop.
 *
 * Calls come from the I/O loops as messages (core_submit() is the one function
 * here that other threads call), are answered by the ops in daemon/ops_*.c, and
 * go back as messages. What a call changes is a change (daemon/change.h): first
 * durable, then visible, then answered.
 *
 * Visibility comes in turns: whatever became durable during one turn of the
 * loop is put into the next registry at its end, published to every I/O loop,
 * and only then are the calls of that turn answered. So a client that has its
 * answer sees its write on every loop.
 */
#include "api/backend.h"
#include "api/vitals.h"
#include "arch/registry.h"
#include "daemon/change.h"
#include "daemon/config.h"
#include "daemon/crew.h"
#include "daemon/gate.h"
#include "daemon/handles.h"
#include "daemon/hubcache.h"
#include "daemon/idempotency.h"
#include "daemon/loops.h"
#include "daemon/mailbox.h"
#include "daemon/provisional.h"
#include "daemon/scratches.h"
#include "daemon/source.h"
#include "daemon/templates.h"
#include "daemon/tokenizers.h"
#include "pipeline/leases.h"
#include "pipeline/tokenizer_handle.h"
#include "plan/devices.h"

struct core {
    const struct settings *settings;
    uv_loop_t *loop;
    struct storage *storage;
    struct source *source;
    struct hub *hub;
    struct hubcache *hubcache;
    const struct localroots *roots; /* NULL: no local models */
    const struct diskcache *disk;   /* NULL: no Hub cache */
    struct machine machine;         /* the devices a request means when it names none */
    const char *token;              /* for the Hub; NULL: anonymous */
    struct loops *loops;
    struct vitals *vitals;

    /* ---- the registry: what is visible, and what this turn adds to it */
    struct registry *registry;
    struct arch **arrived; /* registered in this turn, in order */
    size_t n_arrived, arrived_capacity;
    bool registry_changed;         /* since the last publication */
    struct archs builtin, catalog; /* the layers below the API */
    int64_t base_since;            /* the revision of their records */
    int64_t created_at;            /* of the store, and so of their records */
    struct arch_id *tombstones;    /* deleted from them */
    size_t n_tombstones;
    bool cleared;      /* by a reset: they do not count */
    bool base_changed; /* they are others than at the last start */
    struct gate gate;  /* identities that are being written */
    bool reload_waits; /* for a reset to end */
    int64_t next_ordinal;

    /* ---- numbering */
    int64_t revision;      /* the newest visible one */
    int64_t next_revision; /* what the next event gets */
    int64_t published;     /* what the loops have */
    unsigned epoch;        /* counts failed commits */
    size_t n_changes;      /* submitted, not yet ended */

    /* ---- the rest of the state */
    struct event_log events;
    int64_t compacted; /* what the store was told of events.compacted */
    struct handles handles;
    struct templates templates;
    struct tokenizers tokenizers;
    struct scratches *scratches;
    struct prefix_cache *prefixes; /* NULL: none is kept */
    struct leases leases;          /* those that are durable */
    size_t n_leases_coming;        /* those that are being written */
    struct idempotency idempotency;
    struct provisionals provisionals;

    /* ---- the turn */
    struct mailbox mailbox; /* calls from the I/O loops */
    uv_prepare_t turn;
    uv_idle_t again; /* keeps the loop from blocking when a turn left work for another handle */
    uv_timer_t beat; /* once a second: vitals, watchdog, expiry of what is old */
    uv_timer_t lease_timer;
    struct call *answers, **answers_end; /* to be sent when the turn ends */
    size_t n_calls;                      /* taken, not yet answered */
    size_t n_jobs;                       /* questions that wait for a model */
    struct map making;                   /* jobs by the id they are about to store */
    struct map coming;                   /* tokenizers that are being stored */
    bool dirty;
    bool stopping;
    void (*on_beat)(void *ctx); /* the watchdog's */
    void *on_beat_ctx;
};

/*
 * Reads the state from storage's registry and composes the first registry; the
 * storage is not started yet. Then core_start() on the loop, after which calls
 * may come. err: ERR_STORE_*.
 */
bool core_load(struct core *core, struct err *err) MUST_CHECK;
void core_start(struct core *core);
/* Nothing under way: no change, no job, no answer. */
bool core_idle(const struct core *core);
void core_stop(struct core *core); /* closes its handles; the loop must turn once more */
void core_release(struct core *core);

/* backend.submit: any thread. */
void core_submit(void *core, struct call *call);

/*
 * Answers, sent when the turn ends. core_answer() sends call->answer as it is;
 * core_answer_err() an error (copied); core_answer_blob() takes a reference.
 */
void core_answer(struct core *core, struct call *call);
void core_answer_err(struct core *core, struct call *call, const struct err *err);
void core_answer_blob(struct core *core, struct call *call, unsigned status, struct blob *body);
/* Takes the content of body. */
void core_answer_buf(struct core *core, struct call *call, unsigned status, struct buf *body);

/* Past idempotency: for what must not be remembered (again). */
void core_answer_final(struct core *core, struct call *call);

/* An event is durable: takes over the reference. Called by changes. */
void core_visible(struct core *core, struct event *e);
/* Records that became durable: takes over the references. */
void core_arrived(struct core *core, struct arch **archs, size_t n);
/* Puts what arrived into the registry. Before anything looks at core->registry to decide. */
void core_settle(struct core *core);
/* The registry changed by other means than arrival: takes over the reference. */
void core_set_registry(struct core *core, struct registry *registry);
void core_store_failed(struct core *core, const struct err *err);
void core_store_works(struct core *core);

/* The op of a call: for one that waited at the gate and tries again. */
void core_dispatch(struct core *core, struct call *call);

/* The ops, by resource. Each answers its call, now or later. */
void op_arch_register(struct core *core, struct call *call);
void op_arch_delete(struct core *core, struct call *call);
void op_reset(struct core *core, struct call *call);
void op_model(struct core *core, struct call *call); /* every question about one model */
void op_model_delete(struct core *core, struct call *call);
void op_models(struct core *core, struct call *call); /* the list, or one of it */
void op_tokenizer_create(struct core *core, struct call *call);
void op_tokenizer_render(struct core *core, struct call *call);
void op_pipeline_create(struct core *core, struct call *call); /* and factories */
void op_factory_build(struct core *core, struct call *call);
void op_handle_get(struct core *core, struct call *call);
void op_handle_list(struct core *core, struct call *call);
void op_handle_delete(struct core *core, struct call *call);
void op_lease_create(struct core *core, struct call *call);
void op_lease_renew(struct core *core, struct call *call);
void op_lease_delete(struct core *core, struct call *call);
void op_lease_list(struct core *core, struct call *call);
void op_status(struct core *core, struct call *call);
void op_text(struct core *core, struct call *call);

/* Parts of start and beat that live with their ops. */
void leases_arm(struct core *core); /* the timer for the next lease to expire */
void registry_seen(
    struct core *core); /* notes in the store when the base layers are others than last time */
/* SIGHUP: reads the catalog folders again; what is broken keeps the old layers. */
void registry_reload(struct core *core);

/*
 * Leases, for what creates a pipeline together with one: lease_take() makes a
 * lease that nobody sees and nothing ends; lease_put() writes it; then it is
 * either given to lease_made() or to lease_undo().
 */
bool lease_take(struct core *core, const char *pipeline, int64_t ttl_s, const char *holder,
                struct lease **ret, struct err *err) MUST_CHECK;
void lease_put(struct change *c, const struct lease *l, enum event_kind kind);
void lease_made(struct core *core, struct lease *l);
void lease_undo(struct core *core, struct lease *l);

/* The problem of an unknown id, for its kind; false. */
bool handle_not_found(struct core *core, enum store_handle_kind kind, const char *id,
                      struct err *err);

/* Handles, for what makes and uses them. */
const char *handle_path(enum store_handle_kind kind);
/* Calls then() with the handle's texts in memory: at once, or when they were read; or answers an
 * error. */
void handle_with_texts(struct core *core, struct call *call, struct handle *h,
                       void (*then)(struct core *core, struct call *call, struct handle *h));
/* What it shows is not what was rendered any more. */
void handle_changed(struct core *core, struct handle *h);
/* It was asked for. */
void handle_used(struct core *core, struct handle *h);
/* 200 with the document; it must have its texts. */
void handle_answer(struct core *core, struct call *call, struct handle *h);
/* Keeps texts within their budget and handles within their number. */
void handles_shrink(struct core *core);

/* The layers below the API. */
void core_load_base(struct core *core, const struct store_meta *meta);
struct registry *core_compose(struct core *core, const struct archs *api);
bool core_is_base(const struct core *core, const char *name, enum task task);
void core_hide(struct core *core, const char *name, enum task task);
void core_unhide_all(struct core *core);
/* Lets those in who waited. */
void gate_retry(struct core *core);

/*
 * Drops what memory and cache.db have of a model (NULL: of all), and the files
 * that we put into the Hub cache folder. n_models says how many memory had;
 * forget.done() comes once, perhaps from inside.
 */
struct caches_drop {
    struct hubcache_forget forget;
    size_t n_models;
};
void caches_drop(struct core *core, const char *model, struct caches_drop *d);

/*
 * The row of a tokenizer and its event, in a change that makes more than it.
 * False: nothing to do, for it is there or on its way in an earlier change,
 * with which this one would fail. Else tokenizer_came() must follow, however
 * the change ends.
 */
bool tokenizer_put(struct change *c, const struct tokenizer_handle *t);
void tokenizer_came(struct core *core, const char *id);
