#include "tokenizer/load_number.h"

#include <math.h>
#include <stdio.h>

static bool is_digit(const char *p, const char *end) { return p < end && *p >= '0' && *p <= '9'; }

/* 10^n as the nearest double, n from 0 to 308: what a table written in decimal would hold. */
static double power_of_ten(int n)
{
    static const double small[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    char text[8];

    if ((size_t)n < ARRAY_SIZE(small))
        return small[n];
    snprintf(text, sizeof(text), "1e%d", n);
    return strtod(text, NULL);
}

static bool scale(double f, int exponent, double *ret)
{
    while (abs(exponent) > 308) {
        if (f == 0)
            break;
        if (exponent > 0)
            return false;
        f /= 1e308;
        exponent += 308;
    }
    if (f != 0)
        f = exponent >= 0 ? f * power_of_ten(exponent) : f / power_of_ten(-exponent);
    *ret = f;
    return isfinite(f);
}

static int explicit_exponent(const char *p, const char *end)
{
    bool negative = *p == '-';
    int e = 0;

    if (*p == '-' || *p == '+')
        p++;
    for (; is_digit(p, end); p++)
        if (e < 100000)
            e = e * 10 + (*p - '0');
    return negative ? -e : e;
}

bool number_as_serde(const char *text, size_t size, double *ret)
{
    const char *p = text, *end = text + size;
    bool negative = p < end && *p == '-', full = false;
    uint64_t significand = 0;
    int exponent = 0;
    double f;

    if (negative)
        p++;
    for (int fraction = 0; p < end; p++) {
        if (*p == '.') {
            fraction = 1;
            continue;
        }
        if (!is_digit(p, end))
            break;
        unsigned digit = (unsigned)(*p - '0');
        if (full || significand > (UINT64_MAX - digit) / 10) {
            full = true; /* further digits only count before the point */
            exponent += !fraction && exponent < 100000;
            continue;
        }
        significand = significand * 10 + digit;
        exponent -= fraction;
    }
    if (p < end && (*p | 0x20) == 'e')
        exponent += explicit_exponent(p + 1, end);
    if (!scale((double)significand, exponent, &f))
        return false;
    *ret = negative ? -f : f;
    return true;
}
