/*
 * POST /v1/tokenizers/{id}/render: the tokenizer's model gives the templates and
 * the special tokens; a worker compiles (once) and renders.
 */
#include "api/args.h"
#include "daemon/core.h"
#include "resolve/chat_template.h"
#include "json/writer.h"

enum { TOKENS_MAX = 64 };

struct rendering {
    struct core *core;
    struct call *call;
    struct source_op fetch;
    char commit[65];
    char *of_handle;     /* the handle's own template; NULL: none */
    struct model *model; /* keeps what choice and tokens borrow */
    struct chat_template_choice choice;
    struct template *compiled;
    bool fresh; /* compiled for this call: worth keeping */
    uv_work_t work;

    /* ---- the worker's */
    struct buf body;
    bool ok;
    struct err err;
};

static void rendering_free(struct rendering *g)
{
    free(g->of_handle);
    model_unref(g->model);
    template_unref(g->compiled);
    buf_release(&g->body);
    err_release(&g->err);
    free(g);
}

static void finish(struct rendering *g)
{
    if (g->ok)
        core_answer_buf(g->core, g->call, 200, &g->body);
    else
        core_answer_err(g->core, g->call, &g->err);
    g->core->n_jobs--;
    rendering_free(g);
}

/* ---- on a worker */

static size_t special_tokens(const struct model *m, struct template_token ret[TOKENS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < m->tokenizer.n_special && n < TOKENS_MAX; i++)
        ret[n++] =
            (struct template_token){m->tokenizer.special[i].role, m->tokenizer.special[i].content};
    return n;
}

static void write_spans(struct json *j, const char *key, struct template_spans *spans,
                        const struct buf *text)
{
    template_spans_in_chars(spans, text->data);
    json_key(j, key), json_open(j, '[');
    for (size_t i = 0; i < spans->n; i++) {
        json_item(j), json_open(j, '{');
        json_int(j, "start", (int64_t)spans->items[i].start);
        json_int(j, "end", (int64_t)spans->items[i].end);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_answer(struct rendering *g, struct template_report *report,
                         const struct buf *text)
{
    const struct args_render *args = g->call->args;
    struct json j = json_begin(&g->body);

    json_open(&j, '{');
    json_key(&j, "text"), json_write_str_n(&g->body, text->data ? text->data : "", text->size);
    write_spans(&j, "generation_spans", &report->generation, text);
    if (args->template_only)
        write_spans(&j, "user_spans", &report->users, text);
    json_key(&j, "template"), json_open(&j, '{');
    json_str(&j, "name", g->choice.name);
    json_str(&j, "origin", g->choice.origin);
    json_close(&j, '}');
    json_str(&j, "content_format", content_format_name(report->modes.content));
    json_str(&j, "tool_arguments", arguments_format_name(report->modes.arguments));
    json_str(&j, "null_content", null_content_name(report->modes.null));
    json_str(&j, "message_rules", args->inputs.max_rules ? "max" : "given");
    json_close(&j, '}');
}

static void render(uv_work_t *work)
{
    struct rendering *g = container_of(work, struct rendering, work);
    const struct args_render *args = g->call->args;
    AUTO_TEMPLATE_REPORT struct template_report report = {.wants_users = args->template_only};
    AUTO_BUF struct buf text = {0};
    struct template_token tokens[TOKENS_MAX];
    struct template_inputs in = args->inputs;

    if (!g->compiled) {
        if (!template_compile(g->choice.text, strlen(g->choice.text), &g->compiled, &g->err))
            return;
        g->fresh = true;
    }
    in.tokens = tokens;
    in.n_tokens = special_tokens(g->model, tokens);
    g->ok = template_render(g->compiled, &in, NULL, &text, &report, &g->err);
    if (g->ok)
        write_answer(g, &report, &text);
}

static void on_rendered(uv_work_t *work, int status)
{
    struct rendering *g = container_of(work, struct rendering, work);

    (void)status; /* never canceled */
    if (g->fresh)
        templates_put(&g->core->templates, g->choice.text, strlen(g->choice.text), g->compiled);
    finish(g);
}

/* ---- on the core loop */

static void start(struct rendering *g)
{
    const struct args_render *args = g->call->args;
    struct chat_template_request req = {.text = args->chat_template,
                                        .name = args->template_name,
                                        .of_handle = g->of_handle,
                                        .has_tools = args->inputs.tools.data != NULL};

    if (!chat_template_choose(&req, &g->model->tokenizer, &g->choice, &g->err)) {
        finish(g);
        return;
    }
    g->compiled = templates_find(&g->core->templates, g->choice.text, strlen(g->choice.text));
    uv_queue_work(g->core->loop, &g->work, render, on_rendered);
}

static void on_model(struct source_op *fetch, struct model *model, const struct err *err)
{
    struct rendering *g = container_of(fetch, struct rendering, fetch);

    if (!model) {
        err_copy(&g->err, err);
        finish(g);
        return;
    }
    /* A local model may have changed since its tokenizer was asked for. */
    if (!str_eq(model->commit, g->commit)) {
        err_set(&g->err, ERR_TOKENIZER_NOT_FOUND,
                "the model's files changed since this tokenizer was made; POST /v1/tokenizers "
                "again for the one it has now");
        finish(g);
        return;
    }
    g->model = model_ref_count(model);
    start(g);
}

static void with_handle(struct core *core, struct call *call, struct handle *h)
{
    struct rendering *g = mem_new(struct rendering);
    struct model *known;

    g->core = core;
    g->call = call;
    core->n_jobs++;
    memcpy(g->commit, h->commit, strnlen(h->commit, sizeof(g->commit) - 1));
    g->fetch = (struct source_op){.token = core->token, .depth = INSPECT_ALL, .done = on_model};
    handle_used(core, h);
    if (!tokenizer_effective_read(h->effective, &g->fetch.ref, &g->of_handle, &g->err)) {
        finish(g);
        return;
    }
    known = source_peek(core->source, &g->fetch.ref, core->token, INSPECT_ALL);
    if (known) {
        on_model(&g->fetch, known, &g->err);
        model_unref(known);
    } else {
        source_start(core->source, &g->fetch);
    }
}

void op_tokenizer_render(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_render *args = call->args;
    struct handle *h = handles_find(&core->handles, args->id);

    if (h && h->kind == STORE_TOKENIZER) {
        handle_with_texts(core, call, h, with_handle);
        return;
    }
    handle_not_found(core, STORE_TOKENIZER, args->id, &err);
    core_answer_err(core, call, &err);
}
