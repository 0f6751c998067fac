#define MESSAGES_C /* see its header */
#include "template/messages.h"

#include "template/filters.h"
#include "template/json_value.h"

#include <stdarg.h>

bool wrong_input(struct render *r, const char *field, const char *fmt, ...)
{
    AUTO_BUF struct buf b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    err_set(r->err, ERR_FIELD, "%s: %s", field, b.data);
    return err_fact_str(r->err, "field", field);
}

struct value *member(struct render *r, struct value object, const char *name)
{
    struct str key = {.data = name, .size = strlen(name)};

    (void)r;
    return object.kind == V_DICT ? dict_find_str(object.dict, &key) : NULL;
}

/* ---- contents */

/* MAX and vLLM for templates that know text only: the text parts, a line each. */
static bool flatten(struct render *r, struct value message, size_t i, bool max_rules)
{
    struct value *content = member(r, message, "content"), joined;

    if (!content || content->kind != V_LIST)
        return true;
    joined = str_const(&r->arena, "");
    for (size_t k = 0; k < content->seq->n; k++) {
        struct value part = content->seq->items[k], *text = member(r, part, "text");

        if (!text && max_rules)
            text = member(r, part, "content");
        if (part.kind == V_STR && !max_rules)
            text = &content->seq->items[k];
        if (!text || text->kind != V_STR)
            return wrong_input(r, "messages",
                               "message %zu, part %zu is not text, which is all a content may be "
                               "made of when it becomes one text (content_format string)",
                               i, k);
        if (k)
            joined = str_concat(&r->arena, joined.str, str_const(&r->arena, "\n").str);
        joined = str_concat(&r->arena, joined.str, text->str);
    }
    *content = joined;
    return true;
}

/* ---- tool calls */

static bool arguments_object(struct render *r, struct value *arguments, size_t i)
{
    struct slice text;

    if (arguments->kind == V_NONE || (arguments->kind == V_STR && !arguments->str->size)) {
        *arguments = (struct value){.kind = V_DICT, .dict = dict_new(&r->arena)};
        return true;
    }
    if (arguments->kind != V_STR)
        return true;
    text = (struct slice){arguments->str->data, arguments->str->size};
    if (json_value(r, text, "arguments", arguments))
        return true;
    return r->err->code != ERR_FIELD ||
           wrong_input(r, "messages",
                       "message %zu calls a tool with arguments that are no JSON; "
                       "tool_arguments given leaves them as they are",
                       i);
}

static bool arguments_text(struct render *r, struct value *arguments)
{
    struct value none[4] = {MISSING, MISSING, MISSING, MISSING};

    return arguments->kind == V_STR || arguments->kind == V_NONE ||
           filter_tojson(r, *arguments, none, arguments);
}

static bool set_arguments(struct render *r, struct value message, size_t i,
                          enum arguments_format format)
{
    static const char name[] = "arguments";
    const struct value *calls = member(r, message, "tool_calls");

    for (size_t k = 0; calls && calls->kind == V_LIST && k < calls->seq->n; k++) {
        const struct value *function = member(r, calls->seq->items[k], "function");
        struct value *arguments = function ? member(r, *function, name) : NULL;

        if (!function || function->kind != V_DICT)
            continue;
        if (!arguments && format == ARGUMENTS_OBJECT) {
            dict_set_str(&r->arena, function->dict, str_const(&r->arena, name), NONE);
            arguments = member(r, *function, name);
        }
        if (arguments && (format == ARGUMENTS_OBJECT ? !arguments_object(r, arguments, i)
                                                     : !arguments_text(r, arguments)))
            return false;
    }
    return true;
}

/* ---- MAX's rules */

static bool is_one_of(const struct value *v, const char *const *names)
{
    for (; v && v->kind == V_STR && *names; names++)
        if (str_is(v->str, *names))
            return true;
    return false;
}

static bool max_part(struct render *r, struct value part, size_t i, size_t k)
{
    static const char *const urls[] = {"image_url", "video_url", NULL};
    static const char *const media[] = {"image", "video", NULL};
    const struct value *type = member(r, part, "type");

    if (!type || type->kind != V_STR)
        return wrong_input(r, "messages", "message %zu, part %zu has no type", i, k);
    if (str_is(type->str, "text"))
        return true;
    if (is_one_of(type, urls) || is_one_of(type, media))
        return wrong_input(r, "messages",
                           "message %zu, part %zu: '%.*s' cannot stand in a text; only parts of "
                           "type text can",
                           i, k, (int)type->str->size, type->str->data);
    return wrong_input(r, "messages", "message %zu, part %zu is of unknown type '%.*s'", i, k,
                       (int)(type->str->size < 60 ? type->str->size : 60), type->str->data);
}

static bool max_message(struct render *r, struct value *message, size_t i)
{
    static const char *const roles[] = {"system", "user",     "assistant", "tool",
                                        "root",   "function", NULL};
    static const char *const kept[] = {"tool_calls", "tool_call_id", "reasoning_content"};
    struct value out = {.kind = V_DICT, .dict = dict_new(&r->arena)}, *v;
    struct value *role = member(r, *message, "role"), *content = member(r, *message, "content");

    if (!is_one_of(role, roles))
        return wrong_input(r, "messages",
                           "message %zu: its role must be one of system, user, assistant, tool, "
                           "function, root",
                           i);
    for (size_t k = 0; content && content->kind == V_LIST && k < content->seq->n; k++)
        if (!max_part(r, content->seq->items[k], i, k))
            return false;
    if (content && content->kind != V_LIST && content->kind != V_STR && content->kind != V_NONE)
        return wrong_input(r, "messages", "message %zu: a content is text, parts, or null", i);
    if (!flatten(r, *message, i, true))
        return false;
    dict_set_str(&r->arena, out.dict, str_const(&r->arena, "role"), *role);
    dict_set_str(&r->arena, out.dict, str_const(&r->arena, "content"),
                 content && content->kind == V_STR ? *content : str_const(&r->arena, ""));
    for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
        if ((v = member(r, *message, kept[k])) && v->kind != V_NONE)
            dict_set_str(&r->arena, out.dict, str_const(&r->arena, kept[k]), *v);
    *message = out;
    return true;
}

/* ---- all of it */

/* A word cannot hold a special token, and templates make such tokens of roles: "<|" + role + … */
static void release_role(struct render *r, struct value message)
{
    const struct value *role = member(r, message, "role");

    if (!role || role->kind != V_STR || role->str->size > 32)
        return;
    for (size_t i = 0; i < role->str->size; i++) {
        char c = role->str->data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_')
            return;
    }
    role->str->user = NULL;
}

static bool prepare(struct render *r, struct value *message, size_t i,
                    const struct template_modes *modes, bool max_rules)
{
    struct value *content;

    if (message->kind != V_DICT)
        return wrong_input(r, "messages", "every message must be an object with a role");
    if (r->marking)
        release_role(r, *message);
    if (max_rules && !max_message(r, message, i))
        return false;
    content = member(r, *message, "content");
    if (content && content->kind == V_NONE && modes->null == NULL_EMPTY)
        *content = str_const(&r->arena, "");
    if (modes->content == CONTENT_STRING && !flatten(r, *message, i, max_rules))
        return false;
    return modes->arguments == ARGUMENTS_GIVEN || set_arguments(r, *message, i, modes->arguments);
}

bool messages_prepare(struct render *r, struct value messages, const struct template_modes *modes,
                      bool max_rules)
{
    if (messages.kind != V_LIST)
        return wrong_input(r, "messages", "an array of messages is wanted");
    for (size_t i = 0; i < messages.seq->n; i++)
        if (!prepare(r, &messages.seq->items[i], i, modes, max_rules))
            return false;
    return true;
}
