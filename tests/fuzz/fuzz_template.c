/*
 * Templates: any text, compiled and rendered within small limits. The first line
 * is the messages' JSON, the rest the template; compiled twice it must come to
 * the same, whether or not it is followed what is the user's.
 */
#include "template/template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run(const struct template_inputs *in, const char *text, size_t size, bool wants_users,
                struct buf *out, struct err *err)
{
    static const int64_t now_s = 1721995200;
    struct template_options options = {.now_s = &now_s,
                                       .limits = {.max_output = 64 << 10,
                                                  .max_steps = 2000,
                                                  .max_memory = 1 << 20,
                                                  .max_depth = 16,
                                                  .max_range = 100}};
    AUTO_TEMPLATE_REPORT struct template_report report = {.wants_users = wants_users};
    AUTO_TEMPLATE struct template *t = NULL;

    return template_compile(text, size, &t, err) &&
           template_render(t, in, &options, out, &report, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *newline = size ? memchr(text, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - text) : 0, skip = newline ? first + 1 : 0;
    static const struct template_token tokens[] = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    struct template_inputs in = {
        .messages = {first ? text : "[]", first ? first : 2},
        .tools = {"[{\"function\":{\"name\":\"f\",\"parameters\":{}}}]", 45},
        .tokens = tokens,
        .n_tokens = 2,
        .add_generation_prompt = true,
        .modes = {size % 3, size % 4, size % 5 % 3},
        .max_rules = size % 31 == 0};
    AUTO_ERR struct err a = {0}, b = {0};
    AUTO_BUF struct buf one = {0}, two = {0};

    in.tools.size = strlen(in.tools.data);
    bool ok = run(&in, text + skip, size - skip, false, &one, &a);
    if (ok != run(&in, text + skip, size - skip, true, &two, &b) || a.code != b.code ||
        one.size != two.size || (one.size && memcmp(one.data, two.data, one.size) != 0))
        abort();
    return 0;
}
