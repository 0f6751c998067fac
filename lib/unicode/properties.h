#pragma once
/*
 * Properties: what Unicode 16 says of code points, for regular expressions.
 *
 * General categories, scripts, binary properties and blocks are found by name
 * and given as sorted ranges; the POSIX brackets are not among them, for each
 * engine has its own. Category is also to be had of one code point.
 */
#include "base/base.h"

enum unicode_category {
    CATEGORY_CN, /* not assigned */
    CATEGORY_LU,
    CATEGORY_LL,
    CATEGORY_LT,
    CATEGORY_LM,
    CATEGORY_LO,
    CATEGORY_MN,
    CATEGORY_MC,
    CATEGORY_ME,
    CATEGORY_ND,
    CATEGORY_NL,
    CATEGORY_NO,
    CATEGORY_PC,
    CATEGORY_PD,
    CATEGORY_PS,
    CATEGORY_PE,
    CATEGORY_PI,
    CATEGORY_PF,
    CATEGORY_PO,
    CATEGORY_SM,
    CATEGORY_SC,
    CATEGORY_SK,
    CATEGORY_SO,
    CATEGORY_ZS,
    CATEGORY_ZL,
    CATEGORY_ZP,
    CATEGORY_CC,
    CATEGORY_CF,
    CATEGORY_CS,
    CATEGORY_CO,
};
/* Of any number; what is beyond U+10FFFF is CATEGORY_CN. */
enum unicode_category unicode_category(uint32_t cp);

/* Code points first to last, both included; sorted, with gaps between. */
struct unicode_range {
    uint32_t first, last;
};
struct unicode_ranges {
    struct unicode_range *items;
    size_t n, capacity;
};
void unicode_ranges_release(struct unicode_ranges *r);
#define AUTO_UNICODE_RANGES CLEANUP(unicode_ranges_release)

/*
 * The code points that have a property, by any of its names: "Lu", "Letter", "Han", "Hira",
 * "White_Space", "In_Basic_Latin" (a block), "Any". Case, spaces, "_" and "-" do not matter.
 * Replaces what *ret held. False: no such property.
 */
bool unicode_property(const char *name, size_t size, struct unicode_ranges *ret);

/*
 * Case folding. A code point may have a row for each: C + S is the simple folding, C + F the full
 * one. Turkish rules are not in it.
 */
enum unicode_fold { FOLD_BOTH, FOLD_FULL, FOLD_SIMPLE };
struct unicode_folding {
    uint32_t from;
    uint32_t to[3]; /* 0: no more */
    enum unicode_fold kind;
};
/* All rows, sorted by from. */
const struct unicode_folding *unicode_foldings(size_t *ret_n);
