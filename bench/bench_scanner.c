/*
 * How fast is text cut? MB/s of every scanner, on every kernel that runs here, in documents of
 * 4 KiB; the median of 9 rounds. A line of JSON per case.
 *
 *     build/bench/bench_scanner FILE…
 */
#include "base/base.h"
#include "tokenizer/scan_kernel.h"

#include <stdio.h>
#include <time.h>

enum { DOCUMENT = 4096, ROUNDS = 9, SLACK = 64 };

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Documents end at a character. */
static size_t cut_all(scan_ends_fn *ends_fn, const uint8_t *text, size_t size)
{
    static uint32_t ends[DOCUMENT + SLACK];
    size_t pieces = 0;

    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < DOCUMENT ? size - at : DOCUMENT;
        while (at + n < size && (text[at + n] & 0xC0) == 0x80)
            n--;
        pieces += ends_fn(text + at, n, 0, ends, ARRAY_SIZE(ends));
    }
    return pieces;
}

static void bench(const char *name, const struct scan_kernel *k, enum scan_family family,
                  const char *family_name, const uint8_t *text, size_t size)
{
    double mb_s[ROUNDS];
    size_t pieces = 0, times = 1 + (size_t)(4 << 20) / size;

    for (int i = 0; i < ROUNDS; i++) {
        double begin = now_s();

        for (size_t t = 0; t < times; t++)
            pieces = cut_all(k->ends[family], text, size);
        mb_s[i] = (double)(size * times) / 1e6 / (now_s() - begin);
    }
    qsort(mb_s, ROUNDS, sizeof(*mb_s), by_value);
    printf("{\"text\": \"%s\", \"scanner\": \"%s\", \"kernel\": \"%s\", \"bytes\": %zu, "
           "\"pieces\": %zu, \"mb_s\": %.0f}\n",
           name, family_name, k->name, size, pieces, mb_s[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
    static const char *const families[] = {
#define X(name) #name,
        SCAN_FAMILIES(X)
#undef X
    };
    const struct scan_kernel *kernels[SCAN_KERNELS_MAX];
    size_t n_kernels = scan_kernels(kernels);

    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        size_t max = 16 << 20, size;
        uint8_t *text = mem_alloc(max + SLACK);

        if (!f) {
            perror(argv[i]);
            free(text);
            return 1;
        }
        size = fread(text, 1, max, f);
        fclose(f);
        while (size > 0 && (text[size] & 0xC0) == 0x80)
            size--;
        for (int family = 0; size && family < N_SCAN_FAMILIES; family++)
            for (size_t k = 0; k < n_kernels; k++)
                bench(argv[i], kernels[k], (enum scan_family)family, families[family], text, size);
        free(text);
    }
    return 0;
}
