#pragma once
/*
 * Base vocabulary: ownership helpers and the allocation policy.
 *
 * Small allocations of a size we chose abort on failure (mem_new, str_dup):
 * the kernel overcommits, so those branches never run and would never be
 * tested. A size that came from outside the process is bounded first; then it
 * may use the same calls, because a bounded size is one we chose.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CLEANUP(fn)       __attribute__((cleanup(fn)))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Moves a pointer out of an auto-released variable: *ret = take(&doc); */
#define take(pp)                    \
    ({                              \
        __typeof__(pp) _pp = (pp);  \
        __typeof__(*_pp) _p = *_pp; \
        *_pp = NULL;                \
        _p;                         \
    })

/* Defines fn##p for use with CLEANUP(); fn must accept NULL. */
#define DEFINE_CLEANUP(type, fn) \
    static inline void fn##p(type *p) { fn(*p); }

/* Zeroed. Never NULL: out of memory aborts. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *p, size_t size) __attribute__((returns_nonnull));
/*
 * For big tables that are written at once: on large pages where the system has them, which saves
 * most of the time that first touching memory costs. Not zeroed; to be freed as all others.
 */
void *mem_alloc_large(size_t size) __attribute__((malloc, returns_nonnull));
#define mem_new(type)          ((type *)mem_alloc(sizeof(type)))
#define mem_new_array(n, type) ((type *)mem_alloc((n) * sizeof(type)))

char *str_dup(const char *s) __attribute__((malloc, returns_nonnull));
char *str_dup_n(const char *s, size_t size) __attribute__((malloc, returns_nonnull));
char *str_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));

static inline bool str_eq(const char *a, const char *b) { return strcmp(a, b) == 0; }
static inline bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}
bool str_ends(const char *s, const char *suffix);

static inline void freep(void *p) { free(*(void **)p); }
#define AUTO_FREE CLEANUP(freep)
