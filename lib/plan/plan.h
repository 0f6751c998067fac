#pragma once
/*
 * Plan: does a pipeline fit, and with which length and batch.
 *
 *     total = weights + activations + signal buffers + vision cache + KV budget
 *
 * Sizes are bytes over all devices of the pipeline. Two formulas: "max" is
 * MAX's newer one (paged blocks, signal buffers, clamps), "seed" that of the
 * first version with this API (no signal buffers, no clamp to capacity, a draft
 * gets 30 % of the memory). docs/memory.md has both with check values.
 *
 * Pure functions. A plan that does not fit is an answer, not an error: fits is
 * false and reason says why. Cost: O(layers) per plan; at most 2 * 63 plans in
 * the searches for a length or batch that fits.
 */
#include "plan/devices.h"
#include "plan/kv.h"
#include "plan/notices.h"

enum plan_formula { PLAN_MAX, PLAN_SEED };

/* One model of the plan. config may be NULL for a draft without one of its own. */
struct plan_model {
    const struct config *config;
    enum encoding encoding;
    int64_t weights_bytes; /* of its files */
    unsigned kv_dtype_bytes, kv_scale_bytes;
};

struct plan_input {
    enum plan_formula formula;
    const struct device *devices;
    size_t n_devices;
    struct plan_model main, draft; /* no draft: draft.weights_bytes 0 and no config */
    bool has_draft;
    int64_t mtp_layers; /* draft layers inside the main checkpoint */

    /* of the architecture */
    bool kv_cache;
    const char *planner; /* memory_planner; NULL: weights only */
    int64_t activation_reservation_bytes;
    bool always_signal_buffers, requires_total_cap;

    /* of the request */
    int64_t dp, ep;
    bool ep_allreduce, replicate_heads, graph_capture, chunked_prefill, decode_only;
    bool host_connector; /* local or tiered: blocks on the host too */
    double host_swap_gib;
    double utilization;
    int64_t page_size;
    int64_t max_length;     /* by the architecture's policy, or as given; 0: unbounded */
    int64_t max_batch_size; /* 0: not given */
    bool length_given, batch_given;
    int64_t max_batch_input_tokens, max_batch_total_tokens; /* second 0: not given */
    int64_t max_vision_entries;
    double vision_cap; /* of what is left for caches */
};

struct plan {
    bool estimated; /* false: no device told its memory, so nothing was compared */
    bool fits;
    char reason[300];

    int64_t free_bytes, memory_bytes; /* of all devices */
    int64_t weights_bytes, activation_bytes, signal_buffer_bytes;
    int64_t vision_cache_bytes, kv_cache_bytes, total_bytes;
    int64_t draft_kv_cache_bytes; /* part of kv_cache_bytes (seed) */
    int64_t vision_entries;

    int64_t bytes_per_block, bytes_per_token; /* 0 without a KV cache */
    int64_t n_blocks, host_blocks;
    int64_t capacity_tokens;
    int64_t wanted_kv_bytes; /* what length * batch would take */

    int64_t max_length, max_batch_size, max_batch_total_tokens; /* 0: none */
    bool length_clamped, length_truncated, batch_clamped;
    const char *planner; /* used */

    bool has_estimate;
    struct kv_estimate layers;
    int64_t estimated_kv_bytes; /* of max_length * max_batch_size, by kinds of layers */
    int64_t estimated_bytes_per_token;
};

/*
 * notices may be NULL. Errors: ERR_COMBINATION and ERR_CONFIG_INVALID of the KV
 * parameters; never "does not fit".
 */
bool plan_make(const struct plan_input *in, struct plan *ret, struct notices *notices,
               struct err *err) MUST_CHECK;

/* The largest length (batch), at most upper, with which it fits; 0: none. */
int64_t plan_search_length(const struct plan_input *in, int64_t upper);
int64_t plan_search_batch(const struct plan_input *in, int64_t upper);

/* What one device holds, of evenly split parts; the first takes remainders. */
struct plan_share {
    int64_t weights_bytes, activation_bytes, signal_buffer_bytes, vision_cache_bytes,
        kv_cache_bytes, total_bytes;
    bool fits;
};
struct plan_share plan_share_of(const struct plan_input *in, const struct plan *p, size_t device);
