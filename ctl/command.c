#include "ctl/command.h"

#include "ctl/show.h"

#include <errno.h>
#include <stdio.h>

const struct command *const commands[] = {
    &command_register,
    &command_architectures,
    &command_reset,
    &command_model,
    &command_config,
    &command_task,
    &command_tokenizer,
    &command_retrieve,
    &command_factory,
    &command_pipelines,
    &command_lease,
    &command_encode,
    &command_decode,
    &command_render,
    &command_events,
    &command_status,
    NULL,
};

const char *argument(const struct arguments *a, const char *name)
{
    for (size_t i = 0; a->command->options[i].name; i++)
        if (str_eq(a->command->options[i].name, name))
            return a->values[i];
    return NULL;
}

int ask_and_show(struct session *s, const char *method, const char *target, const json_t *body,
                 void (*show)(const struct session *s, json_t *document))
{
    int status;
    json_t *document = ask(s, method, target, body, &status);

    if (!document)
        return status;
    if (json_is_true(document))
        ; /* done, and there is nothing to show */
    else if (s->json)
        show_json(document);
    else if (show)
        show(s, document);
    else
        show_document(document, s->color);
    json_decref(document);
    return status;
}

json_t *read_json(const char *path)
{
    FILE *f = str_eq(path, "-") ? stdin : fopen(path, "re");
    json_error_t error;
    json_t *document;

    if (!f) {
        fprintf(stderr, "pipelinectl: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    document = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
    if (f != stdin)
        fclose(f);
    if (!document)
        fprintf(stderr, "pipelinectl: %s:%d: %s\n", path, error.line, error.text);
    return document;
}

bool set_number(json_t *object, const char *name, const char *text)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno || end == text || *end) {
        fprintf(stderr, "pipelinectl: %s: \"%s\" is no whole number\n", name, text);
        return false;
    }
    json_object_set_new(object, name, json_integer(n));
    return true;
}
