#include "plan/kv.h"

#include "plan/bytes.h"

enum { SCALE_GRANULARITY = 128 }; /* elements that share a scale in a quantized cache */

static bool missing(struct err *err, const char *key)
{
    err_set(err, ERR_CONFIG_INVALID,
            "The model's config does not give %s, without which its KV cache has no size.", key);
    return err_fact_str(err, "key", key);
}

bool kv_leaf_of_config(struct kv_leaf *ret, const struct config *config, struct err *err)
{
    struct kv_leaf leaf = {.name = "main", .n_q_heads = config->n_heads, .n_devices = 1, .dp = 1};

    if (config->n_layers <= 0)
        return missing(err, "num_hidden_layers");
    leaf.n_layers = config->n_layers;
    if (config->kv_lora_rank > 0) {
        leaf.mla = true;
        leaf.n_kv_heads = 1;
        leaf.head_dim = sat_add(config->kv_lora_rank, config->qk_rope_head_dim);
    } else {
        leaf.n_kv_heads = config->n_kv_heads > 0 ? config->n_kv_heads : config->n_heads;
        leaf.head_dim = config->head_dim;
        if (leaf.head_dim <= 0 && config->n_heads > 0)
            leaf.head_dim = config->hidden_size / config->n_heads;
        if (leaf.n_kv_heads <= 0)
            return missing(err, "num_attention_heads");
        if (leaf.head_dim <= 0)
            return missing(err, "head_dim or hidden_size");
    }
    *ret = leaf;
    return true;
}

static bool refuse(struct err *err, const char *field, int64_t value, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static bool refuse(struct err *err, const char *field, int64_t value, const char *fmt, ...)
{
    AUTO_BUF struct buf text = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    err_set(err, ERR_COMBINATION, "%s", text.data);
    err_fact_str(err, "field", field);
    return err_fact_int(err, "value", value);
}

bool kv_leaf_check(const struct kv_leaf *leaf, struct err *err)
{
    long long h = leaf->n_kv_heads, q = leaf->n_q_heads, n = leaf->n_devices, dp = leaf->dp, tp;

    if (leaf->page_size < 128 || leaf->page_size % 128)
        return refuse(err, "kv_cache_page_size", leaf->page_size,
                      "kv_cache_page_size must be a multiple of 128, at least 128; it is %lld.",
                      (long long)leaf->page_size);
    if (dp < 1 || n < dp || n % dp)
        return refuse(err, "data_parallel_degree", dp,
                      "data_parallel_degree %lld does not divide the %lld device%s of this "
                      "pipeline; it must be a divisor of their number.",
                      dp, n, n == 1 ? "" : "s");
    tp = n / dp;
    if (leaf->mla) {
        if (q > 0 && q % tp)
            return refuse(err, "devices", n,
                          "The %lld query heads of the %s model cannot be split over %lld devices.",
                          q, leaf->name, tp);
    } else if (h % tp && !(leaf->replicate && tp % h == 0)) {
        return refuse(err, "devices", n,
                      "The %lld KV heads of the %s model cannot be split over %lld devices: use a "
                      "number that divides %lld, raise data_parallel_degree, or set "
                      "kv_cache.allow_kv_head_replication when the devices are a multiple of it.",
                      h, leaf->name, tp, h);
    }
    if (leaf->scale_bytes && leaf->head_dim % SCALE_GRANULARITY)
        return refuse(err, "kv_cache_format", leaf->head_dim,
                      "A float8 KV cache needs a head size divisible by %d; this model's is %lld.",
                      SCALE_GRANULARITY, (long long)leaf->head_dim);
    return true;
}

static int64_t tensor_parallel(const struct kv_leaf *leaf) { return leaf->n_devices / leaf->dp; }

int64_t kv_heads_per_device(const struct kv_leaf *leaf)
{
    int64_t tp = tensor_parallel(leaf);

    if (leaf->mla || leaf->n_kv_heads < tp)
        return 1;
    return leaf->n_kv_heads / tp;
}

int64_t kv_bytes_per_block(const struct kv_leaf *leaf)
{
    int64_t rows = leaf->mla ? 1 : 2; /* keys and values, or one latent for both */
    int64_t data, scales;

    rows = sat_mul(rows, leaf->n_layers);
    rows = sat_mul(rows, leaf->page_size);
    rows = sat_mul(rows, kv_heads_per_device(leaf));
    rows = sat_mul(rows, tensor_parallel(leaf));
    data = sat_mul(rows, sat_mul(leaf->head_dim, leaf->dtype_bytes));
    scales = sat_mul(rows, sat_mul(div_up(leaf->head_dim, SCALE_GRANULARITY), leaf->scale_bytes));
    return sat_add(data, scales);
}

/* Bytes of one token in one layer, over all devices of a replica. */
static int64_t token_bytes_of_layer(const struct kv_leaf *leaf, const struct config *config)
{
    int64_t elements, copies = sat_mul(kv_heads_per_device(leaf), tensor_parallel(leaf));

    if (leaf->mla) {
        /* The indexer of sparse attention keeps an 8-bit key beside the latent. */
        elements = sat_mul(leaf->head_dim, leaf->dtype_bytes);
        return sat_mul(copies, sat_add(elements, config->index_head_dim));
    }
    elements = leaf->head_dim;
    elements = sat_add(elements, config->v_head_dim > 0 ? config->v_head_dim : leaf->head_dim);
    return sat_mul(copies, sat_mul(elements, leaf->dtype_bytes));
}

void kv_estimate_of(struct kv_estimate *ret, const struct config *config,
                    const struct kv_leaf *leaf)
{
    int64_t per_layer = token_bytes_of_layer(leaf, config);
    int64_t storing = leaf->n_layers - config->n_kv_shared_layers;
    int64_t state_bytes = config->state_dtype_bytes > 0 ? config->state_dtype_bytes : 4;

    memset(ret, 0, sizeof(*ret));
    ret->window = config->sliding_window;
    for (int64_t i = 0; config->layer_kinds && i < leaf->n_layers; i++) {
        switch ((enum layer_kind)config->layer_kinds[i]) {
        case LAYER_FULL:
            i < storing ? ret->n_full++ : ret->n_none++;
            break;
        case LAYER_SLIDING:
            i < storing ? ret->n_sliding++ : ret->n_none++;
            break;
        case LAYER_LINEAR:
        case LAYER_CONV:
        case LAYER_MAMBA:
            ret->n_state++;
            break;
        case LAYER_NONE:
            ret->n_none++;
            break;
        }
    }
    if (!config->layer_kinds) {
        ret->n_full = storing > 0 ? storing : 0;
        ret->n_none = leaf->n_layers - ret->n_full;
    }
    ret->full_bytes_per_token = sat_mul(ret->n_full, per_layer);
    ret->sliding_bytes_per_token = sat_mul(ret->n_sliding, per_layer);
    ret->state_bytes_per_sequence =
        sat_mul(ret->n_state, sat_mul(config->state_elements, state_bytes));
}

int64_t kv_estimate_bytes(const struct kv_estimate *e, int64_t page_size, int64_t batch,
                          int64_t length)
{
    int64_t tokens = sat_mul(div_up(length, page_size), page_size);
    int64_t kept = tokens, bytes;

    if (e->window > 0 && e->window < length)
        kept = sat_mul(div_up(e->window, page_size), page_size);
    bytes = sat_mul(e->full_bytes_per_token, tokens);
    bytes = sat_add(bytes, sat_mul(e->sliding_bytes_per_token, kept));
    return sat_mul(batch, sat_add(bytes, e->state_bytes_per_sequence));
}
