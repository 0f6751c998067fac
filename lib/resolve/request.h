#pragma once
/*
 * Request: what a client asks of a resolve, as typed fields.
 *
 * The names are those of MAX's PipelineConfig and its parts, flat where MAX is
 * flat. One table of fields per record makes the checks, the messages and the
 * JSON Schema; a member that no table knows is refused. After request_check()
 * aliases are merged into the field that counts and overrides are applied, so
 * nobody behind it looks at an alias again.
 *
 *     struct pipeline_request req = {0};
 *     if (!bind_object(&pipeline_request_table, doc, "", &req, err) ||
 *         !request_check(&req, err))
 *         …
 *     r = resolve_new(&req, registry);      // takes it over
 */
#include "arch/terms.h"
#include "bind/bind.h"
#include "hub/repo_id.h"

enum {
    MAX_DEVICES = 64,        /* devices of one pipeline */
    MAX_WEIGHT_PATHS = 1024, /* paths named by a request */
};

enum pipeline_role { ROLE_UNSET, ROLE_PREFILL_AND_DECODE, ROLE_PREFILL_ONLY, ROLE_DECODE_ONLY };
enum kv_connector {
    CONNECTOR_UNSET,
    CONNECTOR_NULL,
    CONNECTOR_LOCAL,
    CONNECTOR_TIERED,
    CONNECTOR_DKV,
    CONNECTOR_RUST_TIERED
};
enum kv_format { KV_FORMAT_UNSET, KV_FORMAT_FLOAT32, KV_FORMAT_BFLOAT16, KV_FORMAT_FLOAT8_E4M3FN };
enum kv_hash { KV_HASH_UNSET, KV_HASH_AHASH64, KV_HASH_SHA256, KV_HASH_SHA256_64 };
enum spec_method { SPEC_NONE, SPEC_EAGLE, SPEC_MTP, SPEC_DFLASH, SPEC_DFLASH2 };
enum rejection {
    REJECTION_UNSET,
    REJECTION_GREEDY,
    REJECTION_RESIDUAL,
    REJECTION_TYPICAL,
    REJECTION_LOGIT
};
enum memory_formula { FORMULA_UNSET, FORMULA_MAX, FORMULA_SEED };
enum weights_mode { WEIGHTS_UNSET, WEIGHTS_REQUIRED, WEIGHTS_REMOTE };

/* The fields of one model: the main one (flat in the request) and the draft. */
struct model_fields {
    char *model_path, *model; /* alias; only model_path counts after request_check() */
    char *served_model_name;
    char *model_revision, *revision /* alias */, *weight_revision;
    char *subfolder;
    struct strv weight_path;
    int encoding; /* enum encoding */
    enum tristate trust_remote_code, force_download, use_subgraphs;
    enum tristate allow_cast, allow_cast_bf16; /* two spellings; the first counts */
    int rope_type;                             /* enum rope_type */
    struct opt_int sliding_window, data_parallel_degree, max_length;
    enum tristate enable_echo, pool_embeddings;
    char *chat_template;
    json_t *vision_config_overrides;
    json_t *device_specs; /* text, or a list of ints, records or texts */
};

struct kv_fields {
    int cache_strategy; /* enum kv_strategy */
    struct opt_int page_size;
    enum tristate enable_prefix_caching, enable_swapping_to_host, allow_head_replication;
    struct opt_real swap_space_gb, device_memory_utilization;
    int connector; /* enum kv_connector */
    json_t *connector_config;
    int format; /* enum kv_format */
    int hash_algo;
    char *hash_seed;
};

struct lora_fields {
    enum tristate enable_lora;
    struct strv lora_paths;
    struct opt_int max_lora_rank, max_num_loras;
};

struct speculative_fields {
    int method; /* enum spec_method */
    struct opt_int num_speculative_tokens, relaxed_topk;
    int rejection;
    struct opt_real synthetic_acceptance_rate, relaxed_delta;
    enum tristate use_relaxed_acceptance;
};

/* A device in figures, so that one can plan for what this machine does not have. */
struct device_fields {
    char *type;
    struct opt_int count, memory_bytes, free_bytes, id;
    int api; /* enum device_api */
};

struct lease_fields {
    struct opt_int ttl_s;
    char *holder;
};

struct pipeline_request {
    struct model_fields main, draft;
    int task; /* enum task; TASK_NONE after request_check(): find out ("undefined") */
    char *task_text;
    char *override_architecture;
    struct kv_fields kv;
    struct lora_fields lora;
    struct speculative_fields spec;
    struct bind_array devices; /* of struct device_fields */

    int role; /* enum pipeline_role */
    struct opt_int max_batch_size, max_ce_batch_size, max_num_steps;
    struct opt_int max_batch_input_tokens, prefill_chunk_size; /* the second is the alias */
    struct opt_int max_batch_total_tokens, max_queue_size_tg, min_batch_size_tg;
    struct opt_int ep_size, max_vision_cache_entries;
    struct opt_real kvcache_ce_watermark, vision_cache_utilization;
    enum tristate ep_use_allreduce, enable_chunked_prefill, enable_in_flight_batching,
        execute_empty_batches, device_graph_capture, enable_overlap_scheduler, prefer_module_v3,
        force;
    char *reasoning_parser, *tool_parser; /* "none" switches the architecture's off */
    json_t *custom_architectures;         /* array of architecture documents */
    struct strv model_override;

    /* sampling */
    enum tristate enable_structured_output, enable_variable_logits, enable_penalties, do_penalties,
        enable_min_tokens;

    /* ours */
    int formula; /* enum memory_formula */
    int weights; /* enum weights_mode */
    enum tristate dry_run, offline;
    char *engine;
    struct lease_fields lease;
};

extern const struct field_table pipeline_request_table;

/*
 * Merges aliases, applies model_override, refuses what cannot be right whatever
 * the model is. ERR_FIELD, ERR_COMBINATION, ERR_TASK_UNKNOWN.
 */
bool request_check(struct pipeline_request *req, struct err *err) MUST_CHECK;
void request_release(struct pipeline_request *req);

/* What a request names: main, draft, checked. */
bool request_model_ref(const struct pipeline_request *req, const struct model_fields *m,
                       struct model_ref *ret, struct err *err) MUST_CHECK;

/* Names of the sets that only a request knows; NULL for 0. */
const char *pipeline_role_name(int r);
const char *kv_connector_name(int c);
const char *kv_format_name(int f);
const char *kv_hash_name(int h);
const char *spec_method_name(int m);
const char *rejection_name(int r);

/* POST /v1/tokenizers */
struct tokenizer_request {
    char *model, *model_path; /* alias */
    char *revision;
    char *subfolder;
    enum tristate trust_remote_code, offline;
    char *override_architecture;
    char *task_text;
    int task; /* enum task, after tokenizer_request_check() */
    struct opt_int max_length;
    char *chat_template; /* the template's text, or a JSON document with one */
};

extern const struct field_table tokenizer_request_table;
bool tokenizer_request_check(struct tokenizer_request *req, struct err *err) MUST_CHECK;
void tokenizer_request_release(struct tokenizer_request *req);
bool tokenizer_request_model_ref(const struct tokenizer_request *req, struct model_ref *ret,
                                 struct err *err) MUST_CHECK;
