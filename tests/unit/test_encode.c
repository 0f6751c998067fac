/* Encoding as the reference does it; and every other way to ids against that. */
#include "tokenizers.h"

#include "tokenizer/prefix.h"

static void encodings_are_those_of_the_reference(void **state)
{
    struct scratch *scratch = scratch_new(0);
    json_t *cases = golden("encode"), *test;
    size_t i;

    (void)state;
    assert_true(json_array_size(cases) >= 60);
    json_array_foreach(cases, i, test) assert_golden_encoding(test, i, scratch);
    scratch_free(scratch);
}

static void what_is_not_utf8_is_refused_with_its_place(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct scratch *scratch = scratch_new(0);
    AUTO_ERR struct err err = {0};
    struct id_list ids = {0};

    (void)state;
    assert_false(tokenizer_encode_ids(t, "ab\xff", 3, false, scratch, &ids, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.facts.data, "\"offset\":2"));
    assert_int_equal(ids.n, 0);
    id_list_release(&ids);
    scratch_free(scratch);
}

static void words_that_are_cut_already_keep_their_numbers(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct scratch *scratch = scratch_new(0);
    AUTO_ERR struct err err = {0};
    struct slice words[] = {{"ab", 2}, {"", 0}, {"\xc3\xa9 c", 4}};
    struct encode_options options = {.offsets = true};
    struct encoded e = {0};

    (void)state;
    assert_true(tokenizer_encode(t, &(struct encode_input){words, 3, true}, NULL, &options, scratch,
                                 &e, &err));
    assert_int_equal(e.n, 3);
    assert_int_equal(e.word_ids[0], 0);
    assert_int_equal(e.word_ids[1], 2);
    assert_int_equal(e.word_ids[2], 2);
    assert_int_equal(e.offsets[2].start, 2); /* of its word, in characters */
    options.offset_unit = OFFSET_BYTE;
    assert_true(tokenizer_encode(t, &(struct encode_input){words, 3, true}, NULL, &options, scratch,
                                 &e, &err));
    assert_int_equal(e.offsets[2].start, 3);
    encoded_release(&e);
    scratch_free(scratch);
}

/* A special token, a part of it that is special too, one that takes spaces, and one that is normal.
 */
#define GUARDED_JSON(normalized, strip)                                                          \
    "{\"added_tokens\":[{\"id\":6,\"content\":\"<m>\",\"single_word\":false,\"lstrip\":false,"   \
    "\"rstrip\":false,\"normalized\":" normalized ",\"special\":true},"                          \
    "{\"id\":7,\"content\":\"<m>>\",\"single_word\":false,\"lstrip\":" strip ","                 \
    "\"rstrip\":" strip ",\"normalized\":false,\"special\":true},"                               \
    "{\"id\":8,\"content\":\"<n>\",\"single_word\":false,\"lstrip\":false,"                      \
    "\"rstrip\":false,\"normalized\":false,\"special\":false}],"                                 \
    "\"normalizer\":{\"type\":\"Lowercase\"},"                                                   \
    "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"post_processor\":null,\"decoder\":null," \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":null,\"vocab\":{\"a\":0,\"b\":1,\"<\":2,\"m\":3," \
    "\">\":4,\"ab\":5},\"merges\":[[\"a\",\"b\"]]}}"

/* The ids of a text whose bytes [start, end) are guarded, by both ways. */
static void assert_guarded(const struct tokenizer *t, const char *text, uint32_t start,
                           uint32_t end, const uint32_t *want, size_t n)
{
    struct scratch *scratch = scratch_new(0);
    AUTO_ERR struct err err = {0};
    struct slice slice = {text, strlen(text)};
    struct span part = {start, end};
    struct encoded e = {0};

    for (int plain = 0; plain < 2; plain++) {
        struct encode_options options = {.plain = plain, .guard = {&part, start < end}};

        assert_true(tokenizer_encode(t, &(struct encode_input){&slice, 1, false}, NULL, &options,
                                     scratch, &e, &err));
        assert_int_equal(e.n, n);
        assert_memory_equal(e.ids, want, n * sizeof(*want));
    }
    encoded_release(&e);
    scratch_free(scratch);
}
#define ASSERT_GUARDED(t, text, start, end, ...)                                 \
    do {                                                                         \
        const uint32_t want[] = {__VA_ARGS__};                                   \
        assert_guarded(t, text, start, end, want, sizeof(want) / sizeof(*want)); \
    } while (0)

static void special_tokens_that_touch_a_guarded_part_are_text(void **state)
{
    static const char *const kinds[] = {
        GUARDED_JSON("false", "false"), GUARDED_JSON("true", "false"),
        GUARDED_JSON("false", "true"), GUARDED_JSON("true", "true")};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(kinds[i]);

        ASSERT_GUARDED(t, "ab<m>ab<m>", 0, 0, 5, 6, 5, 6);
        ASSERT_GUARDED(t, "ab<m>ab<m>", 0, 5, 5, 2, 3, 4, 5, 6);
        ASSERT_GUARDED(t, "ab<m>ab<m>", 4, 8, 5, 2, 3, 4, 5, 2, 3, 4);
        ASSERT_GUARDED(t, "ab<m>ab<m>", 5, 7, 5, 6, 5, 6);
        /* The longer one reaches into what is guarded, the shorter one does not. */
        ASSERT_GUARDED(t, "<m>>", 0, 0, 7);
        ASSERT_GUARDED(t, "<m>>", 3, 4, 6, 4);
        ASSERT_GUARDED(t, "<n><m>", 0, 6, 8, 2, 3, 4);
    }
}

static void places_of_guarded_tokens_are_those_of_the_original(void **state)
{
    /* Lowercase makes two bytes more of U+0130, so bytes of the normalized text are others. */
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(GUARDED_JSON("true", "false"));

    (void)state;
    ASSERT_GUARDED(t, "\xc4\xb0\xc4\xb0<m>ab<m>", 9, 12, 6, 5, 2, 3, 4);
    ASSERT_GUARDED(t, "\xc4\xb0\xc4\xb0<m>ab<m>", 4, 7, 2, 3, 4, 5, 6);
}

/* Long enough for blocks, parts and streams. */
static void make_text(struct buf *text, size_t size)
{
    unsigned seed = 3;

    while (text->size < size) {
        static const char *const words[] = {"ab", "cdab", "\xc3\xa9", "<m>", "dabcde", "e", "  "};
        buf_append_str(text, words[(unsigned)rand_r(&seed) % ARRAY_SIZE(words)]);
        buf_append_str(text, " ");
    }
}

static void streams_parts_and_cached_prefixes_give_the_same_ids(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct scratch *scratch = scratch_new(0);
    struct encode_stream *stream = encode_stream_new(t, true);
    struct prefix_cache *cache = prefix_cache_new(1 << 20);
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf text = {0};
    struct id_list whole = {0}, streamed = {0}, cached = {0};
    struct prefix_use use;

    (void)state;
    make_text(&text, 100000);
    assert_true(tokenizer_encode_ids(t, text.data, text.size, true, scratch, &whole, &err));
    for (size_t at = 0; at < text.size; at += 701)
        assert_true(encode_stream_push(stream, text.data + at,
                                       text.size - at < 701 ? text.size - at : 701, scratch,
                                       &streamed, &err));
    assert_true(streamed.n > whole.n / 2);
    assert_true(encode_stream_end(stream, scratch, &streamed, &err));
    assert_int_equal(streamed.n, whole.n);
    assert_memory_equal(streamed.items, whole.items, whole.n * sizeof(*whole.items));
    for (int i = 0; i < 2; i++) {
        cached.n = 0;
        assert_true(
            prefix_encode(cache, t, text.data, text.size, true, scratch, &cached, &use, &err));
        assert_int_equal(cached.n, whole.n);
        assert_memory_equal(cached.items, whole.items, whole.n * sizeof(*whole.items));
        assert_true(i ? use.bytes > text.size / 2 : true);
    }
    id_list_release(&whole);
    id_list_release(&streamed);
    id_list_release(&cached);
    prefix_cache_free(cache);
    encode_stream_free(stream);
    scratch_free(scratch);
}

static void chunks_cover_the_text_and_overlap_as_asked(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct scratch *scratch = scratch_new(0);
    AUTO_ERR struct err err = {0};
    struct id_list ids = {0};
    struct chunks chunks = {0};
    static const char text[] = "ab cd \xc3\xa9 ab e d ab";

    (void)state;
    assert_true(tokenizer_chunk(t, text, strlen(text), 3, 1, scratch, &ids, &chunks, &err));
    assert_int_equal(chunks.items[0].bytes.start, 0);
    assert_int_equal(chunks.items[chunks.n - 1].bytes.end, strlen(text));
    for (size_t i = 0; i < chunks.n; i++) {
        assert_true(chunks.items[i].n_tokens <= 3);
        if (i)
            assert_int_equal(chunks.items[i].first_token,
                             chunks.items[i - 1].first_token + chunks.items[i - 1].n_tokens - 1);
    }
    assert_false(tokenizer_chunk(t, text, strlen(text), 3, 3, scratch, &ids, &chunks, &err));
    assert_int_equal(err.code, ERR_FIELD);
    id_list_release(&ids);
    chunks_release(&chunks);
    scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_are_those_of_the_reference),
        cmocka_unit_test(what_is_not_utf8_is_refused_with_its_place),
        cmocka_unit_test(words_that_are_cut_already_keep_their_numbers),
        cmocka_unit_test(special_tokens_that_touch_a_guarded_part_are_text),
        cmocka_unit_test(places_of_guarded_tokens_are_those_of_the_original),
        cmocka_unit_test(streams_parts_and_cached_prefixes_give_the_same_ids),
        cmocka_unit_test(chunks_cover_the_text_and_overlap_as_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
