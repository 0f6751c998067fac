#pragma once
/*
 * Pattern: a regular expression of a tokenizer file, with Oniguruma's meaning
 * and Unicode 16, on UTF-8.
 *
 * PCRE2 does the matching, without its JIT (a hardened process has no memory that is
 * writable and executable). Its Unicode is older and its syntax another, so a
 * pattern is translated first: \p{…}, \s, \w, \d, \h, classes and what ignores
 * case become ranges from tables of our own. What cannot be translated exactly
 * is refused, with the place.
 */
#include "tokenizer/pieces.h"

struct pattern;
/*
 * Errors: COMBINATION with line "regex: …", offset and what it was.
 * The result is immutable; any number of threads.
 */
bool pattern_compile(const char *text, size_t size, struct pattern **ret,
                     struct err *err) MUST_CHECK;
void pattern_free(struct pattern *p);

struct pattern_scratch; /* one per thread */
struct pattern_scratch *pattern_scratch_new(void);
void pattern_scratch_free(struct pattern_scratch *s);

enum pattern_result { PATTERN_MATCH, PATTERN_NONE, PATTERN_LIMIT };

/*
 * The first match at or after `at`; what is before is looked at by lookbehind only.
 * Matches may be empty. LIMIT: it took more steps than a linear pattern needs.
 */
enum pattern_result pattern_find(const struct pattern *p, const char *text, size_t size, size_t at,
                                 struct pattern_scratch *scratch, struct span *ret);

/* Zero-initialised: at the begin. */
struct pattern_cursor {
    size_t at, last;
    bool has_last;
};
/* All matches, one after another: none empty right behind another, as the reference's find_iter. */
enum pattern_result pattern_next(const struct pattern *p, const char *text, size_t size,
                                 struct pattern_scratch *scratch, struct pattern_cursor *c,
                                 struct span *ret);
