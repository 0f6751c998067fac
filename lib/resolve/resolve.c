#include "resolve/resolve.h"

#include "resolve/resolution.h"

enum wanted { WANT_NOTHING, WANT_MAIN, WANT_MAIN_WEIGHTS, WANT_DRAFT, WANT_DRAFT_WEIGHTS };

struct resolve {
    struct pipeline_request request;
    struct registry *registry;
    struct machine machine;
    struct model *models[WANT_DRAFT_WEIGHTS + 1]; /* by what they were wanted for */
    enum resolve_step step;
    enum wanted wanted;
    struct model_ref ref; /* of what is wanted */
    struct pipeline *pipeline;
    struct err err;
};

static void fail(struct resolve *r) { r->step = RESOLVE_FAILED; }

static bool want(struct resolve *r, enum wanted wanted)
{
    r->wanted = wanted;
    r->step = RESOLVE_NEED_MODEL;
    return true;
}

static bool has_draft(const struct resolve *r) { return r->request.draft.model_path != NULL; }

/* ---- weights that lie elsewhere */

static bool two_places(const char *a, const char *b, struct err *err)
{
    err_set(err, ERR_WEIGHTS_INCONSISTENT,
            "weight_path names files of %.100s and of %.100s; all must be of one repository.", a,
            b);
    return err_fact_str(err, "field", "weight_path");
}

/*
 * The repository that weight paths name, when it is another than the model's:
 * *ret, the caller's to free, or NULL.
 */
static bool other_repo(const struct model_fields *m, const struct model *model, char **ret,
                       struct err *err)
{
    AUTO_FREE char *repo = NULL;
    const char *rest;

    for (size_t i = 0; i < m->weight_path.n; i++) {
        AUTO_FREE char *other = weight_path_repo(model, m->weight_path.items[i], &rest);

        if (i > 0 && (!other != !repo || (other && !str_eq(other, repo))))
            return two_places(other ? other : model->ref.model, repo ? repo : model->ref.model,
                              err);
        if (i == 0)
            repo = take(&other);
    }
    *ret = take(&repo);
    return true;
}

/* *ret: whether r->ref was filled with where the weights lie. */
static bool weights_elsewhere(struct resolve *r, const struct model_fields *m,
                              const struct model *model, bool *ret, struct err *err)
{
    const char *revision = m->weight_revision;
    bool same = !revision || revision[0] == '\0' || str_eq(revision, model->ref.revision) ||
                str_eq(revision, model->commit);
    AUTO_FREE char *repo = NULL;

    *ret = false;
    if (!other_repo(m, model, &repo, err))
        return false;
    if (!repo && (same || model->ref.source == MODEL_LOCAL))
        return true;
    /* A revision given for both is the model's: another repository need not have it. */
    if (!model_ref_parse(&r->ref, repo ? repo : m->model_path, repo && same ? NULL : revision,
                         repo ? NULL : m->subfolder, err))
        return false;
    r->ref.offline = model->ref.offline;
    *ret = true;
    return true;
}

/* ---- what is wanted next */

static bool next(struct resolve *r, struct err *err)
{
    struct pipeline_request *q = &r->request;
    bool elsewhere;

    switch (r->wanted) {
    case WANT_NOTHING:
        return request_model_ref(q, &q->main, &r->ref, err) && want(r, WANT_MAIN);
    case WANT_MAIN:
        if (!weights_elsewhere(r, &q->main, r->models[WANT_MAIN], &elsewhere, err))
            return false;
        if (elsewhere)
            return want(r, WANT_MAIN_WEIGHTS);
        /* fall through */
    case WANT_MAIN_WEIGHTS:
        if (has_draft(r))
            return request_model_ref(q, &q->draft, &r->ref, err) && want(r, WANT_DRAFT);
        break;
    case WANT_DRAFT:
        if (!weights_elsewhere(r, &q->draft, r->models[WANT_DRAFT], &elsewhere, err))
            return false;
        if (elsewhere)
            return want(r, WANT_DRAFT_WEIGHTS);
        break;
    case WANT_DRAFT_WEIGHTS:
        break;
    }
    r->step = RESOLVE_DONE;
    return true;
}

/* ---- all is there */

/* Documents of the request alone, which win over the registry's. */
static struct registry *own_architectures(const struct resolve *r, struct err *err)
{
    const json_t *docs = r->request.custom_architectures;
    size_t n = json_array_size(docs);
    struct arch **archs;
    struct registry *ret = NULL;
    AUTO_FAULTS struct faults f = {0};
    char pointer[64];

    if (n == 0)
        return registry_ref(r->registry);
    archs = mem_new_array(n, struct arch *);
    for (size_t i = 0; i < n; i++) {
        snprintf(pointer, sizeof(pointer), "/custom_architectures/%zu", i);
        archs[i] = arch_build(json_array_get(docs, i), pointer, ARCH_API, 0, 0, &f);
    }
    if (faults_none(&f, err))
        ret = registry_with(r->registry, registry_revision(r->registry), archs, n);
    for (size_t i = 0; i < n; i++)
        arch_unref(archs[i]);
    free(archs);
    return ret;
}

static struct side side_of(const char *name, struct model_fields *fields, const struct model *model,
                           const struct model *weights)
{
    return (struct side){
        .name = name, .fields = fields, .model = model, .weights = weights ? weights : model};
}

void resolution_release(struct resolution *r)
{
    decisions_release(&r->decisions);
    notices_release(&r->notices);
    free(r->main.files);
    free(r->draft.files);
}

static bool decide_side(struct resolution *r, struct side *s, struct err *err)
{
    if (is_manifest(s))
        return true;
    return decide_encoding(r, s, err) && check_devices(r, s, err) && decide_weights(r, s, err) &&
           decide_length(r, s, err);
}

/* GGUF files keep MAX's interleaved layout unless one asks for another. */
static void decide_rope(struct resolution *r)
{
    enum rope_type of_arch = r->main.arch->rope_type;

    if (r->main.fields->rope_type || of_arch == ROPE_UNSET)
        return;
    r->main.fields->rope_type = (int)of_arch;
    decide_str(&r->decisions, "rope_type", rope_type_name(of_arch), NULL, 0,
               "the architecture's default");
}

static bool decide(struct resolution *r, struct err *err)
{
    r->length_given = r->req->main.max_length.set;
    r->batch_given = r->req->max_batch_size.set;
    fill_defaults(r);
    if (!decide_architecture(r, err) || !decide_devices(r, err) || !decide_draft(r, err))
        return false;
    apply_required(r);
    if (!check_lora(r, err) || !check_draft_pair(r, err) || !decide_side(r, &r->main, err))
        return false;
    if (r->has_draft && !decide_side(r, &r->draft, err))
        return false;
    decide_rope(r);
    return decide_scheduler(r, err) && decide_memory(r, err);
}

static bool conclude(struct resolve *r, struct err *err)
{
    struct registry *registry = own_architectures(r, err);
    struct resolution res = {
        .req = &r->request,
        .registry = registry,
        .machine = &r->machine,
        .has_draft = has_draft(r),
        .main =
            side_of("main", &r->request.main, r->models[WANT_MAIN], r->models[WANT_MAIN_WEIGHTS]),
        .draft = side_of("draft", &r->request.draft, r->models[WANT_DRAFT],
                         r->models[WANT_DRAFT_WEIGHTS]),
    };
    bool ok = registry && decide(&res, err);

    if (ok)
        r->pipeline = pipeline_build(&res);
    resolution_release(&res);
    registry_unref(registry);
    return ok;
}

static void go_on(struct resolve *r)
{
    if (!next(r, &r->err) || (r->step == RESOLVE_DONE && !conclude(r, &r->err)))
        fail(r);
}

/* ---- the machine from outside */

struct resolve *resolve_new(struct pipeline_request *request, const struct registry *registry)
{
    struct resolve *r = mem_new(struct resolve);

    r->request = *request;
    memset(request, 0, sizeof(*request));
    r->registry = registry_ref(registry);
    machine_read(&r->machine, NULL, 0);
    if (request_check(&r->request, &r->err))
        go_on(r);
    else
        fail(r);
    return r;
}

void resolve_set_machine(struct resolve *r, const struct machine *machine)
{
    r->machine = *machine;
}

void resolve_free(struct resolve *r)
{
    if (!r)
        return;
    request_release(&r->request);
    for (size_t i = 0; i < ARRAY_SIZE(r->models); i++)
        model_unref(r->models[i]);
    registry_unref(r->registry);
    pipeline_unref(r->pipeline);
    err_release(&r->err);
    free(r);
}

enum resolve_step resolve_step(const struct resolve *r) { return r->step; }

const struct model_ref *resolve_wanted(const struct resolve *r) { return &r->ref; }

void resolve_give_model(struct resolve *r, struct model *model)
{
    r->models[r->wanted] = model;
    go_on(r);
}

void resolve_give_error(struct resolve *r, const struct err *err)
{
    bool elsewhere = r->wanted == WANT_MAIN_WEIGHTS || r->wanted == WANT_DRAFT_WEIGHTS;
    const struct model_fields *m =
        r->wanted == WANT_MAIN_WEIGHTS ? &r->request.main : &r->request.draft;

    if (elsewhere && m->weight_path.n > 0 &&
        (err->code == ERR_REPO_NOT_FOUND || err->code == ERR_REPO_PRIVATE)) {
        /* A path that merely looks like org/name/file is a file that is not there. */
        err_set(&r->err, ERR_WEIGHTS_NOT_FOUND,
                "%.120s is neither a file of %.80s nor of a repository %.100s that can be read.",
                m->weight_path.items[0], m->model_path, r->ref.model);
        err_fact_strv(&r->err, "missing_files", (const char *const *)m->weight_path.items,
                      m->weight_path.n);
    } else {
        err_copy(&r->err, err);
        if (r->wanted != WANT_MAIN)
            err_wrap(&r->err, "%s", elsewhere ? "weights" : "draft model");
    }
    fail(r);
}

bool resolve_take(struct resolve *r, struct pipeline **ret, struct err *err)
{
    if (r->step == RESOLVE_DONE) {
        *ret = take(&r->pipeline);
        return true;
    }
    err_move(err, &r->err);
    return false;
}
