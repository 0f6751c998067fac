/* Where settings come from, and who wins. */
#include "daemon/config.h"

#include "daemon/address.h"
#include "daemon/config_file.h"
#include "daemon/setting.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

/* ---- assignments */

static void set_origin(struct settings *c, const struct setting *s, const char *origin)
{
    size_t i = (size_t)(s - settings);

    assert(i < c->origins.n && c->origins.items);

    free(c->origins.items[i]);
    c->origins.items[i] = str_dup(origin);
}

const char *config_origin(const struct settings *c, const char *name)
{
    const struct setting *s = setting_find(name);

    return s ? c->origins.items[s - settings] : NULL;
}

bool config_assign(struct settings *c, const struct setting *s, const char *text,
                   const char *origin, bool *replaced, struct err *err)
{
    if (setting_is_list(s) && (!replaced[s - settings] || !*text))
        setting_clear(s, c);
    replaced[s - settings] = true;
    if (!setting_parse(s, c, text, err))
        return err_wrap(err, "%s", origin);
    set_origin(c, s, origin);
    return true;
}

/* ---- built in, and what the service manager passes */

static const char *env_get(char *const *environment, const char *name)
{
    size_t size = strlen(name);

    for (; *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

static void set_built_in(struct settings *c)
{
    for (size_t i = 0; i < n_settings; i++) {
        AUTO_ERR struct err err = {0};

        strv_append(&c->origins, "built in");
        /* The tests load a config without anything, so a bad default cannot pass. */
        if (!setting_parse(&settings[i], c, settings[i].built_in ? settings[i].built_in : "", &err))
            abort();
    }
    c->config_file = str_dup("");
    c->runtime_dir = str_dup("");
    c->credentials_dir = str_dup("");
}

static void replace(char **field, char *text)
{
    free(*field);
    *field = text;
}

/* systemd passes several directories with colons between; ours is the first. */
static bool set_directory(struct settings *c, char *const *environment, const char *variable,
                          const char *name)
{
    const struct setting *s = setting_find(name);
    const char *value = env_get(environment, variable);
    char origin[64];

    if (!value || !*value)
        return false;
    snprintf(origin, sizeof(origin), "$%s", variable);
    replace((char **)((char *)c + s->offset), str_dup_n(value, strcspn(value, ":")));
    set_origin(c, s, origin);
    return true;
}

static void set_state_dir(struct settings *c, char *const *environment)
{
    const char *xdg = env_get(environment, "XDG_STATE_HOME"), *home = env_get(environment, "HOME");

    if (set_directory(c, environment, "STATE_DIRECTORY", "state-dir"))
        return;
    if (geteuid() == 0)
        replace(&c->state_dir, str_dup("/var/lib/pipelined"));
    else if (xdg && *xdg == '/')
        replace(&c->state_dir, str_printf("%s/pipelined", xdg));
    else if (home && *home == '/')
        replace(&c->state_dir, str_printf("%s/.local/state/pipelined", home));
}

static void set_from_service(struct settings *c, char *const *environment)
{
    const char *runtime = env_get(environment, "RUNTIME_DIRECTORY");
    const char *credentials = env_get(environment, "CREDENTIALS_DIRECTORY");

    set_state_dir(c, environment);
    set_directory(c, environment, "CACHE_DIRECTORY", "cache-dir");
    if (runtime)
        replace(&c->runtime_dir, str_dup_n(runtime, strcspn(runtime, ":")));
    if (credentials && *credentials) {
        AUTO_FREE char *keys = str_printf("%s/keys", credentials);

        replace(&c->credentials_dir, str_dup(credentials));
        if (access(keys, R_OK) == 0) {
            replace(&c->keys_file, take(&keys));
            set_origin(c, setting_find("keys-file"), "$CREDENTIALS_DIRECTORY");
        }
    }
}

/* ---- files */

static bool read_usual_files(struct settings *c, char *const *environment, struct err *err)
{
    const char *xdg = env_get(environment, "XDG_CONFIG_HOME"), *home = env_get(environment, "HOME");
    AUTO_FREE char *user = NULL;

    if (!config_file_read(c, "/usr/lib/pipelined/pipelined.conf", CONFIG_FILE_OPTIONAL, err) ||
        !config_file_read(c, "/etc/pipelined/pipelined.conf", CONFIG_FILE_OPTIONAL, err) ||
        !config_folder_read(c, "/etc/pipelined/conf.d", err))
        return false;
    if (geteuid() == 0 || !((xdg && *xdg == '/') || (home && *home == '/')))
        return true;
    user = xdg && *xdg == '/' ? str_printf("%s/pipelined/pipelined.conf", xdg)
                              : str_printf("%s/.config/pipelined/pipelined.conf", home);
    return config_file_read(c, user, CONFIG_FILE_OPTIONAL, err);
}

/* ---- the environment */

/*
 * Variables of ours that are no settings, and those Kubernetes makes of a
 * service that is called as we are (PIPELINED_PORT_8750_TCP=…).
 */
static bool is_no_setting(const char *variable)
{
    static const char *const known[] = {
        "PIPELINED_CONFIG=", "PIPELINED_SERVER=", "PIPELINED_API_KEY=", "PIPELINED_SERVICE_",
        "PIPELINED_PORT"};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_starts(variable, known[i]))
            return true;
    return false;
}

/* Others may use our prefix for what we do not know, so an unknown one is worth a warning only. */
static void warn_unknown(struct settings *c, const char *variable)
{
    char name[64], near[160];
    size_t size = strcspn(variable, "=");
    AUTO_FREE char *text = NULL;

    snprintf(name, sizeof(name), "%.*s", (int)(size - strlen("PIPELINED_")),
             variable + strlen("PIPELINED_"));
    for (char *p = name; *p; p++)
        *p = *p == '_' ? '-' : *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    setting_suggest(name, near);
    text = str_printf("$%.*s names no setting%s", (int)size, variable, near);
    strv_append(&c->warnings, text);
}

static bool read_environment(struct settings *c, char *const *environment, struct err *err)
{
    AUTO_FREE bool *replaced = mem_new_array(n_settings, bool);

    for (char *const *e = environment; *e; e++) {
        const struct setting *found = NULL;
        char variable[64], origin[72];

        if (!str_starts(*e, "PIPELINED_") || !strchr(*e, '=') || is_no_setting(*e))
            continue;
        for (size_t i = 0; i < n_settings && !found; i++) {
            setting_variable(&settings[i], variable);
            if (str_starts(*e, variable) && (*e)[strlen(variable)] == '=')
                found = &settings[i];
        }
        if (!found) {
            warn_unknown(c, *e);
            continue;
        }
        snprintf(origin, sizeof(origin), "$%s", variable);
        if (!config_assign(c, found, *e + strlen(variable) + 1, origin, replaced, err))
            return false;
    }
    return true;
}

/* ---- flags */

struct flags {
    int argc, at;
    char *const *argv;
    const char *name;  /* without the dashes */
    const char *value; /* behind '=', or NULL */
};

/* The value of the flag at hand: behind '=' or the next word. */
static const char *flag_value(struct flags *f, struct err *err)
{
    if (f->value)
        return f->value;
    if (f->at + 1 < f->argc)
        return f->argv[++f->at];
    err_set(err, ERR_INVALID, "--%s needs a value", f->name);
    return NULL;
}

static bool set_text_flag(struct flags *f, char **field, struct err *err)
{
    const char *value = flag_value(f, err);

    if (!value)
        return false;
    replace(field, str_dup(value));
    return true;
}

/* Flags that are no settings. */
static bool set_own_flag(struct settings *c, struct flags *f, bool *ret_known, struct err *err)
{
    static const struct {
        const char *name;
        enum config_action action;
    } actions[] = {
        {"help", CONFIG_HELP},          {"version", CONFIG_VERSION},    {"health", CONFIG_HEALTH},
        {"check-config", CONFIG_CHECK}, {"print-config", CONFIG_PRINT},
    };

    *ret_known = true;
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        if (str_eq(f->name, actions[i].name)) {
            c->action = actions[i].action;
            return !f->value || err_set(err, ERR_INVALID, "--%s takes no value", actions[i].name);
        }
    if (str_eq(f->name, "config"))
        return set_text_flag(f, &c->config_file, err);
    if (str_eq(f->name, "scopes"))
        return set_text_flag(f, &c->key_scopes, err);
    if (str_eq(f->name, "make-key")) {
        c->action = CONFIG_MAKE_KEY;
        return set_text_flag(f, &c->key_name, err);
    }
    *ret_known = false;
    return true;
}

/* The setting a flag names; --no-NAME is a bool's no. */
static const struct setting *find_flag(const struct flags *f, bool *ret_no, struct err *err)
{
    const struct setting *s = setting_find(f->name);
    char near[160];

    *ret_no = false;
    if (s)
        return s;
    if (str_starts(f->name, "no-") && !f->value) {
        s = setting_find(f->name + strlen("no-"));
        *ret_no = true;
        if (s && s->type == SETTING_BOOL)
            return s;
    }
    setting_suggest(f->name, near);
    err_set(err, ERR_INVALID, "--%.60s: no such flag%s", f->name, near);
    return NULL;
}

/* Sets the setting a flag names, or, with config NULL, only steps over its value. */
static bool set_flag(struct settings *c, struct flags *f, bool *replaced, struct err *err)
{
    bool no;
    const struct setting *s = find_flag(f, &no, err);
    const char *value;
    char origin[72];

    if (!s)
        return false;
    if (s->type == SETTING_BOOL)
        value = f->value ? f->value : no ? "no" : "yes";
    else
        value = flag_value(f, err);
    if (!value || !c)
        return value != NULL;
    snprintf(origin, sizeof(origin), "--%s", s->name);
    return config_assign(c, s, value, origin, replaced, err);
}

/* Twice: first for what is no setting (--config tells which files come before), then for the rest.
 */
static bool read_flags(struct settings *c, int argc, char *const *argv, bool own, struct err *err)
{
    AUTO_FREE bool *replaced = mem_new_array(n_settings, bool);
    struct flags f = {argc, 1, argv, NULL, NULL};

    for (; f.at < argc; f.at++) {
        const char *word = argv[f.at];
        AUTO_FREE char *name = NULL;
        bool known;

        if (str_eq(word, "-h"))
            word = "--help";
        if (!str_starts(word, "--") || !word[2])
            return err_set(err, ERR_INVALID, "\"%.60s\": flags begin with --; see --help", word);
        name = str_dup_n(word + 2, strcspn(word + 2, "="));
        f.name = name;
        f.value = strchr(word, '=') ? strchr(word, '=') + 1 : NULL;
        if (!set_own_flag(c, &f, &known, err))
            return false;
        if (!known && !set_flag(own ? NULL : c, &f, replaced, err))
            return false;
    }
    return true;
}

/* ---- what must hold between settings */

static int64_t fitting_workers(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 2 ? 2 : n > 8 ? 8 : n;
}

static bool is_guarded(const struct settings *c, struct err *err)
{
    if (c->allow_remote_without_keys || *c->keys_file)
        return true;
    for (size_t i = 0; i < c->listen.n; i++) {
        struct address a;

        if (!address_parse(c->listen.items[i], &a, err))
            return false;
        if (!a.is_loopback)
            return err_set(err, ERR_INVALID,
                           "%s: %s can be reached from other machines and there are no keys; set "
                           "keys-file (see --make-key), or allow-remote-without-keys = yes",
                           config_origin(c, "listen"), c->listen.items[i]);
    }
    return true;
}

/* A version or a new key is the same under any settings, and must come even when those are wrong.
 */
static bool needs_settings(const struct settings *c)
{
    return c->action != CONFIG_HELP && c->action != CONFIG_VERSION && c->action != CONFIG_MAKE_KEY;
}

static bool complete(struct settings *c, struct err *err)
{
    if (!c->workers)
        c->workers = fitting_workers();
    if (!c->state_dir || !*c->state_dir)
        return err_set(err, ERR_INVALID, "there is no $HOME to keep state in; set state-dir");
    if (!*c->cache_dir)
        replace(&c->cache_dir, str_dup(c->state_dir));
    if (!c->listen.n)
        return err_set(err, ERR_INVALID, "%s: an empty list of addresses to listen on",
                       config_origin(c, "listen"));
    return (c->action != CONFIG_RUN && c->action != CONFIG_CHECK) || is_guarded(c, err);
}

bool config_load(struct settings *c, int argc, char *const *argv, char *const *environment,
                 int *ret_status, struct err *err)
{
    struct settings fresh = {0};
    const char *file = env_get(environment, "PIPELINED_CONFIG");
    int status = EXIT_STATUS_USAGE;
    bool ok;

    set_built_in(&fresh);
    set_from_service(&fresh, environment);
    if (file)
        replace(&fresh.config_file, str_dup(file));
    ok = read_flags(&fresh, argc, argv, true, err);
    if (ok && needs_settings(&fresh)) {
        status = EXIT_STATUS_CONFIG;
        ok = *fresh.config_file
                 ? config_file_read(&fresh, fresh.config_file, CONFIG_FILE_REQUIRED, err)
                 : read_usual_files(&fresh, environment, err);
        ok = ok && read_environment(&fresh, environment, err);
    }
    if (ok && needs_settings(&fresh)) {
        status = EXIT_STATUS_USAGE;
        ok = read_flags(&fresh, argc, argv, false, err);
    }
    if (ok && needs_settings(&fresh)) {
        status = EXIT_STATUS_CONFIG;
        ok = complete(&fresh, err);
    }
    if (!ok) {
        config_release(&fresh);
        *ret_status = status;
        return false;
    }
    *c = fresh;
    return true;
}

void config_release(struct settings *c)
{
    for (size_t i = 0; i < n_settings; i++)
        setting_clear(&settings[i], c);
    free(c->config_file);
    free(c->key_name);
    free(c->key_scopes);
    free(c->runtime_dir);
    free(c->credentials_dir);
    strv_release(&c->origins);
    strv_release(&c->warnings);
    *c = (struct settings){0};
}

/* ---- reloading */

size_t config_changes(const struct settings *a, const struct settings *b, const char **ret,
                      size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < n_settings && n < max; i++)
        if (!setting_equal(&settings[i], a, b))
            ret[n++] = settings[i].name;
    return n;
}

bool config_is_live(const char *name)
{
    const struct setting *s = setting_find(name);

    return s && s->live;
}

void config_take_live(struct settings *a, struct settings *b)
{
    for (size_t i = 0; i < n_settings; i++)
        if (settings[i].live) {
            setting_move(&settings[i], a, b);
            set_origin(a, &settings[i], b->origins.items[i]);
        }
}
