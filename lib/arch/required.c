#include "arch/required.h"

enum value_type { BOOL, INT, REAL };

/* The fields of MAX's configs that hold one number or flag, in all versions. */
static const struct {
    const char *name;
    enum value_type type;
} known[] = {
    /* model */
    {"allow_safetensors_weights_fp32_bf6_bidirectional_cast", BOOL}, /* the seed's spelling */
    {"allow_safetensors_weights_fp32_bf16_bidirectional_cast", BOOL},
    {"trust_remote_code", BOOL},
    {"force_download", BOOL},
    {"use_subgraphs", BOOL},
    {"sliding_window", INT},
    {"data_parallel_degree", INT},
    {"max_length", INT},
    {"enable_echo", BOOL},
    {"pool_embeddings", BOOL},
    /* KV cache */
    {"kv_cache_page_size", INT},
    {"enable_prefix_caching", BOOL},
    {"enable_kvcache_swapping_to_host", BOOL},
    {"host_kvcache_swap_space_gb", REAL},
    {"device_memory_utilization", REAL},
    {"allow_kv_head_replication", BOOL},
    /* pipeline and runtime */
    {"max_batch_size", INT},
    {"max_ce_batch_size", INT},
    {"max_queue_size_tg", INT},
    {"min_batch_size_tg", INT},
    {"ep_size", INT},
    {"ep_use_allreduce", BOOL},
    {"enable_chunked_prefill", BOOL},
    {"enable_in_flight_batching", BOOL},
    {"max_num_steps", INT},
    {"prefill_chunk_size", INT},
    {"max_batch_input_tokens", INT},
    {"max_batch_total_tokens", INT},
    {"execute_empty_batches", BOOL},
    {"device_graph_capture", BOOL},
    {"enable_overlap_scheduler", BOOL},
    {"prefer_module_v3", BOOL},
    {"kvcache_ce_watermark", REAL},
    {"max_vision_cache_entries", INT},
    {"vision_cache_utilization", REAL},
    /* sampling, LoRA, speculation */
    {"enable_structured_output", BOOL},
    {"enable_variable_logits", BOOL},
    {"do_penalties", BOOL},
    {"enable_penalties", BOOL},
    {"enable_min_tokens", BOOL},
    {"enable_lora", BOOL},
    {"max_lora_rank", INT},
    {"max_num_loras", INT},
    {"num_speculative_tokens", INT},
    {"synthetic_acceptance_rate", REAL},
    {"use_relaxed_acceptance_for_thinking", BOOL},
    {"relaxed_topk", INT},
    {"relaxed_delta", REAL},
};

static int find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(known[i].name, name))
            return (int)i;
    return -1;
}

bool required_is_known(const char *name) { return find(name) >= 0; }

static void report_unknown(const char *pointer, const char *name, struct faults *f)
{
    const char *names[ARRAY_SIZE(known) + 1];

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        names[i] = known[i].name;
    names[ARRAY_SIZE(known)] = NULL;
    faults_add(f, pointer, name, names,
               "no config has a field of this name, so requiring it would have no effect");
}

/* What the name is for, when a record of this source may ask for it; else false and a fault. */
static bool check_name(const char *name, json_t *value, const char *pointer,
                       enum arch_source source, struct faults *f)
{
    int i = find(name);

    if (i < 0) {
        if (source != ARCH_BUILTIN)
            report_unknown(pointer, name, f);
        return source == ARCH_BUILTIN;
    }
    if (source == ARCH_API && str_eq(name, "trust_remote_code")) {
        faults_add(f, pointer, NULL, NULL,
                   "an architecture cannot switch remote code on; a request that trusts the "
                   "model's code says trust_remote_code itself");
        return false;
    }
    if (known[i].type == BOOL  ? !json_is_boolean(value)
        : known[i].type == INT ? !json_is_integer(value)
                               : !json_is_number(value)) {
        faults_add_value(f, pointer, value, "must be %s",
                         known[i].type == BOOL  ? "true or false"
                         : known[i].type == INT ? "an integer"
                                                : "a number");
        return false;
    }
    return true;
}

static struct required_argument read_one(const char *name, json_t *value)
{
    if (json_is_boolean(value))
        return (struct required_argument){name, REQUIRED_BOOL, json_is_true(value)};
    return (struct required_argument){name, json_is_integer(value) ? REQUIRED_INT : REQUIRED_REAL,
                                      json_number_value(value)};
}

void required_read(json_t *args, const char *pointer, enum arch_source source,
                   struct required_argument **ret, size_t *ret_n, struct faults *f)
{
    AUTO_BUF struct buf at = {0};
    struct required_argument *required;
    const char *name;
    json_t *value;
    size_t n = 0, mark;

    if (!json_is_object(args)) {
        faults_add_value(f, pointer, args, "must be an object of config names and values");
        return;
    }
    required = mem_new_array(json_object_size(args), struct required_argument);
    buf_append_str(&at, pointer);
    mark = at.size;
    json_object_foreach(args, name, value)
    {
        pointer_cut(&at, mark);
        pointer_push(&at, name);
        if (!json_is_boolean(value) && !json_is_number(value))
            faults_add_value(f, at.data, value, "must be a boolean or a number");
        else if (check_name(name, value, at.data, source, f))
            required[n++] = read_one(name, value);
    }
    *ret = required;
    *ret_n = n;
}
