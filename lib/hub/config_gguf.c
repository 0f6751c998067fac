#include "hub/config_parts.h"
#include "hub/gguf.h"
#include "hub/gguf_arch.h"

#include <stdio.h>

/* Takes the value over; 0 stands for "not told" and is left out. */
static void put_int(json_t *doc, const char *key, int64_t v)
{
    if (v > 0)
        json_object_set_new(doc, key, json_integer(v));
}

static void put_real(json_t *doc, const char *key, double v)
{
    if (v > 0)
        json_object_set_new(doc, key, json_real(v));
}

/* A number, or the largest of a list by layer. */
static int64_t largest(const struct gguf *g, const char *name)
{
    const struct gguf_value *v = gguf_find_arch(g, name);
    int64_t most = 0;

    if (!v || v->type != GGUF_ARRAY)
        return gguf_arch_int(g, name, 0);
    for (size_t i = 0; v->ints && i < v->n; i++)
        if (v->ints[i] > most)
            most = v->ints[i];
    return most;
}

/* ---- identity */

/* What converters put into "llama" and "deepseek2" is told apart by what it has. */
static const char *preferred_class(const struct gguf *g, const char *arch)
{
    const char *origin = gguf_str(g, "general.base_model.0.repo_url");
    bool mistral =
        strcasestr(origin, "mistral") || str_eq(gguf_str(g, "tokenizer.ggml.pre"), "tekken");

    if (str_eq(arch, "llama") && gguf_arch_int(g, "expert_count", 0) > 0)
        return "MixtralForCausalLM";
    if (str_eq(arch, "llama") && mistral)
        return "MistralForCausalLM";
    if (str_eq(arch, "deepseek2") && gguf_arch_int(g, "expert_gating_func", 0) != 2 &&
        gguf_arch_int(g, "attention.q_lora_rank", 0) == 0)
        return "DeepseekV2ForCausalLM";
    if (str_eq(arch, "olmo2") && gguf_arch_int(g, "attention.sliding_window", 0) > 0)
        return "Olmo3ForCausalLM";
    return "";
}

static void put_identity(json_t *doc, const struct gguf *g)
{
    const char *arch = gguf_str(g, "general.architecture");
    const struct gguf_arch *known = gguf_arch_find(arch);
    const char *first = preferred_class(g, arch);
    json_t *list = json_array();

    if (first[0])
        json_array_append_new(list, json_string(first));
    for (const char *p = known ? known->classes : ""; *p;) {
        size_t n = strcspn(p, " ");
        if (n != strlen(first) || memcmp(p, first, n) != 0)
            json_array_append_new(list, json_stringn(p, n));
        p += n + (p[n] == ' ');
    }
    json_object_set_new(doc, "architectures", list);
    json_object_set_new(doc, "model_type", json_string(known ? known->model_type : arch));
    if (gguf_str(g, "general.name")[0])
        json_object_set_new(doc, "_name_or_path", json_string(gguf_str(g, "general.name")));
}

/* ---- layers */

/* -1: no such list, and then one number that counts for all. */
static int64_t by_layer(const struct gguf_value *v, int64_t layer)
{
    return v && v->ints && (uint64_t)layer < v->n ? v->ints[layer] : -1;
}

/* qwen3next and its kin: what ssm.* says is about linear attention. */
static void put_linear(json_t *doc, const struct gguf *g)
{
    const char *arch = gguf_str(g, "general.architecture");
    int64_t heads = gguf_arch_int(g, "ssm.time_step_rank", 0);

    if (!str_starts(arch, "qwen3next") && !str_starts(arch, "qwen35"))
        return;
    put_int(doc, "full_attention_interval", gguf_arch_int(g, "full_attention_interval", 4));
    put_int(doc, "linear_num_key_heads", gguf_arch_int(g, "ssm.group_count", 0));
    put_int(doc, "linear_num_value_heads", heads);
    put_int(doc, "linear_key_head_dim", gguf_arch_int(g, "ssm.state_size", 0));
    if (heads > 0)
        put_int(doc, "linear_value_head_dim", gguf_arch_int(g, "ssm.inner_size", 0) / heads);
    put_int(doc, "linear_conv_kernel_dim", gguf_arch_int(g, "ssm.conv_kernel", 0));
}

/* layer_types, where layers differ: no KV heads, or a pattern of sliding windows. */
static void put_layers(json_t *doc, const struct gguf *g, int64_t n_layers)
{
    const struct gguf_value *kv = gguf_find_arch(g, "attention.head_count_kv");
    const struct gguf_value *pattern = gguf_find_arch(g, "attention.sliding_window_pattern");
    const struct gguf_value *ffn = gguf_find_arch(g, "feed_forward_length");
    bool ssm = gguf_find_arch(g, "ssm.state_size") != NULL;
    bool conv = gguf_find_arch(g, "shortconv.l_cache") != NULL;

    put_linear(doc, g);
    if (!(kv && kv->ints) && !(pattern && pattern->ints)) {
        if (pattern && pattern->type != GGUF_ARRAY)
            put_int(doc, "sliding_window_pattern", pattern->i);
        return;
    }
    json_t *list = json_array();
    for (int64_t i = 0; i < n_layers; i++) {
        const char *kind = "full_attention";

        if (by_layer(kv, i) == 0)
            kind = by_layer(ffn, i) > 0 ? "mlp" : ssm ? "mamba" : conv ? "conv" : "none";
        else if (by_layer(pattern, i) == 1)
            kind = "sliding_attention";
        json_array_append_new(list, json_string(kind));
    }
    json_object_set_new(doc, "layer_types", list);
}

/* ---- sizes */

static void put_attention(json_t *doc, const struct gguf *g)
{
    static const struct {
        const char *key, *name;
    } numbers[] = {
        {"num_attention_heads", "attention.head_count"},
        {"num_key_value_heads", "attention.head_count_kv"},
        {"head_dim", "attention.key_length"},
        {"v_head_dim", "attention.value_length"},
        {"sliding_window", "attention.sliding_window"},
        {"num_kv_shared_layers", "attention.shared_kv_layers"},
        {"kv_lora_rank", "attention.kv_lora_rank"},
        {"q_lora_rank", "attention.q_lora_rank"},
        {"index_head_dim", "attention.indexer.key_length"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        put_int(doc, numbers[i].key, largest(g, numbers[i].name));
    /* MLA: cached are the compressed vector and the rotary part; lengths are of that. */
    int64_t rank = gguf_arch_int(g, "attention.kv_lora_rank", 0);
    int64_t rope = gguf_arch_int(g, "rope.dimension_count", 0);
    int64_t key = gguf_arch_int(g, "attention.key_length_mla", 0);
    if (rank > 0) {
        put_int(doc, "qk_rope_head_dim", rope);
        if (key > rope) {
            put_int(doc, "qk_nope_head_dim", key - rope);
            put_int(doc, "head_dim", key);
        }
        if (gguf_arch_int(g, "attention.value_length_mla", 0) > 0)
            put_int(doc, "v_head_dim", gguf_arch_int(g, "attention.value_length_mla", 0));
        put_int(doc, "num_key_value_heads", largest(g, "attention.head_count"));
    }
}

static void put_sizes(json_t *doc, const struct gguf *g, int64_t n_layers)
{
    static const struct {
        const char *key, *name;
    } numbers[] = {
        {"hidden_size", "embedding_length"},
        {"intermediate_size", "feed_forward_length"},
        {"max_position_embeddings", "context_length"},
        {"num_experts", "expert_count"},
        {"num_experts_per_tok", "expert_used_count"},
        {"moe_intermediate_size", "expert_feed_forward_length"},
        {"n_shared_experts", "expert_shared_count"},
        {"first_k_dense_replace", "leading_dense_block_count"},
        {"num_nextn_predict_layers", "nextn_predict_layers"},
        {"mamba_d_conv", "ssm.conv_kernel"},
        {"mamba_d_state", "ssm.state_size"},
        {"mamba_d_ssm", "ssm.inner_size"},
        {"mamba_n_groups", "ssm.group_count"},
        {"conv_L_cache", "shortconv.l_cache"},
    };
    int64_t vocab = gguf_arch_int(g, "vocab_size", 0);

    put_int(doc, "num_hidden_layers", n_layers);
    put_int(doc, "vocab_size", vocab > 0 ? vocab : g->n_tokens);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        put_int(doc, numbers[i].key, largest(g, numbers[i].name));
    /* mamba2 has heads, and keeps their number where mamba has the rank of its time step. */
    if (gguf_arch_int(g, "ssm.group_count", 0) > 0)
        put_int(doc, "mamba_n_heads", gguf_arch_int(g, "ssm.time_step_rank", 0));
}

static void put_rope(json_t *doc, const struct gguf *g)
{
    const struct gguf_value *type = gguf_find_arch(g, "rope.scaling.type");
    json_t *rope;

    put_real(doc, "rope_theta", gguf_arch_real(g, "rope.freq_base", 0));
    if (!type || type->type != GGUF_STRING || !type->s || str_eq(type->s, "none"))
        return;
    /* context_length is the stretched one already: what was trained is told beside it. */
    rope = json_object();
    json_object_set_new(rope, "rope_type", json_string(type->s));
    put_real(rope, "factor", gguf_arch_real(g, "rope.scaling.factor", 0));
    put_int(rope, "original_max_position_embeddings",
            gguf_arch_int(g, "rope.scaling.original_context_length", 0));
    json_object_set_new(doc, "rope_scaling", rope);
}

static void put_tokens(json_t *doc, const struct gguf *g)
{
    static const char *const ends[] = {"eos_token", "eot_token", "eom_token"};
    json_t *eos = json_array();

    for (size_t e = 0; e < ARRAY_SIZE(ends); e++)
        for (size_t i = 0; i < g->n_special; i++)
            if (str_eq(g->special[i].role, ends[e]))
                json_array_append_new(eos, json_integer(g->special[i].id));
    json_object_set_new(doc, "eos_token_id", eos);
    for (size_t i = 0; i < g->n_special; i++) {
        if (str_eq(g->special[i].role, "bos_token"))
            json_object_set_new(doc, "bos_token_id", json_integer(g->special[i].id));
        if (str_eq(g->special[i].role, "pad_token"))
            json_object_set_new(doc, "pad_token_id", json_integer(g->special[i].id));
    }
}

bool config_from_gguf(struct config **ret, const struct gguf *g, struct err *err)
{
    const char *arch = gguf_str(g, "general.architecture"), *type = gguf_str(g, "general.type");
    int64_t n_layers = gguf_arch_int(g, "block_count", 0);

    if (!arch[0] || str_eq(arch, "clip") || (type[0] && !str_eq(type, "model"))) {
        err_set(err, ERR_CONFIG_INVALID, "GGUF metadata: %s is no model by itself",
                arch[0] ? arch : "a file without general.architecture");
        return err_fact_str(err, "key", "general.architecture");
    }
    if (n_layers < 0 || n_layers > 100000)
        return err_set(err, ERR_CONFIG_INVALID, "GGUF metadata: %s.block_count makes no sense",
                       arch);
    json_t *doc = json_object();
    put_identity(doc, g);
    put_sizes(doc, g, n_layers);
    put_attention(doc, g);
    put_layers(doc, g, n_layers);
    put_rope(doc, g);
    put_tokens(doc, g);
    if (g->encoding)
        json_object_set_new(doc, "gguf_encoding", json_string(encoding_name(g->encoding)));
    if (!config_build(ret, doc, CONFIG_GGUF, "GGUF metadata", err))
        return false;
    snprintf((*ret)->model_type, sizeof((*ret)->model_type), "%s", arch);
    /* context_length is what the model was converted for: nothing stretches it. */
    (*ret)->max_positions = (*ret)->max_position_embeddings;
    return true;
}
