/* Architectures: reads come from the loop's snapshot, writes go to the core. */
#include "api/routes/routes.h"

#include <errno.h>
#include <stdio.h>

static const char *const source_names[] = {"builtin", "catalog", "api", NULL};

struct list_query {
    struct page_query page;
    int task, encoding, weights_format, source;
    char *q;
};

/* clang-format off */
static const struct field list_fields[] = {
    {"task", FIELD_ENUM, offsetof(struct list_query, task), .names = task_names,
     .doc = "Only architectures of this task."},
    {"encoding", FIELD_ENUM, offsetof(struct list_query, encoding), .names = encoding_names,
     .doc = "Only architectures that support this encoding."},
    {"weights_format", FIELD_ENUM, offsetof(struct list_query, weights_format),
     .names = weights_format_names, .doc = "Only architectures that read weights of this format."},
    {"source", FIELD_ENUM, offsetof(struct list_query, source), .names = source_names,
     .doc = "Only architectures from this layer."},
    {"q", FIELD_STR, offsetof(struct list_query, q), .min = 1, .max = 200,
     .doc = "Part of a name or of an example repository, in any case."},
    PAGE_FIELDS(struct list_query),
};
static const struct field_table list_table = {"ArchitectureListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};
/* clang-format on */

/* The token is the place in registration order, as registry_list() writes it. */
static bool token_parse(const char *token, size_t *ret, struct err *err)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(token, &end, 10);
    if (errno || *end || *token < '0' || *token > '9' || v > SIZE_MAX / 2) {
        err_set(err, ERR_FIELD, "page_token is no token of this list: leave it out to start again");
        return err_fact_str(err, "parameter", "page_token");
    }
    *ret = (size_t)v;
    return true;
}

static void link_next(struct request *req, size_t next)
{
    AUTO_BUF struct buf link = {0};
    const char *at = strchr(req->target, '?');
    bool first = true;

    buf_append_str(&link, "</v1/architectures");
    for (const char *p = at ? at + 1 : ""; *p;) {
        size_t n = strcspn(p, "&");

        if (n && strncmp(p, "page_token=", 11)) {
            buf_append_char(&link, first ? '?' : '&');
            buf_append(&link, p, n);
            first = false;
        }
        p += n + (p[n] == '&');
    }
    buf_printf(&link, "%cpage_token=%zu>; rel=\"next\"", first ? '?' : '&', next);
    reply_header(req, "Link", link.data);
}

static void list_architectures(struct request *req)
{
    struct app *app = req->app;
    const struct list_query *q = req->query;
    struct registry_filter filter = {
        .task = (enum task)q->task,
        .encoding = (enum encoding)q->encoding,
        .weights_format = (enum weights_format)q->weights_format,
        .source = q->source - 1,
        .q = q->q,
    };
    bool all = !q->task && !q->encoding && !q->weights_format && !q->source && !q->q;
    size_t limit = q->page.limit.set ? (size_t)q->page.limit.value : PAGE_MAX;
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};
    size_t after = 0, next = 0;

    req->revision = registry_revision(app->registry);
    if (q->page.page_token && !token_parse(q->page.page_token, &after, &err)) {
        reply_problem(req, &err);
        return;
    }
    reply_cacheable(req, 0);
    if (all && !after && registry_size(app->registry) <= limit) {
        reply_blob(req, 200, registry_list_all(app->registry), NULL);
        return;
    }
    registry_list(app->registry, &filter, after, limit, &out, &next);
    if (next)
        link_next(req, next);
    reply_buf(req, 200, &out, NULL);
}

struct get_query {
    int task;
};

static const struct field get_fields[] = {
    {"task", FIELD_ENUM, offsetof(struct get_query, task), .names = task_names,
     .doc = "Which of the name's architectures; the first registered one when it is left out."},
};
static const struct field_table get_table = {"ArchitectureQuery", get_fields,
                                             ARRAY_SIZE(get_fields)};

static void get_architecture(struct request *req)
{
    const struct registry *r = ((struct app *)req->app)->registry;
    const struct get_query *q = req->query;
    AUTO_ERR struct err err = {0};
    const struct arch *arch;

    req->revision = registry_revision(r);
    if (!registry_lookup(r, req->capture[0], (enum task)q->task, &arch, &err)) {
        reply_problem(req, &err);
        return;
    }
    reply_cacheable(req, 0);
    reply_blob(req, 200, arch->body, NULL);
}

struct register_query {
    enum tristate allow_override, dry_run;
};

static const struct field register_fields[] = {
    {"allow_override", FIELD_BOOL, offsetof(struct register_query, allow_override),
     .doc = "Replace what is registered under the same name and task."},
    {"dry_run", FIELD_BOOL, offsetof(struct register_query, dry_run),
     .doc = "Check everything, change nothing."},
};
static const struct field_table register_table = {"RegisterQuery", register_fields,
                                                  ARRAY_SIZE(register_fields)};

enum { BATCH_MAX = 1000 };

/* One document, or {"architectures": […]}: *ret is the list of them. */
static bool documents(json_t *doc, json_t **ret, bool *ret_batch, struct err *err)
{
    json_t *list = json_object_get(doc, "architectures");
    const char *key;
    json_t *value;

    *ret_batch = list != NULL;
    if (!list) {
        *ret = json_pack("[O]", doc);
        return true;
    }
    json_object_foreach(doc, key, value) if (!str_eq(key, "architectures"))
    {
        err_set(err, ERR_UNKNOWN_FIELD, "%.100s beside architectures: a batch has no other member",
                key);
        return err_fact_str(err, "pointer", key);
    }
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > BATCH_MAX) {
        err_set(err, ERR_FIELD, "architectures must be a list of 1 to %d documents", BATCH_MAX);
        return err_fact_str(err, "pointer", "/architectures");
    }
    *ret = json_incref(list);
    return true;
}

static void register_architectures(struct request *req)
{
    const struct register_query *q = req->query;
    struct args_register *args;
    AUTO_ERR struct err err = {0};
    json_t *doc = NULL, *docs = NULL;
    bool batch, ok;

    ok = request_json(req, &doc, &err);
    if (ok && !json_is_object(doc))
        ok = err_set(&err, ERR_FIELD,
                     "the body must be an architecture document or {\"architectures\": [...]}");
    ok = ok && documents(doc, &docs, &batch, &err);
    json_decref(doc);
    if (!ok) {
        reply_problem(req, &err);
        return;
    }
    args = mem_new(struct args_register);
    *args = (struct args_register){
        .docs = docs,
        .batch = batch,
        .allow_override = q->allow_override == YES,
        .dry_run = q->dry_run == YES,
    };
    request_submit(req, request_call(req, OP_ARCH_REGISTER, args, args_register_release));
}

static void delete_architecture(struct request *req)
{
    const struct get_query *q = req->query;
    struct args_arch *args;

    if (strlen(req->capture[0]) >= sizeof(args->name)) {
        reply_error(req, ERR_ARCH_NOT_FOUND, "no architecture has a name as long as %.40s...",
                    req->capture[0]);
        return;
    }
    args = mem_new(struct args_arch);
    snprintf(args->name, sizeof(args->name), "%s", req->capture[0]);
    args->task = (enum task)q->task;
    request_submit(req, plain_call(req, OP_ARCH_DELETE, args));
}

static const enum err_code get_errors[] = {ERR_ARCH_NOT_FOUND, ERR_TASK_NOT_FOUND, ERR_NONE};
static const enum err_code delete_errors[] = {ERR_ARCH_NOT_FOUND, ERR_TASK_NOT_FOUND,
                                              ERR_PRECONDITION, ERR_STORE, ERR_NONE};
static const enum err_code register_errors[] = {
    ERR_ARCH_EXISTS, ERR_PRECONDITION,    ERR_IDEMPOTENCY_CONFLICT, ERR_IDEMPOTENCY_MISMATCH,
    ERR_STORE,       ERR_STORE_READ_ONLY, ERR_STORE_FULL,           ERR_NONE};

static const struct route rows[] = {
    {METHOD_GET, "/v1/architectures", list_architectures, .id = "listArchitectures",
     .scope = SCOPE_READ, .query = &list_table, .query_size = sizeof(struct list_query),
     .tag = "architectures", .summary = "List architectures"},
    {METHOD_POST, "/v1/architectures", register_architectures, .id = "registerArchitectures",
     .scope = SCOPE_WRITE, .body = BODY_JSON, .body_required = true, .query = &register_table,
     .query_size = sizeof(struct register_query), .status = 201, .errors = register_errors,
     .tag = "architectures", .summary = "Register one or several architectures"},
    {METHOD_GET, "/v1/architectures/{name}", get_architecture, .id = "getArchitecture",
     .scope = SCOPE_READ, .query = &get_table, .query_size = sizeof(struct get_query),
     .errors = get_errors, .tag = "architectures", .summary = "One architecture"},
    {METHOD_DELETE, "/v1/architectures/{name}", delete_architecture, .id = "deleteArchitecture",
     .scope = SCOPE_WRITE, .query = &get_table, .query_size = sizeof(struct get_query),
     .status = 204, .errors = delete_errors, .tag = "architectures",
     .summary = "Remove an architecture"},
};
const struct route_table architecture_routes = ROUTE_TABLE(rows);
