#include "daemon/weights.h"

#include <unistd.h>

static bool is_here(const struct weights_check *w, const struct weights_file *file)
{
    AUTO_ERR struct err err = {0};
    int64_t size;
    int fd;

    if (w->local) { /* the last byte: then the rest is there too */
        AUTO_BUF struct buf last = {0};

        return w->roots &&
               local_read(w->roots, w->repo, file->path, file->size > 0 ? file->size - 1 : 0, 1, 1,
                          &last, &err) &&
               (file->size <= 0 || last.size == 1);
    }
    if (!w->disk || diskcache_find(w->disk, w->repo, w->commit, file->path, &fd, &size) != DISK_HIT)
        return false;
    close(fd);
    return file->size < 0 || size == file->size;
}

/* On a worker. */
static void look(uv_work_t *work)
{
    struct weights_check *w = container_of(work, struct weights_check, work);

    for (size_t i = 0; i < w->n_files; i++) {
        if (is_here(w, &w->files[i]))
            continue;
        if (!w->n_missing++)
            w->first_missing = w->files[i].path;
    }
}

static void looked(uv_work_t *work, int status)
{
    struct weights_check *w = container_of(work, struct weights_check, work);

    (void)status; /* never canceled */
    w->done(w);
}

void weights_check_start(uv_loop_t *loop, struct weights_check *w)
{
    w->n_missing = 0;
    w->first_missing = NULL;
    uv_queue_work(loop, &w->work, look, looked);
}
