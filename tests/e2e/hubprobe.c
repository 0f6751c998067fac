/*
 * Hubprobe: the Hub client without the daemon around it, for tests.
 *
 * One JSON object per line on stdin is done at once, beside what is under way;
 * one JSON object per line on stdout answers each, in the order in which they
 * end. Ends when stdin does and all is answered. The environment says which Hub.
 *
 *     {"id": 1, "op": "model", "model": "org/name", "revision": "main", "refresh": true}
 *     {"id": 2, "op": "pin"|"file"|"range", "model", "revision", "commit", "path", "oid",
 *      "canonical", "size", "offset", "max_bytes", "token", "offline", "cancel": true}
 *     {"id": 3, "op": "status"|"forget"}
 *
 * Options: --cache DIR (small things in files, as cache.db would), --disk DIR,
 * --root DIR, --ttl MS, --attempts N, --stall MS, --rate-wait MS.
 */
#include "base/hash.h"
#include "daemon/source.h"
#include "hub/model_info.h"
#include "json/writer.h"

#include <stdio.h>

struct probe {
    uv_loop_t loop;
    uv_pipe_t input;
    struct buf line;
    struct endpoint endpoint;
    struct fetcher *fetcher;
    struct diskcache *disk;
    struct localroots *roots;
    struct hub *hub;
    struct source *source;
    const char *cache_dir;
    struct hub_cache cache;
    unsigned n_under_way;
    bool ended;
};

struct command {
    struct probe *probe;
    json_t *args;
    json_int_t id;
    struct hub_op hub;
    struct source_op source;
};

static const char *env_get(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* ---- a cache of files */

static char *cache_file(const struct probe *p, const char *a, const char *b, const char *c,
                        const char *d)
{
    AUTO_FREE char *key = str_printf("%s\n%s\n%s\n%s", a, b, c, d);
    char hex[SHA256_HEX];

    hash_sha256_hex(key, strlen(key), hex);
    return str_printf("%s/%s", p->cache_dir, hex);
}

static void cache_get(struct hub_cache_get *g, const char *path)
{
    AUTO_BUF struct buf b = {0};
    FILE *f = fopen(path, "re");
    char piece[4096];
    size_t n;

    if (!f) {
        g->done(g, NULL, 0);
        return;
    }
    buf_append_str(&b, "");
    while ((n = fread(piece, 1, sizeof(piece), f)))
        buf_append(&b, piece, n);
    fclose(f);
    g->done(g, b.data, b.size);
}

static void cache_put(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "we");

    if (!f || fwrite(data, 1, size, f) != size)
        abort();
    fclose(f);
}

static void get_pin(void *ctx, struct hub_cache_get *g)
{
    AUTO_FREE char *path = cache_file(ctx, "pin", g->credential, g->repo, g->revision);

    cache_get(g, path);
}

static void put_pin(void *ctx, const char *credential, const char *repo, const char *revision,
                    const struct pin *pin, const char *text)
{
    AUTO_FREE char *path = cache_file(ctx, "pin", credential, repo, revision);
    (void)pin;

    cache_put(path, text, strlen(text));
}

static void get_file(void *ctx, struct hub_cache_get *g)
{
    AUTO_FREE char *commit = str_printf("%s %s", g->repo, g->commit);
    AUTO_FREE char *path = cache_file(ctx, "file", g->credential, commit, g->path);

    cache_get(g, path);
}

static void put_file(void *ctx, const char *credential, const char *repo, const char *commit,
                     const char *path, const char *oid, const void *data, size_t size)
{
    AUTO_FREE char *both = str_printf("%s %s", repo, commit);
    AUTO_FREE char *file = cache_file(ctx, "file", credential, both, path);
    (void)oid;

    cache_put(file, data, size);
}

/* ---- answers */

static void shut_down(struct probe *p);

static void command_end(struct command *c, struct json *j)
{
    struct probe *p = c->probe;

    json_close(j, '}');
    buf_append_char(j->out, '\n');
    fwrite(j->out->data, 1, j->out->size, stdout);
    fflush(stdout);
    json_decref(c->args);
    free(c);
    p->n_under_way--;
    if (p->ended && !p->n_under_way)
        shut_down(p);
}

static void write_err(struct json *j, const char *name, const struct err *err)
{
    json_key(j, name), json_open(j, '{');
    json_str(j, "code", err_slug(err->code));
    json_str(j, "message", err->msg);
    if (err->facts.size)
        buf_printf(j->out, ",%s", err->facts.data);
    json_close(j, '}');
}

static void write_files(struct json *j, const struct model_file *files, size_t n)
{
    json_key(j, "files"), json_open(j, '{');
    for (size_t i = 0; i < n; i++) {
        json_key(j, files[i].path), json_open(j, '{');
        json_int(j, "size", files[i].size);
        json_str(j, "oid", files[i].oid);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void on_hub(struct hub_op *op, struct pin *pin, const char *data, size_t size,
                   const struct err *err)
{
    struct command *c = container_of(op, struct command, hub);
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    char hex[SHA256_HEX];

    json_open(&j, '{');
    json_int(&j, "id", c->id);
    json_bool(&j, "ok", pin || data);
    if (err->code)
        write_err(&j, "error", err);
    if (pin) {
        json_str(&j, "commit", pin->commit);
        json_str(&j, "canonical", pin->canonical);
        json_bool(&j, "stale", pin->stale);
        json_bool(&j, "gated", pin->gated);
        json_bool(&j, "private", pin->is_private);
        json_int(&j, "encodings", pin->hub_encodings);
        json_int(&j, "origin", pin->origin);
        write_files(&j, pin->files, pin->n_files);
    }
    if (data) {
        hash_sha256_hex(data, size, hex);
        json_int(&j, "size", (int64_t)size);
        json_str(&j, "sha256", hex);
        if (size <= 200)
            json_key(&j, "data"), json_write_str_n(&b, data, size);
    }
    command_end(c, &j);
}

static void on_model(struct source_op *op, struct model *m, const struct err *err)
{
    struct command *c = container_of(op, struct command, source);
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    json_open(&j, '{');
    json_int(&j, "id", c->id);
    json_bool(&j, "ok", m != NULL);
    if (err->code)
        write_err(&j, "error", err);
    if (m) {
        json_str(&j, "commit", m->commit);
        json_str(&j, "canonical", m->canonical);
        json_bool(&j, "stale", m->stale);
        json_bool(&j, "gated", m->gated);
        json_int(&j, "origin", (int)m->origin);
        json_int(&j, "encodings", m->encodings);
        json_str(&j, "model_type", m->config ? m->config->model_type : NULL);
        json_str(&j, "tokenizer", m->tokenizer.kind);
        write_files(&j, m->files, m->n_files);
    }
    command_end(c, &j);
}

static void answer_status(struct command *c)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    struct hub_status h;
    struct source_status s;

    hub_status(c->probe->hub, &h);
    source_status(c->probe->source, &s);
    json_open(&j, '{');
    json_int(&j, "id", c->id);
    json_bool(&j, "ok", true);
    json_bool(&j, "is_up", h.is_up);
    json_bool(&j, "offline", h.offline);
    json_int(&j, "since_ms", h.since_ms);
    json_str(&j, "last_error", h.last_error);
    json_int(&j, "requests", (int64_t)h.requests);
    json_int(&j, "retries", (int64_t)h.retries);
    json_int(&j, "rate_limited", (int64_t)h.rate_limited);
    json_int(&j, "cache_hits", (int64_t)h.cache_hits);
    json_int(&j, "disk_hits", (int64_t)h.disk_hits);
    json_int(&j, "joined", (int64_t)h.joined);
    json_int(&j, "mismatches", (int64_t)h.mismatches);
    json_int(&j, "models", (int64_t)s.n_models);
    json_int(&j, "model_hits", (int64_t)s.hits);
    json_int(&j, "model_evicted", (int64_t)s.evicted);
    command_end(c, &j);
}

/* ---- commands */

static const char *arg(const struct command *c, const char *name)
{
    return json_string_value(json_object_get(c->args, name));
}

static int64_t number(const struct command *c, const char *name, int64_t otherwise)
{
    const json_t *n = json_object_get(c->args, name);

    return json_is_integer(n) ? json_integer_value(n) : otherwise;
}

static bool flag(const struct command *c, const char *name)
{
    return json_is_true(json_object_get(c->args, name));
}

static const char *token_of(const struct command *c)
{
    const json_t *t = json_object_get(c->args, "token");

    return t ? json_string_value(t) : c->probe->endpoint.token;
}

static void start_hub(struct command *c, const char *what)
{
    c->hub = (struct hub_op){
        .kind = str_eq(what, "pin")    ? HUB_OP_PIN
                : str_eq(what, "file") ? HUB_OP_FILE
                                       : HUB_OP_RANGE,
        .token = token_of(c),
        .repo = arg(c, "model"),
        .revision = arg(c, "revision"),
        .canonical = arg(c, "canonical"),
        .commit = arg(c, "commit"),
        .path = arg(c, "path"),
        .oid = arg(c, "oid"),
        .file_size = number(c, "file_size", -1),
        .offset = number(c, "offset", 0),
        .size = number(c, "size", 0),
        .max_bytes = number(c, "max_bytes", 64 << 20),
        .refresh = flag(c, "refresh"),
        .offline = flag(c, "offline"),
        .done = on_hub,
    };
    if (c->hub.kind == HUB_OP_PIN && !c->hub.revision)
        c->hub.revision = "main";
    hub_start(c->probe->hub, &c->hub);
    if (flag(c, "cancel"))
        hub_cancel(&c->hub);
}

static void start_model(struct command *c)
{
    AUTO_ERR struct err err = {0};

    if (!model_ref_parse(&c->source.ref, arg(c, "model"), arg(c, "revision"), arg(c, "subfolder"),
                         &err)) {
        c->source.done = on_model;
        on_model(&c->source, NULL, &err);
        return;
    }
    c->source.ref.offline = flag(c, "offline");
    c->source.token = token_of(c);
    c->source.depth = flag(c, "shallow") ? INSPECT_CONFIG : INSPECT_ALL;
    c->source.refresh = flag(c, "refresh");
    c->source.done = on_model;
    source_start(c->probe->source, &c->source);
    if (flag(c, "cancel"))
        source_cancel(&c->source);
}

static void do_command(struct probe *p, const char *line, size_t size)
{
    struct command *c = mem_new(struct command);
    const char *op;

    c->probe = p;
    c->args = json_loadb(line, size, 0, NULL);
    c->id = json_integer_value(json_object_get(c->args, "id"));
    op = arg(c, "op");
    p->n_under_way++;
    if (str_eq(op, "model"))
        start_model(c);
    else if (str_eq(op, "status"))
        answer_status(c);
    else if (str_eq(op, "forget")) {
        source_forget(p->source, arg(c, "model"));
        answer_status(c);
    } else
        start_hub(c, op);
}

/* ---- stdin, start and stop */

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    (void)handle;
    *ret = uv_buf_init(mem_alloc(wanted), (unsigned)wanted);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *piece)
{
    struct probe *p = stream->data;
    char *end;

    if (n > 0)
        buf_append(&p->line, piece->base, (size_t)n);
    free(piece->base);
    while (p->line.size && (end = memchr(p->line.data, '\n', p->line.size))) {
        size_t size = (size_t)(end - p->line.data);
        AUTO_FREE char *line = str_dup_n(p->line.data, size);

        memmove(p->line.data, end + 1, p->line.size - size - 1);
        p->line.size -= size + 1;
        do_command(p, line, size);
    }
    if (n < 0) {
        p->ended = true;
        uv_close((uv_handle_t *)&p->input, NULL);
        if (!p->n_under_way)
            shut_down(p);
    }
}

/* Nothing is under way for us; the hub may still finish what it began for its caches. */
static void shut_down(struct probe *p)
{
    source_stop(p->source);
    hub_stop(p->hub);
}

static void set_up(struct probe *p, int argc, char **argv)
{
    AUTO_ERR struct err err = {0};
    struct hub_options h;
    struct source_options s;
    struct fetch_options f;
    const char *root = NULL, *disk = NULL;

    hub_options_default(&h);
    source_options_default(&s);
    fetch_options_default(&f);
    h.backoff_base_ms = 10;
    h.backoff_cap_ms = 50;
    f.user_agent = "pipelined/test";
    if (!endpoint_read(&p->endpoint, env_get, NULL, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    f.stall_timeout_ms = p->endpoint.download_timeout_ms;
    h.offline = p->endpoint.offline;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];

        if (str_eq(name, "--cache"))
            p->cache_dir = value;
        else if (str_eq(name, "--disk"))
            disk = value;
        else if (str_eq(name, "--root"))
            root = value;
        else if (str_eq(name, "--ttl"))
            h.pin_ttl_ms = s.pin_ttl_ms = strtol(value, NULL, 10);
        else if (str_eq(name, "--attempts"))
            h.max_attempts = (unsigned)strtoul(value, NULL, 10);
        else if (str_eq(name, "--rate-wait"))
            h.max_rate_wait_ms = strtol(value, NULL, 10);
        else if (str_eq(name, "--models"))
            s.max_bytes = strtoul(value, NULL, 10);
    }
    p->cache = (struct hub_cache){.ctx = p,
                                  .get_pin = get_pin,
                                  .put_pin = put_pin,
                                  .get_file = get_file,
                                  .put_file = put_file};
    p->fetcher = fetcher_new(&p->loop, &f);
    if (!localroots_open(&p->roots, &root, root ? 1 : 0, &err) ||
        (disk && !diskcache_open(&p->disk, disk, &err))) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    h.endpoint = &p->endpoint;
    h.fetcher = p->fetcher;
    h.disk = p->disk;
    h.cache = p->cache_dir ? &p->cache : NULL;
    p->hub = hub_new(&p->loop, &h);
    s.hub = p->hub;
    s.roots = p->roots;
    p->source = source_new(&p->loop, &s);
}

int main(int argc, char **argv)
{
    struct probe p = {0};

    uv_loop_init(&p.loop);
    set_up(&p, argc, argv);
    uv_pipe_init(&p.loop, &p.input, 0);
    p.input.data = &p;
    uv_pipe_open(&p.input, 0);
    uv_read_start((uv_stream_t *)&p.input, on_alloc, on_input);
    /* Idle timers do not keep a loop alive; what is under way does. */
    uv_run(&p.loop, UV_RUN_DEFAULT);
    source_free(p.source);
    hub_free(p.hub);
    fetcher_free(p.fetcher);
    uv_run(&p.loop, UV_RUN_DEFAULT);
    diskcache_close(p.disk);
    localroots_close(p.roots);
    endpoint_release(&p.endpoint);
    buf_release(&p.line);
    return uv_loop_close(&p.loop) == 0 ? 0 : 1;
}
