/* pipelinectl: the daemon from a shell. Parses the command line and finds the command. */
#include "base/nearest.h"
#include "base/utf8.h"
#include "ctl/command.h"
#include "ctl/show.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const struct option global_options[] = {
    {"server", "URL",
     "http://HOST:PORT or unix:PATH; default $PIPELINED_SERVER, else http://127.0.0.1:8750"},
    {"key", "KEY",
     "the API key; default $PIPELINED_API_KEY, which others cannot see in a process list"},
    {"json", NULL, "documents as the server sends them"},
    {"version", NULL, "print the version"},
    {"help", NULL, "print help"},
    {NULL, NULL, NULL},
};

enum { GLOBAL_SERVER, GLOBAL_KEY, GLOBAL_JSON, GLOBAL_VERSION, GLOBAL_HELP, N_GLOBALS };

static int usage(const char *format, const char *text)
{
    fputs("pipelinectl: ", stderr);
    fprintf(stderr, format, text); // NOLINT(clang-diagnostic-format-nonliteral): our own formats
    fputs("; see pipelinectl help\n", stderr);
    return CTL_USAGE;
}

/* ---- help */

static void print_options(const struct option *options)
{
    for (; options->name; options++) {
        AUTO_FREE char *left = str_printf("--%s%s%s", options->name, options->argument ? " " : "",
                                          options->argument ? options->argument : "");

        printf("  %-30s %s\n", left, options->help);
    }
}

static void print_command(const struct command *c)
{
    printf("usage: pipelinectl [OPTION]… %s%s%s\n\n%s\n", c->name, *c->operands ? " " : "",
           c->operands, c->summary);
    if (c->options->name)
        putchar('\n');
    print_options(c->options);
}

static void print_help(void)
{
    puts("usage: pipelinectl [OPTION]… COMMAND [OPTION]… [OPERAND]…\n\n"
         "Asks a running pipelined.\n");
    for (size_t i = 0; commands[i]; i++)
        printf("  %-14s %s\n", commands[i]->name, commands[i]->summary);
    puts("  help           Print this, or the help of a command.\n");
    print_options(global_options);
    puts("\nexit status: 0 done, 1 refused, 3 not found, 4 conflict, 5 not allowed, 64 usage,\n"
         "66 a file that cannot be read, 69 nobody answers, 74 the output cannot be written");
}

static json_t *options_json(const struct option *options)
{
    json_t *all = json_array();

    for (; options->name; options++)
        json_array_append_new(all, json_pack("{ss ss? ss}", "name", options->name, "argument",
                                             options->argument, "help", options->help));
    return all;
}

/* The table of commands, for completions and the man page. */
static void print_help_json(void)
{
    json_t *all = json_array(), *document;

    for (size_t i = 0; commands[i]; i++)
        json_array_append_new(all, json_pack("{ss ss ss so}", "name", commands[i]->name, "operands",
                                             commands[i]->operands, "summary", commands[i]->summary,
                                             "options", options_json(commands[i]->options)));
    document = json_pack("{so so}", "options", options_json(global_options), "commands", all);
    show_json(document);
    json_decref(document);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (str_eq(commands[i]->name, name))
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[32], *near[NEAREST_MAX];
    size_t n = 0;

    for (; commands[n]; n++)
        names[n] = commands[n]->name;
    if (!nearest(name, names, n, near))
        return usage("\"%s\" is no command", name);
    fprintf(stderr, "pipelinectl: \"%s\" is no command; did you mean %s?\n", name, near[0]);
    return CTL_USAGE;
}

static int help(const char *name, bool json)
{
    const struct command *c = name ? find_command(name) : NULL;

    if (name && !c)
        return unknown_command(name);
    if (c)
        print_command(c);
    else if (json)
        print_help_json();
    else
        print_help();
    return CTL_OK;
}

/* ---- the command line */

struct words {
    char **argv;
    int argc, at;
};

/*
 * Takes the option at hand if options has it: its value, "" for a flag, goes to
 * *ret. -1: not among them; CTL_USAGE: reported; else its index.
 */
static int take_option(struct words *w, const struct option *options, const char **ret)
{
    const char *word = w->argv[w->at] + 2, *equals = strchr(word, '=');
    size_t size = equals ? (size_t)(equals - word) : strlen(word);

    for (int i = 0; options[i].name; i++) {
        if (strlen(options[i].name) != size || strncmp(options[i].name, word, size) != 0)
            continue;
        if (!options[i].argument && equals)
            return usage("--%s takes no value", options[i].name);
        if (options[i].argument && !equals && w->at + 1 >= w->argc)
            return usage("--%s needs a value", options[i].name);
        *ret = !options[i].argument ? "" : equals ? equals + 1 : w->argv[++w->at];
        return i;
    }
    return -1;
}

/* The command, or one of its operands. 0 or CTL_USAGE. */
static int take_word(struct arguments *a, const char *word, const char **name)
{
    if (!utf8_valid(word, strlen(word), NULL))
        return usage("%s is not in UTF-8", word);
    if (*name) {
        if (a->n == OPERANDS_MAX)
            return usage("too many operands: %s", word);
        a->operands[a->n++] = word;
        return 0;
    }
    *name = word;
    a->command = find_command(word);
    return a->command || str_eq(word, "help") ? 0 : unknown_command(word);
}

/* The value of a command's own option, the i-th. 0 or CTL_USAGE. */
static int keep_option(struct arguments *a, int i, const char *value)
{
    if (!utf8_valid(value, strlen(value), NULL))
        return usage("--%s: the value is not in UTF-8", a->command->options[i].name);
    a->values[i] = value;
    if (!str_eq(a->command->options[i].name, "set"))
        return 0;
    if (a->n_sets == SETS_MAX)
        return usage("too many --set: %s", value);
    a->sets[a->n_sets++] = value;
    return 0;
}

/* Global options may stand anywhere; a command's own behind it; none behind "--". 0 or CTL_USAGE.
 */
static int parse(struct words *w, struct arguments *a, const char **globals, const char **name)
{
    bool only_words = false;
    int status = 0;

    for (w->at = 1; w->at < w->argc && !status; w->at++) {
        const char *word = w->argv[w->at], *value = NULL;
        int i;

        if (only_words || !str_starts(word, "--")) {
            status = take_word(a, word, name);
            continue;
        }
        only_words = !word[2];
        if (only_words)
            continue;
        i = a->command ? take_option(w, a->command->options, &value) : -1;
        if (i >= 0 && i != CTL_USAGE) {
            status = keep_option(a, i, value);
            continue;
        }
        if (i < 0)
            i = take_option(w, global_options, &value);
        if (i == CTL_USAGE)
            return i;
        if (i < 0)
            return usage("%s: no such option", word);
        globals[i] = value;
    }
    return status;
}

static int run(const struct arguments *a, const char *const *globals)
{
    const char *server =
        globals[GLOBAL_SERVER] ? globals[GLOBAL_SERVER] : getenv("PIPELINED_SERVER");
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = term && str_eq(term, "dumb"), plain = dumb || (no_color && *no_color);
    struct session s = {
        .key = globals[GLOBAL_KEY] ? globals[GLOBAL_KEY] : getenv("PIPELINED_API_KEY"),
        .json = globals[GLOBAL_JSON] != NULL,
        .color = !plain && isatty(STDOUT_FILENO),
        .color_errors = !plain && isatty(STDERR_FILENO),
        .progress = !dumb && isatty(STDERR_FILENO),
    };
    int status = CTL_USAGE;

    if (s.key && !*s.key)
        s.key = NULL;
    if (session_open(&s, server && *server ? server : "http://127.0.0.1:8750"))
        status = a->command->run(&s, a);
    session_close(&s);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "pipelinectl: cannot write: %s\n", strerror(errno));
        return CTL_CANNOT_WRITE;
    }
    return status;
}

int main(int argc, char **argv)
{
    const char *globals[N_GLOBALS] = {0}, *name = NULL;
    struct arguments a = {0};
    struct words words = {argv, argc, 1};
    int status = parse(&words, &a, globals, &name);

    if (status)
        return status;
    if (globals[GLOBAL_VERSION]) {
        puts("pipelinectl " VERSION);
        return CTL_OK;
    }
    if (globals[GLOBAL_HELP] || (name && !a.command))
        return help(a.command ? a.command->name : a.n ? a.operands[0] : NULL, globals[GLOBAL_JSON]);
    if (!name) {
        print_help();
        return CTL_USAGE;
    }
    if (a.n < a.command->min || a.n > a.command->max)
        return usage(*a.command->operands ? "%s: wrong number of operands" : "%s takes no operands",
                     a.command->name);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    status = run(&a, globals);
    curl_global_cleanup();
    return status;
}
