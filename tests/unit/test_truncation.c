/* Truncation, what it cuts off, and padding, as the reference has them. */
#include "tokenizers.h"

static void truncated_encodings_are_those_of_the_reference(void **state)
{
    struct scratch *scratch = scratch_new(0);
    json_t *cases = golden("truncate"), *test;
    size_t i;

    (void)state;
    assert_true(json_array_size(cases) >= 150);
    json_array_foreach(cases, i, test) assert_golden_encoding(test, i, scratch);
    scratch_free(scratch);
}

static bool truncate(struct truncation truncation, struct slice text, struct err *err)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct scratch *scratch = scratch_new(0);
    struct encode_options options = {.overflowing = true, .truncation = truncation};
    struct encode_input input = {&text, 1, false};
    struct encoded e = {0};
    bool ok = tokenizer_encode(t, &input, &input, &options, scratch, &e, err);

    encoded_release(&e);
    scratch_free(scratch);
    return ok;
}

static void a_stride_that_leaves_nothing_is_refused(void **state)
{
    AUTO_ERR struct err err = {0};
    struct truncation truncation = {.set = true, .max_length = 4, .stride = 2, .side = SIDE_RIGHT};

    (void)state;
    assert_false(truncate(truncation, (struct slice){"a b c d e", 9}, &err));
    assert_int_equal(err.code, ERR_COMBINATION);
    assert_non_null(strstr(err.msg, "stride"));
}

static void overflow_that_multiplies_is_refused(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf text = {0};
    struct truncation truncation = {.set = true, .max_length = 2, .side = SIDE_RIGHT};

    (void)state;
    for (int i = 0; i < 2000; i++)
        buf_append_str(&text, "e"); /* one word: tokenizing does not stop early */
    assert_false(truncate(truncation, (struct slice){text.data, text.size}, &err));
    assert_int_equal(err.code, ERR_COMBINATION);
    assert_non_null(strstr(err.msg, "overflowing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_encodings_are_those_of_the_reference),
        cmocka_unit_test(a_stride_that_leaves_nothing_is_refused),
        cmocka_unit_test(overflow_that_multiplies_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
