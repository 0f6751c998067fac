#pragma once
/*
 * Weights: are the files of a pipeline on this machine, complete?
 *
 * Looks at names and sizes, on a worker; reads no content.
 */
#include "daemon/source.h"

struct weights_file {
    char *path;
    int64_t size; /* -1: any */
};

struct weights_check {
    /* ---- filled by the caller, borrowed until done() */
    const struct localroots *roots; /* NULL: no local models */
    const struct diskcache *disk;   /* NULL: no Hub cache */
    bool local;                     /* repo is a path below a root */
    const char *repo, *commit;
    const struct weights_file *files;
    size_t n_files;

    /* ---- the answer */
    size_t n_missing;
    const char *first_missing; /* one of files' paths */
    void (*done)(struct weights_check *w);

    uv_work_t work; /* private */
};

/* done() comes once, on the loop. */
void weights_check_start(uv_loop_t *loop, struct weights_check *w);
