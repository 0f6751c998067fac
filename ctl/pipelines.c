/* retrieve, factory, pipelines, lease: from a model to a handle, and who uses it. */
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

#define REQUEST_OPTIONS                                                                        \
    {"task", "TASK", "default text_generation"},                                               \
        {"revision", "REVISION", "branch, tag or commit of the model"},                        \
        {"encoding", "ENCODING", "the quantization encoding"},                                 \
        {"weights", "PATH", "the weight file to take"},                                        \
        {"max-length", "N", "the longest sequence"},                                           \
        {"max-batch-size", "N", "the most sequences at a time"},                               \
        {"device-specs", "SPECS", "cpu, gpu, gpu:0,1 …"},                                      \
        {"override-architecture", "NAME", "take this architecture, whatever the config says"}, \
        {"trust-remote-code", NULL, "accept a model that brings its own code"},                \
        {"set", "FIELD=VALUE", "any other field; VALUE is JSON, or text; may be repeated"},    \
        {"body", "FILE", "begin with the request in this JSON file (- reads stdin)"},          \
    {                                                                                          \
        "dry-run", NULL, "say what would be, and make nothing"                                 \
    }

static const struct {
    const char *option, *field;
    bool is_number;
} fields[] = {
    {"task", "task", false},
    {"revision", "huggingface_model_revision", false},
    {"encoding", "quantization_encoding", false},
    {"weights", "weight_path", false},
    {"max-length", "max_length", true},
    {"max-batch-size", "max_batch_size", true},
    {"device-specs", "device_specs", false},
    {"override-architecture", "override_architecture", false},
};

/* "a.b=value" into body, making the objects on the way. */
static bool apply_set(json_t *body, const char *text)
{
    const char *equals = strchr(text, '=');
    json_t *value;

    if (!equals || equals == text) {
        fprintf(stderr, "pipelinectl: --set %s: write FIELD=VALUE\n", text);
        return false;
    }
    value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value)
        value = json_string(equals + 1);
    for (;;) {
        size_t size = strcspn(text, ".=");
        AUTO_FREE char *name = str_dup_n(text, size);

        if (text[size] == '=') {
            json_object_set_new(body, name, value);
            return true;
        }
        if (!json_is_object(json_object_get(body, name)))
            json_object_set_new(body, name, json_object());
        body = json_object_get(body, name);
        text += size + 1;
    }
}

static bool fill(json_t *body, const struct arguments *a)
{
    if (a->n)
        json_object_set_new(body, "model_path", json_string(a->operands[0]));
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const char *value = argument(a, fields[i].option);

        if (value && fields[i].is_number && !set_number(body, fields[i].field, value))
            return false;
        if (value && !fields[i].is_number)
            json_object_set_new(body, fields[i].field, json_string(value));
    }
    if (argument(a, "trust-remote-code"))
        json_object_set_new(body, "trust_remote_code", json_true());
    if (argument(a, "dry-run"))
        json_object_set_new(body, "dry_run", json_true());
    for (size_t i = 0; i < a->n_sets; i++)
        if (!apply_set(body, a->sets[i]))
            return false;
    return true;
}

static json_t *request_of(const struct arguments *a, int *ret_status)
{
    const char *file = argument(a, "body");
    json_t *body = file ? read_json(file) : json_object();

    *ret_status = CTL_NO_INPUT;
    if (!body)
        return NULL;
    if (fill(body, a))
        return body;
    *ret_status = CTL_USAGE;
    json_decref(body);
    return NULL;
}

static void show_pipeline(const struct session *s, json_t *p)
{
    static const char *const paths[] = {
        "id",
        "state",
        "state_reason",
        "task",
        "pipeline_class",
        "architecture.name",
        "model.requested",
        "model.commit",
        "encoding",
        "weights.format",
        "max_length",
        "max_batch_size",
        "endpoint",
    };
    static const struct column memory[] = {
        {"WEIGHTS", "weights_bytes", COLUMN_BYTES},
        {"ACTIVATIONS", "activation_bytes", COLUMN_BYTES},
        {"KV CACHE", "kv_cache_bytes", COLUMN_BYTES},
        {"TOTAL", "total_bytes", COLUMN_BYTES},
        {"FITS", "fits", COLUMN_TEXT},
    };
    static const struct column decisions[] = {{"FIELD", "field", COLUMN_TEXT},
                                              {"VALUE", "value", COLUMN_TEXT},
                                              {"BECAUSE", "because", COLUMN_TEXT}};
    json_t *facts = json_object(), *row = json_array(), *warning;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(paths); i++)
        if (member(p, paths[i]))
            json_object_set(facts, paths[i], member(p, paths[i]));
    show_document(facts, s->color);
    json_array_append(row, json_object_get(p, "memory"));
    putchar('\n');
    show_table(row, memory, ARRAY_SIZE(memory), "memory plan", s->color);
    putchar('\n');
    show_table(json_object_get(p, "decisions"), decisions, ARRAY_SIZE(decisions), "decisions",
               s->color);
    json_array_foreach(json_object_get(p, "warnings"), i, warning)
    {
        const char *text = json_string_value(
            json_is_string(warning) ? warning : json_object_get(warning, "message"));

        printf("warning: %s\n", text ? text : "");
    }
    json_decref(facts);
    json_decref(row);
}

/* Lines of progress, of which the last is the pipeline or what went wrong. */
struct watching {
    json_t *last;
};

static bool on_progress(void *ctx, json_t *line)
{
    struct watching *w = ctx;

    json_decref(w->last);
    w->last = json_incref(line);
    if (!json_object_get(line, "id") && json_object_get(line, "state"))
        show_progress(json_string_value(json_object_get(line, "state")),
                      json_string_value(json_object_get(line, "detail")));
    return true;
}

/* The exit status of what the last line says, which is shown. */
static int show_last(const struct session *s, json_t *last)
{
    const json_t *error = json_object_get(last, "error");

    if (error) {
        show_problem(error, s->color_errors);
        return ctl_status_of((long)json_integer_value(json_object_get(error, "status")));
    }
    if (!json_object_get(last, "id")) {
        fprintf(stderr, "pipelinectl: %s: the answer ended before its end\n", s->server);
        return CTL_UNREACHABLE;
    }
    show_pipeline(s, last);
    return CTL_OK;
}

/* Asks for a pipeline and, where somebody watches, shows how it comes about. */
static int ask_watching(struct session *s, const char *target, const json_t *body)
{
    struct watching w = {0};
    int status;

    if (!s->progress || s->json)
        return ask_and_show(s, "POST", target, body, show_pipeline);
    status = ask_lines(s, "POST", target, body, on_progress, &w);
    show_progress(NULL, NULL);
    if (status == CTL_OK)
        status = show_last(s, w.last);
    json_decref(w.last);
    return status;
}

static const struct option retrieve_options[] = {
    REQUEST_OPTIONS,
    {"lease", "SECONDS", "with a lease of this length"},
    {"holder", "NAME", "who holds that lease"},
    {NULL, NULL, NULL},
};

static int run_retrieve(struct session *s, const struct arguments *a)
{
    int status;
    json_t *body = request_of(a, &status);
    json_t *lease;

    if (!body)
        return status;
    if (argument(a, "lease")) {
        lease = json_object();
        json_object_set_new(body, "lease", lease);
        if (argument(a, "holder"))
            json_object_set_new(lease, "holder", json_string(argument(a, "holder")));
        if (!set_number(lease, "ttl_s", argument(a, "lease"))) {
            json_decref(body);
            return CTL_USAGE;
        }
    }
    status = ask_watching(s, "/v1/pipelines", body);
    json_decref(body);
    return status;
}

const struct command command_retrieve = {
    "retrieve",
    "[MODEL]",
    0,
    1,
    "Resolve a model into a pipeline: the handle, and every decision behind it.",
    retrieve_options,
    run_retrieve,
};

static const struct option factory_options[] = {
    REQUEST_OPTIONS,
    {"build", "ID", "call this factory: make its pipeline"},
    {NULL, NULL, NULL},
};

static int run_factory(struct session *s, const struct arguments *a)
{
    AUTO_BUF struct buf target = {0};
    json_t *body;
    int status;

    buf_append_str(&target, "/v1/factories");
    if (argument(a, "build")) {
        path_add(&target, argument(a, "build"));
        buf_append_str(&target, "/pipelines");
        return ask_watching(s, target.data, NULL);
    }
    body = request_of(a, &status);
    if (!body)
        return status;
    status = ask_and_show(s, "POST", target.data, body, show_pipeline);
    json_decref(body);
    return status;
}

const struct command command_factory = {
    "factory",       "[MODEL]",   0, 1, "Resolve a model into a factory of pipelines, or call one.",
    factory_options, run_factory,
};

static const struct option pipelines_options[] = {
    {"delete", NULL, "release the pipeline"},
    {NULL, NULL, NULL},
};

static int run_pipelines(struct session *s, const struct arguments *a)
{
    static const struct column columns[] = {
        {"ID", "id", COLUMN_TEXT},
        {"STATE", "state", COLUMN_TEXT},
        {"MODEL", "model.requested", COLUMN_TEXT},
        {"TASK", "task", COLUMN_TEXT},
        {"ARCHITECTURE", "architecture.name", COLUMN_TEXT},
        {"LEASES", "leases", COLUMN_TEXT},
        {"CREATED", "created_at", COLUMN_TEXT},
    };
    AUTO_BUF struct buf target = {0};
    json_t *all;
    int status;

    buf_append_str(&target, "/v1/pipelines");
    if (a->n) {
        path_add(&target, a->operands[0]);
        return ask_and_show(s, argument(a, "delete") ? "DELETE" : "GET", target.data, NULL,
                            show_pipeline);
    }
    all = ask_all(s, target.data, &status);
    if (!all)
        return status;
    if (s->json)
        show_json(all);
    else
        show_table(json_object_get(all, "items"), columns, ARRAY_SIZE(columns), "pipelines",
                   s->color);
    json_decref(all);
    return status;
}

const struct command command_pipelines = {
    "pipelines",       "[ID]",        0, 1, "List the pipelines, or show or release one.",
    pipelines_options, run_pipelines,
};

static const struct option lease_options[] = {
    {"ttl", "SECONDS", "how long; default 60"},
    {"holder", "NAME", "who"},
    {"renew", NULL, "the operand is a lease: hold it for ttl from now"},
    {"release", NULL, "the operand is a lease: give it back"},
    {NULL, NULL, NULL},
};

static int run_lease(struct session *s, const struct arguments *a)
{
    const char *ttl = argument(a, "ttl"), *holder = argument(a, "holder");
    AUTO_BUF struct buf target = {0};
    json_t *body = json_object();
    int status = CTL_USAGE;
    bool existing = argument(a, "renew") || argument(a, "release");

    buf_append_str(&target, existing ? "/v1/leases" : "/v1/pipelines");
    path_add(&target, a->operands[0]);
    if (!existing)
        buf_append_str(&target, "/leases");
    if (holder && !argument(a, "renew"))
        json_object_set_new(body, "holder", json_string(holder));
    if (argument(a, "release"))
        status = ask_and_show(s, "DELETE", target.data, NULL, NULL);
    else if (set_number(body, "ttl_s", ttl ? ttl : "60"))
        status = ask_and_show(s, existing ? "PUT" : "POST", target.data, body, NULL);
    json_decref(body);
    return status;
}

const struct command command_lease = {
    "lease",       "ID",      1, 1, "Hold a pipeline so that it stays; renew or release a lease.",
    lease_options, run_lease,
};
