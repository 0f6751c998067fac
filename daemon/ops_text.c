/*
 * OP_TEXT: the tokenizer of a handle (or of a model) is opened, then a worker runs
 * the job, and those that are free help.
 */
#include "api/args.h"
#include "daemon/core.h"
#include "daemon/scratches.h"
#include "resolve/chat_template.h"
#include "resolve/tokenizer.h"

#include <stdio.h>

struct texting {
    struct core *core;
    struct call *call;
    struct source_op fetch;
    struct tokenizers_op open;
    struct model *model;
    char id[41], commit[65];
    int64_t max_length;
    bool whitespace_fix;
    uv_work_t work;
    struct crew crew;

    /* ---- the worker's */
    bool ok;
    struct err err;
};

static struct text_job *job_of(const struct texting *g)
{
    return &((struct args_text *)g->call->args)->job;
}

static void finish(struct texting *g)
{
    struct text_job *job = job_of(g);

    job->tokenizer = NULL;
    if (g->ok && g->call->idempotency_key[0]) {
        core_answer_buf(g->core, g->call, 200, &job->out);
    } else if (g->ok) {
        g->call->answer.status = 200; /* its body is the job's: whoever asked takes it there */
        core_answer(g->core, g->call);
    } else
        core_answer_err(g->core, g->call, &g->err);
    g->core->n_jobs--;
    model_unref(g->model);
    err_release(&g->err);
    free(g);
}

/* ---- on a worker */

static void run(uv_work_t *work)
{
    struct texting *g = container_of(work, struct texting, work);
    struct text_job *job = job_of(g);

    job->scratch = scratches_take(g->core->scratches);
    job->crew = &g->crew.text;
    job->prefixes = g->core->prefixes;
    g->ok = job->kind->run(job, &g->err);
    scratches_give(g->core->scratches, take(&job->scratch));
}

/* ---- on the core loop */

static void on_ended(struct crew *crew) { finish(container_of(crew, struct texting, crew)); }

static void on_run(uv_work_t *work, int status)
{
    (void)status; /* never canceled */
    crew_end(&container_of(work, struct texting, work)->crew, on_ended);
}

static int64_t pad_id(const struct model *m)
{
    for (size_t i = 0; i < m->tokenizer.n_special; i++)
        if (str_eq(m->tokenizer.special[i].role, "pad_token"))
            return m->tokenizer.special[i].id;
    return -1;
}

static void on_open(struct tokenizers_op *op, struct tokenizer *tokenizer, const struct err *err)
{
    struct texting *g = container_of(op, struct texting, open);
    struct args_text *args = g->call->args;

    if (!tokenizer) {
        err_copy(&g->err, err);
        finish(g);
        return;
    }
    args->opened = text_tokenizer_new(&(struct text_tokenizer){.tokenizer = tokenizer,
                                                               .model = g->model->ref.model,
                                                               .max_length = g->max_length,
                                                               .pad_id = pad_id(g->model),
                                                               .whitespace_fix = g->whitespace_fix},
                                      g->id);
    args->job.tokenizer = args->opened;
    crew_init(&g->crew, g->core);
    uv_queue_work(g->core->loop, &g->work, run, on_run);
}

static void open_tokenizer(struct texting *g)
{
    g->open = (struct tokenizers_op){.model = g->model, .token = g->core->token, .done = on_open};
    tokenizers_open(&g->core->tokenizers, &g->open);
}

static bool take_model(struct texting *g, struct model *model, const struct err *err)
{
    if (!model) {
        err_copy(&g->err, err);
        return false;
    }
    g->model = model_ref_count(model);
    /* A local model may have changed since its tokenizer was asked for. */
    if (!g->commit[0] || str_eq(model->commit, g->commit))
        return true;
    return err_set(&g->err, ERR_TOKENIZER_NOT_FOUND,
                   "the model's files changed since this tokenizer was made; POST /v1/tokenizers "
                   "again for the one it has now");
}

/* By model: what POST /v1/tokenizers would make of it. */
static bool take_defaults(struct texting *g)
{
    struct tokenizer_request request = {.model = g->model->ref.model};
    CLEANUP(tokenizer_handle_unrefp) struct tokenizer_handle *t = NULL;

    core_settle(g->core);
    if (!tokenizer_handle_build(&request, g->model, g->core->registry, &t, &g->err))
        return false;
    snprintf(g->id, sizeof(g->id), "%s", t->id);
    g->max_length = t->max_length;
    g->whitespace_fix = t->whitespace_fix;
    return true;
}

static void on_model(struct source_op *fetch, struct model *model, const struct err *err)
{
    struct texting *g = container_of(fetch, struct texting, fetch);

    if (take_model(g, model, err) && (g->id[0] || take_defaults(g)))
        open_tokenizer(g);
    else
        finish(g);
}

static void fetch_model(struct texting *g)
{
    struct core *core = g->core;
    struct model *known;

    g->fetch.token = core->token;
    g->fetch.depth = INSPECT_ALL;
    g->fetch.done = on_model;
    known = source_peek(core->source, &g->fetch.ref, core->token, INSPECT_ALL);
    if (known) {
        on_model(&g->fetch, known, &g->err);
        model_unref(known);
    } else {
        source_start(core->source, &g->fetch);
    }
}

static struct texting *texting_new(struct core *core, struct call *call)
{
    struct texting *g = mem_new(struct texting);

    g->core = core;
    g->call = call;
    core->n_jobs++;
    return g;
}

static void with_handle(struct core *core, struct call *call, struct handle *h)
{
    struct texting *g = texting_new(core, call);
    struct tokenizer_terms terms = {0};
    AUTO_FREE char *chat_template = NULL;

    snprintf(g->id, sizeof(g->id), "%s", h->id);
    snprintf(g->commit, sizeof(g->commit), "%s", h->commit);
    handle_used(core, h);
    if (tokenizer_effective_read(h->effective, &g->fetch.ref, &chat_template, &g->err) &&
        tokenizer_terms_read(h->members, &terms, &g->err)) {
        g->max_length = terms.max_length;
        g->whitespace_fix = terms.whitespace_fix;
        fetch_model(g);
    } else {
        finish(g);
    }
}

void op_text(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_text *args = call->args;
    struct handle *h;

    if (!args->id[0]) {
        struct texting *g = texting_new(core, call);

        g->fetch.ref = args->ref;
        fetch_model(g);
        return;
    }
    h = handles_find(&core->handles, args->id);
    if (h && h->kind == STORE_TOKENIZER) {
        handle_with_texts(core, call, h, with_handle);
        return;
    }
    handle_not_found(core, STORE_TOKENIZER, args->id, &err);
    core_answer_err(core, call, &err);
}
