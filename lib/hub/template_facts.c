#include "hub/template_facts.h"

#include "base/hash.h"
#include "template/abilities.h"
#include "json/writer.h"

enum { VARIABLES_MAX = 64 };

static void write_supports(const struct template_abilities *a, struct json *j)
{
    json_key(j, "supports"), json_open(j, '{');
    json_bool(j, "system", a->system);
    json_bool(j, "tools", a->tools);
    json_bool(j, "tool_calls", a->tool_calls);
    json_bool(j, "generation_prompt", a->generation_prompt);
    json_bool(j, "generation_spans", a->generation_spans);
    json_close(j, '}');
}

static void write_variables(const struct template *t, struct json *j)
{
    struct slice names[VARIABLES_MAX];
    size_t n = template_variables(t, names, VARIABLES_MAX);

    json_key(j, "variables"), json_open(j, '[');
    for (size_t i = 0; i < n; i++)
        json_item(j), json_write_str_n(j->out, names[i].data, names[i].size);
    json_close(j, ']');
}

static void write_abilities(const struct template *t, struct json *j)
{
    const struct template_abilities a = template_try(t);

    json_str(j, "content_format", content_format_name(a.modes.content));
    json_str(j, "tool_arguments", arguments_format_name(a.modes.arguments));
    write_supports(&a, j);
    write_variables(t, j);
    json_nil(j, "error");
}

static void write_unknown(const struct err *err, struct json *j)
{
    json_nil(j, "content_format");
    json_nil(j, "tool_arguments");
    json_nil(j, "supports");
    json_nil(j, "variables");
    if (err->code == ERR_NONE) {
        json_nil(j, "error");
        return;
    }
    json_key(j, "error"), json_open(j, '{');
    json_str(j, "code", err_slug(err->code));
    json_str(j, "detail", err->msg);
    if (err->facts.size)
        json_item(j), buf_append(j->out, err->facts.data, err->facts.size);
    json_close(j, '}');
}

char *template_facts(const char *source)
{
    size_t size = strlen(source);
    AUTO_TEMPLATE struct template *t = NULL;
    AUTO_ERR struct err err = {0};
    char digest[SHA256_HEX];
    struct buf out = {0};
    struct json j = json_begin(&out);

    hash_sha256_hex(source, size, digest);
    json_str(&j, "sha256", digest);
    json_int(&j, "size_bytes", (int64_t)size);
    if (size <= TEMPLATE_TRIED_MAX && template_compile(source, size, &t, &err))
        write_abilities(t, &j);
    else
        write_unknown(&err, &j);
    return buf_take(&out);
}
