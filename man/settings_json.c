/* Prints the table of settings as JSON, for scripts/gen_docs.py. Part of the build only. */
#include "daemon/setting.h"
#include "json/writer.h"

#include <stdio.h>

static const char *const type_names[] = {
    [SETTING_BOOL] = "yes or no",      [SETTING_INT] = "number",
    [SETTING_BYTES] = "size",          [SETTING_MS] = "time",
    [SETTING_SECONDS] = "time",        [SETTING_STRING] = "text",
    [SETTING_PATH] = "path",           [SETTING_LIST] = "list",
    [SETTING_PATHS] = "list of paths", [SETTING_ADDRESSES] = "list of addresses",
    [SETTING_CHOICE] = "choice",
};

static void write_setting(struct json *j, const struct setting *s)
{
    char variable[64];

    setting_variable(s, variable);
    json_item(j), json_open(j, '{');
    json_str(j, "name", s->name);
    json_str(j, "variable", variable);
    json_str(j, "type", type_names[s->type]);
    json_str(j, "group", setting_group_names[s->group]);
    json_str(j, "argument", s->argument);
    json_str(j, "default", s->built_in);
    json_bool(j, "flag", s->type == SETTING_BOOL);
    json_bool(j, "live", s->live);
    json_str(j, "help", s->help);
    json_key(j, "choices"), json_open(j, '[');
    for (size_t i = 0; s->choices && s->choices[i]; i++)
        json_item(j), json_write_str(j->out, s->choices[i]);
    json_close(j, ']');
    json_close(j, '}');
}

int main(void)
{
    AUTO_BUF struct buf text = {0};
    struct json j = json_begin(&text);

    json_open(&j, '{');
    json_key(&j, "flags"), json_open(&j, '[');
    for (size_t i = 0; i < n_own_flags; i++) {
        json_item(&j), json_open(&j, '{');
        json_str(&j, "name", own_flags[i].name);
        json_str(&j, "argument", own_flags[i].argument);
        json_str(&j, "help", own_flags[i].help);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_key(&j, "settings"), json_open(&j, '[');
    for (size_t i = 0; i < n_settings; i++)
        write_setting(&j, &settings[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    puts(text.data);
    return 0;
}
