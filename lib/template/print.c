/* Values as text, as Python's str() and repr() write them. */
#include "base/utf8.h"
#include "template/iterate.h"
#include "template/text.h"

#include <math.h>
#include <stdio.h>

/* The shortest text that reads back as d, in Python's choice of notation. */
void write_float(double d, struct buf *out)
{
    char text[40], digits[24];
    int exponent, n = 0;

    if (isnan(d) || isinf(d)) {
        buf_append_str(out, isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, d);
        if (strtod(text, NULL) == d)
            break;
    }
    exponent = atoi(strchr(text, 'e') + 1);
    for (const char *p = text; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    if (signbit(d))
        buf_append_char(out, '-');
    if (exponent < -4 || exponent >= 16) {
        buf_append(out, digits, 1);
        if (n > 1) {
            buf_append_char(out, '.');
            buf_append(out, digits + 1, (size_t)n - 1);
        }
        buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        buf_append(out, "0.0000", (size_t)(1 - exponent)); /* "0." and the zeros */
        buf_append(out, digits, (size_t)n);
    } else {
        for (int i = 0; i <= exponent || i < n; i++) {
            if (i == exponent + 1)
                buf_append_char(out, '.');
            buf_append_char(out, i < n ? digits[i] : '0');
        }
        if (n <= exponent + 1)
            buf_append_str(out, ".0");
    }
}

static void write_quoted(const struct str *s, struct buf *out)
{
    char quote = memchr(s->data, '\'', s->size) && !memchr(s->data, '"', s->size) ? '"' : '\'';
    size_t step;

    buf_append_char(out, quote);
    for (size_t i = 0; i < s->size; i += step) {
        uint32_t cp = text_at(s->data + i, &step);
        if (cp == '\\' || cp == (unsigned char)quote)
            buf_printf(out, "\\%c", (char)cp);
        else if (cp == '\n')
            buf_append_str(out, "\\n");
        else if (cp == '\r')
            buf_append_str(out, "\\r");
        else if (cp == '\t')
            buf_append_str(out, "\\t");
        else if (text_is_printable(cp))
            buf_append(out, s->data + i, step);
        else if (cp < 0x100)
            buf_printf(out, "\\x%02x", cp);
        else if (cp < 0x10000)
            buf_printf(out, "\\u%04x", cp);
        else
            buf_printf(out, "\\U%08x", cp);
    }
    buf_append_char(out, quote);
}

static bool write_seq(struct render *r, struct value v, struct buf *out)
{
    bool tuple = v.kind == V_TUPLE;

    buf_append_char(out, tuple ? '(' : '[');
    for (size_t i = 0; i < v.seq->n; i++) {
        if (i)
            buf_append_str(out, ", ");
        if (!write_repr(r, v.seq->items[i], out))
            return false;
    }
    buf_append_str(out, !tuple ? "]" : v.seq->n == 1 ? ",)" : ")");
    return true;
}

static bool write_dict(struct render *r, const struct dict *d, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < d->n; i++) {
        if (i)
            buf_append_str(out, ", ");
        if (!write_repr(r, d->entries[i].key, out))
            return false;
        buf_append_str(out, ": ");
        if (!write_repr(r, d->entries[i].value, out))
            return false;
    }
    buf_append_char(out, '}');
    return true;
}

static bool write_view(struct render *r, struct value v, struct buf *out)
{
    struct value list;

    if (!iter_list(r, v, &list))
        return false;
    buf_printf(out, "%s(", value_type(v));
    if (!write_seq(r, list, out))
        return false;
    buf_append_char(out, ')');
    return true;
}

static void write_range(const struct range *g, struct buf *out)
{
    buf_printf(out, "range(%lld, %lld", (long long)g->start, (long long)g->stop);
    if (g->step != 1)
        buf_printf(out, ", %lld", (long long)g->step);
    buf_append_char(out, ')');
}

static bool write_object(struct render *r, struct value v, struct buf *out)
{
    struct value length;

    switch (v.kind) {
    case V_NAMESPACE:
        buf_append_str(out, "<Namespace ");
        if (!write_dict(r, v.dict, out))
            return false;
        buf_append_char(out, '>');
        return true;
    case V_LOOP: {
        struct value name = str_const(&r->arena, "length");
        if (!loop_attr(r, v, name.str, &length))
            return false;
        buf_printf(out, "<LoopContext %lld/%lld>", (long long)v.loop->index0 + 1,
                   (long long)length.i);
        return true;
    }
    case V_MACRO:
        buf_printf(out, "<Macro ");
        if (v.macro->def->name)
            write_quoted(v.macro->def->name, out);
        else
            buf_append_str(out, "anonymous");
        buf_append_char(out, '>');
        return true;
    default:
        buf_printf(out, "<%s object>", value_type(v));
        return true;
    }
}

static bool write_any(struct render *r, struct value v, struct buf *out)
{
    switch (v.kind) {
    case V_MISSING:
    case V_UNDEF:
        buf_append_str(out, "Undefined");
        return true;
    case V_NONE:
        buf_append_str(out, "None");
        return true;
    case V_BOOL:
        buf_append_str(out, v.b ? "True" : "False");
        return true;
    case V_INT:
        buf_printf(out, "%lld", (long long)v.i);
        return true;
    case V_BIG:
        buf_append(out, v.str->data, v.str->size);
        return true;
    case V_FLOAT:
        write_float(v.d, out);
        return true;
    case V_STR: {
        if (v.markup)
            buf_append_str(out, "Markup(");
        size_t start = out->size;
        write_quoted(v.str, out);
        if (v.str->user)
            mark_written(r, out, start);
        if (v.markup)
            buf_append_char(out, ')');
        return true;
    }
    case V_LIST:
    case V_TUPLE:
        return write_seq(r, v, out);
    case V_DICT:
        return write_dict(r, v.dict, out);
    case V_VIEW:
        return write_view(r, v, out);
    case V_RANGE:
        write_range(v.range, out);
        return true;
    default:
        return write_object(r, v, out);
    }
}

bool write_repr(struct render *r, struct value v, struct buf *out)
{
    if (!render_step(r) || !render_room(r, out->size) || !render_enter(r))
        return false;
    bool ok = write_any(r, v, out);
    render_leave(r);
    return ok;
}

bool write_str(struct render *r, struct value v, struct buf *out)
{
    if (v.kind == V_STR) {
        write_text(r, v.str, out);
        return render_room(r, out->size);
    }
    return v.kind == V_UNDEF || write_repr(r, v, out);
}

struct value buf_str(struct render *r, struct buf *b, const struct str *from)
{
    struct value v = str_copy(&r->arena, b->data, b->size);

    if (from && from->user && b->size)
        v.str->user = &marks_whole;
    return v;
}

bool to_str(struct render *r, struct value v, struct value *ret)
{
    size_t start = r->out->size;

    if (v.kind == V_STR) {
        *ret = v;
        return true;
    }
    if (!write_str(r, v, r->out))
        return false;
    *ret = text_taken(r, start);
    return true;
}

void escape_html(const struct str *s, struct buf *out)
{
    for (size_t i = 0; i < s->size; i++) {
        static const char from[] = "&<>\"'";
        static const char *const to[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
        const char *p = s->data[i] ? strchr(from, s->data[i]) : NULL;

        if (p)
            buf_append_str(out, to[p - from]);
        else
            buf_append_char(out, s->data[i]);
    }
}

bool to_markup(struct render *r, struct value v, struct value *ret)
{
    AUTO_BUF struct buf b = {0};

    if (v.kind == V_STR && v.markup) {
        *ret = v;
        return true;
    }
    if (!to_str(r, v, &v))
        return false;
    escape_html(v.str, &b);
    if (!render_room(r, b.size))
        return false;
    *ret = str_markup(buf_str(r, &b, v.str), true);
    return true;
}
