#pragma once
/* Arena: memory that is freed all at once. Zero-initialised is empty. */
#include "base/base.h"

struct arena {
    struct arena_chunk *chunks;
    char *p, *end;
    size_t bytes; /* of all chunks */
};

/* Zeroed, aligned for everything. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* Aligned to one byte, not zeroed: text. */
char *arena_text(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_release(struct arena *a);
#define arena_new(a, type)          ((type *)arena_alloc(a, sizeof(type)))
#define arena_new_array(a, n, type) ((type *)arena_alloc(a, (n) * sizeof(type)))
