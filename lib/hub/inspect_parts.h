#pragma once
/* The inside of inspect: the machine (inspect.c) and what it does with weights (inspect_weights.c).
 */
#include "hub/gguf.h"
#include "hub/inspect.h"
#include "hub/tokenizer_facts.h"

enum job_kind {
    JOB_PIN,
    JOB_CONFIG,
    JOB_MODEL_INDEX,
    JOB_GENERATION_CONFIG,
    JOB_ADAPTER_CONFIG,
    JOB_QUANT_FILE,
    JOB_TOKENIZER,
    JOB_INDEX,       /* of safetensors */
    JOB_SAFETENSORS, /* header */
    JOB_GGUF,        /* header */
};

/* One want and what is done with its answer. */
struct job {
    struct want want;
    enum job_kind kind;
    enum tokenizer_file tokenizer_file;
    size_t file;                   /* index into the model's files */
    bool started, given, complete; /* complete: gguf is all there */
    struct buf prefix;             /* what ranges have brought so far */
    struct gguf *gguf;
};

struct inspect {
    enum inspect_depth depth;
    enum { STAGE_PIN, STAGE_FILES, STAGE_HEADERS, STAGE_DONE } stage;
    struct model *model;
    struct tokenizer_facts_reader *facts;
    uint32_t hub_encodings;
    bool hub_encodings_used;
    struct job **jobs;
    size_t n_jobs, n_waiting, n_under_way; /* waiting: not started */
    struct err err;
    bool failed;
};

/* size_max -1: a range. */
struct job *inspect_add_job(struct inspect *in, enum job_kind kind, size_t file, int64_t max_bytes);
void inspect_problem(struct inspect *in, const char *path, enum err_code code, const char *message);
/* The path below the asked subfolder; NULL when it is not below it. */
const char *inspect_relative(const struct inspect *in, const char *path);

/* At the pin: which files are weights, and what their names tell. */
void weights_classify(struct inspect *in);
/* After the small files: which headers are worth reading. */
void weights_plan(struct inspect *in);
/* A range arrived; asks for more or takes it. */
void weights_give(struct inspect *in, struct job *job, const char *data, size_t size);
/* A safetensors index arrived. */
void weights_give_index(struct inspect *in, struct job *job, const char *data, size_t size);
/* At the end: encodings of the model, each with its evidence. */
void weights_finish(struct inspect *in);
