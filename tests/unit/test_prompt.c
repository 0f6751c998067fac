/* Masks of the assistant's tokens, as transformers finds them. */
#include "test.h"

#include "pipeline/prompt.h"

/* Tokens at these places; spans at those; the mask as text. */
static void assert_mask(struct offset *offsets, size_t n, struct template_span *items,
                        size_t n_items, const char *want)
{
    AUTO_BUF struct buf mask = {0};
    const struct encoded e = {.offsets = offsets, .n = n};
    const struct template_spans spans = {items, n_items, n_items};

    prompt_mask(&spans, &e, &mask);
    assert_int_equal(mask.size, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(mask.data[i], want[i] - '0');
}
#define SPANS(...)                         \
    (struct template_span[]){__VA_ARGS__}, \
        sizeof((struct template_span[]){__VA_ARGS__}) / sizeof(struct template_span)
#define OFFSETS(...) \
    (struct offset[]){__VA_ARGS__}, sizeof((struct offset[]){__VA_ARGS__}) / sizeof(struct offset)

static void tokens_from_the_first_character_to_the_last_are_marked(void **state)
{
    (void)state;
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}, {6, 8}), SPANS({2, 6}), "0110");
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}, {6, 8}), SPANS({3, 5}), "0110");
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}, {6, 8}), SPANS({2, 4}, {6, 8}), "0101");
    assert_mask(OFFSETS({0, 1}, {1, 2}, {1, 2}, {1, 2}, {2, 3}), SPANS({1, 2}), "01000");
    assert_mask(OFFSETS({0, 1}, {1, 2}, {1, 2}, {1, 2}, {2, 3}), SPANS({1, 3}), "01111");
}

static void added_tokens_and_padding_have_no_place(void **state)
{
    (void)state;
    assert_mask(OFFSETS({0, 0}, {0, 2}, {2, 4}, {0, 0}), SPANS({2, 4}), "0010");
    assert_mask(OFFSETS({0, 0}, {0, 0}, {0, 2}, {2, 4}), SPANS({0, 2}), "0010");
}

static void an_end_without_a_token_marks_all_that_follows(void **state)
{
    (void)state;
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}), SPANS({2, 9}), "011");
    assert_mask(OFFSETS({0, 2}, {2, 3}, {4, 6}, {6, 7}), SPANS({2, 4}), "0111");
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}), SPANS({0, 1}), "111"); /* the first of all */
}

static void a_begin_without_a_token_ends_the_search(void **state)
{
    (void)state;
    assert_mask(OFFSETS({4, 6}, {6, 8}), SPANS({2, 5}, {6, 8}), "00");
    assert_mask(OFFSETS({0, 2}, {2, 4}), SPANS({2, 4}, {6, 8}), "01");
}

static void an_empty_block_marks_a_token_it_is_inside_of(void **state)
{
    (void)state;
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}), SPANS({0, 0}, {3, 3}), "010");
    assert_mask(OFFSETS({0, 2}, {2, 4}, {4, 6}), SPANS({4, 4}), "000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_from_the_first_character_to_the_last_are_marked),
        cmocka_unit_test(added_tokens_and_padding_have_no_place),
        cmocka_unit_test(an_end_without_a_token_marks_all_that_follows),
        cmocka_unit_test(a_begin_without_a_token_ends_the_search),
        cmocka_unit_test(an_empty_block_marks_a_token_it_is_inside_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
