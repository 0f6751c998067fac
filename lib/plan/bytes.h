#pragma once
/*
 * Bytes: arithmetic with amounts of memory, and their text.
 *
 * Amounts come from files other people wrote, so any product may overflow. It
 * then stays at INT64_MAX: more than any device has, so the answer becomes
 * "does not fit" and not a small wrong number.
 */
#include "base/base.h"

enum { BYTES_TEXT = 32 };

static inline int64_t sat_mul(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_mul_overflow(a, b, &r) ? INT64_MAX : r;
}

static inline int64_t sat_add(int64_t a, int64_t b)
{
    int64_t r;
    return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}

static inline int64_t div_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

/* The integer part of a real, kept within int64_t; what is no number is 0. */
int64_t int_of_real(double v);

/* KiB, MiB, GiB or TiB with two decimals; below 1 MiB always KiB: "1.50 KiB". */
const char *bytes_text(int64_t bytes, char ret[BYTES_TEXT]);
