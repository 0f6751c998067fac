#include "plan/plan.h"

#include "plan/bytes.h"
#include "plan/planners.h"

#include <stdio.h>

enum {
    DEFAULT_BATCH = 512,
    SEED_MAX_BATCH = 4096,
    DRAFT_PERCENT = 30, /* of the memory for caches, in the seed's formula */
};
#define SIGNAL_BYTES INT64_C(293650448) /* per GPU: 3*512*8*4+16, 3*8 MiB, 256 MiB */

static int64_t sum_free(const struct plan_input *in)
{
    int64_t sum = 0, total = 0;

    for (size_t i = 0; i < in->n_devices; i++) {
        sum = sat_add(sum, in->devices[i].free_bytes);
        total = sat_add(total, in->devices[i].memory_bytes);
    }
    return sum > 0 ? sum : total;
}

static bool all_known(const struct plan_input *in)
{
    for (size_t i = 0; i < in->n_devices; i++)
        if (in->devices[i].free_bytes <= 0 && in->devices[i].memory_bytes <= 0)
            return false;
    return in->n_devices > 0;
}

static int64_t signal_buffers(const struct plan_input *in, bool always, bool mla)
{
    int64_t per_set = 0;

    if (in->formula == PLAN_SEED)
        return 0;
    for (size_t i = 0; i < in->n_devices; i++)
        per_set += in->devices[i].kind == DEVICE_GPU ? SIGNAL_BYTES : 0;
    if (in->n_devices == 1)
        return always ? per_set : 0;
    /* A replicated latent cache that is also kept on the host is broadcast by a second set. */
    return in->host_connector && mla && in->dp == 1 ? 2 * per_set : per_set;
}

/* ---- the caches of a plan as one tree */

struct tree {
    struct kv_leaf leaves[3];
    size_t n;
    int64_t bytes_per_block; /* of one replica */
    int64_t page;
};

static bool tree_add(struct tree *t, const struct plan_input *in, const struct plan_model *m,
                     const char *name, int64_t n_layers, struct err *err)
{
    struct kv_leaf *leaf = &t->leaves[t->n];

    if (!kv_leaf_of_config(leaf, m->config, err))
        return err_wrap(err, "%s model", name);
    leaf->name = name;
    if (n_layers > 0)
        leaf->n_layers = n_layers;
    leaf->dtype_bytes = m->kv_dtype_bytes;
    leaf->scale_bytes = m->kv_scale_bytes;
    leaf->page_size = in->page_size;
    leaf->n_devices = (int64_t)in->n_devices;
    leaf->dp = in->dp;
    leaf->replicate = in->replicate_heads;
    if (!kv_leaf_check(leaf, err))
        return false;
    t->n++;
    t->bytes_per_block = sat_add(t->bytes_per_block, kv_bytes_per_block(leaf));
    return true;
}

/* State-space models alone: a state per sequence, nothing per token. */
static bool stores_no_tokens(const struct config *c)
{
    if (!c->layer_kinds || c->n_heads > 0)
        return false;
    for (int64_t i = 0; i < c->n_layers; i++)
        if (c->layer_kinds[i] == LAYER_FULL || c->layer_kinds[i] == LAYER_SLIDING)
            return false;
    return true;
}

/* The seed plans a draft for itself; the newer formula sums the caches. */
static bool tree_build(struct tree *t, const struct plan_input *in, struct err *err)
{
    memset(t, 0, sizeof(*t));
    t->page = in->page_size;
    if (!in->kv_cache || stores_no_tokens(in->main.config))
        return true;
    if (!tree_add(t, in, &in->main, "main", 0, err))
        return false;
    if (in->formula == PLAN_SEED)
        return true;
    if (in->mtp_layers > 0 && !tree_add(t, in, &in->main, "draft", in->mtp_layers, err))
        return false;
    return !in->draft.config || tree_add(t, in, &in->draft, "draft", 0, err);
}

/* ---- one plan for one length and batch */

static bool does_not_fit(struct plan *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool does_not_fit(struct plan *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
    va_end(ap);
    p->fits = false;
    return false;
}

static int64_t pages_wanted(int64_t length, int64_t batch, int64_t page)
{
    return sat_mul(div_up(length, page), batch);
}

/* Newer: whole pages per replica, as many as wanted and as there is room for. */
static bool paged_budget(const struct plan_input *in, const struct tree *tree, int64_t available,
                         struct plan *p)
{
    int64_t allocable = available / in->dp / tree->bytes_per_block;
    int64_t wanted;
    char a[BYTES_TEXT], b[BYTES_TEXT];

    if (allocable == 0)
        return does_not_fit(p,
                            "What is left for the KV cache (%s on %zu device%s) does not hold one "
                            "page of %lld tokens (%s).",
                            bytes_text(available, a), in->n_devices, in->n_devices == 1 ? "" : "s",
                            (long long)tree->page, bytes_text(tree->bytes_per_block, b));
    wanted =
        p->max_length > 0 ? pages_wanted(p->max_length, p->max_batch_size, tree->page) : INT64_MAX;
    p->wanted_kv_bytes = sat_mul(wanted, sat_mul(tree->bytes_per_block, in->dp));
    p->n_blocks = allocable < wanted ? allocable : wanted;
    p->kv_cache_bytes = p->n_blocks * tree->bytes_per_block * in->dp;
    p->capacity_tokens = sat_mul(p->n_blocks, tree->page);
    return true;
}

/* Seed: bytes per token times batch and rounded length, at most what there is. */
static int64_t seed_budget(const struct plan_input *in, int64_t bytes_per_block, int64_t available,
                           struct plan *p)
{
    int64_t per_replica = available / in->dp, wanted;

    wanted = p->max_length > 0 ? pages_wanted(p->max_length, p->max_batch_size, in->page_size)
                               : INT64_MAX;
    wanted = sat_mul(wanted, bytes_per_block);
    p->wanted_kv_bytes = sat_add(p->wanted_kv_bytes, sat_mul(wanted, in->dp));
    return (wanted < per_replica ? wanted : per_replica) * in->dp;
}

static bool seed_caches(const struct plan_input *in, const struct tree *tree, int64_t available,
                        struct plan *p)
{
    p->kv_cache_bytes = seed_budget(in, tree->bytes_per_block, available, p);
    p->n_blocks = p->kv_cache_bytes / in->dp / tree->bytes_per_block;
    p->capacity_tokens = sat_mul(p->n_blocks, tree->page);
    if (p->n_blocks == 0)
        return does_not_fit(p, "What is left for the KV cache does not hold one page of tokens.");
    return true;
}

static bool seed_draft_cache(const struct plan_input *in, struct plan *p)
{
    struct kv_leaf leaf;
    AUTO_ERR struct err ignored = {0};
    double util = in->utilization * DRAFT_PERCENT / 100;
    int64_t available = int_of_real((double)p->free_bytes * util - (double)in->draft.weights_bytes);

    if (available <= 0)
        return does_not_fit(p,
                            "The draft model's weights leave no room for its KV cache in the "
                            "%d %% of memory that are its part.",
                            DRAFT_PERCENT);
    if (!in->draft.config || !kv_leaf_of_config(&leaf, in->draft.config, &ignored))
        return true;
    leaf.dtype_bytes = in->draft.kv_dtype_bytes;
    leaf.page_size = in->page_size;
    leaf.n_devices = (int64_t)in->n_devices;
    leaf.dp = in->dp;
    p->draft_kv_cache_bytes = seed_budget(in, kv_bytes_per_block(&leaf), available, p);
    p->kv_cache_bytes = sat_add(p->kv_cache_bytes, p->draft_kv_cache_bytes);
    return true;
}

/* At most a fifth (vision_cap) of what is left for caches goes to images. */
static void reserve_vision(const struct plan_input *in, const struct planner_figures *f,
                           int64_t *kv, struct plan *p, struct notices *notices)
{
    int64_t per_entry = sat_mul(f->vision_entry_bytes, (int64_t)in->n_devices), most;

    if (in->formula == PLAN_SEED || in->max_vision_entries <= 0 || per_entry <= 0)
        return;
    most = int_of_real(in->vision_cap * (double)*kv) / per_entry;
    p->vision_entries = in->max_vision_entries < most ? in->max_vision_entries : most;
    if (p->vision_entries < in->max_vision_entries && notices)
        notice_add(notices, "vision-cache-reduced",
                   "The vision cache holds %lld of the %lld entries asked for; the rest would "
                   "take too much of the KV cache.",
                   (long long)p->vision_entries, (long long)in->max_vision_entries);
    p->vision_cache_bytes = p->vision_entries * per_entry;
    *kv -= p->vision_cache_bytes;
}

static bool caches(const struct plan_input *in, const struct planner_figures *f,
                   const struct tree *tree, int64_t fixed, struct plan *p, struct notices *notices)
{
    bool split = in->formula == PLAN_SEED && in->has_draft;
    double util = split ? in->utilization * (100 - DRAFT_PERCENT) / 100 : in->utilization;
    int64_t mine = split ? fixed - in->draft.weights_bytes : fixed;
    int64_t kv = int_of_real((double)p->free_bytes * util - (double)mine);
    char a[BYTES_TEXT], b[BYTES_TEXT];

    if (tree->n == 0)
        return true;
    if (kv <= 0)
        return does_not_fit(p,
                            "Model and activations (%s) leave no room for the KV cache in %.0f %% "
                            "of %s.",
                            bytes_text(mine, a), util * 100, bytes_text(p->free_bytes, b));
    reserve_vision(in, f, &kv, p, notices);
    if (in->formula == PLAN_SEED)
        return seed_caches(in, tree, kv, p) && (!split || seed_draft_cache(in, p));
    return paged_budget(in, tree, kv, p);
}

/* Fills p for p->max_length and p->max_batch_size. False: it does not fit. */
static bool attempt(const struct plan_input *in, const struct tree *tree, struct plan *p,
                    struct notices *notices)
{
    struct planner_figures f;
    char a[BYTES_TEXT], b[BYTES_TEXT];
    int64_t fixed;

    planner_figures(in, p->max_length, p->max_batch_size, &f, notices);
    p->planner = f.used;
    p->weights_bytes = sat_add(f.weights_bytes, in->draft.weights_bytes);
    p->activation_bytes = f.activation_bytes;
    p->signal_buffer_bytes =
        signal_buffers(in, f.always_signal, tree->n > 0 && tree->leaves[0].mla);
    p->kv_cache_bytes = p->vision_cache_bytes = p->vision_entries = p->wanted_kv_bytes = 0;
    p->draft_kv_cache_bytes = 0;
    p->bytes_per_block = tree->bytes_per_block;
    p->bytes_per_token = tree->bytes_per_block / tree->page;
    fixed = sat_add(sat_add(p->weights_bytes, p->activation_bytes), p->signal_buffer_bytes);
    p->total_bytes = fixed;
    p->fits = true;
    p->reason[0] = '\0';
    if (!p->estimated)
        return true;
    if (fixed > p->free_bytes)
        return does_not_fit(p, "The model takes more than there is: %s of %s%s.",
                            bytes_text(fixed, a), bytes_text(p->free_bytes, b),
                            f.activation_bytes ? " with its activations" : "");
    if (!caches(in, &f, tree, fixed, p, notices))
        return false;
    p->total_bytes = sat_add(fixed, sat_add(p->kv_cache_bytes, p->vision_cache_bytes));
    if (p->total_bytes > p->free_bytes)
        return does_not_fit(p, "Model and KV cache take more than there is: %s of %s.",
                            bytes_text(p->total_bytes, a), bytes_text(p->free_bytes, b));
    return true;
}

/* ---- length and batch */

static int64_t default_batch(const struct plan_input *in, const struct plan *p)
{
    int64_t inferred = planner_batch(in, p->free_bytes);

    if (inferred > 0)
        return inferred;
    if (!in->kv_cache || (in->n_devices == 1 && in->devices[0].kind == DEVICE_CPU))
        return 1;
    return DEFAULT_BATCH;
}

static void start(const struct plan_input *in, struct plan *p, struct notices *notices)
{
    memset(p, 0, sizeof(*p));
    p->estimated = all_known(in);
    p->free_bytes = sum_free(in);
    for (size_t i = 0; i < in->n_devices; i++)
        p->memory_bytes = sat_add(p->memory_bytes, in->devices[i].memory_bytes);
    p->max_length = in->max_length;
    p->max_batch_total_tokens = in->max_batch_total_tokens;
    if (in->batch_given)
        p->max_batch_size = in->max_batch_size;
    else
        p->max_batch_size = p->estimated ? default_batch(in, p) : 1;
    if (in->formula == PLAN_SEED) {
        if (!in->batch_given && p->max_batch_size > SEED_MAX_BATCH)
            p->max_batch_size = SEED_MAX_BATCH;
    } else if (in->max_batch_input_tokens > 0 && p->max_batch_size > in->max_batch_input_tokens) {
        p->max_batch_size = in->max_batch_input_tokens;
        p->batch_clamped = true;
        if (notices)
            notice_add(notices, "batch-clamped",
                       "max_batch_size became %lld: a step takes max_batch_input_tokens, so more "
                       "requests could not be in it.",
                       (long long)p->max_batch_size);
    }
}

/* A length is only worth having when the cache holds it. */
static bool holds_length(const struct plan_input *in, const struct plan *p)
{
    return in->formula == PLAN_SEED || !in->kv_cache || !p->estimated ||
           p->n_blocks >= div_up(p->max_length, in->page_size);
}

/* The largest value in [1, upper] with which it fits, given that less fits when more does. */
static int64_t search(const struct plan_input *in, int64_t upper, bool by_length)
{
    AUTO_ERR struct err err = {0};
    int64_t low = 0, high = upper;
    struct tree tree;
    struct plan base;

    if (!tree_build(&tree, in, &err))
        return 0;
    start(in, &base, NULL);
    while (low < high) {
        int64_t mid = low + (high - low + 1) / 2;
        struct plan p = base;

        *(by_length ? &p.max_length : &p.max_batch_size) = mid;
        if (attempt(in, &tree, &p, NULL) && (!by_length || holds_length(in, &p)))
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

int64_t plan_search_length(const struct plan_input *in, int64_t upper)
{
    return search(in, upper, true);
}

int64_t plan_search_batch(const struct plan_input *in, int64_t upper)
{
    return search(in, upper, false);
}

static void warn_of_room(const struct plan_input *in, const struct plan *p, int64_t length,
                         struct notices *notices)
{
    char a[BYTES_TEXT], b[BYTES_TEXT];
    int64_t full = length > 0 ? div_up(length, in->page_size) : 0;

    if (p->kv_cache_bytes && p->max_batch_size > p->n_blocks)
        notice_add(notices, "batch-exceeds-cache",
                   "The KV cache has %lld pages, too few for one token of each of %lld requests.",
                   (long long)p->n_blocks, (long long)p->max_batch_size);
    if (p->kv_cache_bytes && full > p->n_blocks)
        notice_add(notices, "length-exceeds-cache",
                   "The KV cache holds %lld tokens, too few for one request of %lld.",
                   (long long)p->capacity_tokens, (long long)length);
    if ((double)p->total_bytes > 0.95 * (double)p->free_bytes)
        notice_add(notices, "memory-nearly-full",
                   "The plan takes %s of %s; little is left for what it does not count.",
                   bytes_text(p->total_bytes, a), bytes_text(p->free_bytes, b));
    for (size_t i = 0; i < in->n_devices; i++)
        if (!plan_share_of(in, p, i).fits) {
            notice_add(notices, "devices-uneven",
                       "The sum fits, but an even share does not fit on device %zu (%s).", i,
                       in->devices[i].type);
            break;
        }
    if (in->dp > 1 && p->weights_bytes == in->main.weights_bytes)
        notice_add(notices, "replicas-not-counted",
                   "Weights are counted once, as MAX does, though each of the %lld replicas holds "
                   "a copy of most of them.",
                   (long long)in->dp);
}

static void clamp_to_capacity(const struct plan_input *in, struct plan *p, struct notices *notices)
{
    if (in->formula == PLAN_MAX && p->capacity_tokens > 0 && p->max_length > p->capacity_tokens) {
        notice_add(notices, "length-clamped",
                   "max_length became %lld, what the KV cache holds, instead of %lld.",
                   (long long)p->capacity_tokens, (long long)p->max_length);
        p->max_length = p->capacity_tokens;
        p->length_clamped = true;
    }
    if (in->formula == PLAN_MAX && in->requires_total_cap && p->max_batch_total_tokens == 0 &&
        p->max_length > 0) {
        notice_add(notices, "total-tokens-capped",
                   "max_batch_total_tokens became %lld: this architecture needs a limit.",
                   (long long)p->max_length);
        p->max_batch_total_tokens = p->max_length;
    }
}

static void estimate(const struct plan_input *in, const struct tree *tree, struct plan *p)
{
    if (tree->n == 0)
        return;
    p->has_estimate = true;
    kv_estimate_of(&p->layers, in->main.config, &tree->leaves[0]);
    p->estimated_kv_bytes =
        kv_estimate_bytes(&p->layers, tree->page, p->max_batch_size, p->max_length);
    p->estimated_bytes_per_token =
        sat_add(p->layers.full_bytes_per_token, p->layers.sliding_bytes_per_token);
}

/* A default length is ours to shorten; one that was asked for is not. */
static void truncate_default(const struct plan_input *in, const struct tree *tree, struct plan *p,
                             struct notices *notices)
{
    int64_t length;

    if (in->length_given || p->max_length <= 1)
        return;
    length = plan_search_length(in, p->max_length);
    if (length == 0)
        return;
    notice_add(notices, "length-truncated",
               "max_length became %lld instead of the model's %lld, with which it would not fit.",
               (long long)length, (long long)p->max_length);
    p->max_length = length;
    p->length_truncated = true;
    (void)attempt(in, tree, p, NULL);
}

bool plan_make(const struct plan_input *in, struct plan *ret, struct notices *notices,
               struct err *err)
{
    struct notices dropped = {0}, *to = notices ? notices : &dropped;
    struct tree tree;
    struct plan p;
    int64_t wanted_length;

    if (!tree_build(&tree, in, err))
        return false;
    start(in, &p, to);
    if (!attempt(in, &tree, &p, to))
        truncate_default(in, &tree, &p, to);
    wanted_length = p.max_length;
    if (!p.estimated)
        notice_add(to, "memory-unknown", "No device told its memory, so nothing was compared.");
    if (p.fits && p.estimated) {
        clamp_to_capacity(in, &p, to);
        warn_of_room(in, &p, wanted_length, to);
        if (in->host_connector && tree.bytes_per_block > 0)
            p.host_blocks = int_of_real(in->host_swap_gib * (double)(INT64_C(1) << 30) /
                                        (double)tree.bytes_per_block);
    }
    estimate(in, &tree, &p);
    notices_release(&dropped);
    *ret = p;
    return true;
}

static int64_t share(int64_t bytes, size_t n, size_t i)
{
    return bytes / (int64_t)n + (i == 0 ? bytes % (int64_t)n : 0);
}

struct plan_share plan_share_of(const struct plan_input *in, const struct plan *p, size_t device)
{
    const struct device *d = &in->devices[device];
    size_t n = in->n_devices;
    struct plan_share s = {
        .weights_bytes = share(p->weights_bytes, n, device),
        .activation_bytes = share(p->activation_bytes, n, device),
        .signal_buffer_bytes = share(p->signal_buffer_bytes, n, device),
        .vision_cache_bytes = share(p->vision_cache_bytes, n, device),
        .kv_cache_bytes = share(p->kv_cache_bytes, n, device),
    };

    s.total_bytes = sat_add(sat_add(sat_add(s.weights_bytes, s.activation_bytes),
                                    sat_add(s.signal_buffer_bytes, s.vision_cache_bytes)),
                            s.kv_cache_bytes);
    s.fits = s.total_bytes <= (d->free_bytes > 0 ? d->free_bytes : d->memory_bytes);
    return s;
}
