/* register, architectures, reset: the registry. */
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

static const struct option register_options[] = {
    {"allow-override", NULL, "replace an architecture of the same name and task"},
    {NULL, NULL, NULL},
};

static const struct column architecture_columns[] = {
    {"NAME", "name", COLUMN_TEXT},
    {"TASK", "task", COLUMN_TEXT},
    {"DEFAULT", "default_encoding", COLUMN_TEXT},
    {"ENCODINGS", "supported_encodings", COLUMN_COUNT},
    {"FORMAT", "default_weights_format", COLUMN_TEXT},
    {"SOURCE", "source", COLUMN_TEXT},
};

static void show_architectures(const struct session *s, const json_t *items)
{
    show_table(items, architecture_columns, ARRAY_SIZE(architecture_columns), "architectures",
               s->color);
}

static void show_registered(const struct session *s, json_t *document)
{
    const json_t *several = json_object_get(document, "architectures");

    if (several)
        show_architectures(s, several);
    else
        show_document(document, s->color);
}

static int run_register(struct session *s, const struct arguments *a)
{
    AUTO_BUF struct buf target = {0};
    json_t *body = read_json(a->operands[0]);
    int status;

    if (!body)
        return CTL_NO_INPUT;
    if (json_is_array(body))
        body = json_pack("{so}", "architectures", body);
    buf_append_str(&target, "/v1/architectures");
    if (argument(a, "allow-override"))
        query_add(&target, "allow_override", "true");
    status = ask_and_show(s, "POST", target.data, body, show_registered);
    json_decref(body);
    return status;
}

const struct command command_register = {
    "register",
    "FILE",
    1,
    1,
    "Register the architecture of a JSON file (- reads stdin), or a list of them, all or none.",
    register_options,
    run_register,
};

static const struct option architectures_options[] = {
    {"task", "TASK", "only this task; says which one when a name has several"},
    {"encoding", "ENCODING", "only those that support it"},
    {"weights-format", "FORMAT", "only those with this default format"},
    {"source", "SOURCE", "only builtin, catalog or api"},
    {"query", "TEXT", "only names that contain it"},
    {"model", "MODEL", "the one that this model resolves to, and why"},
    {"delete", NULL, "delete the named one"},
    {NULL, NULL, NULL},
};

static int list_architectures(struct session *s, const struct arguments *a)
{
    AUTO_BUF struct buf target = {0};
    json_t *all;
    int status;

    buf_append_str(&target, "/v1/architectures");
    query_add(&target, "task", argument(a, "task"));
    query_add(&target, "encoding", argument(a, "encoding"));
    query_add(&target, "weights_format", argument(a, "weights-format"));
    query_add(&target, "source", argument(a, "source"));
    query_add(&target, "q", argument(a, "query"));
    all = ask_all(s, target.data, &status);
    if (!all)
        return status;
    if (s->json)
        show_json(all);
    else
        show_architectures(s, json_object_get(all, "items"));
    json_decref(all);
    return status;
}

static int run_architectures(struct session *s, const struct arguments *a)
{
    AUTO_BUF struct buf target = {0};

    if (argument(a, "model")) {
        buf_append_str(&target, "/v1/model/architecture");
        query_add(&target, "model", argument(a, "model"));
        query_add(&target, "task", argument(a, "task"));
        return ask_and_show(s, "GET", target.data, NULL, NULL);
    }
    if (!a->n && argument(a, "delete")) {
        fputs("pipelinectl: architectures --delete needs a name\n", stderr);
        return CTL_USAGE;
    }
    if (!a->n)
        return list_architectures(s, a);
    buf_append_str(&target, "/v1/architectures");
    path_add(&target, a->operands[0]);
    query_add(&target, "task", argument(a, "task"));
    return ask_and_show(s, argument(a, "delete") ? "DELETE" : "GET", target.data, NULL, NULL);
}

const struct command command_architectures = {
    "architectures",
    "[NAME]",
    0,
    1,
    "List the architectures, or show or delete one.",
    architectures_options,
    run_architectures,
};

static const struct option reset_options[] = {
    {"architectures", "WHAT", "clear (the default), builtin or keep"},
    {"caches", NULL, "forget what is cached of models"},
    {"pipelines", NULL, "forget pipelines, factories, tokenizers and leases"},
    {"yes", NULL, "do it; without this nothing is done"},
    {NULL, NULL, NULL},
};

static int run_reset(struct session *s, const struct arguments *a)
{
    const char *what = argument(a, "architectures");
    json_t *body;
    int status;

    if (!argument(a, "yes")) {
        fputs("pipelinectl: reset cannot be undone; say --yes\n", stderr);
        return CTL_USAGE;
    }
    body = json_pack("{ss sb sb}", "architectures", what ? what : "clear", "caches",
                     argument(a, "caches") != NULL, "pipelines", argument(a, "pipelines") != NULL);
    status = ask_and_show(s, "POST", "/v1/reset", body, NULL);
    json_decref(body);
    return status;
}

const struct command command_reset = {
    "reset",       "",        0, 0, "Clear the registry, or put the built-in architectures back.",
    reset_options, run_reset,
};
