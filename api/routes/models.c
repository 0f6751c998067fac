/* Models: what is known of a Hugging Face repository or a local model. */
#include "api/routes/routes.h"

#include <stdio.h>

struct model_query {
    char *model, *revision, *subfolder;
    enum tristate trust_remote_code, offline, prefer_module_v3;
    int task;
};

/* clang-format off */
#define MODEL_FIELDS(is_required)                                                                  \
    {"model", FIELD_STR, offsetof(struct model_query, model), .min = 1, .max = MODEL_PATH_MAX,     \
     .required = is_required,                                                                      \
     .doc = "org/name, name, or an absolute path below an allowed root."},                         \
    {"revision", FIELD_STR, offsetof(struct model_query, revision), .min = 1, .max = REVISION_MAX, \
     .doc = "Branch, tag or commit; main when it is left out."},                                   \
    {"subfolder", FIELD_STR, offsetof(struct model_query, subfolder), .max = SUBFOLDER_MAX,        \
     .doc = "Folder of the repository that the model is in."},                                     \
    {"trust_remote_code", FIELD_BOOL, offsetof(struct model_query, trust_remote_code),             \
     .doc = "The client would run code that comes with the model. The daemon never does."},        \
    {"offline", FIELD_BOOL, offsetof(struct model_query, offline),                                 \
     .doc = "Answer from what is on this machine; ask the Hub nothing."}

static const struct field fields[] = {
    MODEL_FIELDS(true),
};
static const struct field_table table = {"ModelQuery", fields, ARRAY_SIZE(fields)};

static const struct field task_fields[] = {
    MODEL_FIELDS(true),
    {"task", FIELD_ENUM, offsetof(struct model_query, task), .names = task_names,
     .doc = "The task wanted; the architecture's first when it is left out."},
    {"prefer_module_v3", FIELD_BOOL, offsetof(struct model_query, prefer_module_v3),
     .doc = "Take the _ModuleV3 variant of an architecture when there is one."},
};
static const struct field_table task_table = {"ModelArchitectureQuery", task_fields,
                                              ARRAY_SIZE(task_fields)};

/* In the query or in the body, so that neither needs the model. */
static const struct field refresh_fields[] = {
    MODEL_FIELDS(false),
};
static const struct field_table refresh_table = {"ModelRefresh", refresh_fields,
                                                 ARRAY_SIZE(refresh_fields)};
/* clang-format on */

/* Asks the core for op about the model that q names. */
static void ask(struct request *req, enum op op, const struct model_query *q)
{
    AUTO_ERR struct err err = {0};
    struct args_model *args = mem_new(struct args_model);

    if (!model_ref_parse(&args->ref, q->model, q->revision, q->subfolder, &err)) {
        reply_problem(req, &err);
        free(args);
        return;
    }
    args->ref.trust_remote_code = q->trust_remote_code == YES;
    args->ref.offline = q->offline == YES;
    args->task = (enum task)q->task;
    args->prefer_module_v3 = q->prefer_module_v3 == YES;
    request_submit(req, plain_call(req, op, args));
}

static void get_model(struct request *req) { ask(req, OP_MODEL, req->query); }
static void get_config(struct request *req) { ask(req, OP_MODEL_CONFIG, req->query); }
static void get_tokenizer(struct request *req) { ask(req, OP_MODEL_TOKENIZER, req->query); }
static void get_architecture(struct request *req) { ask(req, OP_MODEL_ARCHITECTURE, req->query); }
static void get_task(struct request *req) { ask(req, OP_MODEL_TASK, req->query); }
static void delete_model(struct request *req) { ask(req, OP_MODEL_DELETE, req->query); }

static void refresh_model(struct request *req)
{
    struct model_query body = {0}, *query = req->query;
    AUTO_ERR struct err err = {0};

    if (!body_bind(req, &refresh_table, &body))
        return;
    if (!body.model == !query->model) {
        err_set(&err, ERR_FIELD,
                body.model ? "the model is named in the query and in the body: "
                             "name it in one of them"
                           : "model is missing: name it in the body or the query");
        err_fact_str(&err, "pointer", "/model");
        reply_problem(req, &err);
    } else {
        ask(req, OP_MODEL_REFRESH, body.model ? &body : query);
    }
    bind_release(&refresh_table, &body);
}

struct list_query {
    struct page_query page;
};

/* clang-format off */
static const struct field list_fields[] = {
    {"limit", FIELD_INT, offsetof(struct list_query, page.limit), .min = 1, .max = PAGE_MAX,
     .doc = "Most items of one page."},
    {"page_token", FIELD_STR, offsetof(struct list_query, page.page_token), .min = 1,
     .max = MODEL_PATH_MAX, .doc = "next_page_token of the page before."},
};
/* clang-format on */
static const struct field_table list_table = {"ModelListQuery", list_fields,
                                              ARRAY_SIZE(list_fields)};

static void list_models(struct request *req)
{
    const struct list_query *q = req->query;
    struct args_model *args = mem_new(struct args_model);

    args->limit = q->page.limit.set ? q->page.limit.value : PAGE_MAX;
    if (q->page.page_token)
        snprintf(args->page_token, sizeof(args->page_token), "%s", q->page.page_token);
    request_submit(req, plain_call(req, OP_MODELS, args));
}

/* What OpenAI's clients ask. */
static void get_listed(struct request *req)
{
    AUTO_ERR struct err err = {0};
    struct args_model *args = mem_new(struct args_model);

    if (!model_ref_parse(&args->ref, req->capture[0], NULL, NULL, &err)) {
        reply_problem(req, &err);
        free(args);
        return;
    }
    request_submit(req, plain_call(req, OP_MODELS, args));
}

static const enum err_code listed_errors[] = {ERR_NOT_FOUND, ERR_NONE};

static const enum err_code architecture_errors[] = {
    ERR_ARCH_NOT_FOUND, ERR_TASK_NOT_FOUND, ERR_NO_ARCHITECTURES, ERR_REMOTE_CODE,
    ERR_REPO_NOT_FOUND, ERR_REPO_PRIVATE,   ERR_REPO_GATED,       ERR_REVISION_NOT_FOUND,
    ERR_CONFIG_MISSING, ERR_CONFIG_INVALID, ERR_HUB_UNREACHABLE,  ERR_OFFLINE,
    ERR_NONE,
};

#define MODEL_QUERY .query = &table, .query_size = sizeof(struct model_query)
#define TASK_QUERY  .query = &task_table, .query_size = sizeof(struct model_query)

static const struct route rows[] = {
    {METHOD_GET, "/v1/model", get_model, .id = "getModel", .scope = SCOPE_READ, MODEL_QUERY,
     .errors = model_errors, .tag = "models", .summary = "Summary of a model"},
    {METHOD_DELETE, "/v1/model", delete_model, .id = "deleteModel", .scope = SCOPE_WRITE,
     MODEL_QUERY, .errors = model_errors, .tag = "models",
     .summary = "Forget what is cached of a model"},
    {METHOD_GET, "/v1/model/config", get_config, .id = "getModelConfig", .scope = SCOPE_READ,
     MODEL_QUERY, .errors = model_errors, .tag = "models", .summary = "The model's config.json"},
    {METHOD_GET, "/v1/model/tokenizer", get_tokenizer, .id = "getModelTokenizer",
     .scope = SCOPE_READ, MODEL_QUERY, .errors = model_errors, .tag = "models",
     .summary = "Facts of the model's tokenizer"},
    {METHOD_GET, "/v1/model/architecture", get_architecture, .id = "getModelArchitecture",
     .scope = SCOPE_READ, TASK_QUERY, .errors = architecture_errors, .tag = "models",
     .summary = "The architecture that runs the model"},
    {METHOD_GET, "/v1/model/task", get_task, .id = "getModelTask", .scope = SCOPE_READ, TASK_QUERY,
     .errors = architecture_errors, .tag = "models", .summary = "What the model is for"},
    {METHOD_POST, "/v1/model/refresh", refresh_model, .id = "refreshModel", .scope = SCOPE_WRITE,
     .body = BODY_JSON, .body_fields = &refresh_table, .query = &refresh_table,
     .query_size = sizeof(struct model_query), .errors = model_errors, .tag = "models",
     .summary = "Pin the branch again"},
    {METHOD_GET, "/v1/models", list_models, .id = "listModels", .scope = SCOPE_READ,
     .query = &list_table, .query_size = sizeof(struct list_query), .tag = "models",
     .summary = "Models known here"},
    {METHOD_GET, "/v1/models/{model*}", get_listed, .id = "getListedModel", .scope = SCOPE_READ,
     .errors = listed_errors, .tag = "models", .summary = "A model known here"},
};
const struct route_table model_routes = ROUTE_TABLE(rows);
