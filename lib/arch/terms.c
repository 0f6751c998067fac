#include "arch/terms.h"

#include <ctype.h>

const char *const task_names[N_TASKS] = {
    "text_generation",  "embeddings_generation",   "pixel_generation",
    "audio_generation", "speech_token_generation",
};

const char *const encoding_names[N_ENCODINGS] = {
    "float32",         "float16", "bfloat16", "float8_e4m3fn", "float6_e2m3fn",
    "float4_e2m1fnx2", "q4_k",    "q4_0",     "q6_k",          "gptq",
};

const char *const weights_format_names[N_FORMATS] = {"safetensors", "gguf", "pytorch"};
const char *const rope_type_names[N_ROPES] = {"none", "normal", "neox", "longrope", "yarn"};
const char *const kv_strategy_names[N_KV_STRATEGIES] = {"model_default", "paged", "continuous"};
const char *const modality_names[N_MODALITIES + 1] = {"text", "image", "video", "audio"};

static const char *name_of(const char *const *names, int value)
{
    return value ? names[value - 1] : NULL;
}

static int value_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (str_eq(names[i], name))
            return i + 1;
    return 0;
}

const char *task_name(enum task t) { return name_of(task_names, (int)t); }
const char *encoding_name(enum encoding e) { return name_of(encoding_names, (int)e); }
const char *weights_format_name(enum weights_format f)
{
    return name_of(weights_format_names, (int)f);
}
const char *rope_type_name(enum rope_type r) { return name_of(rope_type_names, (int)r); }
const char *kv_strategy_name(enum kv_strategy k) { return name_of(kv_strategy_names, (int)k); }

enum task task_parse(const char *name) { return (enum task)value_of(task_names, name); }
enum encoding encoding_parse(const char *name)
{
    return (enum encoding)value_of(encoding_names, name);
}
enum weights_format weights_format_parse(const char *name)
{
    return (enum weights_format)value_of(weights_format_names, name);
}
enum rope_type rope_type_parse(const char *name)
{
    return (enum rope_type)value_of(rope_type_names, name);
}
enum kv_strategy kv_strategy_parse(const char *name)
{
    return (enum kv_strategy)value_of(kv_strategy_names, name);
}
unsigned modality_parse(const char *name)
{
    int i = value_of(modality_names, name);

    return i ? 1u << (i - 1) : 0;
}

/* Bits of the k-quants: bytes of a block over its elements (144, 210 over 256; 18 over 32). */
static const struct encoding_facts facts[N_ENCODINGS] = {
    [ENCODING_NONE] = {"float32", 32, true, true, "float32", 4},
    [ENCODING_FLOAT32] = {"float32", 32, true, true, "float32", 4},
    [ENCODING_FLOAT16] = {"float16", 16, false, true, "float16", 2},
    [ENCODING_BFLOAT16] = {"bfloat16", 16, false, true, "bfloat16", 2},
    [ENCODING_FLOAT8_E4M3FN] = {"float8_e4m3fn", 8, false, true, "bfloat16", 2},
    [ENCODING_FLOAT6_E2M3FN] = {"uint8", 6, false, true, "bfloat16", 2},
    [ENCODING_FLOAT4_E2M1FNX2] = {"uint8", 4, false, true, "bfloat16", 2},
    [ENCODING_Q4_K] = {"uint8", 4.5, true, false, "float32", 4},
    [ENCODING_Q4_0] = {"uint8", 4.5, true, false, "float32", 4},
    [ENCODING_Q6_K] = {"uint8", 6.5625, true, false, "float32", 4},
    [ENCODING_GPTQ] = {"uint8", 0, false, true, "bfloat16", 2},
};

const struct encoding_facts *encoding_facts(enum encoding e) { return &facts[e]; }

static const struct {
    const char *token;
    enum encoding encoding;
} tokens[] = {
    {"f32", ENCODING_FLOAT32},
    {"fp32", ENCODING_FLOAT32},
    {"float32", ENCODING_FLOAT32},
    {"bf16", ENCODING_BFLOAT16},
    {"bfloat16", ENCODING_BFLOAT16},
    {"f16", ENCODING_FLOAT16},
    {"fp16", ENCODING_FLOAT16},
    {"float16", ENCODING_FLOAT16},
    {"q4_k_m", ENCODING_Q4_K},
    {"q4_0", ENCODING_Q4_0},
    {"q6_k", ENCODING_Q6_K},
    {"gptq", ENCODING_GPTQ},
    {"f8", ENCODING_FLOAT8_E4M3FN},
    {"fp8", ENCODING_FLOAT8_E4M3FN},
    {"float8", ENCODING_FLOAT8_E4M3FN},
    {"fp6", ENCODING_FLOAT6_E2M3FN},
    {"float6", ENCODING_FLOAT6_E2M3FN},
    {"f4", ENCODING_FLOAT4_E2M1FNX2},
    {"fp4", ENCODING_FLOAT4_E2M1FNX2},
    {"float4", ENCODING_FLOAT4_E2M1FNX2},
};

static bool is_word_char(char c) { return isalnum((unsigned char)c); }

/*
 * Digests in names are made of the same letters as f32, bf16, f16, f8 and f4:
 * those count as words only. A token with another letter cannot be part of one.
 */
static bool has_token(const char *name, const char *token)
{
    bool hexadecimal = token[strspn(token, "0123456789abcdef")] == '\0';
    size_t n = strlen(token);

    for (const char *p = name; (p = strcasestr(p, token)); p++)
        if (!hexadecimal || ((p == name || !is_word_char(p[-1])) && !is_word_char(p[n])))
            return true;
    return false;
}

enum encoding encoding_of_file_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
        if (has_token(name, tokens[i].token))
            return tokens[i].encoding;
    return ENCODING_NONE;
}
