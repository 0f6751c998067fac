#pragma once
/*
 * Config: what a model says about itself, as typed numbers beside the raw JSON.
 *
 * Made from config.json, from GGUF metadata (whose document is then what a
 * config.json of that model would say) or, for diffusion pipelines, from
 * model_index.json. Key synonyms and nested text configs are resolved here and
 * nowhere else (docs/model-config.md has the table). A number that the source
 * does not give is 0; a reader that needs it says so.
 *
 * Immutable and counted.
 */
#include "arch/terms.h"
#include "base/blob.h"

#include <jansson.h>

enum config_kind { CONFIG_HF, CONFIG_GGUF, CONFIG_DIFFUSERS };

enum layer_kind {
    LAYER_FULL,    /* attention over everything */
    LAYER_SLIDING, /* attention over the last sliding_window tokens */
    LAYER_LINEAR,  /* a state per sequence, no cache per token */
    LAYER_CONV,
    LAYER_MAMBA,
    LAYER_NONE, /* neither: an MLP or expert layer, or KV shared with another layer */
};

enum quant_method {
    QUANT_NONE,
    QUANT_GPTQ,
    QUANT_AWQ,
    QUANT_FP8,
    QUANT_FBGEMM_FP8,
    QUANT_COMPRESSED_TENSORS,
    QUANT_BITSANDBYTES,
    QUANT_MXFP4,
    QUANT_MXFP6,
    QUANT_MXFP8,
    QUANT_MODELOPT,
    QUANT_MLX,
    QUANT_OTHER, /* quant.method has the name */
};

struct quant {
    enum quant_method method;
    char name[48];   /* as written, lower case; "" for none */
    char format[48]; /* e.g. compressed-tensors' "nvfp4-pack-quantized", modelopt's "NVFP4" */
    int bits, group_size;
    bool desc_act, sym;
};

struct config {
    atomic_uint refs;
    enum config_kind kind;

    /* ---- identity */
    const char **architectures; /* as listed; class names for GGUF; [_class_name] for diffusers */
    size_t n_architectures;
    char model_type[64];    /* GGUF: general.architecture */
    bool needs_remote_code; /* auto_map present and the class not known to transformers */
    bool is_encoder_decoder;

    /* ---- sizes of the (text) model */
    int64_t n_layers, hidden_size, n_heads, n_kv_heads, head_dim, v_head_dim;
    int64_t vocab_size, intermediate_size, moe_intermediate_size;
    int64_t n_experts, n_experts_per_token, n_shared_experts, first_k_dense;
    int64_t n_mtp_layers; /* num_nextn_predict_layers | mtp_num_hidden_layers */
    bool tie_word_embeddings;
    /* MLA; kv_lora_rank > 0 says that it is one */
    int64_t kv_lora_rank, qk_rope_head_dim, qk_nope_head_dim, index_head_dim;

    /* ---- attention by layer: n_layers of enum layer_kind, or NULL: all LAYER_FULL */
    uint8_t *layer_kinds;
    int64_t sliding_window;     /* tokens; 0: none */
    int64_t n_kv_shared_layers; /* the last ones store nothing */
    /* per-sequence state of LINEAR, CONV and MAMBA layers, in elements per layer */
    int64_t state_elements;
    int state_dtype_bytes;
    bool state_in_every_layer; /* beside the attention of LAYER_FULL ones (falcon_h1) */
    /* linear attention: key/value heads and sizes, convolution kernel */
    int64_t linear_k_heads, linear_v_heads, linear_k_dim, linear_v_dim, linear_conv_kernel;

    /* ---- length */
    int64_t max_positions; /* usable longest sequence after rope scaling; 0 unbounded or unknown */
    int64_t max_position_embeddings; /* as the key says, unscaled */
    char rope_scaling[24];           /* "", linear, dynamic, yarn, llama3, longrope, mrope */
    double rope_factor;
    double rope_theta;
    int64_t original_max_positions;

    /* ---- numbers and quantization */
    enum encoding dtype; /* of torch_dtype | dtype; ENCODING_NONE when absent */
    struct quant quant;

    /* ---- tokens */
    int64_t bos_token_id, pad_token_id; /* -1: none */
    int64_t *eos_token_ids;
    size_t n_eos_token_ids;

    /* ---- beside text */
    bool has_vision, has_audio;
    int64_t image_token_id; /* -1: none */
    int64_t vision_hidden_size, vision_layers, vision_patch_size, vision_image_size;
    int64_t max_dynamic_patch;

    /* ---- diffusers: roles and their classes */
    struct component {
        char role[64], library[64], class_name[96];
    } * components;
    size_t n_components;
    char diffusers_version[24];

    json_t *raw;       /* the document */
    struct blob *body; /* the document as served */
};

/*
 * Readers. ERR_CONFIG_INVALID with "file", "line", "detail" when text is no
 * JSON object or a key that counts has a value of the wrong kind or sign.
 * size is bounded by the caller (4 MiB). Cost: linear.
 */
bool config_from_json(struct config **ret, const char *text, size_t size,
                      struct err *err) MUST_CHECK;
bool config_from_model_index(struct config **ret, const char *text, size_t size,
                             struct err *err) MUST_CHECK;
struct gguf;
bool config_from_gguf(struct config **ret, const struct gguf *gguf, struct err *err) MUST_CHECK;

/*
 * ModelOpt's, GPTQ's and AWQ's own file beside a config.json that does not say
 * how it is quantized. Only before the config is shared. A broken file changes nothing.
 */
void config_add_quant_file(struct config *c, const char *text, size_t size);
size_t config_bytes(const struct config *c); /* held in memory, about */

struct config *config_ref(const struct config *c);
void config_unref(struct config *c);
DEFINE_CLEANUP(struct config *, config_unref)
