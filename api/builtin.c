#include "api/builtin.h"

#include "api/exchange.h"
#include "api/problem.h"
#include "api/reply.h"
#include "json/writer.h"

static void get_livez(struct request *req) { reply_text(req, 200, "ok\n", "text/plain"); }

static void get_version(struct request *req)
{
    struct buf body = {0};
    struct json j = json_begin(&body);

    json_open(&j, '{');
    json_str(&j, "name", "pipelined");
    json_str(&j, "version", req->server->config.version);
    json_str(&j, "api", "v1");
    json_str(&j, "libmicrohttpd", MHD_get_version());
    json_close(&j, '}');
    reply_buf(req, 200, &body, NULL);
}

static void get_problems(struct request *req)
{
    struct buf body = {0};

    problem_write_list(&body);
    reply_cacheable(req, 0);
    reply_buf(req, 200, &body, NULL);
}

static void get_problem(struct request *req)
{
    struct buf body = {0};
    enum err_code code;

    if (problem_find(req->capture[0], &code)) {
        problem_write_page(&body, code);
        reply_cacheable(req, 0);
        reply_buf(req, 200, &body, NULL);
        return;
    }
    AUTO_ERR struct err err = {0};
    const char *near[5];
    size_t n = problem_nearest(req->capture[0], near);

    err_set(&err, ERR_NOT_FOUND, "there is no problem \"%.80s\"%s%s", req->capture[0],
            n ? "; did you mean " : "", n ? near[0] : "");
    err_fact_strv(&err, "nearest", near, n);
    reply_problem(req, &err);
}

const struct route builtin_routes[] = {
    {METHOD_GET, "/livez", get_livez, .id = "getLivez", .probe = true, .query_open = true,
     .answer_type = "text/plain", .tag = "health", .summary = "The process can answer",
     .doc = "Checks nothing else; see /readyz for that."},
    {METHOD_GET, "/version", get_version, .id = "getVersion", .tag = "health",
     .summary = "Name and version"},
    {METHOD_GET, "/problems", get_problems, .id = "listProblems", .tag = "problems",
     .summary = "Every kind of problem this server answers with"},
    {METHOD_GET, "/problems/{slug}", get_problem, .id = "getProblem", .tag = "problems",
     .summary = "What a problem means and what to do about it"},
};

const size_t n_builtin_routes = ARRAY_SIZE(builtin_routes);
