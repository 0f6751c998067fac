#include "tokenizer/scan_kernel.h"

size_t scan_kernels(const struct scan_kernel *ret[SCAN_KERNELS_MAX])
{
    size_t n = 0;

    ret[n++] = &scan_scalar;
#ifdef __x86_64__
    ret[n++] = &scan_sse2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        ret[n++] = &scan_avx2;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2"))
        ret[n++] = &scan_avx512;
#endif
    return n;
}

const struct scan_kernel *scan_kernel(void)
{
    const struct scan_kernel *all[SCAN_KERNELS_MAX] = {NULL};

    return all[scan_kernels(all) - 1];
}
