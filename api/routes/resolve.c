#include "api/routes/resolve.h"

static const struct field query_fields[] = {
    {"dry_run", FIELD_BOOL, offsetof(struct resolve_query, dry_run),
     .doc = "The same answer, and nothing is created. Also a member of the body."},
};
const struct field_table resolve_query_table = {"ResolveQuery", query_fields,
                                                ARRAY_SIZE(query_fields)};

void ask_resolve(struct request *req, enum op op)
{
    const struct resolve_query *q = req->query;
    AUTO_ERR struct err err = {0};
    struct args_pipeline *args = mem_new(struct args_pipeline);

    if (!body_bind(req, &pipeline_request_table, &args->request)) {
        free(args);
        return;
    }
    if (q->dry_run != UNSET)
        args->request.dry_run = q->dry_run;
    if (args->request.engine && *args->request.engine) {
        err_set(&err, ERR_NOT_IMPLEMENTED,
                "engines are not run by this version: leave engine out, and the pipeline is "
                "resolved without one");
        err_fact_str(&err, "pointer", "/engine");
    } else {
        (void)!request_check(&args->request, &err);
    }
    if (err.code) {
        reply_problem(req, &err);
        args_pipeline_release(args);
        return;
    }
    submit_slow(req, op, args, args_pipeline_release);
}
