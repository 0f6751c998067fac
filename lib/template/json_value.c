#include "template/json_value.h"

#include "base/utf8.h"
#include "json/plain.h"

#include <errno.h>

struct reading {
    struct render *r;
    const char *p, *end;
    unsigned depth;
};

static bool read_any(struct reading *j, struct value *ret);

static void skip_space(struct reading *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\n' || *j->p == '\t' || *j->p == '\r'))
        j->p++;
}

static bool sees(struct reading *j, char c)
{
    if (j->p == j->end || *j->p != c)
        return false;
    j->p++;
    return true;
}

/* ---- strings */

static bool hex4(const char *p, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *ret = *ret << 4 | digit;
    }
    return true;
}

/* p is behind "\u"; the digits of one code point, in two halves where it needs them. */
static bool read_unicode(const char **p, const char *end, uint32_t *ret)
{
    uint32_t low;

    if (end - *p < 4 || !hex4(*p, ret))
        return false;
    *p += 4;
    if (*ret < 0xd800 || *ret > 0xdfff)
        return true;
    if (*ret > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' || !hex4(*p + 2, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return false;
    *p += 6;
    *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool unescape(const char *p, const char *end, char *out, size_t *ret_size)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char *start = out;

    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p)), *found;
        uint32_t cp;

        if (!stop)
            stop = end;
        memcpy(out, p, (size_t)(stop - p));
        out += stop - p;
        if ((p = stop) == end)
            break;
        char c = p[1]; /* there: the string's end was found behind it */
        p += 2;
        if (c == 'u') {
            if (!read_unicode(&p, end, &cp))
                return false;
            out += utf8_encode(cp, out);
        } else if (c && (found = strchr(from, c))) {
            *out++ = to[found - from];
        } else {
            return false;
        }
    }
    *ret_size = (size_t)(out - start);
    return true;
}

/* A string as it is written: escaped when it is not yet what it stands for. */
struct written {
    struct slice text;
    bool escaped;
};

/* Behind the opening quote. */
static bool scan_string(struct reading *j, struct written *ret)
{
    const char *start = j->p, *p = start;
    unsigned high = 0;

    ret->escaped = false;
    for (;;) {
        p = json_plain_end(p, j->end, &high);
        if (p == j->end || (unsigned char)*p < 0x20)
            return false;
        if (*p == '"')
            break;
        ret->escaped = true;
        if (j->end - p < 2)
            return false;
        high |= (unsigned char)p[1];
        p += 2;
    }
    ret->text = (struct slice){start, (size_t)(p - start)};
    j->p = p + 1;
    return high < 0x80 || utf8_valid(start, ret->text.size, NULL);
}

/* Strings that the template has too are its own, where it does not matter whose they are. */
static bool read_string(struct reading *j, struct value *ret)
{
    struct arena *a = &j->r->arena;
    struct written w;
    struct str *atom;

    if (!scan_string(j, &w))
        return false;
    if (w.escaped) {
        char *text = arena_text(a, w.text.size + 1);
        size_t size;
        if (!unescape(w.text.data, w.text.data + w.text.size, text, &size))
            return false;
        w.text = (struct slice){text, size};
    }
    if (!j->r->marking && (atom = atom_find(&j->r->t->atoms, w.text.data, w.text.size))) {
        *ret = v_str(atom);
        return true;
    }
    *ret = str_borrow(a, w.text.data, w.text.size);
    if (j->r->marking && w.text.size)
        ret->str->user = &marks_whole;
    return true;
}

/* ---- numbers */

static const char *past_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool read_number(struct reading *j, struct value *ret)
{
    const char *start = j->p, *p = start + (*start == '-'), *whole = p, *part;
    bool real = false;

    p = past_digits(p, j->end);
    if (p == whole || (*whole == '0' && p > whole + 1))
        return false;
    if (p < j->end && *p == '.') {
        real = true;
        part = p + 1;
        p = past_digits(part, j->end);
        if (p == part)
            return false;
    }
    if (p < j->end && (*p == 'e' || *p == 'E')) {
        real = true;
        p++;
        p += p < j->end && (*p == '+' || *p == '-');
        part = p;
        p = past_digits(part, j->end);
        if (p == part)
            return false;
    }
    j->p = p;
    if (!real && p - whole <= 18) {
        int64_t v = 0;
        for (; whole < p; whole++)
            v = v * 10 + (*whole - '0');
        *ret = v_int(*start == '-' ? -v : v);
        return true;
    }
    struct value text = str_copy(&j->r->arena, start, (size_t)(p - start));
    if (real) {
        *ret = v_float(strtod(text.str->data, NULL));
        return true;
    }
    errno = 0;
    *ret = v_int(strtoll(text.str->data, NULL, 10));
    if (errno) {
        *ret = text;
        ret->kind = V_BIG;
    }
    return true;
}

/* ---- containers */

static bool read_array(struct reading *j, struct value *ret)
{
    struct value v = seq_new(&j->r->arena, V_LIST, 0);
    struct seq *s = v.seq;
    size_t capacity = 0;

    *ret = v;
    skip_space(j);
    if (sees(j, ']'))
        return true;
    do {
        if (s->n == capacity) {
            struct value *items;
            capacity = capacity ? 2 * capacity : 4;
            items = arena_take(&j->r->arena, capacity * sizeof(*items));
            if (s->n)
                memcpy(items, s->items, s->n * sizeof(*items));
            s->items = items;
        }
        if (!read_any(j, &s->items[s->n]))
            return false;
        s->n++;
        skip_space(j);
    } while (sees(j, ','));
    return sees(j, ']');
}

static bool read_object(struct reading *j, struct value *ret)
{
    struct dict *d = dict_new(&j->r->arena);
    struct value key, item;

    *ret = (struct value){.kind = V_DICT, .dict = d};
    skip_space(j);
    if (sees(j, '}'))
        return true;
    do {
        skip_space(j);
        if (!sees(j, '"') || !read_string(j, &key))
            return false;
        skip_space(j);
        if (!sees(j, ':') || !read_any(j, &item))
            return false;
        if (j->r->marking)
            dict_set_str(&j->r->arena, d, key, item);
        else
            dict_set_known(&j->r->arena, d, key, item);
        skip_space(j);
    } while (sees(j, ','));
    return sees(j, '}');
}

static bool read_word(struct reading *j, const char *word, struct value v, struct value *ret)
{
    size_t size = strlen(word);

    if ((size_t)(j->end - j->p) < size || memcmp(j->p, word, size) != 0)
        return false;
    j->p += size;
    *ret = v;
    return true;
}

static bool read_any(struct reading *j, struct value *ret)
{
    bool ok;

    skip_space(j);
    if (j->p == j->end || j->r->arena.bytes > j->r->limits.max_memory)
        return false;
    switch (*j->p) {
    case '"':
        j->p++;
        return read_string(j, ret);
    case '{':
    case '[':
        if (j->depth == JSON_NEST_MAX)
            return false;
        j->depth++;
        ok = *j->p++ == '{' ? read_object(j, ret) : read_array(j, ret);
        j->depth--;
        return ok;
    case 't':
        return read_word(j, "true", v_bool(true), ret);
    case 'f':
        return read_word(j, "false", v_bool(false), ret);
    case 'n':
        return read_word(j, "null", NONE, ret);
    default:
        return (*j->p == '-' || (*j->p >= '0' && *j->p <= '9')) && read_number(j, ret);
    }
}

/* What is wrong with a text that could not be read: the other reader tells. */
static bool explain(struct render *r, struct slice text, const char *what)
{
    AUTO_JSON_READER struct json_reader again = json_reader(text.data, text.size);

    if (r->arena.bytes > r->limits.max_memory)
        return render_room(r, 0);
    again.max_depth = JSON_NEST_MAX;
    json_read_skip(&again);
    if (!json_read_end(&again, ERR_FIELD, what, r->err))
        return false;
    err_set(r->err, ERR_FIELD, "%s: it cannot be read", what);
    return err_fact_str(r->err, "field", what);
}

bool json_value(struct render *r, struct slice text, const char *what, struct value *ret)
{
    struct reading j = {.r = r, .p = text.data, .end = text.data + text.size};
    bool ok = read_any(&j, ret);

    skip_space(&j);
    return (ok && j.p == j.end) || explain(r, text, what);
}
