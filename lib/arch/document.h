#pragma once
/*
 * Document: an architecture record as it was written, bound but not yet
 * understood. Private to arch.c (which makes a record of it), check.c (is it
 * sound) and render.c (the canonical text).
 */
#include "arch/arch.h"

struct document {
    char *name;
    int task, role;
    struct strv example_repo_ids;
    int default_encoding;
    json_t *supported_encodings;
    int default_weights_format;
    json_t *weight_formats, *weight_adapters;
    int rope_type;
    char *pipeline_model, *pipeline_cls, *tokenizer, *context_type, *config;
    int pipeline_model_kind;
    char *batching, *tool_parser, *reasoning_parser, *memory_planner;
    json_t *input_modalities;
    enum tristate kv_cache;
    int max_length_policy;
    struct opt_int max_length_constant, activation_reservation_bytes;
    enum tristate always_signal_buffers;
    enum tristate multi_gpu_supported, supports_empty_batches, requires_max_batch_context_length,
        supports_overlap_scheduler, supports_device_graph_capture,
        supports_spec_decode_mixed_batches, checkpoints_recurrent_state;
    char *structured_output_backend;
    enum tristate structured_output_any_whitespace;
    char *checkpoint_draft_width, *cascade_pipeline_factory;
    json_t *denoising_cache_defaults, *required_arguments;
    struct strv context_validators;
    /* where it comes from: carried, not interpreted */
    char *registered_in, *lazy_module, *lazy_symbol;
    json_t *origin, *seed_version, *superseded;
    struct strv notes;
};

enum model_kind { KIND_UNSET, KIND_PIPELINE_MODEL, KIND_EXECUTOR };

extern const char *const role_names[];
extern const char *const model_kind_names[];
extern const char *const max_length_policy_names[];

/* A record under construction: what others see, what it is made of, its count. */
struct arch_object {
    struct arch arch; /* strings point into document */
    atomic_uint refs;
    struct document document;
};

/* Fills the parts of a from its document; what is unsound goes to f. */
void document_check(struct arch_object *a, const char *prefix, struct faults *f);
/* Appends the canonical members, comma-separated, without braces. */
void document_write(const struct arch_object *a, struct buf *out);
