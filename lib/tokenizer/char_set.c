#include "tokenizer/char_set.h"

#include "unicode/properties.h"

#include <ctype.h>

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

static bool add_property(struct char_set *s, const char *name, size_t size)
{
    AUTO_UNICODE_RANGES struct unicode_ranges ranges = {0};

    if (!unicode_property(name, size, &ranges))
        return false;
    for (size_t i = 0; i < ranges.n; i++)
        push(s, ranges.items[i].first, ranges.items[i].last);
    tidy(s);
    return true;
}

static void add_properties(struct char_set *s, const char *const *names)
{
    for (; *names; names++)
        add_property(s, *names, strlen(*names));
}

static void add_graph(struct char_set *s)
{
    static const char *const blanks[] = {"White_Space", "Cc", "Cn", "Cs", NULL};
    AUTO_CHAR_SET struct char_set graph = {0};

    add_properties(&graph, blanks);
    char_set_negate(&graph);
    char_set_add_all(s, &graph);
}

/* As Oniguruma has them on Unicode; they win over properties of the same name. */
static const struct posix {
    const char *name;
    const char *properties[4];
    const char *more; /* single characters */
    bool graph;
} posix[] = {
    {"alnum", {"Alphabetic", "Nd"}, "", false},
    {"alpha", {"Alphabetic"}, "", false},
    {"ascii", {"InBasicLatin"}, "", false},
    {"blank", {"Zs"}, "\t", false},
    {"cntrl", {"Cc"}, "", false},
    {"digit", {"Nd"}, "", false},
    {"graph", {NULL}, "", true},
    {"lower", {"Lowercase"}, "", false},
    {"print", {"Zs"}, "", true},
    {"punct", {"P"}, "", false},
    {"space", {"White_Space"}, "", false},
    {"upper", {"Uppercase"}, "", false},
    {"word", {"Alphabetic", "M", "Nd", "Pc"}, "", false},
    {"xdigit", {NULL}, "0123456789ABCDEFabcdef", false},
};

static bool add_posix(struct char_set *s, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(posix); i++) {
        if (!str_eq(posix[i].name, name))
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(posix[i].properties) && posix[i].properties[k]; k++)
            add_property(s, posix[i].properties[k], strlen(posix[i].properties[k]));
        for (const char *c = posix[i].more; *c; c++)
            push(s, (uint8_t)*c, (uint8_t)*c);
        tidy(s);
        if (posix[i].graph)
            add_graph(s);
        return true;
    }
    return false;
}

bool char_set_add_named(struct char_set *s, const char *name, size_t size)
{
    char normal[64];
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        if (strchr(" -_", name[i]) && name[i])
            continue;
        if (n + 1 == sizeof(normal) || name[i] <= 0)
            return false;
        normal[n++] = (char)tolower(name[i]);
    }
    normal[n] = '\0';
    return add_posix(s, normal) || add_property(s, name, size);
}

/* The full folding: rows that are simple only do not count. */
static size_t n_targets(const struct unicode_folding *f)
{
    if (f->kind == FOLD_SIMPLE)
        return 0;
    return 1U + (f->to[1] != 0) + (f->to[2] != 0);
}

struct case_spelling case_fold(uint32_t c)
{
    struct case_spelling ret = {c, 1, {c}};
    size_t n;
    const struct unicode_folding *f = unicode_foldings(&n);

    for (size_t i = 0; i < n && f[i].from <= c; i++) {
        if (f[i].from != c || !n_targets(&f[i]))
            continue;
        ret.n = (uint32_t)n_targets(&f[i]);
        memcpy(ret.to, f[i].to, sizeof(ret.to));
    }
    return ret;
}

void char_set_close_case(struct char_set *s)
{
    AUTO_CHAR_SET struct char_set folded = {0}, same = {0};
    size_t n;
    const struct unicode_folding *f = unicode_foldings(&n);

    for (size_t i = 0; i < n; i++)
        if (n_targets(&f[i]) == 1 && (char_set_has(s, f[i].to[0]) || char_set_has(s, f[i].from)))
            push(&folded, f[i].to[0], f[i].to[0]);
    tidy(&folded);
    for (size_t i = 0; i < n; i++)
        if (n_targets(&f[i]) == 1 && char_set_has(&folded, f[i].to[0]))
            push(&same, f[i].from, f[i].from);
    char_set_add_all(s, &folded);
    char_set_add_all(s, &same);
}

void char_set_add_spelled(struct char_set *s, const uint32_t *to, size_t n)
{
    struct case_spelling spelling;

    for (size_t at = 0; case_spelling_next(&at, &spelling);)
        if (spelling.n == n && memcmp(spelling.to, to, n * sizeof(*to)) == 0)
            char_set_add(s, spelling.c, spelling.c);
}

bool case_spelling_next(size_t *at, struct case_spelling *ret)
{
    size_t n;
    const struct unicode_folding *f = unicode_foldings(&n);

    while (*at < n) {
        const struct unicode_folding *row = &f[(*at)++];

        if (n_targets(row) < 2)
            continue;
        *ret = (struct case_spelling){row->from, (uint32_t)n_targets(row), {0}};
        memcpy(ret->to, row->to, sizeof(ret->to));
        return true;
    }
    return false;
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
