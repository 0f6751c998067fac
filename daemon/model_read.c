#include "daemon/model_read.h"

#include "hub/gguf.h"

enum { HEADER_FIRST = 4 << 20 };

static void step(struct model_read *r);

static void finish(struct model_read *r)
{
    gguf_free(take(&r->gguf));
    r->done(r);
}

/* Is what has come enough? Then ok, else want says how much. False: no more is needed, or a fault.
 */
static bool needs_more(struct model_read *r)
{
    size_t need = 0;

    if (!r->is_header)
        return false;
    if (!gguf_read(r->gguf, r->data.data ? r->data.data : "", r->data.size, r->file->size, &need,
                   &r->err)) {
        r->ok = false;
        return false;
    }
    if (need == 0)
        return false;
    if ((int64_t)need > GGUF_HEADER_MAX) {
        r->ok = err_set(&r->err, ERR_FILE_TOO_LARGE, "%s: its header has more than %d bytes",
                        r->file->path, GGUF_HEADER_MAX);
        return false;
    }
    /* Doubling, so that a header is not asked for in many small pieces. */
    r->want = (int64_t)need > 2 * (int64_t)r->data.size ? (int64_t)need : 2 * (int64_t)r->data.size;
    return true;
}

static void on_hub(struct hub_op *op, struct pin *pin, const char *data, size_t size,
                   const struct err *err)
{
    struct model_read *r = container_of(op, struct model_read, op);

    (void)pin;
    r->ok = data != NULL;
    if (data)
        buf_append(&r->data, data, size);
    else
        err_copy(&r->err, err);
    if (r->ok && size && needs_more(r))
        step(r);
    else
        finish(r);
}

static void read_hub(struct model_read *r)
{
    const struct model *m = r->model;

    r->op = (struct hub_op){.kind = r->is_header ? HUB_OP_RANGE : HUB_OP_FILE,
                            .token = r->token,
                            .repo = m->ref.model,
                            .revision = m->ref.revision,
                            .canonical = m->canonical,
                            .commit = m->commit,
                            .path = r->file->path,
                            .oid = r->file->oid,
                            .file_size = r->file->size,
                            .offset = (int64_t)r->data.size,
                            .size = r->want - (int64_t)r->data.size,
                            .max_bytes = r->max_bytes,
                            .offline = m->ref.offline,
                            .done = on_hub};
    hub_start(r->hub, &r->op);
}

static void local_work(uv_work_t *work)
{
    struct model_read *r = container_of(work, struct model_read, work);
    int64_t offset = (int64_t)r->data.size;

    r->ok = local_read(r->roots, r->model->ref.model, r->file->path, offset,
                       r->is_header ? r->want - offset : -1, r->max_bytes, &r->data, &r->err);
    r->more = r->ok && (int64_t)r->data.size > offset && needs_more(r);
}

static void on_local(uv_work_t *work, int status)
{
    struct model_read *r = container_of(work, struct model_read, work);

    (void)status; /* never canceled */
    if (r->more)
        step(r);
    else
        finish(r);
}

static void step(struct model_read *r)
{
    if (r->model->ref.source == MODEL_LOCAL)
        uv_queue_work(r->loop, &r->work, local_work, on_local);
    else
        read_hub(r);
}

void model_read_start(struct model_read *r)
{
    if (r->is_header) {
        r->gguf = gguf_new();
        r->want = HEADER_FIRST;
    }
    step(r);
}
