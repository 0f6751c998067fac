/* Decoding as the reference does it, at once and bit by bit. */
#include "tokenizers.h"

#include "tokenizer/decoder.h"

static void assert_decodes(const struct tokenizer *t, const uint32_t *ids, size_t n,
                           const struct decode_options *options, struct scratch *scratch,
                           const char *want, size_t where)
{
    struct decode_stream *stream = decode_stream_new(t, options);
    AUTO_BUF struct buf whole = {0}, streamed = {0};
    AUTO_ERR struct err err = {0};

    assert_true(tokenizer_decode(t, ids, n, options, scratch, &whole, &err));
    buf_append(&whole, "", 0);
    if (want && !str_eq(whole.data, want))
        fail_msg("case %zu: \"%s\" instead of \"%s\"", where, whole.data, want);
    for (size_t i = 0; i < n; i++) {
        assert_true(decode_stream_push(stream, ids + i, 1, &streamed, &err));
        /* What was given is final. */
        assert_true(streamed.size <= whole.size);
        if (streamed.size)
            assert_memory_equal(streamed.data, whole.data, streamed.size);
    }
    assert_true(decode_stream_end(stream, &streamed, &err));
    buf_append(&streamed, "", 0);
    assert_string_equal(streamed.data, whole.data);
    decode_stream_free(stream);
}

static void texts_are_those_of_the_reference(void **state)
{
    struct scratch *scratch = scratch_new(0);
    json_t *cases = golden("decode"), *test;
    size_t i;

    (void)state;
    assert_true(json_array_size(cases) >= 200);
    json_array_foreach(cases, i, test)
    {
        AUTO_TOKENIZER struct tokenizer *t =
            make_tokenizer(json_string_value(json_object_get(test, "tokenizer")));
        json_t *list = json_object_get(test, "ids");
        struct decode_options options = {.skip_special_tokens =
                                             json_is_true(json_object_get(test, "skip"))};
        uint32_t ids[32];
        size_t n = json_array_size(list);

        assert_true(n <= ARRAY_SIZE(ids));
        for (size_t k = 0; k < n; k++)
            ids[k] = int_at(list, k);
        assert_decodes(t, ids, n, &options, scratch,
                       json_string_value(json_object_get(test, "text")), i);
        options.clean_up_spaces = true;
        assert_decodes(t, ids, n, &options, scratch, NULL, i);
    }
    scratch_free(scratch);
}

static void ids_that_no_token_has_are_named(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct scratch *scratch = scratch_new(0);
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};
    struct decode_options options = {0};

    (void)state;
    buf_append_str(&out, "before");
    assert_false(
        tokenizer_decode(t, (uint32_t[]){0, 9, 1, 4000000000u}, 4, &options, scratch, &out, &err));
    assert_int_equal(err.code, ERR_FIELD);
    assert_non_null(strstr(err.facts.data, "\"ids\":[9,4000000000]"));
    assert_string_equal(out.data, "before");
    scratch_free(scratch);
}

static void each_part_that_is_no_utf8_becomes_one_sign(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xe2\x82", "\xef\xbf\xbd"}, /* cut short: one */
        {"\xe2\x28\xa1", "\xef\xbf\xbd(\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xf0\x9f\x98\x80\xf0\x9f\x98", "\xf0\x9f\x98\x80\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BUF struct buf out = {0};

        append_lossy(&out, cases[i].in, strlen(cases[i].in));
        assert_string_equal(out.data, cases[i].out);
    }
}

static void spaces_are_cleaned_up_as_transformers_does(void **state)
{
    AUTO_BUF struct buf text = {0};

    (void)state;
    buf_append_str(&text, "keep . this ; do not . I 'm , you 're n't ' s ? no !");
    clean_up_spaces(&text, 5);
    assert_string_equal(text.data, "keep . this ; do not. I'm, you'ren't's? no!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_the_reference),
        cmocka_unit_test(ids_that_no_token_has_are_named),
        cmocka_unit_test(each_part_that_is_no_utf8_becomes_one_sign),
        cmocka_unit_test(spaces_are_cleaned_up_as_transformers_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
