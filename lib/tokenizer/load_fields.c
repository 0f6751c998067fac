#include "tokenizer/load_fields.h"

#include "base/nearest.h"

#include <stdio.h>

enum { LARGE_FROM = 1 << 20 };

bool load_refuse(struct loader *l, enum err_code code, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    if (l->r.fault)
        return false;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    json_read_fault(&l->r, "refused");
    l->refused = true;
    err_set(l->err, code, "%s: %s", l->file, text);
    err_fact_str(l->err, "file", l->file);
    return err_fact_int(l->err, "offset", (int64_t)l->r.fault_at);
}

bool load_end(struct loader *l)
{
    return !l->refused && json_read_end(&l->r, ERR_FILE_CORRUPT, l->file, l->err);
}

/* ---- values */

bool load_null(struct loader *l)
{
    return json_read_kind(&l->r) == KIND_NULL && json_read_null(&l->r);
}

bool load_count(struct loader *l, uint32_t *ret)
{
    int64_t v;

    if (!json_read_int(&l->r, &v))
        return false;
    if (v < 0 || v > UINT32_MAX)
        return json_read_fault(&l->r, "not a number of 32 bits without sign");
    *ret = (uint32_t)v;
    return true;
}

static bool load_size(struct loader *l, uint32_t *ret)
{
    int64_t v;

    if (!json_read_int(&l->r, &v))
        return false;
    if (v < 0)
        return json_read_fault(&l->r, "a negative number");
    *ret = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
    return true;
}

bool load_text(struct loader *l, struct text *ret)
{
    struct slice s;

    if (!json_read_text(&l->r, &s))
        return false;
    if (s.size > TOKEN_SIZE_MAX)
        return load_refuse(l, ERR_FILE_CORRUPT, "a text of %zu bytes; at most %d are allowed",
                           s.size, TOKEN_SIZE_MAX);
    *ret = spec_text(l->spec, s.data, s.size);
    return true;
}

/* The reader has checked that it is UTF-8. */
static bool load_character(struct loader *l, uint32_t *ret)
{
    struct slice s;

    if (!json_read_text(&l->r, &s))
        return false;
    const unsigned char *p = (const unsigned char *)s.data;
    size_t size = !s.size ? 0 : *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    if (!size || s.size != size)
        return json_read_fault(&l->r, "not exactly one character");
    uint32_t c = size == 1 ? *p : *p & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        c = c << 6 | (p[i] & 0x3f);
    *ret = c;
    return true;
}

static size_t count_names(const char *const *names)
{
    size_t n = 0;

    while (names[n])
        n++;
    return n;
}

bool load_choice(struct loader *l, const char *what, struct slice name, const char *const *names,
                 unsigned *ret)
{
    char wanted[64];
    const char *near[NEAREST_MAX];

    for (unsigned i = 0; names[i]; i++)
        if (slice_eq(name, names[i])) {
            *ret = i;
            return true;
        }
    slice_copy(name, wanted, sizeof(wanted));
    size_t n = nearest(wanted, names, count_names(names), near);
    load_refuse(l, ERR_COMBINATION, "%s \"%s\" is not supported; %s \"%s\"", what, wanted,
                n ? "the nearest is" : "one that is:", n ? near[0] : names[0]);
    if (l->refused && l->err->code == ERR_COMBINATION) {
        err_fact_str(l->err, "component", wanted);
        err_fact_strv(l->err, "supported", names, count_names(names));
    }
    return false;
}

bool load_matcher(struct loader *l, struct matcher *ret)
{
    static const char *const names[] = {"String", "Regex", NULL};
    struct slice key;
    unsigned i = 0, n = 0;

    if (!json_read_object(&l->r))
        return false;
    while (json_read_key(&l->r, &key)) {
        if (n++)
            return json_read_fault(&l->r, "a pattern is one of String and Regex");
        if (!load_choice(l, "a pattern by", key, names, &i) || !load_text(l, &ret->pattern))
            return false;
        ret->regex = i == 1;
    }
    return n ? !l->r.fault : json_read_fault(&l->r, "a pattern is one of String and Regex");
}

/* ---- members */

static bool load_value(struct loader *l, const char *what, const struct field *f)
{
    struct slice s;

    if ((f->flags & FIELD_NULLABLE) && load_null(l))
        return true;
    switch (f->kind) {
    case FIELD_BOOL:
        return json_read_bool(&l->r, f->ret);
    case FIELD_TEXT:
        return load_text(l, f->ret);
    case FIELD_CHARACTER:
        return load_character(l, f->ret);
    case FIELD_COUNT:
        return load_count(l, f->ret);
    case FIELD_SIZE:
        return load_size(l, f->ret);
    case FIELD_CHOICE:
        return json_read_text(&l->r, &s) && load_choice(l, what, s, f->names, f->ret);
    case FIELD_MATCHER:
        return load_matcher(l, f->ret);
    case FIELD_PART:
        return f->part(l, f->ret);
    }
    return false;
}

bool load_fields(struct loader *l, const char *what, struct field *fields, size_t n)
{
    struct slice key;

    if (!json_read_object(&l->r))
        return false;
    while (json_read_key(&l->r, &key)) {
        struct field *f = fields;
        while (f < fields + n && !slice_eq(key, f->name))
            f++;
        if (f == fields + n) {
            if (!json_read_skip(&l->r))
                return false;
            continue;
        }
        f->seen = true;
        if (!load_value(l, what, f))
            return false;
    }
    for (struct field *f = fields; f < fields + n; f++)
        if (!f->seen && !f->flags)
            return load_refuse(l, ERR_FILE_CORRUPT, "%s: no member \"%s\"", what, f->name);
    return !l->r.fault;
}

/* ---- components */

bool load_peek(struct loader *l, const char *const *members, size_t n, struct peeked *ret)
{
    struct json_mark mark = json_read_mark(&l->r);
    struct slice key, type;

    *ret = (struct peeked){0};
    if (!json_read_object(&l->r))
        return false;
    while (json_read_key(&l->r, &key)) {
        enum json_kind kind = json_read_kind(&l->r);
        for (size_t i = 0; i < n; i++)
            if (slice_eq(key, members[i]))
                ret->kinds[i] = kind;
        bool is_type = kind == KIND_STRING && slice_eq(key, "type");
        if (!(is_type ? json_read_text(&l->r, &type) : json_read_skip(&l->r)))
            return false;
        if (is_type)
            slice_copy(type, ret->type, sizeof(ret->type));
    }
    if (l->r.fault)
        return false;
    /* Components within components are looked at once per level. */
    if (l->r.p - mark.p > COMPONENT_SIZE_MAX)
        return load_refuse(l, ERR_FILE_CORRUPT, "a component of more than %d bytes",
                           COMPONENT_SIZE_MAX);
    json_read_again(&l->r, mark);
    return true;
}

bool load_component(struct loader *l, const char *what, const struct component *components,
                    size_t n, const struct shape *shapes, size_t n_shapes)
{
    const char *names[COMPONENTS_MAX + 1] = {NULL}, *members[8] = {NULL};
    struct peeked peeked;
    unsigned i = 0;

    for (size_t k = 0; k < n; k++)
        names[k] = components[k].name;
    for (size_t k = 0; k < n_shapes; k++)
        members[k] = shapes[k].member;
    if (!load_peek(l, members, n_shapes, &peeked))
        return false;
    for (size_t k = 0; k < n; k++)
        if (str_eq(names[k], peeked.type))
            return components[k].load(l, components[k].kind);
    for (size_t k = 0; k < n_shapes; k++)
        if (peeked.kinds[k] != KIND_NONE)
            return shapes[k].component.load(l, shapes[k].component.kind);
    if (!*peeked.type)
        return load_refuse(l, ERR_FILE_CORRUPT, "%s without a type", what);
    return load_choice(l, what, (struct slice){peeked.type, strlen(peeked.type)}, names, &i);
}

bool load_array(struct loader *l, size_t max, bool (*item)(struct loader *l))
{
    size_t n = 0;

    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r)) {
        if (n++ == max)
            return load_refuse(l, ERR_FILE_CORRUPT, "an array of more than %zu items", max);
        if (!item(l))
            return false;
    }
    return !l->r.fault;
}

void *load_grow(void *items, size_t n, size_t item_size)
{
    void *more;

    if (n * 2 * item_size < LARGE_FROM)
        return mem_resize(items, (n ? n * 2 : 8) * item_size);
    more = mem_alloc_large(n * 2 * item_size);
    memcpy(more, items, n * item_size);
    free(items);
    return more;
}
