/*
 * What does the registry cost: to build at start, to look up, to change?
 *
 *     bench_registry
 *
 * One JSON line: ms to build the built-in records and to render the list, ns
 * of a lookup, us of a registration's new snapshot, KiB of memory they keep.
 */
#include "arch/registry.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, LOOKUPS = 1000000, CHANGES = 10000 };

/* Of this process: what others do on the machine is not the question. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long resident_kib(void)
{
    long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f && fscanf(f, "%ld %ld", &total, &resident) != 2) /* NOLINT(cert-err34-c) */
        resident = 0;
    if (f)
        fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

/* Nanoseconds of one lookup. */
static double lookups(const struct registry *r)
{
    static const char *const names[] = {"LlamaForCausalLM", "Qwen3ForCausalLM", "NoSuchModel"};
    int64_t began = cpu_ns();
    size_t found = 0;

    for (int i = 0; i < LOOKUPS; i++)
        found += registry_get(r, names[i % 3], TASK_TEXT_GENERATION) != NULL;
    if (found == 0)
        abort();
    return (double)(cpu_ns() - began) / LOOKUPS;
}

/* Microseconds of one changed registry. */
static double changes(const struct registry *r, struct archs *archs)
{
    int64_t began = cpu_ns();

    for (int i = 0; i < CHANGES; i++)
        registry_unref(registry_with(r, i, archs->items, 1));
    return (double)(cpu_ns() - began) / CHANGES / 1e3;
}

int main(void)
{
    double build_ms[ROUNDS], list_ms[ROUNDS], get_ns[ROUNDS], with_us[ROUNDS];
    long kib = 0, before = resident_kib();

    for (int i = 0; i < ROUNDS; i++) {
        AUTO_ARCHS struct archs archs = {0};
        int64_t began = cpu_ns();

        catalog_load_builtin(1, 0, &archs);
        AUTO_REGISTRY struct registry *r = registry_new(1, archs.items, archs.n);
        int64_t built = cpu_ns();

        registry_list_all(r);
        build_ms[i] = (double)(built - began) / 1e6;
        list_ms[i] = (double)(cpu_ns() - built) / 1e6;
        if (i == 0) {
            malloc_trim(0);
            kib = resident_kib() - before;
        }
        get_ns[i] = lookups(r);
        with_us[i] = changes(r, &archs);
    }
    printf("{\"bench\":\"registry\",\"rounds\":%d,\"build_ms\":%.2f,\"list_ms\":%.2f,"
           "\"get_ns\":%.1f,\"with_us\":%.2f,\"kept_kib\":%ld}\n",
           ROUNDS, median(build_ms), median(list_ms), median(get_ns), median(with_us), kib);
    return 0;
}
