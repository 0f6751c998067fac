#include "api/query.h"

#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { MAX_TEXT = 4096, MAX_ITEMS = 64 };

static bool parse_bool(const char *text, enum tristate *ret)
{
    if (!*text || str_eq(text, "1") || strcasecmp(text, "true") == 0)
        *ret = YES;
    else if (str_eq(text, "0") || strcasecmp(text, "false") == 0)
        *ret = NO;
    else
        return false;
    return true;
}

static bool parse_int(const char *text, int64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && (*text == '-' || (*text >= '0' && *text <= '9'));
}

static bool parse_real(const char *text, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return *end == '\0' && isfinite(*ret) && strspn(text, "0123456789.-+eE") == strlen(text);
}

static bool is_bounded(const struct field *f) { return f->min != 0 || f->max != 0; }

static bool in_bounds(const struct field *f, double value)
{
    return !is_bounded(f) || (value >= f->min && value <= f->max);
}

static bool size_in_bounds(const struct field *f, size_t size)
{
    return is_bounded(f) ? in_bounds(f, (double)size) : size <= MAX_TEXT;
}

static void fault_text_size(struct faults *faults, const char *pointer, const struct field *f)
{
    faults_add(faults, pointer, NULL, NULL, "must have %.0f to %.0f bytes",
               is_bounded(f) ? f->min : 0, is_bounded(f) ? f->max : (double)MAX_TEXT);
}

static void bind_number(struct faults *faults, const char *pointer, const struct field *f,
                        const char *text, void *to)
{
    bool whole = f->kind == FIELD_INT, good;
    struct opt_real real = {.set = true};
    struct opt_int integer = {.set = true};

    good = whole ? parse_int(text, &integer.value) : parse_real(text, &real.value);
    if (!good)
        faults_add(faults, pointer, text, NULL, "must be a %snumber", whole ? "whole " : "");
    else if (!in_bounds(f, whole ? (double)integer.value : real.value))
        faults_add(faults, pointer, text, NULL, "must be from %.0f to %.0f", f->min, f->max);
    else if (whole)
        *(struct opt_int *)to = integer;
    else
        *(struct opt_real *)to = real;
}

static void bind_enum(struct faults *faults, const char *pointer, const struct field *f,
                      const char *text, void *to)
{
    for (int i = 0; f->names[i]; i++)
        if (str_eq(f->names[i], text)) {
            *(int *)to = i + 1;
            return;
        }
    faults_add(faults, pointer, text, f->names, "must be one of the known names");
}

static void bind_item(struct faults *faults, const char *pointer, const struct field *f,
                      const struct url_text *text, struct strv *to)
{
    size_t max = f->max_items ? f->max_items : MAX_ITEMS;

    if (to->n == max) {
        faults_add(faults, pointer, NULL, NULL, "must be given at most %zu times", max);
    } else if (!size_in_bounds(f, text->size)) {
        fault_text_size(faults, pointer, f);
    } else {
        to->items = mem_resize(to->items, (to->n + 1) * sizeof(char *));
        to->items[to->n++] = str_dup_n(text->text, text->size);
    }
}

static void bind_param(struct faults *faults, const struct field *f, const struct url_param *param,
                       void *ret)
{
    void *to = (char *)ret + f->offset;
    const char *text = param->value.text;
    char pointer[128];

    snprintf(pointer, sizeof(pointer), "?%s", f->name);
    switch (f->kind) {
    case FIELD_STR:
        if (!size_in_bounds(f, param->value.size)) {
            fault_text_size(faults, pointer, f);
            return;
        }
        free(*(char **)to);
        *(char **)to = str_dup_n(text, param->value.size);
        return;
    case FIELD_BOOL:
        if (!parse_bool(text, to))
            faults_add(faults, pointer, text, (const char *const[]){"true", "false", NULL},
                       "must be true or false");
        return;
    case FIELD_INT:
    case FIELD_REAL:
        if (*text)
            bind_number(faults, pointer, f, text, to);
        return;
    case FIELD_ENUM:
        if (*text)
            bind_enum(faults, pointer, f, text, to);
        return;
    case FIELD_STRV:
        if (*text)
            bind_item(faults, pointer, f, &param->value, to);
        return;
    case FIELD_IGNORED:
    default:
        return;
    }
}

static const struct field *find_field(const struct field_table *table, const char *name)
{
    for (size_t i = 0; table && i < table->n; i++)
        if (str_eq(table->fields[i].name, name))
            return &table->fields[i];
    return NULL;
}

static void fault_unknown(struct faults *faults, const struct field_table *table, const char *also,
                          const char *key)
{
    const char *known[MAX_ITEMS + 2] = {NULL};
    char pointer[128];
    size_t n = 0;

    for (size_t i = 0; table && i < table->n && n < MAX_ITEMS; i++)
        known[n++] = table->fields[i].name;
    if (also)
        known[n++] = also;
    snprintf(pointer, sizeof(pointer), "?%.100s", key);
    faults->n_unknown++;
    faults_add(faults, pointer, key, known, "\"%.100s\" is no query key of this resource", key);
}

bool query_bind(const struct field_table *table, const struct url_param *params, size_t n,
                bool open, const char *also, void *ret, struct err *err)
{
    CLEANUP(faults_release) struct faults faults = {0};

    for (size_t i = 0; i < n; i++) {
        const struct field *f = find_field(table, params[i].key.text);

        if (f)
            bind_param(&faults, f, &params[i], ret);
        else if (!open && !(also && str_eq(also, params[i].key.text)))
            fault_unknown(&faults, table, also, params[i].key.text);
    }
    for (size_t i = 0; table && i < table->n; i++)
        if (table->fields[i].required && !query_find(params, n, table->fields[i].name)) {
            char pointer[128];

            snprintf(pointer, sizeof(pointer), "?%s", table->fields[i].name);
            faults_add(&faults, pointer, NULL, NULL, "query key %s is required",
                       table->fields[i].name);
        }
    return faults_none(&faults, err);
}

const char *query_find(const struct url_param *params, size_t n, const char *key)
{
    while (n-- > 0)
        if (str_eq(params[n].key.text, key))
            return params[n].value.text;
    return NULL;
}
