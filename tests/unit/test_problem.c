#include "test.h"

#include "api/problem.h"

#include <jansson.h>

static void every_code_has_a_status_a_title_and_an_explanation(void **state)
{
    (void)state;
    for (int code = ERR_NONE + 1; code < N_ERR_CODES; code++) {
        const struct problem *p = problem_of((enum err_code)code);
        enum err_code found;

        if (code != ERR_INTERNAL && p == problem_of(ERR_INTERNAL))
            fail_msg("%s has no row in api/problem.c", err_slug((enum err_code)code));
        assert_in_range(p->status, 400, 599);
        assert_true(p->title && *p->title && p->text && *p->text);
        assert_true(problem_find(err_slug((enum err_code)code), &found));
        assert_int_equal(found, code);
    }
    enum err_code none;
    assert_false(problem_find("none", &none));
}

static json_t *render(const struct err *err, const char *id)
{
    AUTO_BUF struct buf text = {0};
    json_t *doc;

    problem_write(&text, err, id);
    doc = json_loadb(text.data, text.size, 0, NULL);
    assert_non_null(doc);
    return doc;
}

static void a_document_has_its_facts_and_names_its_request(void **state)
{
    AUTO_ERR struct err err = {0};
    json_t *doc;
    (void)state;

    err_set(&err, ERR_DOES_NOT_FIT, "\"quotes\" and \xff");
    err_fact_int(&err, "limit", 7);
    doc = render(&err, "01a20a8b-9ee5-7d0d-b0a5-1dcd39fae65c");
    assert_string_equal(json_string_value(json_object_get(doc, "instance")),
                        "urn:uuid:01a20a8b-9ee5-7d0d-b0a5-1dcd39fae65c");
    assert_string_equal(json_string_value(json_object_get(doc, "type")), "/problems/does-not-fit");
    assert_int_equal(json_integer_value(json_object_get(doc, "limit")), 7);
    json_decref(doc);
    doc = render(&err, "mine");
    assert_string_equal(json_string_value(json_object_get(doc, "instance")), "urn:request:mine");
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_status_a_title_and_an_explanation),
        cmocka_unit_test(a_document_has_its_facts_and_names_its_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
