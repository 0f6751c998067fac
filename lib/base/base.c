#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p)
        abort();
    return p;
}

void *mem_resize(void *p, size_t size)
{
    p = realloc(p, size ? size : 1);
    if (!p)
        abort();
    return p;
}

void *mem_alloc_large(size_t size)
{
    enum { PAGE = 2 << 20, FROM = 512 << 10 /* below, a large page is mostly wasted */ };
    size_t whole = (size + PAGE - 1) / PAGE * PAGE;
    void *p;

    if (size < FROM)
        return mem_resize(NULL, size);
    p = aligned_alloc(PAGE, whole);
    if (!p)
        abort();
    madvise(p, whole, MADV_HUGEPAGE); /* a hint: it is as well without */
    return p;
}

char *str_dup(const char *s) { return str_dup_n(s, strlen(s)); }

char *str_dup_n(const char *s, size_t size)
{
    char *copy = mem_alloc(size + 1);

    memcpy(copy, s, size);
    return copy;
}

char *str_printf(const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    return s;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}
