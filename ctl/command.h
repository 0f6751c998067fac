#pragma once
/*
 * Command: one word of pipelinectl. The table of commands drives parsing,
 * help, the completions and the man page (`pipelinectl help --json`).
 */
#include "ctl/session.h"

struct option {
    const char *name;     /* without dashes; NULL ends a list */
    const char *argument; /* NULL: a flag */
    const char *help;
};

struct arguments;

struct command {
    const char *name;
    const char *operands; /* as help shows them */
    size_t min, max;      /* how many operands */
    const char *summary;
    const struct option *options;
    int (*run)(struct session *s, const struct arguments *a); /* the exit status */
};

enum { OPERANDS_MAX = 4096, OPTIONS_MAX = 24, SETS_MAX = 32 };

struct arguments {
    const struct command *command;
    const char *operands[OPERANDS_MAX];
    size_t n;
    const char *values[OPTIONS_MAX]; /* in the order of the command's options; "" for a flag */
    const char *sets[SETS_MAX];      /* of --set, which may be repeated */
    size_t n_sets;
};

/* NULL when it was not given; "" for a flag. */
const char *argument(const struct arguments *a, const char *name);

extern const struct command *const commands[]; /* NULL-terminated */

/* One per file of ctl/. */
extern const struct command command_register, command_architectures, command_reset;
extern const struct command command_model, command_config, command_task, command_tokenizer;
extern const struct command command_retrieve, command_factory, command_pipelines, command_lease;
extern const struct command command_encode, command_decode, command_render;
extern const struct command command_events, command_status;

/* What most commands do: ask, show as JSON or by show (NULL: as members). */
int ask_and_show(struct session *s, const char *method, const char *target, const json_t *body,
                 void (*show)(const struct session *s, json_t *document));
/* JSON of a file, "-" for stdin; NULL was reported. */
json_t *read_json(const char *path);
/* A string that holds a whole number, as JSON; else reports. */
bool set_number(json_t *object, const char *name, const char *text);
