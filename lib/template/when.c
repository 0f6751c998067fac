/* strftime_now(). */
#include "template/functions.h"

#include <time.h>

enum { TIME_TEXT = 4096 };

bool format_time(struct render *r, const struct str *format, struct value *ret)
{
    char fmt[512], text[TIME_TEXT];
    time_t now = (time_t)r->now_s;
    struct tm tm;
    size_t n = 0;

    if (format->size >= sizeof(fmt) - 1 || memchr(format->data, '\0', format->size))
        return render_fail(r, "ValueError", "the format of a time has at most %zu bytes",
                           sizeof(fmt) - 2);
    /* A last byte of our own: strftime() returns 0 for an empty text and for none alike. */
    memcpy(fmt, format->data, format->size);
    fmt[format->size] = '.';
    fmt[format->size + 1] = '\0';
    localtime_r(&now, &tm);
    n = strftime(text, sizeof(text), fmt, &tm);
    if (!n)
        return render_fail(r, "ValueError", "the time is too long");
    *ret = str_copy(&r->arena, text, n - 1);
    if (format->user && n > 1)
        ret->str->user = &marks_whole;
    return true;
}
