#include "bind/bind.h"

#include "base/nearest.h"
#include "json/writer.h"

#include <stdio.h>

/* Of a value in an error: enough to recognise it, not enough to flood a log. */
enum { SHOWN_BYTES = 120, SHOWN_NAMES = 128 };

void pointer_push(struct buf *pointer, const char *segment)
{
    buf_append_char(pointer, '/');
    for (;;) {
        size_t plain = strcspn(segment, "~/");

        buf_append(pointer, segment, plain);
        if (!segment[plain])
            return;
        buf_append_str(pointer, segment[plain] == '~' ? "~0" : "~1");
        segment += plain + 1;
    }
}

void pointer_push_index(struct buf *pointer, size_t index) { buf_printf(pointer, "/%zu", index); }

void pointer_cut(struct buf *pointer, size_t size)
{
    buf_reserve(pointer, 0);
    pointer->size = size;
    pointer->data[size] = '\0';
}

/* Where s may be cut to at most SHOWN_BYTES without splitting a character. */
static size_t shown_size(const char *s)
{
    size_t n = strnlen(s, SHOWN_BYTES + 1);

    if (n <= SHOWN_BYTES)
        return n;
    for (n = SHOWN_BYTES; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

static void write_shown(struct buf *out, const char *s)
{
    size_t n = shown_size(s);

    if (!s[n]) {
        json_write_str_n(out, s, n);
        return;
    }
    AUTO_FREE char *cut = str_printf("%.*s…", (int)n, s);
    json_write_str(out, cut);
}

/* Notes the fault and opens its JSON object, or returns false when the list is full. */
static bool fault_begin(struct faults *f, struct json *j, const char *pointer, const char *fmt,
                        va_list ap)
{
    char detail[sizeof(f->first)];

    vsnprintf(detail, sizeof(detail), fmt, ap);
    if (f->n++ == 0) {
        memcpy(f->first, detail, sizeof(detail));
        snprintf(f->first_pointer, sizeof(f->first_pointer), "%s", pointer);
    }
    if (f->n > FAULTS_MAX)
        return false;
    if (f->list.size)
        buf_append_char(&f->list, ',');
    *j = json_begin(&f->list);
    json_open(j, '{');
    json_str(j, "pointer", pointer);
    json_str(j, "detail", detail);
    return true;
}

static void write_names(struct json *j, const char *wanted, const char *const *allowed)
{
    const char *near[NEAREST_MAX];
    size_t n = 0, n_near;

    while (n < SHOWN_NAMES && allowed[n])
        n++;
    json_strv(j, "allowed", allowed, n);
    n_near = wanted ? nearest(wanted, allowed, n, near) : 0;
    if (n_near)
        json_strv(j, "nearest", near, n_near);
}

void faults_add(struct faults *f, const char *pointer, const char *value,
                const char *const *allowed, const char *fmt, ...)
{
    struct json j;
    va_list ap;
    bool room;

    va_start(ap, fmt);
    room = fault_begin(f, &j, pointer, fmt, ap);
    va_end(ap);
    if (!room)
        return;
    if (value)
        json_key(&j, "value"), write_shown(&f->list, value);
    if (allowed)
        write_names(&j, value, allowed);
    json_close(&j, '}');
}

void faults_add_value(struct faults *f, const char *pointer, json_t *value, const char *fmt, ...)
{
    struct json j;
    va_list ap;
    bool room;

    va_start(ap, fmt);
    room = fault_begin(f, &j, pointer, fmt, ap);
    va_end(ap);
    if (!room)
        return;
    if (json_is_string(value))
        json_key(&j, "value"), write_shown(&f->list, json_string_value(value));
    else if (json_is_integer(value))
        json_int(&j, "value", json_integer_value(value));
    else if (json_is_real(value))
        json_number(&j, "value", json_real_value(value));
    else if (json_is_boolean(value))
        json_bool(&j, "value", json_is_true(value));
    json_close(&j, '}');
}

static void add_unknown(struct faults *f, const char *pointer, const char *member,
                        const char *const *known, const char *fmt, ...)
{
    struct json j;
    va_list ap;
    bool room;

    f->n_unknown++;
    va_start(ap, fmt);
    room = fault_begin(f, &j, pointer, fmt, ap);
    va_end(ap);
    if (!room)
        return;
    write_names(&j, member, known);
    json_close(&j, '}');
}

void faults_add_unknown(struct faults *f, const char *pointer, const char *member,
                        const char *const *known)
{
    const char *near[NEAREST_MAX];
    size_t n = 0;
    int shown = (int)shown_size(member);

    /* Whoever sends a megabyte of unknown members does not get a search for each. */
    if (f->n >= FAULTS_MAX) {
        f->n++;
        f->n_unknown++;
        return;
    }
    while (known[n])
        n++;
    if (nearest(member, known, n, near))
        add_unknown(f, pointer, member, known, "unknown field \"%.*s\"; did you mean \"%s\"?",
                    shown, member, near[0]);
    else
        add_unknown(f, pointer, member, known, "unknown field \"%.*s\"", shown, member);
}

bool faults_none(struct faults *f, struct err *err)
{
    enum err_code code;

    if (f->n == 0)
        return true;
    code = f->n == f->n_unknown ? ERR_UNKNOWN_FIELD : ERR_FIELD;
    if (f->n == 1)
        err_set(err, code, "%s: %s", f->first_pointer[0] ? f->first_pointer : "document", f->first);
    else
        err_set(err, code, "%s: %s (and %zu more)",
                f->first_pointer[0] ? f->first_pointer : "document", f->first, f->n - 1);
    AUTO_BUF struct buf list = {0};
    buf_append_char(&list, '[');
    buf_append(&list, f->list.data, f->list.size);
    buf_append_char(&list, ']');
    err_fact_str(err, "pointer", f->first_pointer);
    err_fact_json(err, "errors", list.data);
    if (f->n > FAULTS_MAX)
        err_fact_int(err, "errors_omitted", (int64_t)(f->n - FAULTS_MAX));
    return false;
}

void faults_release(struct faults *f)
{
    buf_release(&f->list);
    *f = (struct faults){0};
}
