#include "api/routes/text.h"

#include <stdio.h>

const enum err_code text_errors[] = {
    ERR_TOKENIZER_NOT_FOUND, ERR_NO_TOKENIZER, ERR_FILE_CORRUPT, ERR_COMBINATION,
    ERR_PROMPT_TOO_LONG,     ERR_MEDIA_TYPE,   ERR_NONE,
};

static const char *answer_type(const struct text_job *job)
{
    if (job->text_out)
        return "text/plain; charset=utf-8";
    return job->octets ? "application/octet-stream" : NULL;
}

/* What came and what is wanted, by the headers. */
static void negotiate(const struct request *req, struct text_job *job)
{
    job->plain_text = request_is_type(req, "text/plain");
    job->octets_in = request_is_type(req, "application/octet-stream");
    job->octets = request_accepts(req, "application/octet-stream", true);
    job->text_out = request_accepts(req, "text/plain", true);
}

static void on_answer(struct request *req, struct call *call)
{
    struct app *app = req->app;
    struct args_text *args = call->args;

    if (args->opened)
        texts_put(&app->texts, args->opened);
    if (call->answer.status && !call->answer.body) {
        req->revision = call->answer.revision;
        reply_buf(req, call->answer.status, &args->job.out, answer_type(&args->job));
        return;
    }
    call->answer.content_type = answer_type(&args->job);
    reply_answer(req, &call->answer);
}

static struct args_text *args_of(const struct text_job *job)
{
    struct args_text *args = mem_new(struct args_text);

    args->job = *job;
    return args;
}

static void submit(struct request *req, struct args_text *args)
{
    struct call *call = request_call(req, OP_TEXT, args, args_text_release);

    args->owned_body = request_take_body(req);
    args->job.body = args->owned_body;
    req->on_answer = on_answer;
    request_submit(req, call);
}

static void run_here(struct request *req, struct text_job *job, struct text_tokenizer *t)
{
    struct app *app = req->app;
    AUTO_ERR struct err err = {0};

    job->tokenizer = t;
    job->scratch = texts_scratch(&app->texts);
    if (job->kind->run(job, &err))
        reply_buf(req, 200, &job->out, answer_type(job));
    else
        reply_problem(req, &err);
    buf_release(&job->out);
    free(job->argument);
}

void text_by_handle(struct request *req, const struct text_kind *kind, char *argument)
{
    struct app *app = req->app;
    struct text_job job = {
        .kind = kind, .argument = argument, .body = req->body, .body_size = req->body_size};
    struct text_tokenizer *t = texts_find(&app->texts, req->capture[0]);
    struct args_handle *handle;
    struct args_text *args;

    negotiate(req, &job);
    if (t && req->body_size <= TEXT_INLINE_MAX) {
        run_here(req, &job, t);
        return;
    }
    handle = handle_args(req, ERR_TOKENIZER_NOT_FOUND, "tokenizer");
    if (!handle) {
        free(argument);
        return;
    }
    args = args_of(&job);
    snprintf(args->id, sizeof(args->id), "%s", handle->id);
    free(handle);
    submit(req, args);
}

void text_by_model(struct request *req, const struct text_kind *kind, const char *model)
{
    AUTO_ERR struct err err = {0};
    struct text_job job = {.kind = kind, .body_size = req->body_size};
    struct args_text *args = args_of(&job);

    if (!model_ref_parse(&args->ref, model, NULL, NULL, &err)) {
        reply_problem(req, &err);
        args_text_release(args);
        return;
    }
    submit(req, args);
}
