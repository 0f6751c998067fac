#include "api/routes/chat_fields.h"

/* In the order of their enums. */
const char *const content_format_names[] = {"openai", "string", "auto", NULL};
const char *const tool_arguments_names[] = {"given", "object", "text", "auto", NULL};
const char *const null_content_names[] = {"given", "empty", "auto", NULL};
const char *const message_rules_names[] = {"given", "max", NULL};
const char *const special_tokens_names[] = {"all", "template_only", NULL};

const char *chat_fields_given(const struct chat_fields *f)
{
    static const struct text_field rows[] = {CHAT_FIELDS(0, "chat_template_kwargs")};
    static const struct chat_fields none = CHAT_FIELDS_NONE;

    return text_fields_differ(rows, ARRAY_SIZE(rows), f, &none);
}

static bool excludes(struct err *err, const char *field, const char *why)
{
    err_set(err, ERR_COMBINATION, "%s", why);
    return err_fact_str(err, "field", field);
}

/* Names a template sees whatever happens are fields of the request. */
static bool check_kwargs(struct slice kwargs, const char *name, struct err *err)
{
    static const char *const own[] = {"messages", "tools", "documents", "add_generation_prompt"};
    struct slice key;

    if (!kwargs.data)
        return true;
    AUTO_JSON_READER struct json_reader r = json_reader(kwargs.data, kwargs.size);
    r.max_depth = JSON_DEPTH_MAX;
    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
            if (slice_eq(key, own[i])) {
                text_field_wrong(err, name, "%s is a field of the request itself", own[i]);
                return err_fact_str(err, "key", own[i]);
            }
        json_read_skip(&r);
    }
    return true; /* the bytes were read once already */
}

static bool check_text(struct slice text, const char *name, struct err *err)
{
    return !text.data || !memchr(text.data, '\0', text.size) ||
           text_field_wrong(err, name, "it may not contain U+0000");
}

static bool check(const struct chat_fields *f, const char *kwargs_name, struct err *err)
{
    if (!f->messages.data)
        return text_field_wrong(err, "messages", "it is required");
    if (f->chat_template.data && f->template_name.data)
        return excludes(err, "template_name", "chat_template and template_name exclude each other");
    if (f->go_on > 0 && f->prompt > 0)
        return excludes(err, "continue_final_message",
                        "continue_final_message and add_generation_prompt exclude each other: the "
                        "model goes on with the last message, or begins one");
    if (f->rules > 0 && f->content == CONTENT_OPENAI)
        return excludes(err, "content_format",
                        "message_rules max makes one text of every content; content_format openai "
                        "keeps parts");
    return check_text(f->chat_template, "chat_template", err) &&
           check_text(f->template_name, "template_name", err) &&
           check_kwargs(f->kwargs, kwargs_name, err);
}

static int or_else(int said, int otherwise) { return said >= 0 ? said : otherwise; }

bool chat_fields_take(const struct chat_fields *f, const struct template_modes *modes,
                      const char *kwargs_name, struct chat *ret, struct err *err)
{
    if (!check(f, kwargs_name, err))
        return false;
    *ret = (struct chat){
        .text = f->chat_template.data ? slice_dup(f->chat_template) : NULL,
        .name = f->template_name.data ? slice_dup(f->template_name) : NULL,
        .rules_given = f->rules >= 0,
        .parts_given = f->content == CONTENT_OPENAI,
        .template_only = f->special > 0,
        .inputs = {
            .messages = f->messages,
            .tools = f->tools,
            .documents = f->documents,
            .kwargs = f->kwargs,
            .continue_final_message = f->go_on > 0,
            .add_generation_prompt = or_else(f->prompt, !(f->go_on > 0)),
            .max_rules = f->rules > 0,
            .modes = {.content = (enum content_format)or_else(f->content, (int)modes->content),
                      .arguments =
                          (enum arguments_format)or_else(f->arguments, (int)modes->arguments),
                      .null = (enum null_content)or_else(f->nulls, (int)modes->null)}}};
    return true;
}

void chat_json(const struct chat *c, const struct template_report *report, struct json *j)
{
    json_key(j, "template"), json_open(j, '{');
    json_str(j, "name", c->choice.name);
    json_str(j, "origin", c->choice.origin);
    json_close(j, '}');
    json_str(j, "content_format", content_format_name(report->modes.content));
    json_str(j, "tool_arguments", arguments_format_name(report->modes.arguments));
    json_str(j, "null_content", null_content_name(report->modes.null));
    json_str(j, "message_rules", message_rules_names[c->inputs.max_rules]);
}
