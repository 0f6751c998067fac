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
    for (size_t i = 0; i < t->n_templates; i++)
        n += sizeof(t->templates[i]) + strlen(t->templates[i].source);
    for (size_t i = 0; i < m->n_problems; i++)
        n += sizeof(m->problems[i]) + strlen(m->problems[i].message) + 64;
    return n + (m->generation_config ? 4096 : 0) + (m->adapter_config ? 8192 : 0);
}
