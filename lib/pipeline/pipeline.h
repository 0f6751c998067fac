#pragma once
/*
 * Pipeline: what a handle stands for. Immutable and counted.
 *
 * The id is a digest of the effective request, the pinned commits and the
 * architecture's own digest. So it is the same on every node, asking again
 * finds the same one, and nothing in it has to be allocated.
 */
#include "arch/arch.h"
#include "pipeline/tokenizer_handle.h"

enum { HANDLE_ID_MAX = 40 }; /* "pl_" + 32 hex, with the NUL */

struct pipeline {
    char id[HANDLE_ID_MAX];           /* pl_… */
    char factory_id[HANDLE_ID_MAX];   /* fc_… the same digest without what building adds */
    char tokenizer_id[HANDLE_ID_MAX]; /* tk_… or "" */
    enum task task;
    char *arch_name;
    char *model; /* as requested */
    char commit[65];
    /*
     * The document's members, comma-separated, without braces, without the id
     * (pipeline and factory share the rest) and without what changes while it
     * lives (state, leases, created_at, endpoint): the daemon adds those.
     */
    char *members;
    size_t members_size;
    /* Files that building checks for: paths and sizes. */
    struct pipeline_file {
        char *path;
        int64_t size;
    } * weight_files;
    size_t n_weight_files;
    char weights_repo[1025], weights_commit[65]; /* where they lie, when not in model */
    char *effective; /* the whole effective request as canonical JSON: can be posted back */
    struct tokenizer_handle *tokenizer; /* counted; NULL when the model has none that is read */
};

/* A zeroed one with one reference, for whoever fills it in. */
struct pipeline *pipeline_new(void);
/* Bytes held, for byte budgets. */
size_t pipeline_bytes(const struct pipeline *p);

struct pipeline *pipeline_ref(const struct pipeline *p);
void pipeline_unref(struct pipeline *p);
DEFINE_CLEANUP(struct pipeline *, pipeline_unref)
