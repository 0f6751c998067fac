#include "tokenizer/char_set.h"

#include <ctype.h>

struct named_set {
    const char *name;
    uint32_t first, n;
};

struct case_fold {
    uint32_t c, to;
};

#include "tokenizer/case_fold_table.h"
#include "tokenizer/char_set_table.h"

void char_set_release(struct char_set *s)
{
    free(s->items);
    *s = (struct char_set){0};
}

static void push(struct char_set *s, uint32_t first, uint32_t last)
{
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 16;
        s->items = mem_resize(s->items, s->capacity * sizeof(*s->items));
    }
    s->items[s->n++] = (struct char_range){first, last};
}

static int by_first(const void *a, const void *b)
{
    const struct char_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* Puts ranges that were pushed in any order right. */
static void tidy(struct char_set *s)
{
    size_t n = 0;

    if (!s->n)
        return;
    qsort(s->items, s->n, sizeof(*s->items), by_first);
    for (size_t i = 1; i < s->n; i++) {
        if (s->items[i].first <= s->items[n].last + 1) {
            if (s->items[i].last > s->items[n].last)
                s->items[n].last = s->items[i].last;
        } else {
            s->items[++n] = s->items[i];
        }
    }
    s->n = n + 1;
}

void char_set_add(struct char_set *s, uint32_t first, uint32_t last)
{
    push(s, first, last);
    tidy(s);
}

void char_set_add_all(struct char_set *s, const struct char_set *other)
{
    for (size_t i = 0; i < other->n; i++)
        push(s, other->items[i].first, other->items[i].last);
    tidy(s);
}

void char_set_negate(struct char_set *s)
{
    struct char_set ret = {0};
    uint32_t next = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i].first > next)
            push(&ret, next, s->items[i].first - 1);
        next = s->items[i].last + 1;
    }
    if (next <= CHAR_MAX_POINT)
        push(&ret, next, CHAR_MAX_POINT);
    char_set_release(s);
    *s = ret;
}

void char_set_intersect(struct char_set *s, const struct char_set *other)
{
    struct char_set ret = {0};

    for (size_t i = 0, k = 0; i < s->n && k < other->n;) {
        const struct char_range *a = &s->items[i], *b = &other->items[k];
        uint32_t first = a->first > b->first ? a->first : b->first;
        uint32_t last = a->last < b->last ? a->last : b->last;

        if (first <= last)
            push(&ret, first, last);
        if (a->last < b->last)
            i++;
        else
            k++;
    }
    char_set_release(s);
    *s = ret;
}

bool char_set_has(const struct char_set *s, uint32_t c)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (s->items[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n && s->items[low].first <= c;
}

static int by_name(const void *key, const void *item)
{
    return strcmp(key, ((const struct named_set *)item)->name);
}

bool char_set_add_named(struct char_set *s, const char *name, size_t size)
{
    char normal[64];
    size_t n = 0;
    const struct named_set *set;

    for (size_t i = 0; i < size; i++) {
        if (strchr(" -_", name[i]) && name[i])
            continue;
        if (n + 1 == sizeof(normal) || name[i] <= 0)
            return false;
        normal[n++] = (char)tolower(name[i]);
    }
    normal[n] = '\0';
    set = bsearch(normal, named_sets, ARRAY_SIZE(named_sets), sizeof(*named_sets), by_name);
    if (!set)
        return false;
    for (size_t i = 0; i < set->n; i++)
        push(s, named_ranges[set->first + i].first, named_ranges[set->first + i].last);
    tidy(s);
    return true;
}

static int by_point(const void *key, const void *item)
{
    uint32_t a = *(const uint32_t *)key, b = *(const uint32_t *)item;

    return (a > b) - (a < b);
}

struct case_spelling case_fold(uint32_t c)
{
    const struct case_fold *one =
        bsearch(&c, case_folds, ARRAY_SIZE(case_folds), sizeof(*case_folds), by_point);
    const struct case_spelling *many;

    if (one)
        return (struct case_spelling){c, 1, {one->to}};
    many =
        bsearch(&c, case_spellings, ARRAY_SIZE(case_spellings), sizeof(*case_spellings), by_point);
    return many ? *many : (struct case_spelling){c, 1, {c}};
}

void char_set_close_case(struct char_set *s)
{
    AUTO_CHAR_SET struct char_set folded = {0}, same = {0};

    for (size_t i = 0; i < ARRAY_SIZE(case_folds); i++)
        if (char_set_has(s, case_folds[i].to) || char_set_has(s, case_folds[i].c))
            push(&folded, case_folds[i].to, case_folds[i].to);
    tidy(&folded);
    for (size_t i = 0; i < ARRAY_SIZE(case_folds); i++)
        if (char_set_has(&folded, case_folds[i].to))
            push(&same, case_folds[i].c, case_folds[i].c);
    char_set_add_all(s, &folded);
    char_set_add_all(s, &same);
}

void char_set_add_spelled(struct char_set *s, const uint32_t *to, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(case_spellings); i++)
        if (case_spellings[i].n == n && memcmp(case_spellings[i].to, to, n * sizeof(*to)) == 0)
            char_set_add(s, case_spellings[i].c, case_spellings[i].c);
}

const struct case_spelling *case_spelling_at(size_t i)
{
    return i < ARRAY_SIZE(case_spellings) ? &case_spellings[i] : NULL;
}

static void print_range(struct buf *out, uint32_t first, uint32_t last)
{
    if (first <= last)
        buf_printf(out, "\\x{%x}-\\x{%x}", first, last);
}

void char_set_print(const struct char_set *s, struct buf *out)
{
    size_t begin = out->size;

    buf_append_char(out, '[');
    for (size_t i = 0; i < s->n; i++) {
        uint32_t first = s->items[i].first, last = s->items[i].last;

        if (last < 0xD800 || first > 0xDFFF) {
            print_range(out, first, last);
            continue;
        }
        if (first < 0xD800)
            print_range(out, first, 0xD7FF);
        if (last > 0xDFFF)
            print_range(out, 0xE000, last);
    }
    if (out->size == begin + 1) {
        out->size = begin;
        buf_append_str(out, "(?!)");
        return;
    }
    buf_append_char(out, ']');
}
