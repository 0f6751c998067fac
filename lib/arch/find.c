/* Lookups that explain what they did not find. */
#include "arch/snapshot.h"

#include "base/nearest.h"
#include "json/writer.h"

static const char variant[] = "_ModuleV3";

/* Beyond this many names the error is not worth the time of the loop. */
enum { NEAREST_AMONG = 4096, TOLD_CANDIDATES = 32 };

/* The two names of an architecture, the one to try first before the other. */
struct spellings {
    const char *first, *second;
    char *owned; /* whichever of them is not the name asked for */
};

static void spellings_release(struct spellings *s) { free(s->owned); }

static struct spellings spellings_of(const char *name, bool prefer_module_v3)
{
    struct spellings s = {.first = name};

    if (str_ends(name, variant)) {
        s.second = s.owned = str_dup_n(name, strlen(name) - strlen(variant));
        return s;
    }
    s.second = s.owned = str_printf("%s%s", name, variant);
    if (prefer_module_v3)
        s = (struct spellings){s.second, name, s.owned};
    return s;
}

static size_t nearest_of(const struct registry *r, const char *name, const char *ret[NEAREST_MAX])
{
    size_t n = r->n < NEAREST_AMONG ? r->n : NEAREST_AMONG, n_names = 0;
    AUTO_FREE const char **names = mem_new_array(n, const char *);

    for (size_t i = 0; i < n; i++)
        if (registry_index(r, r->archs[i]->name, TASK_NONE) == i) /* each name once */
            names[n_names++] = r->archs[i]->name;
    return nearest(name, names, n_names, ret);
}

/* The tasks that either spelling has, as names; returns their number. */
static size_t available(const struct registry *r, const struct spellings *s,
                        const char *ret[2 * N_TASKS])
{
    enum task tasks[N_TASKS];
    size_t n = 0;

    for (int i = 0; i < 2; i++) {
        size_t n_tasks = registry_tasks(r, i ? s->second : s->first, tasks);

        for (size_t k = 0; k < n_tasks; k++) {
            const char *name = task_name(tasks[k]);
            size_t known = 0;

            while (known < n && ret[known] != name)
                known++;
            if (known == n)
                ret[n++] = name;
        }
    }
    return n;
}

static void join(struct buf *out, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? ", " : "", names[i]);
}

static bool task_missing(const char *name, enum task task, const char *const *tasks, size_t n,
                         struct err *err)
{
    AUTO_BUF struct buf list = {0};

    join(&list, tasks, n);
    err_set(err, ERR_TASK_NOT_FOUND, "%s is not registered for %s, but for %s", name,
            task_name(task), list.data);
    err_fact_str(err, "architecture", name);
    err_fact_str(err, "task", task_name(task));
    return err_fact_strv(err, "available", tasks, n);
}

static bool name_missing(const struct registry *r, const char *name, struct err *err)
{
    const char *near[NEAREST_MAX];
    size_t n = nearest_of(r, name, near);

    if (n)
        err_set(err, ERR_ARCH_NOT_FOUND, "no architecture %s is registered; did you mean %s?", name,
                near[0]);
    else if (r->n)
        err_set(err, ERR_ARCH_NOT_FOUND,
                "no architecture %s is registered; GET /v1/architectures lists all %zu", name,
                r->n);
    else
        err_set(err, ERR_ARCH_NOT_FOUND,
                "no architecture %s is registered: the registry is empty; POST /v1/reset with "
                "{\"architectures\": \"builtin\"} brings the built-in ones back",
                name);
    err_fact_str(err, "architecture", name);
    return err_fact_strv(err, "nearest", near, n);
}

bool registry_lookup(const struct registry *r, const char *name, enum task task,
                     const struct arch **ret, struct err *err)
{
    const struct arch *a = registry_get(r, name, task);
    const char *tasks[2 * N_TASKS];

    if (a) {
        *ret = a;
        return true;
    }
    size_t n = available(r, &(struct spellings){name, name, NULL}, tasks);

    return n ? task_missing(name, task, tasks, n, err) : name_missing(r, name, err);
}

bool registry_find(const struct registry *r, const char *name, enum task task,
                   bool prefer_module_v3, const struct arch **ret, bool *ret_fallback,
                   struct err *err)
{
    CLEANUP(spellings_release) struct spellings s = spellings_of(name, prefer_module_v3);
    const struct arch *a = registry_get(r, s.first, task);
    const char *tasks[2 * N_TASKS];
    bool fallback = !a;

    /*
     * MAX takes what has the name although it has another task; then preferring
     * variants finds Qwen3ForCausalLM's embeddings for text generation. Here the
     * task counts in both spellings.
     */
    if (!a)
        a = registry_get(r, s.second, task);
    if (a) {
        *ret = a;
        if (ret_fallback)
            *ret_fallback = fallback;
        return true;
    }
    size_t n = available(r, &s, tasks);

    return n ? task_missing(name, task, tasks, n, err) : name_missing(r, name, err);
}

/* What became of one name of a model's list, as an object of "candidates". */
static bool write_candidate(const struct registry *r, const char *name, struct json *j)
{
    CLEANUP(spellings_release) struct spellings s = spellings_of(name, false);
    const char *tasks[2 * N_TASKS], *near[NEAREST_MAX];
    size_t n = available(r, &s, tasks);

    json_item(j), json_open(j, '{');
    json_str(j, "name", name);
    json_str(j, "reason", n ? "registered for other tasks only" : "not registered");
    if (n)
        json_strv(j, "available", tasks, n);
    else
        json_strv(j, "nearest", near, nearest_of(r, name, near));
    json_close(j, '}');
    return n > 0;
}

static bool none_found(const struct registry *r, const char *const *names, size_t n, enum task task,
                       struct err *err)
{
    AUTO_BUF struct buf candidates = {0}, list = {0};
    struct json j = json_begin(&candidates);
    bool known = false;

    if (n > TOLD_CANDIDATES)
        n = TOLD_CANDIDATES;
    json_open(&j, '[');
    for (size_t i = 0; i < n; i++)
        known |= write_candidate(r, names[i], &j);
    json_close(&j, ']');
    join(&list, names, n);
    if (known)
        err_set(err, ERR_TASK_NOT_FOUND, "the model's architecture %s is not registered for %s",
                list.data, task_name(task));
    else
        err_set(err, ERR_ARCH_NOT_FOUND, "the model's architecture %s is not registered",
                list.data);
    return err_fact_json(err, "candidates", candidates.data);
}

static bool no_names(struct err *err)
{
    return err_set(err, ERR_NO_ARCHITECTURES,
                   "the model's config names no architecture; name one in override_architecture");
}

bool registry_find_any(const struct registry *r, const char *const *names, size_t n, enum task task,
                       bool prefer_module_v3, const struct arch **ret, struct err *err)
{
    if (n == 0)
        return no_names(err);
    for (size_t i = 0; i < n; i++) {
        CLEANUP(spellings_release) struct spellings s = spellings_of(names[i], prefer_module_v3);
        const struct arch *a = registry_get(r, s.first, task);

        if (!a)
            a = registry_get(r, s.second, task);
        if (!a)
            continue;
        *ret = a;
        return true;
    }
    return none_found(r, names, n, task, err);
}

/* The tasks of one spelling; false when it has several and none is text generation. */
static bool choose_task(const struct registry *r, const char *name, struct task_choice *ret)
{
    enum task tasks[N_TASKS];
    size_t n = registry_tasks(r, name, tasks);

    *ret = (struct task_choice){.task = tasks[0]};
    for (size_t i = 0; i < n; i++)
        if (tasks[i] == TASK_TEXT_GENERATION)
            ret->task = TASK_TEXT_GENERATION;
    for (size_t i = 0; i < n; i++)
        if (tasks[i] != ret->task)
            ret->alternatives[ret->n_alternatives++] = tasks[i];
    ret->arch = registry_get(r, name, ret->task);
    return n == 1 || ret->task == TASK_TEXT_GENERATION;
}

bool registry_task(const struct registry *r, const char *const *names, size_t n,
                   struct task_choice *ret, struct err *err)
{
    if (n == 0)
        return no_names(err);
    for (size_t i = 0; i < n; i++) {
        CLEANUP(spellings_release) struct spellings s = spellings_of(names[i], false);
        const struct arch *a = registry_get(r, s.first, TASK_NONE);
        struct task_choice choice;
        const char *tasks[2 * N_TASKS];

        if (!a)
            a = registry_get(r, s.second, TASK_NONE);
        if (!a)
            continue;
        if (choose_task(r, a->name, &choice)) {
            *ret = choice;
            return true;
        }
        err_set(err, ERR_TASK_NOT_FOUND, "%s has several tasks; say which", a->name);
        return err_fact_strv(err, "available", tasks,
                             available(r, &(struct spellings){a->name, a->name, NULL}, tasks));
    }
    return none_found(r, names, n, TASK_NONE, err);
}
