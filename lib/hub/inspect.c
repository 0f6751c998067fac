#include "hub/inspect_parts.h"

#include <assert.h>
#include <stdio.h>

enum {
    MIB = 1 << 20,
    CONFIG_MAX = 4 * MIB,
    SMALL_MAX = 1 * MIB,
    NAMED_TEMPLATES_MAX = 16,
};

/* ---- jobs */

struct job *inspect_add_job(struct inspect *in, enum job_kind kind, size_t file, int64_t max_bytes)
{
    struct job *job = mem_new(struct job);
    const struct model_file *f = kind == JOB_PIN ? NULL : &in->model->files[file];

    job->kind = kind;
    job->file = file;
    job->want.kind = kind == JOB_PIN ? WANT_PIN : max_bytes < 0 ? WANT_RANGE : WANT_FILE;
    job->want.optional = kind != JOB_PIN && kind != JOB_CONFIG && kind != JOB_MODEL_INDEX;
    job->want.max_bytes = max_bytes;
    job->want.file = f;
    if (f)
        snprintf(job->want.path, sizeof(job->want.path), "%s", f->path);
    if ((in->n_jobs & (in->n_jobs - 1)) == 0)
        in->jobs = mem_resize(in->jobs, (in->n_jobs ? 2 * in->n_jobs : 1) * sizeof(*in->jobs));
    in->jobs[in->n_jobs++] = job;
    in->n_waiting++;
    return job;
}

void inspect_problem(struct inspect *in, const char *path, enum err_code code, const char *message)
{
    struct model *m = in->model;

    if ((m->n_problems & (m->n_problems - 1)) == 0)
        m->problems =
            mem_resize(m->problems, (m->n_problems ? 2 * m->n_problems : 1) * sizeof(*m->problems));
    m->problems[m->n_problems++] =
        (struct model_problem){.path = str_dup(path), .code = code, .message = str_dup(message)};
}

static void fail(struct inspect *in, const struct err *err)
{
    if (in->failed)
        return;
    in->failed = true;
    err_copy(&in->err, err);
}

const char *inspect_relative(const struct inspect *in, const char *path)
{
    const char *folder = in->model->ref.subfolder;
    size_t n = strlen(folder);

    if (n == 0)
        return path;
    return str_starts(path, folder) && path[n] == '/' ? path + n + 1 : NULL;
}

/* The index of a file below the subfolder; n_files: none. */
static size_t find(const struct inspect *in, const char *relative)
{
    const struct model *m = in->model;
    const char *folder = m->ref.subfolder;
    AUTO_FREE char *path = str_printf("%s%s%s", folder, *folder ? "/" : "", relative);
    const struct model_file *f = model_file(m, path);

    return f ? (size_t)(f - m->files) : m->n_files;
}

static bool there(const struct inspect *in, const char *relative)
{
    return find(in, relative) < in->model->n_files;
}

/* ---- the small files */

/* Wants a file if it is in the list; too large is a problem, for a config an error. */
static struct job *want_file(struct inspect *in, const char *relative, enum job_kind kind,
                             int64_t max_bytes)
{
    size_t i = find(in, relative);

    if (i == in->model->n_files)
        return NULL;
    const struct model_file *f = &in->model->files[i];
    if (f->size > max_bytes) {
        AUTO_ERR struct err err = {0};

        err_set(&err, ERR_FILE_TOO_LARGE, "%s has %lld bytes, at most %lld are read", f->path,
                (long long)f->size, (long long)max_bytes);
        err_fact_str(&err, "file", f->path);
        err_fact_int(&err, "limit", max_bytes);
        if (kind == JOB_CONFIG || kind == JOB_MODEL_INDEX)
            fail(in, &err);
        else
            inspect_problem(in, f->path, err.code, err.msg);
        return NULL;
    }
    return inspect_add_job(in, kind, i, max_bytes);
}

/* In the order of their use; what has no file limit of its own is small. */
static const struct {
    const char *name;
    enum tokenizer_file kind;
    int64_t max_bytes;
    bool without_tokenizer_json; /* only then */
} tokenizer_files[] = {
    {"tokenizer_config.json", TOKENIZER_CONFIG, 8 * MIB, false},
    {"tokenizer.json", TOKENIZER_JSON, 64 * MIB, false},
    {"special_tokens_map.json", TOKENIZER_SPECIAL_MAP, SMALL_MAX, false},
    {"added_tokens.json", TOKENIZER_ADDED_TOKENS, 4 * MIB, false},
    {"chat_template.jinja", TOKENIZER_TEMPLATE_JINJA, SMALL_MAX, false},
    {"chat_template.json", TOKENIZER_TEMPLATE_JSON, SMALL_MAX, false},
    {"processor_config.json", TOKENIZER_PROCESSOR, SMALL_MAX, false},
    {"vocab.txt", TOKENIZER_VOCAB_TXT, 16 * MIB, true},
    {"tekken.json", TOKENIZER_TEKKEN, 64 * MIB, true},
};

static void want_tokenizer_file(struct inspect *in, const char *relative, enum tokenizer_file kind,
                                int64_t max_bytes)
{
    struct job *job = want_file(in, relative, JOB_TOKENIZER, max_bytes);

    if (job)
        job->tokenizer_file = kind;
}

static void plan_tokenizer(struct inspect *in)
{
    /* A diffusion pipeline keeps its tokenizer in a folder of its own. */
    const char *folder =
        there(in, "model_index.json") && !there(in, "tokenizer_config.json") ? "tokenizer/" : "";
    struct model *m = in->model;
    AUTO_FREE char *json = str_printf("%stokenizer.json", folder);
    size_t n_named = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tokenizer_files); i++) {
        AUTO_FREE char *name = str_printf("%s%s", folder, tokenizer_files[i].name);
        if (!tokenizer_files[i].without_tokenizer_json || !there(in, json))
            want_tokenizer_file(in, name, tokenizer_files[i].kind, tokenizer_files[i].max_bytes);
    }
    for (size_t i = 0; i < m->n_files; i++) {
        const char *relative = inspect_relative(in, m->files[i].path);

        if (!relative || !str_starts(relative, folder))
            continue;
        relative += strlen(folder);
        if (str_starts(relative, "additional_chat_templates/") && str_ends(relative, ".jinja") &&
            n_named++ < NAMED_TEMPLATES_MAX)
            want_tokenizer_file(in, inspect_relative(in, m->files[i].path),
                                TOKENIZER_TEMPLATE_NAMED, SMALL_MAX);
        if (!strchr(relative, '/'))
            tokenizer_facts_note_file(in->facts, relative);
    }
}

static void plan_files(struct inspect *in)
{
    static const char *const quant_files[] = {"hf_quant_config.json", "quantize_config.json",
                                              "quant_config.json"};
    bool config = there(in, "config.json");

    if (config)
        want_file(in, "config.json", JOB_CONFIG, CONFIG_MAX);
    else if (there(in, "model_index.json"))
        want_file(in, "model_index.json", JOB_MODEL_INDEX, CONFIG_MAX);
    else if (there(in, "modular_model_index.json"))
        want_file(in, "modular_model_index.json", JOB_MODEL_INDEX, CONFIG_MAX);
    if (!config || in->depth == INSPECT_ALL)
        want_file(in, "adapter_config.json", JOB_ADAPTER_CONFIG, SMALL_MAX);
    in->model->is_sentence_transformer = there(in, "modules.json");
    if (in->depth == INSPECT_CONFIG || in->failed)
        return;
    want_file(in, "generation_config.json", JOB_GENERATION_CONFIG, SMALL_MAX);
    for (size_t i = 0; config && i < ARRAY_SIZE(quant_files); i++)
        want_file(in, quant_files[i], JOB_QUANT_FILE, SMALL_MAX);
    plan_tokenizer(in);
}

/* ---- answers */

static void take_config(struct inspect *in, struct job *job, const char *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    bool ok = job->kind == JOB_CONFIG
                  ? config_from_json(&in->model->config, data, size, &err)
                  : config_from_model_index(&in->model->config, data, size, &err);

    if (!ok)
        fail(in, &err);
}

/* A JSON object that is kept as it is; a broken one is a problem. */
static json_t *take_object(struct inspect *in, struct job *job, const char *data, size_t size)
{
    json_error_t at;
    json_t *doc = json_loadb(data, size, 0, &at);

    if (json_is_object(doc))
        return doc;
    inspect_problem(in, job->want.path, ERR_FILE_CORRUPT, doc ? "it is not an object" : at.text);
    json_decref(doc);
    return NULL;
}

static void take_adapter(struct inspect *in, struct job *job, const char *data, size_t size)
{
    struct model *m = in->model;

    m->has_adapter_config = true;
    m->adapter_config = take_object(in, job, data, size);
    const char *base =
        json_string_value(json_object_get(m->adapter_config, "base_model_name_or_path"));
    if (base && strlen(base) <= REPO_ID_MAX && repo_id_valid(base))
        snprintf(m->adapter_base, sizeof(m->adapter_base), "%s", base);
}

static void take_file(struct inspect *in, struct job *job, const char *data, size_t size)
{
    AUTO_ERR struct err err = {0};

    switch (job->kind) {
    case JOB_CONFIG:
    case JOB_MODEL_INDEX:
        take_config(in, job, data, size);
        break;
    case JOB_GENERATION_CONFIG:
        in->model->generation_config = take_object(in, job, data, size);
        break;
    case JOB_ADAPTER_CONFIG:
        take_adapter(in, job, data, size);
        break;
    case JOB_QUANT_FILE: /* waits for the config, which may come later */
        buf_append(&job->prefix, data, size);
        break;
    case JOB_TOKENIZER:
        if (!tokenizer_facts_add(in->facts, job->tokenizer_file, job->want.path, data, size, &err))
            inspect_problem(in, job->want.path, err.code, err.msg);
        break;
    case JOB_INDEX:
        weights_give_index(in, job, data, size);
        break;
    case JOB_PIN:
    case JOB_SAFETENSORS:
    case JOB_GGUF:
        break;
    }
}

static void finish(struct inspect *in)
{
    struct model *m = in->model;

    for (size_t i = 0; m->config && i < in->n_jobs; i++)
        if (in->jobs[i]->kind == JOB_QUANT_FILE && in->jobs[i]->prefix.size)
            config_add_quant_file(m->config, in->jobs[i]->prefix.data, in->jobs[i]->prefix.size);
    weights_finish(in);
    tokenizer_facts_finish(in->facts, m->config, m->generation_config, &m->tokenizer);
}

/* When nothing of a stage is left, the next one begins. */
static void go_on(struct inspect *in)
{
    while (!in->failed && in->stage != STAGE_DONE && in->n_waiting == 0 && in->n_under_way == 0) {
        in->stage++;
        if (in->stage == STAGE_FILES)
            plan_files(in);
        else if (in->stage == STAGE_HEADERS)
            weights_plan(in);
        else
            finish(in);
    }
}

/* ---- the outside */

struct inspect *inspect_new(const struct model_ref *ref, enum inspect_depth depth)
{
    struct inspect *in = mem_new(struct inspect);

    in->depth = depth;
    in->model = mem_new(struct model);
    atomic_init(&in->model->refs, 1);
    in->model->ref = *ref;
    in->facts = tokenizer_facts_new();
    inspect_add_job(in, JOB_PIN, 0, 0);
    return in;
}

void inspect_free(struct inspect *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->n_jobs; i++) {
        buf_release(&in->jobs[i]->prefix);
        gguf_free(in->jobs[i]->gguf);
        free(in->jobs[i]);
    }
    free(in->jobs);
    model_unref(in->model);
    tokenizer_facts_free(in->facts);
    err_release(&in->err);
    free(in);
}

struct want *inspect_next(struct inspect *in)
{
    if (in->failed || in->n_waiting == 0)
        return NULL;
    for (size_t i = 0; i < in->n_jobs; i++) {
        struct job *job = in->jobs[i];

        if (job->started)
            continue;
        job->started = true;
        in->n_waiting--;
        in->n_under_way++;
        return &job->want;
    }
    return NULL;
}

static struct job *end_of(struct inspect *in, struct want *w)
{
    struct job *job = container_of(w, struct job, want);

    assert(job->started && !job->given);
    job->given = true;
    in->n_under_way--;
    return job;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct model_file *)a)->path, ((const struct model_file *)b)->path);
}

/* Sorted, each path once, none that a path on disk must not be. */
static void take_files(struct model *m, struct pin *pin)
{
    struct model_file *files = take(&pin->files);
    size_t n = 0;

    if (pin->n_files)
        qsort(files, pin->n_files, sizeof(*files), by_path);
    for (size_t i = 0; i < pin->n_files; i++) {
        bool again = n > 0 && str_eq(files[n - 1].path, files[i].path);

        if (again || !repo_path_valid(files[i].path) || strlen(files[i].path) > 700)
            free((char *)files[i].path);
        else
            files[n++] = files[i];
    }
    m->files = files;
    m->n_files = n;
    pin->n_files = 0;
}

void inspect_give_pin(struct inspect *in, struct want *w, struct pin *pin)
{
    struct model *m = in->model;

    end_of(in, w);
    snprintf(m->commit, sizeof(m->commit), "%s", pin->commit);
    snprintf(m->canonical, sizeof(m->canonical), "%s",
             pin->canonical[0] ? pin->canonical : m->ref.model);
    m->origin = pin->origin;
    m->stale = pin->stale;
    m->pinned_at = pin->pinned_at;
    m->gated = pin->gated;
    m->is_private = pin->is_private;
    in->hub_encodings = pin->hub_encodings;
    take_files(m, pin);
    if (pin->disabled) {
        AUTO_ERR struct err err = {0};
        err_set(&err, ERR_REPO_DISABLED, "the Hub has disabled access to %s", m->canonical);
        fail(in, &err);
    }
    pin_release(pin);
    weights_classify(in);
    go_on(in);
}

void inspect_give(struct inspect *in, struct want *w, const char *data, size_t size)
{
    struct job *job = end_of(in, w);

    if (!in->failed) {
        if (w->kind == WANT_RANGE)
            weights_give(in, job, data, size);
        else
            take_file(in, job, data, size);
    }
    go_on(in);
}

/* What will be the same next time, so that it may be remembered beside the rest. */
static bool is_lasting(enum err_code code)
{
    switch (code) {
    case ERR_FILE_NOT_FOUND:
    case ERR_PATH_NOT_FOUND:
    case ERR_PATH_NOT_ALLOWED:
    case ERR_FILE_TOO_LARGE:
    case ERR_FILE_CORRUPT:
    case ERR_CONTENT_MISMATCH:
    case ERR_REPO_GATED:
    case ERR_REPO_PRIVATE:
    case ERR_FORBIDDEN:
    case ERR_OFFLINE:
        return true;
    default:
        return false;
    }
}

void inspect_give_error(struct inspect *in, struct want *w, const struct err *err)
{
    struct job *job = end_of(in, w);

    if (w->optional && is_lasting(err->code))
        inspect_problem(in, job->want.path, err->code, err->msg);
    else
        fail(in, err);
    go_on(in);
}

bool inspect_done(const struct inspect *in)
{
    return in->n_under_way == 0 && (in->failed || in->stage == STAGE_DONE);
}

bool inspect_take(struct inspect *in, struct model **ret, struct err *err)
{
    assert(inspect_done(in));
    if (in->failed) {
        err_copy(err, &in->err);
        return false;
    }
    *ret = take(&in->model);
    return true;
}

void pin_release(struct pin *p)
{
    for (size_t i = 0; i < p->n_files; i++)
        free((char *)p->files[i].path);
    free(p->files);
    *p = (struct pin){0};
}
