#include "resolve/decisions.h"

#include "json/writer.h"

static void add(struct decisions *d, const char *field, const char *value,
                const char *const *alternatives, size_t n, const char *because, va_list ap)
{
    AUTO_BUF struct buf why = {0};
    struct json j = json_begin(&d->list);

    buf_vprintf(&why, because, ap);
    j.need_comma = d->n++ > 0;
    json_item(&j);
    json_open(&j, '{');
    json_str(&j, "field", field);
    json_raw(&j, "value", value);
    json_str(&j, "because", why.data);
    json_strv(&j, "alternatives", alternatives, n);
    json_close(&j, '}');
}

void decide_json(struct decisions *d, const char *field, const char *value,
                 const char *const *alternatives, size_t n, const char *because, ...)
{
    va_list ap;

    va_start(ap, because);
    add(d, field, value, alternatives, n, because, ap);
    va_end(ap);
}

void decide_str(struct decisions *d, const char *field, const char *value,
                const char *const *alternatives, size_t n, const char *because, ...)
{
    AUTO_BUF struct buf text = {0};
    va_list ap;

    if (value)
        json_write_str(&text, value);
    else
        json_write_null(&text);
    va_start(ap, because);
    add(d, field, text.data, alternatives, n, because, ap);
    va_end(ap);
}

void decide_int(struct decisions *d, const char *field, int64_t value, const char *because, ...)
{
    AUTO_BUF struct buf text = {0};
    va_list ap;

    json_write_int(&text, value);
    va_start(ap, because);
    add(d, field, text.data, NULL, 0, because, ap);
    va_end(ap);
}

void decide_bool(struct decisions *d, const char *field, bool value, const char *because, ...)
{
    va_list ap;

    va_start(ap, because);
    add(d, field, value ? "true" : "false", NULL, 0, because, ap);
    va_end(ap);
}

void decisions_release(struct decisions *d)
{
    buf_release(&d->list);
    d->n = 0;
}
