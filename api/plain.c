#include "api/plain.h"

#include <strings.h>

/* The line at p without its CRLF, which becomes NUL; *ret_next: behind it. */
static enum plain_found take_line(char *p, char *end, size_t *ret_size, char **ret_next)
{
    char *lf = memchr(p, '\n', (size_t)(end - p));

    if (!lf)
        return PLAIN_PARTIAL;
    if (lf == p || lf[-1] != '\r')
        return PLAIN_OTHER;
    *ret_size = (size_t)(lf - 1 - p);
    lf[-1] = '\0';
    *ret_next = lf + 1;
    return PLAIN_WHOLE;
}

static bool take_request_line(char *line, size_t size, struct plain *ret)
{
    static const char version[] = " HTTP/1.1";
    size_t version_size = sizeof(version) - 1, method_size;

    if (size > 4 && memcmp(line, "GET ", 4) == 0)
        ret->method = METHOD_GET, method_size = 4;
    else if (size > 5 && memcmp(line, "POST ", 5) == 0)
        ret->method = METHOD_POST, method_size = 5;
    else
        return false;
    if (size <= method_size + version_size || line[method_size] != '/' ||
        memcmp(line + size - version_size, version, version_size) != 0)
        return false;
    ret->target = line + method_size;
    ret->target_size = size - version_size - method_size;
    line[size - version_size] = '\0';
    return strlen(ret->target) == ret->target_size;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool take_field(char *line, size_t size, struct head *head)
{
    char *colon = memchr(line, ':', size), *value, *end = line + size;

    if (!colon)
        return false;
    *colon = '\0';
    for (value = colon + 1; value < end && is_blank(*value);)
        value++;
    while (end > value && is_blank(end[-1]))
        *--end = '\0';
    return head_field(head, line, (size_t)(colon - line), value, (size_t)(end - value));
}

static bool is_special(const struct head *h)
{
    return h->has_range || h->has_prefer || h->has_conditions || h->if_none_match ||
           h->idempotency_key || h->expects_continue || h->is_chunked ||
           (h->connection && strcasecmp(h->connection, "keep-alive") != 0);
}

static bool is_plain(const struct plain *p)
{
    AUTO_ERR struct err err = {0};

    return !is_special(&p->head) && (p->method == METHOD_POST || !p->head.content_length) &&
           head_done(&p->head, "HTTP/1.1", "GET", p->target, &err);
}

enum plain_found plain_read(char *data, size_t size, struct plain *ret)
{
    char *line = data, *end = data + size, *next;
    size_t line_size;
    enum plain_found found = take_line(line, end, &line_size, &next);

    *ret = (struct plain){.method = METHOD_GET};
    if (found != PLAIN_WHOLE)
        return found;
    if (!take_request_line(line, line_size, ret))
        return PLAIN_OTHER;
    for (;;) {
        line = next;
        found = take_line(line, end, &line_size, &next);
        if (found != PLAIN_WHOLE)
            return found;
        if (line_size == 0)
            break;
        if (!take_field(line, line_size, &ret->head))
            return PLAIN_OTHER;
    }
    if (!is_plain(ret) || ret->head.content_length > (size_t)(end - next))
        return PLAIN_OTHER;
    ret->body = next;
    ret->body_size = (size_t)ret->head.content_length;
    ret->size = (size_t)(next - data) + ret->body_size;
    return PLAIN_WHOLE;
}

void plain_move(struct plain *p, const char *from, const char *to)
{
    struct head *h = &p->head;
    const char **all[] = {&p->target,        &h->host,     &h->origin,          &h->fetch_site,
                          &h->authorization, &h->accept,   &h->content_type,    &h->connection,
                          &h->if_none_match, &h->if_match, &h->idempotency_key, &h->prefer,
                          &h->request_id};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (*all[i])
            *all[i] = to + (*all[i] - from);
}
