#include "api/head.h"

#include <strings.h>

enum { MAX_FIELDS = 100 };

/* Which characters may stand where: every byte of every head is looked up here. */
enum { TOKEN = 1, HOST = 2, VALUE = 4, TARGET = 8 };

/* clang-format off */
static const unsigned char classes[256] = {
    ['\t'] = VALUE, [' '] = VALUE,
    ['"'] = VALUE | TARGET, ['/'] = VALUE | TARGET, ['<'] = VALUE | TARGET, ['>'] = VALUE | TARGET,
    ['?'] = VALUE | TARGET, ['@'] = VALUE | TARGET, ['\\'] = VALUE | TARGET, ['{'] = VALUE | TARGET,
    ['}'] = VALUE | TARGET,
    ['#'] = TOKEN | VALUE | TARGET, ['^'] = TOKEN | VALUE | TARGET, ['`'] = TOKEN | VALUE | TARGET,
    ['|'] = TOKEN | VALUE | TARGET,
    ['('] = HOST | VALUE | TARGET, [')'] = HOST | VALUE | TARGET, [','] = HOST | VALUE | TARGET,
    [':'] = HOST | VALUE | TARGET, [';'] = HOST | VALUE | TARGET, ['='] = HOST | VALUE | TARGET,
    ['['] = HOST | VALUE | TARGET, [']'] = HOST | VALUE | TARGET,
#define ALL (TOKEN | HOST | VALUE | TARGET)
    ['!'] = ALL, ['$'] = ALL, ['%'] = ALL, ['&'] = ALL, ['\''] = ALL, ['*'] = ALL, ['+'] = ALL,
    ['-'] = ALL, ['.'] = ALL, ['_'] = ALL, ['~'] = ALL,
    ['0' ... '9'] = ALL, ['A' ... 'Z'] = ALL, ['a' ... 'z'] = ALL,
#undef ALL
    [0x80 ... 0xff] = VALUE,
};
/* clang-format on */

static bool is_all(const char *text, size_t size, unsigned class)
{
    unsigned common = class;

    for (size_t i = 0; i < size; i++)
        common &= classes[(unsigned char)text[i]];
    return common != 0;
}

static bool fault(struct head *h, const char *text)
{
    if (!h->fault)
        h->fault = text;
    return false;
}

/* Keeps a field that may come only once. */
static bool keep_one(struct head *h, const char **slot, const char *value, const char *text)
{
    if (*slot)
        return fault(h, text);
    *slot = value;
    return true;
}

static bool take_length(struct head *h, const char *value)
{
    uint64_t n = 0;

    if (h->has_length)
        return fault(h, "more than one Content-Length");
    if (!*value || strlen(value) > 18 || strspn(value, "0123456789") != strlen(value))
        return fault(h, "Content-Length is not a number of bytes");
    for (const char *p = value; *p; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    h->has_length = true;
    h->content_length = n;
    return true;
}

static bool take_coding(struct head *h, const char *value)
{
    if (h->is_chunked || strcasecmp(value, "chunked") != 0)
        return fault(h, "the only Transfer-Encoding known here is one \"chunked\"");
    h->is_chunked = true;
    return true;
}

static bool is_named(const char *name, size_t size, const char *wanted)
{
    return strncasecmp(name, wanted, size) == 0 && wanted[size] == '\0';
}

static bool take_known(struct head *h, const char *name, size_t size, const char *value)
{
#define IS(text) is_named(name, size, text)
    switch (name[0] | 0x20) {
    case 'a':
        if (IS("Accept")) {
            h->accept = value; /* a list in several fields: the last one counts */
            return true;
        }
        if (IS("Authorization"))
            return keep_one(h, &h->authorization, value, "more than one Authorization");
        return true;
    case 'c':
        if (IS("Content-Length"))
            return take_length(h, value);
        if (IS("Content-Type"))
            return keep_one(h, &h->content_type, value, "more than one Content-Type");
        if (IS("Connection"))
            h->connection = value;
        return true;
    case 'e':
        h->expects_continue |= IS("Expect");
        return true;
    case 'h':
        return IS("Host") ? keep_one(h, &h->host, value, "more than one Host") : true;
    case 'i':
        if (IS("If-None-Match"))
            return keep_one(h, &h->if_none_match, value, "more than one If-None-Match");
        if (IS("If-Match")) {
            h->has_conditions = true;
            return keep_one(h, &h->if_match, value, "more than one If-Match");
        }
        if (IS("Idempotency-Key"))
            return keep_one(h, &h->idempotency_key, value, "more than one Idempotency-Key");
        h->has_conditions |= IS("If-Range") || IS("If-Modified-Since");
        return true;
    case 'o':
        return IS("Origin") ? keep_one(h, &h->origin, value, "more than one Origin") : true;
    case 'p':
        if (IS("Prefer")) {
            h->has_prefer = true;
            h->prefer = value;
        }
        return true;
    case 'r':
        h->has_range |= IS("Range");
        return true;
    case 's':
        if (IS("Sec-Fetch-Site"))
            h->fetch_site = value;
        return true;
    case 't':
        return IS("Transfer-Encoding") ? take_coding(h, value) : true;
    case 'x':
        if (IS("X-Request-Id"))
            h->request_id = value;
        return true;
    default:
        return true;
    }
#undef IS
}

bool head_field(struct head *h, const char *name, size_t name_size, const char *value,
                size_t value_size)
{
    if (h->fault)
        return false;
    if (++h->n_fields > MAX_FIELDS)
        return fault(h, "more than 100 header fields");
    if (name_size == 0)
        return fault(h, "a header field without a name");
    if (!is_all(name, name_size, TOKEN))
        return fault(h, "the name of a header field is not a token");
    if (!is_all(value, value_size, VALUE))
        return fault(h, "a control character in the value of a header field");
    return take_known(h, name, name_size, value);
}

static bool is_host(const char *host)
{
    size_t size = strlen(host);

    return size <= 255 && is_all(host, size, HOST);
}

bool head_done(const struct head *h, const char *version, const char *method, const char *target,
               struct err *err)
{
    const char *what = h->fault;
    bool is_1_1 = str_eq(version, "HTTP/1.1");

    if (!what && !is_1_1 && !str_eq(version, "HTTP/1.0"))
        what = "the protocol is neither HTTP/1.1 nor HTTP/1.0";
    if (!what && is_1_1 && !h->host)
        what = "no Host";
    if (!what && h->host && !is_host(h->host))
        what = "Host is not a name or address with an optional port";
    if (!what && h->has_length && h->is_chunked)
        what = "Content-Length beside Transfer-Encoding";
    if (!what && h->is_chunked && !is_1_1)
        what = "Transfer-Encoding in HTTP/1.0";
    if (!what && !is_all(method, strlen(method), TOKEN))
        what = "the method is not a token";
    if (!what && !is_all(target, strlen(target), TARGET))
        what = "a byte in the request target that must be percent-encoded";
    if (!what)
        return true;
    return err_set(err, ERR_INVALID, "the head of the request is refused: %s", what);
}

/* ---- values */

static const char *skip_space(const char *p) { return p + strspn(p, " \t"); }

bool head_etag_matches(const char *list, const char *etag)
{
    if (!list || !etag || !*etag)
        return false;
    if (str_starts(etag, "W/"))
        etag += 2;
    for (const char *p = skip_space(list); *p;) {
        size_t size;

        if (*p == '*')
            return true;
        p += str_starts(p, "W/") ? 2 : 0;
        if (*p == '"') {
            const char *end = strchr(p + 1, '"');
            size = end ? (size_t)(end + 1 - p) : strlen(p);
        } else {
            size = strcspn(p, ", \t");
        }
        if (size == strlen(etag) && memcmp(p, etag, size) == 0)
            return true;
        p += size;
        p += strspn(p, ", \t");
        if (size == 0 && *p)
            p++;
    }
    return false;
}

/* "q=0.5" of the parameters in [p, end), in thousandths. */
static int parse_quality(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p != ';')
            continue;
        const char *q = skip_space(p + 1);
        if (q + 1 < end && (*q | 0x20) == 'q' && q[1] == '=') {
            double value = strtod(q + 2, NULL);
            return value >= 1 ? 1000 : value > 0 ? (int)(value * 1000) : 0;
        }
    }
    return 1000;
}

int head_accept_quality(const char *accept, const char *type, bool *ret_named)
{
    int best = 0, best_rank = -1;

    *ret_named = false;
    if (!accept || !*skip_space(accept))
        return 1000;
    for (const char *p = skip_space(accept); *p;) {
        const char *end = p + strcspn(p, ",");
        size_t size = strcspn(p, ",; \t");
        const char *slash = memchr(p, '/', size);
        int rank = -1;

        if (size == strlen(type) && strncasecmp(p, type, size) == 0)
            rank = 2;
        else if (size == 3 && memcmp(p, "*/*", 3) == 0)
            rank = 0;
        else if (slash && slash[1] == '*' && size == (size_t)(slash - p) + 2 &&
                 strncasecmp(p, type, (size_t)(slash - p) + 1) == 0)
            rank = 1;
        if (rank > best_rank) {
            best_rank = rank;
            best = parse_quality(p, end);
        }
        p = skip_space(*end ? end + 1 : end);
    }
    *ret_named = best_rank == 2;
    return best;
}

bool head_is_request_id(const char *id)
{
    size_t size = id ? strlen(id) : 0;

    if (size == 0 || size > 128)
        return false;
    for (const char *p = id; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f || *p == '"' || *p == '\\')
            return false;
    return true;
}

void head_prefer(const char *prefer, bool *ret_async, int *ret_wait_s)
{
    *ret_async = false;
    *ret_wait_s = -1;
    for (const char *p = prefer ? skip_space(prefer) : ""; *p;) {
        size_t size = strcspn(p, ",;");

        if (strncasecmp(p, "respond-async", 13) == 0 && (size == 13 || strchr(" \t", p[13])))
            *ret_async = true;
        else if (strncasecmp(p, "wait=", 5) == 0 && p[5] >= '0' && p[5] <= '9') {
            long n = strtol(p + 5, NULL, 10);
            *ret_wait_s = n > 86400 ? 86400 : (int)n;
        }
        p += size;
        p += strspn(p, ",; \t");
    }
}

bool head_idempotency_key(const char *value, char ret[256])
{
    size_t n = 0;
    bool quoted = *value == '"';
    const char *p = value + quoted;

    for (; *p && !(quoted && *p == '"'); p++) {
        if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        if (*p < 0x20 || *p >= 0x7f || n == 255)
            return false;
        ret[n++] = *p;
    }
    ret[n] = '\0';
    return n > 0 && (!quoted || (*p == '"' && p[1] == '\0'));
}
