#pragma once
/*
 * Text job: one request that encodes or decodes, from its body to the body of
 * its answer.
 *
 * The same job runs in two places. When the tokenizer is at hand and the text is
 * small (TEXT_INLINE_MAX: some 50 us at the worst), the I/O loop runs it at
 * once, on the body where it lies: nothing is copied, nobody is asked. Else it becomes a
 * call: the backend opens the tokenizer and a worker runs it, with a crew for
 * what is large (text_parts.h).
 */
#include "hub/repo_id.h"
#include "pipeline/text_tokenizer.h"
#include "tokenizer/prefix.h"

enum {
    TEXT_INLINE_MAX = 16 << 10,  /* bytes of body */
    TEXT_SHARED_MIN = 256 << 10, /* bytes of text, from which several workers help */
};

/* What a thread encodes with, kept from job to job. */
struct text_scratch {
    struct scratch *scratch;
    struct id_list ids;
    struct encoded encoding, pair;
    struct buf text;
};
struct text_scratch *text_scratch_new(size_t max_bytes);
void text_scratch_free(struct text_scratch *s);

/*
 * Who helps with a large job. run() calls part(ctx, i, scratch) once for each i < n, on the
 * caller's thread with its own scratch and on others with theirs, and returns when all
 * are done.
 */
struct text_crew {
    void (*run)(struct text_crew *crew, size_t n,
                void (*part)(void *ctx, size_t i, struct text_scratch *scratch), void *ctx,
                struct text_scratch *own);
};

struct text_job;

/* A route's: what it does with the bytes, on any thread. */
struct text_kind {
    bool (*run)(struct text_job *job, struct err *err);
};

struct text_job {
    const struct text_kind *kind;
    struct text_tokenizer *tokenizer; /* borrowed while it runs */
    struct text_scratch *scratch;     /* the thread's, while it runs */
    const char *body;
    size_t body_size;
    char *argument;  /* of the path or the query; owned */
    bool plain_text; /* the body is text, not JSON */
    bool octets_in;  /* the body is ids, u32 little endian */
    bool octets;     /* … and so is the answer */
    bool text_out;   /* the answer is text alone */

    struct text_crew *crew;        /* NULL: nobody helps */
    struct prefix_cache *prefixes; /* NULL: none */

    struct buf out;      /* the answer's body */
    size_t reused_bytes; /* of the text: known from an earlier one */
};

/* OP_TEXT: by handle, or by model as POST /tokenize names it. */
struct args_text {
    struct text_job job;
    char id[41];          /* "" : by model */
    struct model_ref ref; /* of the model */
    char *owned_body;
    struct text_tokenizer *opened; /* what the backend found: the loop may keep it */
};
void args_text_release(void *args);
