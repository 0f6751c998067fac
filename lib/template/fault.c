/* Faults: what is wrong with a template, and where. */
#define FAULT_C /* see its header */
#include "template/parse.h"
#include "template/text.h"

#include <stdarg.h>
#include <stdio.h>

void source_place(const char *source, size_t size, size_t at, int64_t *line, int64_t *column)
{
    const char *start = source, *newline;

    if (at > size)
        at = size;
    *line = 1;
    while ((newline = memchr(start, '\n', (size_t)(source + at - start)))) {
        start = newline + 1;
        ++*line;
    }
    *column = (int64_t)text_count(start, (size_t)(source + at - start)) + 1;
}

bool parse_fail(struct parse *p, size_t at, const char *fmt, ...)
{
    char what[240];
    int64_t line, column;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    source_place(p->source, p->size, at, &line, &column);
    err_set(p->err, ERR_TEMPLATE_INVALID, "chat template: line %lld, column %lld: %s",
            (long long)line, (long long)column, what);
    err_fact_int(p->err, "line", line);
    err_fact_int(p->err, "column", column);
    return err_fact_str(p->err, "detail", what);
}

bool parse_limit(struct parse *p, size_t at, enum err_code code, int64_t limit, const char *what)
{
    int64_t line, column;

    source_place(p->source, p->size, at, &line, &column);
    err_set(p->err, code, "chat template: line %lld, column %lld: %s; the limit is %lld",
            (long long)line, (long long)column, what, (long long)limit);
    err_fact_int(p->err, "limit", limit);
    err_fact_int(p->err, "line", line);
    return err_fact_int(p->err, "column", column);
}

bool parse_unexpected(struct parse *p, const char *expected)
{
    const struct token *t = parse_token(p);

    if (t->kind == T_NAME)
        return parse_fail(p, t->at, "expected %s, found '%.*s'", expected,
                          (int)(t->value.str->size < 60 ? t->value.str->size : 60),
                          t->value.str->data);
    return parse_fail(p, t->at, "expected %s, found %s", expected, token_text(t->kind));
}
