/* Methods of str. Markup's keep markup, and escape what they are given. */
#include "template/functions.h"
#include "template/iterate.h"
#include "template/strings.h"

#define METHOD(name_)                                                               \
    static bool do_##name_(struct render *r, struct value self, struct value *argv, \
                           struct value *ret)

/* Arguments that are strings; those of Markup's own methods are escaped first. */
static bool given(struct render *r, struct value self, struct value *arg, struct str **ret)
{
    if (self.markup && arg->kind == V_STR && !to_markup(r, *arg, arg))
        return false;
    return arg_str(r, *arg, ret);
}

static bool or_none(struct value *v)
{
    if (v->kind == V_NONE)
        *v = MISSING;
    return true;
}

/* ---- case */

static void write_mapped(struct buf *out, uint32_t cp, enum text_case to)
{
    char text[TEXT_CASE_MAX];

    buf_append(out, text, text_map(cp, to, text));
}

/* A sigma is final behind a letter with case and not before one. */
static bool final_sigma(const struct str *s, size_t at, size_t step)
{
    const char *p = s->data + at, *end = s->data + s->size;
    bool before = false;
    size_t n;

    while (p > s->data && !before) {
        p = text_before(p);
        uint32_t cp = text_at(p, &n);
        if (text_is_case_ignorable(cp))
            continue;
        before = text_is_lower(cp) || text_is_upper(cp) || text_is_title(cp);
        break;
    }
    if (!before)
        return false;
    for (p = s->data + at + step; p < end; p += n) {
        uint32_t cp = text_at(p, &n);
        if (!text_is_case_ignorable(cp))
            return !(text_is_lower(cp) || text_is_upper(cp) || text_is_title(cp));
    }
    return true;
}

static void write_lower(struct buf *out, const struct str *s, size_t at, size_t step, uint32_t cp)
{
    if (cp == 0x3a3)
        buf_append_str(out, final_sigma(s, at, step) ? "\xcf\x82" : "\xcf\x83");
    else
        write_mapped(out, cp, CASE_LOWER);
}

bool str_cased(struct render *r, struct value v, enum cased how, struct value *ret)
{
    AUTO_BUF struct buf b = {0};
    const struct str *s = v.str;
    bool in_word = false;
    size_t step;

    for (size_t i = 0; i < s->size; i += step) {
        uint32_t cp = text_at(s->data + i, &step);
        bool up = how == CASED_UPPER || (how == CASED_SWAP && text_is_lower(cp));

        if (up)
            write_mapped(&b, cp, CASE_UPPER);
        else if ((how == CASED_TITLE && !in_word) || (how == CASED_CAPITALIZE && i == 0))
            write_mapped(&b, cp, CASE_TITLE);
        else if (how == CASED_SWAP && !text_is_upper(cp))
            buf_append(&b, s->data + i, step);
        else
            write_lower(&b, s, i, step, cp);
        in_word = text_is_lower(cp) || text_is_upper(cp) || text_is_title(cp);
    }
    if (!render_room(r, b.size))
        return false;
    *ret = str_markup(buf_str(r, &b, s), v.markup);
    return true;
}

METHOD(upper)
{
    (void)argv;
    return str_cased(r, self, CASED_UPPER, ret);
}
METHOD(lower)
{
    (void)argv;
    return str_cased(r, self, CASED_LOWER, ret);
}
METHOD(title)
{
    (void)argv;
    return str_cased(r, self, CASED_TITLE, ret);
}
METHOD(capitalize)
{
    (void)argv;
    return str_cased(r, self, CASED_CAPITALIZE, ret);
}
METHOD(swapcase)
{
    (void)argv;
    return str_cased(r, self, CASED_SWAP, ret);
}

/* ---- stripping */

bool str_strip(struct render *r, struct value v, int which, const struct str *set,
               struct value *ret)
{
    const char *chars = set ? set->data : NULL;
    size_t n = set ? set->size : 0, size = v.str->size;

    /* Every character that is left away may be looked for in all of the set. */
    if (n > 16 && !render_charge(r, n * size))
        return false;
    size_t left = which & 1 ? text_lspan(v.str->data, size, chars, n) : 0;
    size_t right =
        which & 2 && left < size ? text_rspan(v.str->data + left, size - left, chars, n) : 0;

    *ret = v;
    if (left || right)
        *ret = str_markup(str_cut(&r->arena, v.str, left, size - left - right), v.markup);
    return true;
}

static bool strip(struct render *r, struct value self, struct value *argv, int which,
                  struct value *ret)
{
    struct str *set = NULL;

    if (!or_none(&argv[0]) || !given(r, self, &argv[0], &set))
        return false;
    return str_strip(r, self, which, set, ret);
}
METHOD(strip) { return strip(r, self, argv, 3, ret); }
METHOD(lstrip) { return strip(r, self, argv, 1, ret); }
METHOD(rstrip) { return strip(r, self, argv, 2, ret); }

static bool fix(struct render *r, struct value self, struct value *argv, bool prefix,
                struct value *ret)
{
    struct str *s = self.str, *part = NULL;

    if (!arg_str(r, argv[0], &part))
        return false;
    *ret = str_markup(self, false);
    if (part->size > s->size || !part->size ||
        memcmp(prefix ? s->data : s->data + s->size - part->size, part->data, part->size) != 0)
        return true;
    *ret = str_cut(&r->arena, s, prefix ? part->size : 0, s->size - part->size);
    return true;
}
METHOD(removeprefix) { return fix(r, self, argv, true, ret); }
METHOD(removesuffix) { return fix(r, self, argv, false, ret); }

/* ---- splitting */

static void add_part(struct render *r, struct value list, struct value self, const char *p,
                     const char *end)
{
    seq_append(
        &r->arena, list.seq,
        str_markup(str_cut(&r->arena, self.str, (size_t)(p - self.str->data), (size_t)(end - p)),
                   self.markup));
}

static bool split_spaces(struct render *r, struct value self, int64_t max, struct value list)
{
    const char *p = self.str->data, *end = p + self.str->size;
    size_t step;

    for (;;) {
        p += text_lspan(p, (size_t)(end - p), NULL, 0);
        if (p == end)
            return true;
        if (max-- == 0) {
            add_part(r, list, self, p, end - text_rspan(p, (size_t)(end - p), NULL, 0));
            return true;
        }
        const char *word = p;
        while (p < end && !text_is_space(text_at(p, &step)))
            p += step;
        if (!render_step(r))
            return false;
        add_part(r, list, self, word, p);
    }
}

static bool split_at(struct render *r, struct value self, const struct str *sep, int64_t max,
                     struct value list)
{
    const char *p = self.str->data, *end = p + self.str->size, *hit;

    while (max-- != 0 && (hit = memmem(p, (size_t)(end - p), sep->data, sep->size))) {
        if (!render_step(r))
            return false;
        add_part(r, list, self, p, hit);
        p = hit + sep->size;
    }
    add_part(r, list, self, p, end);
    return true;
}

static void reverse(struct seq *s)
{
    for (size_t i = 0; i < s->n / 2; i++) {
        struct value v = s->items[i];
        s->items[i] = s->items[s->n - 1 - i];
        s->items[s->n - 1 - i] = v;
    }
}

/* The last place of sep in p … end; *ret NULL: none. */
static bool last_of(struct render *r, const char *p, const char *end, const struct str *sep,
                    const char **ret)
{
    size_t left = (size_t)(end - p);

    *ret = NULL;
    for (; left >= sep->size; left--) {
        const char *q = memrchr(p, sep->data[0], left - sep->size + 1);
        if (!q)
            return true;
        if (memcmp(q, sep->data, sep->size) == 0) {
            *ret = q;
            return true;
        }
        if (!render_charge(r, sep->size))
            return false;
        left = (size_t)(q - p) + sep->size;
    }
    return true;
}

static bool rsplit_at(struct render *r, struct value self, const struct str *sep, int64_t max,
                      struct value list)
{
    const char *p = self.str->data, *end = p + self.str->size, *hit;

    for (;;) {
        if (!render_step(r) || !last_of(r, p, end, sep, &hit))
            return false;
        if (!hit || max-- == 0)
            break;
        add_part(r, list, self, hit + sep->size, end);
        end = hit;
    }
    add_part(r, list, self, p, end);
    reverse(list.seq);
    return true;
}

static bool rsplit_spaces(struct render *r, struct value self, int64_t max, struct value list)
{
    const char *p = self.str->data, *end = p + self.str->size;
    size_t step;

    for (;;) {
        end -= text_rspan(p, (size_t)(end - p), NULL, 0);
        if (p == end)
            break;
        if (max-- == 0) {
            p += text_lspan(p, (size_t)(end - p), NULL, 0);
            add_part(r, list, self, p, end);
            break;
        }
        const char *word = end;
        while (word > p && !text_is_space(text_at(text_before(word), &step)))
            word = text_before(word);
        if (!render_step(r))
            return false;
        add_part(r, list, self, word, end);
        end = word;
    }
    reverse(list.seq);
    return true;
}

static bool split(struct render *r, struct value self, struct value *argv, bool right,
                  struct value *ret)
{
    struct value list = seq_new(&r->arena, V_LIST, 0);
    struct str *sep = NULL;
    int64_t max = -1;

    or_none(&argv[0]);
    if (!arg_str(r, argv[0], &sep) || !arg_int(r, argv[1], &max))
        return false;
    if (sep && !sep->size)
        return render_fail(r, "ValueError", "empty separator");
    if (max < 0)
        max = -1;
    *ret = list;
    if (!right)
        return sep ? split_at(r, self, sep, max, list) : split_spaces(r, self, max, list);
    return sep ? rsplit_at(r, self, sep, max, list) : rsplit_spaces(r, self, max, list);
}
METHOD(split) { return split(r, self, argv, false, ret); }
METHOD(rsplit) { return split(r, self, argv, true, ret); }

static bool partition(struct render *r, struct value self, struct value *argv, bool right,
                      struct value *ret)
{
    const char *p = self.str->data, *end = p + self.str->size, *hit;
    struct value three = seq_new(&r->arena, V_TUPLE, 0);
    struct str *sep = NULL;

    if (!given(r, self, &argv[0], &sep))
        return false;
    if (!sep->size)
        return render_fail(r, "ValueError", "empty separator");
    hit = memmem(p, (size_t)(end - p), sep->data, sep->size);
    if (hit && right && !last_of(r, p, end, sep, &hit))
        return false;
    if (!hit && right) {
        add_part(r, three, self, p, p);
        add_part(r, three, self, p, p);
        add_part(r, three, self, p, end);
    } else if (!hit) {
        add_part(r, three, self, p, end);
        add_part(r, three, self, end, end);
        add_part(r, three, self, end, end);
    } else {
        add_part(r, three, self, p, hit);
        add_part(r, three, self, hit, hit + sep->size);
        add_part(r, three, self, hit + sep->size, end);
    }
    *ret = three;
    return true;
}
METHOD(partition) { return partition(r, self, argv, false, ret); }
METHOD(rpartition) { return partition(r, self, argv, true, ret); }

static bool ends_line(uint32_t cp)
{
    return (cp >= 10 && cp <= 13) || (cp >= 0x1c && cp <= 0x1e) || cp == 0x85 || cp == 0x2028 ||
           cp == 0x2029;
}

bool str_lines(struct render *r, struct value v, bool keep_ends, struct value *ret)
{
    const char *p = v.str->data, *end = p + v.str->size, *line = p;
    struct value list = seq_new(&r->arena, V_LIST, 0);
    size_t step;

    while (p < end) {
        uint32_t cp = text_at(p, &step);
        const char *stop = p;
        p += step;
        if (!ends_line(cp))
            continue;
        if (!render_step(r))
            return false;
        if (cp == '\r' && p < end && *p == '\n')
            p++;
        add_part(r, list, v, line, keep_ends ? p : stop);
        line = p;
    }
    if (line < end)
        add_part(r, list, v, line, end);
    *ret = list;
    return true;
}
METHOD(splitlines) { return str_lines(r, self, value_truth(argv[0]), ret); }

/* ---- finding */

/* n code points behind p, which is in s; its code points are counted. */
static const char *str_at(const struct str *s, const char *p, int64_t n)
{
    if (s->n_chars == s->size + 1)
        return p + n;
    return p + text_skip(p, (size_t)(s->data + s->size - p), (size_t)n);
}

/* Code points start … stop as bytes; false when there is nothing between. */
static bool window(struct render *r, struct value self, struct value *argv, const char **p,
                   const char **end, int64_t *first, bool *ok)
{
    int64_t n = (int64_t)str_chars(self.str), start = 0, stop = n;

    or_none(&argv[1]), or_none(&argv[2]);
    *ok = arg_int(r, argv[1], &start) && arg_int(r, argv[2], &stop) &&
          (n == (int64_t)self.str->size || render_charge_walk(r, self.str->size));
    if (!*ok)
        return false;
    start = start < 0 ? (start + n < 0 ? 0 : start + n) : start;
    stop = stop < 0 ? (stop + n < 0 ? 0 : stop + n) : stop > n ? n : stop;
    if (start > stop)
        return false;
    *first = start;
    *p = str_at(self.str, self.str->data, start);
    *end = str_at(self.str, *p, stop - start);
    return true;
}

static bool find(struct render *r, struct value self, struct value *argv, bool right, int64_t *ret)
{
    const char *p, *end, *hit;
    struct str *part = NULL;
    int64_t first;
    bool ok;

    *ret = -1;
    if (!arg_str(r, argv[0], &part))
        return false;
    if (!window(r, self, argv, &p, &end, &first, &ok))
        return ok;
    if (!part->size)
        hit = right ? end : p;
    else if (!right)
        hit = memmem(p, (size_t)(end - p), part->data, part->size);
    else if (!last_of(r, p, end, part, &hit))
        return false;
    if (hit)
        *ret = first + (int64_t)text_count(p, (size_t)(hit - p));
    return true;
}

static bool found(struct render *r, struct value self, struct value *argv, bool right, bool must,
                  struct value *ret)
{
    int64_t at;

    if (!find(r, self, argv, right, &at))
        return false;
    *ret = v_int(at);
    return at >= 0 || !must || render_fail(r, "ValueError", "substring not found");
}
METHOD(find) { return found(r, self, argv, false, false, ret); }
METHOD(rfind) { return found(r, self, argv, true, false, ret); }
METHOD(index) { return found(r, self, argv, false, true, ret); }
METHOD(rindex) { return found(r, self, argv, true, true, ret); }

METHOD(count)
{
    const char *p, *end, *hit;
    struct str *part = NULL;
    int64_t first, n = 0;
    bool ok;

    *ret = v_int(0);
    if (!arg_str(r, argv[0], &part))
        return false;
    if (!window(r, self, argv, &p, &end, &first, &ok))
        return ok;
    if (!part->size) {
        *ret = v_int((int64_t)text_count(p, (size_t)(end - p)) + 1);
        return true;
    }
    for (; (hit = memmem(p, (size_t)(end - p), part->data, part->size)); n++)
        p = hit + part->size;
    *ret = v_int(n);
    return true;
}

static bool with_one(const char *p, const char *end, const struct str *part, bool at_end)
{
    size_t size = (size_t)(end - p);

    return part->size <= size && memcmp(at_end ? end - part->size : p, part->data, part->size) == 0;
}

static bool with(struct render *r, struct value self, struct value *argv, bool at_end,
                 struct value *ret)
{
    const char *p, *end;
    int64_t first;
    bool ok;

    *ret = v_bool(false);
    if (argv[0].kind != V_STR && argv[0].kind != V_TUPLE)
        return render_fail(r, "TypeError", "%s first arg must be str or a tuple of str, not %s",
                           at_end ? "endswith" : "startswith", value_type(argv[0]));
    if (!window(r, self, argv, &p, &end, &first, &ok))
        return ok;
    if (argv[0].kind == V_STR) {
        *ret = v_bool(with_one(p, end, argv[0].str, at_end));
        return true;
    }
    for (size_t i = 0; i < argv[0].seq->n; i++) {
        if (!render_step(r))
            return false;
        if (argv[0].seq->items[i].kind != V_STR)
            return render_fail(r, "TypeError", "a tuple for this must only contain str");
        if (with_one(p, end, argv[0].seq->items[i].str, at_end)) {
            *ret = v_bool(true);
            return true;
        }
    }
    return true;
}
METHOD(startswith) { return with(r, self, argv, false, ret); }
METHOD(endswith) { return with(r, self, argv, true, ret); }

/* ---- making others */

bool str_replace(struct render *r, struct value v, const struct str *old, const struct str *with_,
                 int64_t count, struct value *ret)
{
    const char *p = v.str->data, *end = p + v.str->size, *hit;
    AUTO_BUF struct buf b = {0};
    struct marking m;
    size_t step;

    marking_begin(r, &m, &b);
    if (!old->size) { /* before every code point, and at the end */
        while (count-- != 0) {
            write_text(r, with_, &b);
            if (!render_step(r) || !render_room(r, b.size))
                return false;
            if (p == end)
                break;
            text_at(p, &step);
            write_part(r, v.str, (size_t)(p - v.str->data), step, &b);
            p += step;
        }
    } else {
        while (count-- != 0 && (hit = memmem(p, (size_t)(end - p), old->data, old->size))) {
            write_part(r, v.str, (size_t)(p - v.str->data), (size_t)(hit - p), &b);
            write_text(r, with_, &b);
            if (!render_room(r, b.size))
                return false;
            p = hit + old->size;
        }
    }
    if (p == v.str->data && !b.size) {
        marking_end(r, &m);
        *ret = v;
        return true;
    }
    write_part(r, v.str, (size_t)(p - v.str->data), (size_t)(end - p), &b);
    if (!render_room(r, b.size))
        return false;
    *ret = str_markup(marking_str(r, &m, &b), v.markup);
    return true;
}
METHOD(replace)
{
    struct str *old = NULL, *new = NULL;
    int64_t count = -1;

    return given(r, self, &argv[0], &old) && given(r, self, &argv[1], &new) &&
           arg_int(r, argv[2], &count) && str_replace(r, self, old, new, count, ret);
}

/* side: -1 text at the left (ljust), 1 at the right, 0 in the middle, as CPython has it. */
bool str_pad(struct render *r, struct value v, int64_t width, int side, const struct str *fill,
             struct value *ret)
{
    AUTO_BUF struct buf b = {0};
    int64_t n = width - (int64_t)str_chars(v.str), left;

    *ret = v;
    if (n <= 0)
        return true;
    if (n > (int64_t)r->limits.max_memory || !render_room(r, (size_t)n * fill->size))
        return render_room(r, SIZE_MAX);
    left = side < 0 ? 0 : side > 0 ? n : n / 2 + (n & width & 1);
    for (int64_t i = 0; i < left; i++)
        buf_append(&b, fill->data, fill->size);
    buf_append(&b, v.str->data, v.str->size);
    for (int64_t i = left; i < n; i++)
        buf_append(&b, fill->data, fill->size);
    *ret = str_markup(buf_str(r, &b, fill->user ? fill : v.str), v.markup);
    return true;
}

static bool pad(struct render *r, struct value self, struct value *argv, int side,
                struct value *ret)
{
    struct str *fill = str_const(&r->arena, " ").str;
    int64_t width = 0;

    if (!arg_int(r, argv[0], &width) || !given(r, self, &argv[1], &fill))
        return false;
    if (str_chars(fill) != 1)
        return render_fail(r, "TypeError", "the fill character must be exactly one character long");
    return str_pad(r, self, width, side, fill, ret);
}
METHOD(ljust) { return pad(r, self, argv, -1, ret); }
METHOD(rjust) { return pad(r, self, argv, 1, ret); }
METHOD(center) { return pad(r, self, argv, 0, ret); }

METHOD(zfill)
{
    struct str *zero = str_const(&r->arena, "0").str;
    bool sign = self.str->size && (self.str->data[0] == '-' || self.str->data[0] == '+');
    int64_t width = 0;
    struct value rest = self;

    if (!arg_int(r, argv[0], &width))
        return false;
    if (sign)
        rest = str_cut(&r->arena, self.str, 1, self.str->size - 1);
    if (!str_pad(r, rest, width - sign, 1, zero, ret))
        return false;
    if (sign)
        *ret = str_concat(&r->arena, str_cut(&r->arena, self.str, 0, 1).str, ret->str);
    ret->markup = self.markup;
    return true;
}

METHOD(expandtabs)
{
    AUTO_BUF struct buf b = {0};
    int64_t size = 8, column = 0;
    size_t step;

    if (!arg_int(r, argv[0], &size))
        return false;
    for (size_t i = 0; i < self.str->size; i += step) {
        uint32_t cp = text_at(self.str->data + i, &step);
        if (cp == '\t') {
            int64_t n = size > 0 ? size - column % size : 0;
            if (!render_room(r, b.size + (size_t)n))
                return false;
            for (column += n; n > 0; n--)
                buf_append_char(&b, ' ');
            continue;
        }
        column = cp == '\n' || cp == '\r' ? 0 : column + 1;
        buf_append(&b, self.str->data + i, step);
    }
    *ret = str_markup(buf_str(r, &b, self.str), self.markup);
    return true;
}

bool str_join(struct render *r, struct value sep, struct value list, bool convert,
              struct value *ret)
{
    AUTO_BUF struct buf b = {0};
    struct value item;
    struct iter it;
    bool more, first = true;
    struct marking m;

    if (!iter_begin(r, list, &it))
        return false;
    marking_begin(r, &m, &b);
    for (;; first = false) {
        if (!iter_next(r, &it, &item, &more))
            return false;
        if (!more)
            break;
        if (!first)
            write_text(r, sep.str, &b);
        if (sep.markup && !to_markup(r, item, &item))
            return false;
        if (!convert && item.kind != V_STR)
            return render_fail(r, "TypeError", "join() wants strings, found %s", value_type(item));
        if (!write_str(r, item, &b) || !render_room(r, b.size))
            return false;
    }
    *ret = str_markup(marking_str(r, &m, &b), sep.markup);
    return true;
}
METHOD(join) { return str_join(r, self, argv[0], false, ret); }

static bool str_format(struct render *r, struct value self, const struct args *a, struct value *ret)
{
    return format_braces(r, self, a, ret);
}

/* ---- questions */

typedef bool char_test(uint32_t cp);

static bool every(struct render *r, struct value self, char_test *test, struct value *ret)
{
    size_t step;

    if (!render_charge_walk(r, self.str->size))
        return false;
    *ret = v_bool(self.str->size != 0);
    for (size_t i = 0; i < self.str->size && ret->b; i += step)
        ret->b = test(text_at(self.str->data + i, &step));
    return true;
}
#define EVERY(name_, test_)                \
    METHOD(name_)                          \
    {                                      \
        (void)argv;                        \
        return every(r, self, test_, ret); \
    }
EVERY(isalpha, text_is_alpha)
EVERY(isalnum, text_is_alnum)
EVERY(isdigit, text_is_digit)
EVERY(isdecimal, text_is_decimal)
EVERY(isnumeric, text_is_numeric)
EVERY(isspace, text_is_space)

static bool if_empty(struct render *r, struct value self, char_test *test, struct value *ret)
{
    if (!every(r, self, test, ret))
        return false;
    ret->b = ret->b || !self.str->size;
    return true;
}
static bool is_ascii(uint32_t cp) { return cp < 0x80; }
METHOD(isascii)
{
    (void)argv;
    return if_empty(r, self, is_ascii, ret);
}
METHOD(isprintable)
{
    (void)argv;
    return if_empty(r, self, text_is_printable, ret);
}

static bool cased(struct render *r, struct value self, bool upper, struct value *ret)
{
    bool any = false, other = false;
    size_t step;

    if (!render_charge_walk(r, self.str->size))
        return false;
    for (size_t i = 0; i < self.str->size; i += step) {
        uint32_t cp = text_at(self.str->data + i, &step);
        any |= upper ? text_is_upper(cp) : text_is_lower(cp);
        other |= (upper ? text_is_lower(cp) : text_is_upper(cp)) || text_is_title(cp);
    }
    *ret = v_bool(any && !other);
    return true;
}
METHOD(isupper)
{
    (void)argv;
    return cased(r, self, true, ret);
}
METHOD(islower)
{
    (void)argv;
    return cased(r, self, false, ret);
}
METHOD(istitle)
{
    bool any = false, in_word = false, ok = true;
    size_t step;

    (void)argv;
    if (!render_charge_walk(r, self.str->size))
        return false;
    for (size_t i = 0; ok && i < self.str->size; i += step) {
        uint32_t cp = text_at(self.str->data + i, &step);
        bool up = text_is_upper(cp) || text_is_title(cp), low = text_is_lower(cp);
        ok = !(up && in_word) && !(low && !in_word);
        in_word = up || low;
        any |= in_word;
    }
    *ret = v_bool(ok && any);
    return true;
}

const struct function_def str_methods[] = {
    {"split", do_split, {"sep", "maxsplit"}, 0, 2, .keywords = true},
    {"strip", do_strip, {NULL}, 0, 1},
    {"lstrip", do_lstrip, {NULL}, 0, 1},
    {"rstrip", do_rstrip, {NULL}, 0, 1},
    {"startswith", do_startswith, {NULL}, 1, 3},
    {"endswith", do_endswith, {NULL}, 1, 3},
    {"replace", do_replace, {NULL}, 2, 3},
    {"upper", do_upper, {NULL}, 0, 0},
    {"lower", do_lower, {NULL}, 0, 0},
    {"title", do_title, {NULL}, 0, 0},
    {"capitalize", do_capitalize, {NULL}, 0, 0},
    {"swapcase", do_swapcase, {NULL}, 0, 0},
    {"join", do_join, {NULL}, 1, 1},
    {"format", .run_any = str_format},
    {"find", do_find, {NULL}, 1, 3},
    {"rfind", do_rfind, {NULL}, 1, 3},
    {"index", do_index, {NULL}, 1, 3},
    {"rindex", do_rindex, {NULL}, 1, 3},
    {"count", do_count, {NULL}, 1, 3},
    {"rsplit", do_rsplit, {"sep", "maxsplit"}, 0, 2, .keywords = true},
    {"splitlines", do_splitlines, {"keepends"}, 0, 1, .keywords = true},
    {"partition", do_partition, {NULL}, 1, 1},
    {"rpartition", do_rpartition, {NULL}, 1, 1},
    {"removeprefix", do_removeprefix, {NULL}, 1, 1},
    {"removesuffix", do_removesuffix, {NULL}, 1, 1},
    {"ljust", do_ljust, {NULL}, 1, 2},
    {"rjust", do_rjust, {NULL}, 1, 2},
    {"center", do_center, {NULL}, 1, 2},
    {"zfill", do_zfill, {NULL}, 1, 1},
    {"expandtabs", do_expandtabs, {"tabsize"}, 0, 1, .keywords = true},
    {"isalpha", do_isalpha, {NULL}, 0, 0},
    {"isalnum", do_isalnum, {NULL}, 0, 0},
    {"isdigit", do_isdigit, {NULL}, 0, 0},
    {"isdecimal", do_isdecimal, {NULL}, 0, 0},
    {"isnumeric", do_isnumeric, {NULL}, 0, 0},
    {"isspace", do_isspace, {NULL}, 0, 0},
    {"isascii", do_isascii, {NULL}, 0, 0},
    {"isprintable", do_isprintable, {NULL}, 0, 0},
    {"isupper", do_isupper, {NULL}, 0, 0},
    {"islower", do_islower, {NULL}, 0, 0},
    {"istitle", do_istitle, {NULL}, 0, 0},
};
const size_t n_str_methods = ARRAY_SIZE(str_methods);
