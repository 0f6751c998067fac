#include "pipeline/prompt.h"

bool prompt_encode(const struct tokenizer *t, const struct buf *text,
                   const struct template_report *report, struct encode_options options,
                   struct scratch *scratch, struct encoded *ret, struct err *err)
{
    const struct template_spans *users = &report->users;
    struct slice whole = {text->data ? text->data : "", text->size};
    struct span *parts = mem_new_array(users->n + 1, struct span);
    bool ok;

    for (size_t i = 0; i < users->n; i++)
        parts[i] = (struct span){(uint32_t)users->items[i].start, (uint32_t)users->items[i].end};
    options.guard = (struct guard){parts, users->n};
    ok = tokenizer_encode(t, &(struct encode_input){.words = &whole, .n_words = 1}, NULL, &options,
                          scratch, ret, err);
    free(parts);
    return ok;
}

/*
 * The first token that has the place; e->n: none. Tokens are in the order of the text but for
 * those that post-processing and padding add, which have no place: so the search goes on from
 * where an earlier place was found.
 */
static size_t token_at(const struct encoded *e, size_t from, size_t place)
{
    for (size_t i = from; i < e->n; i++) {
        if (e->offsets[i].start > place)
            break;
        if (e->offsets[i].end > place)
            return i;
    }
    return e->n;
}

void prompt_mask(const struct template_spans *spans, const struct encoded *e, struct buf *out)
{
    size_t begin = out->size, first = 0;
    uint8_t *mask;

    buf_reserve(out, e->n + 1);
    memset(out->data + begin, 0, e->n + 1);
    out->size += e->n;
    mask = (uint8_t *)out->data + begin;
    for (size_t i = 0; i < spans->n; i++) {
        const struct template_span *s = &spans->items[i];
        size_t token, last;

        if (!s->end)
            continue;
        token = token_at(e, first, s->start);
        if (token == e->n)
            return;
        last = token_at(e, first, s->end - 1);
        if (!last) /* transformers asks whether it is true */
            last = e->n;
        for (size_t k = token; k < e->n && k <= last; k++)
            mask[k] = 1;
        first = token;
    }
}
