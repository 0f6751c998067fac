#include "api/routes/text_fields.h"

#include "base/nearest.h"

#include <stdarg.h>
#include <stdio.h>

void text_list_release(struct text_list *l) { free(l->items); }

void id_lists_release(struct id_lists *l)
{
    free(l->ids);
    free(l->ends);
}

bool text_field_wrong(struct err *err, const char *field, const char *fmt, ...)
{
    char what[300], pointer[80];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(pointer, sizeof(pointer), "/%s", field);
    err_set(err, ERR_FIELD, "%s: %s", field, what);
    err_fact_str(err, "field", field);
    return err_fact_str(err, "pointer", pointer);
}

struct reading {
    struct json_reader r;
    struct err *err;
};

static bool wants(struct reading *g, enum json_kind kind, const char *field, const char *what)
{
    enum json_kind found = json_read_kind(&g->r);

    if (found == kind || found == KIND_NONE)
        return true;
    return text_field_wrong(g->err, field, "%s is wanted", what);
}

static bool read_bool(struct reading *g, const struct text_field *f, bool *ret)
{
    return wants(g, KIND_BOOL, f->name, "true or false") && json_read_bool(&g->r, ret);
}

static bool read_int(struct reading *g, const struct text_field *f, int64_t *ret)
{
    int64_t v = 0;

    if (!wants(g, KIND_NUMBER, f->name, "a whole number") || !json_read_int(&g->r, &v))
        return false;
    if (v < f->min || v > f->max)
        return text_field_wrong(g->err, f->name, "%lld is not within %lld to %lld", (long long)v,
                                (long long)f->min, (long long)f->max);
    *ret = v;
    return true;
}

static bool read_enum(struct reading *g, const struct text_field *f, int *ret)
{
    const char *near[NEAREST_MAX];
    struct slice s;
    char given[60];
    size_t n;

    if (!wants(g, KIND_STRING, f->name, "a name") || !json_read_text(&g->r, &s))
        return false;
    for (n = 0; f->names[n]; n++)
        if (slice_eq(s, f->names[n])) {
            *ret = (int)n;
            return true;
        }
    slice_copy(s, given, sizeof(given));
    text_field_wrong(g->err, f->name, "'%s' is not one of its values", given);
    err_fact_str(g->err, "value", given);
    err_fact_strv(g->err, "allowed", f->names, n);
    return err_fact_strv(g->err, "nearest", near, nearest(given, f->names, n, near));
}

static bool push_text(struct text_list *l, struct slice s)
{
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 4;
        l->items = mem_resize(l->items, l->capacity * sizeof(*l->items));
    }
    l->items[l->n++] = s;
    return true;
}

static bool read_strings(struct reading *g, const struct text_field *f, struct text_list *ret)
{
    struct slice s;

    ret->is_list = json_read_kind(&g->r) == KIND_ARRAY;
    if (!ret->is_list)
        return wants(g, KIND_STRING, f->name, "a string or an array of strings") &&
               json_read_text(&g->r, &s) && push_text(ret, s);
    json_read_array(&g->r);
    while (json_read_item(&g->r)) {
        if (ret->n == TEXTS_IN_BODY_MAX)
            return text_field_wrong(g->err, f->name, "more than %d texts", TEXTS_IN_BODY_MAX);
        if (!wants(g, KIND_STRING, f->name, "a string in the array") || !json_read_text(&g->r, &s))
            return false;
        push_text(ret, s);
    }
    return true;
}

static bool push_id(struct reading *g, const struct text_field *f, struct id_lists *l)
{
    int64_t id = 0;

    if (!wants(g, KIND_NUMBER, f->name, "a token id") || !json_read_int(&g->r, &id))
        return false;
    if (id < 0 || id > UINT32_MAX)
        return text_field_wrong(g->err, f->name, "%lld is no token id", (long long)id);
    if (l->n_ids == l->ids_capacity) {
        l->ids_capacity = l->ids_capacity ? 2 * l->ids_capacity : 256;
        l->ids = mem_resize(l->ids, l->ids_capacity * sizeof(*l->ids));
    }
    l->ids[l->n_ids++] = (uint32_t)id;
    return true;
}

static void end_ids(struct id_lists *l)
{
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 4;
        l->ends = mem_resize(l->ends, l->capacity * sizeof(*l->ends));
    }
    l->ends[l->n++] = l->n_ids;
}

static bool read_inner(struct reading *g, const struct text_field *f, struct id_lists *ret)
{
    if (ret->n == TEXTS_IN_BODY_MAX)
        return text_field_wrong(g->err, f->name, "more than %d lists", TEXTS_IN_BODY_MAX);
    if (!wants(g, KIND_ARRAY, f->name, "an array of ids in the array") || !json_read_array(&g->r))
        return false;
    while (json_read_item(&g->r))
        if (!push_id(g, f, ret))
            return false;
    end_ids(ret);
    return true;
}

static bool read_ids(struct reading *g, const struct text_field *f, struct id_lists *ret)
{
    bool first = true;

    if (!wants(g, KIND_ARRAY, f->name, "an array of token ids") || !json_read_array(&g->r))
        return false;
    for (; json_read_item(&g->r); first = false) {
        if (first)
            ret->is_nested = json_read_kind(&g->r) == KIND_ARRAY;
        if (ret->is_nested ? !read_inner(g, f, ret) : !push_id(g, f, ret))
            return false;
    }
    if (!ret->is_nested)
        end_ids(ret);
    return true;
}

static bool read_value(struct reading *g, const struct text_field *f, void *ret)
{
    void *at = (char *)ret + f->offset;

    if (json_read_kind(&g->r) == KIND_NULL)
        return json_read_null(&g->r);
    switch (f->kind) {
    case TEXT_FIELD_BOOL:
        return read_bool(g, f, at);
    case TEXT_FIELD_INT:
        return read_int(g, f, at);
    case TEXT_FIELD_ENUM:
        return read_enum(g, f, at);
    case TEXT_FIELD_STRING:
        return wants(g, KIND_STRING, f->name, "a string") && json_read_text(&g->r, at);
    case TEXT_FIELD_STRINGS:
        return read_strings(g, f, at);
    case TEXT_FIELD_IDS:
        return read_ids(g, f, at);
    }
    return false;
}

static bool unknown(const struct text_field *fields, size_t n, struct slice key, struct err *err)
{
    const char *names[TEXT_FIELDS_MAX], *near[NEAREST_MAX];
    char name[100];

    for (size_t i = 0; i < n; i++)
        names[i] = fields[i].name;
    slice_copy(key, name, sizeof(name));
    err_set(err, ERR_UNKNOWN_FIELD, "there is no field '%s' here", name);
    err_fact_str(err, "field", name);
    return err_fact_strv(err, "nearest", near, nearest(name, names, n, near));
}

bool text_fields_read(const struct text_field *fields, size_t n, const char *body, size_t size,
                      struct buf *keep, void *ret, struct err *err)
{
    struct reading g = {json_reader(body, size), err};
    uint32_t seen = 0;
    struct slice key;
    bool ok = true;

    buf_clear(keep);
    if (memchr(body, '\\', size)) {
        buf_reserve(keep, size + JSON_KEEP_ROOM);
        g.r.keep = keep;
    }
    json_read_object(&g.r);
    while (ok && json_read_key(&g.r, &key)) {
        size_t i = 0;

        while (i < n && !slice_eq(key, fields[i].name))
            i++;
        if (i == n)
            ok = unknown(fields, n, key, err);
        else if (seen & 1u << i)
            ok = text_field_wrong(err, fields[i].name, "it is given twice");
        else
            ok = read_value(&g, &fields[i], ret) || err->code == ERR_NONE;
        seen |= i < n ? 1u << i : 0;
    }
    ok = ok && json_read_end(&g.r, ERR_INVALID, "body", err);
    for (size_t i = 0; ok && i < n; i++)
        if (fields[i].required && !(seen & 1u << i))
            ok = text_field_wrong(err, fields[i].name, "it is required");
    json_reader_release(&g.r);
    return ok;
}
