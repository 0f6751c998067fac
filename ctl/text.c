/* encode, decode, render: text to ids and back, by a tokenizer's handle. */
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

static const struct option no_options[] = {{NULL, NULL, NULL}};

static void show_ids(const struct session *s, json_t *document)
{
    json_t *id;
    size_t i;

    (void)s;
    json_array_foreach(json_object_get(document, "ids"), i, id)
        printf("%s%lld", i ? " " : "", (long long)json_integer_value(id));
    putchar('\n');
}

static void show_answered_text(const struct session *s, json_t *document)
{
    const char *text = json_string_value(json_object_get(document, "text"));

    (void)s;
    show_text(text ? text : "");
}

static int post(struct session *s, const struct arguments *a, const char *verb, json_t *body,
                void (*show)(const struct session *s, json_t *document))
{
    AUTO_BUF struct buf target = {0};
    int status;

    buf_append_str(&target, "/v1/tokenizers");
    path_add(&target, a->operands[0]);
    buf_printf(&target, "/%s", verb);
    status = ask_and_show(s, "POST", target.data, body, show);
    json_decref(body);
    return status;
}

static int run_encode(struct session *s, const struct arguments *a)
{
    return post(s, a, "encode", json_pack("{ss}", "text", a->operands[1]), show_ids);
}

const struct command command_encode = {
    "encode", "ID TEXT", 2, 2, "Text to ids.", no_options, run_encode,
};

static int run_decode(struct session *s, const struct arguments *a)
{
    json_t *ids = json_array();

    for (size_t i = 1; i < a->n; i++) {
        json_t *holder = json_object();
        bool ok = set_number(holder, "id", a->operands[i]);

        json_array_append(ids, json_object_get(holder, "id"));
        json_decref(holder);
        if (!ok) {
            json_decref(ids);
            return CTL_USAGE;
        }
    }
    return post(s, a, "decode", json_pack("{so}", "ids", ids), show_answered_text);
}

const struct command command_decode = {
    "decode", "ID NUMBER…", 2, OPERANDS_MAX, "Ids to text.", no_options, run_decode,
};

static const struct option render_options[] = {
    {"ids", NULL, "show the ids of the text instead of it"},
    {"template", "NAME", "by this one of the model's templates"},
    {"template-only", NULL, "special tokens of the messages are text"},
    {NULL, NULL, NULL},
};

static int run_render(struct session *s, const struct arguments *a)
{
    json_t *body = read_json(a->operands[1]);
    bool ids = argument(a, "ids") != NULL;

    if (!body)
        return CTL_NO_INPUT;
    if (json_is_array(body))
        body = json_pack("{so}", "messages", body);
    if (ids)
        json_object_set_new(body, "tokenize", json_true());
    if (argument(a, "template"))
        json_object_set_new(body, "template_name", json_string(argument(a, "template")));
    if (argument(a, "template-only"))
        json_object_set_new(body, "special_tokens", json_string("template_only"));
    return post(s, a, "render", body, ids ? show_ids : show_answered_text);
}

const struct command command_render = {
    "render",
    "ID FILE",
    2,
    2,
    "The messages of a JSON file (- reads stdin), or a request of render, through the chat "
    "template.",
    render_options,
    run_render,
};
