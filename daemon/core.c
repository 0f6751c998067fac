#include "daemon/core.h"

#include "base/clock.h"
#include "daemon/log.h"

#include <assert.h>
#include <stdio.h>

static void (*const op_table[N_OPS])(struct core *core, struct call *call) = {
    [OP_ARCH_REGISTER] = op_arch_register,
    [OP_ARCH_DELETE] = op_arch_delete,
    [OP_RESET] = op_reset,
    [OP_MODEL] = op_model,
    [OP_MODEL_CONFIG] = op_model,
    [OP_MODEL_TOKENIZER] = op_model,
    [OP_MODEL_ARCHITECTURE] = op_model,
    [OP_MODEL_TASK] = op_model,
    [OP_MODEL_REFRESH] = op_model,
    [OP_MODEL_DELETE] = op_model_delete,
    [OP_MODELS] = op_models,
    [OP_TOKENIZER_CREATE] = op_tokenizer_create,
    [OP_TOKENIZER_GET] = op_handle_get,
    [OP_TOKENIZER_LIST] = op_handle_list,
    [OP_TOKENIZER_DELETE] = op_handle_delete,
    [OP_TOKENIZER_RENDER] = op_tokenizer_render,
    [OP_FACTORY_CREATE] = op_pipeline_create,
    [OP_FACTORY_GET] = op_handle_get,
    [OP_FACTORY_LIST] = op_handle_list,
    [OP_FACTORY_DELETE] = op_handle_delete,
    [OP_FACTORY_BUILD] = op_factory_build,
    [OP_PIPELINE_CREATE] = op_pipeline_create,
    [OP_PIPELINE_GET] = op_handle_get,
    [OP_PIPELINE_LIST] = op_handle_list,
    [OP_PIPELINE_DELETE] = op_handle_delete,
    [OP_LEASE_CREATE] = op_lease_create,
    [OP_LEASE_RENEW] = op_lease_renew,
    [OP_LEASE_DELETE] = op_lease_delete,
    [OP_LEASE_LIST] = op_lease_list,
    [OP_STATUS] = op_status,
    [OP_TEXT] = op_text,
};

void core_dispatch(struct core *core, struct call *call) { op_table[call->op](core, call); }

static_assert(sizeof(struct message) <= sizeof(((struct call *)0)->message), "a call carries one");

/* A call on its way here knows its core by `next`, which nothing else uses then. */
static void on_call(struct message *m)
{
    struct call *call = container_of((void *)m, struct call, message);
    struct core *core = (void *)call->next;

    call->next = NULL;
    core->n_calls++;
    if (!call->idempotency_key[0] || idempotency_enter(core, call))
        core_dispatch(core, call);
}

void core_submit(void *ctx, struct call *call)
{
    struct core *core = ctx;
    struct message *m = (void *)call->message;

    call->next = ctx;
    m->run = on_call;
    mailbox_post(&core->mailbox, m);
}

/* ---- answers */

void core_answer_final(struct core *core, struct call *call)
{
    call->answer.revision = core->revision; /* raised again when the turn ends */
    call->next = NULL;
    *core->answers_end = call;
    core->answers_end = &call->next;
    core->dirty = true;
}

void core_answer(struct core *core, struct call *call)
{
    if (!call->idempotency_key[0] || idempotency_answered(core, call))
        core_answer_final(core, call);
}

void core_answer_err(struct core *core, struct call *call, const struct err *err)
{
    blob_unref(call->answer.body);
    err_release(&call->answer.err);
    call->answer = (struct answer){0};
    err_copy(&call->answer.err, err);
    core_answer(core, call);
}

void core_answer_blob(struct core *core, struct call *call, unsigned status, struct blob *body)
{
    call->answer.status = status;
    call->answer.body = blob_ref(body);
    core_answer(core, call);
}

void core_answer_buf(struct core *core, struct call *call, unsigned status, struct buf *body)
{
    call->answer.status = status;
    call->answer.body = blob_new(body->data, body->size);
    core_answer(core, call);
}

/* ---- what becomes visible */

void core_visible(struct core *core, struct event *e)
{
    assert(e->revision > core->revision);
    core->revision = e->revision;
    event_log_append(&core->events, event_ref(e));
    loops_event(core->loops, e);
    event_unref(e);
    core->dirty = true;
}

void core_arrived(struct core *core, struct arch **archs, size_t n)
{
    while (core->n_arrived + n > core->arrived_capacity) {
        core->arrived_capacity = core->arrived_capacity ? core->arrived_capacity * 2 : 64;
        core->arrived = mem_resize(core->arrived, core->arrived_capacity * sizeof(struct arch *));
    }
    for (size_t i = 0; i < n; i++)
        core->arrived[core->n_arrived++] = archs[i];
    core->dirty = true;
}

void core_settle(struct core *core)
{
    if (!core->n_arrived)
        return;
    struct registry *next =
        registry_with(core->registry, core->revision, core->arrived, core->n_arrived);
    for (size_t i = 0; i < core->n_arrived; i++)
        arch_unref(core->arrived[i]);
    core->n_arrived = 0;
    core_set_registry(core, next);
}

void core_set_registry(struct core *core, struct registry *registry)
{
    registry_unref(core->registry);
    core->registry = registry;
    core->registry_changed = true;
    core->dirty = true;
}

void core_store_works(struct core *core)
{
    if (!atomic_exchange(&core->vitals->store_ok, true))
        log_info("store: commits work again");
}

void core_store_failed(struct core *core, const struct err *err)
{
    if (err->code == ERR_STORE_READ_ONLY) /* known since the start, and not a failure */
        return;
    atomic_store(&core->vitals->store_ok, false);
    log_err(LOG_LEVEL_ERROR, "store: a commit failed", err);
}

/* The end of a turn: what became durable becomes visible, then its calls are answered. */
static void turn_end(struct core *core)
{
    struct call *call, *next;

    core->dirty = false;
    core_settle(core);
    if (core->registry_changed || core->published != core->revision)
        loops_publish(core->loops, core->registry, core->revision, core->registry_changed);
    core->registry_changed = false;
    core->published = core->revision;

    call = core->answers;
    core->answers = NULL;
    core->answers_end = &core->answers;
    for (; call; call = next) {
        next = call->next;
        call->next = NULL;
        call->answer.revision = core->revision;
        core->n_calls--;
        loops_answer(core->loops, call);
    }
}

static void do_nothing(uv_idle_t *idle) { (void)idle; }

/*
 * Before the loop blocks. Answers go into the mailboxes of loops, one of which
 * may be on this very loop and have had its turn already: so go round again.
 */
static void on_turn(uv_prepare_t *turn)
{
    struct core *core = container_of(turn, struct core, turn);
    bool worked = mailbox_run(&core->mailbox);

    if (core->dirty) {
        turn_end(core);
        worked = true;
    }
    if (worked)
        uv_idle_start(&core->again, do_nothing);
    else
        uv_idle_stop(&core->again);
}

/* ---- loading */

struct loading {
    struct core *core;
    struct archs api;
    int64_t now_s;
    struct clock_moment now;
};

static void load_arch(void *ctx, const struct store_arch *row)
{
    struct loading *l = ctx;
    AUTO_ERR struct err err = {0};
    struct arch *a;

    json_t *doc = json_loads(row->doc, 0, NULL);
    if (!doc || !arch_from_json(&a, doc, "", ARCH_API, row->revision, row->created_at, &err)) {
        /* It was valid when it was stored: a release that is stricter must not forget it silently.
         */
        log_warning("registry: a stored architecture is not valid any more and is not loaded",
                    "name", row->name, "task", row->task, "error", err.msg);
        json_decref(doc);
        return;
    }
    json_decref(doc);
    archs_add(&l->api, a);
    if (row->ordinal >= l->core->next_ordinal)
        l->core->next_ordinal = row->ordinal + 1;
}

static void load_tombstone(void *ctx, const struct store_tombstone *row)
{
    struct loading *l = ctx;
    core_hide(l->core, row->name, task_parse(row->task));
}

static void load_handle(void *ctx, const struct store_handle *row)
{
    struct loading *l = ctx;
    handles_put(&l->core->handles, row);
}

static void load_lease(void *ctx, const struct store_lease *row)
{
    struct loading *l = ctx;
    struct handle *h = handles_find(&l->core->handles, row->pipeline);
    int64_t left_ms = clock_remaining_ms(&row->expires, &l->now, row->ttl_ms);

    if (!h)
        return;
    leases_put(&l->core->leases, lease_new(row->id, row->pipeline, row->holder, row->ttl_ms / 1000,
                                           clock_boot_ms() + left_ms));
    h->n_leases++;
}

static void load_reply(void *ctx, const struct store_reply *row)
{
    struct loading *l = ctx;

    if (row->expires_at > l->now_s)
        idempotency_load(&l->core->idempotency, row);
}

static void load_event(void *ctx, const struct store_event *row)
{
    struct loading *l = ctx;
    enum event_kind kind;

    if (event_kind_parse(row->kind, &kind))
        event_log_append(&l->core->events,
                         event_load(row->revision, kind, row->ref, row->body, strlen(row->body)));
}

/* The store may have more events than are kept in memory. */
static void load_compacted(struct core *core, int64_t compacted)
{
    struct event_log *log = &core->events;

    if (log->n == log->max && log->compacted < event_log_at(log, 0)->revision - 1)
        log->compacted = event_log_at(log, 0)->revision - 1;
    if (log->compacted < compacted)
        log->compacted = compacted;
    core->compacted = compacted;
}

bool core_load(struct core *core, struct err *err)
{
    struct loading l = {.core = core, .now_s = clock_wall_s(), .now = clock_now()};
    const struct registry_store_loader loader = {
        .arch = load_arch,
        .tombstone = load_tombstone,
        .handle = load_handle,
        .lease = load_lease,
        .reply = load_reply,
        .event = load_event,
        .max_events = core->settings->events_kept,
        .ctx = &l,
    };
    struct store_meta meta;

    event_log_init(&core->events, (size_t)core->settings->events_kept);
    templates_init(&core->templates, TEMPLATES_BYTES);
    core->scratches = scratches_new((size_t)core->settings->tokenizer_words_bytes);
    if (core->settings->prefix_memory_bytes)
        core->prefixes = prefix_cache_new((size_t)core->settings->prefix_memory_bytes);
    handles_init(&core->handles, (size_t)core->settings->pipeline_memory_bytes);
    idempotency_init(&core->idempotency, core->settings->idempotency_ttl_s);
    provisionals_init(&core->provisionals);
    gate_init(&core->gate);
    core->answers_end = &core->answers;

    bool ok = registry_store_load(storage_registry(core->storage), &loader, &meta, err);
    if (ok) {
        core->revision = meta.revision;
        core->next_revision = meta.revision + 1;
        load_compacted(core, meta.compacted);
        core->cleared = meta.cleared;
        handles_sort(&core->handles);
        core_load_base(core, &meta);
        core->registry = core_compose(core, &l.api);
        core->registry_changed = core->dirty = true;
    }
    archs_release(&l.api);
    return ok;
}

/* ---- life */

/*
 * The store forgets events that memory has forgotten. The same small write asks
 * a store that failed whether it works again: while we are not ready, nobody
 * else may.
 */
static void compact(struct core *core)
{
    int64_t revision = core->events.compacted;

    if (atomic_load(&core->vitals->store_read_only) ||
        (revision == core->compacted && atomic_load(&core->vitals->store_ok)))
        return;
    struct change *c = change_new(core, NULL, change_nothing);
    change_op(c, &(struct store_op){.kind = STORE_EVENTS_COMPACT, .event = {.revision = revision}});
    core->compacted = revision;
    change_submit(c);
}

static void beat(uv_timer_t *timer)
{
    struct core *core = container_of(timer, struct core, beat);

    atomic_store(&core->vitals->core_beat_ms, clock_mono_ms());
    idempotency_expire(core, clock_wall_s());
    compact(core);
    if (core->on_beat)
        core->on_beat(core->on_beat_ctx);
}

void core_start(struct core *core)
{
    tokenizers_init(&core->tokenizers, core->loop, core->hub, core->roots,
                    core->settings->cache_dir, (size_t)core->settings->tokenizer_memory_bytes);
    mailbox_open(&core->mailbox, core->loop);
    uv_prepare_init(core->loop, &core->turn);
    uv_prepare_start(&core->turn, on_turn);
    uv_idle_init(core->loop, &core->again);
    uv_timer_init(core->loop, &core->beat);
    uv_timer_start(&core->beat, beat, 0, 1000);
    uv_timer_init(core->loop, &core->lease_timer);
    leases_arm(core);
    registry_seen(core);
}

bool core_idle(const struct core *core)
{
    return !core->n_changes && !core->n_calls && !core->n_jobs && !core->answers &&
           source_idle(core->source) && !core->tokenizers.n_loading;
}

void core_stop(struct core *core)
{
    core->stopping = true;
    mailbox_close(&core->mailbox);
    uv_close((uv_handle_t *)&core->turn, NULL);
    uv_close((uv_handle_t *)&core->again, NULL);
    uv_close((uv_handle_t *)&core->beat, NULL);
    uv_close((uv_handle_t *)&core->lease_timer, NULL);
}

void core_release(struct core *core)
{
    event_log_release(&core->events);
    leases_release(&core->leases);
    templates_release(&core->templates);
    tokenizers_release(&core->tokenizers);
    scratches_free(core->scratches);
    prefix_cache_free(core->prefixes);
    handles_release(&core->handles);
    idempotency_release(&core->idempotency);
    provisionals_release(&core->provisionals);
    gate_release(&core->gate);
    registry_unref(core->registry);
    map_release(&core->making);
    map_release(&core->coming);
    free(core->arrived);
    archs_release(&core->builtin);
    archs_release(&core->catalog);
    core_unhide_all(core);
}
