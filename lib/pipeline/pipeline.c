#include "pipeline/pipeline.h"

#include <stdatomic.h>

struct counted {
    atomic_uint refs;
    struct pipeline pipeline;
};

struct pipeline *pipeline_new(void)
{
    struct counted *c = mem_new(struct counted);

    atomic_init(&c->refs, 1);
    return &c->pipeline;
}

struct pipeline *pipeline_ref(const struct pipeline *p)
{
    struct counted *c = p ? container_of((char *)p, struct counted, pipeline) : NULL;

    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c ? &c->pipeline : NULL;
}

void pipeline_unref(struct pipeline *p)
{
    struct counted *c = p ? container_of(p, struct counted, pipeline) : NULL;

    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < p->n_weight_files; i++)
        free(p->weight_files[i].path);
    free(p->weight_files);
    free(p->arch_name);
    free(p->model);
    free(p->members);
    free(p->effective);
    tokenizer_handle_unref(p->tokenizer);
    free(c);
}

size_t pipeline_bytes(const struct pipeline *p)
{
    size_t size = sizeof(struct counted) + p->members_size + strlen(p->effective);

    for (size_t i = 0; i < p->n_weight_files; i++)
        size += sizeof(*p->weight_files) + strlen(p->weight_files[i].path);
    return size + (p->tokenizer ? p->tokenizer->members_size : 0);
}
