/* Task and architecture of a model. */
#include "resolve/resolution.h"

static bool check_config(const struct model *m, struct err *err)
{
    if (!m->config)
        return model_no_config(m, err);
    if (m->config->n_architectures == 0) {
        err_set(err, ERR_NO_ARCHITECTURES,
                "The config of %s names no architectures%s%s; say which with "
                "override_architecture.",
                m->ref.model, m->config->model_type[0] ? "; its model_type is " : "",
                m->config->model_type);
        return err_fact_str(err, "model_type", m->config->model_type);
    }
    return true;
}

static bool check_remote_code(const struct side *s, struct err *err)
{
    if (!s->model->config->needs_remote_code || is_yes(s->fields->trust_remote_code))
        return true;
    err_set(err, ERR_REMOTE_CODE,
            "%s brings its own Python code (auto_map in its config). Set trust_remote_code to "
            "true if you have read and trust it.",
            s->model->ref.model);
    return err_fact_str(err, "field", "trust_remote_code");
}

bool task_of_model(const struct registry *registry, const struct model *model, enum task *ret,
                   struct decisions *decisions, struct notices *notices, struct err *err)
{
    const char *others[N_TASKS];
    const char *why = "the only task registered for";
    struct task_choice choice;

    if (!check_config(model, err) || !registry_task(registry, model->config->architectures,
                                                    model->config->n_architectures, &choice, err))
        return false;
    if (choice.n_alternatives > 0) {
        why = "text generation goes first among the tasks of";
        notice_add(notices, "task-ambiguous",
                   "%s is registered for several tasks; say task to choose.", choice.arch->name);
    }
    for (size_t i = 0; i < choice.n_alternatives; i++) {
        if (model->is_sentence_transformer &&
            choice.alternatives[i] == TASK_EMBEDDINGS_GENERATION) {
            choice.alternatives[i] = choice.task;
            choice.task = TASK_EMBEDDINGS_GENERATION;
            why = "the repository is a sentence-transformers model, of class";
        }
        others[i] = task_name(choice.alternatives[i]);
    }
    *ret = choice.task;
    decide_str(decisions, "task", task_name(choice.task), others, choice.n_alternatives, "%s %s",
               why, choice.arch->name);
    return true;
}

static bool find_override(struct resolution *r, struct err *err)
{
    const char *name = r->req->override_architecture;

    if (!registry_lookup(r->registry, name, r->task, &r->main.arch, err))
        return false;
    r->task = r->main.arch->task;
    decide_str(&r->decisions, "architecture", name, NULL, 0, "override_architecture asks for it");
    return true;
}

static bool find_for_config(struct resolution *r, struct err *err)
{
    const struct config *c = r->main.model->config;
    bool v3 = is_yes(r->req->prefer_module_v3);

    if (!registry_find_any(r->registry, c->architectures, c->n_architectures, r->task, v3,
                           &r->main.arch, err))
        return false;
    decide_str(&r->decisions, "architecture", r->main.arch->name, c->architectures,
               c->n_architectures, "%s names it%s, and the registry has it for %s",
               c->kind == CONFIG_GGUF        ? "the GGUF file's general.architecture"
               : c->kind == CONFIG_DIFFUSERS ? "_class_name of model_index.json"
                                             : "the model's config",
               str_ends(r->main.arch->name, "_ModuleV3") ? " (this variant)" : "",
               task_name(r->task));
    return true;
}

bool decide_architecture(struct resolution *r, struct err *err)
{
    const struct model *m = r->main.model;

    if (!m->config)
        return model_no_config(m, err);
    if (!check_remote_code(&r->main, err))
        return false;
    r->task = (enum task)r->req->task;
    if (r->req->override_architecture)
        return find_override(r, err);
    if (!check_config(m, err))
        return false;
    if (r->task == TASK_NONE &&
        !task_of_model(r->registry, m, &r->task, &r->decisions, &r->notices, err))
        return false;
    return find_for_config(r, err);
}
