#include "base/buf.h"

#include <stdio.h>

void buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->size + more + 1;

    if (need <= b->capacity)
        return;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    b->data = mem_resize(b->data, capacity);
    b->capacity = capacity;
}

void buf_reserve_large(struct buf *b, size_t size)
{
    if (size < b->capacity)
        return;
    free(b->data);
    b->data = mem_alloc_large(size + 1);
    b->data[0] = '\0';
    b->capacity = size + 1;
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    if (n > 0) {
        buf_reserve(b, (size_t)n);
        vsnprintf(b->data + b->size, (size_t)n + 1, fmt, again);
        b->size += (size_t)n;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_clear(struct buf *b)
{
    b->size = 0;
    if (b->data)
        b->data[0] = '\0';
}

char *buf_take(struct buf *b)
{
    char *data = b->data ? b->data : str_dup("");

    *b = (struct buf){0};
    return data;
}
