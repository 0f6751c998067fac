#pragma once
/*
 * Pattern, translated: Oniguruma's syntax to PCRE2's.
 *
 * PCRE2 sees characters, explicit ranges, groups and repeats only. Behind every
 * repeat without a bound stands a callout, by which pattern.c counts steps.
 */
#include "base/err.h"

struct pattern_source {
    struct buf text;   /* for PCRE2: UTF, MULTILINE, DOTALL, newline is LF */
    size_t lookbehind; /* offset of the first one in the original; SIZE_MAX: none */
};

/* Errors: COMBINATION with the offset of what it does not know, or that is no pattern at all. */
bool pattern_translate(const char *text, size_t size, struct pattern_source *ret,
                       struct err *err) MUST_CHECK;
