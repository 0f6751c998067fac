#pragma once
/*
 * Backend: what the API asks of the process around it.
 *
 * api/ parses, checks and renders HTTP; whatever needs the disk, the Hub, the
 * clock of leases or the one mutable state is a call to the backend. A call is
 * bound and typed: the backend never sees HTTP, the API never sees a store.
 *
 * A call goes from its I/O loop to the core loop as a message and comes back as
 * one: submit() takes it; the backend fills `answer` and passes it to
 * api_answer(), once, on the thread of the I/O loop that submitted it. A client
 * that leaves or runs out of time changes nothing of that: the API throws the
 * answer away, and what was found out stays known for the next who asks.
 */
#include "base/blob.h"
#include "base/err.h"

#include <jansson.h>

enum op {
    OP_NONE,
    /* architectures */
    OP_ARCH_REGISTER, /* args: struct args_register */
    OP_ARCH_DELETE,   /* args: struct args_arch */
    OP_RESET,         /* args: struct args_reset */
    /* models; args: struct args_model */
    OP_MODEL,
    OP_MODEL_CONFIG,
    OP_MODEL_TOKENIZER,
    OP_MODEL_ARCHITECTURE,
    OP_MODEL_TASK,
    OP_MODEL_REFRESH,
    OP_MODEL_DELETE,
    OP_MODELS,
    /* handles */
    OP_TOKENIZER_CREATE, /* args: struct args_tokenizer */
    OP_TOKENIZER_GET,    /* args: struct args_handle, as every GET, LIST and DELETE below */
    OP_TOKENIZER_LIST,
    OP_TOKENIZER_DELETE,
    OP_TEXT,           /* args: struct args_text */
    OP_FACTORY_CREATE, /* args: struct args_pipeline */
    OP_FACTORY_GET,
    OP_FACTORY_LIST,
    OP_FACTORY_DELETE,
    OP_FACTORY_BUILD,
    OP_PIPELINE_CREATE, /* args: struct args_pipeline */
    OP_PIPELINE_GET,
    OP_PIPELINE_LIST,
    OP_PIPELINE_DELETE,
    OP_LEASE_CREATE, /* args: struct args_lease */
    OP_LEASE_RENEW,
    OP_LEASE_DELETE,
    OP_LEASE_LIST,
    OP_STATUS, /* args: struct args_status */
    N_OPS,
};

struct answer {
    unsigned status;          /* HTTP status of success; 0 with err set otherwise */
    struct blob *body;        /* counted; NULL for none (204) */
    const char *content_type; /* static; NULL: application/json */
    char etag[36];            /* "" : the body's own, when the op has one */
    char location[160];       /* "" : none */
    int64_t revision;         /* X-Registry-Revision */
    struct err err;           /* when status is 0 */
    unsigned retry_after_s;   /* 0: none */
    /*
     * True: the same bytes of request get this answer until the hot generation
     * moves or `tag` is invalidated, so the I/O loop may keep it.
     */
    bool cacheable;
    uint64_t tag;    /* 0: none; what api_hot_invalidate() names */
    char timing[96]; /* Server-Timing entries, "" for none */
};

struct call {
    enum op op;
    void *args; /* bound arguments; freed with args_release */
    void (*args_release)(void *args);

    /* ---- of the request */
    const char *request_id; /* borrowed: lives as long as the call */
    const char
        *principal;      /* name of the key, "local" without one: credential class of idempotency */
    int64_t deadline_ms; /* CLOCK_MONOTONIC */
    char if_match[40], if_none_match[40]; /* normalised; "" none, "*" any */
    char idempotency_key[256];            /* "" none */
    char fingerprint[33];                 /* of method, target and body; with a key */
    bool respond_async;                   /* Prefer: respond-async */
    int wait_s;                           /* Prefer: wait=N, -1 none */
    bool stream;                          /* the client reads NDJSON progress lines: see progress */

    /* ---- of the answer */
    struct answer answer;

    /* ---- between I/O loop and core loop; the daemon's */
    void *loop;        /* where it came from */
    struct call *next; /* while it is in a list */
    void *message[2];  /* while it is on its way */
};

/* What the API needs done; may be called from any I/O loop. */
struct backend {
    void (*submit)(void *ctx, struct call *call);
    void *ctx;
};
