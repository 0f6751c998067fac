#pragma once
/*
 * KV: how much memory the key/value cache of a model takes.
 *
 * A leaf is one cache of one model on one group of devices; a tree (target and
 * draft) is a list of leaves that agree on page size and devices. Two figures
 * come from the same model:
 *
 *  - what MAX allots: every layer stores every token (its formula, which
 *    decides here as it decides there);
 *  - our estimate: sliding-window layers hold their window at most, linear,
 *    convolution and Mamba layers hold a state per sequence, layers that share
 *    another's cache hold nothing. It is reported beside, never used to decide.
 *
 * All functions are pure, O(layers), and saturate instead of overflowing.
 */
#include "base/err.h"
#include "hub/config.h"

struct kv_leaf {
    const char *name; /* "main", "draft": for messages */
    bool mla;         /* one latent per token, for keys and values, on every device */
    bool replicate;   /* allow_kv_head_replication */
    int64_t n_layers, n_kv_heads, n_q_heads, head_dim;
    unsigned dtype_bytes;
    unsigned scale_bytes; /* per 128 elements of a quantized cache; 0: none */
    int64_t page_size;    /* tokens */
    int64_t n_devices, dp;
};

/* The leaf of a model's config; what a config does not give is ERR_CONFIG_INVALID. */
bool kv_leaf_of_config(struct kv_leaf *ret, const struct config *config,
                       struct err *err) MUST_CHECK;

/* Divisibility by tensor parallel degree and what else must hold. ERR_COMBINATION. */
bool kv_leaf_check(const struct kv_leaf *leaf, struct err *err) MUST_CHECK;

int64_t kv_heads_per_device(const struct kv_leaf *leaf);
/* Bytes of one page over all devices of one replica. */
int64_t kv_bytes_per_block(const struct kv_leaf *leaf);

/* Our estimate, per model, over all devices of one replica. */
struct kv_estimate {
    int64_t full_bytes_per_token;    /* of layers that keep everything */
    int64_t sliding_bytes_per_token; /* of layers that keep window tokens */
    int64_t window;
    int64_t state_bytes_per_sequence;
    int64_t n_full, n_sliding, n_state, n_none; /* layers of each sort */
};
void kv_estimate_of(struct kv_estimate *ret, const struct config *config,
                    const struct kv_leaf *leaf);
int64_t kv_estimate_bytes(const struct kv_estimate *e, int64_t page_size, int64_t batch,
                          int64_t length);
