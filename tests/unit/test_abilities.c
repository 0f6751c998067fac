/* What a template can do, and what it reads. */
#include "test.h"

#include "template/abilities.h"

static struct template_abilities abilities(const char *text)
{
    AUTO_TEMPLATE struct template *t = NULL;
    AUTO_ERR struct err err = {0};

    if (!template_compile(text, strlen(text), &t, &err))
        fail_msg("%s", err.msg);
    return template_try(t);
}

static void a_plain_template_shows_every_role(void **state)
{
    struct template_abilities a =
        abilities("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                  "{% if add_generation_prompt %}<assistant>{% endif %}");

    (void)state;
    assert_true(a.system);
    assert_true(a.generation_prompt);
    assert_false(a.tools);
    assert_false(a.tool_calls);
    assert_false(a.generation_spans);
    assert_int_equal(a.modes.content, CONTENT_STRING);
}

static void a_template_that_refuses_a_system_message_has_none(void **state)
{
    struct template_abilities a = abilities(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
        "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}");

    (void)state;
    assert_false(a.system);
    assert_false(a.generation_prompt);
    assert_true(a.generation_spans);
}

static void a_template_that_drops_a_system_message_has_none(void **state)
{
    (void)state;
    assert_false(abilities("{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}"
                           "{% endif %}{% endfor %}")
                     .system);
}

static void tools_and_their_calls_are_told_apart(void **state)
{
    struct template_abilities a = abilities("{{ tools|tojson if tools }}{% for m in messages %}"
                                            "{{ m.content }}{% endfor %}");

    (void)state;
    assert_true(a.tools);
    assert_false(a.tool_calls);
    a = abilities("{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}"
                  "{{ c.function.name }}{{ c.function.arguments|tojson }}{% endfor %}{% endfor %}");
    assert_false(a.tools);
    assert_true(a.tool_calls);
    assert_false(abilities("{% if tools %}tools{% endif %}").tools); /* none is shown */
}

static void a_template_without_end_is_given_up(void **state)
{
    struct template_abilities a =
        abilities("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}");

    (void)state;
    assert_false(a.system || a.tools || a.tool_calls || a.generation_prompt);
}

static void variables_are_what_it_reads_besides(void **state)
{
    static const char text[] = "{{ bos_token }}{% set own = 1 %}{{ own }}{% if enable_thinking %}"
                               "{{ date_string }}{% endif %}{{ messages }}{{ range(3) }}";
    AUTO_TEMPLATE struct template *t = NULL;
    AUTO_ERR struct err err = {0};
    struct slice names[8];

    (void)state;
    assert_true(template_compile(text, strlen(text), &t, &err));
    assert_int_equal(template_variables(t, names, 8), 2);
    assert_true(slice_eq(names[0], "enable_thinking"));
    assert_true(slice_eq(names[1], "date_string"));
    assert_int_equal(template_variables(t, names, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_template_shows_every_role),
        cmocka_unit_test(a_template_that_refuses_a_system_message_has_none),
        cmocka_unit_test(a_template_that_drops_a_system_message_has_none),
        cmocka_unit_test(tools_and_their_calls_are_told_apart),
        cmocka_unit_test(a_template_without_end_is_given_up),
        cmocka_unit_test(variables_are_what_it_reads_besides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
