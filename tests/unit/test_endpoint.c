#include "test.h"

#include "hub/endpoint.h"

#include <stdio.h>
#include <unistd.h>

/* An environment: name, value, name, value, NULL. */
static const char *lookup(void *ctx, const char *name)
{
    for (const char *const *p = ctx; *p; p += 2)
        if (str_eq(*p, name))
            return p[1];
    return NULL;
}

#define READ(e, ...)                                        \
    ({                                                      \
        const char *_env[] = {__VA_ARGS__, NULL};           \
        AUTO_ERR struct err _err = {0};                     \
        assert_true(endpoint_read(e, lookup, _env, &_err)); \
    })

#define REFUSED(field, ...)                                    \
    ({                                                         \
        const char *_env[] = {__VA_ARGS__, NULL};              \
        AUTO_ERR struct err _err = {0};                        \
        struct endpoint _e;                                    \
        assert_false(endpoint_read(&_e, lookup, _env, &_err)); \
        assert_int_equal(_err.code, ERR_FIELD);                \
        assert_non_null(strstr(_err.facts.data, field));       \
    })

static void without_variables_it_is_the_public_hub(void **state)
{
    CLEANUP(endpoint_release) struct endpoint e;
    (void)state;

    READ(&e, "HOME", "/home/u");
    assert_string_equal(e.url, "https://huggingface.co");
    assert_string_equal(e.home, "/home/u/.cache/huggingface");
    assert_string_equal(e.cache_dir, "/home/u/.cache/huggingface/hub");
    assert_null(e.token);
    assert_false(e.offline);
    assert_int_equal(e.etag_timeout_ms, 10000);
}

static void folders_follow_the_documented_order(void **state)
{
    CLEANUP(endpoint_release) struct endpoint a, b, c, d;
    (void)state;

    READ(&a, "HOME", "/h", "XDG_CACHE_HOME", "/x");
    assert_string_equal(a.cache_dir, "/x/huggingface/hub");
    READ(&b, "HOME", "/h", "XDG_CACHE_HOME", "/x", "HF_HOME", "~/hf");
    assert_string_equal(b.cache_dir, "/h/hf/hub");
    READ(&c, "HOME", "/h", "HF_HOME", "/hf", "HUGGINGFACE_HUB_CACHE", "/old", "HF_HUB_CACHE",
         "$HOME/${SUB}/c", "SUB", "s");
    assert_string_equal(c.cache_dir, "/h/s/c");
    READ(&d, "HOME", "/h", "HF_HOME", "/hf", "HUGGINGFACE_HUB_CACHE", "/old");
    assert_string_equal(d.cache_dir, "/old");
}

static void unknown_variables_stay_as_written(void **state)
{
    const char *env[] = {"HOME", "/h", NULL};
    static const struct {
        const char *path, *expanded;
    } cases[] = {{"$NOPE/x", "$NOPE/x"}, {"${NOPE}x", "${NOPE}x"}, {"a$", "a$"},
                 {"${HOME", "${HOME"},   {"~user/x", "~user/x"},   {"~", "/h"},
                 {"a~", "a~"},           {"${HOME}$HOME", "/h/h"}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_FREE char *got = env_expand_path(cases[i].path, lookup, env);

        assert_string_equal(got, cases[i].expanded);
    }
}

static void truth_is_what_python_takes_for_true(void **state)
{
    static const char *const yes[] = {"1", "on", "YES", "True"};
    static const char *const no[] = {"", "0", "false", "y", "2", "enabled"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(env_is_true(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(env_is_true(no[i]));
    assert_false(env_is_true(NULL));
}

static void a_token_comes_from_the_variable_or_the_file(void **state)
{
    CLEANUP(endpoint_release) struct endpoint a, b, c, d;
    char path[] = "/tmp/token-XXXXXX";
    int fd = mkstemp(path);
    (void)state;

    assert_int_equal(write(fd, "  hf_file \n", 11), 11);
    close(fd);
    READ(&a, "HF_TOKEN_PATH", path);
    assert_string_equal(a.token, "hf_file");
    assert_string_equal(a.token_from, path);
    READ(&b, "HF_TOKEN_PATH", path, "HF_TOKEN", "hf_env\n");
    assert_string_equal(b.token, "hf_env");
    READ(&c, "HF_TOKEN_PATH", path, "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", "HF_TOKEN", "hf_env");
    assert_null(c.token);
    READ(&d, "HF_TOKEN_PATH", "/nonexistent/token");
    assert_null(d.token);
    unlink(path);
}

static void what_cannot_be_meant_is_named(void **state)
{
    (void)state;
    REFUSED("HF_ENDPOINT", "HF_ENDPOINT", "huggingface.co");
    REFUSED("HF_ENDPOINT", "HF_ENDPOINT", "ftp://hub");
    REFUSED("HF_ENDPOINT", "HF_ENDPOINT", "http://hub/?x=1");
    REFUSED("HF_HUB_ETAG_TIMEOUT", "HF_HUB_ETAG_TIMEOUT", "soon");
    REFUSED("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT", "-1");
    REFUSED("HF_TOKEN", "HF_TOKEN", "hf_a\r\nX-Evil: 1");
}

static void an_endpoint_loses_its_slashes(void **state)
{
    CLEANUP(endpoint_release) struct endpoint e;
    (void)state;

    READ(&e, "HF_ENDPOINT", "http://mirror:8080/hf//", "HF_HUB_OFFLINE", "yes");
    assert_string_equal(e.url, "http://mirror:8080/hf");
    assert_true(e.offline);
}

static void credentials_are_told_apart_without_being_told(void **state)
{
    char a[CREDENTIAL_SIZE], b[CREDENTIAL_SIZE], none[CREDENTIAL_SIZE];
    (void)state;

    credential_class("hf_a", a);
    credential_class("hf_b", b);
    credential_class(NULL, none);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 16);
    assert_string_equal(none, "anon");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_variables_it_is_the_public_hub),
        cmocka_unit_test(folders_follow_the_documented_order),
        cmocka_unit_test(unknown_variables_stay_as_written),
        cmocka_unit_test(truth_is_what_python_takes_for_true),
        cmocka_unit_test(a_token_comes_from_the_variable_or_the_file),
        cmocka_unit_test(what_cannot_be_meant_is_named),
        cmocka_unit_test(an_endpoint_loses_its_slashes),
        cmocka_unit_test(credentials_are_told_apart_without_being_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
