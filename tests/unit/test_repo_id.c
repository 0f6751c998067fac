#include "test.h"

#include "hub/repo_id.h"

#include <stdio.h>

static void names_are_checked_once_and_for_all(void **state)
{
    static const struct {
        const char *model;
        bool ok;
    } cases[] = {
        {"gpt2", true},
        {"meta-llama/Llama-3.1-8B", true},
        {"a/b", true},
        {"a_b/c.d-e", true},
        {"/models/x", true},
        {"/", true},
        {"", false},
        {"a/b/c", false},
        {"a//b", false},
        {"/a/../b", false},
        {"/a/./b", false},
        {"../x", false},
        {"./x", false},
        {"~/x", false},
        {"-a/b", false},
        {"a-/b", false},
        {".a/b", false},
        {"a/b.", false},
        {"a/b--c", false},
        {"a/b..c", false},
        {"a/b.git", false},
        {"a b/c", false},
        {"a/b\\c", false},
        {"a/b\n", false},
        {"https://huggingface.co/a/b", false},
        {"a/\xc3\xa9", false},
        {"/a/\xff", false},
        {"a/", false},
        {"/a\\b", false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct model_ref ref;

        if (model_ref_parse(&ref, cases[i].model, NULL, NULL, &err) != cases[i].ok)
            fail_msg("%s: %s", cases[i].model, err.msg);
        if (!cases[i].ok)
            assert_non_null(strstr(err.facts.data, "\"field\":\"model\""));
    }
}

static void a_name_has_at_most_96_characters(void **state)
{
    AUTO_ERR struct err err = {0};
    struct model_ref ref;
    char name[98];
    (void)state;

    memset(name, 'a', 97);
    name[97] = '\0';
    assert_false(model_ref_parse(&ref, name, NULL, NULL, &err));
    name[96] = '\0';
    assert_true(model_ref_parse(&ref, name, NULL, NULL, &err));
}

static void a_path_has_one_spelling(void **state)
{
    AUTO_ERR struct err err = {0};
    struct model_ref ref;
    (void)state;

    assert_true(model_ref_parse(&ref, "//models///x/", "ignored", NULL, &err));
    assert_int_equal(ref.source, MODEL_LOCAL);
    assert_string_equal(ref.model, "/models/x");
}

static void revisions_are_branches_tags_requests_and_commits(void **state)
{
    static const struct {
        const char *revision;
        bool ok;
    } cases[] = {
        {"main", true},   {"v1.0", true},  {"refs/pr/9", true}, {"HEAD", true},   {"feat/x", true},
        {"..", false},    {"a..b", false}, {"/main", false},    {"main/", false}, {"a b", false},
        {"a~1", false},   {"a^", false},   {"a:b", false},      {"-d", false},    {"x.lock", false},
        {"a@{1}", false}, {"a\\b", false}, {"a//b", false},     {"a\x01", false}, {"x.", false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct model_ref ref;

        if (model_ref_parse(&ref, "a/b", cases[i].revision, NULL, &err) != cases[i].ok)
            fail_msg("%s", cases[i].revision);
    }
    assert_true(revision_is_commit("0123456789abcdef0123456789abcdef01234567"));
    assert_false(revision_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
    assert_false(revision_is_commit("0123456789abcdef0123456789abcdef0123456"));
}

static void a_subfolder_stays_inside(void **state)
{
    AUTO_ERR struct err err = {0};
    struct model_ref ref;
    (void)state;

    assert_true(model_ref_parse(&ref, "a/b", "", "text_encoder/", &err));
    assert_string_equal(ref.revision, "main");
    assert_string_equal(ref.subfolder, "text_encoder");
    assert_false(model_ref_parse(&ref, "a/b", NULL, "../x", &err));
    assert_false(model_ref_parse(&ref, "a/b", NULL, "/x", &err));
    assert_false(model_ref_parse(&ref, "a/b", NULL, "/", &err));
    assert_true(repo_path_valid("onnx/model.onnx"));
    assert_false(repo_path_valid(""));
    assert_false(repo_path_valid("a//b"));
    assert_false(repo_path_valid("a/.."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_checked_once_and_for_all),
        cmocka_unit_test(a_name_has_at_most_96_characters),
        cmocka_unit_test(a_path_has_one_spelling),
        cmocka_unit_test(revisions_are_branches_tags_requests_and_commits),
        cmocka_unit_test(a_subfolder_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
