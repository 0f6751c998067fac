#include "test.h"

#include "base/err.h"
#include "tokenizer/pattern.h"

#include <stdio.h>

/* All matches of pattern in text, as "3-5 7-7"; the error's message when it is refused. */
static const char *matches(const char *pattern, const char *text)
{
    static char out[400];
    AUTO_ERR struct err err = {0};
    struct pattern *p;
    struct pattern_scratch *scratch;
    struct pattern_cursor cursor = {0};
    struct span span;
    size_t n = 0;

    out[0] = '\0';
    if (!pattern_compile(pattern, strlen(pattern), &p, &err)) {
        snprintf(out, sizeof(out), "%s", err.msg);
        return out;
    }
    scratch = pattern_scratch_new();
    while (pattern_next(p, text, strlen(text), scratch, &cursor, &span) == PATTERN_MATCH)
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%u-%u", n ? " " : "", span.start,
                              span.end);
    pattern_scratch_free(scratch);
    pattern_free(p);
    return out;
}

static void classes_know_unicode_16(void **state)
{
    (void)state;
    assert_string_equal(matches("\\p{L}+", "a\u00e9 \U0001e5d0!"), "0-3 4-8"); /* Ol Onal */
    assert_string_equal(matches("[\\p{Han}&&[^\u65e5]]+", "\u65e5\u672c"), "3-6");
    assert_string_equal(matches("[^\\s\\p{L}]+", "a\u00a0!b"), "3-4");
    assert_string_equal(matches("[[:punct:]]", "$a"), "0-1");
    assert_string_equal(matches("\\p{Punct}", "$a!"), "2-3");
}

static void superscripts_are_word_characters_outside_of_classes_only(void **state)
{
    (void)state;
    assert_string_equal(matches("\\w+", "a\u00b2"), "0-3");
    assert_string_equal(matches("[\\w]+", "a\u00b2"), "0-1");
    assert_string_equal(matches("a\\b", "a\u00b2"), "");
}

static void case_folds_to_several_characters(void **state)
{
    (void)state;
    assert_string_equal(matches("(?i)stra\u00dfe", "STRASSE"), "0-7");
    assert_string_equal(matches("(?i)ss", "\u1e9e s\u017f"), "0-3 4-7");
    assert_string_equal(matches("(?i)[\ufb01]", "FI"), "0-2");
    assert_string_equal(matches("(?i:\\p{Lu})", "aB"), "1-2");
    assert_string_equal(matches("(?i:[\\p{Lu}])", "aB"), "0-1 1-2");
}

static void repeats_mean_what_they_mean_to_oniguruma(void **state)
{
    (void)state;
    assert_string_equal(matches("a{1,2}+b", "aaaab"), "0-5");
    assert_string_equal(matches("a{2}?b", "b"), "0-1");
    assert_string_equal(matches("a{,2}b", "aaab"), "1-4");
    assert_string_equal(matches("a++ab", "aab"), "");
    assert_string_equal(matches("a{x", "a{x"), "0-3");
}

static void empty_matches_come_as_from_find_iter(void **state)
{
    (void)state;
    assert_string_equal(matches("a*", "baac"), "0-0 1-3 4-4");
    assert_string_equal(matches("", "\u00e9"), "0-0 2-2");
}

static void lookaround_sees_what_is_before_the_search(void **state)
{
    (void)state;
    assert_string_equal(matches("(?<=a|bc)x", "ax bcx cx"), "1-2 5-6");
    assert_string_equal(matches("\\s+(?!\\S)", "a   b  "), "1-3 5-7");
    assert_string_equal(matches("^b|c$", "a\nb\nc"), "2-3 4-5");
}

static void what_is_not_supported_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_string_equal(matches("ab\\X", ""), "regex: offset 2: this escape is not supported");
    assert_string_equal(matches("a(?s:b)", ""), "regex: offset 3: undefined group option");
    assert_string_equal(matches("\\p{Nope}", ""), "regex: offset 0: no property Nope is known");
    assert_string_equal(matches("[z-a]", ""), "regex: offset 1: empty range in a class");
    assert_string_equal(matches("x(a", ""), "regex: offset 1: ) is missing");
    assert_string_equal(matches("a)", ""), "regex: offset 1: ) without (");
    assert_string_equal(matches("*a", ""), "regex: offset 0: there is nothing to repeat");
    assert_string_equal(matches("b(?<=a+)", ""),
                        "regex: offset 1: a lookbehind must have alternatives of fixed length");
}

static enum pattern_result last_result(const char *pattern, const char *text, size_t size)
{
    AUTO_ERR struct err err = {0};
    struct pattern *p;
    struct pattern_scratch *scratch = pattern_scratch_new();
    struct pattern_cursor cursor = {0};
    struct span span;
    enum pattern_result result;

    assert_true(pattern_compile(pattern, strlen(pattern), &p, &err));
    do
        result = pattern_next(p, text, size, scratch, &cursor, &span);
    while (result == PATTERN_MATCH);
    pattern_scratch_free(scratch);
    pattern_free(p);
    return result;
}

static void a_pattern_that_backtracks_too_much_runs_into_its_limit(void **state)
{
    enum { SIZE = 1 << 18 };
    AUTO_FREE char *text = mem_alloc(SIZE);

    (void)state;
    memset(text, 'a', SIZE);
    assert_int_equal(last_result("(?:a|a)*b", text, 64), PATTERN_LIMIT);
    assert_int_equal(last_result("a+[bc]", text, SIZE), PATTERN_LIMIT);
    assert_int_equal(last_result("[ab]*?c", text, SIZE), PATTERN_LIMIT);
}

static void patterns_of_real_models_stay_far_from_the_limit(void **state)
{
    enum { SIZE = 1 << 18 };
    static const char words[] =
        "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
        "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    AUTO_FREE char *text = mem_alloc(SIZE);

    (void)state;
    for (const char *c = "a !\n1"; *c; c++) {
        memset(text, *c, SIZE);
        text[SIZE - 1] = 'x';
        assert_int_equal(last_result(words, text, SIZE), PATTERN_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_know_unicode_16),
        cmocka_unit_test(superscripts_are_word_characters_outside_of_classes_only),
        cmocka_unit_test(case_folds_to_several_characters),
        cmocka_unit_test(repeats_mean_what_they_mean_to_oniguruma),
        cmocka_unit_test(empty_matches_come_as_from_find_iter),
        cmocka_unit_test(lookaround_sees_what_is_before_the_search),
        cmocka_unit_test(what_is_not_supported_is_refused_with_its_place),
        cmocka_unit_test(a_pattern_that_backtracks_too_much_runs_into_its_limit),
        cmocka_unit_test(patterns_of_real_models_stay_far_from_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
