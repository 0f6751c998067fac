#include "api/url.h"

#include "base/utf8.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool url_decode(const char *raw, size_t size, bool plus_is_space, char *ret, size_t *ret_size)
{
    bool ascii = true;
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)raw[i];

        if (c == '%') {
            int high = size - i > 2 ? hex_value(raw[i + 1]) : -1;
            int low = size - i > 2 ? hex_value(raw[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (unsigned char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f)
            return false;
        ascii &= c < 0x80;
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    *ret_size = n;
    return ascii || utf8_valid(ret, n, NULL);
}

/* True when text has "." or ".." as a component: such a path means another one. */
static bool has_dot_component(const char *text, size_t size)
{
    size_t start = 0;

    for (size_t i = 0; i <= size; i++) {
        if (i < size && text[i] != '/')
            continue;
        size_t n = i - start;
        if ((n == 1 && text[start] == '.') ||
            (n == 2 && text[start] == '.' && text[start + 1] == '.'))
            return true;
        start = i + 1;
    }
    return false;
}

/* Where the path begins; NULL when target is neither "/…" nor "http://host/…". */
static const char *path_of(const char *target)
{
    if (target[0] == '/')
        return target;
    for (const char *const *scheme = (const char *const[]){"http://", "https://", NULL}; *scheme;
         scheme++)
        if (str_starts(target, *scheme)) {
            const char *rest = target + strlen(*scheme);
            size_t authority = strcspn(rest, "/?");
            return rest[authority] == '/' ? rest + authority : NULL;
        }
    return NULL;
}

bool url_parse(const char *target, char *scratch, struct url *ret, struct err *err)
{
    const char *p = path_of(target), *end;
    struct url url = {0};

    if (!p)
        return err_set(err, ERR_INVALID, "the request target must be a path that begins with '/'");
    end = p + strcspn(p, "?");
    url.query = *end ? end + 1 : end;
    while (p < end && p + 1 < end) { /* p is at a '/' */
        struct url_text *s = &url.segments[url.n_segments];
        const char *stop = memchr(p + 1, '/', (size_t)(end - p - 1));

        stop = stop ? stop : end;
        if (url.n_segments == URL_MAX_SEGMENTS)
            return err_set(err, ERR_INVALID, "the path has more than %d segments",
                           URL_MAX_SEGMENTS);
        if (!url_decode(p + 1, (size_t)(stop - p - 1), false, scratch, &s->size) ||
            has_dot_component(scratch, s->size))
            return err_set(err, ERR_INVALID,
                           "segment %zu of the path is not the percent-encoding of a name: "
                           "UTF-8, no control characters, no \".\" or \"..\"",
                           url.n_segments + 1);
        s->text = scratch;
        scratch += s->size + 1;
        url.n_segments++;
        p = stop;
        if (p + 1 == end) { /* "/x/": an empty last segment, which no route has */
            if (url.n_segments == URL_MAX_SEGMENTS)
                return err_set(err, ERR_INVALID, "the path has more than %d segments",
                               URL_MAX_SEGMENTS);
            *scratch = '\0';
            url.segments[url.n_segments++] = (struct url_text){scratch++, 0};
        }
    }
    *ret = url;
    return true;
}

bool url_parse_query(const char *query, char *scratch, struct url_param ret[URL_MAX_PARAMS],
                     size_t *ret_n, struct err *err)
{
    size_t n = 0;

    for (const char *p = query; *p;) {
        size_t size = strcspn(p, "&");
        const char *equals = memchr(p, '=', size);
        size_t key_size = equals ? (size_t)(equals - p) : size;

        if (size) {
            struct url_param *param = &ret[n];

            if (n == URL_MAX_PARAMS)
                return err_set(err, ERR_INVALID, "the query has more than %d keys", URL_MAX_PARAMS);
            param->key.text = scratch;
            if (!url_decode(p, key_size, true, scratch, &param->key.size))
                return err_set(err, ERR_INVALID, "key %zu of the query is not percent-encoded text",
                               n + 1);
            scratch += param->key.size + 1;
            param->value = (struct url_text){"", 0};
            if (equals) {
                if (!url_decode(equals + 1, size - key_size - 1, true, scratch, &param->value.size))
                    return err_set(err, ERR_INVALID,
                                   "the value of query key \"%s\" is not percent-encoded text",
                                   param->key.text);
                param->value.text = scratch;
                scratch += param->value.size + 1;
            }
            n++;
        }
        p += size;
        p += *p == '&';
    }
    *ret_n = n;
    return true;
}
