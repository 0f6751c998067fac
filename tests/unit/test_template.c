/*
 * Templates: what each rule of Jinja's comes to. The outputs were made with
 * Jinja2 3.1; tests/e2e/test_template.py compares many more with the real one.
 */
#include "template/template.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>

static const int64_t now_s = 1721995200; /* 2024-07-26 12:00 UTC */

struct example {
    const char *template;
    const char *text; /* NULL: it fails */
    const char *exception;
};

static bool render(const char *text, size_t size, const struct template_inputs *in,
                   const struct template_options *options, struct buf *out, struct err *err)
{
    AUTO_TEMPLATE struct template *t = NULL;

    return template_compile(text, size, &t, err) && template_render(t, in, options, out, NULL, err);
}

static void check(const struct example *examples, size_t n)
{
    struct template_options options = {.now_s = &now_s};
    struct template_inputs in = {.messages = {"[]", 2}};

    for (size_t i = 0; i < n; i++) {
        const struct example *e = &examples[i];
        AUTO_ERR struct err err = {0};
        AUTO_BUF struct buf out = {0};
        bool ok = render(e->template, strlen(e->template), &in, &options, &out, &err);

        if (ok != (e->text != NULL))
            fail_msg("%s: %s", e->template, ok ? out.data : err.msg);
        if (ok)
            assert_string_equal(out.data ? out.data : "", e->text);
        else if (e->exception)
            assert_non_null(strstr(err.facts.data, e->exception));
    }
}

static void white_space_around_tags(void **state)
{
    static const struct example examples[] = {
        {"one\n{% if 1 %}\ntwo\n{% endif %}\nthree", "one\ntwo\nthree"},
        {"one\n   {% if 1 %} \ntwo{% endif %}\n", "one\n \ntwo"},
        {"q  {% if 1 %}r{% endif %}", "q  r"},
        {"  {{ 4 }}\n  {{- 5 -}}  \n 6", "  456"},
        {"{#- gone -#}\n k", "k"},
        {"k {# gone #}\n l", "k  l"},
        {"  {# gone #}\n l", " l"},
        {"{%+ if 1 %}z{% endif %}", "z"},
        {"  {%+ if 1 %}z{% endif %}", "  z"},
        {"{% if 1 +%}\nz{% endif %}", "\nz"},
        {"k\n\n{%- set v=1 %}\n\nl", "k\nl"},
        {"{% raw %}{{ v }}{% endraw %}", "{{ v }}"},
        {"{{ 'k' }}\n", "k"},
        {"{{ 'k' }}\n\n", "k\n"},
        {"\r\n{% if 1 %}\r\nz\r\n{% endif %}\r\n", "\nz\n"},
        {"{{ '{% no tag %}' }}", "{% no tag %}"},
        {"{% set v %}\n k\n{% endset %}<{{v}}>", "< k\n>"},
        {"{% filter trim %}  k {% endfilter %}.", "k."},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void loops_and_their_variable(void **state)
{
    static const struct example examples[] = {
        {"{% for n in [4,5,6] if n>4 %}{{loop.index}}{{n}}{{loop.last}}{% endfor %}",
         "15False26True"},
        {"{% for n in [] %}z{% else %}none{% endfor %}", "none"},
        {"{% for n in [7,8,9] %}{% if n==8 %}{{ loop.previtem }}{{ loop.nextitem }}{% endif %}"
         "{% endfor %}",
         "79"},
        {"{% set p, q = (3,4) %}{{p}}{{q}}", "34"},
        {"{% for c in 'xy' %}{{c}}{% endfor %}{% for k in {'w':1} %}{{k}}{% endfor %}", "xyw"},
        {"{% for n in [1] %}{% break %}{% else %}else{% endfor %}", "else"},
        {"{% set v = 1 %}{% for n in [2,3] %}{{ v }}{% set v = n %}{{ v }}{% endfor %}{{ v }}",
         "12131"},
        {"{% for n in [1] %}[{{ late }}]{% endfor %}{% set late = 1 %}", "[]"},
        {"{% for n in 5 %}{% endfor %}", NULL, "TypeError"},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void values_print_as_python_prints_them(void **state)
{
    static const struct example examples[] = {
        {"{{ \"x\\ty\\\\n\\\"\" }}", "x\ty\\n\""},
        {"{{ 'v' ~ {'k':[2,none,false,'t']} }}", "v{'k': [2, None, False, 't']}"},
        {"{{ 4.0 }} {{ 2e3 }} {{ 2.5e-7 }} {{ 1e16 }} {{ 20|string + 'k' }}",
         "4.0 2000.0 2.5e-07 1e+16 20k"},
        {"{{ [\"it's\", 'q\"', 'both\\'\"'] }}", "[\"it's\", 'q\"', 'both\\'\"']"},
        {"{{ ['\\xa0', '\\u200b', 'é'] }}", "['\\xa0', '\\u200b', 'é']"},
        {"{{ (1,) }} {{ () }} {{ {}.items() }} {{ range(3) }}",
         "(1,) () dict_items([]) range(0, 3)"},
        {"{{ 99999999999999999999 }}", "99999999999999999999"},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void operators_are_pythons(void **state)
{
    static const struct example examples[] = {
        {"{{ [4,5,6][-2:] }} {{ 'xyz'[:-1] }} {{ [4,5,6,7][::2] }}", "[5, 6] xy [4, 6]"},
        {"{{ 2 < 3 < 4 }} {{ 'k' < 'l' }} {{ [2] == [2] }} {{ 2 == 2.0 }} {{ '2' == 2 }} "
         "{{ true == 1 }}",
         "True True True True False True"},
        {"{{ 'xy' * 2 }} {{ 2**4 }} {{ 8 % 3 }} {{ -8 % 3 }} {{ -7 // 2 }}", "xyxy 16 2 1 -4"},
        {"{{ 2 + 'k' }}", NULL, "TypeError"},
        {"{{ 'k' + 2 }}", NULL, "TypeError"},
        {"{{ 1 // 0 }}", NULL, "ZeroDivisionError"},
        {"{{ 9223372036854775807 + 1 }}", NULL, "OverflowError"},
        {"{{ '%s=%d' % ('k',2) }} {{ '{}={}'.format(2,'k') }}", "k=2 2=k"},
        {"{{ range(3)|list }} {{ range(2,5)|list }} {{ range(6,0,-3)|list }}",
         "[0, 1, 2] [2, 3, 4] [6, 3]"},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void undefined_is_soft_until_it_is_used(void **state)
{
    static const struct example examples[] = {
        {"{{ 'Y' if z else 'N' }}", "N"},
        {"{{ not z }} {{ z == none }} {{ z is none }} {{ z is defined and z }}",
         "True False False False"},
        {"{{ {'k':2}.get('l') }} {{ {'k':2}.get('l','m') }} {{ {'k':2}['l'] }}|", "None m |"},
        {"{{ {'k':2}.l.m }}", NULL, "UndefinedError"},
        {"{{ z + 'k' }}", NULL, "UndefinedError"},
        {"{{ z() }}", NULL, "UndefinedError"},
        {"{{ ''.__class__.x }}", NULL, "SecurityError"},
        {"{{ [].append(1) }}", NULL, "SecurityError"},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void filters_tests_and_methods(void **state)
{
    static const struct example examples[] = {
        {"{{ 6 is number }} {{ true is number }} {{ 2.5 is float }} {{ true is integer }} "
         "{{ none is defined }}",
         "True True True False True"},
        {"{{ \"it's <\" | tojson }} {{ {'b': [1, 2.0]}|tojson(indent=1) }}",
         "\"it's <\" {\n \"b\": [\n  1,\n  2.0\n ]\n}"},
        {"{{ ' k\\u00a0' | trim }}|", "k|"},
        {"{{ 'x-y_z w'|title }} {{ 'TWO three'|capitalize }} {{ 'ß'|upper }}",
         "X-Y_z W Two three SS"},
        {"{{ [{'k':3},{'k':2}]|sort(attribute='k')|map(attribute='k')|list }}", "[2, 3]"},
        {"{{ {'l':1,'k':2}|items|list }} {{ {'l':1}.keys()|list }} {{ {'l':1}.values()|list }}",
         "[('l', 1), ('k', 2)] ['l'] [1]"},
        {"{{ 'k,l'.split(',')|join('+') }} {{ 'xyz'|list }} {{ 'xyz'|first }} {{ [3,4]|last }}",
         "k+l ['x', 'y', 'z'] x 4"},
        {"{{ 'text'|indent(3) }}|{{ 'k\\nl\\n\\nm'|indent(2) }}|{{ 'k\\nl'|indent(1,first=True) }}",
         "text|k\n  l\n\n  m| k\n l"},
        {"{{ 'kZlZ'.replace('Z','.') }} {{ 'kZlZ'|replace('Z','.',1) }}", "k.l. k.lZ"},
        {"{{ 'xyz'.find('z') }} {{ 'xyz'.index('y') }} {{ 'k'.isdigit() }} {{ 'K'.lower() }} "
         "{{ 'xyx'.count('x') }}",
         "2 1 False k 2"},
        {"{{ '+'.join(['k','l']) }} {{ 'k'.rjust(4) }}", "k+l    k"},
        {"{{ '<k>'|safe + '<l>' }} {{ '<l>' ~ '<k>'|safe }}", "<k>&lt;l&gt; <l><k>"},
        {"{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"},
        {"{% if 0 %}{{ 1|nosuch }}{% endif %}ok", "ok"},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void macros_namespaces_and_blocks(void **state)
{
    static const struct example examples[] = {
        {"{% macro f(k, l='L') %}{{k}}{{l}}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1,2,3,m=4) "
         "}}",
         "12(3,){'m': 4}"},
        {"{% macro f(k) %}{{k}}{% endmacro %}{{ f(1, z=2) }}", NULL, "TypeError"},
        {"{% macro f() %}[{{ caller(2) }}]{% endmacro %}{% call(n) f() %}{{ n }}{% endcall %}",
         "[2]"},
        {"{{ namespace(k=2).k }} {% set ns = namespace() %}{% set ns.v = [] %}{{ ns.v }}"
         "{% set ns.v = ns.v + [3] %}{{ ns.v }}",
         "2 [][3]"},
        {"{% set d = {} %}{% set d.k = 1 %}", NULL, "TemplateRuntimeError"},
        {"{% if [] %}1{% else %}0{% endif %}{% if {} %}1{% else %}0{% endif %}"
         "{% if 0 %}1{% else %}0{% endif %}{% if '' %}1{% else %}0{% endif %}",
         "0000"},
    };
    (void)state;
    check(examples, ARRAY_SIZE(examples));
}

static void faults_are_found_when_a_template_is_compiled(void **state)
{
    static const struct {
        const char *template;
        int line, column;
    } faults[] = {
        {"{% macro f(k, *l) %}{% endmacro %}", 1, 15},
        {"a\né {{ 1 + }}", 2, 10},
        {"{% if 1 %}", 1, 11},
        {"{{ 'no end }}", 1, 4},
        {"{% include 'k' %}", 1, 4},
        {"\n{{ 1|nosuch }}", 2, 6},
        {"{% break %}", 1, 4},
        {"{{ (1] }}", 1, 6},
        {"{% for k in v recursive %}{% endfor %}", 1, 15},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        AUTO_TEMPLATE struct template *t = NULL;
        AUTO_ERR struct err err = {0};
        char place[64];

        assert_false(template_compile(faults[i].template, strlen(faults[i].template), &t, &err));
        assert_int_equal(err.code, ERR_TEMPLATE_INVALID);
        snprintf(place, sizeof(place), "\"line\":%d,\"column\":%d", faults[i].line,
                 faults[i].column);
        if (!strstr(err.facts.data, place))
            fail_msg("%s: %s", faults[i].template, err.facts.data);
    }
}

static void every_limit_has_its_code(void **state)
{
    static const struct {
        const char *template;
        struct template_limits limits;
        enum err_code code;
    } cases[] = {
        {"{{ 'x' * 11 }}", {.max_output = 10}, ERR_TEMPLATE_OUTPUT},
        {"{{ 1 + 1 + 1 }}", {.max_steps = 3}, ERR_TEMPLATE_STEPS},
        {"{{ ('x' * 100000)|length }}", {.max_memory = 50000}, ERR_TEMPLATE_MEMORY},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", {.max_depth = 3}, ERR_TEMPLATE_DEPTH},
        {"{{ range(5) }}", {.max_range = 4}, ERR_TEMPLATE_RANGE},
        {"{{ raise_exception('mine') }}", {0}, ERR_TEMPLATE_RAISED},
    };
    struct template_inputs in = {.messages = {"[]", 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct template_options options = {.limits = cases[i].limits};
        AUTO_ERR struct err err = {0};
        AUTO_BUF struct buf out = {0};

        buf_append_str(&out, "as it was");
        assert_false(
            render(cases[i].template, strlen(cases[i].template), &in, &options, &out, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(out.data, "as it was");
    }
}

/* Ten thousand times something that looks at 256 KB, of which little is kept. */
static void what_looks_at_many_bytes_takes_many_steps(void **state)
{
    static const char *const looks[] = {
        "a == b",
        "a < b",
        "'z' in a",
        "a in {b: 1}",
        "a is eq b",
        "a is upper",
        "a|length",
        "a[1:]|length",
        "u[0]",
        "u[5:6]",
        "a|int",
        "a|wordcount",
        "a.count('z')",
        "a.find('z')",
        "a.rfind('z')",
        "a.rsplit('z')",
        "a.strip(b)",
        "a.split('z')",
        "a.replace('z', '')",
        "a.isalpha()",
        "a.startswith('z', 5)",
        "a.format()",
        "xs == ys",
        "xs < ys",
        "d == e",
        "xs|sort(attribute=a)|length",
        "[1]|map(attribute=a)|list",
    };
    enum { SIZE = 256 << 10 };
    AUTO_BUF struct buf messages = {0};

    (void)state;
    buf_append_str(&messages, "[{\"a\":\"");
    for (int i = 0; i < SIZE; i++)
        buf_append_char(&messages, 'A');
    buf_append_str(&messages, "\",\"b\":\"");
    for (int i = 0; i < SIZE; i++)
        buf_append_char(&messages, 'A');
    buf_append_str(&messages, "\",\"u\":\"");
    for (int i = 0; i < SIZE / 2; i++)
        buf_append_str(&messages, "\xc3\xa9");
    buf_append_str(&messages, "\"}]");
    struct template_inputs in = {.messages = {messages.data, messages.size}};
    for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
        AUTO_FREE char *text = str_printf(
            "{%% set a = messages[0].a %%}"
            "{%% set b = messages[0].b %%}{%% set u = messages[0].u %%}{%% set xs = [0] * 9000 %%}"
            "{%% set ys = [0] * 9000 %%}"
            "{%% set d = dict([['k', a], ['l', 2]]) %%}{%% set e = dict([['k', b], ['l', 2]]) %%}"
            "{%% for i in range(100) %%}{%% for j in range(100) %%}{%% if %s %%}{%% endif %%}"
            "{%% endfor %%}{%% endfor %%}",
            looks[i]);
        AUTO_ERR struct err err = {0};
        AUTO_BUF struct buf out = {0};

        if (render(text, strlen(text), &in, NULL, &out, &err) ||
            (err.code != ERR_TEMPLATE_STEPS && err.code != ERR_TEMPLATE_MEMORY))
            fail_msg("%s: %s", looks[i], err.msg);
    }
}

static void inputs_are_read_as_python_reads_json(void **state)
{
    static const char messages[] = "[{\"role\":\"user\",\"content\":\"h\\u00e9\\n\"}]";
    static const char kwargs[] = "{\"i\":1,\"f\":1.0,\"big\":123456789012345678901,\"n\":null,"
                                 "\"twice\":1,\"twice\":2}";
    static const char template[] = "{{ messages }}{{ i }}|{{ f }}|{{ big }}|{{ n }}|{{ twice }}|"
                                   "{{ bos_token }}|{{ tools is none }}";
    static const struct template_token tokens[] = {{"bos_token", "<s>"}};
    struct template_inputs in = {.messages = {messages, sizeof(messages) - 1},
                                 .kwargs = {kwargs, sizeof(kwargs) - 1},
                                 .tokens = tokens,
                                 .n_tokens = 1};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};

    (void)state;
    assert_true(render(template, sizeof(template) - 1, &in, NULL, &out, &err));
    assert_string_equal(out.data, "[{'role': 'user', 'content': 'hé\\n'}]1|1.0|"
                                  "123456789012345678901|None|2|<s>|True");
}

/* ---- what is done to messages */

#define MESSAGE_LOOP(inner) "{% for m in messages %}" inner "{% endfor %}"
#define CALLS(inner)        MESSAGE_LOOP("{% for c in m.tool_calls %}" inner "{% endfor %}")

static const char parts[] = "[{'role':'user','content':[{'type':'text','text':'a'},"
                            "{'type':'text','text':'b'}]}]";
static const char null_content[] = "[{'role':'assistant','content':null}]";
static const char text_arguments[] =
    "[{'role':'assistant','content':'','tool_calls':[{'function':{'name':'f',"
    "'arguments':'{\\'k\\': 1}'}}]}]";
static const char object_arguments[] =
    "[{'role':'assistant','content':'','tool_calls':[{'function':{'name':'f',"
    "'arguments':{'k':1}}}]}]";

struct mode_case {
    const char *template, *messages; /* with ' for " */
    struct template_modes asked, applied;
    bool max_rules;
    const char *text; /* NULL: it fails */
};

static void check_mode(const struct mode_case *c)
{
    AUTO_FREE char *messages = str_dup(c->messages);
    AUTO_TEMPLATE_REPORT struct template_report report = {0};
    AUTO_TEMPLATE struct template *t = NULL;
    AUTO_BUF struct buf out = {0};
    AUTO_ERR struct err err = {0};

    for (char *p = messages; *p; p++)
        *p = (char)(*p == '\'' ? '"' : *p);
    struct template_inputs in = {
        .messages = {messages, strlen(messages)}, .modes = c->asked, .max_rules = c->max_rules};
    assert_true(template_compile(c->template, strlen(c->template), &t, &err));
    bool ok = template_render(t, &in, NULL, &out, &report, &err);
    if (ok != (c->text != NULL))
        fail_msg("%s with %s: %s", c->template, c->messages, ok ? out.data : err.msg);
    if (!ok)
        return;
    assert_string_equal(out.data ? out.data : "", c->text);
    assert_int_equal(report.modes.content, c->applied.content);
    assert_int_equal(report.modes.arguments, c->applied.arguments);
    assert_int_equal(report.modes.null, c->applied.null);
}

static void messages_are_prepared_as_asked_and_the_report_says_how(void **state)
{
    static const struct template_modes given = {0};
    static const struct template_modes all_auto = {CONTENT_AUTO, ARGUMENTS_AUTO, NULL_AUTO};
    const struct mode_case cases[] = {
        {MESSAGE_LOOP("{{ m.content }}"),
         parts,
         {.content = CONTENT_STRING},
         {.content = CONTENT_STRING},
         false,
         "a\nb"},
        {MESSAGE_LOOP("{{ m.content|length }}"), parts, given, given, false, "2"},
        {MESSAGE_LOOP("{{ m.content }}"),
         parts,
         all_auto,
         {CONTENT_STRING, ARGUMENTS_OBJECT, NULL_GIVEN},
         false,
         "a\nb"},
        {MESSAGE_LOOP("{% for p in m['content'] %}{{ p.text }}{% endfor %}"),
         parts,
         all_auto,
         {CONTENT_OPENAI, ARGUMENTS_OBJECT, NULL_GIVEN},
         false,
         "ab"},
        {MESSAGE_LOOP("{{ m.content }}"),
         "[{'role':'user','content':[{'type':'image'}]}]",
         {.content = CONTENT_STRING},
         given,
         false,
         NULL},

        {CALLS("{{ c.function.arguments|tojson }}"), text_arguments, given, given, false,
         "\"{\\\"k\\\": 1}\""},
        {CALLS("{{ c.function.arguments|tojson }}"),
         text_arguments,
         {.arguments = ARGUMENTS_OBJECT},
         {.arguments = ARGUMENTS_OBJECT},
         false,
         "{\"k\": 1}"},
        {CALLS("{{ c.function.arguments }}"),
         object_arguments,
         {.arguments = ARGUMENTS_TEXT},
         {.arguments = ARGUMENTS_TEXT},
         false,
         "{\"k\": 1}"},
        {CALLS("{{ '<' + c.function.arguments }}"),
         object_arguments,
         {.arguments = ARGUMENTS_AUTO},
         {.arguments = ARGUMENTS_TEXT},
         false,
         "<{\"k\": 1}"},
        {CALLS("{% set a = c.function.arguments %}{{ '<' + a }}"),
         object_arguments,
         {.arguments = ARGUMENTS_AUTO},
         {.arguments = ARGUMENTS_TEXT},
         false,
         "<{\"k\": 1}"},
        {CALLS("{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}"),
         text_arguments,
         {.arguments = ARGUMENTS_AUTO},
         {.arguments = ARGUMENTS_OBJECT},
         false,
         "k=1"},
        {CALLS("{{ c.function.arguments if c.function.arguments is string }}"),
         text_arguments,
         {.arguments = ARGUMENTS_AUTO},
         given,
         false,
         "{\"k\": 1}"},
        {CALLS("{{ c.function.arguments|length }}"),
         "[{'role':'assistant','tool_calls':[{'function':{'name':'f'}}]}]",
         {.arguments = ARGUMENTS_OBJECT},
         {.arguments = ARGUMENTS_OBJECT},
         false,
         "0"},
        {CALLS("{{ c }}"),
         "[{'role':'assistant','tool_calls':[{'function':{'arguments':'{'}}]}]",
         {.arguments = ARGUMENTS_OBJECT},
         given,
         false,
         NULL},

        {MESSAGE_LOOP("{{ '<' + m.content }}"), null_content, given, given, false, NULL},
        {MESSAGE_LOOP("{{ '<' + m.content }}"),
         null_content,
         {.null = NULL_EMPTY},
         {.null = NULL_EMPTY},
         false,
         "<"},
        {MESSAGE_LOOP("{{ '<' + m.content }}"),
         null_content,
         {.null = NULL_AUTO},
         {.null = NULL_EMPTY},
         false,
         "<"},
        {MESSAGE_LOOP("{{ m.content }}"), null_content, {.null = NULL_AUTO}, given, false, "None"},
        {"{{ 1 + '' }}", null_content, all_auto, given, false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_mode(&cases[i]);
}

static void maxs_rules_leave_text_and_know_six_roles(void **state)
{
    static const struct template_modes given = {0}, text = {.content = CONTENT_STRING};
    const struct mode_case cases[] = {
        {"{{ messages }}", parts, given, text, true, "[{'role': 'user', 'content': 'a\\nb'}]"},
        {"{{ messages }}", null_content, given, text, true,
         "[{'role': 'assistant', 'content': ''}]"},
        {"{{ messages }}",
         "[{'role':'tool','name':'n','tool_call_id':'c','content':"
         "[{'type':'text','content':'t'}],'reasoning_content':null}]",
         given, text, true, "[{'role': 'tool', 'content': 't', 'tool_call_id': 'c'}]"},
        {"x", "[{'role':'developer','content':'c'}]", given, text, true, NULL},
        {"x", "[{'content':'c'}]", given, text, true, NULL},
        {"x", "[{'role':'user','content':7}]", given, text, true, NULL},
        {"x", "[{'role':'user','content':[{'type':'image'}]}]", given, text, true, NULL},
        {"x", "[{'role':'user','content':[{'type':'image_url'}]}]", given, text, true, NULL},
        {"x", "[{'role':'user','content':[{'text':'t'}]}]", given, text, true, NULL},
        {"x", "[{'role':'user','content':[{'type':'audio'}]}]", given, text, true, NULL},
        {"x", "[{'role':'user','content':['t']}]", given, text, true, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_mode(&cases[i]);
}

/* ---- whose text it is */

/* The text with what is the user's in brackets. */
static void check_users(const char *template, const char *marked)
{
    static const char messages[] =
        "[{\"role\":\"user\",\"content\":\"  a,b\\n\"},{\"role\":\"<|x|>\",\"content\":\"<C>\"}]";
    AUTO_TEMPLATE_REPORT struct template_report report = {.wants_users = true};
    AUTO_TEMPLATE struct template *t = NULL;
    struct template_inputs in = {.messages = {messages, sizeof(messages) - 1}};
    AUTO_BUF struct buf out = {0}, shown = {0};
    AUTO_ERR struct err err = {0};
    size_t at = 0;

    assert_true(template_compile(template, strlen(template), &t, &err));
    if (!template_render(t, &in, NULL, &out, &report, &err))
        fail_msg("%s: %s", template, err.msg);
    for (size_t i = 0; i < report.users.n; i++) {
        const struct template_span *s = &report.users.items[i];
        assert_true(s->start >= at && s->end > s->start && s->end <= out.size);
        buf_append(&shown, out.data + at, s->start - at);
        buf_append_char(&shown, '[');
        buf_append(&shown, out.data + s->start, s->end - s->start);
        buf_append_char(&shown, ']');
        at = s->end;
    }
    buf_append(&shown, out.data + at, out.size - at);
    assert_string_equal(shown.data, marked);
}

static void the_users_text_is_followed_into_the_output(void **state)
{
    static const char *const cases[][2] = {
        {"<|im|>{{ messages[1].content }}<|end|>", "<|im|>[<C>]<|end|>"},
        {"{{ '<|im|>' + messages[1].content ~ '<|end|>' }}", "<|im|>[<C>]<|end|>"},
        {"{{ messages[0].role }}{{ messages[1].role }}", "user[<|x|>]"},
        {"{{ ('<|im|>' + messages[0].content + '!')|trim }}", "<|im|>[  a,b\n]!"},
        {"{{ messages[0].content|trim }}.", "[a,b]."},
        {"{{ messages[0].content.strip().split(',')|join('<|s|>') }}", "[a]<|s|>[b]"},
        {"{{ '<|s|>'.join(['<|a|>', messages[1].content]) }}", "<|a|><|s|>[<C>]"},
        {"{{ ('x<' + messages[1].content)[1:3] }}", "<[<]"},
        {"{{ ('x<' + messages[1].content)|upper }}", "[X<<C>]"},
        {"{{ ('%s|' + '%s') % ('<|a|>', messages[1].content) }}", "<|a|>|[<C>]"},
        {"{{ '{}|{}'.format('<|a|>', messages[1].content) }}", "<|a|>|[<C>]"},
        {"{{ {'<|k|>': messages[1].content}|tojson }}", "{\"<|k|>\": [\"<C>\"]}"},
        {"{{ ['<|k|>', messages[1].content] }}", "['<|k|>', ['<C>']]"},
        {"{{ messages[1]['content'].replace('C', '<|r|>') }}", "[<]<|r|>[>]"},
        {"{% set v %}<|a|>{{ messages[1].content }}{% endset %}{{ v }}", "<|a|>[<C>]"},
        {"{% macro f(x) %}<|a|>{{ x }}{% endmacro %}{{ f(messages[1].content) }}", "<|a|>[<C>]"},
        {"{% filter trim %} <|a|>{{ messages[1].content }} {% endfilter %}", "<|a|>[<C>]"},
        {"{% generation %}<|a|>{{ messages[1].content }}{% endgeneration %}", "<|a|>[<C>]"},
        {"{% for c in messages[1].content %}-{{ c }}{% endfor %}", "-[<]-[C]-[>]"},
        {"{{ messages[1].content|e }}", "[&lt;C&gt;]"},
        {"{{ ('<|a|>'|safe) + messages[1].content }}", "<|a|>[&lt;C&gt;]"},
        {"{% for k in messages[1] %}{{ k }}{% endfor %}", "[rolecontent]"},
        {"{{ messages[1].content|indent(2, true) }}", "  [<C>]"},
        {"{{ messages[1].content * 2 }}{{ messages[1].content[::-1] }}", "[<C><C>>C<]"},
        {"{{ none|default(messages[1].content) }}{{ x|default('<|d|>') }}", "None<|d|>"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_users(cases[i][0], cases[i][1]);
}

static void *render_often(void *arg)
{
    struct template_inputs in = {.messages = {"[{\"role\":\"u\",\"content\":\"c\"}]", 28}};
    intptr_t wrong = 0;

    for (int i = 0; i < 300; i++) {
        AUTO_ERR struct err err = {0};
        AUTO_BUF struct buf out = {0};
        wrong += !template_render(arg, &in, NULL, &out, NULL, &err) ||
                 !str_eq(out.data, "u: c ü[1, 'ü']0ü");
    }
    return (void *)wrong;
}

static void threads_share_a_template(void **state)
{
    static const char text[] =
        "{% macro f(k=['ü']) %}{{ [1] + k }}{% endmacro %}{% for m in messages %}{{ m.role }}: "
        "{{ m.content }} {{ 'ü' }}{{ f() }}{{ loop.index0 }}{{ {'ü': 'ü'}['ü'] }}{% endfor %}";
    AUTO_TEMPLATE struct template *t = NULL;
    AUTO_ERR struct err err = {0};
    pthread_t threads[4];
    void *wrong;

    (void)state;
    assert_true(template_compile(text, sizeof(text) - 1, &t, &err));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, render_often, t), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_around_tags),
        cmocka_unit_test(loops_and_their_variable),
        cmocka_unit_test(values_print_as_python_prints_them),
        cmocka_unit_test(operators_are_pythons),
        cmocka_unit_test(undefined_is_soft_until_it_is_used),
        cmocka_unit_test(filters_tests_and_methods),
        cmocka_unit_test(macros_namespaces_and_blocks),
        cmocka_unit_test(faults_are_found_when_a_template_is_compiled),
        cmocka_unit_test(every_limit_has_its_code),
        cmocka_unit_test(what_looks_at_many_bytes_takes_many_steps),
        cmocka_unit_test(inputs_are_read_as_python_reads_json),
        cmocka_unit_test(messages_are_prepared_as_asked_and_the_report_says_how),
        cmocka_unit_test(maxs_rules_leave_text_and_know_six_roles),
        cmocka_unit_test(the_users_text_is_followed_into_the_output),
        cmocka_unit_test(threads_share_a_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
