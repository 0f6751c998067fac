/* status: who is there, and is it well. */
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

static const struct option options[] = {{NULL, NULL, NULL}};

static size_t count(struct session *s, const char *target, int *ret_status)
{
    json_t *all = ask_all(s, target, ret_status);
    size_t n = json_array_size(json_object_get(all, "items"));

    json_decref(all);
    return n;
}

/* "yes", or the checks that say no. */
static json_t *readiness(struct session *s)
{
    long http;
    AUTO_FREE char *text = ask_text(s, "/readyz?verbose", &http);
    AUTO_BUF struct buf no = {0};

    if (!text || http == 200)
        return json_string(text ? "yes" : "no answer");
    for (const char *line = text; line; line = strchr(line, '\n'))
        if (str_starts(line += *line == '\n', "[-]"))
            buf_printf(&no, "%s%.*s", no.size ? "; " : "no: ", (int)strcspn(line + 3, "\n"),
                       line + 3);
    return json_string(no.size ? no.data : "no");
}

static int run(struct session *s, const struct arguments *a)
{
    int status;
    json_t *version = ask(s, "GET", "/version", NULL, &status);
    json_t *all;

    (void)a;
    if (!version)
        return status;
    all = json_pack("{ss so so*}", "server", s->server, "version", version, "ready", readiness(s));
    if (status == CTL_OK)
        json_object_set_new(all, "architectures",
                            json_integer((json_int_t)count(s, "/v1/architectures", &status)));
    if (status == CTL_OK)
        json_object_set_new(all, "pipelines",
                            json_integer((json_int_t)count(s, "/v1/pipelines", &status)));
    if (s->json)
        show_json(all);
    else
        show_document(all, s->color);
    json_decref(all);
    return status;
}

const struct command command_status = {
    "status", "",  0, 0, "Show the server's version, whether it is ready, and what it holds.",
    options,  run,
};
