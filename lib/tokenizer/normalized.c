#include "tokenizer/normalized.h"

void normalized_release(struct normalized *n)
{
    buf_release(&n->text);
    free(n->origins);
}

void normalized_begin(struct normalized *n, bool tracked, uint32_t base)
{
    buf_clear(&n->text);
    n->tracked = tracked;
    n->base = base;
}

/* Room for origins of size more bytes. */
static struct span *origins_room(struct normalized *n, size_t size)
{
    size_t need = n->text.size + size;

    if (need > n->origins_capacity) {
        n->origins_capacity = need > 2 * n->origins_capacity ? need : 2 * n->origins_capacity;
        n->origins = mem_resize(n->origins, n->origins_capacity * sizeof(*n->origins));
    }
    return n->origins + n->text.size;
}

void normalized_append(struct normalized *n, const struct normalized *from, size_t at, size_t size)
{
    if (size == 0)
        return;
    if (n->tracked)
        memcpy(origins_room(n, size), from->origins + at, size * sizeof(struct span));
    buf_append(&n->text, from->text.data + at, size);
}

void normalized_append_original(struct normalized *n, const char *text, size_t size, uint32_t at)
{
    struct span *to = n->tracked ? origins_room(n, size + 1) : NULL;

    for (size_t i = 0; to && i < size;) {
        uint32_t width = scalar_size(text[i]);

        for (uint32_t k = 0; k < width; k++)
            to[i + k] = (struct span){at + (uint32_t)i, at + (uint32_t)i + width};
        i += width;
    }
    buf_append(&n->text, text, size);
}

void transform_skip(struct transform *t, size_t n)
{
    while (n-- && t->at < t->end)
        t->at += scalar_size(t->from->text.data[t->at]);
}

struct transform transform_begin(const struct normalized *from, size_t at, size_t end,
                                 struct normalized *to, size_t n_skipped)
{
    struct transform t = {from, to, at, end, at};

    transform_skip(&t, n_skipped);
    return t;
}

/* Of an added character: where the one before came from. */
static struct span origin_before(const struct transform *t)
{
    if (t->at > t->begin)
        return t->from->origins[t->at - 1];
    if (t->begin > 0) /* the begin of a slice: it has nothing before */
        return (struct span){t->from->origins[t->begin].start, t->from->origins[t->begin].start};
    return (struct span){t->from->base, t->from->base};
}

static void append(struct transform *t, const char *bytes, size_t size, struct span origin)
{
    if (t->to->tracked) {
        struct span *to = origins_room(t->to, size);

        for (size_t i = 0; i < size; i++)
            to[i] = origin;
    }
    buf_append(&t->to->text, bytes, size);
}

void transform_put(struct transform *t, uint32_t cp, int32_t change)
{
    struct span origin = {0};
    char bytes[4];
    size_t size = utf8_encode(cp, bytes);

    if (t->to->tracked)
        origin = change > 0 || t->at >= t->end ? origin_before(t) : t->from->origins[t->at];
    append(t, bytes, size, origin);
    if (change <= 0)
        transform_skip(t, (size_t)1 + (size_t)-change);
}

void transform_keep(struct transform *t, size_t size)
{
    normalized_append(t->to, t->from, t->at, size);
    t->at += size;
}

void transform_add(struct transform *t, const char *text, size_t size)
{
    if (size)
        append(t, text, size, t->to->tracked ? origin_before(t) : (struct span){0});
}
