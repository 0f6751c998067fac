#include "api/texts.h"

struct text_scratch *text_scratch_new(size_t max_bytes)
{
    struct text_scratch *s = mem_new(struct text_scratch);

    s->scratch = scratch_new(max_bytes);
    return s;
}

void text_scratch_free(struct text_scratch *s)
{
    if (!s)
        return;
    scratch_free(s->scratch);
    id_list_release(&s->ids);
    encoded_release(&s->encoding);
    encoded_release(&s->pair);
    buf_release(&s->text);
    free(s);
}

void args_text_release(void *args)
{
    struct args_text *a = args;

    if (a->job.asked)
        a->job.asked_release(a->job.asked);
    buf_release(&a->job.out);
    text_tokenizer_unref(a->opened);
    free(a->job.argument);
    free(a->owned_body);
    free(a);
}

static void remove_at(struct texts *t, size_t i)
{
    memmove(&t->items[i], &t->items[i + 1], (t->n - i - 1) * sizeof(*t->items));
    t->n--;
}

static void put_first(struct texts *t, struct text_tokenizer *tokenizer)
{
    memmove(&t->items[1], &t->items[0], t->n * sizeof(*t->items));
    t->items[0] = tokenizer;
    t->n++;
}

struct text_tokenizer *texts_find(struct texts *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++) {
        struct text_tokenizer *found = t->items[i];

        if (!str_eq(found->id, id))
            continue;
        if (i) {
            remove_at(t, i);
            put_first(t, found);
        }
        return found;
    }
    return NULL;
}

void texts_drop(struct texts *t, const char *id)
{
    for (size_t i = t->n; i-- > 0;) {
        struct text_tokenizer *item = t->items[i];

        if (id && !str_eq(item->id, id))
            continue;
        remove_at(t, i);
        text_tokenizer_unref(item);
    }
}

void texts_put(struct texts *t, struct text_tokenizer *tokenizer)
{
    texts_drop(t, tokenizer->id);
    if (t->n == TEXTS_MAX)
        text_tokenizer_unref(t->items[--t->n]);
    put_first(t, text_tokenizer_ref(tokenizer));
}

struct text_scratch *texts_scratch(struct texts *t)
{
    if (!t->scratch)
        t->scratch = text_scratch_new(0);
    return t->scratch;
}

void texts_release(struct texts *t)
{
    texts_drop(t, NULL);
    text_scratch_free(t->scratch);
}
