/*
 * Models known here, over the API: what memory, cache.db and the Hub cache
 * folder have, each model once. Nothing is asked of the Hub for it.
 */
#include "api/args.h"
#include "daemon/core.h"
#include "json/writer.h"

#include <stdlib.h>

/* One thing known of a model: a reading in memory, or what the disk has. */
struct known {
    const char *id, *revision, *commit; /* "" where there is none */
    int64_t at;                         /* when it was pinned */
    const struct model *reading;        /* NULL: from the disk */
    bool in_folder;
};

struct listing {
    struct core *core;
    struct call *call;
    struct hubcache_list stored;
    struct known *known;
    size_t n, n_readings;
};

/* What each revision is pinned to, each once. */
static void render_revisions(struct json *j, const struct known *of, size_t n)
{
    json_key(j, "revisions"), json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        bool told = !*of[i].revision;

        for (size_t before = 0; before < i && !told; before++)
            told = str_eq(of[i].revision, of[before].revision);
        if (told)
            continue;
        json_item(j), json_open(j, '{');
        json_str(j, "revision", of[i].revision);
        json_str(j, "commit", of[i].commit);
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
        in_folder = in_folder || of[i].in_folder;
    json_open(j, '{');
    json_str(j, "id", of->id);
    json_str(j, "object", "model");
    json_int(j, "created", of->at);
    json_str(j, "owned_by", is_local ? "local" : "huggingface");
    json_str(j, "revision", or_null(of->revision));
    json_str(j, "commit", or_null(of->commit));
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

/* Readings before what the disk has, and the newest first. */
static int by_id(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    if (!order)
        order = (y->reading != NULL) - (x->reading != NULL);
    return order ? order : (x->at < y->at) - (x->at > y->at);
}

static void count_reading(void *ctx, const struct model *m)
{
    struct listing *l = ctx;

    (void)m;
    l->n_readings++;
}

static void add_reading(void *ctx, const struct model *m)
{
    struct listing *l = ctx;

    l->known[l->n++] =
        (struct known){.id = m->ref.model,
                       .revision = m->ref.source == MODEL_LOCAL ? "" : m->ref.revision,
                       .commit = m->commit,
                       .at = m->pinned_at,
                       .reading = m};
}

static void on_stored(struct hubcache_list *stored, const struct hubcache_model *models, size_t n)
{
    struct listing *l = container_of(stored, struct listing, stored);
    const struct args_model *args = l->call->args;

    source_each(l->core->source, count_reading, l);
    l->known = mem_new_array(n + l->n_readings + 1, struct known);
    source_each(l->core->source, add_reading, l);
    for (size_t i = 0; i < n; i++)
        l->known[l->n++] = (struct known){.id = models[i].model,
                                          .revision = models[i].revision,
                                          .commit = models[i].commit,
                                          .at = models[i].pinned_at,
                                          .in_folder = models[i].in_folder};
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
