#include "pipeline/text_tokenizer.h"

#include <stdio.h>

struct text_tokenizer *text_tokenizer_new(const struct text_tokenizer *of, const char *id)
{
    struct text_tokenizer *t = mem_new(struct text_tokenizer);

    *t = (struct text_tokenizer){.model = str_dup(of->model),
                                 .tokenizer = of->tokenizer ? tokenizer_ref(of->tokenizer) : NULL,
                                 .source = model_ref_count(of->source),
                                 .chat_template =
                                     of->chat_template ? str_dup(of->chat_template) : NULL,
                                 .max_length = of->max_length,
                                 .pad_id = of->pad_id,
                                 .whitespace_fix = of->whitespace_fix};
    atomic_init(&t->refs, 1);
    snprintf(t->id, sizeof(t->id), "%s", id);
    return t;
}

struct text_tokenizer *text_tokenizer_ref(struct text_tokenizer *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void text_tokenizer_unref(struct text_tokenizer *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    tokenizer_unref(t->tokenizer);
    model_unref(t->source);
    template_unref(t->compiled);
    free(t->chat_template);
    free(t->model);
    free(t);
}
