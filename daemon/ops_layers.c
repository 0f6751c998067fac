/*
 * The layers below the API (docs/decisions/0004): what a start finds, what
 * SIGHUP reads again, and what a reset clears.
 */
#include "api/args.h"
#include "base/clock.h"
#include "daemon/core.h"
#include "daemon/log.h"
#include "json/writer.h"

#include <stdio.h>

/* ---- tombstones */

bool core_is_base(const struct core *core, const char *name, enum task task)
{
    const struct archs *const layers[] = {&core->builtin, &core->catalog};

    for (size_t l = 0; l < ARRAY_SIZE(layers); l++)
        for (size_t i = 0; i < layers[l]->n; i++)
            if (layers[l]->items[i]->task == task && str_eq(layers[l]->items[i]->name, name))
                return true;
    return false;
}

void core_hide(struct core *core, const char *name, enum task task)
{
    core->tombstones =
        mem_resize(core->tombstones, (core->n_tombstones + 1) * sizeof(*core->tombstones));
    core->tombstones[core->n_tombstones++] = (struct arch_id){str_dup(name), task};
}

void core_unhide_all(struct core *core)
{
    for (size_t i = 0; i < core->n_tombstones; i++)
        free((char *)core->tombstones[i].name);
    free(core->tombstones);
    core->tombstones = NULL;
    core->n_tombstones = 0;
}

/* ---- composing */

struct registry *core_compose(struct core *core, const struct archs *api)
{
    const struct layers layers = {
        .builtin = &core->builtin,
        .catalog = &core->catalog,
        .api = api,
        .tombstones = core->tombstones,
        .n_tombstones = core->n_tombstones,
        .cleared = core->cleared,
    };
    return registry_compose(core->revision, &layers);
}

/* As it is now, with other layers below: the records of the API stay. */
static void recompose(struct core *core)
{
    AUTO_ARCHS struct archs api = {0};

    core_settle(core);
    for (size_t i = 0; i < registry_size(core->registry); i++) {
        const struct arch *a = registry_at(core->registry, i);

        if (a->source == ARCH_API)
            archs_add(&api, arch_ref(a));
    }
    core_set_registry(core, core_compose(core, &api));
}

static void base_digest(const struct archs *builtin, const struct archs *catalog, char ret[33])
{
    const struct archs *const layers[] = {builtin, catalog};

    archs_digest(layers, ARRAY_SIZE(layers), ret);
}

static void load_catalog(const struct core *core, int64_t revision, struct archs *ret)
{
    const struct settings *settings = core->settings;
    struct catalog_faults faults = {0};

    catalog_load_folders((const char *const *)settings->catalog.items, settings->catalog.n,
                         revision, core->created_at, ret, &faults);
    for (size_t i = 0; i < faults.n; i++) {
        const struct catalog_fault *f = &faults.items[i];

        log_warning("catalog: a record is not loaded", "file", f->file, "line",
                    f->line ? log_int(f->line) : NULL, "pointer", f->pointer[0] ? f->pointer : NULL,
                    "error", f->text);
    }
    catalog_faults_release(&faults);
}

static void load_base(struct core *core, int64_t since)
{
    core->base_since = since;
    catalog_load_builtin(since, core->created_at, &core->builtin);
    load_catalog(core, since, &core->catalog);
}

void core_load_base(struct core *core, const struct store_meta *meta)
{
    char digest[33];

    /* Other layers than last time are a change: they get the revision of its event. */
    core->created_at = meta->created_at;
    load_base(core, meta->builtin_since);
    base_digest(&core->builtin, &core->catalog, digest);
    core->base_changed = !str_eq(digest, meta->base_digest);
    if (!core->base_changed)
        return;
    archs_release(&core->builtin);
    archs_release(&core->catalog);
    load_base(core, meta->revision + 1);
}

static void on_not_noted(struct change *c, const struct err *err)
{
    struct archs *catalog = c->subject;

    if (!catalog) /* of the start: what is loaded is served */
        return;
    log_err(LOG_LEVEL_ERROR, "catalog: the old records are kept", err);
    archs_release(catalog);
    free(catalog);
}

/* The event of layers that changed; apply as change_new() has it. */
static void note_base(struct core *core, void (*apply)(struct change *c), void *subject)
{
    struct change *c = change_new(core, NULL, apply);
    AUTO_BUF struct buf members = {0};
    struct json j = json_begin(&members);
    const struct archs *const pending = subject;
    char digest[33];

    base_digest(&core->builtin, pending ? pending : &core->catalog, digest);
    json_int(&j, "builtin", (int64_t)core->builtin.n);
    json_int(&j, "catalog", (int64_t)(pending ? pending : &core->catalog)->n);
    c->failed = on_not_noted;
    c->subject = subject;
    int64_t revision = change_event(c, EVENT_CATALOG_RELOADED, "", members.data);
    change_op(c, &(struct store_op){.kind = STORE_BASE,
                                    .base = {.cleared = core->cleared,
                                             .builtin_since = revision,
                                             .digest = change_keep(c, digest)}});
    change_submit(c);
}

static void on_seen(struct change *c) { recompose(c->core); }

void registry_seen(struct core *core)
{
    if (core->base_changed)
        note_base(core, on_seen, NULL);
    core->base_changed = false;
}

static void on_reloaded(struct change *c)
{
    struct core *core = c->core;
    struct archs *catalog = c->subject;

    /* Both layers, as the next start will load them. */
    archs_release(&core->builtin);
    archs_release(&core->catalog);
    core->base_since = core->revision;
    catalog_load_builtin(core->base_since, core->created_at, &core->builtin);
    core->catalog = *catalog;
    free(catalog);
    recompose(core);
    log_info("catalog: reloaded", "records", log_int((int64_t)core->catalog.n));
}

void registry_reload(struct core *core)
{
    struct archs *catalog;
    char before[33], after[33];

    /* What is written below says whether the layers are cleared, which is being decided. */
    core->reload_waits = core->gate.all_busy;
    if (core->reload_waits)
        return;
    catalog = mem_new(struct archs);
    load_catalog(core, core->next_revision, catalog);
    base_digest(&core->builtin, &core->catalog, before);
    base_digest(&core->builtin, catalog, after);
    if (str_eq(before, after)) {
        archs_release(catalog);
        free(catalog);
        log_info("catalog: read again, nothing changed");
        return;
    }
    note_base(core, on_reloaded, catalog);
}

/* ---- reset */

struct reset {
    struct core *core;
    struct call *call;
    struct args_reset what;
    struct caches_drop drop;
    size_t n_archs, n_pipelines, n_factories, n_tokenizers, n_leases;
    struct cache_removed removed;
};

/* Takes over r. */
static void answer_reset(struct reset *r)
{
    struct core *core = r->core;
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    json_int(&j, "architectures", (int64_t)r->n_archs);
    json_int(&j, "pipelines", (int64_t)r->n_pipelines);
    json_int(&j, "factories", (int64_t)r->n_factories);
    json_int(&j, "tokenizers", (int64_t)r->n_tokenizers);
    json_int(&j, "leases", (int64_t)r->n_leases);
    json_int(&j, "models", (int64_t)r->drop.n_models);
    json_int(&j, "pins", r->removed.n_pins);
    json_int(&j, "files", r->removed.n_files);
    json_int(&j, "freed_bytes", r->removed.bytes);
    json_int(&j, "architectures_left", (int64_t)registry_size(core->registry));
    json_int(&j, "revision", core->revision);
    json_close(&j, '}');
    core_answer_buf(core, r->call, 200, &b);
    free(r);
}

/* The reset is done and durable; files that could not be removed do not undo it. */
static void on_caches_dropped(struct hubcache_forget *f, const struct cache_removed *removed,
                              const struct err *err)
{
    struct reset *r = container_of(f, struct reset, drop.forget);

    if (err->code)
        log_err(LOG_LEVEL_WARNING, "reset: not everything cached could be removed", err);
    r->removed = *removed;
    answer_reset(r);
}

static void drop_handles(struct core *core, struct reset *r)
{
    struct handles *t = &core->handles;

    r->n_pipelines = t->n[STORE_PIPELINE];
    r->n_factories = t->n[STORE_FACTORY];
    r->n_tokenizers = t->n[STORE_TOKENIZER];
    r->n_leases = core->leases.n;
    for (size_t k = 0; k < ARRAY_SIZE(t->by_use); k++)
        while (!TAILQ_EMPTY(&t->by_use[k]))
            handles_remove(t, TAILQ_FIRST(&t->by_use[k]));
    handles_all_leaving(t, false);
    loops_drop_text(core->loops, NULL);
    prefix_cache_clear(core->prefixes);
    leases_release(&core->leases);
    leases_arm(core);
}

static void reset_leave(struct core *core)
{
    gate_leave(&core->gate, NULL, 0);
    if (core->reload_waits)
        registry_reload(core);
    gate_retry(core);
}

static void on_reset(struct change *c)
{
    struct core *core = c->core;
    struct reset *r = c->subject;

    core_settle(core);
    if (r->what.architectures != ARCHS_KEEP) {
        size_t before = registry_size(core->registry);
        struct archs none = {0};

        core_unhide_all(core);
        core->cleared = r->what.architectures == ARCHS_CLEAR;
        for (size_t i = 0; i < before; i++)
            if (core->cleared || registry_at(core->registry, i)->source == ARCH_API)
                r->n_archs++;
        core_set_registry(core, core_compose(core, &none));
    }
    if (r->what.pipelines)
        drop_handles(core, r);
    loops_new_generation(core->loops);
    r->drop.forget.done = on_caches_dropped;
    if (r->what.caches) {
        loops_drop_text(core->loops, NULL);
        prefix_cache_clear(core->prefixes);
        tokenizers_forget(&core->tokenizers);
        caches_drop(core, NULL, &r->drop);
    } else
        answer_reset(r);
    reset_leave(core);
}

static void on_no_reset(struct change *c, const struct err *err)
{
    (void)err;
    free(c->subject);
    handles_all_leaving(&c->core->handles, false);
    reset_leave(c->core);
}

void op_reset(struct core *core, struct call *call)
{
    const struct args_reset *args = call->args;
    static const char *const modes[] = {"clear", "builtin", "keep"};
    AUTO_BUF struct buf members = {0};
    struct json j = json_begin(&members);

    if (!gate_enter(&core->gate, NULL, 0, call))
        return;
    core_settle(core);
    struct change *c = change_new(core, call, on_reset);
    struct reset *r = mem_new(struct reset);
    r->core = core;
    r->call = call;
    r->what = *args;
    c->failed = on_no_reset;
    c->subject = r;
    json_str(&j, "architectures", modes[args->architectures]);
    json_bool(&j, "caches", args->caches);
    json_bool(&j, "pipelines", args->pipelines);
    change_event(c, EVENT_REGISTRY_RESET, "", members.data);
    if (args->architectures != ARCHS_KEEP)
        change_op(c, &(struct store_op){.kind = STORE_ARCH_CLEAR,
                                        .base = {.cleared = args->architectures == ARCHS_CLEAR,
                                                 .builtin_since = core->base_since}});
    if (args->pipelines) {
        static const enum store_handle_kind kinds[] = {STORE_PIPELINE, STORE_FACTORY,
                                                       STORE_TOKENIZER};

        /* Whoever asks for a handle from now on finds none: a later write must not meet a ghost. */
        handles_all_leaving(&core->handles, true);
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
            change_op(
                c, &(struct store_op){.kind = STORE_HANDLES_CLEAR, .handle = {.kind = kinds[k]}});
    }
    change_submit(c);
}
