#include "json/reader.h"

#include "base/utf8.h"

#include <errno.h>
#include <math.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool slice_eq(struct slice s, const char *text)
{
    size_t size = strlen(text);

    return s.size == size && memcmp(s.data, text, size) == 0;
}

char *slice_dup(struct slice s) { return str_dup_n(s.data, s.size); }

bool slice_copy(struct slice s, char *ret, size_t ret_size)
{
    size_t n = s.size;

    if (n >= ret_size) {
        n = ret_size - 1;
        while (n > 0 && ((unsigned char)s.data[n] & 0xc0) == 0x80)
            n--;
    }
    if (n)
        memcpy(ret, s.data, n);
    ret[n] = '\0';
    return n == s.size;
}

struct json_reader json_reader(const char *text, size_t size)
{
    return (struct json_reader){
        .start = text, .p = text, .end = text + size, .max_depth = JSON_DEPTH_DEFAULT};
}

void json_reader_release(struct json_reader *r) { buf_release(&r->scratch); }

/* ---- faults */

static bool fault_at(struct json_reader *r, const char *at, const char *what)
{
    if (!r->fault) {
        r->fault = what;
        r->fault_at = (size_t)(at - r->start);
    }
    return false;
}

bool json_read_fault(struct json_reader *r, const char *what) { return fault_at(r, r->p, what); }

/* ---- bytes */

/* Most blanks are one space after a colon, or a line end and its indentation. */
static inline void skip_blanks(struct json_reader *r)
{
    const char *p = r->p, *end = r->end;

    if (p < end && (unsigned char)*p > ' ')
        return;
#ifdef __SSE2__
    const __m128i space = _mm_set1_epi8(' ');
    while (end - p >= 16 && (*p == ' ' || *p == '\n')) {
        __m128i block = _mm_loadu_si128((const __m128i *)p);
        __m128i newline = _mm_cmpeq_epi8(block, _mm_set1_epi8('\n'));
        unsigned other = 0xffff & ~(unsigned)_mm_movemask_epi8(
                                      _mm_or_si128(_mm_cmpeq_epi8(block, space), newline));

        if (other) {
            p += __builtin_ctz(other);
            break;
        }
        p += 16;
    }
#endif
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    r->p = p;
}

/*
 * The next byte of a string that is not plain: a quote, a backslash, a control
 * character or the end of the text. *ret_high is or-ed with a value whose bits
 * of 0x80 are set when a byte on the way had it.
 */
static inline const char *plain_end(const char *p, const char *end, unsigned *ret_high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);

    while (end - p >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)p);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash));
        /* Unsigned block <= 0x1f, which SSE2 can only say as min(block, 0x1f) == block. */
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
        unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(special, control));
        unsigned high = (unsigned)_mm_movemask_epi8(block);

        if (hit) {
            unsigned n = (unsigned)__builtin_ctz(hit);
            *ret_high |= high & ((1u << n) - 1) ? 0x80 : 0;
            return p + n;
        }
        *ret_high |= high ? 0x80 : 0;
        p += 16;
    }
#endif
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        *ret_high |= c;
    }
    return p;
}

static int hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i], low = (char)(c | 0x20);
        int digit = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;

        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* At the u of \u: the code point, with its low surrogate. NULL: a fault; else behind it. */
static const char *unicode_escape(struct json_reader *r, const char *p, uint32_t *ret)
{
    int high = hex4(p + 1, r->end);

    if (high < 0) {
        fault_at(r, p - 1, "\\u needs four hexadecimal digits");
        return NULL;
    }
    p += 5;
    if (high < 0xd800 || high > 0xdfff) {
        *ret = (uint32_t)high;
        return p;
    }
    int low =
        high < 0xdc00 && r->end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, r->end) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        fault_at(r, p - 6, "half of a surrogate pair");
        return NULL;
    }
    *ret = 0x10000u + (((uint32_t)high - 0xd800u) << 10) + ((uint32_t)low - 0xdc00u);
    return p + 6;
}

/* What a backslash and c stand for; 0: not one of these. */
static inline char plain_escape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case '"':
    case '\\':
    case '/':
        return c;
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    default:
        return 0;
    }
}

/* At a backslash: checks the escape, appends what it stands for to out if given; NULL on a fault.
 */
static const char *escape(struct json_reader *r, const char *p, struct buf *out)
{
    char text[4], plain;
    uint32_t cp;

    if (r->end - p >= 2 && p[1] == 'u') {
        p = unicode_escape(r, p + 1, &cp);
        if (p && out) {
            size_t n = utf8_encode(cp, text);

            buf_append(out, text, n);
        }
        return p;
    }
    if (r->end - p >= 2 && (plain = plain_escape(p[1]))) {
        if (out)
            buf_append_char(out, plain);
        return p + 2;
    }
    fault_at(r, p, "no such escape");
    return NULL;
}

static bool check_utf8(struct json_reader *r, const char *from, const char *to)
{
    size_t bad;

    if (utf8_valid(from, (size_t)(to - from), &bad))
        return true;
    return fault_at(r, from + bad, "not UTF-8");
}

/* Copies plain bytes from p to *to up to the next one that is not; both have 16 bytes to spare. */
static inline const char *copy_plain(const char *p, const char *end, char **to)
{
    char *at = *to;
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);

    for (; end - p >= 16; p += 16, at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)p);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash));
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
        unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(special, control));

        _mm_storeu_si128((__m128i *)at, block);
        if (hit) {
            *to = at + __builtin_ctz(hit);
            return p + __builtin_ctz(hit);
        }
    }
#endif
    for (; p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20; p++)
        *at++ = *p;
    *to = at;
    return p;
}

/*
 * Of a string with escapes, from behind its opening quote: what json_reader.keep is for. False:
 * there is something wrong with it, for read_string() to say what.
 */
static bool keep_string(struct json_reader *r, const char *from, struct slice *ret)
{
    struct buf *keep = r->keep;
    char *begin = keep->data + keep->size, *to = begin, *checked = begin;
    const char *p = from;

    for (;;) {
        p = copy_plain(p, r->end, &to);
        if (p == r->end || (*p != '"' && *p != '\\'))
            return false;
        if (*p == '\\' && r->end - p >= 2 && (*to = plain_escape(p[1]))) {
            to++;
            p += 2;
            continue;
        }
        /* An escape cannot complete a sequence. */
        if (!utf8_valid(checked, (size_t)(to - checked), NULL))
            return false;
        if (*p == '"')
            break;
        keep->size = (size_t)(to - keep->data);
        p = escape(r, p, keep);
        if (!p)
            return false;
        checked = to = keep->data + keep->size;
    }
    keep->size = (size_t)(to - keep->data);
    *ret = (struct slice){begin, (size_t)(to - begin)};
    r->p = p + 1;
    return true;
}

/*
 * At the opening quote. ret may be NULL: only checked. Without escapes ret is
 * a slice of the input, else of scratch.
 */
static bool read_string(struct json_reader *r, struct slice *ret)
{
    const char *from = r->p + 1, *p = from;
    unsigned high = 0;
    struct buf *out = ret ? &r->scratch : NULL;
    bool escaped = false;

    for (;;) {
        const char *stop = plain_end(p, r->end, &high);

        if (stop == r->end)
            return fault_at(r, r->p, "a string that does not end");
        if (*stop == '"' && !escaped) {
            if ((high & 0x80) && !check_utf8(r, from, stop))
                return false;
            if (ret)
                *ret = (struct slice){from, (size_t)(stop - from)};
            r->p = stop + 1;
            return true;
        }
        if (!escaped && *stop == '\\' && ret && r->keep && keep_string(r, from, ret))
            return true;
        if (!escaped) {
            escaped = true;
            if (out)
                buf_clear(out);
        }
        if ((high & 0x80) && !check_utf8(r, p, stop))
            return false;
        high = 0;
        if (out)
            buf_append(out, p, (size_t)(stop - p));
        if (*stop == '"') {
            if (ret)
                *ret = (struct slice){out->data, out->size};
            r->p = stop + 1;
            return true;
        }
        if (*stop != '\\')
            return fault_at(r, stop, "a control character in a string");
        p = escape(r, stop, out);
        if (!p)
            return false;
    }
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* At a digit or minus: passes over the number. *ret_int: without fraction and exponent. */
static bool read_number(struct json_reader *r, bool *ret_int)
{
    const char *p = r->p, *end = r->end;

    *ret_int = true;
    if (*p == '-')
        p++;
    if (!is_digit(p, end))
        return fault_at(r, r->p, "not a number");
    if (*p == '0')
        p++;
    else
        while (is_digit(p, end))
            p++;
    if (is_digit(p, end))
        return fault_at(r, r->p, "a number with leading zeros");
    if (p < end && *p == '.') {
        *ret_int = false;
        if (!is_digit(++p, end))
            return fault_at(r, r->p, "a number without digits behind its point");
        while (is_digit(p, end))
            p++;
    }
    if (p < end && (*p | 0x20) == 'e') {
        *ret_int = false;
        if (++p < end && (*p == '+' || *p == '-'))
            p++;
        if (!is_digit(p, end))
            return fault_at(r, r->p, "a number without digits in its exponent");
        while (is_digit(p, end))
            p++;
    }
    r->p = p;
    return true;
}

static bool read_literal(struct json_reader *r, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(r->end - r->p) < size || memcmp(r->p, word, size) != 0)
        return fault_at(r, r->p, "neither true, false nor null");
    r->p += size;
    return true;
}

/* ---- containers */

static bool is_object(const struct json_reader *r, unsigned level)
{
    return r->is_object[level / 64] >> (level % 64) & 1;
}

static bool enter(struct json_reader *r, bool object)
{
    uint64_t bit = (uint64_t)1 << (r->depth % 64);

    if (r->depth >= r->max_depth || r->depth >= JSON_DEPTH_MAX)
        return fault_at(r, r->p, "nested too deep");
    if (object)
        r->is_object[r->depth / 64] |= bit;
    else
        r->is_object[r->depth / 64] &= ~bit;
    r->depth++;
    r->fresh = true;
    r->p++;
    return true;
}

/* Behind a bracket or a value: is there one more? Passes over the comma or the closing bracket. */
static inline bool more(struct json_reader *r, char closing)
{
    skip_blanks(r);
    if (r->p == r->end)
        return fault_at(r, r->p, "the text ends too early");
    if (*r->p == closing) {
        r->p++;
        r->depth--;
        r->fresh = false;
        return false;
    }
    if (!r->fresh) {
        if (*r->p != ',')
            return fault_at(r, r->p, closing == '}' ? "neither , nor }" : "neither , nor ]");
        r->p++;
        skip_blanks(r);
    }
    r->fresh = false;
    return true;
}

/* ret NULL: the key is only checked. */
static inline bool read_key(struct json_reader *r, struct slice *ret)
{
    if (!more(r, '}'))
        return false;
    if (r->p == r->end || *r->p != '"')
        return fault_at(r, r->p, "a member's name must be a string");
    if (!read_string(r, ret))
        return false;
    skip_blanks(r);
    if (r->p == r->end || *r->p != ':')
        return fault_at(r, r->p, "no : behind a member's name");
    r->p++;
    return true;
}

enum json_kind json_read_kind(struct json_reader *r)
{
    if (r->fault)
        return KIND_NONE;
    skip_blanks(r);
    if (r->p == r->end)
        return KIND_NONE;
    switch (*r->p) {
    case '{':
        return KIND_OBJECT;
    case '[':
        return KIND_ARRAY;
    case '"':
        return KIND_STRING;
    case 't':
    case 'f':
        return KIND_BOOL;
    case 'n':
        return KIND_NULL;
    default:
        return *r->p == '-' || is_digit(r->p, r->end) ? KIND_NUMBER : KIND_NONE;
    }
}

/* The next value is of this kind; a fault otherwise. */
static bool expect(struct json_reader *r, enum json_kind kind, const char *what)
{
    if (json_read_kind(r) == kind) {
        r->any = true;
        return true;
    }
    return fault_at(r, r->p, r->p == r->end ? "the text ends too early" : what);
}

bool json_read_object(struct json_reader *r)
{
    return expect(r, KIND_OBJECT, "not an object") && enter(r, true);
}

bool json_read_array(struct json_reader *r)
{
    return expect(r, KIND_ARRAY, "not an array") && enter(r, false);
}

bool json_read_key(struct json_reader *r, struct slice *ret)
{
    return !r->fault && read_key(r, ret);
}

bool json_read_item(struct json_reader *r) { return !r->fault && more(r, ']'); }

/* ---- values */

bool json_read_text(struct json_reader *r, struct slice *ret)
{
    return expect(r, KIND_STRING, "not a string") && read_string(r, ret);
}

/* The number's text in NUL-terminated form, in room or, for absurdly long ones, scratch. */
static const char *number_text(struct json_reader *r, const char *from, char room[40])
{
    size_t size = (size_t)(r->p - from);

    if (size < 40) {
        memcpy(room, from, size);
        room[size] = '\0';
        return room;
    }
    buf_clear(&r->scratch);
    buf_append(&r->scratch, from, size);
    return r->scratch.data;
}

bool json_read_int(struct json_reader *r, int64_t *ret)
{
    char room[40];
    bool is_int;

    if (!expect(r, KIND_NUMBER, "not a number"))
        return false;
    const char *from = r->p;
    if (!read_number(r, &is_int))
        return false;
    if (!is_int)
        return fault_at(r, from, "not an integer");
    if (r->p - from <= 18) {
        int64_t v = 0;
        for (const char *p = from + (*from == '-'); p < r->p; p++)
            v = v * 10 + (*p - '0');
        *ret = *from == '-' ? -v : v;
        return true;
    }
    errno = 0;
    long long v = strtoll(number_text(r, from, room), NULL, 10);
    if (errno)
        return fault_at(r, from, "an integer beyond 64 bits");
    *ret = v;
    return true;
}

bool json_read_real(struct json_reader *r, double *ret)
{
    char room[40];
    bool is_int;

    if (!expect(r, KIND_NUMBER, "not a number"))
        return false;
    const char *from = r->p;
    if (!read_number(r, &is_int))
        return false;
    double v = strtod(number_text(r, from, room), NULL);
    if (!isfinite(v))
        return fault_at(r, from, "a number too large");
    *ret = v;
    return true;
}

bool json_read_bool(struct json_reader *r, bool *ret)
{
    if (!expect(r, KIND_BOOL, "neither true nor false"))
        return false;
    bool v = *r->p == 't';
    if (!read_literal(r, v ? "true" : "false"))
        return false;
    *ret = v;
    return true;
}

bool json_read_null(struct json_reader *r)
{
    return expect(r, KIND_NULL, "not null") && read_literal(r, "null");
}

/* A value that is no container. */
static inline bool skip_scalar(struct json_reader *r)
{
    bool is_int;

    if (r->p == r->end)
        return fault_at(r, r->p, "the text ends too early");
    switch (*r->p) {
    case '"':
        return read_string(r, NULL);
    case 't':
        return read_literal(r, "true");
    case 'f':
        return read_literal(r, "false");
    case 'n':
        return read_literal(r, "null");
    default:
        if (*r->p != '-' && !is_digit(r->p, r->end))
            return fault_at(r, r->p, "not a value");
        return read_number(r, &is_int);
    }
}

/* Passes over one value, counting what lies directly in it. */
static bool skip(struct json_reader *r, int64_t *ret_n)
{
    unsigned floor = r->depth;
    int64_t n = 0;

    r->any = true;
    do {
        if (r->depth > floor) {
            bool any = is_object(r, r->depth - 1) ? read_key(r, NULL) : more(r, ']');
            if (!any) {
                if (r->fault)
                    return false;
                continue;
            }
            if (r->depth == floor + 1)
                n++;
        }
        skip_blanks(r);
        if (r->p < r->end && (*r->p == '{' || *r->p == '[')) {
            if (!enter(r, *r->p == '{'))
                return false;
        } else if (!skip_scalar(r)) {
            return false;
        }
    } while (r->depth > floor);
    *ret_n = n;
    return true;
}

bool json_read_count(struct json_reader *r, int64_t *ret) { return !r->fault && skip(r, ret); }

bool json_read_skip(struct json_reader *r)
{
    int64_t n;

    return json_read_count(r, &n);
}

bool json_read_raw(struct json_reader *r, struct slice *ret)
{
    if (r->fault)
        return false;
    skip_blanks(r);
    const char *from = r->p;
    if (!json_read_skip(r))
        return false;
    *ret = (struct slice){from, (size_t)(r->p - from)};
    return true;
}

bool json_read_end(struct json_reader *r, enum err_code code, const char *file, struct err *err)
{
    if (!r->fault) {
        skip_blanks(r);
        if (r->depth > 0 || !r->any)
            fault_at(r, r->p, "the text ends too early");
        else if (r->p < r->end)
            fault_at(r, r->p, "something behind the end");
    }
    if (!r->fault)
        return true;
    size_t line = 1;
    for (const char *p = r->start; p < r->start + r->fault_at; p++)
        line += *p == '\n';
    err_set(err, code, "%s: line %zu: %s", file, line, r->fault);
    err_fact_str(err, "file", file);
    err_fact_int(err, "line", (int64_t)line);
    err_fact_int(err, "offset", (int64_t)r->fault_at);
    return err_fact_str(err, "detail", r->fault);
}
