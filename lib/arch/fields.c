/* The table of an architecture document. */
#include "arch/document.h"

const char *const role_names[] = {"model", "module_v3_variant", "speculative_draft",
                                  "speculative_fused_target", NULL};
const char *const model_kind_names[] = {"PipelineModel", "executor_or_module", NULL};
/* In the order of enum max_length_policy. */
const char *const max_length_policy_names[] = {"bounded",  "permissive",      "text_config",
                                               "mamba",    "qwen3_embedding", "pixtral",
                                               "internvl", "constant",        NULL};

#define AT(member) offsetof(struct document, member)
#define SYMBOL(key)                                    \
    {                                                  \
#key, FIELD_STR, AT(key), .min = 1, .max = 256 \
    }
#define FLAG(key)                 \
    {                             \
#key, FIELD_BOOL, AT(key) \
    }

static const struct field fields[] = {
    {"name", FIELD_STR, AT(name), .min = 1, .max = ARCH_NAME_MAX, .required = true,
     .doc = "The class that a model's config.json names; with _ModuleV3 for the eager variant."},
    {"task", FIELD_ENUM, AT(task), .names = task_names, .required = true},
    {"role", FIELD_ENUM, AT(role), .names = role_names,
     .doc = "What the record is for; fused targets and drafts serve speculative decoding."},
    {"example_repo_ids", FIELD_STRV, AT(example_repo_ids), .min = 1, .max = 256,
     .doc = "Repositories that work; for listings only."},
    {"default_encoding", FIELD_ENUM, AT(default_encoding), .names = encoding_names,
     .doc = "Taken when nothing else decides. One of supported_encodings."},
    {"supported_encodings", FIELD_JSON, AT(supported_encodings), .required = true,
     .schema =
         "{\"oneOf\":[{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\","
         "\"items\":{\"enum\":[\"model_default\",\"paged\",\"continuous\"]}}},{\"type\":\"array\","
         "\"items\":{\"type\":\"string\"}}]}",
     .doc = "Encodings with their KV cache strategies, the first being the default; a plain list "
            "of encodings gets paged for all when there is a KV cache."},
    {"default_weights_format", FIELD_ENUM, AT(default_weights_format),
     .names = weights_format_names, .required = true},
    {"weight_formats", FIELD_JSON, AT(weight_formats),
     .schema = "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"}}",
     .doc = "Absent: the default's and those of the adapters."},
    {"weight_adapters", FIELD_JSON, AT(weight_adapters),
     .schema = "{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":\"string\"}}",
     .doc = "Weights format to the name of the function that converts a checkpoint."},
    {"rope_type", FIELD_ENUM, AT(rope_type), .names = rope_type_names},
    {"pipeline_model", FIELD_STR, AT(pipeline_model), .min = 1, .max = 256, .required = true},
    {"pipeline_model_kind", FIELD_ENUM, AT(pipeline_model_kind), .names = model_kind_names,
     .doc = "Only a PipelineModel has a memory estimate."},
    SYMBOL(pipeline_cls),
    {"tokenizer", FIELD_STR, AT(tokenizer), .min = 1, .max = 256, .required = true},
    SYMBOL(context_type),
    SYMBOL(config),
    SYMBOL(batching),
    SYMBOL(tool_parser),
    SYMBOL(reasoning_parser),
    SYMBOL(memory_planner),
    {"input_modalities", FIELD_JSON, AT(input_modalities),
     .schema = "{\"type\":[\"array\",\"null\"],\"items\":{\"enum\":[\"text\",\"image\",\"video\","
               "\"audio\"]}}",
     .doc = "Absent: text."},
    {"kv_cache", FIELD_BOOL, AT(kv_cache),
     .doc = "Absent: whether an encoding has a KV cache strategy."},
    {"max_length_policy", FIELD_ENUM, AT(max_length_policy), .names = max_length_policy_names,
     .doc = "How the longest sequence follows from the model's config. Absent: bounded."},
    {"max_length_constant", FIELD_INT, AT(max_length_constant), .min = 1, .max = 1 << 30},
    {"activation_reservation_bytes", FIELD_INT, AT(activation_reservation_bytes), .min = 0,
     .max = 0x1p50},
    FLAG(always_signal_buffers),
    FLAG(multi_gpu_supported),
    FLAG(supports_empty_batches),
    FLAG(requires_max_batch_context_length),
    FLAG(supports_overlap_scheduler),
    FLAG(supports_device_graph_capture),
    FLAG(supports_spec_decode_mixed_batches),
    FLAG(checkpoints_recurrent_state),
    {"default_structured_output_backend", FIELD_STR, AT(structured_output_backend), .min = 1,
     .max = 64},
    {"default_structured_output_any_whitespace", FIELD_BOOL, AT(structured_output_any_whitespace)},
    SYMBOL(checkpoint_draft_width),
    SYMBOL(cascade_pipeline_factory),
    {"denoising_cache_defaults", FIELD_JSON, AT(denoising_cache_defaults),
     .schema = "{\"type\":[\"object\",\"null\"]}"},
    {"required_arguments", FIELD_JSON, AT(required_arguments),
     .schema = "{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":[\"boolean\","
               "\"number\"]}}",
     .doc = "Config values that this architecture insists on."},
    {"context_validators", FIELD_STRV, AT(context_validators), .min = 1, .max = 256,
     .doc = "Names of functions run on every new context."},
    {"registered_in", FIELD_STR, AT(registered_in), .max = 256},
    {"lazy_module", FIELD_STR, AT(lazy_module), .max = 256},
    {"lazy_symbol", FIELD_STR, AT(lazy_symbol), .max = 256},
    {"origin", FIELD_JSON, AT(origin), .schema = "{\"type\":[\"object\",\"null\"]}",
     .doc = "Where the facts were read; not interpreted."},
    {"seed_version", FIELD_JSON, AT(seed_version), .schema = "{\"type\":[\"object\",\"null\"]}",
     .doc = "How the record read in MAX on 2025-11-01, with that version's KV cache strategies."},
    {"superseded", FIELD_JSON, AT(superseded), .schema = "{\"type\":[\"array\",\"null\"]}",
     .doc = "Earlier records of the same identity, whole."},
    {"notes", FIELD_STRV, AT(notes), .max = 1000},
    /* what we write ourselves */
    {"tokenizer_cls", FIELD_IGNORED, .doc = "tokenizer when it is a class, else TextTokenizer."},
    {"digest", FIELD_IGNORED,
     .doc = "Of the canonical document: the revision that means the same "
            "on every node."},
    {"warnings", FIELD_IGNORED},
    {"source", FIELD_IGNORED, .doc = "builtin, catalog or api."},
    {"revision", FIELD_IGNORED, .doc = "Of the registry, when the record was written."},
    {"created_at", FIELD_IGNORED, .doc = "RFC 3339, UTC; null when not known."},
};

const struct field_table arch_document_table = {"Architecture", fields, ARRAY_SIZE(fields)};
