/* Once warm, encoding and decoding need no memory: not a single call of the allocator. */
#include "tokenizers.h"

/* The linker sends all calls of these from the library here (meson.build). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static size_t n_calls;

void *__wrap_malloc(size_t size)
{
    n_calls++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    n_calls++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    n_calls++;
    return __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    n_calls++;
    return __real_aligned_alloc(alignment, size);
}

static const char text[] =
    "The quick brown fox, it's <s> abc ab cab\n\n  12345 <m>bc! \xc3\x89t\xc3\xa9 na\xc3\xafve "
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xf0\x9f\x98\x80 e\xcc\x81 a\xe2\x96\x81"
    "b \x01\t done";

struct out {
    struct encoded encoded;
    struct id_list ids;
    struct buf decoded;
};

/* All ways once. False: this tokenizer refuses the text. */
static bool all_ways(const struct tokenizer *t, bool specials, struct scratch *scratch,
                     struct out *out)
{
    static const struct slice word = {text, sizeof(text) - 1};
    const struct encode_input input = {&word, 1, false};
    const struct encode_options offsets = {.add_special_tokens = specials, .offsets = true};
    AUTO_ERR struct err err = {0};
    size_t n;

    if (!tokenizer_encode(t, &input, NULL, &offsets, scratch, &out->encoded, &err))
        return false;
    out->ids.n = 0;
    assert_true(
        tokenizer_encode_ids(t, text, sizeof(text) - 1, specials, scratch, &out->ids, &err));
    assert_true(tokenizer_count(t, text, sizeof(text) - 1, specials, scratch, &n, &err));
    assert_int_equal(n, out->ids.n);
    for (int skip = 0; skip < 2; skip++) {
        const struct decode_options options = {.skip_special_tokens = skip,
                                               .clean_up_spaces = skip};

        buf_clear(&out->decoded);
        assert_true(tokenizer_decode(t, out->ids.items, out->ids.n, &options, scratch,
                                     &out->decoded, &err));
    }
    return true;
}

static void nothing_is_allocated_a_second_time(void **state)
{
    static const char *const groups[] = {"encode", "truncate", "decode"};
    size_t n_tokenizers = 0;
    (void)state;

    for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
        json_t *cases = golden(groups[g]), *test;
        const char *before = "";
        size_t i;

        json_array_foreach(cases, i, test)
        {
            const char *json = json_string_value(json_object_get(test, "tokenizer"));

            if (str_eq(json, before))
                continue;
            before = json;
            AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(json);
            struct scratch *scratch = scratch_new(0);
            struct out out = {0};

            if (all_ways(t, true, scratch, &out)) {
                assert_true(all_ways(t, true, scratch, &out));
                n_calls = 0;
                assert_true(all_ways(t, true, scratch, &out));
                if (n_calls)
                    fail_msg("%s case %zu: %zu calls; %s", groups[g], i, n_calls, json);
                n_tokenizers++;
            }
            encoded_release(&out.encoded);
            id_list_release(&out.ids);
            buf_release(&out.decoded);
            scratch_free(scratch);
        }
    }
    assert_true(n_tokenizers > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_a_second_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
