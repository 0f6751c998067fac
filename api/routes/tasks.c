/* Tasks, and the pipeline class of each. */
#include "api/routes/routes.h"

#include "arch/pipeline_class.h"
#include "arch/speculation.h"
#include "json/writer.h"

#include <strings.h>

static void list_tasks(struct request *req)
{
    const struct registry *r = ((struct app *)req->app)->registry;
    AUTO_BUF struct buf out = {0};
    struct json j = json_begin(&out);
    size_t count[N_TASKS] = {0};

    for (size_t i = 0; i < registry_size(r); i++)
        count[registry_at(r, i)->task]++;
    json_open(&j, '{');
    json_key(&j, "items"), json_open(&j, '[');
    for (size_t t = 1; t < N_TASKS; t++) {
        struct pipeline_class_query q = {.task = (enum task)t};
        AUTO_ERR struct err err = {0};
        const char *cls = NULL;

        (void)!pipeline_class_for(&q, &cls, &err);
        json_item(&j), json_open(&j, '{');
        json_str(&j, "task", task_name((enum task)t));
        json_str(&j, "pipeline_class", cls);
        json_int(&j, "n_architectures", (int64_t)count[t]);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    reply_cacheable(req, 0);
    reply_buf(req, 200, &out, NULL);
}

struct class_query {
    char *speculative;
    enum tristate enable_overlap_scheduler;
};

static const struct field class_fields[] = {
    {"speculative", FIELD_STR, offsetof(struct class_query, speculative), .max = 32,
     .doc = "true: with a draft model, as in the seed; or a method: eagle, mtp, dflash, dflash2."},
    {"enable_overlap_scheduler", FIELD_BOOL, offsetof(struct class_query, enable_overlap_scheduler),
     .doc = "With the overlap scheduler of newer versions."},
};
static const struct field_table class_table = {"PipelineClassQuery", class_fields,
                                               ARRAY_SIZE(class_fields)};

/* What speculative= says: nothing, a draft model, or a method. */
static void speculative_parse(const char *text, struct pipeline_class_query *q)
{
    if (!text || !strcasecmp(text, "false") || str_eq(text, "0") || !strcasecmp(text, "none"))
        return;
    if (!*text || !strcasecmp(text, "true") || str_eq(text, "1"))
        q->has_draft = true;
    else
        q->method = text;
}

static void get_class(struct request *req)
{
    const struct class_query *query = req->query;
    struct pipeline_class_query q = {
        .overlap_scheduler = query->enable_overlap_scheduler == YES,
    };
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};
    struct json j = json_begin(&out);
    const char *cls;

    speculative_parse(query->speculative, &q);
    if (!task_of_name(req->capture[0], &q.task, &err) || !pipeline_class_for(&q, &cls, &err)) {
        reply_problem(req, &err);
        return;
    }
    json_open(&j, '{');
    json_str(&j, "task", task_name(q.task));
    json_str(&j, "pipeline_class", cls);
    json_close(&j, '}');
    reply_cacheable(req, 0);
    reply_buf(req, 200, &out, NULL);
}

static const enum err_code class_errors[] = {ERR_TASK_UNKNOWN, ERR_COMBINATION, ERR_NONE};

static const struct route rows[] = {
    {METHOD_GET, "/v1/tasks", list_tasks, .id = "listTasks", .scope = SCOPE_READ, .tag = "tasks",
     .summary = "List tasks"},
    {METHOD_GET, "/v1/tasks/{task}/pipeline_class", get_class, .id = "getPipelineClass",
     .scope = SCOPE_READ, .query = &class_table, .query_size = sizeof(struct class_query),
     .errors = class_errors, .tag = "tasks", .summary = "What runs a task"},
};
const struct route_table task_routes = ROUTE_TABLE(rows);
