#include "pipeline/tokenizer_handle.h"

#include <stdatomic.h>

struct counted {
    atomic_uint refs;
    struct tokenizer_handle handle;
};

struct tokenizer_handle *tokenizer_handle_new(void)
{
    struct counted *c = mem_new(struct counted);

    atomic_init(&c->refs, 1);
    return &c->handle;
}

struct tokenizer_handle *tokenizer_handle_ref(const struct tokenizer_handle *t)
{
    struct counted *c = t ? container_of((char *)t, struct counted, handle) : NULL;

    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c ? &c->handle : NULL;
}

void tokenizer_handle_unref(struct tokenizer_handle *t)
{
    struct counted *c = t ? container_of(t, struct counted, handle) : NULL;

    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(t->model);
    free(t->effective);
    free(t->members);
    free(t->class_name);
    free(t->arch_name);
    free(t->chat_template);
    free(t->eos_ids);
    free(c);
}
