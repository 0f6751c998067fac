#pragma once
/*
 * Architecture: one record of the registry, what MAX calls SupportedArchitecture.
 *
 * Says how one model class is run for one task. Immutable and counted once
 * built. Classes and functions of MAX are names here. The document a client
 * sees is rendered when the record is built, so a read sends ready bytes.
 *
 * Fields are MAX's, in the seed's and in newer versions; which version a field
 * comes from: docs/architectures.md.
 */
#include "arch/terms.h"
#include "base/blob.h"
#include "bind/bind.h"

enum arch_source { ARCH_BUILTIN, ARCH_CATALOG, ARCH_API };
enum { ARCH_NAME_MAX = 200 };

/* How the longest sequence follows from the model's config. */
enum max_length_policy {
    MAX_LENGTH_BOUNDED,    /* above max_position_embeddings is an error */
    MAX_LENGTH_PERMISSIVE, /* what is asked for is taken */
    MAX_LENGTH_TEXT_CONFIG /* bounded, by the nested text config */,
    MAX_LENGTH_MAMBA,           /* bounded by 2048 unless the config says */
    MAX_LENGTH_QWEN3_EMBEDDING, /* 8192 unless asked */
    MAX_LENGTH_PIXTRAL,         /* permissive, on the text config */
    MAX_LENGTH_INTERNVL,        /* as its language model's family */
    MAX_LENGTH_CONSTANT,        /* max_length_constant */
};

/* A config value an architecture insists on. */
struct required_argument {
    const char *name;
    enum { REQUIRED_BOOL, REQUIRED_INT, REQUIRED_REAL } kind;
    double value; /* bool: 0 or 1 */
};

struct arch {
    /* ---- identity */
    const char *name;
    enum task task;
    enum arch_source source;

    /* ---- what it takes */
    enum encoding default_encoding;     /* ENCODING_NONE: not known, or there is no single one */
    uint32_t encodings;                 /* bit 1 << encoding */
    uint8_t kv_strategies[N_ENCODINGS]; /* bits 1 << kv_strategy */
    enum kv_strategy first_strategy[N_ENCODINGS]; /* KV_NONE: the list is empty */
    enum weights_format default_weights_format;
    uint32_t weight_formats;                /* bit 1 << weights_format; the default's is set */
    const char *weight_adapters[N_FORMATS]; /* NULL: none */
    unsigned input_modalities;              /* enum modality, or-ed */
    const struct required_argument *required;
    size_t n_required;
    const char *const *example_repo_ids;
    size_t n_example_repo_ids;
    const char *const *context_validators;
    size_t n_context_validators;

    /* ---- what runs it */
    const char *pipeline_model;
    bool pipeline_model_is_class; /* false: an executor or module, without memory estimate */
    const char *pipeline_cls;     /* NULL: the task's */
    const char *tokenizer;
    const char *tokenizer_cls; /* derived: tokenizer if it is a class (an initial capital), else
                                  TextTokenizer */
    const char *context_type, *config, *batching;
    const char *tool_parser, *reasoning_parser;
    enum rope_type rope_type;
    const char *role; /* model, module_v3_variant, speculative_draft, speculative_fused_target */

    /* ---- memory and length */
    bool kv_cache;
    enum max_length_policy max_length_policy;
    int64_t max_length_constant; /* 0: not known */
    const char *memory_planner;  /* NULL: weights only */
    int64_t activation_reservation_bytes;
    bool always_signal_buffers;

    /* ---- what it can */
    bool multi_gpu_supported, supports_empty_batches, requires_max_batch_context_length;
    bool supports_overlap_scheduler, supports_device_graph_capture;
    bool supports_spec_decode_mixed_batches, checkpoints_recurrent_state;

    /* ---- the document */
    struct blob *body;   /* the whole document as served */
    size_t members_size; /* of body: where the members that the daemon adds begin */
    char digest[33];     /* 32 hex of SHA-256 over the canonical document: see arch_write_doc() */
    int64_t revision;    /* of the registry, when it was written here */
    int64_t created_at;  /* Unix seconds; 0: not known, null in the body */
};

/* What a document may contain; for the OpenAPI description. */
extern const struct field_table arch_document_table;

/*
 * Builds a record from a document; doc is only read. Every fault is reported
 * at once: ERR_FIELD with the fact "errors": [{pointer, detail, value?, allowed?,
 * nearest?}], pointers relative to the document, prefix put before each.
 * Fields that only the daemon writes (source, revision, created_at, digest,
 * tokenizer_cls, warnings) are accepted when they come back and ignored.
 *
 * Records of the API are held to more than the built-in ones: they must know
 * their encodings, every required argument must be a config field, and
 * trust_remote_code is not theirs to switch on.
 *
 * Cost: some 30 us.
 */
bool arch_from_json(struct arch **ret, json_t *doc, const char *pointer_prefix,
                    enum arch_source source, int64_t revision, int64_t created_at,
                    struct err *err) MUST_CHECK;
/* The same for one of many: faults go to f; NULL when there were any. */
struct arch *arch_build(json_t *doc, const char *pointer_prefix, enum arch_source source,
                        int64_t revision, int64_t created_at, struct faults *f) MUST_CHECK;
struct arch *arch_ref(const struct arch *a);
void arch_unref(struct arch *a);
DEFINE_CLEANUP(struct arch *, arch_unref)

/*
 * Appends the canonical document: all members in a fixed order, defaults
 * written out, without those that the daemon adds. This is what is stored, and
 * what the digest is over; arch_from_json() of it gives the same digest.
 */
void arch_write_doc(const struct arch *a, struct buf *out);

bool arch_has_encoding(const struct arch *a, enum encoding e);
const char *arch_source_name(enum arch_source s); /* builtin, catalog, api */
