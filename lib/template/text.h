#pragma once
/*
 * Text: what Python's str does, on UTF-8.
 *
 * Case and classes are those of Python's own tables (unicode_tables.h). All
 * bytes given must be valid UTF-8.
 */
#include "base/base.h"

/* The code point at p, of *ret_size bytes. */
uint32_t text_at(const char *p, size_t *ret_size);
/* The start of the code point that ends before p. */
static inline const char *text_before(const char *p)
{
    do
        p--;
    while (((unsigned char)*p & 0xc0) == 0x80);
    return p;
}
size_t text_count(const char *data, size_t size); /* code points */
/* Bytes of the first n code points, at most size. */
size_t text_skip(const char *data, size_t size, size_t n);

bool text_is_space(uint32_t cp); /* as str.isspace() and \s */
bool text_is_printable(uint32_t cp);
bool text_is_alpha(uint32_t cp);
bool text_is_decimal(uint32_t cp);
bool text_is_digit(uint32_t cp);
bool text_is_numeric(uint32_t cp);
bool text_is_alnum(uint32_t cp);
bool text_is_lower(uint32_t cp);
bool text_is_upper(uint32_t cp);
bool text_is_title(uint32_t cp);
bool text_is_case_ignorable(uint32_t cp);

enum { TEXT_CASE_MAX = 12 };
enum text_case { CASE_UPPER, CASE_LOWER, CASE_TITLE };
/* The mapping of one code point as UTF-8: 1 to TEXT_CASE_MAX bytes. */
size_t text_map(uint32_t cp, enum text_case to, char ret[TEXT_CASE_MAX]);

/* Bytes to leave away at the start, at the end. set NULL: white space. */
size_t text_lspan(const char *data, size_t size, const char *set, size_t set_size);
size_t text_rspan(const char *data, size_t size, const char *set, size_t set_size);
