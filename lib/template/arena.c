#include "template/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { CHUNK = 16 << 10, CHUNK_LARGEST = 1 << 20 };

struct arena_chunk {
    struct arena_chunk *next;
    _Alignas(16) char bytes[];
};

void *arena_grow(struct arena *a, size_t size)
{
    size_t wanted = a->bytes < CHUNK ? CHUNK : a->bytes;
    struct arena_chunk *c;

    if (wanted > CHUNK_LARGEST)
        wanted = CHUNK_LARGEST;
    if (wanted < size)
        wanted = size;
    c = malloc(sizeof(*c) + wanted);
    if (!c)
        abort(); /* bounded by whoever limits the arena; see base.h */
    c->next = a->chunks;
    a->chunks = c;
    a->p = c->bytes + size;
    a->end = c->bytes + wanted;
    a->bytes += wanted;
    if (a->alarm && a->bytes > a->limit && *a->alarm > 0)
        *a->alarm = 0;
    return c->bytes;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    size_t size = strlen(text) + 1;
    return memcpy(arena_text(a, size), text, size);
}

void arena_release(struct arena *a)
{
    struct arena_chunk *next;

    for (struct arena_chunk *c = a->chunks; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){0};
}
