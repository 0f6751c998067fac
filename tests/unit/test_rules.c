/*
 * Rules of the reference that no real tokenizer shows, each found by comparing generated ones. What
 * is expected is what the reference answers.
 */
#include "tokenizers.h"

/* Ids and code points as "id@start-end", with special tokens. */
static void assert_encodes(const char *json, const char *text, const char *expected)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(json);
    struct scratch *scratch = scratch_new(0);
    struct slice input = {text, strlen(text)};
    struct encode_options options = {.add_special_tokens = true,
                                     .offsets = true,
                                     .plain = true,
                                     .offset_unit = OFFSET_CODE_POINT};
    AUTO_BUF struct buf got = {0};
    AUTO_ERR struct err err = {0};
    struct encoded e = {0};
    struct id_list ids = {0};

    if (!tokenizer_encode(t, &(struct encode_input){&input, 1, false}, NULL, &options, scratch, &e,
                          &err) ||
        !tokenizer_encode_ids(t, text, strlen(text), true, scratch, &ids, &err))
        fail_msg("%s", err.msg);
    buf_append_str(&got, "");
    for (size_t i = 0; i < e.n; i++)
        buf_printf(&got, "%s%u@%u-%u", i ? " " : "", e.ids[i], e.offsets[i].start,
                   e.offsets[i].end);
    assert_string_equal(got.data, expected);
    assert_int_equal(ids.n, e.n);
    assert_memory_equal(ids.items, e.ids, ids.n * sizeof(*ids.items));
    id_list_release(&ids);
    encoded_release(&e);
    scratch_free(scratch);
}

static void bytes_that_an_affix_brought_reach_behind_the_piece(void **state)
{
    static const char json[] = "{\"model\":{\"type\":\"BPE\",\"unk_token\":null,\"continuing_"
                               "subword_prefix\":\"#\",\"byte_fallback\":"
                               "true,\"vocab\":{\"a\":0,\"<0xE4>\":10,\"<0xB8>\":11,\"<0xAD>\":12,"
                               "\"<0x23>\":13},\"merges\":[]}}";

    (void)state;
    assert_encodes(json, "a中", "0@0-1 13@1-2 10@1-2 11@1-2 12@4-5");
}

static void what_is_dropped_moves_the_places_of_what_follows(void **state)
{
    static const char json[] = "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":"
                               "false,\"trim_offsets\":false,\"use_"
                               "regex\":false},\"model\":{\"type\":\"BPE\",\"unk_token\":null,"
                               "\"vocab\":{\"a\":0,\"ð\":1,\"Ł\":2},\"merges"
                               "\":[]}}";

    (void)state;
    assert_encodes(json, ".😀", "1@0-2 2@1-2");
}

static void unknown_tokens_of_unigram_are_trimmed_by_their_text(void **state)
{
    static const char json[] = "{\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"a\","
                               "0],\"cls\":[\"b\",1],\"trim_offsets\""
                               ":true,\"add_prefix_space\":false},\"model\":{\"type\":\"Unigram\","
                               "\"unk_id\":0,\"vocab\":[[\"<unk>\",-"
                               "9],[\"a\",-1]]}}";

    (void)state;
    assert_encodes(json, "a  a", "1@0-0 1@0-1 0@3-3 1@3-4 0@0-0");
}

static void one_space_that_was_put_before_a_text_stays(void **state)
{
    static const char json[] = "{\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"a\","
                               "0],\"cls\":[\"b\",1],\"trim_offsets\""
                               ":true,\"add_prefix_space\":true},\"model\":{\"type\":\"Unigram\","
                               "\"unk_id\":0,\"vocab\":[[\"<unk>\",-9"
                               "],[\"a\",-1]]}}";

    (void)state;
    assert_encodes(json, " a", "1@0-0 0@0-0 1@1-2 0@0-0");
    assert_encodes(json, "  a", "1@0-0 0@2-2 1@2-3 0@0-0");
}

static void white_space_that_a_token_took_is_no_token_again(void **state)
{
    static const char json[] = "{\"added_tokens\":[{\"id\":2,\"content\":\"\\n\",\"single_word\":"
                               "false,\"lstrip\":true,\"rstrip\":true,"
                               "\"normalized\":false,\"special\":false}],\"model\":{\"type\":"
                               "\"BPE\",\"unk_token\":null,\"vocab\":{\"a\""
                               ":0,\"b\":1},\"merges\":[]}}";

    (void)state;
    assert_encodes(json, "\n\n", "2@0-2");
    assert_encodes(json, "a\n\nb", "0@0-1 2@1-3 1@3-4");
}

static void added_tokens_are_numbered_from_the_size_of_the_vocabulary(void **state)
{
    static const char json[] =
        "{\"added_tokens\":[{\"id\":9,\"content\":\"x\",\"single_word\":false,\"lstrip\":false,"
        "\"rstrip\":false"
        ",\"normalized\":false,\"special\":false},{\"id\":4,\"content\":\"b\",\"single_word\":"
        "false,\"lstrip\":"
        "false,\"rstrip\":false,\"normalized\":false,\"special\":false},{\"id\":9,\"content\":"
        "\"y\",\"single_w"
        "ord\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":false}],"
        "\"model\":{\""
        "type\":\"BPE\",\"unk_token\":null,\"vocab\":{\"a\":0,\"b\":4},\"merges\":[]}}";

    (void)state;
    assert_encodes(json, "axyb", "0@0-1 2@1-2 3@2-3 4@3-4");
}

static void of_added_tokens_with_one_id_the_last_is_found(void **state)
{
    static const char json[] = "{\"added_tokens\":[{\"id\":9,\"content\":\"x\",\"single_word\":"
                               "false,\"lstrip\":false,\"rstrip\":false"
                               ",\"normalized\":false,\"special\":false},{\"id\":2,\"content\":"
                               "\"b\",\"single_word\":false,\"lstrip\":"
                               "false,\"rstrip\":false,\"normalized\":false,\"special\":false}],"
                               "\"model\":{\"type\":\"BPE\",\"unk_tok"
                               "en\":\"a\",\"vocab\":{\"a\":0,\"b\":2},\"merges\":[]}}";

    (void)state;
    assert_encodes(json, "xb", "0@0-1 2@1-2");
}

static void a_template_without_the_text_leaves_it_out(void **state)
{
    static const char json[] = "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{"
                               "\"SpecialToken\":{\"id\":\"b\",\"type"
                               "_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{"
                               "\"Sequence\":{\"id\":\"B\",\"type_id\":0}"
                               "}],\"special_tokens\":{\"b\":{\"id\":\"b\",\"ids\":[1],\"tokens\":["
                               "\"b\"]}}},\"model\":{\"type\":\"BPE\",\"un"
                               "k_token\":null,\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}";

    (void)state;
    assert_encodes(json, "aa", "1@0-0");
}

static void assert_decodes(const struct tokenizer *t, uint32_t id, bool skip, const char *expected)
{
    struct scratch *scratch = scratch_new(0);
    struct decode_options options = {.skip_special_tokens = skip};
    AUTO_BUF struct buf got = {0};
    AUTO_ERR struct err err = {0};

    assert_true(tokenizer_decode(t, &id, 1, &options, scratch, &got, &err));
    assert_string_equal(got.data ? got.data : "", expected);
    scratch_free(scratch);
}

static void normalized_added_tokens_are_called_by_their_normalized_text(void **state)
{
#define ADDED(id, content, normalized, special)                                           \
    "{\"id\":" #id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false," \
    "\"rstrip\":false,\"normalized\":" #normalized ",\"special\":" #special "}"
    static const char json[] = "{\"normalizer\":{\"type\":\"Lowercase\"},\"added_tokens\":[" ADDED(
        2, "[C]", true,
        true) "," ADDED(3, "[D]", true,
                        false) "," ADDED(4, "[d]", false,
                                         true) "],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,"
                                               "\"b\":1},\"merges\":[]}}";
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(json);
    AUTO_BUF struct buf name = {0};

    (void)state;
    assert_encodes(json, "a[C]b[D]", "0@0-1 2@1-4 1@4-5 3@5-8");
    assert_true(tokenizer_token_name(t, 2, &name));
    assert_string_equal(name.data, "[c]");
    assert_int_equal(tokenizer_token_id(t, "[C]", 3), 2);
    assert_decodes(t, 2, true, "[c]"); /* no special token has that content */
    assert_decodes(t, 3, true, "");    /* … but one has this */
    assert_decodes(t, 3, false, "[d]");
}

static void a_sequence_of_no_post_processors_names_sequences(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t =
        make_tokenizer("{\"post_processor\":{\"type\":\"Sequence\",\"processors\":[]},"
                       "\"truncation\":{\"direction\":"
                       "\"Right\",\"max_length\":1,\"strategy\":\"LongestFirst\",\"stride\":0},"
                       "\"model\":{\"type\":"
                       "\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}");
    struct scratch *scratch = scratch_new(0);
    struct slice a = {"ab", 2}, b = {"a", 1};
    struct encode_options options = {.overflowing = true, .truncation = *tokenizer_truncation(t)};
    AUTO_ERR struct err err = {0};
    struct encoded e = {0};

    (void)state;
    options.truncation.max_length = 2;
    assert_true(tokenizer_encode(t, &(struct encode_input){&a, 1, false},
                                 &(struct encode_input){&b, 1, false}, &options, scratch, &e,
                                 &err));
    assert_int_equal(e.n_overflowing, 1);
    assert_int_equal(e.overflowing[0].sequence_ids[0], 0);
    encoded_release(&e);
    scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_an_affix_brought_reach_behind_the_piece),
        cmocka_unit_test(what_is_dropped_moves_the_places_of_what_follows),
        cmocka_unit_test(unknown_tokens_of_unigram_are_trimmed_by_their_text),
        cmocka_unit_test(one_space_that_was_put_before_a_text_stays),
        cmocka_unit_test(white_space_that_a_token_took_is_no_token_again),
        cmocka_unit_test(added_tokens_are_numbered_from_the_size_of_the_vocabulary),
        cmocka_unit_test(of_added_tokens_with_one_id_the_last_is_found),
        cmocka_unit_test(a_template_without_the_text_leaves_it_out),
        cmocka_unit_test(normalized_added_tokens_are_called_by_their_normalized_text),
        cmocka_unit_test(a_sequence_of_no_post_processors_names_sequences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
