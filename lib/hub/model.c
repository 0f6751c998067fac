#include "hub/model.h"

#include "hub/tokenizer_facts.h"

const char *evidence_name(enum evidence e)
{
    static const char *const names[] = {NULL,           "file_name", "header",
                                        "hub_metadata", "config",    "repo_name"};

    return names[e];
}

struct model *model_ref_count(const struct model *m)
{
    struct model *mine = (struct model *)m; /* only the count changes */

    if (mine)
        atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void model_unref(struct model *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < m->n_files; i++)
        free((char *)m->files[i].path);
    for (size_t i = 0; i < m->n_problems; i++) {
        free(m->problems[i].path);
        free(m->problems[i].message);
    }
    free(m->files);
    free(m->problems);
    config_unref(m->config);
    json_decref(m->generation_config);
    json_decref(m->adapter_config);
    tokenizer_facts_release(&m->tokenizer);
    free(m);
}

static int by_path(const void *key, const void *item)
{
    return strcmp(key, ((const struct model_file *)item)->path);
}

const struct model_file *model_file(const struct model *m, const char *path)
{
    return m->n_files ? bsearch(path, m->files, m->n_files, sizeof(*m->files), by_path) : NULL;
}

bool model_has_format(const struct model *m, enum weights_format f)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].format == f)
            return true;
    return false;
}

size_t model_bytes(const struct model *m)
{
    const struct tokenizer_facts *t = &m->tokenizer;
    size_t n = sizeof(*m) + m->n_files * (sizeof(*m->files) + 64);

    n += m->config ? config_bytes(m->config) : 0;
    n += t->n_special * (sizeof(*t->special) + 32);
    n += t->additional_special ? strlen(t->additional_special) : 0;
    for (size_t i = 0; i < t->n_templates; i++)
        n += sizeof(t->templates[i]) + strlen(t->templates[i].source) +
             strlen(t->templates[i].facts);
    for (size_t i = 0; i < m->n_problems; i++)
        n += sizeof(m->problems[i]) + strlen(m->problems[i].message) + 64;
    return n + (m->generation_config ? 4096 : 0) + (m->adapter_config ? 8192 : 0);
}

/* The first problem of a file whose name ends in one of suffixes (NULL-terminated). */
static bool problem_of(const struct model *m, const char *const *suffixes, struct err *err)
{
    for (; *suffixes; suffixes++)
        for (size_t i = 0; i < m->n_problems; i++) {
            const struct model_problem *p = &m->problems[i];

            if (!str_ends(p->path, *suffixes))
                continue;
            err_set(err, p->code, "%s: %s: %s", m->ref.model, p->path, p->message);
            err_fact_str(err, "file", p->path);
            return true;
        }
    return false;
}

bool model_no_config(const struct model *m, struct err *err)
{
    static const char *const files[] = {"config.json", "model_index.json", ".gguf", NULL};

    if (m->has_adapter_config) {
        err_set(err, ERR_CONFIG_MISSING,
                "%s is a LoRA adapter, not a model. Resolve its base%s%s and load the adapter with "
                "lora.lora_paths.",
                m->ref.model, m->adapter_base[0] ? " " : "", m->adapter_base);
        return err_fact_str(err, "adapter_base", m->adapter_base);
    }
    if (problem_of(m, files, err))
        return false;
    err_set(err, ERR_CONFIG_MISSING,
            "%s has no config.json, no model_index.json and no GGUF file to read a config from.",
            m->ref.model);
    return err_fact_str(err, "model", m->ref.model);
}

bool model_no_tokenizer(const struct model *m, struct err *err)
{
    static const char *const files[] = {
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt",
        "tekken.json",    "tokenizer.model",       ".gguf",      NULL};

    if (problem_of(m, files, err))
        return false;
    err_set(err, ERR_NO_TOKENIZER, "%s has no tokenizer files that are known here.", m->ref.model);
    return err_fact_str(err, "model", m->ref.model);
}
