#include "hub/config_parts.h"

#include <math.h>

/* No size of a model is larger; products of two are checked, sums then cannot overflow. */
#define NUMBER_MAX ((int64_t)1 << 48)

/* The next synonym of a list into name; NULL at its end. */
static const char *next_name(const char *names, char name[64])
{
    size_t n = strcspn(names, "|");

    if (!names[0])
        return NULL;
    memcpy(name, names, n < 63 ? n : 63);
    name[n < 63 ? n : 63] = '\0';
    return names + n + (names[n] == '|');
}

json_t *object_get(json_t *object, const char *names)
{
    char name[64];

    while ((names = next_name(names, name))) {
        json_t *v = json_object_get(object, name);
        if (v && !json_is_null(v))
            return v;
    }
    return NULL;
}

json_t *doc_get(const struct config_doc *d, const char *names)
{
    json_t *v = object_get(d->text, names);

    return v || d->text == d->root ? v : object_get(d->root, names);
}

void doc_fault(struct config_doc *d, const char *key, json_t *value, const char *detail)
{
    AUTO_FREE char *shown =
        value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    char first[64];

    if (d->failed)
        return;
    d->failed = true;
    next_name(key, first);
    if (shown && strlen(shown) > 60)
        strcpy(shown + 57, "...");
    err_set(d->err, ERR_CONFIG_INVALID, "%s: %s is %s: %s", d->file, first,
            shown ? shown : "not there", detail);
    err_fact_str(d->err, "file", d->file);
    err_fact_str(d->err, "key", first);
    err_fact_str(d->err, "detail", detail);
}

/* False when v is no whole number; Python writes 131072.0 for one now and then. */
static bool whole(json_t *v, int64_t *ret)
{
    if (json_is_integer(v)) {
        *ret = json_integer_value(v);
        return true;
    }
    double d = json_real_value(v);
    if (!json_is_real(v) || d != floor(d) || fabs(d) > 9e18)
        return false;
    *ret = (int64_t)d;
    return true;
}

static int64_t int_of(struct config_doc *d, json_t *v, const char *names, int64_t fallback)
{
    int64_t n = fallback, most = -1;
    json_t *item;
    size_t i;

    if (!v || d->failed)
        return fallback;
    if (json_is_array(v)) {
        json_array_foreach(v, i, item) if (whole(item, &n) && n > most) most = n;
        return most >= 0 && most <= NUMBER_MAX ? most : fallback;
    }
    if (!whole(v, &n)) {
        doc_fault(d, names, v, "a whole number is wanted");
        return fallback;
    }
    if (n < 0 || n > NUMBER_MAX) {
        doc_fault(d, names, v, n < 0 ? "it cannot be negative" : "larger than any");
        return fallback;
    }
    return n;
}

int64_t doc_int(struct config_doc *d, const char *names, int64_t fallback)
{
    return int_of(d, doc_get(d, names), names, fallback);
}

int64_t object_int(struct config_doc *d, json_t *object, const char *names, int64_t fallback)
{
    return int_of(d, object_get(object, names), names, fallback);
}

double doc_real(struct config_doc *d, const char *names, double fallback)
{
    json_t *v = doc_get(d, names);

    if (!v || d->failed)
        return fallback;
    if (json_is_number(v) && json_number_value(v) >= 0)
        return json_number_value(v);
    doc_fault(d, names, v, "a number of at least 0 is wanted");
    return fallback;
}

static bool bool_of(json_t *v, bool fallback)
{
    if (json_is_boolean(v))
        return json_is_true(v);
    return json_is_integer(v) ? json_integer_value(v) != 0 : fallback;
}

bool doc_bool(const struct config_doc *d, const char *names, bool fallback)
{
    return bool_of(doc_get(d, names), fallback);
}

bool object_bool(json_t *object, const char *names, bool fallback)
{
    return bool_of(object_get(object, names), fallback);
}

const char *object_str(json_t *object, const char *names)
{
    const char *s = json_string_value(object_get(object, names));

    return s ? s : "";
}

const char *doc_str(const struct config_doc *d, const char *names)
{
    const char *s = json_string_value(doc_get(d, names));

    return s ? s : "";
}

bool word_in(const char *word, const char *list)
{
    char name[64];

    while ((list = next_name(list, name)))
        if (str_eq(word, name))
            return true;
    return false;
}

/* ---- JSON as Python writes it */

static bool is_word(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);

    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

/*
 * Copies JSON, with null for NaN and the infinities (mamba's time_step_limit
 * has one) and a point behind integers that no 64 bits hold.
 */
static void tame(struct buf *out, const char *p, const char *end)
{
    while (p < end) {
        const char *from = p;

        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++)
                p += *p == '\\' && p + 1 < end;
            p += p < end;
            buf_append(out, from, (size_t)(p - from));
        } else if (is_word(p, end, "NaN")) {
            buf_append_str(out, "null");
            p += 3;
        } else if (is_word(p, end, "-Infinity") || is_word(p, end, "Infinity")) {
            buf_append_str(out, "null");
            p += *p == '-' ? 9 : 8;
        } else if (*p >= '0' && *p <= '9') {
            bool digits = true;

            for (; p < end && *p && strchr("0123456789.eE+-", *p); p++)
                digits &= *p >= '0' && *p <= '9';
            buf_append(out, from, (size_t)(p - from));
            if (digits && p - from > 18)
                buf_append_str(out, ".0");
        } else {
            buf_append_char(out, *p++);
        }
    }
}

json_t *config_load_text(const char *text, size_t size, const char *file, struct err *err)
{
    AUTO_BUF struct buf tamed = {0};
    json_error_t at;
    json_t *doc = json_loadb(text, size, 0, &at);

    if (!doc && size > 0) {
        json_error_t unused;
        buf_append(&tamed, text, 0);
        tame(&tamed, text, text + size);
        doc = json_loadb(tamed.data, tamed.size, 0, &unused);
    }
    if (json_is_object(doc))
        return doc;
    const char *detail = doc ? "not an object" : at.text;
    err_set(err, ERR_CONFIG_INVALID, "%s: line %d: %s", file, doc ? 1 : at.line, detail);
    err_fact_str(err, "file", file);
    err_fact_int(err, "line", doc ? 1 : at.line);
    err_fact_str(err, "detail", detail);
    json_decref(doc);
    return NULL;
}
