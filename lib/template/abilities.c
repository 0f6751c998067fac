#include "template/abilities.h"

#include "template/ast.h"

/* What no template says by itself. */
#define SYSTEM "sysQmsg"
#define TOOL   "toolQname"
#define VALUE  "valueQarg"

#define SAID(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define SAID_IN_PARTS(role, text) \
    "{\"role\":\"" role "\",\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define TURNS(said)       said("user", "u") "," said("assistant", "a") "," said("user", "v")
#define WITH_SYSTEM(said) "[" said("system", SYSTEM) "," TURNS(said) "]"
#define WITHOUT(said)     "[" TURNS(said) "]"
#define WITH_CALLS(said)  "[" TURNS(said) "," CALL "," ANSWER "]"
/* A chat whose contents are texts, and the same in parts. */
#define CHAT(of) of(SAID), of(SAID_IN_PARTS)
#define CALL                                                                                   \
    "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"call00001\",\"type\":" \
    "\"function\",\"function\":{\"name\":\"" TOOL "\",\"arguments\":{\"x\":\"" VALUE "\"}}}]}"
#define ANSWER \
    "{\"role\":\"tool\",\"tool_call_id\":\"call00001\",\"name\":\"" TOOL "\",\"content\":\"r\"}"
#define TOOLS                                                                            \
    "[{\"type\":\"function\",\"function\":{\"name\":\"" TOOL "\",\"description\":\"d\"," \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\","    \
    "\"description\":\"d\"}},\"required\":[\"x\"]}}}]"

static const struct template_token tokens[] = {
    {"bos_token", ""}, {"eos_token", ""}, {"unk_token", ""}, {"pad_token", ""}};

struct attempt {
    const struct template *t;
    struct buf text;
    bool ok, marked; /* there is a generation block */
};

static void attempt_one(struct attempt *a, const char *messages, const char *tools, bool prompt)
{
    static const int64_t now_s = 0;
    const struct template_inputs in = {.messages = {messages, strlen(messages)},
                                       .tools = {tools, tools ? strlen(tools) : 0},
                                       .tokens = tokens,
                                       .n_tokens = ARRAY_SIZE(tokens),
                                       .add_generation_prompt = prompt,
                                       .modes = {CONTENT_OPENAI, ARGUMENTS_AUTO, NULL_AUTO}};
    const struct template_options options = {
        .limits = {.max_output = 1 << 18, .max_steps = 20000, .max_memory = 4 << 20},
        .now_s = &now_s};
    AUTO_TEMPLATE_REPORT struct template_report report = {0};
    AUTO_ERR struct err err = {0};

    buf_clear(&a->text);
    a->ok = template_render(a->t, &in, &options, &a->text, &report, &err);
    a->marked = a->ok && report.generation.n > 0;
}

/* Some templates take contents in parts only, and some fail without tools. */
static void attempt(struct attempt *a, const char *messages, const char *in_parts,
                    const char *tools, bool prompt)
{
    attempt_one(a, messages, tools, prompt);
    if (!a->ok)
        attempt_one(a, in_parts, tools, prompt);
    if (!a->ok && !tools)
        attempt_one(a, messages, TOOLS, prompt);
}

static bool shows(const struct attempt *a, const char *what)
{
    return a->ok && a->text.size && strstr(a->text.data, what);
}

struct template_abilities template_try(const struct template *t)
{
    struct template_abilities ret = {
        .modes = template_modes_for(
            t, (struct template_modes){CONTENT_AUTO, ARGUMENTS_AUTO, NULL_AUTO})};
    struct attempt a = {.t = t};
    AUTO_BUF struct buf plain = {0};

    attempt(&a, CHAT(WITH_SYSTEM), NULL, true);
    ret.system = shows(&a, SYSTEM);
    attempt(&a, CHAT(WITH_CALLS), TOOLS, false);
    ret.tool_calls = shows(&a, VALUE);
    attempt(&a, CHAT(WITHOUT), TOOLS, true);
    ret.tools = shows(&a, TOOL);
    attempt(&a, CHAT(WITHOUT), NULL, false);
    ret.generation_spans = a.marked;
    if (a.ok) {
        buf_append(&plain, a.text.data, a.text.size);
        attempt(&a, CHAT(WITHOUT), NULL, true);
        ret.generation_prompt =
            a.ok && (a.text.size != plain.size || memcmp(a.text.data, plain.data, plain.size) != 0);
    }
    buf_release(&a.text);
    return ret;
}

static bool is_given_anyway(const struct str *name)
{
    static const char *const own[] = {"messages", "tools", "documents", "add_generation_prompt"};
    static const char token[] = "_token";

    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        if (str_is(name, own[i]))
            return true;
    return name->size > sizeof(token) - 1 &&
           memcmp(name->data + name->size - (sizeof(token) - 1), token, sizeof(token) - 1) == 0;
}

size_t template_variables(const struct template *t, struct slice *ret, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_inputs && n < max; i++) {
        const struct input_name *in = &t->inputs[i];

        if (!in->global && !is_given_anyway(in->name))
            ret[n++] = (struct slice){in->name->data, in->name->size};
    }
    return n;
}
