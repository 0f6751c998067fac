/* model, config, task, tokenizer: questions about one model. */
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

#define MODEL_OPTIONS                                                           \
    {"revision", "REVISION", "branch, tag or commit; default main"},            \
        {"subfolder", "FOLDER", "a folder of the repository"},                  \
        {"trust-remote-code", NULL, "accept a model that brings its own code"}, \
    {                                                                           \
        "offline", NULL, "answer from what is cached"                           \
    }

static void add_model(struct buf *target, const struct arguments *a)
{
    query_add(target, "model", a->operands[0]);
    query_add(target, "revision", argument(a, "revision"));
    query_add(target, "subfolder", argument(a, "subfolder"));
    query_add(target, "trust_remote_code", argument(a, "trust-remote-code") ? "true" : NULL);
    query_add(target, "offline", argument(a, "offline") ? "true" : NULL);
}

static int ask_about(struct session *s, const struct arguments *a, const char *method,
                     const char *path)
{
    AUTO_BUF struct buf target = {0};

    buf_append_str(&target, path);
    add_model(&target, a);
    return ask_and_show(s, method, target.data, NULL, NULL);
}

static const struct option model_options[] = {
    MODEL_OPTIONS,
    {"refresh", NULL, "pin the branch anew and say what changed"},
    {"delete", NULL, "forget what is cached of it"},
    {NULL, NULL, NULL},
};

static const struct column model_columns[] = {
    {"MODEL", "id", COLUMN_TEXT},      {"REVISION", "revision", COLUMN_TEXT},
    {"COMMIT", "commit", COLUMN_TEXT}, {"ARCHITECTURE", "architecture", COLUMN_TEXT},
    {"STALE", "stale", COLUMN_TEXT},
};

static int list_models(struct session *s)
{
    int status;
    json_t *all = ask_all(s, "/v1/models", &status);

    if (!all)
        return status;
    if (s->json)
        show_json(all);
    else
        show_table(json_object_get(all, "data"), model_columns, ARRAY_SIZE(model_columns), "models",
                   s->color);
    json_decref(all);
    return status;
}

static json_t *model_body(const struct arguments *a)
{
    json_t *body = json_pack("{ss}", "model", a->operands[0]);

    if (argument(a, "revision"))
        json_object_set_new(body, "revision", json_string(argument(a, "revision")));
    if (argument(a, "subfolder"))
        json_object_set_new(body, "subfolder", json_string(argument(a, "subfolder")));
    if (argument(a, "trust-remote-code"))
        json_object_set_new(body, "trust_remote_code", json_true());
    return body;
}

static int run_model(struct session *s, const struct arguments *a)
{
    if (!a->n)
        return list_models(s);
    if (argument(a, "refresh"))
        return ask_about(s, a, "POST", "/v1/model/refresh");
    return ask_about(s, a, argument(a, "delete") ? "DELETE" : "GET", "/v1/model");
}

const struct command command_model = {
    "model",
    "[MODEL]",
    0,
    1,
    "Show what a model is, refresh or forget it; without one, list the known ones.",
    model_options,
    run_model,
};

static const struct option plain_options[] = {MODEL_OPTIONS, {NULL, NULL, NULL}};

static int run_config(struct session *s, const struct arguments *a)
{
    return ask_about(s, a, "GET", "/v1/model/config");
}

const struct command command_config = {
    "config",      "MODEL",    1, 1, "Show the config.json of a model, or what stands for it.",
    plain_options, run_config,
};

static int run_task(struct session *s, const struct arguments *a)
{
    return ask_about(s, a, "GET", "/v1/model/task");
}

const struct command command_task = {
    "task", "MODEL", 1, 1, "Show what a model is for.", plain_options, run_task,
};

static const struct option tokenizer_options[] = {
    MODEL_OPTIONS,
    {"handle", NULL, "make a handle of it (POST /v1/tokenizers)"},
    {NULL, NULL, NULL},
};

static int run_tokenizer(struct session *s, const struct arguments *a)
{
    json_t *body;
    int status;

    if (!argument(a, "handle"))
        return ask_about(s, a, "GET", "/v1/model/tokenizer");
    body = model_body(a);
    status = ask_and_show(s, "POST", "/v1/tokenizers", body, NULL);
    json_decref(body);
    return status;
}

const struct command command_tokenizer = {
    "tokenizer",
    "MODEL",
    1,
    1,
    "Show the facts of a model's tokenizer, or make a handle.",
    tokenizer_options,
    run_tokenizer,
};
