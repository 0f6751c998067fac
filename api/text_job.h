#pragma once
/*
 * Text job: one request that encodes or decodes, from its body to the body of
 * its answer.
 *
 * The same job runs in two places. When the tokenizer is at hand and the text is
 * small (TEXT_INLINE_MAX: some 50 us at the worst), the I/O loop runs it at
 * once, on the body where it lies: nothing is copied, nobody is asked. Else it becomes a
 * call: the backend opens the tokenizer and a worker runs it, in parts on
 * several workers when it says so:
 *
 *     run() ──► done                      n_parts 0
 *     run() ──► part(0) … part(n-1) ──► join() ──► done
 */
#include "hub/repo_id.h"
#include "pipeline/text_tokenizer.h"

enum {
    TEXT_INLINE_MAX = 16 << 10, /* bytes of body */
    TEXT_PARTS_MAX = 16,
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
struct text_part;

/* A route's: what it does with the bytes. All may be called on any thread, one at a time. */
struct text_kind {
    bool (*run)(struct text_job *job, struct err *err);
    /* On several threads at once, each with another part and a scratch of its own. */
    bool (*part)(struct text_job *job, size_t i, struct text_scratch *scratch, struct err *err);
    bool (*join)(struct text_job *job, struct err *err);
    void (*release)(struct text_job *job); /* of state; may be NULL */
};

struct text_job {
    const struct text_kind *kind;
    struct text_tokenizer *tokenizer; /* borrowed while it runs */
    struct text_scratch *scratch;     /* the thread's, while it runs */
    const char *body;
    size_t body_size;
    char *argument;   /* of the path or the query; owned */
    bool plain_text;  /* the body is text, not JSON */
    bool octets_in;   /* the body is ids, u32 little endian */
    bool octets;      /* … and so is the answer */
    bool text_out;    /* the answer is text alone */
    unsigned threads; /* how many may help; 1: run alone */
    void *state;      /* between run() and join() */
    size_t n_parts;

    struct buf out; /* the answer's body */
    size_t reused;  /* bytes of the text that the prefix cache knew */
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
