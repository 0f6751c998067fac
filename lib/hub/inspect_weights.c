#include "hub/inspect_parts.h"
#include "hub/safetensors.h"

#include <stdio.h>

enum {
    HEADERS_MAX = 16,               /* shards: beyond, the first and the last have to do */
    SAFETENSORS_FIRST = 100 * 1000, /* bytes: enough for nearly all headers */
    GGUF_FIRST = 2 << 20,
    INDEX_MAX = 16 << 20,
};

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- by name */

/* Optimizer states and the like end in .bin too; weights lie at the top. */
static bool is_pytorch(const char *relative)
{
    return str_ends(relative, ".bin") && !strchr(relative, '/') &&
           !str_starts(relative, "training_args") && !str_starts(relative, "optimizer") &&
           !str_starts(relative, "scheduler") && !str_starts(relative, "random_states");
}

static enum weights_format format_of(const char *relative)
{
    if (str_ends(relative, ".safetensors"))
        return FORMAT_SAFETENSORS;
    /* Projectors and importance matrices are no models. */
    if (str_ends(relative, ".gguf") && !strcasestr(base_of(relative), "mmproj") &&
        !strcasestr(base_of(relative), "imatrix"))
        return FORMAT_GGUF;
    return is_pytorch(relative) ? FORMAT_PYTORCH : FORMAT_NONE;
}

static void mark_consolidated(struct model *m)
{
    size_t n_other = 0;

    for (size_t i = 0; i < m->n_files; i++)
        n_other +=
            m->files[i].format == FORMAT_SAFETENSORS && !strstr(m->files[i].path, "consolidated");
    for (size_t i = 0; n_other && i < m->n_files; i++)
        m->files[i].consolidated = m->files[i].format == FORMAT_SAFETENSORS &&
                                   strstr(m->files[i].path, "consolidated") != NULL;
}

void weights_classify(struct inspect *in)
{
    struct model *m = in->model;

    for (size_t i = 0; i < m->n_files; i++) {
        struct model_file *f = &m->files[i];
        const char *relative = inspect_relative(in, f->path);

        f->format = relative ? format_of(relative) : FORMAT_NONE;
        if (f->format != FORMAT_SAFETENSORS && f->format != FORMAT_GGUF)
            continue;
        f->encoding = encoding_of_file_name(f->path);
        if (f->encoding)
            f->evidence = EVIDENCE_FILE_NAME;
    }
    mark_consolidated(m);
}

/* ---- which headers */

/* "-00002-of-00005" before the suffix: 2; 1 for a file that is whole. */
static long shard_number(const char *path)
{
    const char *of = strstr(base_of(path), "-of-"), *p = of;

    if (!of)
        return 1;
    while (p > path && p[-1] >= '0' && p[-1] <= '9')
        p--;
    return p < of ? strtol(p, NULL, 10) : 1;
}

static void want_header(struct inspect *in, size_t file)
{
    const struct model_file *f = &in->model->files[file];
    bool gguf = f->format == FORMAT_GGUF;
    struct job *job = inspect_add_job(in, gguf ? JOB_GGUF : JOB_SAFETENSORS, file, -1);

    job->want.size = gguf ? GGUF_FIRST : SAFETENSORS_FIRST;
    if (f->size >= 0 && f->size < job->want.size)
        job->want.size = f->size;
}

/* A safetensors file of which nothing but the header can tell the encoding. */
static bool needs_header(const struct model_file *f)
{
    return f->format == FORMAT_SAFETENSORS && !f->consolidated && !f->encoding;
}

static void plan_safetensors(struct inspect *in)
{
    struct model *m = in->model;
    size_t n = 0, last = 0, asked = 0;

    for (size_t i = 0; i < m->n_files; i++)
        if (needs_header(&m->files[i])) {
            n++;
            last = i;
        }
    if (n == 0)
        return;
    if (in->hub_encodings && !m->ref.subfolder[0]) {
        in->hub_encodings_used = true;
        return;
    }
    for (size_t i = 0; i < m->n_files; i++) {
        if (needs_header(&m->files[i]) && (n <= HEADERS_MAX || asked == 0 || i == last)) {
            want_header(in, i);
            asked++;
        }
        if (n > HEADERS_MAX && m->files[i].size <= INDEX_MAX &&
            str_ends(m->files[i].path, ".safetensors.index.json") &&
            inspect_relative(in, m->files[i].path))
            inspect_add_job(in, JOB_INDEX, i, INDEX_MAX);
    }
}

/* The first that can stand for the model: one header gives config and tokenizer. */
static size_t first_gguf(const struct model *m)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].format == FORMAT_GGUF && shard_number(m->files[i].path) == 1)
            return i;
    return m->n_files;
}

static void plan_gguf(struct inspect *in)
{
    struct model *m = in->model;
    size_t first = m->config ? m->n_files : first_gguf(m), asked = 0;

    if (first < m->n_files) {
        want_header(in, first);
        asked++;
    }
    for (size_t i = 0; in->depth == INSPECT_ALL && i < m->n_files && asked < HEADERS_MAX; i++)
        if (m->files[i].format == FORMAT_GGUF && i != first && !m->files[i].encoding &&
            shard_number(m->files[i].path) == 1) {
            want_header(in, i);
            asked++;
        }
}

void weights_plan(struct inspect *in)
{
    plan_gguf(in);
    if (in->depth == INSPECT_ALL)
        plan_safetensors(in);
}

/* ---- headers */

/* Asks for the bytes behind what is there, until need are. */
static void want_more(struct inspect *in, struct job *job, size_t need, size_t got)
{
    const struct model_file *f = &in->model->files[job->file];
    size_t have = job->prefix.size;

    if (got == 0 || need > GGUF_HEADER_MAX) {
        inspect_problem(in, f->path, ERR_FILE_CORRUPT,
                        got ? "its header is longer than 64 MiB" : "it ends within its header");
        return;
    }
    job->want.offset = (int64_t)have;
    job->want.size = (int64_t)(need - have);
    if (job->kind == JOB_GGUF && need - have < have)
        job->want.size = (int64_t)have; /* doubling: few requests, at most twice what is needed */
    if (f->size >= 0 && job->want.offset + job->want.size > f->size)
        job->want.size = f->size - job->want.offset;
    if (job->want.size <= 0) {
        inspect_problem(in, f->path, ERR_FILE_CORRUPT, "it ends within its header");
        return;
    }
    job->started = job->given = false;
    in->n_waiting++;
}

static void take_gguf(struct inspect *in, struct job *job)
{
    struct model *m = in->model;
    struct model_file *f = &m->files[job->file];

    if (!f->encoding && job->gguf->encoding) {
        f->encoding = job->gguf->encoding;
        f->evidence = EVIDENCE_HEADER;
    }
    f->header_encodings = job->gguf->encodings;
    f->n_parameters = job->gguf->n_parameters;
    job->complete = true;
}

static void take_safetensors(struct inspect *in, struct job *job, const struct safetensors *st)
{
    struct model_file *f = &in->model->files[job->file];

    f->header_encodings = st->encodings;
    f->n_parameters = st->n_parameters;
    f->encoding = st->encoding;
    f->evidence = st->encodings ? EVIDENCE_HEADER : EVIDENCE_NONE;
}

void weights_give(struct inspect *in, struct job *job, const char *data, size_t size)
{
    struct model_file *f = &in->model->files[job->file];
    AUTO_ERR struct err err = {0};
    struct safetensors st;
    size_t need = 0;
    bool ok;

    buf_append(&job->prefix, data, size);
    if (job->kind == JOB_GGUF) {
        if (!job->gguf)
            job->gguf = gguf_new();
        ok = gguf_read(job->gguf, job->prefix.data, job->prefix.size, f->size, &need, &err);
    } else {
        ok = safetensors_read(&st, job->prefix.data, job->prefix.size, f->size, &need, &err);
    }
    if (!ok)
        inspect_problem(in, f->path, err.code, err.msg);
    else if (need > job->prefix.size) {
        want_more(in, job, need, size);
        return;
    } else if (job->kind == JOB_GGUF)
        take_gguf(in, job);
    else
        take_safetensors(in, job, &st);
    buf_release(&job->prefix);
}

void weights_give_index(struct inspect *in, struct job *job, const char *data, size_t size)
{
    const char *path = in->model->files[job->file].path;
    int folder = (int)(base_of(path) - path);
    AUTO_ERR struct err err = {0};
    struct safetensors_index ix;

    if (!safetensors_index_read(&ix, data, size, &err)) {
        inspect_problem(in, path, err.code, err.msg);
        return;
    }
    for (size_t i = 0; i < ix.n_files; i++) {
        AUTO_FREE char *file = str_printf("%.*s%s", folder, path, ix.files[i]);

        if (!model_file(in->model, file))
            inspect_problem(in, file, ERR_WEIGHTS_INCONSISTENT,
                            "the index names this file and it is not there");
    }
    safetensors_index_release(&ix);
}

/* ---- encodings */

static void found(struct model *m, enum encoding e, enum evidence why)
{
    if (!e || m->encodings & 1u << e)
        return;
    m->encodings |= 1u << e;
    m->encoding_evidence[e] = why;
}

static void lost(struct model *m, enum encoding e)
{
    m->encodings &= ~(1u << e);
    m->encoding_evidence[e] = EVIDENCE_NONE;
}

static void found_all(struct model *m, uint32_t bits, enum evidence why)
{
    for (enum encoding e = 1; e < N_ENCODINGS; e++)
        if (bits & 1u << e)
            found(m, e, why);
}

/* The only encoding of a set, else NONE. */
static enum encoding only_one(uint32_t bits)
{
    return bits && !(bits & (bits - 1)) ? (enum encoding)__builtin_ctz(bits) : ENCODING_NONE;
}

/* Shards behind the first are what the first is. */
static void spread_over_shards(struct model *m)
{
    const struct model_file *first = NULL;

    for (size_t i = 0; i < m->n_files; i++) {
        struct model_file *f = &m->files[i];

        if (f->format != FORMAT_GGUF)
            continue;
        if (shard_number(f->path) == 1)
            first = f;
        else if (first && !f->encoding && first->encoding) {
            f->encoding = first->encoding;
            f->evidence = first->evidence;
        }
    }
}

static void from_files(struct inspect *in)
{
    struct model *m = in->model;
    enum encoding only = only_one(in->hub_encodings);

    spread_over_shards(m);
    for (size_t i = 0; i < m->n_files; i++) {
        struct model_file *f = &m->files[i];

        if (f->consolidated)
            continue;
        if (f->format == FORMAT_SAFETENSORS && !f->encoding && in->hub_encodings_used && only) {
            f->encoding = only;
            f->evidence = EVIDENCE_HUB_METADATA;
        }
        if (f->evidence != EVIDENCE_HUB_METADATA && f->format == FORMAT_SAFETENSORS)
            found_all(m, f->header_encodings, EVIDENCE_HEADER);
        if (f->evidence == EVIDENCE_FILE_NAME || f->format == FORMAT_GGUF)
            found(m, f->encoding, f->evidence);
    }
    if (in->hub_encodings_used)
        found_all(m, in->hub_encodings, EVIDENCE_HUB_METADATA);
}

/* Microscaling formats lie in bytes that look like packed fours. */
static void from_quantization(struct model *m)
{
    switch (m->config->quant.method) {
    case QUANT_GPTQ:
        found(m, ENCODING_GPTQ, EVIDENCE_CONFIG);
        for (size_t i = 0; i < m->n_files; i++)
            if (m->files[i].format == FORMAT_SAFETENSORS && !m->files[i].encoding) {
                m->files[i].encoding = ENCODING_GPTQ;
                m->files[i].evidence = EVIDENCE_CONFIG;
            }
        break;
    case QUANT_MXFP8:
        lost(m, ENCODING_FLOAT4_E2M1FNX2);
        found(m, ENCODING_FLOAT8_E4M3FN, EVIDENCE_CONFIG);
        break;
    case QUANT_MXFP6:
        lost(m, ENCODING_FLOAT4_E2M1FNX2);
        found(m, ENCODING_FLOAT6_E2M3FN, EVIDENCE_CONFIG);
        break;
    default:
        break;
    }
}

/* Nothing in files with a dtype of their own: what the config says they were saved as. */
static void from_dtype(struct model *m)
{
    bool pytorch = model_has_format(m, FORMAT_PYTORCH);

    if (m->encodings || !(pytorch || model_has_format(m, FORMAT_SAFETENSORS)))
        return;
    found(m, m->config->dtype, EVIDENCE_CONFIG);
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].format == FORMAT_PYTORCH && m->config->dtype) {
            m->files[i].encoding = m->config->dtype;
            m->files[i].evidence = EVIDENCE_CONFIG;
        }
}

/* Of the headers read the first in the plan, whichever came first. */
static void config_from_headers(struct inspect *in)
{
    struct model *m = in->model;

    for (size_t i = 0; !m->config && i < in->n_jobs; i++) {
        const struct job *job = in->jobs[i];
        AUTO_ERR struct err err = {0};

        if (job->kind != JOB_GGUF || !job->complete)
            continue;
        if (config_from_gguf(&m->config, job->gguf, &err))
            tokenizer_facts_add_gguf(in->facts, job->gguf, job->want.path);
        else
            inspect_problem(in, job->want.path, err.code, err.msg);
    }
}

void weights_finish(struct inspect *in)
{
    struct model *m = in->model;

    config_from_headers(in);
    from_files(in);
    if (model_has_format(m, FORMAT_SAFETENSORS) && !in->hub_encodings_used) {
        if (strcasestr(m->canonical, "fp8"))
            found(m, ENCODING_FLOAT8_E4M3FN, EVIDENCE_REPO_NAME);
        else if (strcasestr(m->canonical, "fp4"))
            found(m, ENCODING_FLOAT4_E2M1FNX2, EVIDENCE_REPO_NAME);
    }
    if (!m->config)
        return;
    if (model_has_format(m, FORMAT_SAFETENSORS))
        from_quantization(m);
    from_dtype(m);
}
