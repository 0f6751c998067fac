#include "daemon/change.h"

#include "base/clock.h"
#include "daemon/core.h"

struct change *change_new(struct core *core, struct call *call, void (*apply)(struct change *c))
{
    struct change *c = mem_new(struct change);

    c->core = core;
    c->call = call;
    c->apply = apply;
    return c;
}

/* Makes room for one more in a growing array. */
static void *grown(void *array, size_t n, size_t *capacity, size_t item_size)
{
    if (n < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 4;
    return mem_resize(array, *capacity * item_size);
}

void *change_own(struct change *c, void *p)
{
    c->owned = grown(c->owned, c->n_owned, &c->owned_capacity, sizeof(*c->owned));
    c->owned[c->n_owned++] = p;
    return p;
}

char *change_keep(struct change *c, const char *s) { return change_own(c, str_dup(s)); }

void change_op(struct change *c, const struct store_op *op)
{
    c->ops = grown(c->ops, c->n_ops, &c->ops_capacity, sizeof(*c->ops));
    c->ops[c->n_ops++] = *op;
}

int64_t change_next_revision(const struct change *c) { return c->core->next_revision; }

int64_t change_event(struct change *c, enum event_kind kind, const char *ref, const char *members)
{
    int64_t revision = c->core->next_revision++, now_s = clock_wall_s();
    struct event *e = event_new(revision, kind, ref, now_s, members);

    c->events = grown(c->events, c->n_events, &c->events_capacity, sizeof(struct event *));
    c->events[c->n_events++] = e;
    change_op(c, &(struct store_op){.kind = STORE_EVENT,
                                    .event = {.revision = revision,
                                              .kind = event_kind_name(kind),
                                              .op = "",
                                              .ref = e->ref,
                                              .at_ms = now_s * 1000,
                                              .body = e->json->bytes}});
    c->write.write.revision = revision;
    return revision;
}

void change_free(struct change *c)
{
    for (size_t i = 0; i < c->n_events; i++)
        event_unref(c->events[i]);
    for (size_t i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
    err_release(&c->write.err);
    free(c->events);
    free(c->owned);
    free(c->ops);
    free(c);
}

static void change_fail(struct change *c, const struct err *err)
{
    if (c->failed)
        c->failed(c, err);
    if (c->call)
        core_answer_err(c->core, c->call, err);
    change_free(c);
}

static void on_written(struct storage_write *w)
{
    struct change *c = container_of(w, struct change, write);
    struct core *core = c->core;

    core->n_changes--;
    if (!w->ok) {
        /* The first of an epoch to fail puts the numbering back; the rest is certain to fail too.
         */
        if (c->epoch == core->epoch) {
            core->epoch++;
            core->next_revision = core->revision + 1;
            core_store_failed(core, &w->err);
        }
        storage_resume(core->storage, w);
        change_fail(c, &w->err);
        return;
    }
    core_store_works(core);
    for (size_t i = 0; i < c->n_events; i++)
        core_visible(core, event_ref(c->events[i]));
    c->apply(c);
    change_free(c);
}

void change_submit(struct change *c)
{
    AUTO_ERR struct err err = {0};
    struct core *core = c->core;

    c->write.write.ops = c->ops;
    c->write.write.n_ops = c->n_ops;
    c->write.done = on_written;
    c->epoch = core->epoch;
    if (!storage_submit(core->storage, &c->write, &err)) {
        /* Nothing was queued behind these revisions yet: give them back. */
        core->next_revision -= (int64_t)c->n_events;
        change_fail(c, &err);
        return;
    }
    core->n_changes++;
}

void change_nothing(struct change *c) { (void)c; }
