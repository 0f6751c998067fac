/* events: what changes, as it changes. */
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

static const struct option options[] = {
    {"since", "REVISION", "begin after this revision; default: with the next change"},
    {"kind", "KIND", "only this kind (pipeline.created) or group (pipeline)"},
    {"no-follow", NULL, "show what there is and end"},
    {NULL, NULL, NULL},
};

static bool show_line(void *ctx, json_t *event)
{
    static const char *const known[] = {"revision", "kind", "time"};
    const struct session *s = ctx;
    const char *key;
    json_t *value;

    if (s->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
        putchar('\n');
        return fflush(stdout) == 0;
    }
    if (!json_object_get(event, "kind")) /* a sign of life */
        return true;
    printf("%8lld  %s  %-24s", (long long)json_integer_value(json_object_get(event, "revision")),
           json_string_value(json_object_get(event, "time")),
           json_string_value(json_object_get(event, "kind")));
    json_object_foreach(event, key, value)
    {
        bool shown = false;

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
            shown |= str_eq(key, known[i]);
        if (!shown && json_is_string(value))
            printf(" %s=%s", key, json_string_value(value));
        else if (!shown && json_is_integer(value))
            printf(" %s=%lld", key, (long long)json_integer_value(value));
    }
    putchar('\n');
    return fflush(stdout) == 0;
}

static int run(struct session *s, const struct arguments *a)
{
    AUTO_BUF struct buf target = {0};
    json_t *document, *event;
    size_t i;
    int status;

    buf_append_str(&target, "/v1/events");
    query_add(&target, "since", argument(a, "since"));
    query_add(&target, "kind", argument(a, "kind"));
    if (!argument(a, "no-follow"))
        return ask_lines(s, "GET", target.data, NULL, show_line, s);
    document = ask(s, "GET", target.data, NULL, &status);
    json_array_foreach(json_object_get(document, "items"), i, event) show_line(s, event);
    json_decref(document);
    return status;
}

const struct command command_events = {
    "events", "", 0, 0, "Show every change as it happens.", options, run,
};
