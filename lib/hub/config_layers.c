#include "hub/config_parts.h"

static void all(struct config *c, enum layer_kind k)
{
    c->layer_kinds = mem_resize(c->layer_kinds, (size_t)c->n_layers + 1);
    memset(c->layer_kinds, k, (size_t)c->n_layers);
}

static enum layer_kind kind_of_word(const char *word)
{
    static const struct {
        const char *words;
        enum layer_kind kind;
    } kinds[] = {
        {"full_attention|attention|full|global|global_attention|hybrid|minimax_m2", LAYER_FULL},
        {"sliding_attention|chunked_attention|sliding|local|local_attention", LAYER_SLIDING},
        {"linear_attention|linear|recurrent|kda|gated_delta_net", LAYER_LINEAR},
        {"conv|short_conv", LAYER_CONV},
        {"mamba|mamba2|ssm", LAYER_MAMBA},
        {"mlp|moe|none|identity", LAYER_NONE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (word_in(word, kinds[i].words))
            return kinds[i].kind;
    return LAYER_FULL; /* what is not known is counted as what costs most */
}

/* A list with a word (or, in MiniMax's, a number) per layer. */
static bool from_list(struct config *c, struct config_doc *d, const char *key)
{
    json_t *list = doc_get(d, key);

    if (!json_is_array(list))
        return false;
    if (json_array_size(list) < (size_t)c->n_layers) {
        doc_fault(d, key, NULL, "it has fewer entries than the model has layers");
        return true;
    }
    all(c, LAYER_FULL);
    for (int64_t i = 0; i < c->n_layers; i++) {
        json_t *item = json_array_get(list, (size_t)i);
        const char *word = json_string_value(item);

        if (word)
            c->layer_kinds[i] = (uint8_t)kind_of_word(word);
        else if (json_is_integer(item))
            c->layer_kinds[i] = json_integer_value(item) ? LAYER_FULL : LAYER_LINEAR;
    }
    return true;
}

/* nemotron_h: a letter per layer. */
static bool from_pattern(struct config *c, struct config_doc *d)
{
    const char *p = doc_str(d, "hybrid_override_pattern");

    if (!p[0])
        return false;
    if (strlen(p) < (size_t)c->n_layers) {
        doc_fault(d, "hybrid_override_pattern", json_object_get(d->text, "hybrid_override_pattern"),
                  "it has fewer letters than the model has layers");
        return true;
    }
    all(c, LAYER_NONE);
    for (int64_t i = 0; i < c->n_layers; i++)
        c->layer_kinds[i] = p[i] == '*'   ? LAYER_FULL
                            : p[i] == 'M' ? LAYER_MAMBA
                                          : LAYER_NONE; /* '-' mlp, 'E' experts */
    return true;
}

/* Layers whose numbers a list has; base is the number of the first layer. */
static bool from_numbers(struct config *c, json_t *list, enum layer_kind in, enum layer_kind out,
                         int64_t base)
{
    json_t *item;
    size_t i;

    if (!json_is_array(list))
        return false;
    all(c, out);
    json_array_foreach(list, i, item)
    {
        int64_t at = json_integer_value(item) - base;
        if (json_is_integer(item) && at >= 0 && at < c->n_layers)
            c->layer_kinds[at] = (uint8_t)in;
    }
    return true;
}

/* Of every period layers the one at offset is of kind in. */
static void every(struct config *c, int64_t period, int64_t offset, enum layer_kind in,
                  enum layer_kind out)
{
    all(c, out);
    for (int64_t i = 0; period > 0 && i < c->n_layers; i++)
        if (i % period == offset)
            c->layer_kinds[i] = (uint8_t)in;
}

static bool hybrid(struct config *c, struct config_doc *d)
{
    const char *type = d->model_type;
    json_t *linear = doc_get(d, "linear_attn_config");
    int64_t period;

    if (from_list(c, d, "layer_types|layers_block_type|attn_type_list|block_types") ||
        from_pattern(c, d))
        return true;
    if (from_numbers(c, doc_get(d, "attn_layer_indices"), LAYER_FULL, LAYER_MAMBA, 0) ||
        from_numbers(c, doc_get(d, "full_attn_idxs"), LAYER_FULL, LAYER_CONV, 0) ||
        from_numbers(c, object_get(linear, "full_attn_layers"), LAYER_FULL, LAYER_LINEAR, 1))
        return true;
    if (doc_get(d, "attn_layer_period") && str_eq(type, "jamba")) {
        period = doc_int(d, "attn_layer_period", 8);
        every(c, period, doc_int(d, "attn_layer_offset", 4), LAYER_FULL, LAYER_MAMBA);
        return true;
    }
    if (doc_get(d, "full_attention_interval")) {
        period = doc_int(d, "full_attention_interval", 4);
        every(c, period, period - 1, LAYER_FULL, LAYER_LINEAR);
        return true;
    }
    if (word_in(type, "mamba|mamba2|falcon_mamba")) {
        all(c, LAYER_MAMBA);
        return true;
    }
    if (word_in(type, "rwkv|rwkv5|rwkv6|rwkv7|xlstm")) {
        all(c, LAYER_LINEAR);
        return true;
    }
    return false;
}

/* llama4: attention in chunks but for the layers without rotary positions. */
static void chunked(struct config *c, struct config_doc *d)
{
    json_t *list = doc_get(d, "no_rope_layers");

    c->sliding_window =
        doc_int(d, "attention_chunk_size", config_default(d->model_type, "attention_chunk_size"));
    if (c->sliding_window <= 0)
        return;
    if (json_array_size(list) >= (size_t)c->n_layers) {
        all(c, LAYER_SLIDING);
        for (int64_t i = 0; i < c->n_layers; i++)
            if (json_integer_value(json_array_get(list, (size_t)i)) == 0)
                c->layer_kinds[i] = LAYER_FULL;
    } else {
        every(c, 4, 3, LAYER_FULL, LAYER_SLIDING);
    }
}

/* Which layers slide in families that do not list them. */
static void sliding(struct config *c, struct config_doc *d)
{
    const char *type = d->model_type;
    int64_t pattern = doc_int(d, "sliding_window_pattern|_sliding_window_pattern", 0);

    if (str_starts(type, "llama4")) {
        chunked(c, d);
    } else if (c->sliding_window == 0) {
        return;
    } else if (pattern > 0 || str_starts(type, "gemma3") || str_starts(type, "cohere2")) {
        if (pattern == 0)
            pattern = str_starts(type, "gemma3") ? 6 : 4;
        every(c, pattern, pattern - 1, LAYER_FULL, LAYER_SLIDING);
    } else if (word_in(type, "gemma2|gpt_oss")) {
        every(c, 2, 0, LAYER_SLIDING, LAYER_FULL);
    } else if (word_in(type, "mistral|mixtral|starcoder2|ministral")) {
        all(c, LAYER_SLIDING);
    } else if (word_in(type, "phi3|phimoe|phi4_multimodal")) {
        if (c->sliding_window < c->max_position_embeddings)
            all(c, LAYER_SLIDING);
    } else if (str_starts(type, "qwen") && doc_bool(d, "use_sliding_window", false)) {
        int64_t first = doc_int(d, "max_window_layers", 0);
        all(c, LAYER_FULL);
        for (int64_t i = first; i < c->n_layers; i++)
            c->layer_kinds[i] = LAYER_SLIDING;
    }
}

/* ---- state per sequence */

static bool any(const struct config *c, enum layer_kind k)
{
    for (int64_t i = 0; c->layer_kinds && i < c->n_layers; i++)
        if (c->layer_kinds[i] == k)
            return true;
    return false;
}

/* x * y where both are sizes of a file we did not write; 0 when it is beyond everything. */
static int64_t times(int64_t x, int64_t y)
{
    int64_t product;

    return __builtin_mul_overflow(x, y, &product) || product > (int64_t)1 << 50 ? 0 : product;
}

static int64_t mamba_state(struct config *c, struct config_doc *d)
{
    int64_t conv = doc_int(d, "mamba_d_conv|conv_kernel|d_conv|conv_kernel_size", 4);
    int64_t state = doc_int(d, "mamba_d_state|ssm_state_size|state_size|d_state", 16);
    int64_t heads = doc_int(d, "mamba_n_heads|mamba_num_heads|n_mamba_heads", 0);
    int64_t head_dim = doc_int(d, "mamba_d_head|mamba_head_dim|mamba_headdim", 0);
    int64_t groups = doc_int(d, "mamba_n_groups|n_groups|mamba_ngroups", 1);
    int64_t expand = doc_int(d, "mamba_expand|expand", 2);
    int64_t inner = doc_int(d, "mamba_d_ssm|mamba_intermediate_size|d_inner", 0);
    bool second = heads > 0 || str_eq(d->model_type, "mamba2");

    if (str_eq(d->model_type, "mamba2") && heads == 0) {
        heads = doc_int(d, "num_heads", 0); /* elsewhere these are attention's */
        head_dim = doc_int(d, "head_dim", 64);
    }
    if (inner == 0)
        inner = heads && head_dim ? times(heads, head_dim) : times(expand, c->hidden_size);
    if (!second)
        return times(conv - 1, inner) + times(inner, state);
    if (head_dim == 0 && heads > 0)
        head_dim = inner / heads;
    return times(conv - 1, inner + times(2 * groups, state)) + times(times(heads, head_dim), state);
}

static int64_t linear_state(struct config *c, struct config_doc *d)
{
    json_t *kda = doc_get(d, "linear_attn_config");
    int64_t keys, values;

    if (str_starts(d->model_type, "rwkv")) {
        int64_t head = doc_int(d, "head_size|head_dim", 64);
        return times(c->hidden_size, head) + 2 * c->hidden_size;
    }
    c->linear_k_heads =
        doc_int(d, "linear_num_key_heads", object_int(d, kda, "num_heads", c->n_heads));
    c->linear_v_heads = doc_int(d, "linear_num_value_heads", c->linear_k_heads);
    c->linear_k_dim =
        doc_int(d, "linear_key_head_dim", object_int(d, kda, "head_dim", c->head_dim));
    c->linear_v_dim = doc_int(d, "linear_value_head_dim", c->linear_k_dim);
    c->linear_conv_kernel =
        doc_int(d, "linear_conv_kernel_dim", object_int(d, kda, "short_conv_kernel_size", 0));
    keys = times(c->linear_k_heads, c->linear_k_dim);
    values = times(c->linear_v_heads, c->linear_v_dim);
    int64_t conv =
        c->linear_conv_kernel > 1 ? times(c->linear_conv_kernel - 1, 2 * keys + values) : 0;
    return conv + times(values, c->linear_k_dim);
}

static void read_state(struct config *c, struct config_doc *d)
{
    c->state_dtype_bytes = 4;
    if (any(c, LAYER_MAMBA) || c->state_in_every_layer) {
        c->state_elements = mamba_state(c, d);
    } else if (any(c, LAYER_LINEAR)) {
        c->state_elements = linear_state(c, d);
    } else if (any(c, LAYER_CONV)) {
        int64_t length = doc_int(d, "conv_L_cache", 3);
        c->state_elements =
            times(length > 0 ? length - 1 : 0, doc_int(d, "conv_dim", c->hidden_size));
        c->state_dtype_bytes = 2;
    } else {
        c->state_dtype_bytes = 0;
    }
}

void config_read_layers(struct config *c, struct config_doc *d)
{
    json_t *window = doc_get(d, "sliding_window|sliding_window_size|window_size");

    c->sliding_window =
        json_is_integer(window) && json_integer_value(window) > 0 ? json_integer_value(window) : 0;
    if (!window && config_default(d->model_type, "sliding_window") > 0)
        c->sliding_window = config_default(d->model_type, "sliding_window");
    if (str_starts(d->model_type, "qwen") && !doc_bool(d, "use_sliding_window", false))
        c->sliding_window = 0;
    c->n_kv_shared_layers =
        doc_int(d, "num_kv_shared_layers", str_starts(d->model_type, "gemma3n") ? 15 : 0);
    if (c->n_layers == 0 || d->failed)
        return;
    if (!hybrid(c, d))
        sliding(c, d);
    if (c->n_kv_shared_layers > c->n_layers)
        doc_fault(d, "num_kv_shared_layers", NULL, "more than there are layers");
    if (d->failed)
        return;
    if (c->n_kv_shared_layers && !c->layer_kinds)
        all(c, LAYER_FULL);
    for (int64_t i = c->n_layers - c->n_kv_shared_layers; i < c->n_layers; i++)
        c->layer_kinds[i] = LAYER_NONE;
    c->state_in_every_layer = str_eq(d->model_type, "falcon_h1");
    read_state(c, d);
    if (any(c, LAYER_SLIDING) && c->sliding_window == 0)
        c->sliding_window = doc_int(d, "attention_chunk_size", 0);
    if (any(c, LAYER_SLIDING) && c->sliding_window == 0)
        doc_fault(d, "sliding_window", NULL, "layers slide and no length is given");
}
