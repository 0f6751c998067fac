#define ERR_C
#include "base/err.h"

#include "json/writer.h"

#include <stdio.h>

void err_release(struct err *err)
{
    buf_release(&err->facts);
    err->code = ERR_NONE;
    err->msg[0] = '\0';
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    buf_clear(&err->facts);
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[sizeof(err->msg)];
    va_list ap;
    int n;

    memcpy(inner, err->msg, sizeof(inner));
    va_start(ap, fmt);
    n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->msg))
        snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s", inner);
    return false;
}

void err_move(struct err *err, struct err *from)
{
    *err = *from;
    *from = (struct err){0};
}

void err_copy(struct err *err, const struct err *from)
{
    err->code = from->code;
    memcpy(err->msg, from->msg, sizeof(err->msg));
    buf_clear(&err->facts);
    buf_append(&err->facts, from->facts.data, from->facts.size);
}

static void fact_name(struct err *err, const char *name)
{
    if (err->facts.size)
        buf_append_char(&err->facts, ',');
    json_write_str(&err->facts, name);
    buf_append_char(&err->facts, ':');
}

bool err_fact_str(struct err *err, const char *name, const char *value)
{
    fact_name(err, name);
    json_write_str(&err->facts, value);
    return false;
}

bool err_fact_int(struct err *err, const char *name, int64_t value)
{
    fact_name(err, name);
    json_write_int(&err->facts, value);
    return false;
}

bool err_fact_strv(struct err *err, const char *name, const char *const *values, size_t n)
{
    fact_name(err, name);
    buf_append_char(&err->facts, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_append_char(&err->facts, ',');
        json_write_str(&err->facts, values[i]);
    }
    buf_append_char(&err->facts, ']');
    return false;
}

bool err_fact_json(struct err *err, const char *name, const char *json)
{
    fact_name(err, name);
    buf_append_str(&err->facts, json);
    return false;
}

static const char *const slugs[] = {
#define X(code, slug) [code] = slug,
    ERR_CODES(X)
#undef X
};

const char *err_slug(enum err_code code) { return slugs[code]; }

enum err_code err_parse(const char *slug)
{
    for (size_t i = 0; i < ARRAY_SIZE(slugs); i++)
        if (str_eq(slugs[i], slug))
            return (enum err_code)i;
    return ERR_INTERNAL;
}
