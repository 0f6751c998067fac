#include "plan/planners.h"

#include "plan/bytes.h"

#include <math.h>

#define MIB(n) ((int64_t)(n) << 20)
#define GIB(n) ((int64_t)(n) << 30)

/* Numbers and shorthands that several planners share. Names as in docs/memory.md. */
struct terms {
    const struct plan_input *in;
    const struct config *c;
    int64_t n_devices, dp, ep, nodes;
    int64_t tokens; /* of one prefill step */
    int64_t hidden, moe, experts, top_k;
    int64_t kv_bytes, dtype_bytes;
    bool four_bit;
};

/* ---- reading keys that no typed field of the config has */

static const json_t *key_at(const struct config *c, const char *path)
{
    const json_t *at = c ? c->raw : NULL;
    char name[64];

    while (at && *path) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof(name))
            return NULL;
        memcpy(name, path, n);
        name[n] = '\0';
        at = json_object_get(at, name);
        path += n + (path[n] == '.');
    }
    return at;
}

static int64_t key_int(const struct config *c, const char *path, int64_t otherwise)
{
    const json_t *v = key_at(c, path);

    return json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v) : otherwise;
}

static int64_t or_else(int64_t v, int64_t otherwise) { return v > 0 ? v : otherwise; }

static int64_t encoding_dtype_bytes(enum encoding e)
{
    switch (e) {
    case ENCODING_NONE:
    case ENCODING_FLOAT32:
        return 4;
    case ENCODING_FLOAT16:
    case ENCODING_BFLOAT16:
        return 2;
    default:
        return 1;
    }
}

static struct terms terms_of(const struct plan_input *in)
{
    const struct config *c = in->main.config;
    struct terms t = {.in = in, .c = c, .n_devices = (int64_t)in->n_devices, .dp = in->dp};

    t.ep = in->ep > 0 ? in->ep : 1;
    t.nodes = t.n_devices > 0 && t.ep > t.n_devices ? t.ep / t.n_devices : 1;
    t.tokens = in->max_batch_input_tokens;
    t.hidden = c->hidden_size;
    t.moe = or_else(c->moe_intermediate_size, c->intermediate_size);
    t.experts = c->n_experts;
    t.top_k = c->n_experts_per_token;
    t.kv_bytes = or_else(in->main.kv_dtype_bytes, 2);
    t.dtype_bytes = encoding_dtype_bytes(in->main.encoding);
    t.four_bit = in->main.encoding == ENCODING_FLOAT4_E2M1FNX2;
    return t;
}

/* Bytes of n values in the encoding, 4-bit ones with a scale per 16. */
static int64_t encoded(const struct terms *t, int64_t n)
{
    int64_t pairs = n / 2;

    return t->four_bit ? int_of_real((double)pairs * 1.125) : sat_mul(n, t->dtype_bytes);
}

/* ---- mixtures of experts */

/* Tokens one rank sends in a step. */
static int64_t rank_tokens(const struct terms *t)
{
    int64_t ranks = t->ep / t->dp;

    if (t->in->ep_allreduce || ranks < 1)
        return t->tokens;
    return div_up(t->tokens, ranks);
}

static int64_t expert_part(const struct terms *t, int64_t rank, bool allreduce)
{
    int64_t receivers = sat_mul(t->ep, t->top_k), received, bytes;

    if (allreduce) {
        receivers = t->experts / t->n_devices;
        received = sat_mul(t->tokens, receivers < t->top_k ? receivers : t->top_k);
    } else {
        received = sat_mul(rank, t->experts < receivers ? t->experts : receivers);
    }
    bytes = sat_mul(received, sat_mul(t->moe, t->dtype_bytes));
    bytes = sat_add(bytes, sat_mul(received, sat_mul(t->hidden, 2)));
    return sat_mul(t->n_devices, sat_add(bytes, MIB(256)));
}

static int64_t dispatch_buffers(const struct terms *t, int64_t rank, bool allreduce)
{
    int64_t per_token = encoded(t, t->hidden);
    int64_t senders = t->experts, bytes = sat_mul(rank, per_token);

    if (allreduce)
        senders = t->experts / sat_mul(t->n_devices, t->nodes);
    bytes = sat_add(bytes, sat_mul(senders, sat_mul(rank, per_token)));
    if (t->nodes > 1) {
        int64_t to = sat_mul(sat_mul(t->n_devices, t->nodes), t->top_k);

        bytes = sat_add(bytes, sat_mul(sat_mul(rank, sat_mul(t->hidden, 2)),
                                       t->experts < to ? t->experts : to));
    }
    return sat_add(bytes, sat_mul(t->top_k, sat_mul(rank, sat_mul(t->hidden, 2))));
}

static int64_t with_graphs(const struct terms *t, int64_t bytes)
{
    return t->in->graph_capture ? sat_add(bytes, sat_mul(GIB(8), t->n_devices)) : bytes;
}

static void plan_hy_v3(const struct terms *t, int64_t length, int64_t batch,
                       struct planner_figures *ret)
{
    int64_t rank = rank_tokens(t), bytes = 0;
    (void)length, (void)batch;

    if (t->ep > 1) {
        bytes = expert_part(t, rank, false);
        bytes = sat_add(bytes,
                        sat_mul(2 * t->n_devices, dispatch_buffers(t, rank, t->in->ep_allreduce)));
    }
    ret->activation_bytes = with_graphs(t, bytes);
}

static void plan_minimax_m2(const struct terms *t, int64_t length, int64_t batch,
                            struct planner_figures *ret)
{
    struct terms with_defaults = *t;

    with_defaults.experts = or_else(t->experts, 256);
    with_defaults.moe = or_else(t->c->moe_intermediate_size, or_else(t->moe, 1536));
    with_defaults.hidden = or_else(t->hidden, 3072);
    with_defaults.top_k = or_else(t->top_k, 8);
    plan_hy_v3(&with_defaults, length, batch, ret);
}

/* ---- DeepSeek and Kimi */

static int64_t mla_part(const struct terms *t, int64_t length)
{
    int64_t tokens = or_else(t->in->max_batch_total_tokens, length);

    if (t->in->decode_only)
        return 0;
    return sat_mul(sat_mul(t->dp * 2, tokens),
                   sat_mul(t->c->n_heads, sat_mul(t->c->qk_nope_head_dim, t->kv_bytes)));
}

/* Files hold each weight once; in memory attention is there per replica and
 * shared experts per device, while routed experts are spread over nodes.
 * once_per_device: a part of the attention share that every device copies. */
static int64_t deepseek_weights(const struct terms *t, int64_t once_per_device)
{
    const struct config *c = t->c;
    double head = (double)c->vocab_size * (double)t->hidden * 2;
    double layers = (double)(c->n_layers - c->first_k_dense);
    double w = (double)t->in->main.weights_bytes, routed, shared, attention, spread;
    double expert = (double)encoded(t, sat_mul(3, sat_mul(t->moe, t->hidden)));

    w -= 2 * head * (double)(1 + c->n_mtp_layers);
    if (layers > 0)
        w *= layers / (layers + (double)c->n_mtp_layers);
    routed = layers * (double)t->experts * expert;
    shared = layers * (double)c->n_shared_experts * expert;
    attention = w - routed - shared - (double)once_per_device;
    if (layers <= 0 || attention < 0)
        return t->in->main.weights_bytes; /* not that shape: count the files */
    spread = t->ep > t->n_devices ? (double)t->ep / (double)t->n_devices : 1;
    return int_of_real(attention * (double)t->dp + shared * (double)t->n_devices +
                       (double)once_per_device * (double)t->n_devices + routed / spread + 2 * head);
}

static int64_t deepseek_activations(const struct terms *t, int64_t rank, int64_t length,
                                    int64_t vision)
{
    int64_t most = mla_part(t, length), part, bytes = 0;

    if (t->ep > 1) {
        part = expert_part(t, rank, t->in->ep_allreduce);
        most = part > most ? part : most;
        bytes = sat_mul(t->n_devices, dispatch_buffers(t, rank, t->in->ep_allreduce));
    }
    most = vision > most ? vision : most;
    return with_graphs(t, sat_add(bytes, most));
}

static void plan_deepseek_v3(const struct terms *t, int64_t length, int64_t batch,
                             struct planner_figures *ret)
{
    (void)batch;
    ret->weights_bytes = deepseek_weights(t, 0);
    ret->activation_bytes = deepseek_activations(t, rank_tokens(t), length, 0);
}

static void plan_deepseek_v3_2(const struct terms *t, int64_t length, int64_t batch,
                               struct planner_figures *ret)
{
    (void)batch;
    ret->weights_bytes = deepseek_weights(t, 0);
    ret->activation_bytes = deepseek_activations(t, t->tokens, length, 0);
}

static void plan_kimi(const struct terms *t, int64_t length, int64_t batch,
                      struct planner_figures *ret)
{
    const struct config *c = t->c;
    int64_t v = key_int(c, "vision_config.hidden_size",
                        key_int(c, "vision_config.vt_hidden_size", c->vision_hidden_size));
    int64_t vi = key_int(c, "vision_config.intermediate_size",
                         key_int(c, "vision_config.vt_intermediate_size", 0));
    int64_t layers = key_int(c, "vision_config.num_hidden_layers",
                             key_int(c, "vision_config.vt_num_hidden_layers", c->vision_layers));
    int64_t patch = key_int(c, "vision_config.patch_size", c->vision_patch_size);
    int64_t pos_h = key_int(c, "vision_config.init_pos_emb_height", 64);
    int64_t pos_w = key_int(c, "vision_config.init_pos_emb_width", 64);
    const json_t *merge = key_at(c, "vision_config.merge_kernel_size");
    int64_t merge_h = 2, merge_w = 2, encoder, vision;
    (void)batch;

    if (json_array_size(merge) == 2 && json_integer_value(json_array_get(merge, 0)) > 0 &&
        json_integer_value(json_array_get(merge, 1)) > 0) {
        merge_h = json_integer_value(json_array_get(merge, 0));
        merge_w = json_integer_value(json_array_get(merge, 1));
    }
    if (!c->has_vision || v <= 0) {
        plan_deepseek_v3(t, length, batch, ret);
        return;
    }
    encoder = sat_add(sat_mul(4, sat_mul(v, v)), sat_mul(2, sat_mul(v, vi)));
    encoder = sat_mul(layers, encoder);
    encoder = sat_add(encoder, sat_mul(v, sat_mul(3, sat_mul(patch, patch))));
    encoder = sat_mul(2, sat_add(encoder, sat_mul(sat_mul(pos_h, pos_w), v)));
    vision = sat_mul(sat_mul(t->n_devices, t->tokens),
                     sat_mul(sat_mul(sat_mul(merge_h, merge_w), v), 20));
    ret->weights_bytes = deepseek_weights(t, encoder);
    ret->activation_bytes = deepseek_activations(t, rank_tokens(t), length, vision);
    ret->vision_entry_bytes =
        sat_mul(sat_mul(pos_h, pos_w) / sat_mul(merge_h, merge_w), sat_mul(t->hidden, 2));
}

/* ---- others */

static void plan_gpt_oss(const struct terms *t, int64_t length, int64_t batch,
                         struct planner_figures *ret)
{
    int64_t unpacked = 0;
    (void)length, (void)batch;

    if (t->four_bit) {
        unpacked = sat_mul(or_else(t->experts, 32), or_else(t->hidden, 2880));
        unpacked = sat_mul(unpacked, sat_mul(3 * 2, or_else(t->c->intermediate_size, 2880)));
        unpacked = sat_add(unpacked, GIB(15));
    }
    ret->activation_bytes = sat_add(GIB(6), unpacked);
}

static void plan_gemma4(const struct terms *t, int64_t length, int64_t batch,
                        struct planner_figures *ret)
{
    int64_t per_device = GIB(30 / t->kv_bytes);
    int64_t positions = key_int(t->c, "vision_config.position_embedding_size", 0);
    int64_t kernel = key_int(t->c, "vision_config.pooling_kernel_size", 1);
    (void)length, (void)batch;

    if (t->in->graph_capture)
        per_device += GIB(2);
    ret->activation_bytes = sat_mul(t->n_devices, per_device);
    ret->vision_entry_bytes = sat_mul(positions / sat_mul(kernel, kernel), sat_mul(t->hidden, 2));
}

static void plan_internvl(const struct terms *t, int64_t length, int64_t batch,
                          struct planner_figures *ret)
{
    int64_t image = key_int(t->c, "force_image_size", or_else(t->c->vision_image_size, 448));
    int64_t patch = or_else(t->c->vision_patch_size, 14);
    const json_t *ratio = key_at(t->c, "downsample_ratio");
    double shrink = json_is_number(ratio) ? json_number_value(ratio) : 0.5;
    int64_t side = image / patch;
    int64_t per_image = int_of_real((double)side * (double)side * shrink * shrink);
    int64_t images = t->tokens / or_else(per_image, 256);
    (void)length, (void)batch;

    images = images > 1 ? images : 1;
    if (!t->in->chunked_prefill) /* one more image may be under way, in all its tiles */
        images = sat_add(images, sat_add(or_else(t->c->max_dynamic_patch, 12), 1));
    ret->activation_bytes = sat_mul(
        t->n_devices, sat_add(sat_mul(images, MIB(128)), sat_mul(t->tokens, 100 * INT64_C(1024))));
}

/* State of all linear-attention layers for one request. */
static int64_t qwen3_5_state(const struct terms *t)
{
    const struct config *c = t->c;
    int64_t nk = or_else(c->linear_k_heads, 16), nv = or_else(c->linear_v_heads, 48);
    int64_t kd = or_else(c->linear_k_dim, 128), vd = or_else(c->linear_v_dim, 128);
    int64_t kernel = or_else(c->linear_conv_kernel, 4), n_linear = 0, conv;

    for (int64_t i = 0; c->layer_kinds && i < c->n_layers; i++)
        n_linear += c->layer_kinds[i] == LAYER_LINEAR;
    conv = sat_mul(sat_add(sat_mul(2, sat_mul(kd, nk)), sat_mul(vd, nv)), kernel - 1);
    return sat_mul(n_linear, sat_mul(sat_add(conv, sat_mul(nv, sat_mul(kd, vd))), t->dtype_bytes));
}

static void plan_qwen3_5(const struct terms *t, int64_t length, int64_t batch,
                         struct planner_figures *ret)
{
    (void)length;
    ret->activation_bytes = sat_mul(batch, qwen3_5_state(t));
}

static void plan_paged(const struct terms *t, int64_t length, int64_t batch,
                       struct planner_figures *ret)
{
    (void)length, (void)batch;
    ret->activation_bytes = t->in->activation_reservation_bytes;
}

static const struct planner {
    const char *name;
    void (*figures)(const struct terms *t, int64_t length, int64_t batch,
                    struct planner_figures *ret);
} planners[] = {
    {"GptOssMemoryPlanner", plan_gpt_oss},
    {"Gemma4MemoryPlanner", plan_gemma4},
    {"InternVLMemoryPlanner", plan_internvl},
    {"HyV3MemoryPlanner", plan_hy_v3},
    {"DeepseekV3MemoryPlanner", plan_deepseek_v3},
    {"DeepseekV3ModuleV3MemoryPlanner", plan_deepseek_v3},
    {"DeepseekV3_2MemoryPlanner", plan_deepseek_v3_2},
    {"KimiK25MemoryPlanner", plan_kimi},
    {"MiniMaxM2MemoryPlanner", plan_minimax_m2},
    {"Qwen3_5MemoryPlanner", plan_qwen3_5},
};

static const struct planner *planner_find(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(planners); i++)
        if (str_eq(planners[i].name, name))
            return &planners[i];
    return NULL;
}

void planner_figures(const struct plan_input *in, int64_t length, int64_t batch,
                     struct planner_figures *ret, struct notices *notices)
{
    const struct planner *special = planner_find(in->planner);
    struct terms t;

    *ret = (struct planner_figures){.used = in->planner, .weights_bytes = in->main.weights_bytes};
    if (!in->planner || !in->main.config)
        return;
    t = terms_of(in);
    if (special) {
        ret->always_signal = true;
        special->figures(&t, length, batch, ret);
        return;
    }
    ret->always_signal = in->always_signal_buffers;
    plan_paged(&t, length, batch, ret);
    if (str_eq(in->planner, "PagedMemoryPlanner"))
        return;
    ret->used = "PagedMemoryPlanner";
    if (notices)
        notice_add(notices, "planner-unknown",
                   "The arithmetic of %s is not known here; activations are planned as by "
                   "PagedMemoryPlanner and may be too low.",
                   in->planner);
}

int64_t planner_batch(const struct plan_input *in, int64_t free_bytes)
{
    int64_t state, budget, batch;
    struct terms t;

    if (!in->planner || !str_eq(in->planner, "Qwen3_5MemoryPlanner") || !in->main.config)
        return 0;
    t = terms_of(in);
    state = qwen3_5_state(&t);
    if (state == 0)
        return 0;
    if (free_bytes == 0)
        return 32;
    budget = int_of_real((double)free_bytes * in->utilization - (double)in->main.weights_bytes);
    if (budget <= 0)
        return 1;
    batch = budget / 2 / state;
    return batch < 1 ? 1 : batch > 512 ? 512 : batch;
}
