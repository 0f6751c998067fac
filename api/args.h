#pragma once
/*
 * Arguments of backend calls: what a route has bound from path, query and body.
 *
 * Each is allocated with mem_new() and owned by its call; args_*_release()
 * frees what it holds and the struct itself, and is what call->args_release
 * points to. The backend may move parts out (leaving them zeroed).
 */
#include "api/text_job.h"
#include "hub/repo_id.h"
#include "resolve/request.h"

#include <jansson.h>

/* OP_ARCH_REGISTER */
struct args_register {
    json_t *docs; /* array of documents, in order */
    bool batch;   /* the client sent a list: answer a list */
    bool allow_override;
    bool dry_run;
};

/* OP_ARCH_DELETE */
struct args_arch {
    char name[201];
    enum task task; /* TASK_NONE: the only one, or an error that lists them */
};

/* OP_RESET: an empty body is {ARCHS_CLEAR, false, false} */
struct args_reset {
    enum { ARCHS_CLEAR, ARCHS_BUILTIN, ARCHS_KEEP } architectures;
    bool caches, pipelines;
};

/* OP_MODEL and the other OP_MODEL_* */
struct args_model {
    struct model_ref ref;
    enum task task; /* TASK_NONE: not said */
    bool prefer_module_v3;
    /* OP_MODELS; with ref.model it is about that one */
    char page_token[MODEL_PATH_MAX + 1]; /* the last model of the page before */
    int64_t limit;
};

/* OP_TOKENIZER_CREATE */
struct args_tokenizer {
    struct tokenizer_request request;
};

/* OP_FACTORY_CREATE, OP_PIPELINE_CREATE */
struct args_pipeline {
    struct pipeline_request request;
};

/* Everything that is about one handle or a list of them. */
struct args_handle {
    char id[41]; /* "" for lists */
    char page_token[64];
    int64_t limit;
    enum task task;  /* lists: filter */
    char model[257]; /* lists: filter, "" any */
    char state[24];  /* lists: filter, "" any */
    bool force;      /* OP_PIPELINE_DELETE: although leased */
};

/* OP_LEASE_CREATE (id: pipeline), OP_LEASE_RENEW and OP_LEASE_DELETE (id: lease) */
struct args_lease {
    char id[41];
    int64_t ttl_s; /* 0: the default, or on renewal the old one */
    char holder[129];
};

/* OP_STATUS */
struct args_status {
    enum {
        STATUS_JSON,   /* the document of GET /v1/status */
        STATUS_METRICS /* what the core counts, in the Prometheus text format */
    } form;
};

void args_register_release(void *args);
void args_plain_release(
    void *args); /* args_arch, args_reset, args_model, args_handle, args_lease */
void args_tokenizer_release(void *args);
void args_pipeline_release(void *args);
