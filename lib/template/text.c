#include "template/text.h"

#include "base/utf8.h"

#include <stdlib.h>

struct span {
    uint32_t first, last;
};
struct shift {
    uint32_t first, last;
    int step, by;
};
struct spelling {
    uint32_t cp;
    const char *to;
};

#include "template/unicode_tables.h"

uint32_t text_at(const char *p, size_t *ret_size)
{
    const unsigned char *u = (const unsigned char *)p;

    if (u[0] < 0x80) {
        *ret_size = 1;
        return u[0];
    }
    if (u[0] < 0xe0) {
        *ret_size = 2;
        return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
    }
    if (u[0] < 0xf0) {
        *ret_size = 3;
        return (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
    }
    *ret_size = 4;
    return (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
}

size_t text_count(const char *data, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)data[i] & 0xc0) != 0x80;
    return n;
}

size_t text_skip(const char *data, size_t size, size_t n)
{
    size_t at = 0, step;

    while (n-- && at < size) {
        text_at(data + at, &step);
        at += step;
    }
    return at;
}

static bool in_spans(const struct span *spans, size_t n, uint32_t cp)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cp > spans[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && cp >= spans[low].first;
}
#define IN(spans, cp) in_spans(spans, ARRAY_SIZE(spans), cp)

static bool is_ascii_lower(uint32_t cp) { return cp - 'a' < 26; }
static bool is_ascii_upper(uint32_t cp) { return cp - 'A' < 26; }
static bool is_ascii_digit(uint32_t cp) { return cp - '0' < 10; }

bool text_is_space(uint32_t cp)
{
    return cp == ' ' || (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x1f) ||
           (cp >= 0x80 &&
            (cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
             cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000));
}

bool text_is_printable(uint32_t cp)
{
    return cp < 0x80 ? cp >= 0x20 && cp < 0x7f : IN(printable, cp);
}
bool text_is_alpha(uint32_t cp)
{
    return cp < 0x80 ? is_ascii_lower(cp) || is_ascii_upper(cp) : IN(alpha, cp);
}
bool text_is_decimal(uint32_t cp) { return cp < 0x80 ? is_ascii_digit(cp) : IN(decimal, cp); }
bool text_is_digit(uint32_t cp) { return cp < 0x80 ? is_ascii_digit(cp) : IN(digit, cp); }
bool text_is_numeric(uint32_t cp) { return cp < 0x80 ? is_ascii_digit(cp) : IN(numeric, cp); }
bool text_is_alnum(uint32_t cp)
{
    return text_is_alpha(cp) || text_is_decimal(cp) || text_is_digit(cp) || text_is_numeric(cp);
}
bool text_is_lower(uint32_t cp) { return cp < 0x80 ? is_ascii_lower(cp) : IN(lower, cp); }
bool text_is_upper(uint32_t cp) { return cp < 0x80 ? is_ascii_upper(cp) : IN(upper, cp); }
bool text_is_title(uint32_t cp) { return cp >= 0x80 && IN(titlecase, cp); }
bool text_is_case_ignorable(uint32_t cp)
{
    return cp < 0x80 ? cp == '\'' || cp == '.' || cp == ':' || cp == '^' || cp == '`'
                     : IN(ignorable, cp);
}

static size_t map(const struct shift *shifts, size_t n, const struct spelling *special,
                  size_t n_special, uint32_t cp, char ret[TEXT_CASE_MAX])
{
    size_t low = 0, high = n;

    for (size_t i = 0; i < n_special && special[i].cp <= cp; i++)
        if (special[i].cp == cp) {
            size_t size = strlen(special[i].to);
            memcpy(ret, special[i].to, size);
            return size;
        }
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cp > shifts[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n && cp >= shifts[low].first &&
        (cp - shifts[low].first) % (unsigned)shifts[low].step == 0)
        cp = (uint32_t)((int)cp + shifts[low].by);
    return utf8_encode(cp, ret);
}
#define MAP(table, cp, ret) \
    map(table, ARRAY_SIZE(table), table##_special, ARRAY_SIZE(table##_special), cp, ret)

size_t text_map(uint32_t cp, enum text_case to, char ret[TEXT_CASE_MAX])
{
    if (cp < 0x80) {
        if (to == CASE_LOWER)
            ret[0] = (char)(is_ascii_upper(cp) ? cp + 32 : cp);
        else
            ret[0] = (char)(is_ascii_lower(cp) ? cp - 32 : cp);
        return 1;
    }
    switch (to) {
    case CASE_UPPER:
        return MAP(to_upper, cp, ret);
    case CASE_LOWER:
        return MAP(to_lower, cp, ret);
    default:
        return MAP(to_title, cp, ret);
    }
}

static bool in_set(const char *p, size_t size, const char *set, size_t set_size)
{
    size_t step;

    if (!set)
        return text_is_space(text_at(p, &step));
    for (size_t i = 0; i < set_size; i += step) {
        text_at(set + i, &step);
        if (step == size && memcmp(set + i, p, size) == 0)
            return true;
    }
    return false;
}

size_t text_lspan(const char *data, size_t size, const char *set, size_t set_size)
{
    size_t at = 0, step;

    while (at < size) {
        text_at(data + at, &step);
        if (!in_set(data + at, step, set, set_size))
            break;
        at += step;
    }
    return at;
}

size_t text_rspan(const char *data, size_t size, const char *set, size_t set_size)
{
    const char *end = data + size;

    while (end > data) {
        const char *p = text_before(end);
        if (!in_set(p, (size_t)(end - p), set, set_size))
            break;
        end = p;
    }
    return (size_t)(data + size - end);
}
