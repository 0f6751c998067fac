#pragma once
/*
 * Arena: memory that is freed all at once. Zero-initialised is empty.
 *
 * It may be given a first piece of memory that is not its own, on the caller's
 * stack: what fits there costs no malloc(). It does not fail; whoever counts down
 * work has it set his count to 0 when it holds too much, so that one look is enough.
 */
#include "base/base.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    char *p, *end;
    size_t bytes;   /* of all chunks, the lent piece not among them */
    size_t limit;   /* of bytes: beyond it *alarm becomes 0 */
    int64_t *alarm; /* NULL: no limit */
};

static inline struct arena arena_on(void *lent, size_t size)
{
    return (struct arena){.p = lent, .end = (char *)lent + size};
}
void arena_release(struct arena *a);

/* The way on when the chunk is used up: size bytes, aligned for everything, not zeroed. */
void *arena_grow(struct arena *a, size_t size) __attribute__((returns_nonnull));

/* Aligned for everything, not zeroed. */
static inline void *arena_take(struct arena *a, size_t size)
{
    char *p = a->p + (-(uintptr_t)a->p & 15);

    if (__builtin_expect(p > a->end || (size_t)(a->end - p) < size, 0))
        return arena_grow(a, size);
    a->p = p + size;
    return p;
}
/* The same, zeroed. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    return memset(arena_take(a, size), 0, size);
}
/* Aligned to one byte, not zeroed: text. */
static inline char *arena_text(struct arena *a, size_t size)
{
    char *p = a->p;

    if (__builtin_expect((size_t)(a->end - p) < size || !p, 0))
        return arena_grow(a, size);
    a->p = p + size;
    return p;
}
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define arena_new(a, type)          ((type *)arena_alloc(a, sizeof(type)))
#define arena_new_array(a, n, type) ((type *)arena_alloc(a, (n) * sizeof(type)))
