#include "daemon/template_file.h"

#include "base/utf8.h"
#include "hub/localdir.h"

struct template_file {
    struct core *core;
    struct call *call;
    char **text;
    void (*op)(struct core *core, struct call *call);
    uv_work_t work;

    /* ---- the worker's */
    struct buf content;
    struct err err;
};

bool template_is_path(const char *given)
{
    return given && given[0] == '/' && !strpbrk(given, "{}\n");
}

static bool wrong(struct err *err, const char *what)
{
    err_set(err, ERR_FIELD, "chat_template: %s", what);
    return err_fact_str(err, "field", "chat_template");
}

static bool read_file(struct template_file *f)
{
    AUTO_FREE char *folder = str_dup(*f->text);
    char *slash = strrchr(folder, '/');

    if (!f->core->roots)
        return err_set(&f->err, ERR_PATH_NOT_ALLOWED,
                       "no folder is allowed for files on this machine (--model-root)");
    *slash = '\0';
    if (!local_read(f->core->roots, slash == folder ? "/" : folder, slash + 1, 0, -1,
                    TEMPLATE_SIZE_MAX, &f->content, &f->err))
        return false;
    if (!f->content.size || memchr(f->content.data, '\0', f->content.size) ||
        !utf8_valid(f->content.data, f->content.size, NULL))
        return wrong(&f->err, "the file is empty or no text in UTF-8");
    return !template_is_path(f->content.data) || wrong(&f->err, "the file holds no template");
}

static void on_worker(uv_work_t *work)
{
    struct template_file *f = container_of(work, struct template_file, work);

    if (read_file(f)) {
        free(*f->text);
        *f->text = buf_take(&f->content);
    }
}

static void on_read(uv_work_t *work, int status)
{
    struct template_file *f = container_of(work, struct template_file, work);

    (void)status; /* never canceled */
    f->core->n_jobs--;
    if (f->err.code == ERR_NONE)
        f->op(f->core, f->call);
    else
        core_answer_err(f->core, f->call, &f->err);
    buf_release(&f->content);
    err_release(&f->err);
    free(f);
}

void template_file_read(struct core *core, struct call *call, char **text,
                        void (*op)(struct core *core, struct call *call))
{
    struct template_file *f = mem_new(struct template_file);

    f->core = core;
    f->call = call;
    f->text = text;
    f->op = op;
    core->n_jobs++;
    uv_queue_work(core->loop, &f->work, on_worker, on_read);
}
