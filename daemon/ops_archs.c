/*
 * Architectures over the API: registered, overridden, deleted. Reset and the
 * layers below the API are in ops_layers.c.
 */
#include "api/args.h"
#include "arch/register.h"
#include "base/clock.h"
#include "daemon/core.h"
#include "json/writer.h"

#include <assert.h>
#include <stdio.h>

/* What a write to architectures carries from its decision to its commit. */
struct arch_write {
    char **identities; /* what it holds in the gate */
    size_t n_identities;
    struct archs archs; /* registered */
    bool batch;
    bool replaced;
    char name[201]; /* deleted */
    enum task task;
};

static void arch_write_free(struct arch_write *w)
{
    for (size_t i = 0; i < w->n_identities; i++)
        free(w->identities[i]);
    free(w->identities);
    archs_release(&w->archs);
    free(w);
}

static void add_identity(struct arch_write *w, const char *name, const char *task)
{
    AUTO_FREE char *identity = str_printf("%s %s", name, task);

    for (size_t i = 0; i < w->n_identities; i++)
        if (str_eq(w->identities[i], identity))
            return; /* twice in a batch: register_check() will say so */
    w->identities = mem_resize(w->identities, (w->n_identities + 1) * sizeof(*w->identities));
    w->identities[w->n_identities++] = take(&identity);
}

static bool enter(struct core *core, struct arch_write *w, struct call *call)
{
    if (gate_enter(&core->gate, (const char *const *)w->identities, w->n_identities, call))
        return true;
    arch_write_free(w);
    return false;
}

static void leave(struct core *core, struct arch_write *w)
{
    gate_leave(&core->gate, (const char *const *)w->identities, w->n_identities);
    arch_write_free(w);
    gate_retry(core);
}

/* Those who waited decide anew; they may have to wait again. */
void gate_retry(struct core *core)
{
    struct call *call = gate_take_waiting(&core->gate), *next;

    for (; call; call = next) {
        next = call->next;
        call->next = NULL;
        core_dispatch(core, call);
    }
}

/* The decision failed, or its commit: nothing is held any more. */
static void refuse(struct core *core, struct arch_write *w, struct call *call,
                   const struct err *err)
{
    core_answer_err(core, call, err);
    leave(core, w);
}

static void on_not_written(struct change *c, const struct err *err)
{
    (void)err; /* the change has the call, and answers it */
    leave(c->core, c->subject);
}

/* ---- register */

static void answer_registered(struct core *core, struct call *call, const struct arch_write *w,
                              unsigned status)
{
    AUTO_BUF struct buf b = {0};

    if (!w->batch) {
        const struct arch *a = w->archs.items[0];
        AUTO_BUF struct buf href = {0};

        arch_write_href(a, &href);
        snprintf(call->answer.location, sizeof(call->answer.location), "%s", href.data);
        memcpy(call->answer.etag, a->body->etag, sizeof(call->answer.etag));
        core_answer_blob(core, call, status, a->body);
        return;
    }
    buf_append_str(&b, "{\"architectures\":[");
    for (size_t i = 0; i < w->archs.n; i++) {
        if (i)
            buf_append_char(&b, ',');
        buf_append(&b, w->archs.items[i]->body->bytes, w->archs.items[i]->body->size);
    }
    buf_printf(&b, "],\"revision\":%lld}", (long long)core->revision);
    core_answer_buf(core, call, status, &b);
}

static void on_registered(struct change *c)
{
    struct arch_write *w = c->subject;

    answer_registered(c->core, c->call, w, 201);
    core_arrived(c->core, w->archs.items, w->archs.n);
    w->archs.n = 0; /* given away */
    leave(c->core, w);
}

static void put_record(struct change *c, const struct arch *a, bool is_new)
{
    AUTO_BUF struct buf doc = {0}, members = {0};
    struct json j = json_begin(&members);

    json_str(&j, "name", a->name);
    json_str(&j, "task", task_name(a->task));
    json_str(&j, "etag", a->body->etag);
    change_event(c, is_new ? EVENT_ARCH_REGISTERED : EVENT_ARCH_OVERRIDDEN, "", members.data);
    arch_write_doc(a, &doc);
    change_op(c, &(struct store_op){.kind = STORE_ARCH_PUT,
                                    .arch = {.name = a->name,
                                             .task = task_name(a->task),
                                             .doc = change_own(c, buf_take(&doc)),
                                             .ordinal = c->core->next_ordinal++,
                                             .revision = a->revision,
                                             .created_at = a->created_at}});
}

void op_arch_register(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_register *args = call->args;
    struct arch_write *w = mem_new(struct arch_write);
    json_t *doc;
    size_t i;

    w->batch = args->batch;
    json_array_foreach(args->docs, i, doc)
    {
        const char *name = json_string_value(json_object_get(doc, "name"));
        const char *task = json_string_value(json_object_get(doc, "task"));

        if (name && task)
            add_identity(w, name, task);
    }
    if (w->n_identities && !enter(core, w, call))
        return;
    core_settle(core);

    const struct registration what = {.docs = args->docs,
                                      .batch = args->batch,
                                      .allow_override = args->allow_override,
                                      .if_match = call->if_match,
                                      .if_none_match = call->if_none_match,
                                      .revision = core->next_revision,
                                      .created_at = clock_wall_s()};
    if (!register_check(core->registry, &what, &w->archs, &err)) {
        if (w->n_identities) {
            refuse(core, w, call, &err);
            return;
        }
        core_answer_err(core, call, &err);
        arch_write_free(w);
        return;
    }
    assert(w->n_identities);
    if (args->dry_run) { /* what it would be, if it were registered now */
        answer_registered(core, call, w, 200);
        leave(core, w);
        return;
    }
    struct change *c = change_new(core, call, on_registered);
    c->failed = on_not_written;
    c->subject = w;
    for (i = 0; i < w->archs.n; i++) {
        const struct arch *a = w->archs.items[i];
        put_record(c, a, !registry_get(core->registry, a->name, a->task));
    }
    change_submit(c);
}

/* ---- delete */

static void on_arch_deleted(struct change *c)
{
    struct arch_write *w = c->subject;
    struct core *core = c->core;

    core_settle(core);
    if (core_is_base(core, w->name, w->task))
        core_hide(core, w->name, w->task);
    core_set_registry(core, registry_without(core->registry, core->revision, w->name, w->task));
    c->call->answer.status = 204;
    core_answer(core, c->call);
    leave(core, w);
}

/* Which record is meant; without a task a name must have only one. */
static bool find_record(struct core *core, const struct args_arch *args, const struct arch **ret,
                        struct err *err)
{
    enum task tasks[N_TASKS];
    const char *names[N_TASKS];
    size_t n;

    if (!registry_lookup(core->registry, args->name, args->task, ret, err))
        return false;
    n = registry_tasks(core->registry, args->name, tasks);
    if (args->task || n == 1)
        return true;
    for (size_t i = 0; i < n; i++)
        names[i] = task_name(tasks[i]);
    err_set(err, ERR_FIELD, "%s is registered for %zu tasks; say which with ?task=", args->name, n);
    err_fact_str(err, "pointer", "/task");
    return err_fact_strv(err, "available", names, n);
}

void op_arch_delete(struct core *core, struct call *call)
{
    AUTO_ERR struct err err = {0};
    const struct args_arch *args = call->args;
    struct arch_write *w = mem_new(struct arch_write);
    const struct arch *a;
    AUTO_BUF struct buf members = {0};
    struct json j = json_begin(&members);

    core_settle(core);
    if (!find_record(core, args, &a, &err)) {
        core_answer_err(core, call, &err);
        arch_write_free(w);
        return;
    }
    add_identity(w, a->name, task_name(a->task));
    if (!enter(core, w, call))
        return;
    if (!register_precondition(a, call->if_match, call->if_none_match, &err)) {
        refuse(core, w, call, &err);
        return;
    }
    snprintf(w->name, sizeof(w->name), "%s", a->name);
    w->task = a->task;

    struct change *c = change_new(core, call, on_arch_deleted);
    c->failed = on_not_written;
    c->subject = w;
    json_str(&j, "name", a->name);
    json_str(&j, "task", task_name(a->task));
    int64_t revision = change_event(c, EVENT_ARCH_DELETED, "", members.data);
    const struct store_tombstone row = {w->name, task_name(w->task), revision};
    change_op(c, &(struct store_op){.kind = STORE_ARCH_DELETE, .tombstone = row});
    if (core_is_base(core, w->name, w->task))
        change_op(c, &(struct store_op){.kind = STORE_TOMBSTONE_PUT, .tombstone = row});
    change_submit(c);
}
