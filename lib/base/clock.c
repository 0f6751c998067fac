#include "base/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int64_t clock_wall_s(void) { return (int64_t)time(NULL); }
int64_t clock_mono_ms(void) { return read_ns(CLOCK_MONOTONIC) / 1000000; }
int64_t clock_boot_ms(void) { return read_ns(CLOCK_BOOTTIME) / 1000000; }
int64_t clock_mono_ns(void) { return read_ns(CLOCK_MONOTONIC); }

char *clock_text(int64_t unix_s, char ret[CLOCK_TEXT])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(ret, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return ret;
}
