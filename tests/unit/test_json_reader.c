#include "test.h"

#include "json/reader.h"
#include "json/writer.h"

#include <jansson.h>
#include <math.h>

static bool accepts(const char *text, size_t size)
{
    AUTO_ERR struct err err = {0};
    AUTO_JSON_READER struct json_reader r = json_reader(text, size);

    json_read_skip(&r);
    return json_read_end(&r, ERR_INVALID, "text", &err);
}

static void what_the_grammar_allows_is_taken_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"null", true},
        {" true ", true},
        {"false", true},
        {"0", true},
        {"-0", true},
        {"-0.5e+10", true},
        {"1E9", true},
        {"123456789012345678901234567890", true},
        {"\"\"", true},
        {"\"\\u00e9\\n\\/\\\"\"", true},
        {"\"\\ud83d\\ude00\"", true},
        {"[]", true},
        {"{}", true},
        {"[ 1 , 2 ]", true},
        {"{\"a\":{\"b\":[{}]},\"a\":1}", true},
        {"[[],{},[[]]]", true},
        {"\t\r\n [] \n", true},
        {"\"\xc3\xa9 and more than sixteen bytes\"", true},
        {"\"\\u0000\"", true},
        {"", false},
        {"  ", false},
        {"tru", false},
        {"nul", false},
        {"01", false},
        {"-", false},
        {"1.", false},
        {".5", false},
        {"1e", false},
        {"+1", false},
        {"NaN", false},
        {"Infinity", false},
        {"'a'", false},
        {"\"a", false},
        {"\"\\x\"", false},
        {"\"\\u12g4\"", false},
        {"\"\\ud83d\"", false},
        {"\"\\ude00\"", false},
        {"\"\\ud83d\\u0041\"", false},
        {"\"tab\tin it\"", false},
        {"\"\xff\"", false},
        {"\"\xc3\"", false},
        {"\"more than sixteen bytes \xed\xa0\x80\"", false},
        {"\"\\n\xc3(\"", false},
        {"[1,]", false},
        {"[,1]", false},
        {"[1 2]", false},
        {"[", false},
        {"[1", false},
        {"{\"a\"}", false},
        {"{\"a\":}", false},
        {"{\"a\":1,}", false},
        {"{a:1}", false},
        {"{1:1}", false},
        {"{\"a\":1 \"b\":2}", false},
        {"[}", false},
        {"{]", false},
        {"1 2", false},
        {"[] x", false},
        {"// c\n1", false},
        {"\xef\xbb\xbf[]", false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (accepts(cases[i].text, strlen(cases[i].text)) != cases[i].ok)
            fail_msg("%s", cases[i].text);
    assert_false(accepts("\"a\0b\"", 5));
}

static void members_are_read_one_after_another(void **state)
{
    static const char text[] = "{\"name\": \"a\\tb\", \"skip\": [1, {\"x\": [2]}], \"n\": -42,"
                               " \"r\": 1.5e3, \"yes\": true, \"no\": false, \"nil\": null,"
                               " \"list\": [1, 2, 3], \"k\\u0065y\": \"\\ud83d\\ude00\"}";
    AUTO_ERR struct err err = {0};
    AUTO_JSON_READER struct json_reader r = json_reader(text, sizeof(text) - 1);
    struct slice key, s;
    int64_t n = 0, sum = 0, item;
    double real = 0;
    bool yes = false, no = true;
    char name[8] = "", emoji[8] = "";
    (void)state;

    assert_true(json_read_object(&r));
    while (json_read_key(&r, &key)) {
        if (slice_eq(key, "name") && json_read_text(&r, &s))
            assert_true(slice_copy(s, name, sizeof(name)));
        else if (slice_eq(key, "n"))
            json_read_int(&r, &n);
        else if (slice_eq(key, "r"))
            json_read_real(&r, &real);
        else if (slice_eq(key, "yes"))
            json_read_bool(&r, &yes);
        else if (slice_eq(key, "no"))
            json_read_bool(&r, &no);
        else if (slice_eq(key, "nil"))
            assert_true(json_read_null(&r));
        else if (slice_eq(key, "list") && json_read_array(&r))
            while (json_read_item(&r) && json_read_int(&r, &item))
                sum += item;
        else if (slice_eq(key, "key") && json_read_text(&r, &s))
            assert_true(slice_copy(s, emoji, sizeof(emoji)));
        else if (slice_eq(key, "skip"))
            json_read_skip(&r);
    }
    assert_true(json_read_end(&r, ERR_INVALID, "text", &err));
    assert_string_equal(name, "a\tb");
    assert_string_equal(emoji, "\xf0\x9f\x98\x80");
    assert_int_equal(n, -42);
    assert_int_equal(sum, 6);
    assert_true(real == 1500);
    assert_true(yes && !no);
}

static void integers_fit_64_bits_or_are_faults(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"999999999999999999", true, 999999999999999999},
        {"-0", true, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_JSON_READER struct json_reader r = json_reader(cases[i].text, strlen(cases[i].text));
        int64_t v = 7;

        assert_int_equal(json_read_int(&r, &v), cases[i].ok);
        assert_int_equal(v, cases[i].ok ? cases[i].value : 7);
    }
}

static void a_fault_names_its_line_and_sticks(void **state)
{
    static const char text[] = "{\n  \"a\": 1,\n  \"b\": tru\n}";
    AUTO_ERR struct err err = {0};
    AUTO_JSON_READER struct json_reader r = json_reader(text, sizeof(text) - 1);
    struct slice key;
    int members = 0;
    (void)state;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        members++;
        json_read_skip(&r);
    }
    assert_int_equal(members, 2);
    assert_false(json_read_skip(&r));
    assert_int_equal(json_read_kind(&r), KIND_NONE);
    assert_false(json_read_end(&r, ERR_CONFIG_INVALID, "config.json", &err));
    assert_int_equal(err.code, ERR_CONFIG_INVALID);
    assert_non_null(strstr(err.msg, "config.json: line 3"));
    assert_non_null(strstr(err.facts.data, "\"line\":3"));
}

static void nesting_is_bounded(void **state)
{
    char text[4 * JSON_DEPTH_MAX];
    (void)state;

    for (int depth = JSON_DEPTH_DEFAULT - 1; depth <= JSON_DEPTH_DEFAULT + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(accepts(text, 2 * (size_t)depth), depth <= JSON_DEPTH_DEFAULT);
    }
}

static void raw_and_count_say_what_was_passed_over(void **state)
{
    static const char text[] = "[ {\"a\": [1,2], \"b\": {}} ,[1,[2,3],{}], 5]";
    AUTO_JSON_READER struct json_reader r = json_reader(text, sizeof(text) - 1);
    struct slice raw = {0};
    int64_t n = -1;
    (void)state;

    json_read_array(&r);
    assert_true(json_read_item(&r) && json_read_raw(&r, &raw));
    assert_true(slice_eq(raw, "{\"a\": [1,2], \"b\": {}}"));
    assert_true(json_read_item(&r) && json_read_count(&r, &n));
    assert_int_equal(n, 3);
    assert_true(json_read_item(&r) && json_read_count(&r, &n));
    assert_int_equal(n, 0);
    assert_false(json_read_item(&r));
}

static void a_copy_is_cut_between_code_points(void **state)
{
    char text[4];
    (void)state;

    assert_false(slice_copy((struct slice){"a\xc3\xa9\xc3\xa9", 5}, text, sizeof(text)));
    assert_string_equal(text, "a\xc3\xa9");
    assert_false(slice_copy((struct slice){"ab\xc3\xa9", 4}, text, sizeof(text)));
    assert_string_equal(text, "ab");
}

/* What the writer writes the reader reads, whatever bytes a string has. */
static void strings_survive_the_way_through_both(void **state)
{
    AUTO_BUF struct buf text = {0};
    unsigned seed = 1;
    (void)state;

    for (int round = 0; round < 2000; round++) {
        char bytes[48];
        size_t size = (size_t)rand_r(&seed) % sizeof(bytes);
        struct slice s;

        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)(rand_r(&seed) % 128);
        buf_clear(&text);
        json_write_str_n(&text, bytes, size);
        AUTO_JSON_READER struct json_reader r = json_reader(text.data, text.size);
        assert_true(json_read_text(&r, &s));
        assert_int_equal(s.size, size);
        if (size)
            assert_memory_equal(s.data, bytes, size);
    }
}

/* Kept strings are those that are not kept, and stay; faults are the same, at the same places. */
static void kept_strings_stay(void **state)
{
    static const char pieces[][8] = {"a",       "\\n",     "\\u00e9", "\xc3\xa9", "\\\"", "0123456",
                                     "\\ud83d", "\\ude00", "\xc3",    "\x01",     "\\x",  "\xa9"};
    unsigned seed = 3;
    (void)state;

    for (int round = 0; round < 20000; round++) {
        AUTO_BUF struct buf text = {0}, keep = {0};
        /* Most rounds take only what is right. */
        size_t n_pieces = rand_r(&seed) % 4 ? 6 : ARRAY_SIZE(pieces);
        struct slice want, first = {0}, s;

        buf_append_char(&text, '[');
        for (int item = 0; item < 2; item++) {
            buf_append_str(&text, item ? ",\"" : "\"");
            for (int n = rand_r(&seed) % 12; n > 0; n--)
                buf_append_str(&text, pieces[(size_t)rand_r(&seed) % n_pieces]);
            buf_append_char(&text, '"');
        }
        buf_append_char(&text, ']');
        buf_reserve(&keep, text.size + JSON_KEEP_ROOM);
        AUTO_JSON_READER struct json_reader plain = json_reader(text.data, text.size);
        AUTO_JSON_READER struct json_reader kept = json_reader(text.data, text.size);
        kept.keep = &keep;
        json_read_array(&plain);
        json_read_array(&kept);
        for (int item = 0; item < 2; item++) {
            AUTO_FREE char *copy = first.data ? slice_dup(first) : NULL;

            json_read_item(&plain), json_read_item(&kept);
            bool ok = json_read_text(&plain, &want);
            assert_int_equal(json_read_text(&kept, &s), ok);
            assert_ptr_equal(kept.fault, plain.fault);
            assert_int_equal(kept.fault_at, plain.fault_at);
            if (!ok)
                break;
            assert_int_equal(s.size, want.size);
            assert_memory_equal(s.data, want.data, s.size);
            if (copy)
                assert_memory_equal(first.data, copy, first.size);
            first = s;
        }
    }
}

static void numbers_are_written_as_printf_writes_them(void **state)
{
    AUTO_BUF struct buf b = {0};
    char text[40];
    uint32_t v[2] = {0};
    (void)state;

    json_write_u32s(&b, v, 0);
    assert_string_equal(b.data, "[]");
    for (uint64_t i = 0; i <= UINT32_MAX; i += 1 + i / 1000) {
        v[0] = (uint32_t)i;
        v[1] = UINT32_MAX - v[0];
        snprintf(text, sizeof(text), "[%u,%u]", v[0], v[1]);
        buf_clear(&b);
        json_write_u32s(&b, v, 2);
        assert_string_equal(b.data, text);
    }
}

/* Mutations of a document are taken or refused as jansson does. */
static void mutations_are_judged_as_jansson_judges_them(void **state)
{
    static const char seed_text[] =
        "{\"k\": [1, -2.5e3, true, null, \"\\u00e9\\n\xc3\xa9\"], \"o\": {\"a\": {}, \"b\": []}}";
    static const char bytes[] = "{}[],:\"\\ 019-+.eEutrfalsn\n\xc3\xa9";
    unsigned seed = 7;
    (void)state;

    for (int round = 0; round < 20000; round++) {
        char text[sizeof(seed_text)];
        size_t size = sizeof(seed_text) - 1;

        memcpy(text, seed_text, size);
        for (int n = 1 + rand_r(&seed) % 3; n > 0; n--)
            text[(size_t)rand_r(&seed) % size] = bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
        json_t *doc = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        bool theirs = doc != NULL;
        json_decref(doc);
        /* jansson refuses what does not fit a double; no such number is 5 bytes long. */
        if (theirs != accepts(text, size))
            fail_msg("%.*s: jansson says %d", (int)size, text, theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_grammar_allows_is_taken_and_nothing_else),
        cmocka_unit_test(members_are_read_one_after_another),
        cmocka_unit_test(integers_fit_64_bits_or_are_faults),
        cmocka_unit_test(a_fault_names_its_line_and_sticks),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(raw_and_count_say_what_was_passed_over),
        cmocka_unit_test(a_copy_is_cut_between_code_points),
        cmocka_unit_test(strings_survive_the_way_through_both),
        cmocka_unit_test(kept_strings_stay),
        cmocka_unit_test(numbers_are_written_as_printf_writes_them),
        cmocka_unit_test(mutations_are_judged_as_jansson_judges_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
