/* "…" % args and "…".format(args), as far as texts need them. */
#include "template/functions.h"
#include "template/strings.h"

#include <math.h>
#include <stdio.h>

enum { PRECISION_MAX = 100, SPEC_DEPTH = 2 };

struct spec {
    struct str *fill;
    char align; /* < > ^ = or 0 */
    char sign;  /* + - space or 0 */
    bool alternate, zero, comma, underscore;
    int64_t width, precision; /* -1: none */
    char type;                /* 0: none */
};

/* ---- numbers to digits */

/* With separators between thousands of the whole part. */
static void group(struct buf *out, const char *digits, char separator)
{
    size_t whole = strspn(digits, "0123456789");

    for (size_t i = 0; i < whole; i++) {
        if (separator && i && (whole - i) % 3 == 0)
            buf_append_char(out, separator);
        buf_append_char(out, digits[i]);
    }
    buf_append_str(out, digits + whole);
}

static void write_base(struct buf *out, uint64_t v, unsigned base, bool upper)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[65], *p = text + 64;

    *p = '\0';
    do
        *--p = set[v % base];
    while (v /= base);
    buf_append_str(out, p);
}

/* The number without sign; *prefix gets "0x" and the like. */
static bool int_digits(struct render *r, const struct spec *s, int64_t v, struct buf *out,
                       const char **prefix)
{
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
    char text[24];

    switch (s->type) {
    case 'x':
    case 'X':
        *prefix = !s->alternate ? "" : s->type == 'x' ? "0x" : "0X";
        write_base(out, u, 16, s->type == 'X');
        return true;
    case 'o':
        *prefix = s->alternate ? "0o" : "";
        write_base(out, u, 8, false);
        return true;
    case 'b':
        *prefix = s->alternate ? "0b" : "";
        write_base(out, u, 2, false);
        return true;
    case 'd':
    case 'n':
    case 0:
        snprintf(text, sizeof(text), "%llu", (unsigned long long)u);
        group(out, text, s->comma ? ',' : s->underscore ? '_' : '\0');
        return true;
    default:
        return render_fail(r, "ValueError", "Unknown format code '%c' for object of type 'int'",
                           s->type);
    }
}

static bool float_digits(struct render *r, const struct spec *s, double v, struct buf *out)
{
    AUTO_BUF struct buf b = {0};
    char fmt[8] = "%.*f";
    int precision = s->precision < 0 ? 6 : (int)s->precision;

    v = fabs(v);
    if (!s->type && s->precision < 0) {
        write_float(v, &b);
    } else if (isnan(v) || isinf(v)) {
        bool upper = s->type == 'F' || s->type == 'E' || s->type == 'G';
        buf_append_str(&b, isnan(v) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf");
    } else if (!strchr("fFeEgG%", s->type) || !s->type) {
        return render_fail(r, "ValueError", "Unknown format code '%c' for object of type 'float'",
                           s->type ? s->type : ' ');
    } else {
        if (s->type == '%')
            v *= 100;
        else
            fmt[3] = s->type;
        if (s->alternate)
            memcpy(fmt, (char[]){'%', '#', '.', '*', fmt[3], '\0'}, 6);
        buf_printf(&b, fmt, precision, v);
        if (s->type == '%')
            buf_append_char(&b, '%');
    }
    group(out, b.data, s->comma ? ',' : s->underscore ? '_' : '\0');
    return true;
}

/* Sign, prefix and digits to their width. */
static bool place_number(struct render *r, const struct spec *s, bool negative, const char *prefix,
                         const struct buf *digits, struct buf *out)
{
    const char *sign = negative ? "-" : s->sign == '+' ? "+" : s->sign == ' ' ? " " : "";
    int64_t n = s->width - (int64_t)(strlen(sign) + strlen(prefix) + digits->size), left;
    char align = s->align ? s->align : '>';

    if (s->width > (int64_t)r->limits.max_memory ||
        !render_room(r, (size_t)(n > 0 ? n : 0) * (s->fill ? s->fill->size : 1)))
        return render_room(r, SIZE_MAX);
    if (n < 0)
        n = 0;
    left = align == '<' ? 0 : align == '^' ? n / 2 : n;
    if (align == '=') {
        buf_append_str(out, sign);
        buf_append_str(out, prefix);
    }
    for (int64_t i = 0; i < left; i++)
        buf_append(out, s->fill ? s->fill->data : " ", s->fill ? s->fill->size : 1);
    if (align != '=') {
        buf_append_str(out, sign);
        buf_append_str(out, prefix);
    }
    buf_append(out, digits->data, digits->size);
    for (int64_t i = left; i < n; i++)
        buf_append(out, s->fill ? s->fill->data : " ", s->fill ? s->fill->size : 1);
    return true;
}

static bool format_number(struct render *r, const struct spec *s, struct value v, struct buf *out)
{
    AUTO_BUF struct buf digits = {0};
    const char *prefix = "";
    bool as_real = v.kind == V_FLOAT || (s->type && strchr("fFeEgG%", s->type));

    buf_append_str(&digits, "");
    if (s->type == 'c' && is_int(v))
        return render_fail(r, "ValueError", "format code 'c' is not supported");
    if (as_real) {
        double d = as_float(v);
        return float_digits(r, s, d, &digits) &&
               place_number(r, s, signbit(d) && !isnan(d), "", &digits, out);
    }
    if (s->precision >= 0)
        return render_fail(r, "ValueError", "Precision not allowed in integer format specifier");
    return int_digits(r, s, as_int(v), &digits, &prefix) &&
           place_number(r, s, as_int(v) < 0, prefix, &digits, out);
}

static bool format_text(struct render *r, const struct spec *s, struct value v, struct buf *out)
{
    struct str *fill = s->fill ? s->fill : str_const(&r->arena, " ").str;
    size_t chars = str_chars(v.str);

    if (s->precision >= 0 && (size_t)s->precision < chars)
        v = str_part(&r->arena, v.str, 0, (size_t)s->precision);
    if (s->align == '^') { /* here the odd one goes to the right */
        int64_t n = s->width - (int64_t)str_chars(v.str);
        if (n > 0 && !str_pad(r, v, (int64_t)str_chars(v.str) + n / 2, 1, fill, &v))
            return false;
    }
    if (!str_pad(r, v, s->width, s->align == '>' ? 1 : -1, fill, &v))
        return false;
    write_text(r, v.str, out);
    return render_room(r, out->size);
}

/* ---- "%" */

struct percent {
    struct render *r;
    struct value args;
    size_t next; /* of a tuple */
    bool used_mapping, markup;
    const char *p, *end;
};

static bool next_arg(struct percent *c, struct value *ret)
{
    if (c->args.kind == V_TUPLE) {
        if (c->next >= c->args.seq->n)
            return render_fail(c->r, "TypeError", "not enough arguments for format string");
        *ret = c->args.seq->items[c->next++];
        return true;
    }
    if (c->next++)
        return render_fail(c->r, "TypeError", "not enough arguments for format string");
    *ret = c->args;
    return true;
}

static bool mapped_arg(struct percent *c, struct value *ret)
{
    const char *key = c->p;
    int depth = 1;
    struct value *found;

    for (; c->p < c->end && depth; c->p++)
        depth += *c->p == '(' ? 1 : *c->p == ')' ? -1 : 0;
    if (depth)
        return render_fail(c->r, "ValueError", "incomplete format key");
    if (c->args.kind != V_DICT)
        return render_fail(c->r, "TypeError", "format requires a mapping");
    c->used_mapping = true;
    struct value name = str_borrow(&c->r->arena, key, (size_t)(c->p - 1 - key));
    found = dict_find_str(c->args.dict, name.str);
    if (!found)
        return render_fail(c->r, "KeyError", "'%.*s'", (int)name.str->size, name.str->data);
    *ret = *found;
    return true;
}

static bool percent_number(struct percent *c, int64_t *ret)
{
    struct value v;

    if (c->p < c->end && *c->p == '*') {
        c->p++;
        if (!next_arg(c, &v))
            return false;
        if (!is_int(v))
            return render_fail(c->r, "TypeError", "* wants int");
        *ret = as_int(v);
        return true;
    }
    *ret = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if ((*ret = *ret * 10 + (*c->p - '0')) > INT32_MAX)
            return render_fail(c->r, "ValueError", "width too big");
    return true;
}

static bool percent_flags(struct percent *c, struct spec *s)
{
    for (; c->p < c->end; c->p++) {
        if (*c->p == '-')
            s->align = '<';
        else if (*c->p == '+')
            s->sign = '+';
        else if (*c->p == ' ')
            s->sign = s->sign ? s->sign : ' ';
        else if (*c->p == '#')
            s->alternate = true;
        else if (*c->p == '0')
            s->zero = true;
        else
            break;
    }
    if (!percent_number(c, &s->width))
        return false;
    if (s->width < 0) {
        s->align = '<';
        s->width = -s->width;
    }
    if (c->p < c->end && *c->p == '.') {
        c->p++;
        if (!percent_number(c, &s->precision))
            return false;
        s->precision = s->precision < 0 ? 0 : s->precision;
    }
    while (c->p < c->end && (*c->p == 'l' || *c->p == 'h' || *c->p == 'L'))
        c->p++;
    return c->p < c->end || render_fail(c->r, "ValueError", "incomplete format");
}

static bool percent_int(struct percent *c, struct spec *s, struct value v, struct buf *out)
{
    AUTO_BUF struct buf digits = {0}, padded = {0};
    const char *prefix = "";
    int64_t precision = s->precision;

    if (v.kind == V_FLOAT && strchr("diu", s->type) && fabs(v.d) < 9e18)
        v = v_int((int64_t)v.d);
    if (v.kind == V_UNDEF && strchr("diu", s->type))
        return render_fail_undef(c->r, v);
    if (!is_int(v))
        return render_fail(c->r, "TypeError", "%%%c format: an integer is required, not %s",
                           s->type, value_type(v));
    if (s->type == 'i' || s->type == 'u')
        s->type = 'd';
    s->precision = -1;
    if (precision > (int64_t)c->r->limits.max_memory ||
        !render_room(c->r, (size_t)(precision > 0 ? precision : 0)))
        return render_room(c->r, SIZE_MAX);
    if (!int_digits(c->r, s, as_int(v), &digits, &prefix))
        return false;
    for (int64_t i = (int64_t)digits.size; i < precision; i++)
        buf_append_char(&padded, '0');
    buf_append(&padded, digits.data, digits.size);
    return place_number(c->r, s, as_int(v) < 0, prefix, &padded, out);
}

static bool percent_float(struct percent *c, struct spec *s, struct value v, struct buf *out)
{
    AUTO_BUF struct buf digits = {0};

    if (v.kind == V_UNDEF)
        return render_fail_undef(c->r, v);
    if (!is_number(v))
        return render_fail(c->r, "TypeError", "must be real number, not %s", value_type(v));
    if (s->precision > PRECISION_MAX)
        return render_fail(c->r, "ValueError", "precision too big");
    return float_digits(c->r, s, as_float(v), &digits) &&
           place_number(c->r, s, signbit(as_float(v)) && !isnan(as_float(v)), "", &digits, out);
}

static bool percent_text(struct percent *c, const struct spec *s, struct value v, struct buf *out)
{
    AUTO_BUF struct buf b = {0};
    struct value text;

    if (s->type == 's' ? !write_str(c->r, v, &b) : !write_repr(c->r, v, &b))
        return false;
    text = buf_str(c->r, &b, NULL);
    if (may_be_users(c->r, v) && b.size) /* the whole field */
        text.str->user = &marks_whole;
    text.markup = s->type == 's' && v.kind == V_STR && v.markup;
    if (c->markup && !to_markup(c->r, text, &text))
        return false;
    struct spec right = *s;
    if (!right.align)
        right.align = '>';
    return format_text(c->r, &right, text, out);
}

static bool percent_one(struct percent *c, struct buf *out)
{
    struct spec s = {.width = 0, .precision = -1};
    struct value v = MISSING;

    if (c->p < c->end && *c->p == '(') {
        c->p++;
        if (!mapped_arg(c, &v))
            return false;
    }
    if (!percent_flags(c, &s))
        return false;
    s.type = *c->p++;
    if (s.type == '%') {
        buf_append_char(out, '%');
        return true;
    }
    if (v.kind == V_MISSING && !next_arg(c, &v))
        return false;
    if (s.zero && !s.align && !strchr("sr", s.type)) {
        s.fill = str_const(&c->r->arena, "0").str;
        s.align = '=';
    }
    if (s.type == 's' || s.type == 'r')
        return percent_text(c, &s, v, out);
    if (strchr("diuxXo", s.type))
        return percent_int(c, &s, v, out);
    if (strchr("fFeEgG", s.type))
        return percent_float(c, &s, v, out);
    return render_fail(c->r, "ValueError", "unsupported format character '%c'",
                       s.type >= ' ' && s.type < 0x7f ? s.type : '?');
}

bool format_percent(struct render *r, struct value format, struct value args, struct value *ret)
{
    size_t start = r->out->size;
    struct percent c = {.r = r,
                        .args = args,
                        .markup = format.markup,
                        .p = format.str->data,
                        .end = format.str->data + format.str->size};

    while (c.p < c.end) {
        const char *sign = memchr(c.p, '%', (size_t)(c.end - c.p));
        if (!sign) {
            buf_append(r->out, c.p, (size_t)(c.end - c.p));
            break;
        }
        buf_append(r->out, c.p, (size_t)(sign - c.p));
        c.p = sign + 1;
        if (!render_step(r) || !percent_one(&c, r->out) || !render_room(r, r->out->size))
            return false;
    }
    /* What has items may stay unused: a mapping, a list. */
    bool spare = args.kind == V_TUPLE
                     ? c.next < args.seq->n
                     : !c.next && !c.used_mapping && args.kind != V_DICT && args.kind != V_LIST &&
                           args.kind != V_RANGE && args.kind != V_UNDEF;
    if (spare)
        return render_fail(r, "TypeError", "not all arguments converted during string formatting");
    *ret = str_markup(text_taken(r, start), format.markup);
    if (format.str->user && ret->str->size)
        ret->str->user = &marks_whole;
    return true;
}

/* ---- str.format() */

struct braces {
    struct render *r;
    const struct args *args;
    int64_t next; /* -1: fields are numbered */
    bool markup;
};

static bool parse_spec(struct render *r, const char *p, const char *end, struct spec *s)
{
    size_t step;

    *s = (struct spec){.precision = -1};
    if (p < end) {
        text_at(p, &step);
        if (p + step < end && p[step] && strchr("<>^=", p[step])) {
            s->fill = str_borrow(&r->arena, p, step).str;
            s->align = p[step];
            p += step + 1;
        } else if (*p && strchr("<>^=", *p)) {
            s->align = *p++;
        }
    }
    if (p < end && (*p == '+' || *p == '-' || *p == ' '))
        s->sign = *p++;
    if (p < end && *p == '#') {
        s->alternate = true;
        p++;
    }
    if (p < end && *p == '0') {
        if (!s->fill)
            s->fill = str_const(&r->arena, "0").str;
        if (!s->align) {
            s->align = '=';
            s->zero = true;
        }
        p++;
    }
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if ((s->width = s->width * 10 + (*p - '0')) > INT32_MAX)
            return render_fail(r, "ValueError", "Too many decimal digits in format string");
    if (p < end && (*p == ',' || *p == '_'))
        *(*p == ',' ? &s->comma : &s->underscore) = true, p++;
    if (p < end && *p == '.') {
        s->precision = 0;
        if (++p == end || *p < '0' || *p > '9')
            return render_fail(r, "ValueError", "Format specifier missing precision");
        for (; p < end && *p >= '0' && *p <= '9'; p++)
            if ((s->precision = s->precision * 10 + (*p - '0')) > INT32_MAX)
                return render_fail(r, "ValueError", "Too many decimal digits in format string");
    }
    if (p < end)
        s->type = *p++;
    return p == end || render_fail(r, "ValueError", "Invalid format specifier");
}

static bool format_value(struct render *r, struct value v, const char *p, const char *end,
                         struct buf *out)
{
    struct spec s;

    if (p == end)
        return write_str(r, v, out);
    if (!parse_spec(r, p, end, &s))
        return false;
    if (v.kind == V_BOOL && !s.type && s.precision < 0)
        s.type = 'd'; /* with any specification a bool is a number */
    if (is_number(v)) {
        if (s.precision > PRECISION_MAX)
            return render_fail(r, "ValueError", "precision too big");
        if (v.kind == V_FLOAT && !s.type && s.precision >= 0)
            return render_fail(r, "ValueError", "a precision wants a type: f, e or g");
        return format_number(r, &s, v, out);
    }
    if (v.kind != V_STR)
        return render_fail(r, "TypeError", "unsupported format string passed to %s.__format__",
                           value_type(v));
    if ((s.type && s.type != 's') || s.sign || s.alternate || s.comma || s.underscore ||
        (s.align == '=' && !s.zero))
        return render_fail(r, "ValueError", "this format is not for strings");
    if (s.zero)
        s.align = '<';
    return format_text(r, &s, v, out);
}

/* whole: nothing follows it. Only then Python counts fields, or notes that they are numbered. */
static bool first_of_field(struct braces *b, const char *p, const char *end, bool whole,
                           struct value *ret)
{
    int64_t index = 0;
    bool digits = p < end;

    for (const char *q = p; q < end; q++) {
        digits = digits && *q >= '0' && *q <= '9';
        index = index * 10 + (digits ? *q - '0' : 0);
        if (index > INT32_MAX)
            return render_fail(b->r, "ValueError", "Too many decimal digits in format string");
    }
    if (p == end && !whole)
        return render_fail(b->r, "KeyError", "''");
    if (p == end) {
        if (b->next < 0)
            return render_fail(b->r, "ValueError",
                               "cannot switch from manual field specification to automatic field "
                               "numbering");
        index = b->next++;
    } else if (digits && !whole) {
        /* counting goes on */
    } else if (digits) {
        if (b->next > 0)
            return render_fail(b->r, "ValueError",
                               "cannot switch from automatic field numbering to manual field "
                               "specification");
        b->next = -1;
    } else {
        for (size_t i = 0; i < b->args->n_keywords; i++)
            if (b->args->keywords[i].name->size == (size_t)(end - p) &&
                memcmp(b->args->keywords[i].name->data, p, (size_t)(end - p)) == 0) {
                *ret = b->args->keywords[i].value;
                return true;
            }
        return render_fail(b->r, "KeyError", "'%.*s'", (int)(end - p), p);
    }
    if ((size_t)index >= b->args->n)
        return render_fail(b->r, "IndexError",
                           "Replacement index %lld out of range for positional args tuple",
                           (long long)index);
    *ret = b->args->items[index];
    return true;
}

/* "name.attr[key]" */
static bool field_value(struct braces *b, const char *p, const char *end, struct value *ret)
{
    const char *q = p;

    while (q < end && *q != '.' && *q != '[')
        q++;
    if (!first_of_field(b, p, q, q == end, ret))
        return false;
    while (q < end) {
        bool attr = *q == '.';
        const char *name = ++q;
        struct value key;

        while (q < end && (attr ? *q != '.' && *q != '[' : *q != ']'))
            q++;
        if (q == name || (!attr && q == end))
            return render_fail(b->r, "ValueError", "Empty attribute in format string");
        key = str_borrow(&b->r->arena, name, (size_t)(q - name));
        if (!attr && strspn(name, "0123456789") >= (size_t)(q - name))
            key = v_int(strtoll(name, NULL, 10));
        if (!attr && ++q < end && *q != '.' && *q != '[')
            return render_fail(b->r, "ValueError",
                               "Only '.' or '[' may follow ']' in format field specifier");
        if (attr ? !get_attr(b->r, *ret, key, ret) : !get_item(b->r, *ret, key, ret))
            return false;
    }
    return true;
}

static bool format_all(struct braces *b, const char *p, const char *end, int depth,
                       struct buf *out);

/* p is behind the '{'; *ret behind the '}'. */
static bool format_field(struct braces *b, const char *p, const char *end, int depth,
                         struct buf *out, const char **ret)
{
    AUTO_BUF struct buf spec = {0};
    AUTO_BUF struct buf text = {0};
    const char *name = p, *name_end, *q;
    struct value v;
    char conversion = '\0';
    int nesting = 1;
    size_t start;
    bool users = false;

    /* As Python's parser: up to ':' or '!', brackets apart. */
    for (q = p; q < end && nesting; q++)
        nesting += *q == '{' ? 1 : *q == '}' ? -1 : 0;
    if (nesting)
        return render_fail(b->r, "ValueError", "expected '}' before end of string");
    *ret = q;
    end = q - 1;
    for (name_end = p; name_end < end && *name_end != ':' && *name_end != '!'; name_end++)
        if (*name_end == '[')
            while (name_end + 1 < end && *name_end != ']')
                name_end++;
    p = name_end;
    if (p < end && *p == '!') {
        if (p + 1 >= end || (p + 2 < end && p[2] != ':'))
            return render_fail(b->r, "ValueError", "expected ':' after conversion specifier");
        conversion = p[1];
        p += 2;
    }
    if (p < end)
        p++;
    if (memchr(name, '{', (size_t)(name_end - name)))
        return render_fail(b->r, "ValueError", "unexpected '{' in field name");
    if (!field_value(b, name, name_end, &v))
        return false;
    if (conversion == 'r') {
        if (!write_repr(b->r, v, &text))
            return false;
        users = may_be_users(b->r, v);
        v = buf_str(b->r, &text, NULL);
    } else if (conversion == 's') {
        if (!to_str(b->r, v, &v))
            return false;
    } else if (conversion) {
        return render_fail(b->r, "ValueError", "Unknown conversion specifier");
    }
    if (!depth)
        return render_fail(b->r, "ValueError", "Max string recursion exceeded");
    if (!format_all(b, p, end, depth - 1, &spec))
        return false;
    buf_append_str(&spec, "");
    buf_clear(&text);
    start = out->size;
    users |= may_be_users(b->r, v);
    if (b->markup && v.kind == V_STR && v.markup) {
        if (spec.size)
            return render_fail(b->r, "ValueError", "Unsupported format specification for Markup.");
        write_text(b->r, v.str, out);
        return render_room(b->r, out->size);
    }
    if (!format_value(b->r, v, spec.data, spec.data + spec.size, &text))
        return false;
    if (b->markup) {
        struct value plain = buf_str(b->r, &text, NULL);
        escape_html(plain.str, out);
    } else {
        buf_append(out, text.data, text.size);
    }
    if (users)
        mark_written(b->r, out, start);
    return render_room(b->r, out->size);
}

static bool format_all(struct braces *b, const char *p, const char *end, int depth, struct buf *out)
{
    while (p < end) {
        const char *q = p;

        while (q < end && *q != '{' && *q != '}')
            q++;
        buf_append(out, p, (size_t)(q - p));
        if (q == end)
            return true;
        if (q + 1 < end && q[1] == *q) {
            buf_append_char(out, *q);
            p = q + 2;
            continue;
        }
        if (*q == '}')
            return render_fail(b->r, "ValueError", "Single '}' encountered in format string");
        if (!render_step(b->r) || !format_field(b, q + 1, end, depth, out, &p))
            return false;
    }
    return true;
}

bool format_braces(struct render *r, struct value format, const struct args *a, struct value *ret)
{
    size_t start = r->out->size;
    struct braces c = {.r = r, .args = a, .markup = format.markup};

    if (!format_all(&c, format.str->data, format.str->data + format.str->size, SPEC_DEPTH, r->out))
        return false;
    *ret = str_markup(text_taken(r, start), format.markup);
    if (format.str->user && ret->str->size)
        ret->str->user = &marks_whole;
    return true;
}
