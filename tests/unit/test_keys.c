#include "test.h"

#include "daemon/keys.h"

#include <stdio.h>
#include <unistd.h>

static bool load(struct keys *k, const char *text, struct err *err)
{
    char path[] = "/tmp/test_keys.XXXXXX";
    int fd = mkstemp(path);
    bool ok;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    ok = keys_load(k, path, err);
    unlink(path);
    return ok;
}

static void a_key_that_was_made_is_found_and_no_other(void **state)
{
    AUTO_BUF struct buf line = {0};
    AUTO_BUF struct buf file = {0};
    AUTO_ERR struct err err = {0};
    struct keys k = {0};
    char key[KEY_TEXT];
    const struct key *found;
    (void)state;

    assert_true(keys_make("ci", SCOPE_READ | SCOPE_WRITE, key, &line, &err));
    buf_printf(&file, "# who\n\n%s\n", line.data);
    assert_true(load(&k, file.data, &err));
    found = keys_find(&k, key, strlen(key));
    assert_non_null(found);
    assert_string_equal(found->name, "ci");
    assert_int_equal(found->scopes, SCOPE_READ | SCOPE_WRITE);
    assert_null(strstr(file.data, key)); /* only its digest is kept */
    key[10] ^= 1;
    assert_null(keys_find(&k, key, strlen(key)));
    assert_null(keys_find(&k, "", 0));
    keys_release(&k);
}

static void admin_may_do_everything(void **state)
{
    AUTO_ERR struct err err = {0};
    unsigned bits;
    char text[40];
    (void)state;

    assert_true(scopes_parse("admin", &bits, &err));
    assert_int_equal(bits, SCOPE_ALL);
    scopes_print(bits, text);
    assert_string_equal(text, "admin");
    scopes_print(SCOPE_READ | SCOPE_TOKENIZE, text);
    assert_string_equal(text, "read,tokenize");
    assert_false(scopes_parse("read,", &bits, &err));
    assert_false(scopes_parse("root", &bits, &err));
    assert_non_null(strstr(err.msg, "read, tokenize, write and admin"));
}

static void a_broken_file_says_which_line(void **state)
{
    static const char *const bad[] = {
        "a read\n",
        "a read sha256:00\n",
        "a read md5:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
        "a/b read sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
        "a rd sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
        "a read sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff x\n",
    };
    struct keys k = {0};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_ERR struct err err = {0};
        AUTO_FREE char *text = str_printf("# first\n%s", bad[i]);

        assert_false(load(&k, text, &err));
        assert_non_null(strstr(err.msg, ":2: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_was_made_is_found_and_no_other),
        cmocka_unit_test(admin_may_do_everything),
        cmocka_unit_test(a_broken_file_says_which_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
