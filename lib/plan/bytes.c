#include "plan/bytes.h"

#include <math.h>
#include <stdio.h>

int64_t int_of_real(double v)
{
    if (isnan(v))
        return 0;
    if (v >= 9223372036854775807.0)
        return INT64_MAX;
    if (v <= -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)v;
}

const char *bytes_text(int64_t bytes, char ret[BYTES_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes / 1024;
    size_t u = 0;

    while (fabs(v) >= 1024 && u + 1 < ARRAY_SIZE(units)) {
        v /= 1024;
        u++;
    }
    snprintf(ret, BYTES_TEXT, "%.2f %s", v, units[u]);
    return ret;
}
