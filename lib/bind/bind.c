#include "bind/bind.h"

#include "base/nearest.h"

#include <math.h>

enum { STR_MAX = 4096, ITEMS_MAX = 64, FIELDS_MAX = 128 };

struct binding {
    struct faults *faults;
    struct buf pointer; /* of the value at hand */
};

static void bind_members(struct binding *b, const struct field_table *table, json_t *doc,
                         void *ret);

static const char *at(const struct binding *b) { return b->pointer.data ? b->pointer.data : ""; }

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

static void wrong_type(struct binding *b, json_t *v, const char *wanted)
{
    faults_add_value(b->faults, at(b), v, "must be %s, not %s", wanted, type_name(v));
}

static size_t str_max(const struct field *f) { return f->max > 0 ? (size_t)f->max : STR_MAX; }

/* A checked copy of a string, or NULL and a fault. */
static char *bind_str(struct binding *b, const struct field *f, json_t *v)
{
    size_t size, min = f->min > 0 ? (size_t)f->min : 0;

    if (!json_is_string(v)) {
        wrong_type(b, v, "a string");
        return NULL;
    }
    size = json_string_length(v);
    if (strlen(json_string_value(v)) != size) {
        faults_add(b->faults, at(b), NULL, NULL, "must not contain a NUL character");
        return NULL;
    }
    if (size < min || size > str_max(f)) {
        if (size < min && min == 1)
            faults_add_value(b->faults, at(b), v, "must not be empty");
        else
            faults_add_value(b->faults, at(b), v, "must have %zu to %zu bytes, has %zu", min,
                             str_max(f), size);
        return NULL;
    }
    return str_dup_n(json_string_value(v), size);
}

static bool in_bounds(struct binding *b, const struct field *f, json_t *v, double number)
{
    bool upper = f->max != 0 || f->min < 0;

    if (f->min == 0 && f->max == 0)
        return true;
    if (number >= f->min && (!upper || number <= f->max))
        return true;
    if (upper)
        faults_add_value(b->faults, at(b), v, "must be from %.15g to %.15g", f->min, f->max);
    else
        faults_add_value(b->faults, at(b), v, "must be at least %.15g", f->min);
    return false;
}

static void bind_int(struct binding *b, const struct field *f, json_t *v, struct opt_int *ret)
{
    double real = json_number_value(v);

    /* 4096.0 is an integer to JSON Schema, and some clients write it so. */
    if (!json_is_integer(v) && !(json_is_real(v) && real == floor(real) && fabs(real) <= 0x1p53)) {
        wrong_type(b, v, "an integer");
        return;
    }
    if (!in_bounds(b, f, v, real))
        return;
    *ret = (struct opt_int){true, json_is_integer(v) ? json_integer_value(v) : (int64_t)real};
}

static void bind_enum(struct binding *b, const struct field *f, json_t *v, int *ret)
{
    const char *near[NEAREST_MAX];
    int n = 0;

    if (!json_is_string(v)) {
        faults_add(b->faults, at(b), NULL, f->names, "must be one of the allowed strings, not %s",
                   type_name(v));
        return;
    }
    for (; f->names[n]; n++) {
        if (str_eq(f->names[n], json_string_value(v))) {
            *ret = n + 1;
            return;
        }
    }
    if (nearest(json_string_value(v), f->names, (size_t)n, near))
        faults_add(b->faults, at(b), json_string_value(v), f->names,
                   "is not an allowed value; did you mean \"%s\"?", near[0]);
    else
        faults_add(b->faults, at(b), json_string_value(v), f->names, "is not an allowed value");
}

/* True when v is an array that is not too long. */
static bool is_list(struct binding *b, const struct field *f, json_t *v)
{
    size_t max = f->max_items ? f->max_items : ITEMS_MAX;

    if (!json_is_array(v)) {
        wrong_type(b, v, "an array");
        return false;
    }
    if (json_array_size(v) > max) {
        faults_add(b->faults, at(b), NULL, NULL, "must have at most %zu items, has %zu", max,
                   json_array_size(v));
        return false;
    }
    return true;
}

static void bind_strv(struct binding *b, const struct field *f, json_t *v, struct strv *ret)
{
    size_t mark = b->pointer.size, i;
    json_t *item;

    if (!is_list(b, f, v) || json_array_size(v) == 0)
        return;
    ret->items = mem_new_array(json_array_size(v), char *);
    json_array_foreach(v, i, item)
    {
        pointer_push_index(&b->pointer, i);
        ret->items[ret->n] = bind_str(b, f, item);
        ret->n += ret->items[ret->n] != NULL;
        pointer_cut(&b->pointer, mark);
    }
}

static void bind_array(struct binding *b, const struct field *f, json_t *v, struct bind_array *ret)
{
    size_t mark = b->pointer.size, i;
    json_t *item;

    if (!is_list(b, f, v) || json_array_size(v) == 0)
        return;
    ret->items = mem_alloc(json_array_size(v) * f->item_size);
    ret->n = json_array_size(v);
    json_array_foreach(v, i, item)
    {
        pointer_push_index(&b->pointer, i);
        bind_members(b, f->fields, item, (char *)ret->items + i * f->item_size);
        pointer_cut(&b->pointer, mark);
    }
}

static void bind_value(struct binding *b, const struct field *f, json_t *v, void *to)
{
    switch (f->kind) {
    case FIELD_STR:
        *(char **)to = bind_str(b, f, v);
        break;
    case FIELD_BOOL:
        if (json_is_boolean(v))
            *(enum tristate *)to = json_is_true(v) ? YES : NO;
        else
            wrong_type(b, v, "true or false");
        break;
    case FIELD_INT:
        bind_int(b, f, v, to);
        break;
    case FIELD_REAL:
        if (!json_is_number(v))
            wrong_type(b, v, "a number");
        else if (in_bounds(b, f, v, json_number_value(v)))
            *(struct opt_real *)to = (struct opt_real){true, json_number_value(v)};
        break;
    case FIELD_ENUM:
        bind_enum(b, f, v, to);
        break;
    case FIELD_STRV:
        bind_strv(b, f, v, to);
        break;
    case FIELD_OBJECT:
        bind_members(b, f->fields, v, to);
        break;
    case FIELD_ARRAY:
        bind_array(b, f, v, to);
        break;
    case FIELD_JSON:
        *(json_t **)to = json_incref(v);
        break;
    case FIELD_IGNORED:
        break;
    }
}

static void report_unknown(struct binding *b, const struct field_table *table, json_t *doc)
{
    const char *known[FIELDS_MAX + 1], *key;
    size_t mark = b->pointer.size, i, n = 0;
    json_t *value;

    /* What we only take back from ourselves is nothing to suggest. */
    for (i = 0; i < table->n && n < FIELDS_MAX; i++)
        if (table->fields[i].kind != FIELD_IGNORED)
            known[n++] = table->fields[i].name;
    known[n] = NULL;
    json_object_foreach(doc, key, value)
    {
        for (i = 0; i < table->n && !str_eq(table->fields[i].name, key); i++)
            ;
        if (i < table->n)
            continue;
        pointer_push(&b->pointer, key);
        faults_add_unknown(b->faults, at(b), key, known);
        pointer_cut(&b->pointer, mark);
    }
}

static void bind_members(struct binding *b, const struct field_table *table, json_t *doc, void *ret)
{
    size_t mark = b->pointer.size, n_known = 0;

    if (!json_is_object(doc)) {
        wrong_type(b, doc, "an object");
        return;
    }
    for (size_t i = 0; i < table->n; i++) {
        const struct field *f = &table->fields[i];
        json_t *v = json_object_get(doc, f->name);

        n_known += v != NULL;
        if (!f->required && (!v || json_is_null(v)))
            continue;
        pointer_push(&b->pointer, f->name);
        if (v && !json_is_null(v))
            bind_value(b, f, v, (char *)ret + f->offset);
        else
            faults_add(b->faults, at(b), NULL, NULL, "is required");
        pointer_cut(&b->pointer, mark);
    }
    if (n_known != json_object_size(doc))
        report_unknown(b, table, doc);
}

void bind_into(const struct field_table *table, json_t *doc, const char *prefix, void *ret,
               struct faults *f)
{
    struct binding b = {.faults = f};

    buf_append_str(&b.pointer, prefix);
    bind_members(&b, table, doc, ret);
    buf_release(&b.pointer);
}

bool bind_object(const struct field_table *table, json_t *doc, const char *prefix, void *ret,
                 struct err *err)
{
    AUTO_FAULTS struct faults f = {0};

    bind_into(table, doc, prefix, ret, &f);
    if (f.n)
        bind_release(table, ret);
    return faults_none(&f, err);
}

static void release_value(const struct field *f, void *at_value)
{
    struct bind_array *array = at_value;
    struct strv *strv = at_value;

    switch (f->kind) {
    case FIELD_STR:
        free(*(char **)at_value);
        *(char **)at_value = NULL;
        break;
    case FIELD_STRV:
        for (size_t i = 0; i < strv->n; i++)
            free(strv->items[i]);
        free(strv->items);
        *strv = (struct strv){0};
        break;
    case FIELD_OBJECT:
        bind_release(f->fields, at_value);
        break;
    case FIELD_ARRAY:
        for (size_t i = 0; i < array->n; i++)
            bind_release(f->fields, (char *)array->items + i * f->item_size);
        free(array->items);
        *array = (struct bind_array){0};
        break;
    case FIELD_JSON:
        json_decref(*(json_t **)at_value);
        *(json_t **)at_value = NULL;
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_REAL:
    case FIELD_ENUM:
    case FIELD_IGNORED:
        break;
    }
}

void bind_release(const struct field_table *table, void *bound)
{
    for (size_t i = 0; i < table->n; i++)
        release_value(&table->fields[i], (char *)bound + table->fields[i].offset);
}
