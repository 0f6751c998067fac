#include "daemon/process.h"

#include "api/routes/routes.h"
#include "base/clock.h"
#include "daemon/core.h"
#include "daemon/keyring.h"
#include "daemon/log.h"
#include "daemon/loops_start.h"
#include "daemon/notify.h"
#include "daemon/prompt_thread.h"
#include "daemon/sockets.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct process {
    struct settings settings;
    int argc;
    char *const *argv;
    struct notify notify;
    struct keyring keys;
    bool asks_for_keys; /* there were some at the start */
    struct sockets sockets;

    uv_loop_t loop;
    uv_signal_t term, interrupt, hup;
    uv_timer_t stop_timer;
    int64_t stop_at_ms; /* the end of draining; 0: not stopping */
    bool drained;
    int status;

    struct vitals vitals;
    struct endpoint endpoint;
    struct diskcache *disk;
    struct localroots *roots;
    struct fetcher *fetcher;
    struct hubcache hubcache;
    struct storage *storage;
    struct storage_report report;
    struct core core;
    struct loops loops;
    const struct route **routes;
    size_t n_routes;
};

/* ---- start: what can fail before there is a loop */

static bool make_dirs(const char *path, struct err *err)
{
    AUTO_FREE char *copy = str_dup(path);

    for (char *p = copy + 1;; p++) {
        bool end = *p == '\0';

        if (!end && *p != '/')
            continue;
        *p = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            return err_set(err, ERR_IO, "cannot make %s: %s", copy, strerror(errno));
        if (end)
            return true;
        *p = '/';
    }
}

struct surroundings {
    char *token_path; /* of the credential hf-token; NULL: there is none */
};

/* A credential of the service manager is the token's file, unless a variable names another. */
static const char *get_env(void *ctx, const char *name)
{
    const struct surroundings *s = ctx;
    const char *value = getenv(name);

    return !value && s->token_path && str_eq(name, "HF_TOKEN_PATH") ? s->token_path : value;
}

static bool read_endpoint(struct process *p, struct err *err)
{
    AUTO_FREE char *path = str_printf("%s/hf-token", p->settings.credentials_dir);
    struct surroundings s = {access(path, R_OK) == 0 ? path : NULL};

    return endpoint_read(&p->endpoint, get_env, &s, err);
}

/* Without HF_HOME or HF_HUB_CACHE the Hub cache lies with the rest of the cache. */
static void choose_hub_cache(struct process *p)
{
    if (getenv("HF_HOME") || getenv("HF_HUB_CACHE") || getenv("HUGGINGFACE_HUB_CACHE"))
        return;
    free(p->endpoint.cache_dir);
    p->endpoint.cache_dir = str_printf("%s/hub", p->settings.cache_dir);
}

static bool open_store(struct process *p, struct err *err)
{
    AUTO_FREE char *registry = str_printf("%s/registry.db", p->settings.state_dir);
    AUTO_FREE char *cache = str_printf("%s/cache.db", p->settings.cache_dir);
    const struct storage_config config = {.registry_path = registry, .cache_path = cache};
    const struct registry_store_report *r = &p->report.registry;

    if (!make_dirs(p->settings.state_dir, err) || !make_dirs(p->settings.cache_dir, err)) {
        err_wrap(err, "state");
        p->status = EXIT_STATUS_CANNOT_CREATE;
        return false;
    }
    if (!storage_open(&p->storage, &config, &p->report, err)) {
        p->status = err->code == ERR_STORE_NEWER ? EXIT_STATUS_CONFIG : EXIT_STATUS_IO;
        return false;
    }
    if (r->set_aside[0])
        log_error("store: registry.db was corrupt and was set aside; what could be read of it was "
                  "taken over",
                  "file", r->set_aside, "rows", log_int(r->n_salvaged), "tables_lost",
                  log_int(r->n_lost_tables), "reason", r->reason);
    if (r->read_only)
        log_error("store: registry.db can only be read; writes will be refused", "reason",
                  r->reason);
    if (r->unclean)
        log_warning(
            "store: the last daemon did not close registry.db; it was checked and is whole");
    if (r->migrated_from)
        log_info("store: registry.db was migrated", "from", log_int(r->migrated_from));
    if (p->report.cache_note[0])
        log_warning("store: cache.db", "note", p->report.cache_note);
    atomic_store(&p->vitals.store_ok, true);
    atomic_store(&p->vitals.store_read_only, r->read_only);
    return true;
}

static bool open_hub(struct process *p, struct err *err)
{
    if (!read_endpoint(p, err)) {
        p->status = EXIT_STATUS_CONFIG;
        return false;
    }
    choose_hub_cache(p);
    if (!diskcache_open(&p->disk, p->endpoint.cache_dir, err)) {
        log_err(LOG_LEVEL_WARNING, "hub: the cache on disk cannot be used", err);
        err_release(err);
    }
    if (!localroots_open(&p->roots, (const char *const *)p->settings.model_roots.items,
                         p->settings.model_roots.n, err)) {
        p->status = EXIT_STATUS_CONFIG;
        return err_wrap(err, "model-root");
    }
    return true;
}

/* A connection is an open file; what else there is needs far fewer than SPARE_FILES. */
static void raise_open_files(int64_t max_connections)
{
    enum { SPARE_FILES = 256 };
    rlim_t wanted = (rlim_t)max_connections + SPARE_FILES;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_warning("start: fewer files may be open than max-connections needs", "files",
                    log_int((int64_t)limit.rlim_cur), "max_connections", log_int(max_connections));
}

static bool prepare(struct process *p, struct err *err)
{
    raise_open_files(p->settings.max_connections);
    p->status = EXIT_STATUS_CONFIG;
    if (!keyring_load(&p->keys, p->settings.keys_file, err))
        return false;
    p->asks_for_keys = keyring_has_keys(&p->keys);
    if (!sockets_open(&p->sockets, &p->settings, p->asks_for_keys, err)) {
        p->status = err->code == ERR_FORBIDDEN ? EXIT_STATUS_CONFIG : EXIT_STATUS_UNAVAILABLE;
        return false;
    }
    return open_hub(p, err) && open_store(p, err);
}

/* ---- start: the parts on the loop */

static void start_hub(struct process *p)
{
    const struct settings *s = &p->settings;
    struct fetch_options fetch;
    struct hub_options hub;
    struct source_options source;

    fetch_options_default(&fetch);
    fetch.connect_timeout_ms = (int)s->hub_connect_timeout_ms;
    fetch.stall_timeout_ms = (int)s->hub_stall_timeout_ms;
    if (p->endpoint.download_timeout_ms > 0 && getenv("HF_HUB_DOWNLOAD_TIMEOUT"))
        fetch.stall_timeout_ms = p->endpoint.download_timeout_ms;
    fetch.max_total = (unsigned)s->hub_transfers;
    fetch.user_agent = "pipelined/" VERSION;
    fetch.ca_bundle = p->endpoint.ca_bundle;
    p->fetcher = fetcher_new(&p->loop, &fetch);

    hubcache_init(&p->hubcache, p->storage, p->disk, s->cache_disk_bytes);
    hub_options_default(&hub);
    hub.endpoint = &p->endpoint;
    hub.fetcher = p->fetcher;
    hub.disk = p->disk;
    hub.cache = &p->hubcache.iface;
    hub.offline = s->offline || p->endpoint.offline;
    hub.pin_ttl_ms = INT64_MAX; /* a branch moves for us when somebody asks for it: refresh */
    hub.negative_ttl_ms = s->hub_negative_ttl_s * 1000;
    hub.max_attempts = (unsigned)s->hub_retries + 1;
    p->core.hub = hub_new(&p->loop, &hub);

    source_options_default(&source);
    source.hub = p->core.hub;
    source.roots = p->roots;
    source.max_bytes = (size_t)s->cache_memory_bytes;
    source.pin_ttl_ms = INT64_MAX;
    p->core.source = source_new(&p->loop, &source);
    atomic_store(&p->vitals.offline, hub.offline);
    atomic_store(&p->vitals.hub_ok, true);
}

static bool start_loops(struct process *p, struct err *err)
{
    const struct settings *s = &p->settings;
    const struct app_limit limits[] = {
        {"max_body_bytes", s->max_body_bytes},
        {"max_header_bytes", s->max_header_bytes},
        {"max_json_depth", s->max_json_depth},
        {"max_connections", s->max_connections},
        {"max_connections_per_peer", s->max_connections_per_peer},
        {"header_timeout_ms", s->header_timeout_ms},
        {"body_timeout_ms", s->body_timeout_ms},
        {"idle_timeout_ms", s->idle_timeout_ms},
        {"request_timeout_ms", s->request_timeout_ms},
        {"cache_memory_bytes", s->cache_memory_bytes},
        {"cache_disk_bytes", s->cache_disk_bytes},
        {"pipeline_memory_bytes", s->pipeline_memory_bytes},
        {"events_kept", s->events_kept},
        {"max_leases", s->max_leases},
        {"max_lease_ttl_s", s->max_lease_ttl_s},
        {"idempotency_ttl_s", s->idempotency_ttl_s},
    };
    static struct app_limit kept[ARRAY_SIZE(limits)]; /* /v1/limits shows them as long as we run */

    memcpy(kept, limits, sizeof(limits));
    p->routes = routes_all(&p->n_routes);
    const struct loops_config config = {
        .n_loops = p->sockets.n_loops,
        .core_loop = &p->loop,
        .server = {.routes = p->routes,
                   .n_routes = p->n_routes,
                   .backend = {core_submit, &p->core},
                   .auth = {.find = p->asks_for_keys ? keyring_find : NULL,
                            .ctx = &p->keys,
                            .allowed_hosts = (const char *const *)s->allowed_hosts.items,
                            .n_allowed_hosts = s->allowed_hosts.n},
                   .version = VERSION,
                   .revision = p->core.revision,
                   .max_body_bytes = (size_t)s->max_body_bytes,
                   .max_header_bytes = (size_t)s->max_header_bytes,
                   .max_json_depth = (unsigned)s->max_json_depth,
                   .max_connections = (unsigned)s->max_connections,
                   .max_connections_per_peer = (unsigned)s->max_connections_per_peer,
                   .header_timeout_ms = s->header_timeout_ms,
                   .body_timeout_ms = s->body_timeout_ms,
                   .idle_timeout_ms = s->idle_timeout_ms,
                   .request_timeout_ms = s->request_timeout_ms},
        .app = {.registry = p->core.registry,
                .max_events = (size_t)s->events_kept,
                .compacted = p->core.events.compacted,
                .vitals = &p->vitals,
                .limits = kept,
                .n_limits = ARRAY_SIZE(kept),
                .routes = p->routes,
                .n_routes = p->n_routes,
                .version = VERSION},
        .events = &p->core.events,
        .listeners = (const struct listener_config *const *)p->sockets.of_loop,
        .n_listeners = p->sockets.n_of_loop,
    };
    return loops_start(&p->loops, &config, err);
}

static void on_beat(void *ctx)
{
    struct process *p = ctx;
    struct hub_status hub;

    notify_watchdog(&p->notify);
    hub_status(p->core.hub, &hub);
    atomic_store(&p->vitals.hub_ok, hub.is_up || !hub.since_ms);
}

/* ---- stop */

/* Nothing is under way any more: everything goes, and uv_run() returns. */
static void finish(struct process *p)
{
    loops_stop(&p->loops);
    source_free(p->core.source);
    hub_free(p->core.hub);
    fetcher_free(p->fetcher);
    core_stop(&p->core);
    storage_stop(p->storage);
    uv_close((uv_handle_t *)&p->stop_timer, NULL);
    uv_close((uv_handle_t *)&p->term, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
    uv_close((uv_handle_t *)&p->hup, NULL);
}

static bool hub_is_idle(const struct process *p)
{
    return source_idle(p->core.source) && hub_idle(p->core.hub) && hubcache_idle(&p->hubcache);
}

/* Every 10 ms while stopping. */
static void on_stop_timer(uv_timer_t *timer)
{
    struct process *p = container_of(timer, struct process, stop_timer);
    bool late = clock_mono_ms() >= p->stop_at_ms;

    if (!p->drained) { /* after shutdown-delay: whoever looks at /readyz has stopped sending */
        loops_drain(&p->loops);
        p->drained = true;
        uv_timer_set_repeat(timer, 10);
    }
    if (!late && (loops_n_connections(&p->loops) > 0 || !core_idle(&p->core)))
        return;
    if (!p->hubcache.stopping) {
        p->hubcache.stopping = true;
        source_stop(p->core.source);
        hub_stop(p->core.hub);
        return; /* what they cancelled is answered in this turn */
    }
    if (core_idle(&p->core) && hub_is_idle(p))
        finish(p);
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct process *p = handle->data;

    if (p->stop_at_ms) {
        log_warning("stop: at once", "signal", log_int(number));
        p->stop_at_ms = clock_mono_ms();
        uv_timer_start(&p->stop_timer, on_stop_timer, 0, 10); /* it may be in the shutdown delay */
        return;
    }
    log_info("stop: draining", "signal", log_int(number));
    atomic_store(&p->vitals.draining, true);
    notify_stopping(&p->notify, "draining");
    p->stop_at_ms = clock_mono_ms() + p->settings.shutdown_delay_ms + p->settings.drain_timeout_ms;
    uv_timer_start(&p->stop_timer, on_stop_timer, (uint64_t)p->settings.shutdown_delay_ms, 10);
}

/* ---- reload */

static void on_hup(uv_signal_t *handle, int number)
{
    struct process *p = handle->data;
    struct settings next = {0};
    AUTO_ERR struct err err = {0};
    const char *changed[64];
    int status;
    (void)number;

    notify_reloading(&p->notify);
    if (!config_load(&next, p->argc, p->argv, environ, &status, &err)) {
        log_err(LOG_LEVEL_ERROR, "reload: the settings are kept as they were", &err);
    } else {
        size_t n = config_changes(&p->settings, &next, changed, ARRAY_SIZE(changed));

        for (size_t i = 0; i < n && i < ARRAY_SIZE(changed); i++)
            if (!config_is_live(changed[i]))
                log_warning("reload: this setting needs a restart", "setting", changed[i]);
        config_take_live(&p->settings, &next);
        log_set_level((enum log_level)p->settings.log_level);
        hubcache_limit(&p->hubcache, p->settings.cache_disk_bytes);
        source_limit(p->core.source, (size_t)p->settings.cache_memory_bytes);
    }
    err_release(&err);
    if (!keyring_reload(&p->keys, p->settings.keys_file, &err))
        log_err(LOG_LEVEL_ERROR, "reload: the keys are kept as they were", &err);
    else if (!p->asks_for_keys && keyring_has_keys(&p->keys))
        log_warning("reload: there were no keys at the start, so none is asked for; restart");
    registry_reload(&p->core);
    config_release(&next);
    notify_ready(&p->notify, "reloaded");
}

/* ---- the whole */

static bool start(struct process *p, struct err *err)
{
    AUTO_FREE char *threads = str_printf("%lld", (long long)p->settings.workers);

    setenv("UV_THREADPOOL_SIZE", threads, 1);
    uv_loop_init(&p->loop);
    p->core = (struct core){.settings = &p->settings,
                            .loop = &p->loop,
                            .storage = p->storage,
                            .hubcache = &p->hubcache,
                            .roots = p->roots,
                            .disk = p->disk,
                            .token = p->endpoint.token,
                            .loops = &p->loops,
                            .vitals = &p->vitals,
                            .on_beat = on_beat,
                            .on_beat_ctx = p};
    machine_read(&p->core.machine, NULL, 0);
    if (!core_load(&p->core, err)) {
        p->status = EXIT_STATUS_IO;
        return false;
    }
    storage_start(p->storage, &p->loop);
    start_hub(p);
    core_start(&p->core);
    if (!start_loops(p, err)) {
        p->status = EXIT_STATUS_OS;
        return false;
    }
    uv_signal_t *signals[] = {&p->term, &p->interrupt, &p->hup};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        uv_signal_init(&p->loop, signals[i]);
        signals[i]->data = p;
    }
    uv_signal_start(&p->term, on_stop_signal, SIGTERM);
    uv_signal_start(&p->interrupt, on_stop_signal, SIGINT);
    uv_signal_start(&p->hup, on_hup, SIGHUP);
    uv_timer_init(&p->loop, &p->stop_timer);
    return true;
}

static void tell_ready(struct process *p)
{
    atomic_store(&p->vitals.core_beat_ms, clock_mono_ms());
    atomic_store(&p->vitals.ready, true);
    for (size_t i = 0; i < p->sockets.texts.n; i++)
        log_plain("listening on %s", p->sockets.texts.items[i]);
    notify_ready(&p->notify, "serving");
}

static void release(struct process *p)
{
    loops_release(&p->loops);
    core_release(&p->core);
    localroots_close(p->roots);
    diskcache_close(p->disk);
    endpoint_release(&p->endpoint);
    sockets_release(&p->sockets);
    keyring_release(&p->keys);
    notify_close(&p->notify);
    free(p->routes);
    config_release(&p->settings);
}

int process_run(struct settings *settings, int argc, char *const *argv)
{
    struct process *p = mem_new(struct process);
    AUTO_ERR struct err err = {0};
    int status;

    p->settings = *settings;
    *settings = (struct settings){0};
    p->argc = argc;
    p->argv = argv;
    log_start((enum log_format)p->settings.log_format, (enum log_level)p->settings.log_level);
    for (size_t i = 0; i < p->settings.warnings.n; i++)
        log_warning("settings", "warning", p->settings.warnings.items[i]);
    notify_open(&p->notify);
    if (!prepare(p, &err) || !start(p, &err)) {
        /* What was started ends with the process: nothing was acknowledged yet. */
        log_err(LOG_LEVEL_ERROR, "start: failed", &err);
        status = p->status;
        sockets_release(&p->sockets); /* a path must not look as if somebody listened */
        _exit(status);
    }
    tell_ready(p);
    prompt_thread();
    uv_run(&p->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&p->loop) != 0) {
        log_error("stop: a handle was left open");
        return EXIT_STATUS_SOFTWARE;
    }
    release(p);
    free(p);
    log_info("stop: done");
    return EXIT_STATUS_OK;
}

int process_check(struct settings *settings)
{
    struct keyring keys; /* keyring_load() fills it in any case */
    struct archs archs = {0};
    struct catalog_faults faults = {0};
    AUTO_ERR struct err err = {0};
    int status = EXIT_STATUS_OK;

    if (!keyring_load(&keys, settings->keys_file, &err)) {
        fprintf(stderr, "keys-file: %s\n", err.msg);
        status = EXIT_STATUS_CONFIG;
    }
    catalog_load_folders((const char *const *)settings->catalog.items, settings->catalog.n, 0, 0,
                         &archs, &faults);
    for (size_t i = 0; i < faults.n; i++) {
        const struct catalog_fault *f = &faults.items[i];

        fprintf(stderr, "%s:%d: %s%s%s\n", f->file, f->line, f->pointer, *f->pointer ? ": " : "",
                f->text);
        status = EXIT_STATUS_CONFIG;
    }
    if (status == EXIT_STATUS_OK)
        puts("the configuration is valid");
    catalog_faults_release(&faults);
    archs_release(&archs);
    keyring_release(&keys);
    config_release(settings);
    return status;
}
