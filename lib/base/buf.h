#pragma once
/*
 * Buf: bytes that grow. Zero-initialised is empty and owns nothing.
 *
 * Growth doubles, so appending n bytes costs O(n) in all. There is no limit in
 * here: whoever appends bytes from outside checks their number first.
 */
#include "base/base.h"

#include <stdarg.h>

struct buf {
    char *data;  /* NUL-terminated once anything was appended; NULL before */
    size_t size; /* without the NUL */
    size_t capacity;
};

void buf_release(struct buf *b);
#define AUTO_BUF CLEANUP(buf_release)

/* Makes room for more bytes (and the NUL) behind size. */
void buf_reserve(struct buf *b, size_t more);
/* The same for a buf that is empty, on large pages (mem_alloc_large()). */
void buf_reserve_large(struct buf *b, size_t size);
static inline void buf_append(struct buf *b, const void *data, size_t size)
{
    if (b->capacity - b->size <= size)
        buf_reserve(b, size);
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
}
static inline void buf_append_str(struct buf *b, const char *s) { buf_append(b, s, strlen(s)); }
static inline void buf_append_char(struct buf *b, char c) { buf_append(b, &c, 1); }
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *b);
/* Forgets what is behind the first size bytes, which are there. */
static inline void buf_cut(struct buf *b, size_t size)
{
    b->size = size;
    if (b->data)
        b->data[size] = '\0';
}
/* The content, the caller's to free; "" when empty. The buf is empty after. */
char *buf_take(struct buf *b);
