#pragma once
/*
 * Text job: one request that encodes, decodes or renders, from its body to the
 * body of its answer.
 *
 * The same job runs in two places. When the tokenizer is at hand and the text is
 * small (TEXT_INLINE_MAX: some 50 us at the worst), the I/O loop runs it at
 * once, on the body where it lies: nothing is copied, nobody is asked. Else it becomes a
 * call: the backend opens the tokenizer and a worker runs it.
 */
#include "api/chat.h"
#include "hub/repo_id.h"
#include "pipeline/text_tokenizer.h"

enum {
    TEXT_INLINE_MAX = 16 << 10, /* bytes of body */
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

struct text_job;

/* A route's: what it does with the bytes, on any thread. */
struct text_kind {
    bool (*run)(struct text_job *job, struct err *err);
};

struct text_job {
    const struct text_kind *kind;
    struct text_tokenizer
        *tokenizer;               /* borrowed while it runs; NULL for a chat that is text only */
    struct text_scratch *scratch; /* the thread's, while it runs */
    const char *body;
    size_t body_size;
    char *argument; /* of the path or the query; owned */
    /* What the route has read of the body already; owned. NULL: the job reads it. */
    void *asked;
    void (*asked_release)(void *asked);
    struct chat *chat; /* part of asked: messages to be rendered; NULL: none */
    bool plain_text;   /* the body is text, not JSON */
    bool octets_in;    /* the body is ids, u32 little endian */
    bool octets;       /* … and so is the answer */
    bool text_out;     /* the answer is text alone */

    struct buf out; /* the answer's body */
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
