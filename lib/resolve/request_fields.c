/* The tables of fields: names, kinds, bounds and one sentence each. */
#include "plan/devices.h"
#include "resolve/names.h"
#include "resolve/request.h"

#define AT(type, member) offsetof(struct type, member)
#define MAX_TOKENS       (INT64_C(1) << 31) /* of any count of tokens: beyond every model */
#define MAX_BYTES        (INT64_C(1) << 50)

/* Values are index + 1, which is the enum's. */
const char *const request_roles[] = {"prefill_and_decode", "prefill_only", "decode_only", NULL};
const char *const request_connectors[] = {"null", "local", "tiered", "dkv", "rust_tiered", NULL};
const char *const request_kv_formats[] = {"float32", "bfloat16", "float8_e4m3fn", NULL};
const char *const request_hashes[] = {"ahash64", "sha256", "sha256_64", NULL};
const char *const request_methods[] = {"eagle", "mtp", "dflash", "dflash2", NULL};
const char *const request_rejections[] = {"greedy", "residual", "typical-acceptance",
                                          "logit-comparison", NULL};
const char *const request_formulas[] = {"max", "seed", NULL};
static const char *const weights_modes[] = {"required", "remote", NULL};
static const char *const apis[] = {"cpu", "cuda", "hip", "metal", NULL};

static const char device_specs_schema[] =
    "{\"oneOf\":[{\"type\":\"string\",\"examples\":[\"cpu\",\"gpu\",\"gpu:all\",\"gpu:0,1\"]},"
    "{\"type\":\"array\",\"maxItems\":64,\"items\":{\"oneOf\":[{\"type\":\"integer\",\"minimum\":"
    "0},{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},"
    "\"device_type\":{\"type\":\"string\"}}}]}}]}";
static const char object_schema[] = "{\"type\":\"object\"}";
static const char architectures_schema[] = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}";

/* The fields of a model; T is the struct, M the member prefix that leads to it. */
#define MODEL_FIELDS(T, M)                                                                          \
    {"model_path", FIELD_STR, AT(T, M model_path), .max = MODEL_PATH_MAX,                           \
     .doc = "Hugging Face repository or an absolute path below an allowed root."},                  \
        {"model", FIELD_STR, AT(T, M model), .max = MODEL_PATH_MAX, .doc = "Same as model_path."},  \
        {"served_model_name", FIELD_STR, AT(T, M served_model_name), .max = 256,                    \
         .doc = "Name under which an engine offers the model; its path unless given."},             \
        {"huggingface_model_revision", FIELD_STR, AT(T, M model_revision), .max = REVISION_MAX,     \
         .doc = "Branch, tag or commit of configuration and tokenizer; main unless given."},        \
        {"revision", FIELD_STR, AT(T, M revision), .max = REVISION_MAX,                             \
         .doc = "Same as huggingface_model_revision."},                                             \
        {"huggingface_weight_revision", FIELD_STR, AT(T, M weight_revision), .max = REVISION_MAX,   \
         .doc = "Branch, tag or commit of the weights; the model's unless given."},                 \
        {"subfolder", FIELD_STR, AT(T, M subfolder), .max = SUBFOLDER_MAX,                          \
         .doc = "Folder of the repository in which the model lies."},                               \
        {"weight_path",                                                                             \
         FIELD_STRV,                                                                                \
         AT(T, M weight_path),                                                                      \
         .max = 1024,                                                                               \
         .max_items = MAX_WEIGHT_PATHS,                                                             \
         .doc = "Weight files of the repository, org/name/file of another one, or org/name."},      \
        {"quantization_encoding", FIELD_ENUM, AT(T, M encoding), .names = encoding_names,           \
         .doc = "Encoding of the weights; chosen from what the repository has unless given."},      \
        {"trust_remote_code", FIELD_BOOL, AT(T, M trust_remote_code),                               \
         .doc = "The model may need code of its repository to run."},                               \
        {"force_download", FIELD_BOOL, AT(T, M force_download),                                     \
         .doc = "Fetch weights although they are there. Not part of the identity."},                \
        {"use_subgraphs", FIELD_BOOL, AT(T, M use_subgraphs),                                       \
         .doc = "Compile layers as subgraphs."},                                                    \
        {"allow_safetensors_weights_fp32_bf6_bidirectional_cast", FIELD_BOOL, AT(T, M allow_cast),  \
         .doc = "Cast between float32 and bfloat16 where files have the other (MAX's spelling)."},  \
        {"allow_safetensors_weights_fp32_bf16_bidirectional_cast", FIELD_BOOL,                      \
         AT(T, M allow_cast_bf16), .doc = "The same, spelled as meant."},                           \
        {"rope_type", FIELD_ENUM, AT(T, M rope_type), .names = rope_type_names,                     \
         .doc = "Layout of rotary embeddings in GGUF weights."},                                    \
        {"sliding_window",        FIELD_INT,                                                        \
         AT(T, M sliding_window), .min = 1,                                                         \
         .max = MAX_TOKENS,       .doc = "Attention window in tokens, over what the config says."}, \
        {"data_parallel_degree",                                                                    \
         FIELD_INT,                                                                                 \
         AT(T, M data_parallel_degree),                                                             \
         .min = 1,                                                                                  \
         .max = MAX_DEVICES,                                                                        \
         .doc = "Replicas over the devices."},                                                      \
        {"max_length",        FIELD_INT,                                                            \
         AT(T, M max_length), .min = 1,                                                             \
         .max = MAX_TOKENS,   .doc = "Longest sequence in tokens; the model's own unless given."},  \
        {"enable_echo", FIELD_BOOL, AT(T, M enable_echo),                                           \
         .doc = "Logits of the prompt can be asked for."},                                          \
        {"pool_embeddings", FIELD_BOOL, AT(T, M pool_embeddings),                                   \
         .doc = "One embedding per text instead of one per token."},                                \
        {"chat_template", FIELD_STR, AT(T, M chat_template), .max = 1 << 20,                        \
         .doc = "Chat template to use instead of the model's: its text, or an absolute path of a "  \
                "file below --model-root."},                                                        \
        {"vision_config_overrides", FIELD_JSON, AT(T, M vision_config_overrides),                   \
         .schema = object_schema, .doc = "Values over those of the vision config."},                \
    {                                                                                               \
        "device_specs", FIELD_JSON, AT(T, M device_specs),                                          \
            .schema = device_specs_schema,                                                          \
            .doc = "Where it runs: cpu, gpu, gpu:all, gpu:0,1, or a list of these ids."             \
    }

static const struct field draft_fields[] = {MODEL_FIELDS(model_fields, )};
const struct field_table draft_model_table = {"DraftModel", draft_fields, ARRAY_SIZE(draft_fields)};

static const struct field kv_fields[] = {
    {"cache_strategy", FIELD_ENUM, AT(kv_fields, cache_strategy), .names = kv_strategy_names,
     .doc = "KV cache strategy; the architecture's for the encoding unless given."},
    {"kv_cache_page_size", FIELD_INT, AT(kv_fields, page_size), .min = 128, .max = 1 << 20,
     .doc = "Tokens of a page, a multiple of 128."},
    {"enable_prefix_caching", FIELD_BOOL, AT(kv_fields, enable_prefix_caching),
     .doc = "Requests with the same beginning share pages."},
    {"enable_kvcache_swapping_to_host", FIELD_BOOL, AT(kv_fields, enable_swapping_to_host),
     .doc = "Pages may go to host memory."},
    {"host_kvcache_swap_space_gb", FIELD_REAL, AT(kv_fields, swap_space_gb), .min = 0, .max = 65536,
     .doc = "Host memory for pages in GiB."},
    {"device_memory_utilization", FIELD_REAL, AT(kv_fields, device_memory_utilization), .min = 0.01,
     .max = 1, .doc = "Part of free device memory that may be used."},
    {"kv_connector", FIELD_ENUM, AT(kv_fields, connector), .names = request_connectors,
     .doc = "Where pages go beyond the device."},
    {"kv_connector_config", FIELD_JSON, AT(kv_fields, connector_config), .schema = object_schema,
     .doc = "Settings of the connector."},
    {"kv_cache_format", FIELD_ENUM, AT(kv_fields, format), .names = request_kv_formats,
     .doc = "Type of cached values; follows from the encoding unless given."},
    {"kv_cache_hash_algo", FIELD_ENUM, AT(kv_fields, hash_algo), .names = request_hashes,
     .doc = "Hash of prefixes."},
    {"kv_cache_hash_seed", FIELD_STR, AT(kv_fields, hash_seed), .min = 64, .max = 64,
     .doc = "Seed of that hash: 64 hex digits."},
    {"allow_kv_head_replication", FIELD_BOOL, AT(kv_fields, allow_head_replication),
     .doc = "More devices than KV heads may each keep a copy."},
};
const struct field_table kv_cache_table = {"KVCacheConfig", kv_fields, ARRAY_SIZE(kv_fields)};

static const struct field lora_fields[] = {
    {"enable_lora", FIELD_BOOL, AT(lora_fields, enable_lora), .doc = "Adapters may be loaded."},
    {"lora_paths", FIELD_STRV, AT(lora_fields, lora_paths), .max = 1024,
     .doc = "Adapters at the start: path or name=path."},
    {"max_lora_rank", FIELD_INT, AT(lora_fields, max_lora_rank), .min = 1, .max = 65536,
     .doc = "Highest rank of an adapter."},
    {"max_num_loras", FIELD_INT, AT(lora_fields, max_num_loras), .min = 1, .max = 65536,
     .doc = "Adapters that are active at once."},
};
static const struct field_table lora_table = {"LoRAConfig", lora_fields, ARRAY_SIZE(lora_fields)};

static const struct field speculative_fields[] = {
    {"speculative_method", FIELD_ENUM, AT(speculative_fields, method), .names = request_methods,
     .doc = "How tokens are drafted; none with a draft model: the draft runs by itself."},
    {"num_speculative_tokens", FIELD_INT, AT(speculative_fields, num_speculative_tokens), .min = 1,
     .max = 1024, .doc = "Tokens drafted per step."},
    {"rejection_sampling_strategy", FIELD_ENUM, AT(speculative_fields, rejection),
     .names = request_rejections, .doc = "How drafted tokens are accepted."},
    {"synthetic_acceptance_rate", FIELD_REAL, AT(speculative_fields, synthetic_acceptance_rate),
     .min = 0, .max = 1, .doc = "For measurements: accept at this rate."},
    {"use_relaxed_acceptance_for_thinking", FIELD_BOOL,
     AT(speculative_fields, use_relaxed_acceptance), .doc = "Accept more while the model thinks."},
    {"relaxed_topk", FIELD_INT, AT(speculative_fields, relaxed_topk), .min = 1, .max = 1 << 20,
     .doc = "Candidates of relaxed acceptance."},
    {"relaxed_delta", FIELD_REAL, AT(speculative_fields, relaxed_delta), .min = 0, .max = 1,
     .doc = "Distance of relaxed acceptance."},
};
static const struct field_table speculative_table = {"SpeculativeConfig", speculative_fields,
                                                     ARRAY_SIZE(speculative_fields)};

static const struct field device_fields[] = {
    {"type", FIELD_STR, AT(device_fields, type), .max = 47, .required = true,
     .doc = "A known type (H100, MI300X, cpu, …), or any name when memory_bytes is given."},
    {"count", FIELD_INT, AT(device_fields, count), .min = 1, .max = MAX_DEVICES,
     .doc = "How many of them."},
    {"id", FIELD_INT, AT(device_fields, id), .min = 0, .max = 4095, .doc = "Number of the first."},
    {"memory_bytes", FIELD_INT, AT(device_fields, memory_bytes), .min = 1, .max = MAX_BYTES,
     .doc = "Memory of one; the type's unless given."},
    {"free_bytes", FIELD_INT, AT(device_fields, free_bytes), .min = 0, .max = MAX_BYTES,
     .doc = "Free memory of one; all of it unless given."},
    {"api", FIELD_ENUM, AT(device_fields, api), .names = apis,
     .doc = "How it is programmed; the type's unless given."},
};
static const struct field_table device_table = {"DeviceFigures", device_fields,
                                                ARRAY_SIZE(device_fields)};

static const struct field lease_fields[] = {
    {"ttl_s", FIELD_INT, AT(lease_fields, ttl_s), .min = 1, .max = 31536000,
     .doc = "Seconds until it ends by itself."},
    {"holder", FIELD_STR, AT(lease_fields, holder), .max = 128, .doc = "Who holds it."},
};
static const struct field_table lease_table = {"LeaseRequest", lease_fields,
                                               ARRAY_SIZE(lease_fields)};

#define REQ(member) offsetof(struct pipeline_request, member)

static const struct field pipeline_fields[] = {
    MODEL_FIELDS(pipeline_request, main.),
    {"task", FIELD_STR, REQ(task_text), .max = 64,
     .doc = "What it is for; text_generation unless given, undefined: find out."},
    {"override_architecture", FIELD_STR, REQ(override_architecture), .max = 200,
     .doc = "Architecture to use whatever the config names."},
    {"custom_architectures", FIELD_JSON, REQ(custom_architectures), .schema = architectures_schema,
     .doc = "Architecture documents for this request alone; they win over the registry's."},
    {"model_override", FIELD_STRV, REQ(model_override), .max = 4096,
     .doc = "component.field=value, with component main or draft."},
    {"kv_cache", FIELD_OBJECT, REQ(kv), .fields = &kv_cache_table, .doc = "The KV cache."},
    {"lora", FIELD_OBJECT, REQ(lora), .fields = &lora_table, .doc = "LoRA adapters."},
    {"draft_model", FIELD_OBJECT, REQ(draft), .fields = &draft_model_table,
     .doc = "Model that drafts for this one."},
    {"speculative", FIELD_OBJECT, REQ(spec), .fields = &speculative_table,
     .doc = "Speculative decoding."},
    {"devices", FIELD_ARRAY, REQ(devices), .fields = &device_table,
     .item_size = sizeof(struct device_fields), .max_items = MAX_DEVICES,
     .doc = "Devices in figures; those of this machine unless given."},
    {"pipeline_role", FIELD_ENUM, REQ(role), .names = request_roles,
     .doc = "Part of disaggregated serving."},
    {"max_batch_size", FIELD_INT, REQ(max_batch_size), .min = 1, .max = 1 << 24,
     .doc = "Requests in one step."},
    {"max_ce_batch_size", FIELD_INT, REQ(max_ce_batch_size), .min = 1, .max = 1 << 24,
     .doc = "Prompts in one step (seed)."},
    {"max_queue_size_tg", FIELD_INT, REQ(max_queue_size_tg), .min = 1, .max = 1 << 24,
     .doc = "Requests waiting for their next token."},
    {"min_batch_size_tg", FIELD_INT, REQ(min_batch_size_tg), .min = 1, .max = 1 << 24,
     .doc = "Requests in a step before prompts are taken in."},
    {"max_num_steps", FIELD_INT, REQ(max_num_steps), .min = -1, .max = 1024,
     .doc = "Tokens per call (seed); newer versions do one."},
    {"max_batch_input_tokens", FIELD_INT, REQ(max_batch_input_tokens), .min = 1, .max = MAX_TOKENS,
     .doc = "Tokens taken in by one step."},
    {"prefill_chunk_size", FIELD_INT, REQ(prefill_chunk_size), .min = 1, .max = MAX_TOKENS,
     .doc = "Same as max_batch_input_tokens (seed)."},
    {"max_batch_total_tokens", FIELD_INT, REQ(max_batch_total_tokens), .min = 1, .max = MAX_TOKENS,
     .doc = "Tokens of all requests in a step, context included."},
    {"ep_size", FIELD_INT, REQ(ep_size), .min = 1, .max = 4096, .doc = "Expert parallel size."},
    {"ep_use_allreduce", FIELD_BOOL, REQ(ep_use_allreduce),
     .doc = "Experts exchange by all-reduce."},
    {"enable_chunked_prefill", FIELD_BOOL, REQ(enable_chunked_prefill),
     .doc = "Long prompts go in by pieces."},
    {"enable_in_flight_batching", FIELD_BOOL, REQ(enable_in_flight_batching),
     .doc = "Prompts and next tokens share a step."},
    {"execute_empty_batches", FIELD_BOOL, REQ(execute_empty_batches),
     .doc = "Steps run without requests, too."},
    {"device_graph_capture", FIELD_BOOL, REQ(device_graph_capture),
     .doc = "Replay captured device graphs; decided by device and task unless given."},
    {"enable_overlap_scheduler", FIELD_BOOL, REQ(enable_overlap_scheduler),
     .doc = "Schedule the next step during this one; decided by device and task unless given."},
    {"prefer_module_v3", FIELD_BOOL, REQ(prefer_module_v3),
     .doc = "Try NAME_ModuleV3 before NAME."},
    {"reasoning_parser", FIELD_STR, REQ(reasoning_parser), .max = 64,
     .doc = "Parser of thinking; none switches the architecture's off."},
    {"tool_parser", FIELD_STR, REQ(tool_parser), .max = 64,
     .doc = "Parser of tool calls; none switches the architecture's off."},
    {"kvcache_ce_watermark", FIELD_REAL, REQ(kvcache_ce_watermark), .min = 0, .max = 1,
     .doc = "Part of the KV cache that prompts may fill."},
    {"max_vision_cache_entries", FIELD_INT, REQ(max_vision_cache_entries), .min = 0, .max = 1 << 24,
     .doc = "Images whose encoding is kept; 0: none."},
    {"vision_cache_utilization", FIELD_REAL, REQ(vision_cache_utilization), .min = 0, .max = 1,
     .doc = "Part of the memory for caches that images may take."},
    {"force", FIELD_BOOL, REQ(force),
     .doc = "Keep what was asked for, whatever the architecture insists on."},
    {"enable_structured_output", FIELD_BOOL, REQ(enable_structured_output),
     .doc = "Output can be bound to a schema."},
    {"enable_variable_logits", FIELD_BOOL, REQ(enable_variable_logits),
     .doc = "Logits of several positions."},
    {"enable_penalties", FIELD_BOOL, REQ(enable_penalties), .doc = "Repetition penalties."},
    {"do_penalties", FIELD_BOOL, REQ(do_penalties), .doc = "Same as enable_penalties (seed)."},
    {"enable_min_tokens", FIELD_BOOL, REQ(enable_min_tokens),
     .doc = "Requests can ask for a least number of tokens."},
    {"memory_formula", FIELD_ENUM, REQ(formula), .names = request_formulas,
     .doc = "Formula of the memory plan: of newer MAX, or of the seed."},
    {"weights", FIELD_ENUM, REQ(weights), .names = weights_modes,
     .doc = "Whether a pipeline is ready with weights that are only on the Hub."},
    {"dry_run", FIELD_BOOL, REQ(dry_run), .doc = "Answer, but keep nothing."},
    {"offline", FIELD_BOOL, REQ(offline), .doc = "Ask nothing of the Hub for this."},
    {"engine", FIELD_STR, REQ(engine), .max = 64, .doc = "Engine to run it with."},
    {"lease", FIELD_OBJECT, REQ(lease), .fields = &lease_table,
     .doc = "Lease on the pipeline, taken at once."},
};
const struct field_table pipeline_request_table = {"PipelineRequest", pipeline_fields,
                                                   ARRAY_SIZE(pipeline_fields)};

#define TOK(member) offsetof(struct tokenizer_request, member)

static const struct field tokenizer_fields[] = {
    {"model", FIELD_STR, TOK(model), .max = MODEL_PATH_MAX,
     .doc = "Hugging Face repository or an absolute path below an allowed root."},
    {"model_path", FIELD_STR, TOK(model_path), .max = MODEL_PATH_MAX, .doc = "Same as model."},
    {"revision", FIELD_STR, TOK(revision), .max = REVISION_MAX,
     .doc = "Branch, tag or commit; main unless given."},
    {"subfolder", FIELD_STR, TOK(subfolder), .max = SUBFOLDER_MAX,
     .doc = "Folder of the repository in which the tokenizer lies."},
    {"trust_remote_code", FIELD_BOOL, TOK(trust_remote_code),
     .doc = "The tokenizer may need code of its repository."},
    {"offline", FIELD_BOOL, TOK(offline), .doc = "Ask nothing of the Hub for this."},
    {"override_architecture", FIELD_STR, TOK(override_architecture), .max = 200,
     .doc = "Architecture to use whatever the config names."},
    {"task", FIELD_STR, TOK(task_text), .max = 64, .doc = "Task of that architecture."},
    {"max_length", FIELD_INT, TOK(max_length), .min = 1, .max = MAX_TOKENS,
     .doc = "Longest text in tokens; the model's own unless given."},
    {"chat_template", FIELD_STR, TOK(chat_template), .max = 1 << 20,
     .doc = "Chat template to use instead of the model's: its text, or an absolute path of a file "
            "below --model-root."},
};
const struct field_table tokenizer_request_table = {"TokenizerRequest", tokenizer_fields,
                                                    ARRAY_SIZE(tokenizer_fields)};
