#pragma once
/*
 * Terms: the closed sets of names that architectures, requests and plans use.
 *
 * Each set is an enum whose value 0 is "none given", a table of names, and a
 * parse function that knows the spellings. Source: MAX's config enums.
 */
#include "base/err.h"

enum task {
    TASK_NONE,
    TASK_TEXT_GENERATION,
    TASK_EMBEDDINGS_GENERATION,
    TASK_PIXEL_GENERATION,
    TASK_AUDIO_GENERATION,
    TASK_SPEECH_TOKEN_GENERATION,
    N_TASKS,
};

enum encoding {
    ENCODING_NONE,
    ENCODING_FLOAT32,
    ENCODING_FLOAT16,
    ENCODING_BFLOAT16,
    ENCODING_FLOAT8_E4M3FN,
    ENCODING_FLOAT6_E2M3FN,
    ENCODING_FLOAT4_E2M1FNX2,
    ENCODING_Q4_K,
    ENCODING_Q4_0,
    ENCODING_Q6_K,
    ENCODING_GPTQ,
    N_ENCODINGS,
};

enum weights_format { FORMAT_NONE, FORMAT_SAFETENSORS, FORMAT_GGUF, FORMAT_PYTORCH, N_FORMATS };
enum rope_type { ROPE_UNSET, ROPE_NONE, ROPE_NORMAL, ROPE_NEOX, ROPE_LONGROPE, ROPE_YARN, N_ROPES };
/* continuous: retired in spring 2025, only MPT had it */
enum kv_strategy { KV_NONE, KV_MODEL_DEFAULT, KV_PAGED, KV_CONTINUOUS, N_KV_STRATEGIES };
enum modality { MODALITY_TEXT = 1, MODALITY_IMAGE = 2, MODALITY_VIDEO = 4, MODALITY_AUDIO = 8 };
enum { N_MODALITIES = 4 };

/* Names as in JSON; NULL for the value 0. */
const char *task_name(enum task t);
const char *encoding_name(enum encoding e);
const char *weights_format_name(enum weights_format f);
const char *rope_type_name(enum rope_type r);
const char *kv_strategy_name(enum kv_strategy k);

/* The value of a name, 0 when it is none. */
enum task task_parse(const char *name);
enum encoding encoding_parse(const char *name);
enum weights_format weights_format_parse(const char *name);
enum rope_type rope_type_parse(const char *name);
enum kv_strategy kv_strategy_parse(const char *name);
unsigned modality_parse(const char *name);

/*
 * All names of a set, NULL-terminated, without the value 0, in the enum's
 * order. Objects, so that a field table may name them: .names = task_names.
 */
extern const char *const task_names[N_TASKS];
extern const char *const encoding_names[N_ENCODINGS];
extern const char *const weights_format_names[N_FORMATS];
extern const char *const rope_type_names[N_ROPES];
extern const char *const kv_strategy_names[N_KV_STRATEGIES];
extern const char *const modality_names[N_MODALITIES + 1]; /* name i is 1 << i */

/* What an encoding means for memory and devices. */
struct encoding_facts {
    const char *dtype; /* of the stored tensor */
    double bits;       /* nominal, per weight; 0 when the config says */
    bool on_cpu, on_gpu;
    const char *kv_dtype; /* of the KV cache that goes with it */
    unsigned kv_dtype_bytes;
};
const struct encoding_facts *encoding_facts(enum encoding e); /* ENCODING_NONE: float32's */

/*
 * What the base name of path says, in any case; ENCODING_NONE when nothing.
 * The first found wins, in the order f32 bf16 f16 q4_k_m q4_0 q6_k gptq f8 f6
 * f4, each with its long spellings (fp16, float16, nvfp4). Tokens that are
 * hexadecimal digits count only as whole words: names carry digests
 * (docs/decisions/0010-words-in-file-names.md). q4_k_s, q5_k_m and q8_0 are no
 * encodings of MAX: they say nothing.
 */
enum encoding encoding_of_file_name(const char *path);
