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

/* Padding, what is tried, padding: at every place within what is looked at at once. */
static void try_everywhere(const char *what, bool good, const char *behind)
{
    static const char *const paddings[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    for (size_t p = 0; p < ARRAY_SIZE(paddings); p++)
        for (int before = 0; before < 70; before++) {
            AUTO_BUF struct buf b = {0};
            size_t at, bad = SIZE_MAX;

            for (int i = 0; i < before; i++)
                buf_append_str(&b, paddings[p]);
            at = b.size;
            buf_append_str(&b, what);
            for (int i = 0; i < 40; i++)
                buf_append_str(&b, behind);
            assert_int_equal(utf8_valid(b.data, b.size, &bad), good);
            if (!good)
                assert_int_equal(bad, at);
        }
}

static void utf8_is_judged_alike_at_every_place(void **state)
{
    static const char *const good[] = {"\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", ""};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xff",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xc3",
                                      "\xe2",
                                      "\xe2\x82",
                                      "\xf0\x9f",
                                      "\xf0\x9f\x98",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80"};
    static const char *const behind[] = {"a", "\xc3\xa9", "\xe2\x82\xac", ""};
    (void)state;

    for (size_t k = 0; k < ARRAY_SIZE(behind); k++) {
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
            try_everywhere(good[i], true, behind[k]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
            try_everywhere(bad[i], false, behind[k]);
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
        cmocka_unit_test(utf8_is_judged_alike_at_every_place),
        cmocka_unit_test(json_text_is_always_valid),
        cmocka_unit_test(nearest_names_come_first),
        cmocka_unit_test(an_error_carries_its_facts),
        cmocka_unit_test(a_blob_is_counted_and_tagged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
