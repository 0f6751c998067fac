#pragma once
/*
 * Model read: the bytes of one file of a model, wherever the model lies: whole,
 * or the first bytes of a file whose header grows with what it says of itself.
 *
 * On the core loop; local files are read by a worker.
 */
#include "daemon/hub.h"
#include "hub/localdir.h"
#include "hub/model.h"

struct model_read {
    /* ---- filled by the caller, borrowed until done() */
    uv_loop_t *loop;
    struct hub *hub;
    const struct localroots *roots; /* NULL: no local models */
    const struct model *model;
    const struct model_file *file; /* of the model */
    const char *token;
    int64_t max_bytes;
    bool is_header; /* GGUF: only as much as its header has */
    void *ctx;

    /* ---- the answer: data is the caller's, to be released; err says why there is none */
    struct buf data;
    bool ok;
    struct err err;
    void (*done)(struct model_read *r);

    /* ---- private */
    struct hub_op op;
    uv_work_t work;
    struct gguf *gguf;
    int64_t want; /* bytes from the start */
    bool more;
};

/* done() comes once, on the loop, never from inside. It cannot be called back. */
void model_read_start(struct model_read *r);
