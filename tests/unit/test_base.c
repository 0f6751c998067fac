#include "test.h"

#include "base/blob.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "json/writer.h"

static void a_buf_grows_and_gives_its_content_away(void **state)
{
    struct buf b = {0};
    (void)state;

    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i % 10);
    assert_int_equal(b.size, 2000);
    AUTO_FREE char *text = buf_take(&b);
    assert_int_equal(strlen(text), 2000);
    assert_null(b.data);
}

static void digests_are_those_of_the_tools(void **state)
{
    char sha256[SHA256_HEX], sha1[SHA1_HEX];
    (void)state;

    hash_sha256_hex("abc", 3, sha256);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_git_blob_hex("hello\n", 6, sha1); /* git hash-object */
    assert_string_equal(sha1, "ce013625030ba8dba906f756967f9e9ca394464a");
}

static void utf8_faults_are_found_where_they_are(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        int bad; /* -1: none */
    } cases[] = {
        {"plain ascii, longer than a word", 31, -1},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, -1},
        {"ab\xff", 3, 2},
        {"\xc0\x80", 2, 0},         /* overlong NUL */
        {"\xed\xa0\x80", 3, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
        {"12345678\xe2\x82", 10, 8},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t bad = 99;

        assert_int_equal(utf8_valid(cases[i].text, cases[i].size, &bad), cases[i].bad < 0);
        if (cases[i].bad >= 0)
            assert_int_equal(bad, cases[i].bad);
    }
}

/* Every two, three and four bytes that begin or end a range, at every place in and between blocks.
 */
static void utf8_faults_are_found_in_long_texts(void **state)
{
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                    0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5};
    enum { N = ARRAY_SIZE(edges), SIZE = 130 };
    uint8_t text[SIZE];
    (void)state;

    for (size_t n = 0; n < N * N * N * N; n++) {
        uint8_t part[4] = {edges[n % N], edges[n / N % N], edges[n / N / N % N],
                           edges[n / N / N / N]};
        size_t at = n * 7 % (SIZE - 4), short_bad = 99, long_bad = 99;

        memset(text, 'a', sizeof(text));
        memcpy(text + at, part, 4);
        uint8_t few[5] = {part[0], part[1], part[2], part[3], 'a'};
        bool valid = utf8_valid(few, 5, &short_bad);
        assert_int_equal(utf8_valid(text, SIZE, &long_bad), valid);
        if (!valid)
            assert_int_equal(long_bad, at + short_bad);
    }
}

static void json_text_is_always_valid(void **state)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    (void)state;

    json_open(&j, '{');
    json_str(&j, "a\"b", "tab\t nul-free \x01 bad \xff end");
    json_number(&j, "r", 0.1);
    json_number(&j, "whole", 3);
    json_key(&j, "list"), json_open(&j, '[');
    json_item(&j), json_write_int(&b, -7);
    json_item(&j), json_write_null(&b);
    json_close(&j, ']');
    json_close(&j, '}');
    assert_string_equal(b.data, "{\"a\\\"b\":\"tab\\t nul-free \\u0001 bad \xef\xbf\xbd end\","
                                "\"r\":0.1,\"whole\":3.0,\"list\":[-7,null]}");
}

static void nearest_names_come_first(void **state)
{
    static const char *const names[] = {"MistralForCausalLM", "LlamaForCausalLM", "BertModel",
                                        "LlamaForCausalLMEagle"};
    const char *near[NEAREST_MAX];
    (void)state;

    assert_int_equal(nearest("lamaForCausalLM", names, ARRAY_SIZE(names), near), 3);
    assert_string_equal(near[0], "LlamaForCausalLM");
    assert_int_equal(nearest("zzzzzzzzz", names, ARRAY_SIZE(names), near), 0);
    assert_int_equal(nearest("bert", names, ARRAY_SIZE(names), near), 1);
}

static void an_error_carries_its_facts(void **state)
{
    static const char *const tasks[] = {"a", "b"};
    AUTO_ERR struct err err = {0};
    (void)state;

    assert_false(err_set(&err, ERR_TASK_NOT_FOUND, "no %s", "task"));
    err_fact_strv(&err, "available", tasks, 2);
    err_fact_int(&err, "limit", 3);
    err_wrap(&err, "model %d", 7);
    assert_string_equal(err.msg, "model 7: no task");
    assert_string_equal(err.facts.data, "\"available\":[\"a\",\"b\"],\"limit\":3");
    assert_string_equal(err_slug(err.code), "task-not-found");
}

static void a_blob_is_counted_and_tagged(void **state)
{
    struct blob *b = blob_new("{}", 2);
    (void)state;

    assert_int_equal(strlen(b->etag), 34);
    assert_ptr_equal(blob_ref(b), b);
    blob_unref(b);
    assert_string_equal(b->bytes, "{}");
    blob_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buf_grows_and_gives_its_content_away),
        cmocka_unit_test(digests_are_those_of_the_tools),
        cmocka_unit_test(utf8_faults_are_found_where_they_are),
        cmocka_unit_test(utf8_faults_are_found_in_long_texts),
        cmocka_unit_test(json_text_is_always_valid),
        cmocka_unit_test(nearest_names_come_first),
        cmocka_unit_test(an_error_carries_its_facts),
        cmocka_unit_test(a_blob_is_counted_and_tagged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
