#include "json/writer.h"

#include "base/utf8.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>

/* Appends valid UTF-8 with what JSON wants escaped; runs of plain bytes go in one piece. */
static void write_escaped(struct buf *b, const char *s, size_t size)
{
    size_t plain = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)s[i];
        const char *escape = NULL;
        char unicode[7];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        switch (c) {
        case '"':
            escape = "\\\"";
            break;
        case '\\':
            escape = "\\\\";
            break;
        case '\n':
            escape = "\\n";
            break;
        case '\r':
            escape = "\\r";
            break;
        case '\t':
            escape = "\\t";
            break;
        case '\b':
            escape = "\\b";
            break;
        case '\f':
            escape = "\\f";
            break;
        default:
            snprintf(unicode, sizeof(unicode), "\\u%04x", c);
            escape = unicode;
        }
        buf_append(b, s + plain, i - plain);
        buf_append_str(b, escape);
        plain = i + 1;
    }
    buf_append(b, s + plain, size - plain);
}

#define ONES   0x0101010101010101u
#define ABOVES 0x8080808080808080u

/* Whether one of eight bytes is below 0x20, above 0x7e, a quote or a backslash. */
static uint64_t odd_bytes(uint64_t v)
{
    uint64_t quote = v ^ (ONES * '"'), backslash = v ^ (ONES * '\\'), del = v ^ (ONES * 0x7f);

    return (v | (v - ONES * 0x20) | (quote - ONES) | (backslash - ONES) | (del - ONES)) & ABOVES;
}

/* Printable ASCII without quote and backslash: nearly every string there is. */
static bool is_plain(const char *s, size_t size)
{
    uint64_t odd = 0, v;

    for (; size >= sizeof(v); s += sizeof(v), size -= sizeof(v)) {
        memcpy(&v, s, sizeof(v));
        odd |= odd_bytes(v);
    }
    v = ONES * ' ';
    memcpy(&v, s, size);
    return ((odd | odd_bytes(v)) & ABOVES) == 0;
}

void json_write_str_n(struct buf *b, const char *s, size_t size)
{
    size_t bad;

    if (is_plain(s, size)) {
        buf_reserve(b, size + 2);
        b->data[b->size] = '"';
        memcpy(b->data + b->size + 1, s, size);
        b->data[b->size + 1 + size] = '"';
        b->size += size + 2;
        b->data[b->size] = '\0';
        return;
    }
    buf_append_char(b, '"');
    while (!utf8_valid(s, size, &bad)) {
        write_escaped(b, s, bad);
        buf_append_str(b, "\xef\xbf\xbd");
        s += bad + 1;
        size -= bad + 1;
    }
    write_escaped(b, s, size);
    buf_append_char(b, '"');
}

void json_write_str(struct buf *b, const char *s) { json_write_str_n(b, s, strlen(s)); }

/* Writes the digits of v so that they end before end; returns where they begin. */
static char *digits_before(char *end, uint64_t v)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";

    for (; v >= 100; v /= 100)
        memcpy(end -= 2, pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(end -= 2, pairs + 2 * v, 2);
    else
        *--end = (char)('0' + v);
    return end;
}

void json_write_int(struct buf *b, int64_t v)
{
    char text[20], *end = text + sizeof(text), *p;

    p = digits_before(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    if (v < 0)
        *--p = '-';
    buf_append(b, p, (size_t)(end - p));
}

/*
 * The eight digits of v < 10^8, one a byte, the first in the lowest: v is halved into numbers of
 * four digits, of two and of one, all at once. Multiplying and shifting divides by 100 and 10
 * exactly for numbers as small as these.
 */
static inline uint64_t eight_digits(uint32_t v)
{
    uint64_t fours = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = fours * 10486 >> 20 & 0x7f0000007fu;
    uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = twos * 103 >> 10 & 0x000f000f000f000fu;

    return tens | (twos - tens * 10) << 8;
}

/* At to, where there is room for eight bytes; returns what is behind it. */
static inline char *put_small(char *to, uint32_t v)
{
    uint64_t digits = eight_digits(v);
    unsigned zeros = (unsigned)__builtin_ctzll(digits | (uint64_t)1 << 63) & ~7u;

    digits = htole64((digits | ONES * '0') >> zeros);
    memcpy(to, &digits, sizeof(digits));
    return to + (64 - zeros) / 8;
}

void json_write_u32s(struct buf *b, const uint32_t *items, size_t n)
{
    enum { DIGITS_MAX = 10, SMALL = 100000000 };
    char text[DIGITS_MAX], *end = text + DIGITS_MAX, *to;

    buf_reserve(b, n * (DIGITS_MAX + 1) + 2 + sizeof(uint64_t));
    to = b->data + b->size;
    *to++ = '[';
    for (size_t i = 0; i < n; i++) {
        if (__builtin_expect(items[i] < SMALL, true)) {
            to = put_small(to, items[i]);
        } else {
            const char *p = digits_before(end, items[i]);

            memcpy(to, p, (size_t)(end - p));
            to += end - p;
        }
        *to++ = ',';
    }
    to -= n != 0; /* the last comma */
    *to++ = ']';
    *to = '\0';
    b->size = (size_t)(to - b->data);
}

void json_write_real(struct buf *b, double v)
{
    char text[32];

    if (!isfinite(v)) {
        json_write_null(b);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_append_str(b, text);
    if (!strpbrk(text, ".en"))
        buf_append_str(b, ".0");
}

void json_write_bool(struct buf *b, bool v) { buf_append_str(b, v ? "true" : "false"); }

void json_write_null(struct buf *b) { buf_append_str(b, "null"); }

struct json json_begin(struct buf *out) { return (struct json){.out = out}; }

void json_item(struct json *j)
{
    if (j->need_comma)
        buf_append_char(j->out, ',');
    j->need_comma = true;
}

void json_open(struct json *j, char bracket)
{
    buf_append_char(j->out, bracket);
    j->need_comma = false;
}

void json_close(struct json *j, char bracket)
{
    buf_append_char(j->out, bracket);
    j->need_comma = true;
}

void json_key(struct json *j, const char *key)
{
    json_item(j);
    json_write_str(j->out, key);
    buf_append_char(j->out, ':');
}

void json_str(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    if (value)
        json_write_str(j->out, value);
    else
        json_write_null(j->out);
}

void json_int(struct json *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_write_int(j->out, value);
}

void json_number(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_write_real(j->out, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_write_bool(j->out, value);
}

void json_nil(struct json *j, const char *key)
{
    json_key(j, key);
    json_write_null(j->out);
}

void json_raw(struct json *j, const char *key, const char *raw)
{
    json_key(j, key);
    buf_append_str(j->out, raw);
}

void json_strv(struct json *j, const char *key, const char *const *values, size_t n)
{
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        json_item(j);
        json_write_str(j->out, values[i]);
    }
    json_close(j, ']');
}
