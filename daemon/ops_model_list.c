/*
 * Models known here, over the API: what memory, cache.db and the Hub cache
 * folder have, each model once. Nothing is asked of the Hub for it.
 */
#include "api/args.h"
#include "daemon/core.h"
#include "json/writer.h"

#include <stdlib.h>

/* One thing known of a model: a reading in memory, or a pin. */
struct known {
    const char *id;
    const struct model *reading; /* NULL: a pin */
    const struct hubcache_model *pin;
    int64_t at; /* the newest first; readings before pins */
};

struct listing {
    struct core *core;
    struct call *call;
    struct hubcache_list stored;
    struct known *known;
    size_t n, n_readings;
};

static const char *reading_revision(const struct model *m)
{
    return m->ref.source == MODEL_LOCAL ? "" : m->ref.revision;
}

/* revisions: what each is pinned to, each once. */
static void render_revisions(struct json *j, const struct known *of, size_t n)
{
    json_key(j, "revisions"), json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        const struct known *k = &of[i];
        const char *revision = k->reading ? reading_revision(k->reading) : k->pin->revision;
        bool told = !*revision;

        for (size_t before = 0; before < i && !told; before++)
            told = str_eq(revision, of[before].reading ? reading_revision(of[before].reading)
                                                       : of[before].pin->revision);
        if (told)
            continue;
        json_item(j), json_open(j, '{');
        json_str(j, "revision", revision);
        json_str(j, "commit", k->reading ? k->reading->commit : k->pin->commit);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static const char *or_null(const char *s) { return *s ? s : NULL; }

/* All that is known of one model, the best first. */
static void render_model(struct json *j, const struct known *of, size_t n)
{
    const struct model *m = of->reading;
    const struct config *c = m ? m->config : NULL;
    bool is_local = m && m->ref.source == MODEL_LOCAL, in_folder = false;

    for (size_t i = 0; i < n; i++)
        in_folder = in_folder || (of[i].pin && !of[i].pin->pinned_at);
    json_open(j, '{');
    json_str(j, "id", of->id);
    json_str(j, "object", "model");
    json_int(j, "created", of->at);
    json_str(j, "owned_by", is_local ? "local" : "huggingface");
    json_str(j, "revision", or_null(m ? reading_revision(m) : of->pin->revision));
    json_str(j, "commit", or_null(m ? m->commit : of->pin->commit));
    render_revisions(j, of, n);
    json_str(j, "architecture", c && c->n_architectures ? c->architectures[0] : NULL);
    json_bool(j, "stale", m && m->stale);
    json_bool(j, "in_memory", m != NULL);
    json_bool(j, "in_hub_cache", in_folder);
    json_close(j, '}');
}

static void answer_list(const struct listing *l)
{
    const struct args_model *args = l->call->args;
    const char *last = NULL;
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    size_t at = 0, n;
    int64_t left = args->limit;

    json_open(&j, '{');
    json_str(&j, "object", "list");
    json_key(&j, "data"), json_open(&j, '[');
    for (; at < l->n && left; at += n) {
        const struct known *k = &l->known[at];

        for (n = 1; at + n < l->n && str_eq(k[n].id, k->id);)
            n++;
        if (strcmp(k->id, args->page_token) <= 0)
            continue;
        json_item(&j);
        render_model(&j, k, n);
        last = k->id;
        left--;
    }
    json_close(&j, ']');
    json_str(&j, "next_page_token", at < l->n ? last : NULL);
    json_close(&j, '}');
    core_answer_buf(l->core, l->call, 200, &b);
}

static void answer_one(const struct listing *l)
{
    const struct args_model *args = l->call->args;
    const char *id = args->ref.model;
    AUTO_BUF struct buf b = {0};
    AUTO_ERR struct err err = {0};
    struct json j = json_begin(&b);
    size_t at = 0, n = 0;

    while (at < l->n && !str_eq(l->known[at].id, id))
        at++;
    while (at + n < l->n && str_eq(l->known[at + n].id, id))
        n++;
    if (n) {
        render_model(&j, &l->known[at], n);
        core_answer_buf(l->core, l->call, 200, &b);
        return;
    }
    err_set(&err, ERR_NOT_FOUND,
            "%s was not read here yet; GET /v1/model?model=%s looks at it, wherever it is", id, id);
    err_fact_str(&err, "model", id);
    core_answer_err(l->core, l->call, &err);
}

static int by_id(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    if (!order)
        order = (y->reading != NULL) - (x->reading != NULL);
    return order ? order : (x->at < y->at) - (x->at > y->at);
}

static void count_reading(void *ctx, const struct model *m, int64_t used_at_ms)
{
    struct listing *l = ctx;

    (void)m, (void)used_at_ms;
    l->n_readings++;
}

static void add_reading(void *ctx, const struct model *m, int64_t used_at_ms)
{
    struct listing *l = ctx;

    (void)used_at_ms;
    l->known[l->n++] = (struct known){m->ref.model, m, NULL, m->pinned_at};
}

static void on_stored(struct hubcache_list *stored, const struct hubcache_model *models, size_t n)
{
    struct listing *l = container_of(stored, struct listing, stored);
    const struct args_model *args = l->call->args;

    source_each(l->core->source, count_reading, l);
    l->known = mem_new_array(n + l->n_readings + 1, struct known);
    source_each(l->core->source, add_reading, l);
    for (size_t i = 0; i < n; i++)
        l->known[l->n++] = (struct known){models[i].model, NULL, &models[i], models[i].pinned_at};
    qsort(l->known, l->n, sizeof(*l->known), by_id);
    (args->ref.model[0] ? answer_one : answer_list)(l);
    free(l->known);
    free(l);
}

void op_models(struct core *core, struct call *call)
{
    struct listing *l = mem_new(struct listing);
    char credential[CREDENTIAL_SIZE];

    credential_class(core->token, credential);
    l->core = core;
    l->call = call;
    l->stored = (struct hubcache_list){.credential = credential, .done = on_stored};
    hubcache_list(core->hubcache, &l->stored);
}
