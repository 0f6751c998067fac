#pragma once
/*
 * Scan kernel: the scanners, compiled for one kind of processor.
 *
 * All give the same pieces. The scalar one runs anywhere; the others look at 64
 * bytes at a time (scan_block.h).
 */
#include "base/base.h"

#define SCAN_FAMILIES(X) \
    X(gpt2)              \
    X(digits_gpt2)       \
    X(llama3)            \
    X(qwen2)             \
    X(qwen3_5)           \
    X(cl100k_2)          \
    X(o200k)             \
    X(tekken)            \
    X(kimi)              \
    X(deepseek)

enum scan_family {
#define X(name) FAMILY_##name,
    SCAN_FAMILIES(X)
#undef X
        N_SCAN_FAMILIES,
};

/* As scanner_ends(). */
typedef size_t scan_ends_fn(const uint8_t *text, size_t size, size_t at, uint32_t *ends,
                            size_t max);

struct scan_kernel {
    const char *name;
    scan_ends_fn *ends[N_SCAN_FAMILIES];
};

extern const struct scan_kernel scan_scalar;
#ifdef __x86_64__
extern const struct scan_kernel scan_sse2, scan_avx2, scan_avx512;
#endif

/* The best one for this processor. */
const struct scan_kernel *scan_kernel(void);
/* All that run here, the best last; for tests and benchmarks. */
enum { SCAN_KERNELS_MAX = 4 };
size_t scan_kernels(const struct scan_kernel *ret[SCAN_KERNELS_MAX]);

struct scanner;
enum scan_family scanner_family(const struct scanner *s);
