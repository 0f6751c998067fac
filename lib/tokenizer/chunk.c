/* Chunks, and texts that are encoded in parts. */
#include "tokenizer/core.h"

void chunks_release(struct chunks *c)
{
    free(c->items);
    *c = (struct chunks){0};
}

static struct chunk *add_chunk(struct chunks *c)
{
    if (c->n == c->capacity) {
        c->capacity = c->capacity * 2 + 16;
        c->items = mem_resize(c->items, c->capacity * sizeof(*c->items));
    }
    return &c->items[c->n++];
}

static size_t count_chars(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += ((uint8_t)text[i] & 0xc0) != 0x80;
    return n;
}

/* Between tokens at - 1 and at lies the border of a character. */
static bool is_border(const struct encoded *e, size_t at)
{
    return at == 0 || at >= e->n || e->offsets[at].start >= e->offsets[at - 1].end;
}

static bool chunk_end(const struct encoded *e, size_t start, uint32_t max_tokens, size_t *ret,
                      struct err *err)
{
    size_t end = e->n - start < max_tokens ? e->n : start + max_tokens;

    while (end > start && !is_border(e, end))
        end--;
    *ret = end;
    return end > start ||
           err_set(err, ERR_FIELD,
                   "max_tokens: %u is too few, the character at byte %u alone needs more",
                   max_tokens, e->offsets[start].start);
}

static size_t next_start(const struct encoded *e, size_t start, size_t end, uint32_t overlap)
{
    size_t next = end - start > overlap ? end - overlap : start + 1;

    while (next > start && !is_border(e, next))
        next--;
    return next > start ? next : end;
}

/* Where a token begins. As in the reference, a few lie outside of the text (encode.c). */
static size_t place(const struct encoded *e, size_t token, size_t low, size_t high)
{
    size_t at = e->offsets[token].start;

    return at < low ? low : at > high ? high : at;
}

static bool make_chunks(const struct encoded *e, const char *text, size_t size, uint32_t max_tokens,
                        uint32_t overlap, struct chunks *ret, struct err *err)
{
    size_t chars = 0, at = 0; /* characters before byte at */

    for (size_t start = 0, end = 0; end < e->n;) {
        struct chunk *chunk;
        size_t first, last;

        if (!chunk_end(e, start, max_tokens, &end, err))
            return false;
        first = start ? place(e, start, 0, size) : 0;
        last = end < e->n ? place(e, end, first, size) : size;
        if (first < at)
            chars = count_chars(text, first);
        else
            chars += count_chars(text + at, first - at);
        at = first;
        chunk = add_chunk(ret);
        *chunk = (struct chunk){
            .bytes = {(uint32_t)first, (uint32_t)last},
            .code_points = {(uint32_t)chars,
                            (uint32_t)(chars + count_chars(text + first, last - first))},
            .first_token = (uint32_t)start,
            .n_tokens = (uint32_t)(end - start)};
        start = next_start(e, start, end, overlap);
    }
    return true;
}

bool tokenizer_chunk(const struct tokenizer *t, const char *text, size_t size, uint32_t max_tokens,
                     uint32_t overlap, struct scratch *scratch, struct id_list *ids,
                     struct chunks *ret, struct err *err)
{
    struct slice word = {text, size};
    struct encode_options options = {.offsets = true, .offset_unit = OFFSET_BYTE, .plain = true};
    struct encoded *e = &scratch->encoding;

    ret->n = 0;
    if (!max_tokens || overlap >= max_tokens)
        return err_set(err, ERR_FIELD,
                       "overlap_tokens: %u must be less than max_tokens, which is %u", overlap,
                       max_tokens);
    if (!tokenizer_encode(t, &(struct encode_input){.words = &word, .n_words = 1}, NULL, &options,
                          scratch, e, err) ||
        !make_chunks(e, text, size, max_tokens, overlap, ret, err))
        return false;
    id_list_append(ids, e->ids, e->n);
    return true;
}

/* ---- parts for several threads */

size_t tokenizer_split(const struct tokenizer *t, const char *text, size_t size, struct slice *ret,
                       size_t max)
{
    size_t n = 0, at = 0;

    /* The last safe place before a multiple of SPLIT_PART, and not half a part before it. */
    for (size_t end = SPLIT_PART; n + 1 < max && end + SPLIT_PART / 2 <= size; end += SPLIT_PART) {
        size_t floor = end - SPLIT_PART / 2;
        size_t cut = tokenizer_safe_cut(t, text, size, floor, end);

        if (cut <= floor)
            continue;
        ret[n++] = (struct slice){text + at, cut - at};
        at = cut;
    }
    ret[n++] = (struct slice){text + at, size - at};
    return n;
}

bool tokenizer_wrap(const struct tokenizer *t, struct id_slice *before, struct id_slice *behind)
{
    *before = (struct id_slice){t->prefix_ids, t->n_prefix};
    *behind = (struct id_slice){t->suffix_ids, t->n_suffix};
    return t->wraps_plainly;
}

static void append_special(struct encoded *to, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++, to->n++) {
        to->ids[to->n] = ids[i];
        to->offsets[to->n] = (struct offset){0, 0};
    }
}

/* False: one at the very end, which is another one inside of a text (see encode.c). */
static bool shift_offsets(const struct encoded *part, const struct slice *text,
                          enum offset_unit unit, uint32_t *shift, struct offset *ret)
{
    uint32_t end =
        (uint32_t)(unit == OFFSET_BYTE ? text->size : count_chars(text->data, text->size));

    for (size_t k = 0; k < part->n; k++) {
        if (part->offsets[k].start >= end)
            return false;
        ret[k] = (struct offset){part->offsets[k].start + *shift, part->offsets[k].end + *shift};
    }
    *shift += end;
    return true;
}

bool tokenizer_join(const struct tokenizer *t, const struct slice *texts,
                    const struct encoded *parts, size_t n, const struct encode_options *options,
                    struct encoded *ret)
{
    size_t n_tokens = t->n_prefix + t->n_suffix;
    uint32_t shift = 0;

    if (!t->wraps_plainly)
        return false;
    for (size_t i = 0; i < n; i++)
        n_tokens += parts[i].n;
    encoded_reserve(ret, n_tokens);
    ret->n = ret->n_overflowing = 0;
    ret->plain = true;
    if (options->add_special_tokens)
        append_special(ret, t->prefix_ids, t->n_prefix);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n)
            memcpy(ret->ids + ret->n, parts[i].ids, parts[i].n * sizeof(*ret->ids));
        if (options->offsets && !shift_offsets(&parts[i], &texts[i], options->offset_unit, &shift,
                                               ret->offsets + ret->n))
            return false;
        ret->n += parts[i].n;
    }
    if (options->add_special_tokens)
        append_special(ret, t->suffix_ids, t->n_suffix);
    return true;
}
