/* Filters for text and numbers. */
#include "template/filters.h"
#include "template/functions.h"
#include "template/iterate.h"
#include "template/strings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define FILTER(name_)                                                                \
    static bool filter_##name_(struct render *r, struct value v, struct value *argv, \
                               struct value *ret)

/* ---- strings */

FILTER(string)
{
    (void)argv;
    return to_str(r, v, ret);
}

FILTER(safe)
{
    (void)argv;
    if (!to_str(r, v, ret))
        return false;
    ret->markup = true;
    return true;
}

FILTER(escape)
{
    (void)argv;
    return to_markup(r, v, ret);
}

FILTER(forceescape)
{
    (void)argv;
    if (!to_str(r, v, &v))
        return false;
    v.markup = false;
    return to_markup(r, v, ret);
}

static bool cased(struct render *r, struct value v, enum cased how, struct value *ret)
{
    return to_str(r, v, &v) && str_cased(r, v, how, ret);
}
FILTER(upper)
{
    (void)argv;
    return cased(r, v, CASED_UPPER, ret);
}
FILTER(lower)
{
    (void)argv;
    return cased(r, v, CASED_LOWER, ret);
}
FILTER(capitalize)
{
    (void)argv;
    return cased(r, v, CASED_CAPITALIZE, ret);
}

/* Words begin at the start and behind white space and - ( { [ <; unlike str.title(). */
FILTER(title)
{
    AUTO_BUF struct buf b = {0};
    size_t step;

    (void)argv;
    if (!to_str(r, v, &v))
        return false;
    const char *p = v.str->data, *end = p + v.str->size;
    while (p < end) {
        const char *word = p;
        struct value part;
        uint32_t cp = text_at(p, &step);
        bool gap = text_is_space(cp) || (cp && cp < 0x80 && strchr("-({[<", (int)cp));

        for (; p < end; p += step) {
            cp = text_at(p, &step);
            if ((text_is_space(cp) || (cp && cp < 0x80 && strchr("-({[<", (int)cp))) != gap)
                break;
        }
        if (gap) {
            buf_append(&b, word, (size_t)(p - word));
            continue;
        }
        text_at(word, &step);
        if (!str_cased(r, str_borrow(&r->arena, word, step), CASED_UPPER, &part))
            return false;
        buf_append(&b, part.str->data, part.str->size);
        if (!str_cased(r, str_borrow(&r->arena, word + step, (size_t)(p - word) - step),
                       CASED_LOWER, &part))
            return false;
        buf_append(&b, part.str->data, part.str->size);
    }
    *ret = buf_str(r, &b, v.str);
    return true;
}

FILTER(trim)
{
    struct str *set = NULL;

    if (argv[0].kind == V_NONE)
        argv[0] = MISSING;
    if (!to_str(r, v, &v))
        return false;
    if (v.markup && argv[0].kind == V_STR && !to_markup(r, argv[0], &argv[0]))
        return false;
    if (!arg_str(r, argv[0], &set))
        return false;
    return str_strip(r, v, 3, set, ret);
}

FILTER(replace)
{
    int64_t count = -1;
    struct value old, new;

    if (argv[2].kind == V_NONE)
        argv[2] = MISSING;
    if (!to_str(r, v, &v) || !to_str(r, argv[0], &old) || !to_str(r, argv[1], &new) ||
        !arg_int(r, argv[2], &count))
        return false;
    v.markup = false;
    return str_replace(r, v, old.str, new.str, count, ret);
}

FILTER(center)
{
    int64_t width = 80;

    return to_str(r, v, &v) && arg_int(r, argv[0], &width) &&
           str_pad(r, v, width, 0, str_const(&r->arena, " ").str, ret);
}

static bool indentation(struct render *r, struct value width, struct value *ret)
{
    if (width.kind == V_STR) {
        *ret = width;
        return true;
    }
    return operate(r, N_MUL, str_const(&r->arena, " "), width.kind == V_MISSING ? v_int(4) : width,
                   ret);
}

FILTER(indent)
{
    AUTO_BUF struct buf b = {0};
    bool first = value_truth(argv[1]), blank = value_truth(argv[2]);
    struct value indent, newline, lines;
    struct marking m;

    if (!indentation(r, argv[0], &indent))
        return false;
    newline = str_markup(str_const(&r->arena, "\n"), v.kind == V_STR && v.markup);
    /* Python adds a newline first, so that splitlines() sees a last empty line. */
    if (!operate(r, N_ADD, v, newline, &v) || !str_lines(r, v, false, &lines))
        return false;
    marking_begin(r, &m, &b);
    for (size_t i = 0; i < lines.seq->n; i++) {
        const struct str *line = lines.seq->items[i].str;
        if (i)
            buf_append_char(&b, '\n');
        if (i ? blank || line->size : first)
            write_text(r, indent.str, &b);
        write_text(r, line, &b);
        if (!render_step(r) || !render_room(r, b.size))
            return false;
    }
    *ret = str_markup(marking_str(r, &m, &b), v.markup);
    return true;
}

static bool filter_format(struct render *r, struct value v, const struct args *a, struct value *ret)
{
    struct value args;

    if (a->n && a->n_keywords)
        return render_fail(r, "FilterArgumentError",
                           "can't handle positional and keyword arguments at the same time");
    if (!to_str(r, v, &v))
        return false;
    if (a->n_keywords) {
        args = (struct value){.kind = V_DICT, .dict = dict_new(&r->arena)};
        for (size_t i = 0; i < a->n_keywords; i++)
            dict_set_str(&r->arena, args.dict, v_str(a->keywords[i].name), a->keywords[i].value);
    } else {
        args = seq_new(&r->arena, V_TUPLE, a->n);
        for (size_t i = 0; i < a->n; i++)
            args.seq->items[i] = a->items[i];
    }
    return format_percent(r, v, args, ret);
}

FILTER(truncate)
{
    struct str *end = str_const(&r->arena, "...").str, *s;
    int64_t length = 255, leeway = 5, keep, space;
    struct value part;

    if (!arg_int(r, argv[0], &length) || !arg_str(r, argv[2], &end))
        return false;
    if (argv[3].kind != V_NONE && !arg_int(r, argv[3], &leeway))
        return false;
    keep = length - (int64_t)str_chars(end);
    if (keep < 0 || leeway < 0)
        return render_fail(r, "AssertionError", "truncate's length must hold its end");
    *ret = v;
    if (!value_length(v, &space))
        return render_fail(r, "TypeError", "object of type '%s' has no len()", value_type(v));
    if (space <= length + leeway)
        return true;
    if (v.kind != V_STR)
        return render_fail(r, "TypeError", "'%s' cannot be cut by truncate", value_type(v));
    s = v.str;
    part = str_part(&r->arena, s, 0, (size_t)keep);
    if (!value_truth(argv[1])) { /* not within a word */
        const char *hit = memrchr(part.str->data, ' ', part.str->size);
        space = hit ? hit - part.str->data : (int64_t)part.str->size;
        part = str_cut(&r->arena, part.str, 0, (size_t)space);
    }
    part.markup = v.markup;
    return operate(r, N_ADD, part, v_str(end), ret);
}

FILTER(wordcount)
{
    int64_t n = 0;
    bool in_word = false;
    size_t step;

    (void)argv;
    if (!to_str(r, v, &v) || !render_charge_walk(r, v.str->size))
        return false;
    for (size_t i = 0; i < v.str->size; i += step) {
        uint32_t cp = text_at(v.str->data + i, &step);
        bool word = cp == '_' || text_is_alnum(cp);
        n += word && !in_word;
        in_word = word;
    }
    *ret = v_int(n);
    return true;
}

/* In a query "/" is quoted too, and a blank is "+". */
static bool quote(struct render *r, struct value v, bool query, struct buf *out)
{
    size_t start = out->size;

    if (!to_str(r, v, &v))
        return false;
    for (size_t i = 0; i < v.str->size; i++) {
        unsigned char c = (unsigned char)v.str->data[i];
        if ((c < 0x80 && text_is_alnum(c)) || (c && strchr("_.-~", c)) || (c == '/' && !query))
            buf_append_char(out, (char)c);
        else if (c == ' ' && query)
            buf_append_char(out, '+');
        else
            buf_printf(out, "%%%02X", c);
    }
    if (v.str->user)
        mark_written(r, out, start);
    return render_room(r, out->size);
}

static bool quote_pair(struct render *r, struct value pair, struct buf *out)
{
    struct value both;

    if (!iter_list(r, pair, &both))
        return false;
    if (both.seq->n != 2)
        return render_fail(r, "ValueError", "urlencode wants pairs");
    if (out->size)
        buf_append_char(out, '&');
    if (!quote(r, both.seq->items[0], true, out))
        return false;
    buf_append_char(out, '=');
    return quote(r, both.seq->items[1], true, out);
}

FILTER(urlencode)
{
    AUTO_BUF struct buf b = {0};
    struct view *view = arena_new(&r->arena, struct view);
    struct iter it;
    struct value pair;
    bool more = true;
    struct marking m;

    (void)argv;
    marking_begin(r, &m, &b);
    if (v.kind == V_DICT) {
        *view = (struct view){v.dict, VIEW_ITEMS};
        v = (struct value){.kind = V_VIEW, .view = view};
    }
    bool loops = is_seq(v) || v.kind == V_VIEW || v.kind == V_RANGE || v.kind == V_ITER;
    if (!loops) {
        if (!quote(r, v, false, &b))
            return false;
    } else {
        if (!iter_begin(r, v, &it))
            return false;
        while (iter_next(r, &it, &pair, &more) && more)
            if (!quote_pair(r, pair, &b))
                return false;
        if (more)
            return false; /* iter_next() failed */
    }
    *ret = marking_str(r, &m, &b);
    return true;
}

/* ---- numbers */

/* Python's int() of a text: white space around, underscores between digits. */
static bool parse_int(const struct str *s, int base, int64_t *ret)
{
    size_t left = text_lspan(s->data, s->size, NULL, 0), n = 0;
    char text[96], *end;
    const char *p = s->data + left;
    size_t size = s->size - left;
    bool digit = false;

    size -= size ? text_rspan(p, size, NULL, 0) : 0;
    for (size_t i = 0; i < size; i++) {
        if (p[i] == '_') {
            if (!digit || i + 1 == size)
                return false;
            digit = false;
            continue;
        }
        if (!p[i] || n >= sizeof(text) - 1)
            return false;
        digit = strchr("+-", p[i]) == NULL;
        text[n++] = p[i];
    }
    text[n] = '\0';
    const char *q = text + (*text == '+' || *text == '-');
    if (!*q || strchr(" \t\n\v\f\r+-", *q))
        return false;
    if ((base == 2 && (q[0] == '0' && (q[1] | 32) == 'b')) ||
        (base == 8 && (q[0] == '0' && (q[1] | 32) == 'o'))) {
        bool minus = *text == '-';
        memmove(text + 1, q + 2, strlen(q + 2) + 1);
        text[0] = minus ? '-' : '+';
    }
    errno = 0;
    *ret = strtoll(text, &end, base);
    return !*end && end != text && !errno;
}

static bool parse_float(const struct str *s, double *ret)
{
    size_t left = text_lspan(s->data, s->size, NULL, 0), n = 0;
    char text[400], *end;
    const char *p = s->data + left;
    size_t size = s->size - left;

    size -= size ? text_rspan(p, size, NULL, 0) : 0;
    if (!size || size >= sizeof(text) - 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (p[i] == '_') {
            if (!i || i + 1 == size || p[i - 1] < '0' || p[i - 1] > '9' || p[i + 1] < '0' ||
                p[i + 1] > '9')
                return false;
            continue;
        }
        if (!p[i] || strchr("xXpP", p[i]) || strchr(" \t\n\v\f\r(", p[i]))
            return false;
        text[n++] = p[i];
    }
    text[n] = '\0';
    *ret = strtod(text, &end);
    return !*end;
}

/* Whole numbers of any size print exactly, as Python's do. */
static bool float_to_int(struct render *r, double d, struct value *ret)
{
    char text[330];

    if (isinf(d))
        return render_fail(r, "OverflowError", "cannot convert float infinity to integer");
    if (fabs(d) < 9.2e18) {
        *ret = v_int((int64_t)d);
        return true;
    }
    snprintf(text, sizeof(text), "%.0f", d);
    *ret = str_copy(&r->arena, text, strlen(text));
    ret->kind = V_BIG;
    return true;
}

FILTER(int)
{
    struct value otherwise = argv[0].kind == V_MISSING ? v_int(0) : argv[0];
    int64_t base = 10, i;
    double d;

    if (v.kind == V_UNDEF)
        return render_fail_undef(r, v);
    if (is_int(v) || v.kind == V_BIG) {
        *ret = v.kind == V_BIG ? v : v_int(as_int(v));
        return true;
    }
    *ret = otherwise;
    if (v.kind == V_FLOAT)
        return isnan(v.d) || float_to_int(r, v.d, ret);
    if (v.kind != V_STR)
        return true;
    if (!arg_int(r, argv[1], &base))
        return true;
    if (base != 0 && (base < 2 || base > 36))
        base = 10;
    if (parse_int(v.str, (int)base, &i))
        *ret = v_int(i);
    else if (parse_float(v.str, &d) && !isnan(d))
        return float_to_int(r, d, ret);
    return true;
}

FILTER(float)
{
    double d;

    if (v.kind == V_UNDEF)
        return render_fail_undef(r, v);
    *ret = argv[0].kind == V_MISSING ? v_float(0) : argv[0];
    if (is_number(v))
        *ret = v_float(as_float(v));
    else if (v.kind == V_STR && parse_float(v.str, &d))
        *ret = v_float(d);
    return true;
}

FILTER(abs)
{
    (void)argv;
    if (v.kind == V_UNDEF || !is_number(v))
        return render_fail(r, "TypeError", "bad operand type for abs(): '%s'", value_type(v));
    if (v.kind == V_FLOAT)
        *ret = v_float(fabs(v.d));
    else if (as_int(v) == INT64_MIN)
        return render_fail(r, "OverflowError", "integers beyond 64 bits are not computed with");
    else
        *ret = v_int(llabs(as_int(v)));
    return true;
}

/* To decimals by way of text: correctly rounded, halves to even where they are exact. */
static double rounded(double v, int64_t digits)
{
    char text[500];

    if (digits > 300 || isnan(v) || isinf(v))
        return v;
    if (digits < 0) {
        double p = pow(10, (double)-digits);
        return digits < -308 ? copysign(0, v) : nearbyint(v / p) * p;
    }
    snprintf(text, sizeof(text), "%.*f", (int)digits, v);
    return strtod(text, NULL);
}

FILTER(round)
{
    struct str *method = str_const(&r->arena, "common").str;
    int64_t precision = 0;

    if (!arg_int(r, argv[0], &precision) || !arg_str(r, argv[1], &method))
        return false;
    if (!str_is(method, "common") && !str_is(method, "ceil") && !str_is(method, "floor"))
        return render_fail(r, "FilterArgumentError", "method must be common, ceil or floor");
    if (!is_number(v))
        return render_fail(r, "TypeError", "type %s doesn't define __round__ method",
                           value_type(v));
    if (str_is(method, "common")) {
        if (is_int(v) && precision >= 0)
            *ret = v_int(as_int(v));
        else if (is_int(v))
            return render_fail(r, "NotImplementedError",
                               "rounding integers to tens is not supported");
        else
            *ret = v_float(rounded(v.d, precision));
        return true;
    }
    double p = pow(10, (double)precision), scaled = as_float(v) * p;
    *ret = v_float((str_is(method, "ceil") ? ceil(scaled) : floor(scaled)) / p);
    return true;
}

/* ---- any value */

FILTER(default)
{
    (void)r;
    if (argv[0].kind == V_MISSING)
        argv[0] = str_const(&r->arena, "");
    *ret = v.kind == V_UNDEF || (value_truth(argv[1]) && !value_truth(v)) ? argv[0] : v;
    return true;
}

FILTER(attr)
{
    struct value got;

    if (argv[0].kind != V_STR)
        return render_fail(r, "TypeError", "an attribute's name must be a string");
    if (!get_attr(r, v, argv[0], &got))
        return false;
    /* Attributes only: an item of that name does not count. */
    *ret = v.kind == V_DICT && got.kind != V_FUNCTION ? undef_attr(r, v, argv[0]) : got;
    return true;
}

const struct filter_def filters_text[] = {
    {"tojson", filter_tojson, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0, 4},
    {"trim", filter_trim, {"chars"}, 0, 1},
    {"string", filter_string, {NULL}, 0, 0},
    {"default", filter_default, {"default_value", "boolean"}, 0, 2},
    {"d", filter_default, {"default_value", "boolean"}, 0, 2},
    {"lower", filter_lower, {NULL}, 0, 0},
    {"upper", filter_upper, {NULL}, 0, 0},
    {"capitalize", filter_capitalize, {NULL}, 0, 0},
    {"title", filter_title, {NULL}, 0, 0},
    {"replace", filter_replace, {"old", "new", "count"}, 2, 3},
    {"indent", filter_indent, {"width", "first", "blank"}, 0, 3},
    {"safe", filter_safe, {NULL}, 0, 0},
    {"escape", filter_escape, {NULL}, 0, 0},
    {"e", filter_escape, {NULL}, 0, 0},
    {"forceescape", filter_forceescape, {NULL}, 0, 0},
    {"center", filter_center, {"width"}, 0, 1},
    {"format", .run_any = filter_format},
    {"truncate", filter_truncate, {"length", "killwords", "end", "leeway"}, 0, 4},
    {"wordcount", filter_wordcount, {NULL}, 0, 0},
    {"urlencode", filter_urlencode, {NULL}, 0, 0},
    {"int", filter_int, {"default", "base"}, 0, 2},
    {"float", filter_float, {"default"}, 0, 1},
    {"abs", filter_abs, {NULL}, 0, 0},
    {"round", filter_round, {"precision", "method"}, 0, 2},
    {"attr", filter_attr, {"name"}, 1, 1},
};
const size_t n_filters_text = ARRAY_SIZE(filters_text);
