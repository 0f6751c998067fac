#include "template/marks.h"

#include "template/render.h"

const struct marks marks_whole;

/* The first mark that ends behind offset. */
static size_t first_mark(const struct marks *m, size_t offset)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (m->items[middle].end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The marks of s[offset … offset + size), counted from offset. */
static size_t copy_marks(const struct str *s, size_t offset, size_t size, struct mark *ret)
{
    size_t n = 0, end = offset + size;

    if (!s->user || !size)
        return 0;
    if (s->user == &marks_whole) {
        ret[0] = (struct mark){0, size};
        return 1;
    }
    for (size_t i = first_mark(s->user, offset); i < s->user->n; i++) {
        struct mark m = s->user->items[i];
        if (m.start >= end)
            break;
        ret[n++] = (struct mark){m.start > offset ? m.start - offset : 0,
                                 (m.end < end ? m.end : end) - offset};
    }
    return n;
}

static size_t most(const struct str *s)
{
    return !s->user ? 0 : s->user == &marks_whole ? 1 : s->user->n;
}

static struct marks *marks_new(struct arena *a, size_t n)
{
    struct marks *m = arena_take(a, sizeof(*m) + n * sizeof(struct mark));

    m->n = 0;
    return m;
}

const struct marks *marks_part(struct arena *a, const struct str *s, size_t offset, size_t size)
{
    struct marks *m;

    if (!s->user || !size)
        return NULL;
    if (s->user == &marks_whole)
        return s->user;
    m = marks_new(a, first_mark(s->user, offset + size) + 1 - first_mark(s->user, offset));
    m->n = copy_marks(s, offset, size, m->items);
    return m->n ? m : NULL;
}

const struct marks *marks_concat(struct arena *a, const struct str *x, const struct str *y)
{
    struct marks *m;
    size_t n;

    if (!x->user && !y->user)
        return NULL;
    if (x->user == &marks_whole && y->user == &marks_whole)
        return &marks_whole;
    m = marks_new(a, most(x) + most(y));
    m->n = copy_marks(x, 0, x->size, m->items);
    n = copy_marks(y, 0, y->size, m->items + m->n);
    for (size_t i = 0; i < n; i++) {
        m->items[m->n].start += x->size;
        m->items[m->n++].end += x->size;
    }
    return m;
}

void marking_begin(struct render *r, struct marking *m, const struct buf *b)
{
    *m = (struct marking){.of = b, .outer = r->marking};
    if (r->marking)
        r->marking = m;
}

void marking_end(struct render *r, const struct marking *m)
{
    if (r->marking)
        r->marking = m->outer;
}

struct value marking_str(struct render *r, struct marking *m, struct buf *b)
{
    struct value v = str_copy(&r->arena, b->data, b->size);
    struct marks *marks;

    marking_end(r, m);
    if (!m->n)
        return v;
    marks = marks_new(&r->arena, m->n);
    marks->n = m->n;
    memcpy(marks->items, m->items, m->n * sizeof(*m->items));
    v.str->user = marks;
    return v;
}

static void add_mark(struct render *r, struct marking *m, struct mark mark)
{
    if (m->n && m->items[m->n - 1].end >= mark.start) {
        m->items[m->n - 1].end = mark.end;
        return;
    }
    if (m->n == m->capacity) {
        struct mark *more;

        m->capacity = m->capacity ? 2 * m->capacity : 8;
        more = arena_take(&r->arena, m->capacity * sizeof(*more));
        if (m->n)
            memcpy(more, m->items, m->n * sizeof(*more));
        m->items = more;
    }
    m->items[m->n++] = mark;
}

static struct marking *marking_of(const struct render *r, const struct buf *b)
{
    struct marking *m = r->marking;

    while (m && m->of != b)
        m = m->outer;
    return m;
}

void mark_written(struct render *r, const struct buf *b, size_t start)
{
    struct marking *m = marking_of(r, b);

    if (m && b->size > start)
        add_mark(r, m, (struct mark){start, b->size});
}

void write_part(struct render *r, const struct str *s, size_t offset, size_t size, struct buf *b)
{
    size_t start = b->size;
    struct marking *m;

    buf_append(b, s->data + offset, size);
    if (!s->user || !(m = marking_of(r, b)))
        return;
    if (s->user == &marks_whole) {
        mark_written(r, b, start);
        return;
    }
    for (size_t i = first_mark(s->user, offset); i < s->user->n; i++) {
        struct mark mark = s->user->items[i];
        if (mark.start >= offset + size)
            break;
        mark.start = mark.start > offset ? mark.start - offset : 0;
        mark.end = (mark.end < offset + size ? mark.end : offset + size) - offset;
        add_mark(r, m, (struct mark){start + mark.start, start + mark.end});
    }
}

bool may_be_users(const struct render *r, struct value v)
{
    return r->marking && (v.kind == V_STR ? v.str->user != NULL : v.kind > V_STR);
}
