/*
 * How fast is a tokenizer.json read? bench_load FILE…: a JSON line for each file with the
 * median of 9 loads. Processor time, so that a busy machine distorts it little.
 */
#include "base/file.h"
#include "tokenizer/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9 };

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool bench(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    AUTO_BUF struct buf text = {0};
    double ms[ROUNDS];

    if (size < 0 || !file_read_range(fd, 0, size, &text)) {
        perror(path);
        return false;
    }
    for (int i = 0; i < ROUNDS; i++) {
        AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
        AUTO_ERR struct err err = {0};
        struct tokenizer_files files = {.tokenizer_json = {text.data, text.size}};
        double from = cpu_ms();

        if (!tokenizer_load(&files, &s, &err)) {
            fprintf(stderr, "%s: %s\n", path, err.msg);
            return false;
        }
        ms[i] = cpu_ms() - from;
    }
    qsort(ms, ROUNDS, sizeof(*ms), ascending);
    printf("{\"bench\": \"load\", \"file\": \"%s\", \"mb\": %.1f, \"n\": %d, \"min_ms\": %.1f, "
           "\"median_ms\": %.1f, \"mb_per_s\": %.0f}\n",
           path, (double)text.size / 1e6, ROUNDS, ms[0], ms[ROUNDS / 2],
           (double)text.size / 1e3 / ms[ROUNDS / 2]);
    return true;
}

int main(int argc, char **argv)
{
    bool ok = true;

    for (int i = 1; i < argc; i++)
        ok = bench(argv[i]) && ok;
    return !ok;
}
