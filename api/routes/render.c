/*
 * Rendering: messages to the text a model is given.
 *
 * The body is read without a tree: messages, tools and template_kwargs go to
 * the template as the bytes they came in.
 */
#include "api/routes/routes.h"
#include "base/nearest.h"
#include "json/reader.h"

#include <stdio.h>

enum { BODY_MAX = 32 << 20 };

/* ---- the body */

static const char *const members[] = {
    "messages",
    "tools",
    "documents",
    "add_generation_prompt",
    "continue_final_message",
    "chat_template",
    "template_name",
    "template_kwargs",
    "content_format",
    "tool_arguments",
    "null_content",
    "message_rules",
    "special_tokens",
    "tokenize",
    "offsets",
};

static bool wrong(struct err *err, const char *field, const char *what)
{
    err_set(err, ERR_FIELD, "%s: %s", field, what);
    return err_fact_str(err, "field", field);
}

static bool unknown(struct err *err, struct slice key)
{
    const char *near[NEAREST_MAX];
    char name[100];

    slice_copy(key, name, sizeof(name));
    err_set(err, ERR_UNKNOWN_FIELD, "there is no field '%s' here", name);
    err_fact_str(err, "field", name);
    return err_fact_strv(err, "nearest", near, nearest(name, members, ARRAY_SIZE(members), near));
}

/* A value of this kind as its bytes; null counts as not given. */
static bool take_raw(struct json_reader *r, enum json_kind kind, const char *field,
                     struct slice *ret, struct err *err)
{
    enum json_kind found = json_read_kind(r);

    if (found == KIND_NULL)
        return json_read_null(r);
    if (found != kind && found != KIND_NONE)
        return wrong(err, field, kind == KIND_ARRAY ? "an array is wanted" : "an object is wanted");
    return json_read_raw(r, ret);
}

static bool take_bool(struct json_reader *r, const char *field, int *ret, struct err *err)
{
    enum json_kind found = json_read_kind(r);
    bool b = false;

    if (found == KIND_NULL)
        return json_read_null(r);
    if (found != KIND_BOOL && found != KIND_NONE)
        return wrong(err, field, "true or false is wanted");
    if (!json_read_bool(r, &b))
        return false;
    *ret = b;
    return true;
}

static bool take_text(struct json_reader *r, const char *field, char **ret, struct err *err)
{
    enum json_kind found = json_read_kind(r);
    struct slice text;

    if (found == KIND_NULL)
        return json_read_null(r);
    if (found != KIND_STRING && found != KIND_NONE)
        return wrong(err, field, "a string is wanted");
    if (!json_read_text(r, &text))
        return false;
    if (memchr(text.data, '\0', text.size))
        return wrong(err, field, "it may not contain U+0000");
    free(*ret);
    *ret = slice_dup(text);
    return true;
}

/* Fields that are one of a few words; the first is the default. */
static const struct choice {
    const char *field, *what;
    const char *words[5];
} choices[] = {
    {"content_format",
     "it is one of openai (as given), string (text parts joined), auto",
     {"openai", "string", "auto"}},
    {"tool_arguments",
     "it is one of given, object (JSON text becomes what it says), text (JSON text), auto",
     {"given", "object", "text", "auto"}},
    {"null_content",
     "it is one of given, empty (null becomes the empty text), auto",
     {"given", "empty", "auto"}},
    {"message_rules",
     "it is one of given, max (as MAX's pipelines take messages)",
     {"given", "max"}},
    {"special_tokens",
     "it is one of all, template_only (those that come from the request's texts are no tokens)",
     {"all", "template_only"}},
};
enum { CONTENT, ARGUMENTS, NULLS, RULES, SPECIAL, N_CHOICES };

static bool take_choice(struct json_reader *r, const struct choice *c, int *ret, struct err *err)
{
    AUTO_FREE char *word = NULL;
    size_t n = 0;

    if (!take_text(r, c->field, &word, err))
        return false;
    if (!word)
        return true;
    for (; c->words[n]; n++)
        if (str_eq(word, c->words[n])) {
            *ret = (int)n;
            return true;
        }
    wrong(err, c->field, c->what);
    return err_fact_strv(err, "allowed", c->words, n);
}

struct asked {
    int prompt, go_on, tokenize, offsets; /* -1: not said */
    int choices[N_CHOICES];
};

static bool take_member(struct json_reader *r, struct slice key, struct args_render *a,
                        struct asked *asked, struct err *err)
{
    struct template_inputs *in = &a->inputs;

    if (slice_eq(key, "messages"))
        return take_raw(r, KIND_ARRAY, "messages", &in->messages, err);
    if (slice_eq(key, "tools"))
        return take_raw(r, KIND_ARRAY, "tools", &in->tools, err);
    if (slice_eq(key, "documents"))
        return take_raw(r, KIND_ARRAY, "documents", &in->documents, err);
    if (slice_eq(key, "template_kwargs"))
        return take_raw(r, KIND_OBJECT, "template_kwargs", &in->kwargs, err);
    if (slice_eq(key, "add_generation_prompt"))
        return take_bool(r, "add_generation_prompt", &asked->prompt, err);
    if (slice_eq(key, "continue_final_message"))
        return take_bool(r, "continue_final_message", &asked->go_on, err);
    if (slice_eq(key, "tokenize"))
        return take_bool(r, "tokenize", &asked->tokenize, err);
    if (slice_eq(key, "offsets"))
        return take_bool(r, "offsets", &asked->offsets, err);
    if (slice_eq(key, "chat_template"))
        return take_text(r, "chat_template", &a->chat_template, err);
    if (slice_eq(key, "template_name"))
        return take_text(r, "template_name", &a->template_name, err);
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
        if (slice_eq(key, choices[i].field))
            return take_choice(r, &choices[i], &asked->choices[i], err);
    return unknown(err, key);
}

static bool set_modes(struct args_render *a, const int choice[N_CHOICES], struct err *err)
{
    struct template_inputs *in = &a->inputs;

    in->modes = (struct template_modes){
        .content = choice[CONTENT] > 0 ? (enum content_format)choice[CONTENT] : CONTENT_OPENAI,
        .arguments =
            choice[ARGUMENTS] > 0 ? (enum arguments_format)choice[ARGUMENTS] : ARGUMENTS_GIVEN,
        .null = choice[NULLS] > 0 ? (enum null_content)choice[NULLS] : NULL_GIVEN};
    in->max_rules = choice[RULES] > 0;
    a->template_only = choice[SPECIAL] > 0;
    if (!in->max_rules || choice[CONTENT] != CONTENT_OPENAI)
        return true;
    err_set(err, ERR_COMBINATION,
            "message_rules max makes one text of every content; content_format openai keeps parts");
    return err_fact_str(err, "field", "content_format");
}

/* Names a template sees whatever happens are not for template_kwargs. */
static bool check_kwargs(struct slice kwargs, struct err *err)
{
    static const char *const own[] = {"messages", "tools", "documents", "add_generation_prompt"};
    struct slice key;

    if (!kwargs.data)
        return true;
    AUTO_JSON_READER struct json_reader r = json_reader(kwargs.data, kwargs.size);
    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
            if (slice_eq(key, own[i])) {
                wrong(err, "template_kwargs",
                      "messages, tools, documents and add_generation_prompt "
                      "are fields of the request");
                return err_fact_str(err, "key", own[i]);
            }
        json_read_skip(&r);
    }
    return true; /* the bytes were read once already */
}

static bool check(struct args_render *a, const struct asked *asked, struct err *err)
{
    if (asked->tokenize > 0 || asked->offsets > 0) {
        const char *field = asked->tokenize > 0 ? "tokenize" : "offsets";
        err_set(err, ERR_NOT_IMPLEMENTED,
                "%s: text is rendered here and not yet encoded; leave it out", field);
        return err_fact_str(err, "field", field);
    }
    if (!a->inputs.messages.data)
        return wrong(err, "messages", "it is required");
    if (a->chat_template && a->template_name) {
        err_set(err, ERR_COMBINATION, "chat_template and template_name exclude each other");
        return err_fact_str(err, "field", "template_name");
    }
    if (asked->go_on > 0 && asked->prompt > 0) {
        err_set(err, ERR_COMBINATION,
                "continue_final_message and add_generation_prompt exclude each other: the model "
                "goes on with the last message, or begins one");
        return err_fact_str(err, "field", "continue_final_message");
    }
    a->inputs.continue_final_message = asked->go_on > 0;
    a->inputs.add_generation_prompt = asked->prompt >= 0 ? asked->prompt : !(asked->go_on > 0);
    return set_modes(a, asked->choices, err) && check_kwargs(a->inputs.kwargs, err);
}

static bool read_body(struct args_render *a, struct err *err)
{
    AUTO_JSON_READER struct json_reader r = json_reader(a->body, a->body_size);
    struct asked asked = {-1, -1, -1, -1, {-1, -1, -1, -1, -1}};
    struct slice key;
    bool ok = true;

    r.max_depth = JSON_DEPTH_MAX / 2;
    json_read_object(&r);
    while (ok && json_read_key(&r, &key))
        ok = take_member(&r, key, a, &asked, err) || (r.fault != NULL && err->code == ERR_NONE);
    ok = ok && json_read_end(&r, ERR_INVALID, "body", err) && check(a, &asked, err);
    return ok;
}

void args_render_release(void *args)
{
    struct args_render *a = args;

    free(a->body);
    free(a->chat_template);
    free(a->template_name);
    free(a);
}

/* ---- the route */

static void render(struct request *req)
{
    AUTO_ERR struct err err = {0};
    struct args_handle *id = handle_args(req, ERR_TOKENIZER_NOT_FOUND, "tokenizer");
    struct args_render *a;

    if (!id)
        return;
    a = mem_new(struct args_render);
    snprintf(a->id, sizeof(a->id), "%s", id->id);
    free(id);
    a->body = str_dup_n(req->body, req->body_size);
    a->body_size = req->body_size;
    if (!read_body(a, &err)) {
        reply_problem(req, &err);
        args_render_release(a);
        return;
    }
    request_submit(req, request_call(req, OP_TOKENIZER_RENDER, a, args_render_release));
}

static const enum err_code render_errors[] = {
    ERR_TOKENIZER_NOT_FOUND,
    ERR_TEMPLATE_NOT_FOUND,
    ERR_TEMPLATE_INVALID,
    ERR_TEMPLATE_RAISED,
    ERR_TEMPLATE_FAILED,
    ERR_TEMPLATE_SIZE,
    ERR_TEMPLATE_OUTPUT,
    ERR_TEMPLATE_STEPS,
    ERR_TEMPLATE_MEMORY,
    ERR_TEMPLATE_DEPTH,
    ERR_TEMPLATE_RANGE,
    ERR_NOT_IMPLEMENTED,
    ERR_NONE,
};

static const struct route rows[] = {
    {METHOD_POST, "/v1/tokenizers/{id}/render", render, .id = "render", .scope = SCOPE_TOKENIZE,
     .body = BODY_JSON, .body_required = true, .max_body = BODY_MAX, .errors = render_errors,
     .tag = "tokenizers", .summary = "Messages to a prompt"},
};
const struct route_table render_routes = ROUTE_TABLE(rows);
