#include "hub/config_parts.h"

#include <ctype.h>
#include <stdio.h>

enum { LAYERS_MAX = 100000, EOS_MAX = 64 };

/* ---- where things are */

/* The language model's part: the first nested object of these names, up to two levels down. */
static json_t *text_of(json_t *root)
{
    static const char names[] = "text_config|llm_config|lm_config|language_config|thinker_config|"
                                "language_model_config|llm|text";
    json_t *at = root;

    for (int level = 0; level < 3; level++) {
        json_t *next = object_get(at, names);
        if (!json_is_object(next))
            break;
        at = next;
    }
    return at;
}

static const char **string_list(json_t *list, size_t *ret_n)
{
    size_t n = json_array_size(list), n_ret = 0;
    const char **ret = mem_new_array(n + 1, const char *);

    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s && s[0])
            ret[n_ret++] = str_dup(s);
    }
    *ret_n = n_ret;
    return ret;
}

static void read_identity(struct config *c, struct config_doc *d)
{
    json_t *list = json_object_get(d->root, "architectures");
    json_t *map = json_object_get(d->root, "auto_map");
    const char *name;
    json_t *value;

    if (list && !json_is_null(list) && !json_is_array(list))
        doc_fault(d, "architectures", list, "a list of class names is wanted");
    c->architectures = string_list(list, &c->n_architectures);
    snprintf(c->model_type, sizeof(c->model_type), "%s", object_str(d->root, "model_type"));
    c->is_encoder_decoder = doc_bool(d, "is_encoder_decoder", false);
    json_object_foreach(map, name, value)
    {
        (void)value;
        if (str_eq(name, "AutoConfig") || str_starts(name, "AutoModel"))
            c->needs_remote_code = !config_type_known(c->model_type);
    }
}

/* ---- sizes */

static void read_kv_heads(struct config *c, struct config_doc *d)
{
    json_t *attention = doc_get(d, "attn_config");

    if (doc_bool(d, "multi_query", false) && !doc_bool(d, "new_decoder_architecture", false) &&
        word_in(d->model_type, "falcon|RefinedWeb|RefinedWebModel|gpt_bigcode"))
        c->n_kv_heads = 1; /* whatever num_kv_heads says beside it */
    else
        c->n_kv_heads = doc_int(d,
                                "num_key_value_heads|n_head_kv|num_kv_heads|multi_query_group_num|"
                                "num_attention_groups|num_query_groups|n_kv_heads",
                                0);
    if (c->n_kv_heads == 0 && json_is_object(attention))
        c->n_kv_heads = object_int(d, attention, "kv_n_heads", 0);
    if (c->n_kv_heads == 0 && config_default(d->model_type, "num_key_value_heads") > 0 &&
        !doc_get(d, "num_attention_heads"))
        c->n_kv_heads = config_default(d->model_type, "num_key_value_heads");
    if (c->n_kv_heads == 0)
        c->n_kv_heads = c->n_heads;
}

static int64_t size_of(struct config_doc *d, const char *names, const char *key)
{
    int64_t n = doc_int(d, names, 0), fallback = config_default(d->model_type, key);

    return n == 0 && fallback > 0 ? fallback : n;
}

static void read_sizes(struct config *c, struct config_doc *d)
{
    c->n_layers = size_of(d, "num_hidden_layers|n_layer|n_layers|num_layers|decoder_layers",
                          "num_hidden_layers");
    if (c->is_encoder_decoder)
        c->n_layers = doc_int(d, "num_decoder_layers|decoder_layers", c->n_layers);
    if (c->n_layers > LAYERS_MAX)
        doc_fault(d, "num_hidden_layers", NULL, "more than 100000 layers");
    c->hidden_size = size_of(d, "hidden_size|n_embd|d_model|dim|model_dim", "hidden_size");
    c->n_heads = size_of(d, "num_attention_heads|n_head|n_heads|num_heads|decoder_attention_heads",
                         "num_attention_heads");
    read_kv_heads(c, d);
    c->head_dim =
        size_of(d, "head_dim|hidden_size_per_head|kv_channels|d_kv|attention_head_dim", "head_dim");
    if (c->head_dim == 0 && c->n_heads > 0)
        c->head_dim = c->hidden_size / c->n_heads;
    c->v_head_dim = doc_int(d, "v_head_dim", c->head_dim);
    c->vocab_size = size_of(d, "vocab_size|padded_vocab_size|n_vocab", "vocab_size");
    c->intermediate_size =
        size_of(d, "intermediate_size|n_inner|ffn_dim|d_ff|ffn_hidden_size|decoder_ffn_dim",
                "intermediate_size");
    c->tie_word_embeddings =
        doc_bool(d, "tie_word_embeddings",
                 word_in(d->model_type, "gemma|gemma2|gemma3|gemma3_text|gpt2|cohere|cohere2"));
}

static void read_experts(struct config *c, struct config_doc *d)
{
    json_t *ffn = doc_get(d, "ffn_config"); /* DBRX */

    c->moe_intermediate_size = doc_int(d, "moe_intermediate_size|expert_ffn_hidden_size", 0);
    c->n_experts = doc_int(d, "num_local_experts|num_experts|n_routed_experts|moe_num_experts", 0);
    c->n_experts_per_token =
        doc_int(d,
                "num_experts_per_tok|num_experts_per_token|experts_per_token|moe_topk|moe_k|"
                "moe_top_k|top_k_experts",
                0);
    if (c->n_experts == 0 && json_is_object(ffn)) {
        c->n_experts = object_int(d, ffn, "moe_num_experts", 0);
        c->n_experts_per_token = object_int(d, ffn, "moe_top_k", 0);
    }
    c->n_shared_experts =
        doc_int(d, "n_shared_experts|num_shared_experts|moe_num_shared_experts", 0);
    c->first_k_dense = doc_int(d, "first_k_dense_replace", 0);
    c->n_mtp_layers = doc_int(d, "num_nextn_predict_layers|mtp_num_hidden_layers", 0);
    c->kv_lora_rank = doc_int(d, "kv_lora_rank", 0);
    c->qk_rope_head_dim = doc_int(d, "qk_rope_head_dim", 0);
    c->qk_nope_head_dim = doc_int(d, "qk_nope_head_dim", 0);
    c->index_head_dim = doc_int(d, "index_head_dim", 0);
}

static enum encoding dtype_of(const char *s)
{
    if (str_starts(s, "torch."))
        s += strlen("torch.");
    if (str_eq(s, "bfloat16") || str_eq(s, "bf16"))
        return ENCODING_BFLOAT16;
    if (str_eq(s, "float16") || str_eq(s, "half") || str_eq(s, "fp16"))
        return ENCODING_FLOAT16;
    if (str_eq(s, "float32") || str_eq(s, "float") || str_eq(s, "fp32"))
        return ENCODING_FLOAT32;
    return str_eq(s, "float8_e4m3fn") ? ENCODING_FLOAT8_E4M3FN : ENCODING_NONE;
}

static void read_dtype(struct config *c, const struct config_doc *d)
{
    json_t *vision = object_get(d->root, "vision_config");
    const char *s = object_str(d->root, "torch_dtype|dtype");

    if (!s[0])
        s = object_str(d->text, "torch_dtype|dtype");
    if (!s[0])
        s = object_str(vision, "torch_dtype|dtype");
    c->dtype = dtype_of(s);
}

/* ---- tokens */

static int64_t token_id(json_t *v)
{
    if (json_is_array(v))
        v = json_array_get(v, 0);
    return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < INT32_MAX
               ? json_integer_value(v)
               : -1;
}

static void add_eos(struct config *c, json_t *v)
{
    int64_t id = token_id(v);

    for (size_t i = 0; i < c->n_eos_token_ids; i++)
        if (c->eos_token_ids[i] == id)
            return;
    if (id >= 0 && c->n_eos_token_ids < EOS_MAX)
        c->eos_token_ids[c->n_eos_token_ids++] = id;
}

static void read_tokens(struct config *c, struct config_doc *d)
{
    /* The root's list has the turn ends that a nested text config lacks (Gemma 3). */
    json_t *eos = object_get(d->root, "eos_token_id"), *item;
    size_t i;

    if (!eos)
        eos = object_get(d->text, "eos_token_id");
    c->bos_token_id = token_id(doc_get(d, "bos_token_id"));
    c->pad_token_id = token_id(doc_get(d, "pad_token_id"));
    c->eos_token_ids = mem_new_array(EOS_MAX, int64_t);
    if (json_is_array(eos))
        json_array_foreach(eos, i, item) add_eos(c, item);
    else if (eos)
        add_eos(c, eos);
    if (eos && !json_is_array(eos) && !json_is_integer(eos))
        doc_fault(d, "eos_token_id", eos, "an id or a list of ids is wanted");
}

/* ---- beside text */

/* image_size is a number, or [height, width]: the larger counts. */
static void read_vision(struct config *c, struct config_doc *d, json_t *parent)
{
    static const char image_ids[] = "image_token_id|image_token_index|img_context_token_id|"
                                    "media_placeholder_token_id|image_pad_token_id";
    json_t *vision =
        object_get(parent, "vision_config|vision_tower_config|visual|vision|vit_config");

    c->image_token_id = token_id(object_get(parent, image_ids));
    if (c->image_token_id < 0)
        c->image_token_id = token_id(object_get(d->root, image_ids));
    c->has_vision = json_is_object(vision) || c->image_token_id >= 0;
    c->has_audio = json_is_object(object_get(parent, "audio_config|audio_encoder_config|audio")) ||
                   word_in(c->model_type, "whisper|speecht5|wav2vec2|moonshine|csm|dia");
    c->max_dynamic_patch = object_int(d, d->root, "max_dynamic_patch", 0);
    if (!json_is_object(vision))
        return;
    c->vision_hidden_size = object_int(d, vision, "hidden_size|embed_dim|width|dim", 0);
    c->vision_layers =
        object_int(d, vision, "num_hidden_layers|depth|layers|num_layers|n_layers", 0);
    c->vision_patch_size = object_int(d, vision, "patch_size|spatial_patch_size", 0);
    c->vision_image_size = object_int(d, d->root, "force_image_size", 0);
    if (c->vision_image_size == 0)
        c->vision_image_size = object_int(d, vision, "image_size|img_size|max_image_size", 0);
}

/* ---- building */

bool config_build(struct config **ret, json_t *doc, enum config_kind kind, const char *file,
                  struct err *err)
{
    struct config_doc d = {.root = doc, .text = text_of(doc), .file = file, .err = err};
    CLEANUP(config_unrefp) struct config *c = mem_new(struct config);
    json_t *thinker = json_object_get(doc, "thinker_config");

    atomic_init(&c->refs, 1);
    c->kind = kind;
    c->raw = doc;
    d.model_type = object_str(d.text, "model_type");
    if (!d.model_type[0])
        d.model_type = object_str(doc, "model_type");
    read_identity(c, &d);
    read_sizes(c, &d);
    read_experts(c, &d);
    read_dtype(c, &d);
    read_tokens(c, &d);
    config_read_rope(c, &d);
    config_read_layers(c, &d);
    config_read_quant(c, &d);
    read_vision(c, &d, json_is_object(thinker) ? thinker : doc);
    if (d.failed)
        return false;
    AUTO_FREE char *text = json_dumps(doc, JSON_COMPACT);
    if (!text)
        return err_set(err, ERR_CONFIG_INVALID, "%s: it cannot be written again", file);
    c->body = blob_new(text, strlen(text));
    *ret = take(&c);
    return true;
}

bool config_from_json(struct config **ret, const char *text, size_t size, struct err *err)
{
    json_t *doc = config_load_text(text, size, "config.json", err);

    return doc && config_build(ret, doc, CONFIG_HF, "config.json", err);
}

struct config *config_ref(const struct config *c)
{
    struct config *mine = (struct config *)c; /* only the count changes */

    if (mine)
        atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

void config_unref(struct config *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < c->n_architectures; i++)
        free((char *)c->architectures[i]);
    free(c->architectures);
    free(c->layer_kinds);
    free(c->eos_token_ids);
    free(c->components);
    json_decref(c->raw);
    blob_unref(c->body);
    free(c);
}

/* A jansson tree takes about seven times its text. */
size_t config_bytes(const struct config *c)
{
    return sizeof(*c) + (c->body ? 8 * c->body->size : 0) + (size_t)c->n_layers +
           c->n_components * sizeof(*c->components);
}
