/* GET /v1/model/architecture and /v1/model/task. */
#include "resolve/resolution.h"
#include "resolve/resolve.h"
#include "json/writer.h"

static void pins_write(struct json *j, const struct model *m)
{
    json_str(j, "model", m->ref.model);
    json_str(j, "requested", m->ref.source == MODEL_HUB ? m->ref.revision : NULL);
    json_str(j, "commit", m->commit);
}

static void decisions_write(struct json *j, const struct decisions *d)
{
    json_key(j, "decisions"), json_open(j, '[');
    if (d->n)
        json_item(j), buf_append(j->out, d->list.data, d->list.size);
    json_close(j, ']');
}

/* The task asked for, or the model's; the same faults of a model without architectures. */
static bool settle_task(const struct model *model, const struct registry *registry, enum task asked,
                        enum task *ret, struct decisions *decisions, struct notices *notices,
                        struct err *err)
{
    if (asked == TASK_NONE || !model->config || model->config->n_architectures == 0)
        return task_of_model(registry, model, ret, decisions, notices, err);
    *ret = asked;
    return true;
}

bool answer_architecture(const struct model *model, const struct registry *registry, enum task task,
                         bool prefer_module_v3, struct buf *out, struct err *err)
{
    struct decisions decisions = {0};
    struct notices notices = {0};
    const struct config *c = model->config;
    const struct arch *arch;
    bool ok = settle_task(model, registry, task, &task, &decisions, &notices, err) &&
              registry_find_any(registry, c->architectures, c->n_architectures, task,
                                prefer_module_v3, &arch, err);

    if (ok) {
        struct json j = {.out = out, .need_comma = true};

        decide_str(&decisions, "architecture", arch->name, c->architectures, c->n_architectures,
                   "the config names it and the registry has it for %s", task_name(task));
        buf_append(out, arch->body->bytes, arch->body->size - 1); /* its members go on */
        pins_write(&j, model);
        decisions_write(&j, &decisions);
        json_close(&j, '}');
    }
    decisions_release(&decisions);
    notices_release(&notices);
    return ok;
}

bool answer_task(const struct model *model, const struct registry *registry, struct buf *out,
                 struct err *err)
{
    struct decisions decisions = {0};
    struct notices notices = {0};
    struct json j = json_begin(out);
    struct task_choice choice;
    enum task task;

    if (!task_of_model(registry, model, &task, &decisions, &notices, err) ||
        !registry_task(registry, model->config->architectures, model->config->n_architectures,
                       &choice, err)) {
        decisions_release(&decisions);
        notices_release(&notices);
        return false;
    }
    json_open(&j, '{');
    pins_write(&j, model);
    json_str(&j, "task", task_name(task));
    json_key(&j, "alternatives"), json_open(&j, '[');
    for (size_t i = 0; i < choice.n_alternatives; i++)
        if (choice.alternatives[i] != task)
            json_item(&j), json_write_str(out, task_name(choice.alternatives[i]));
    if (choice.task != task)
        json_item(&j), json_write_str(out, task_name(choice.task));
    json_close(&j, ']');
    decisions_write(&j, &decisions);
    json_close(&j, '}');
    decisions_release(&decisions);
    notices_release(&notices);
    return true;
}
