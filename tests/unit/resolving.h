#pragma once
/* Driving a resolve from a test: the built-in catalog, models by hand, no machine of its own. */
#include "arch/catalog.h"
#include "arch/registry.h"
#include "models.h"
#include "pipeline/pipeline.h"
#include "resolve/resolve.h"

/* What a resolve may ask for, by name; taken by reference. */
struct world {
    struct registry *registry;
    struct model *models[4];
    struct machine machine;
};

static inline struct registry *builtin_registry(void)
{
    struct archs archs = {0};
    struct registry *r;

    catalog_load_builtin(1, 0, &archs);
    r = registry_new(1, archs.items, archs.n);
    archs_release(&archs);
    return r;
}

static inline void world_open(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->registry = builtin_registry();
    w->machine.devices[0] = device_cpu(GIB(64));
    w->machine.n = 1;
}

static inline void world_close(struct world *w)
{
    for (size_t i = 0; i < ARRAY_SIZE(w->models); i++)
        model_unref(w->models[i]);
    registry_unref(w->registry);
}

static inline struct model *world_find(const struct world *w, const struct model_ref *ref)
{
    for (size_t i = 0; i < ARRAY_SIZE(w->models); i++)
        if (w->models[i] && str_eq(w->models[i]->ref.model, ref->model) &&
            (str_eq(w->models[i]->ref.revision, ref->revision) ||
             str_eq(w->models[i]->commit, ref->revision)))
            return model_ref_count(w->models[i]);
    return NULL;
}

static inline struct pipeline *world_resolve(const struct world *w, json_t *doc, struct err *err)
{
    struct pipeline_request req = {0};
    struct pipeline *ret = NULL;
    struct resolve *r;

    if (!bind_object(&pipeline_request_table, doc, "", &req, err))
        return NULL;
    r = resolve_new(&req, w->registry);
    resolve_set_machine(r, &w->machine);
    while (resolve_step(r) == RESOLVE_NEED_MODEL) {
        struct model *m = world_find(w, resolve_wanted(r));
        AUTO_ERR struct err missing = {0};

        if (m) {
            resolve_give_model(r, m);
            continue;
        }
        err_set(&missing, ERR_REPO_NOT_FOUND, "%s does not exist.", resolve_wanted(r)->model);
        resolve_give_error(r, &missing);
    }
    if (!resolve_take(r, &ret, err))
        ret = NULL;
    resolve_free(r);
    return ret;
}

/* The request as JSON text with ' for ". */
static inline json_t *quoted(const char *text)
{
    AUTO_FREE char *copy = str_dup(text);
    json_t *doc;

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    doc = json_loads(copy, 0, NULL);
    if (!doc)
        fprintf(stderr, "no JSON: %s\n", text);
    return doc;
}

static inline struct pipeline *resolve_text(const struct world *w, const char *text,
                                            struct err *err)
{
    json_t *doc = quoted(text);
    struct pipeline *p = world_resolve(w, doc, err);

    json_decref(doc);
    return p;
}

/* The document of a pipeline; the caller's to json_decref(). */
static inline json_t *document_of(const struct pipeline *p)
{
    AUTO_FREE char *text = str_printf("{%s}", p->members);
    json_error_t at;
    json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &at);

    if (!doc)
        fprintf(stderr, "%s at %d: %.*s\n", at.text, at.position, 80, text + at.position);
    return doc;
}
