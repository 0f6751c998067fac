/* Handles over the API: shown, listed, deleted. What makes them is in ops_pipelines.c and
 * ops_tokenizers.c. */
#include "api/args.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "daemon/core.h"
#include "daemon/provisional.h"
#include "json/writer.h"

#include <stdio.h>

enum { LIST_LOOKS_AT_MOST = 10000 }; /* handles per page: some 200 us */

static const struct {
    const char *noun, *path;
    enum err_code not_found;
    enum event_kind deleted;
} kinds[] = {
    [STORE_PIPELINE] = {"pipeline", "/v1/pipelines", ERR_PIPELINE_NOT_FOUND,
                        EVENT_PIPELINE_DELETED},
    [STORE_FACTORY] = {"factory", "/v1/factories", ERR_FACTORY_NOT_FOUND, EVENT_FACTORY_DELETED},
    [STORE_TOKENIZER] = {"tokenizer", "/v1/tokenizers", ERR_TOKENIZER_NOT_FOUND,
                         EVENT_TOKENIZER_DELETED},
};

static enum store_handle_kind kind_of(enum op op)
{
    switch (op) {
    case OP_TOKENIZER_GET:
    case OP_TOKENIZER_LIST:
    case OP_TOKENIZER_DELETE:
        return STORE_TOKENIZER;
    case OP_FACTORY_GET:
    case OP_FACTORY_LIST:
    case OP_FACTORY_DELETE:
    case OP_FACTORY_BUILD:
        return STORE_FACTORY;
    default:
        return STORE_PIPELINE;
    }
}

const char *handle_path(enum store_handle_kind kind) { return kinds[kind].path; }

bool handle_not_found(struct core *core, enum store_handle_kind kind, const char *id,
                      struct err *err)
{
    const char *names[64], *near[NEAREST_MAX];
    const struct handle *h;
    size_t n = 0;

    err_set(err, kinds[kind].not_found,
            "there is no %s '%.40s' here; ids are digests of the request, so POST %s with the same "
            "request gives the same id again",
            kinds[kind].noun, id, kinds[kind].path);
    TAILQ_FOREACH_REVERSE(h, &core->handles.by_use[kind], handle_list, by_use)
    {
        if (n == ARRAY_SIZE(names))
            break;
        names[n++] = h->id;
    }
    return err_fact_strv(err, "nearest", near, nearest(id, names, n, near));
}

/* ---- one */

struct reading {
    struct core *core;
    struct call *call;
    struct storage_read read;
    void (*then)(struct core *core, struct call *call, struct handle *h);
};

static void on_texts_read(struct storage_read *read)
{
    struct reading *r = container_of(read, struct reading, read);
    struct core *core = r->core;
    struct handle *h = handles_find(&core->handles, read->id);
    AUTO_ERR struct err err = {0};

    core->n_changes--;
    if (!read->ok) {
        core_answer_err(core, r->call, &read->err);
    } else if (!h) { /* deleted meanwhile: what was asked may make it anew */
        core_dispatch(core, r->call);
    } else if (!read->handle) {
        handle_not_found(core, kind_of(r->call->op), read->id, &err);
        core_answer_err(core, r->call, &err);
    } else {
        handles_set_texts(&core->handles, h, read->handle);
        handles_fit(&core->handles);
        /* The budget may be smaller than this one: it then stays until it was answered. */
        if (!handle_has_texts(h))
            handles_set_texts(&core->handles, h, read->handle);
        r->then(core, r->call, h);
    }
    store_handle_free(read->handle);
    err_release(&read->err);
    free(r);
}

void handle_with_texts(struct core *core, struct call *call, struct handle *h,
                       void (*then)(struct core *core, struct call *call, struct handle *h))
{
    AUTO_ERR struct err err = {0};

    if (handle_has_texts(h)) {
        then(core, call, h);
        return;
    }
    struct reading *r = mem_new(struct reading);
    r->core = core;
    r->call = call;
    r->then = then;
    snprintf(r->read.id, sizeof(r->read.id), "%s", h->id);
    r->read.done = on_texts_read;
    if (storage_submit_read(core->storage, &r->read, &err)) {
        core->n_changes++;
        return;
    }
    free(r);
    core_answer_err(core, call, &err);
}

void handle_changed(struct core *core, struct handle *h)
{
    blob_unref(take(&h->body));
    loops_invalidate(core->loops, handle_tag(h->id));
}

void handle_used(struct core *core, struct handle *h)
{
    int64_t now_s = clock_wall_s();

    if (!handles_touch(&core->handles, h, now_s))
        return;
    struct change *c = change_new(core, NULL, change_nothing);
    change_op(c, &(struct store_op){.kind = STORE_HANDLE_TOUCH,
                                    .handle = {.id = change_keep(c, h->id), .last_used = now_s}});
    change_submit(c);
}

void handle_answer(struct core *core, struct call *call, struct handle *h)
{
    struct blob *body = handle_body(h);

    handle_used(core, h);
    call->answer.cacheable = true;
    call->answer.tag = handle_tag(h->id);
    memcpy(call->answer.etag, body->etag, sizeof(call->answer.etag));
    core_answer_blob(core, call, 200, body);
}

void op_handle_get(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_handle *args = call->args;
    enum store_handle_kind kind = kind_of(call->op);
    struct handle *h = handles_find(&core->handles, args->id);

    if (h && h->kind == kind) {
        handle_with_texts(core, call, h, handle_answer);
        return;
    }
    if (kind == STORE_PIPELINE && provisional_answer(core, call, args->id))
        return;
    handle_not_found(core, kind, args->id, &err);
    core_answer_err(core, call, &err);
}

/* ---- list */

static bool handle_matches(const struct handle *h, const struct args_handle *args)
{
    return !h->leaving && (!args->task || str_eq(h->task, task_name(args->task))) &&
           (!args->model[0] || str_eq(h->model, args->model)) &&
           (!args->state[0] || str_eq(h->state, args->state));
}

static void handle_summary(struct json *j, const struct handle *h)
{
    char time[CLOCK_TEXT];
    AUTO_FREE char *href = str_printf("%s/%s", kinds[h->kind].path, h->id);

    json_item(j), json_open(j, '{');
    json_str(j, "id", h->id);
    json_str(j, "href", href);
    if (h->kind != STORE_TOKENIZER)
        json_str(j, "state", h->state);
    json_str(j, "task", h->task[0] ? h->task : NULL);
    json_key(j, "architecture"), json_open(j, '{');
    json_str(j, "name", h->arch[0] ? h->arch : NULL);
    json_close(j, '}');
    json_key(j, "model"), json_open(j, '{');
    json_str(j, "requested", h->model);
    json_str(j, "commit", h->commit);
    json_close(j, '}');
    if (h->kind == STORE_PIPELINE)
        json_int(j, "leases", (int64_t)h->n_leases);
    json_int(j, "revision", h->revision);
    json_str(j, "created_at", clock_text(h->created_at, time));
    json_close(j, '}');
}

/* A page token is the last id and its revision, so that it survives that handle's deletion. */
static struct handle *list_start(struct core *core, enum store_handle_kind kind, const char *token)
{
    size_t size = strcspn(token, ".");
    AUTO_FREE char *id = str_dup_n(token, size);
    int64_t revision = token[size] ? strtoll(token + size + 1, NULL, 10) : 0;
    struct handle *h;

    if (!revision)
        return TAILQ_FIRST(&core->handles.by_birth[kind]);
    h = handles_find(&core->handles, id);
    if (h && h->kind == kind)
        return TAILQ_NEXT(h, by_birth);
    TAILQ_FOREACH (h, &core->handles.by_birth[kind], by_birth)
        if (h->revision > revision)
            break;
    return h;
}

void op_handle_list(struct core *core, struct call *call)
{
    AUTO_BUF struct buf b = {0};
    const struct args_handle *args = call->args;
    enum store_handle_kind kind = kind_of(call->op);
    struct handle *h = list_start(core, kind, args->page_token), *last = NULL;
    struct json j = json_begin(&b);
    char token[64] = "";
    int64_t n = 0;

    json_open(&j, '{');
    json_key(&j, "items"), json_open(&j, '[');
    for (int looked = 0; h && n < args->limit && looked < LIST_LOOKS_AT_MOST; looked++) {
        if (handle_matches(h, args)) {
            handle_summary(&j, h);
            n++;
        }
        last = h;
        h = TAILQ_NEXT(h, by_birth);
    }
    json_close(&j, ']');
    if (h && last)
        snprintf(token, sizeof(token), "%s.%lld", last->id, (long long)last->revision);
    json_str(&j, "next_page_token", token[0] ? token : NULL);
    json_int(&j, "revision", core->revision);
    json_close(&j, '}');
    core_answer_buf(core, call, 200, &b);
}

/* ---- delete */

static void drop_leases_of(struct core *core, const char *pipeline)
{
    for (size_t i = core->leases.n; i-- > 0;) {
        struct lease *l = core->leases.heap[i];

        if (!str_eq(l->pipeline, pipeline))
            continue;
        leases_remove(&core->leases, l);
        free(l);
        i = core->leases.n; /* the heap moved: begin again; a forced delete is rare */
    }
}

static void on_deleted(struct change *c)
{
    struct handle *h = c->subject;

    loops_invalidate(c->core->loops, handle_tag(h->id));
    if (h->kind == STORE_TOKENIZER) {
        loops_drop_text(c->core->loops, h->id);
        /* Of all: a block belongs to files, and nobody knows who else has them. */
        prefix_cache_clear(c->core->prefixes);
    }
    if (h->n_leases)
        drop_leases_of(c->core, h->id);
    handles_remove(&c->core->handles, h);
    if (c->call) {
        c->call->answer.status = 204;
        core_answer(c->core, c->call);
    }
}

static void on_not_deleted(struct change *c, const struct err *err)
{
    struct handle *h = c->subject;

    (void)err;
    h->leaving = false;
}

static void handle_delete(struct core *core, struct call *call, struct handle *h,
                          enum event_kind kind)
{
    struct change *c = change_new(core, call, on_deleted);
    AUTO_BUF struct buf b = {0};
    struct json j = json_begin(&b);

    c->failed = on_not_deleted;
    c->subject = h;
    h->leaving = true;
    json_str(&j, "id", h->id);
    change_event(c, kind, h->id, b.data);
    change_op(c, &(struct store_op){.kind = STORE_HANDLE_DELETE,
                                    .handle = {.id = change_keep(c, h->id)}});
    change_submit(c);
}

void op_handle_delete(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_handle *args = call->args;
    enum store_handle_kind kind = kind_of(call->op);
    struct handle *h = handles_find(&core->handles, args->id);

    if (!h || h->kind != kind) {
        handle_not_found(core, kind, args->id, &err);
    } else if (h->n_leases && !args->force) {
        err_set(&err, ERR_PIPELINE_LEASED,
                "%s has %zu leases; wait until they end, release them, or delete with force=true",
                h->id, h->n_leases);
        err_fact_int(&err, "leases", (int64_t)h->n_leases);
    } else {
        handle_delete(core, call, h, kinds[kind].deleted);
        return;
    }
    core_answer_err(core, call, &err);
}

void handles_shrink(struct core *core)
{
    struct handle *h = handles_surplus(&core->handles);

    handles_fit(&core->handles);
    if (h)
        handle_delete(core, NULL, h,
                      h->kind == STORE_PIPELINE ? EVENT_PIPELINE_EVICTED : kinds[h->kind].deleted);
}
