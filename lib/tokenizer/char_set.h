#pragma once
/*
 * Char set: code points as ranges, for what patterns say of characters. Unicode 16.
 *
 * Ranges are sorted and do not touch. Zero-initialised is the empty set.
 */
#include "base/buf.h"

enum { CHAR_MAX_POINT = 0x10FFFF };

struct char_range {
    uint32_t first, last;
};

struct char_set {
    struct char_range *items;
    size_t n, capacity;
};

void char_set_release(struct char_set *s);
#define AUTO_CHAR_SET CLEANUP(char_set_release)

void char_set_add(struct char_set *s, uint32_t first, uint32_t last);
void char_set_add_all(struct char_set *s, const struct char_set *other);
void char_set_negate(struct char_set *s);
void char_set_intersect(struct char_set *s, const struct char_set *other);
bool char_set_has(const struct char_set *s, uint32_t c);
/* A property by one of its names: case, spaces, '-' and '_' do not count. False: none such. */
bool char_set_add_named(struct char_set *s, const char *name, size_t size);

/* ---- folding of case, CaseFolding C and F */

enum { CASE_SPELLING_MAX = 3 };

struct case_spelling {
    uint32_t c, n;
    uint32_t to[CASE_SPELLING_MAX];
};

/* What c becomes: one character in to[0], or several. */
struct case_spelling case_fold(uint32_t c);
/* Adds every character that folds to one that a member folds to. */
void char_set_close_case(struct char_set *s);
/* Adds the characters that fold to these n, n > 1. */
void char_set_add_spelled(struct char_set *s, const uint32_t *to, size_t n);
/* Goes through the characters that fold to several; *at is 0 first. False: there are no more. */
bool case_spelling_next(size_t *at, struct case_spelling *ret);

/* Appends the set as a class of PCRE2's; surrogates, which no text has, are left out. */
void char_set_print(const struct char_set *s, struct buf *out);
