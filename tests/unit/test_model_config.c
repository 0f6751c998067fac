#include "test.h"

#include "hub/config.h"

#include <stdio.h>

static char *read_file(const char *family, const char *name, size_t *ret_size)
{
    AUTO_FREE char *path = str_printf("%s/configs/%s/%s", TEST_DATA, family, name);
    FILE *f = fopen(path, "r");
    char *text = mem_alloc(1 << 20);

    if (!f)
        fail_msg("%s is not there", path);
    *ret_size = fread(text, 1, 1 << 20, f);
    fclose(f);
    return text;
}

static struct config *load(const char *family)
{
    AUTO_ERR struct err err = {0};
    struct config *c = NULL;
    size_t size;
    AUTO_FREE char *text = read_file(family, "config.json", &size);

    if (!config_from_json(&c, text, size, &err))
        fail_msg("%s: %s", family, err.msg);
    return c;
}

static struct config *parse(const char *text)
{
    AUTO_ERR struct err err = {0};
    struct config *c = NULL;

    if (!config_from_json(&c, text, strlen(text), &err))
        fail_msg("%s", err.msg);
    return c;
}

static int count(const struct config *c, enum layer_kind k)
{
    int n = 0;

    for (int64_t i = 0; i < c->n_layers; i++)
        n += (c->layer_kinds ? c->layer_kinds[i] : LAYER_FULL) == k;
    return n;
}

static void every_family_has_its_sizes(void **state)
{
    static const struct {
        const char *family;
        int64_t layers, hidden, heads, kv_heads, head_dim, vocab, max_positions;
        enum encoding dtype;
        int eos, full, sliding;
    } cases[] = {
        {"llama2", 32, 4096, 32, 32, 128, 32000, 4096, ENCODING_FLOAT16, 1, 32, 0},
        {"llama3", 32, 4096, 32, 8, 128, 128256, 131072, ENCODING_BFLOAT16, 3, 32, 0},
        {"llama4", 48, 5120, 40, 8, 128, 202048, 10485760, ENCODING_BFLOAT16, 3, 12, 36},
        {"qwen2", 24, 896, 14, 2, 64, 151936, 32768, ENCODING_BFLOAT16, 1, 24, 0},
        {"qwen2_5", 28, 3584, 28, 4, 128, 152064, 32768, ENCODING_BFLOAT16, 1, 28, 0},
        {"qwen2_5_yarn", 28, 3584, 28, 4, 128, 152064, 131072, ENCODING_BFLOAT16, 1, 28, 0},
        {"qwen3", 28, 1024, 16, 8, 128, 151936, 40960, ENCODING_BFLOAT16, 1, 28, 0},
        {"qwen3_moe", 48, 2048, 32, 4, 128, 151936, 40960, ENCODING_BFLOAT16, 1, 48, 0},
        {"qwen3_next", 48, 2048, 16, 2, 256, 151936, 262144, ENCODING_BFLOAT16, 1, 12, 0},
        {"gemma2", 26, 2304, 8, 4, 256, 256000, 8192, ENCODING_BFLOAT16, 1, 13, 13},
        {"gemma3", 34, 2560, 8, 4, 256, 262208, 131072, ENCODING_BFLOAT16, 2, 5, 29},
        {"gemma3_text", 26, 1152, 4, 1, 256, 262144, 32768, ENCODING_BFLOAT16, 1, 4, 22},
        {"gemma3n", 30, 2048, 8, 2, 256, 262400, 32768, ENCODING_BFLOAT16, 2, 4, 16},
        {"mistral", 32, 4096, 32, 8, 128, 32000, 32768, ENCODING_BFLOAT16, 1, 0, 32},
        {"mistral_nemo", 40, 5120, 32, 8, 128, 131072, 131072, ENCODING_BFLOAT16, 1, 40, 0},
        {"mixtral", 32, 4096, 32, 8, 128, 32000, 32768, ENCODING_BFLOAT16, 1, 32, 0},
        {"phi3", 32, 3072, 32, 32, 96, 32064, 4096, ENCODING_BFLOAT16, 1, 0, 32},
        {"phi3_longrope", 32, 3072, 32, 32, 96, 32064, 131072, ENCODING_BFLOAT16, 1, 32, 0},
        {"phi4", 40, 5120, 40, 10, 128, 100352, 16384, ENCODING_BFLOAT16, 1, 40, 0},
        {"deepseek_v2", 27, 2048, 16, 16, 128, 102400, 163840, ENCODING_BFLOAT16, 1, 27, 0},
        {"deepseek_v3", 61, 7168, 128, 128, 56, 129280, 163840, ENCODING_BFLOAT16, 1, 61, 0},
        {"kimi_k2", 61, 7168, 64, 64, 112, 163840, 131072, ENCODING_BFLOAT16, 1, 61, 0},
        {"gpt_oss", 24, 2880, 64, 8, 64, 201088, 131072, ENCODING_NONE, 1, 12, 12},
        {"granite", 40, 4096, 32, 8, 128, 49155, 131072, ENCODING_BFLOAT16, 1, 40, 0},
        {"granite_hybrid", 40, 1536, 12, 4, 128, 100352, 131072, ENCODING_BFLOAT16, 1, 4, 0},
        {"olmo", 32, 4096, 32, 32, 128, 50304, 2048, ENCODING_FLOAT32, 1, 32, 0},
        {"olmo2", 32, 4096, 32, 32, 128, 100352, 4096, ENCODING_BFLOAT16, 1, 32, 0},
        {"exaone", 30, 2560, 32, 8, 80, 102400, 32768, ENCODING_BFLOAT16, 1, 30, 0},
        {"internvl", 28, 3584, 28, 4, 128, 151674, 65536, ENCODING_BFLOAT16, 1, 28, 0},
        {"qwen2_5_vl", 36, 2048, 16, 2, 128, 151936, 128000, ENCODING_BFLOAT16, 1, 36, 0},
        {"bert", 6, 384, 12, 12, 32, 30522, 512, ENCODING_NONE, 0, 6, 0},
        {"roberta", 24, 1024, 16, 16, 64, 250002, 512, ENCODING_FLOAT32, 1, 24, 0},
        {"mpnet", 12, 768, 12, 12, 64, 30527, 512, ENCODING_NONE, 1, 12, 0},
        {"whisper", 4, 384, 6, 6, 64, 51865, 448, ENCODING_FLOAT32, 1, 4, 0},
        {"t5", 8, 512, 6, 6, 64, 32128, 512, ENCODING_NONE, 1, 8, 0},
        {"mamba", 24, 768, 0, 0, 0, 50280, 0, ENCODING_FLOAT32, 1, 0, 0},
        {"nemotron_h", 56, 4480, 40, 8, 128, 131072, 131072, ENCODING_BFLOAT16, 1, 4, 0},
        {"jamba", 32, 4096, 32, 8, 128, 65536, 262144, ENCODING_BFLOAT16, 1, 4, 0},
        {"lfm2", 16, 1024, 16, 8, 64, 65536, 128000, ENCODING_BFLOAT16, 1, 6, 0},
        {"falcon", 32, 4544, 71, 1, 64, 65024, 2048, ENCODING_BFLOAT16, 1, 32, 0},
        {"falcon_40b", 60, 8192, 128, 8, 64, 65024, 2048, ENCODING_BFLOAT16, 1, 60, 0},
        {"mpt", 32, 4096, 32, 32, 128, 50432, 2048, ENCODING_BFLOAT16, 0, 32, 0},
        {"gpt2", 12, 768, 12, 12, 64, 50257, 1024, ENCODING_NONE, 1, 12, 0},
        {"cohere", 40, 8192, 64, 64, 128, 256000, 131072, ENCODING_FLOAT16, 1, 40, 0},
        {"cohere2", 32, 4096, 32, 8, 128, 256000, 8192, ENCODING_FLOAT16, 1, 8, 24},
        {"pixtral", 40, 5120, 32, 8, 128, 131072, 1024000, ENCODING_BFLOAT16, 0, 40, 0},
        {"idefics3", 32, 4096, 32, 8, 128, 128259, 131072, ENCODING_BFLOAT16, 1, 32, 0},
        {"rope_parameters", 16, 2048, 32, 8, 64, 128256, 131072, ENCODING_BFLOAT16, 1, 16, 0},
        {"remote_code", 24, 2048, 16, 4, 128, 64000, 8192, ENCODING_BFLOAT16, 1, 24, 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(config_unrefp) struct config *c = load(cases[i].family);
        int64_t got[] = {c->n_layers,
                         c->hidden_size,
                         c->n_heads,
                         c->n_kv_heads,
                         c->head_dim,
                         c->vocab_size,
                         c->max_positions,
                         (int64_t)c->dtype,
                         (int64_t)c->n_eos_token_ids,
                         count(c, LAYER_FULL),
                         count(c, LAYER_SLIDING)};
        int64_t want[] = {cases[i].layers,        cases[i].hidden,         cases[i].heads,
                          cases[i].kv_heads,      cases[i].head_dim,       cases[i].vocab,
                          cases[i].max_positions, (int64_t)cases[i].dtype, cases[i].eos,
                          cases[i].full,          cases[i].sliding};

        for (size_t k = 0; k < ARRAY_SIZE(got); k++)
            if (got[k] != want[k])
                fail_msg("%s: number %zu is %lld, not %lld", cases[i].family, k, (long long)got[k],
                         (long long)want[k]);
        assert_true(c->n_architectures > 0);
        assert_non_null(c->body);
    }
}

static void mla_and_experts_are_read(void **state)
{
    CLEANUP(config_unrefp) struct config *v3 = load("deepseek_v3");
    CLEANUP(config_unrefp) struct config *mixtral = load("mixtral");
    CLEANUP(config_unrefp) struct config *oss = load("gpt_oss");
    (void)state;

    assert_int_equal(v3->kv_lora_rank, 512);
    assert_int_equal(v3->qk_rope_head_dim, 64);
    assert_int_equal(v3->v_head_dim, 128);
    assert_int_equal(v3->n_experts, 256);
    assert_int_equal(v3->n_experts_per_token, 8);
    assert_int_equal(v3->n_shared_experts, 1);
    assert_int_equal(v3->first_k_dense, 3);
    assert_int_equal(v3->n_mtp_layers, 1);
    assert_int_equal(mixtral->n_experts, 8);
    assert_int_equal(mixtral->n_experts_per_token, 2);
    assert_int_equal(oss->n_experts, 32);
}

static void hybrids_say_what_they_keep_per_sequence(void **state)
{
    static const struct {
        const char *family;
        enum layer_kind kind;
        int n;
        int64_t elements;
        int bytes;
    } cases[] = {
        /* conv 3 * (2*16*128 + 32*128), state 32 * 128 * 128 */
        {"qwen3_next", LAYER_LINEAR, 36, 3 * 8192 + 524288, 4},
        /* conv 3 * 1536, state 1536 * 16 */
        {"mamba", LAYER_MAMBA, 24, 3 * 1536 + 1536 * 16, 4},
        /* conv 3 * (10240 + 2*8*128), state 128 * 80 * 128 */
        {"nemotron_h", LAYER_MAMBA, 27, 3 * (10240 + 2048) + 128 * 80 * 128, 4},
        {"jamba", LAYER_MAMBA, 28, 3 * 8192 + 8192 * 16, 4},
        {"granite_hybrid", LAYER_MAMBA, 36, 3 * (3072 + 256) + 48 * 64 * 128, 4},
        {"lfm2", LAYER_CONV, 10, 2 * 1024, 2},
        {"gemma3n", LAYER_NONE, 10, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(config_unrefp) struct config *c = load(cases[i].family);

        if (count(c, cases[i].kind) != cases[i].n || c->state_elements != cases[i].elements)
            fail_msg("%s: %d layers, %lld elements", cases[i].family, count(c, cases[i].kind),
                     (long long)c->state_elements);
        assert_int_equal(c->state_dtype_bytes, cases[i].bytes);
    }
}

static void quantization_is_told_apart(void **state)
{
    static const struct {
        const char *family;
        enum quant_method method;
        int bits, group_size;
        const char *format;
    } cases[] = {
        {"qwen2_5_gptq", QUANT_GPTQ, 4, 128, ""},
        {"qwen2_5_awq", QUANT_AWQ, 4, 128, ""},
        {"deepseek_v3", QUANT_FP8, 8, 128, "e4m3"},
        {"gpt_oss", QUANT_MXFP4, 4, 0, ""},
        {"llama3_fp8", QUANT_COMPRESSED_TENSORS, 8, 0, "float-quantized"},
        {"llama3_nvfp4", QUANT_MODELOPT, 4, 16, "NVFP4"},
        {"llama3", QUANT_NONE, 0, 0, ""},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(config_unrefp) struct config *c = load(cases[i].family);

        assert_int_equal(c->quant.method, cases[i].method);
        assert_int_equal(c->quant.bits, cases[i].bits);
        assert_int_equal(c->quant.group_size, cases[i].group_size);
        assert_string_equal(c->quant.format, cases[i].format);
    }
    CLEANUP(config_unrefp)
    struct config *bnb = parse("{\"quantization_config\": {\"load_in_4bit\": true}}");
    assert_int_equal(bnb->quant.method, QUANT_BITSANDBYTES);
    assert_int_equal(bnb->quant.bits, 4);
    CLEANUP(config_unrefp)
    struct config *mlx = parse("{\"quantization\": {\"group_size\": 64, \"bits\": 4}}");
    assert_int_equal(mlx->quant.method, QUANT_MLX);
    CLEANUP(config_unrefp) struct config *beside = parse("{}");
    static const char file[] = "{\"producer\": {\"name\": \"modelopt\"}, \"quantization\": "
                               "{\"quant_algo\": \"FP8\"}}";
    config_add_quant_file(beside, file, strlen(file));
    assert_int_equal(beside->quant.method, QUANT_MODELOPT);
    assert_int_equal(beside->quant.bits, 8);
}

static void every_synonym_is_understood(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
#define N(name) offsetof(struct config, name)
        {"{\"num_hidden_layers\": 8}", N(n_layers)},
        {"{\"n_layer\": 8}", N(n_layers)},
        {"{\"n_layers\": 8}", N(n_layers)},
        {"{\"num_layers\": 8}", N(n_layers)},
        {"{\"hidden_size\": 8}", N(hidden_size)},
        {"{\"n_embd\": 8}", N(hidden_size)},
        {"{\"d_model\": 8}", N(hidden_size)},
        {"{\"dim\": 8}", N(hidden_size)},
        {"{\"num_attention_heads\": 8}", N(n_heads)},
        {"{\"n_head\": 8}", N(n_heads)},
        {"{\"n_heads\": 8}", N(n_heads)},
        {"{\"num_heads\": 8}", N(n_heads)},
        {"{\"num_key_value_heads\": 8}", N(n_kv_heads)},
        {"{\"n_head_kv\": 8}", N(n_kv_heads)},
        {"{\"num_kv_heads\": 8}", N(n_kv_heads)},
        {"{\"multi_query_group_num\": 8}", N(n_kv_heads)},
        {"{\"num_attention_groups\": 8}", N(n_kv_heads)},
        {"{\"attn_config\": {\"kv_n_heads\": 8}}", N(n_kv_heads)},
        {"{\"n_heads\": 8}", N(n_kv_heads)},
        {"{\"head_dim\": 8}", N(head_dim)},
        {"{\"hidden_size_per_head\": 8}", N(head_dim)},
        {"{\"kv_channels\": 8}", N(head_dim)},
        {"{\"d_kv\": 8}", N(head_dim)},
        {"{\"hidden_size\": 64, \"n_head\": 8}", N(head_dim)},
        {"{\"num_local_experts\": 8}", N(n_experts)},
        {"{\"num_experts\": 8}", N(n_experts)},
        {"{\"n_routed_experts\": 8}", N(n_experts)},
        {"{\"moe_num_experts\": 8}", N(n_experts)},
        {"{\"ffn_config\": {\"moe_num_experts\": 8}}", N(n_experts)},
        {"{\"n_positions\": 8}", N(max_positions)},
        {"{\"max_seq_len\": 8}", N(max_positions)},
        {"{\"seq_length\": 8}", N(max_positions)},
        {"{\"max_target_positions\": 8}", N(max_positions)},
        {"{\"max_sequence_length\": 8}", N(max_positions)},
        {"{\"max_seq_length\": 8}", N(max_positions)},
        {"{\"seq_len\": 8}", N(max_positions)},
        {"{\"n_ctx\": 8}", N(max_positions)},
        {"{\"max_position_embeddings\": 16, \"seq_length\": 8}", N(max_positions)},
        {"{\"max_position_embeddings\": 4, \"model_max_length\": 8}", N(max_positions)},
        {"{\"text_config\": {\"n_layer\": 8}, \"n_layer\": 4}", N(n_layers)},
        {"{\"llm_config\": {\"text_config\": {\"n_layer\": 8}}}", N(n_layers)},
        {"{\"language_config\": {}, \"n_layer\": 8}", N(n_layers)},
        {"{\"thinker_config\": {\"text_config\": {\"n_layer\": 8}}}", N(n_layers)},
        {"{\"intermediate_size\": [2, 8, 4]}", N(intermediate_size)},
        {"{\"num_hidden_layers\": 8.0}", N(n_layers)},
        {"{\"num_nextn_predict_layers\": 8}", N(n_mtp_layers)},
        {"{\"mtp_num_hidden_layers\": 8}", N(n_mtp_layers)},
        {"{\"max_position_embeddings\": 4, \"rope_scaling\": {\"type\": \"linear\", \"factor\": "
         "2}}",
         N(max_positions)},
        {"{\"max_position_embeddings\": 99, \"rope_scaling\": {\"rope_type\": \"yarn\", "
         "\"factor\": 2,"
         " \"original_max_position_embeddings\": 4}}",
         N(max_positions)},
        {"{\"max_position_embeddings\": 8, \"rope_scaling\": {\"type\": \"su\", \"factor\": 2}}",
         N(max_positions)},
#undef N
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(config_unrefp) struct config *c = parse(cases[i].text);
        int64_t n;

        memcpy(&n, (char *)c + cases[i].offset, sizeof(n));
        if (n != 8)
            fail_msg("%s gives %lld", cases[i].text, (long long)n);
    }
}

static void what_counts_must_make_sense(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line"},
        {"[]", "not an object"},
        {"{\n\"a\": 1,\n}", "line 3"},
        {"{\"num_hidden_layers\": \"many\"}", "num_hidden_layers"},
        {"{\"num_hidden_layers\": -1}", "negative"},
        {"{\"num_hidden_layers\": 1e30}", "whole number"},
        {"{\"hidden_size\": 9000000000000000000}", "larger than any"},
        {"{\"architectures\": \"Llama\"}", "list of class names"},
        {"{\"num_hidden_layers\": 4, \"layer_types\": [\"full_attention\"]}", "fewer entries"},
        {"{\"num_hidden_layers\": 4, \"hybrid_override_pattern\": \"M\"}", "fewer letters"},
        {"{\"num_hidden_layers\": 1, \"layer_types\": [\"sliding_attention\"]}", "no length"},
        {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": -2}}", "factor"},
        {"{\"eos_token_id\": \"two\"}", "eos_token_id"},
        {"{\"num_hidden_layers\": 3, \"num_kv_shared_layers\": 4}", "more than there are"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct config *c = NULL;

        if (config_from_json(&c, cases[i].text, strlen(cases[i].text), &err))
            fail_msg("%s was taken", cases[i].text);
        assert_int_equal(err.code, ERR_CONFIG_INVALID);
        if (!strstr(err.msg, cases[i].message))
            fail_msg("%s: %s", cases[i].text, err.msg);
        assert_non_null(strstr(err.facts.data, "\"detail\""));
    }
}

/* Python writes what JSON has no word for. */
static void json_as_python_writes_it_is_read(void **state)
{
    CLEANUP(config_unrefp)
    struct config *c =
        parse("{\"time_step_limit\": [0.0, Infinity, -Infinity, NaN], \"n_layer\": 2,"
              "\"text\": \"NaN \\\" Infinity\", \"big\": 1000000000000000019884624838656}");
    (void)state;

    assert_int_equal(c->n_layers, 2);
    assert_string_equal(json_string_value(json_object_get(c->raw, "text")), "NaN \" Infinity");
    assert_true(json_is_null(json_array_get(json_object_get(c->raw, "time_step_limit"), 1)));
    assert_true(json_is_real(json_object_get(c->raw, "big")));
}

static void remote_code_is_needed_where_transformers_has_no_class(void **state)
{
    static const struct {
        const char *family;
        bool needed;
    } cases[] = {{"remote_code", true}, {"phi3", false},   {"deepseek_v3", false},
                 {"exaone", true},      {"llama3", false}, {"internvl", true},
                 {"mpt", false}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(config_unrefp) struct config *c = load(cases[i].family);
        assert_int_equal(c->needs_remote_code, cases[i].needed);
    }
}

static void images_and_sound_are_noticed(void **state)
{
    CLEANUP(config_unrefp) struct config *vl = load("qwen2_5_vl");
    CLEANUP(config_unrefp) struct config *intern = load("internvl");
    CLEANUP(config_unrefp) struct config *n = load("gemma3n");
    CLEANUP(config_unrefp) struct config *pixtral = load("pixtral");
    (void)state;

    assert_true(vl->has_vision && !vl->has_audio);
    assert_int_equal(vl->image_token_id, 151655);
    assert_int_equal(vl->vision_layers, 32);
    assert_int_equal(intern->vision_image_size, 448);
    assert_int_equal(intern->max_dynamic_patch, 12);
    assert_string_equal(intern->rope_scaling, "dynamic");
    assert_true(n->has_vision && n->has_audio);
    assert_int_equal(pixtral->image_token_id, 10);
    assert_int_equal(pixtral->vision_patch_size, 16);
}

/* Gemma 3 4B's own file says no more than this. */
static void what_a_nested_config_leaves_out_is_its_class_default(void **state)
{
    CLEANUP(config_unrefp)
    struct config *c = parse("{\"model_type\": \"gemma3\", \"text_config\": {\"model_type\": "
                             "\"gemma3_text\", \"hidden_size\": 2560, \"num_hidden_layers\": 34,"
                             "\"rope_scaling\": {\"factor\": 8.0, \"rope_type\": \"linear\"},"
                             "\"sliding_window\": 1024}}");
    (void)state;

    assert_int_equal(c->n_heads, 8);
    assert_int_equal(c->n_kv_heads, 4);
    assert_int_equal(c->head_dim, 256);
    assert_int_equal(c->max_positions, 131072);
    assert_int_equal(count(c, LAYER_SLIDING), 29);
}

static void diffusion_pipelines_name_their_components(void **state)
{
    AUTO_ERR struct err err = {0};
    CLEANUP(config_unrefp) struct config *flux = NULL;
    CLEANUP(config_unrefp) struct config *modular = NULL;
    struct config *none = NULL;
    size_t size;
    AUTO_FREE char *text = read_file("flux", "model_index.json", &size);
    (void)state;

    assert_true(config_from_model_index(&flux, text, size, &err));
    assert_int_equal(flux->kind, CONFIG_DIFFUSERS);
    assert_string_equal(flux->architectures[0], "FluxPipeline");
    assert_int_equal(flux->n_components, 7);
    assert_string_equal(flux->components[1].role, "text_encoder");
    assert_string_equal(flux->components[1].class_name, "CLIPTextModel");
    AUTO_FREE char *more = read_file("flux2_modular", "modular_model_index.json", &size);
    assert_true(config_from_model_index(&modular, more, size, &err));
    assert_int_equal(modular->n_components, 2);
    assert_false(config_from_model_index(&none, "{\"_class_name\": \"X\"}", 21, &err));
    assert_int_equal(err.code, ERR_CONFIG_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_has_its_sizes),
        cmocka_unit_test(mla_and_experts_are_read),
        cmocka_unit_test(hybrids_say_what_they_keep_per_sequence),
        cmocka_unit_test(quantization_is_told_apart),
        cmocka_unit_test(every_synonym_is_understood),
        cmocka_unit_test(what_counts_must_make_sense),
        cmocka_unit_test(json_as_python_writes_it_is_read),
        cmocka_unit_test(remote_code_is_needed_where_transformers_has_no_class),
        cmocka_unit_test(images_and_sound_are_noticed),
        cmocka_unit_test(what_a_nested_config_leaves_out_is_its_class_default),
        cmocka_unit_test(diffusion_pipelines_name_their_components),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
