/* Architectures: reads come from the loop's snapshot, writes go to the core. */
#include "api/routes/routes.h"

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
    {"limit", FIELD_INT, offsetof(struct list_query, page.limit), .min = 1, .max = PAGE_MAX,
     .doc = "Most items of one page."},
    {"page_token", FIELD_STR, offsetof(struct list_query, page.page_token), .min = 1, .max = 300,
     .doc = "next_page_token of the page before."},
};
static const struct field_table list_table = {"ArchitectureListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};
/* clang-format on */

/* The token that registry_list() ended the document with, for Link: the page's own query with it.
 */
static void link_next(struct request *req, const struct buf *page)
{
    static const char key[] = "\"next_page_token\":\"";
    AUTO_BUF struct buf link = {0};
    const char *query = strchr(req->target, '?');
    const char *token = page->data;
    bool first = true;

    for (const char *p = token; (p = strstr(p, key)); p++)
        token = p + strlen(key);
    buf_append_str(&link, "</v1/architectures");
    for (const char *p = query ? query + 1 : ""; *p;) {
        size_t n = strcspn(p, "&");

        if (n && strncmp(p, "page_token=", 11) != 0) {
            buf_append_char(&link, first ? '?' : '&');
            buf_append(&link, p, n);
            first = false;
        }
        p += n + (p[n] == '&');
    }
    buf_printf(&link, "%cpage_token=%.*s>; rel=\"next\"", first ? '?' : '&',
               (int)strcspn(token, "\""), token);
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

    if (q->page.page_token && !registry_page(app->registry, q->page.page_token, &after, &err)) {
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
        link_next(req, &out);
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
