#pragma once
/*
 * Resolution: a resolve's working state once all models are there.
 *
 * The request is completed in place: what it does not say is decided, recorded
 * and written into it, so that at the end it is the effective request. The
 * stages run in the order of this header; each returns false with the error
 * that ends the resolve. Nothing here waits or reads anything.
 */
#include "arch/registry.h"
#include "hub/model.h"
#include "pipeline/pipeline.h"
#include "plan/plan.h"
#include "resolve/decisions.h"
#include "resolve/request.h"

/* One model of a pipeline. */
struct side {
    const char *name; /* main, draft */
    struct model_fields *fields;
    const struct model *model;   /* config and tokenizer */
    const struct model *weights; /* where the weights lie: model, unless elsewhere */
    const struct arch *arch;
    enum encoding encoding, cast_from; /* cast_from: what the files have, when that differs */
    enum weights_format format;
    const struct model_file **files; /* borrowed entries */
    size_t n_files;
    int64_t weights_bytes;
};

struct resolution {
    struct pipeline_request *req;
    const struct registry *registry; /* of the request: with its own architectures */
    const struct machine *machine;
    struct side main, draft;
    bool has_draft;
    struct decisions decisions;
    struct notices notices;

    enum task task;
    struct device devices[MAX_DEVICES];
    size_t n_devices;
    bool figures_given; /* devices described by the request */
    bool length_given, batch_given;
    const char *tool_parser, *reasoning_parser;
    const char *pipeline_class;
    struct plan_input input;
    struct plan plan;
    bool has_plan;
};

void resolution_release(struct resolution *r);

static inline bool is_manifest(const struct side *s)
{
    return s->model->config->kind == CONFIG_DIFFUSERS;
}
static inline bool on_cpu(const struct resolution *r) { return r->devices[0].kind == DEVICE_CPU; }
static inline bool is_yes(enum tristate t) { return t == YES; }

/* architecture.c: config present, code trusted; task and architecture. */
bool decide_architecture(struct resolution *r, struct err *err) MUST_CHECK;
bool task_of_model(const struct registry *registry, const struct model *model, enum task *ret,
                   struct decisions *decisions, struct notices *notices,
                   struct err *err) MUST_CHECK;

/* defaults.c: MAX's defaults; what an architecture insists on. */
void fill_defaults(struct resolution *r);
void apply_required(struct resolution *r);

/* devices.c: which devices; whether the encoding runs there. */
bool decide_devices(struct resolution *r, struct err *err) MUST_CHECK;
bool check_devices(struct resolution *r, const struct side *s, struct err *err) MUST_CHECK;

/* lora.c, draft.c: what goes together. */
bool check_lora(struct resolution *r, struct err *err) MUST_CHECK;
bool decide_draft(struct resolution *r, struct err *err) MUST_CHECK;
bool check_draft_pair(struct resolution *r, struct err *err) MUST_CHECK;

/* encoding.c, weights.c */
bool decide_encoding(struct resolution *r, struct side *s, struct err *err) MUST_CHECK;
bool decide_weights(struct resolution *r, struct side *s, struct err *err) MUST_CHECK;
/* Files of an encoding as MAX collects them, before one format is taken. */
size_t files_for_encoding(const struct side *s, enum encoding e, enum weights_format format,
                          const struct model_file **ret);
bool has_files_for(const struct side *s, enum encoding e);
/* A weight path's file in the model it names; NULL: none. */
const struct model_file *weight_file_at(const struct side *s, const char *path);
/* "org/name" at the start of a weight path that is no file of the model; NULL: none.
 * ret_rest is what follows, "" when the whole repository is meant. */
char *weight_path_repo(const struct model *model, const char *path, const char **ret_rest);

/* length.c */
bool decide_length(struct resolution *r, struct side *s, struct err *err) MUST_CHECK;
bool policy_length(const struct arch *arch, const struct config *config, int64_t given,
                   int64_t *ret, const char **ret_because, struct err *err) MUST_CHECK;

/* scheduler.c: overlap, graphs, parsers, sampling. */
bool decide_scheduler(struct resolution *r, struct err *err) MUST_CHECK;

/* memory.c */
bool decide_memory(struct resolution *r, struct err *err) MUST_CHECK;
unsigned kv_dtype_bytes_of(const struct pipeline_request *req, enum encoding e);

/* effective.c: the completed request as canonical JSON; without_engine: for factories. */
void effective_write(const struct resolution *r, bool without_engine, struct buf *out);

/* document.c: the pipeline with ids and rendered members. */
struct pipeline *pipeline_build(const struct resolution *r);
