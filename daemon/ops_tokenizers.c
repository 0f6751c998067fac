/* Tokenizers over the API: their handles. Text is another matter, and not served yet. */
#include "api/args.h"
#include "base/clock.h"
#include "daemon/core.h"
#include "daemon/template_file.h"
#include "resolve/tokenizer.h"
#include "json/writer.h"

#include <stdio.h>

struct making {
    struct core *core;
    struct call *call;
    struct source_op fetch;
};

/* A tokenizer that is being stored, and the calls that want the same. */
struct coming {
    struct map_node node;
    char id[41];
    struct call *waiting, **waiting_end;
};

static struct coming *coming_find(const struct core *core, const char *id)
{
    struct map_node *n = map_find(&core->coming, id);

    return n ? container_of(n, struct coming, node) : NULL;
}

void tokenizer_came(struct core *core, const char *id)
{
    struct coming *coming = coming_find(core, id);
    struct call *call = coming->waiting, *next;

    map_remove(&core->coming, &coming->node);
    free(coming);
    for (; call; call = next) {
        next = call->next;
        call->next = NULL;
        core_dispatch(core, call);
    }
}

bool tokenizer_put(struct change *c, const struct tokenizer_handle *t)
{
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);
    int64_t now_s = clock_wall_s();
    struct coming *coming;

    if (handles_find(&c->core->handles, t->id) || coming_find(c->core, t->id))
        return false;
    coming = mem_new(struct coming);
    snprintf(coming->id, sizeof(coming->id), "%s", t->id);
    coming->node.key = coming->id;
    coming->waiting_end = &coming->waiting;
    map_insert(&c->core->coming, &coming->node);

    json_str(&j, "id", t->id);
    json_str(&j, "model", t->model);
    json_str(&j, "commit", t->commit);
    int64_t revision = change_event(c, EVENT_TOKENIZER_CREATED, t->id, b.data);
    change_op(
        c, &(struct store_op){.kind = STORE_HANDLE_PUT,
                              .handle = {.id = change_keep(c, t->id),
                                         .kind = STORE_TOKENIZER,
                                         .state = "ready",
                                         .arch = change_keep(c, t->arch_name ? t->arch_name : ""),
                                         .task = "",
                                         .model = change_keep(c, t->model),
                                         .commit = change_keep(c, t->commit),
                                         .effective = change_keep(c, t->effective),
                                         .members = change_keep(c, t->members),
                                         .detail = "",
                                         .revision = revision,
                                         .created_at = now_s,
                                         .last_used = now_s,
                                         .bytes = (int64_t)t->members_size}});
    return true;
}

static void on_created(struct change *c)
{
    struct call *call = c->call;
    struct handle *h = handles_put(&c->core->handles, &c->ops[1].handle);
    struct blob *body = handle_body(h);

    loops_invalidate(c->core->loops, handle_tag(h->id));
    snprintf(call->answer.location, sizeof(call->answer.location), "/v1/tokenizers/%s", h->id);
    memcpy(call->answer.etag, body->etag, sizeof(call->answer.etag));
    core_answer_blob(c->core, call, 201, body);
    tokenizer_came(c->core, c->subject);
    handles_shrink(c->core);
}

static void on_not_created(struct change *c, const struct err *err)
{
    (void)err;
    tokenizer_came(c->core, c->subject);
}

static void create(struct core *core, struct call *call, const struct model *model)
{
    AUTO_ERR struct err err = {0};
    const struct args_tokenizer *args = call->args;
    struct tokenizer_handle *t;
    struct coming *coming;
    struct handle *h;

    core_settle(core);
    if (!tokenizer_handle_build(&args->request, model, core->registry, &t, &err)) {
        core_answer_err(core, call, &err);
        return;
    }
    h = handles_find(&core->handles, t->id);
    coming = coming_find(core, t->id);
    if (h) {
        handle_with_texts(core, call, h, handle_answer);
    } else if (coming) {
        call->next = NULL;
        *coming->waiting_end = call;
        coming->waiting_end = &call->next;
    } else {
        struct change *c = change_new(core, call, on_created);

        c->failed = on_not_created;
        c->subject = change_keep(c, t->id);
        if (tokenizer_put(c, t))
            change_submit(c);
    }
    tokenizer_handle_unref(t);
}

static void on_model(struct source_op *fetch, struct model *model, const struct err *err)
{
    struct making *m = container_of(fetch, struct making, fetch);

    if (model)
        create(m->core, m->call, model);
    else
        core_answer_err(m->core, m->call, err);
    m->core->n_jobs--;
    free(m);
}

void op_tokenizer_create(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    struct args_tokenizer *args = call->args;
    struct making *m;

    if (template_is_path(args->request.chat_template)) {
        template_file_read(core, call, &args->request.chat_template, op_tokenizer_create);
        return;
    }
    m = mem_new(struct making);
    m->core = core;
    m->call = call;
    m->fetch = (struct source_op){.token = core->token, .depth = INSPECT_ALL, .done = on_model};
    if (!tokenizer_request_model_ref(&args->request, &m->fetch.ref, &err)) {
        core_answer_err(core, call, &err);
        free(m);
        return;
    }
    core->n_jobs++;
    source_start(core->source, &m->fetch);
}
