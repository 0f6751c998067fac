#include "hub/ratelimit.h"

#include <stdio.h>

static struct rate_gate *gate_find(const struct rate_gates *g, enum hub_bucket bucket,
                                   const char *credential)
{
    for (size_t i = 0; i < g->n_gates; i++)
        if (g->gates[i].bucket == bucket && str_eq(g->gates[i].credential, credential))
            return (struct rate_gate *)&g->gates[i];
    return NULL;
}

static struct rate_gate *gate_take(struct rate_gates *g, enum hub_bucket bucket,
                                   const char *credential)
{
    struct rate_gate *gate = gate_find(g, bucket, credential);

    if (gate)
        return gate;
    if (g->n_gates < RATE_GATES_MAX)
        gate = &g->gates[g->n_gates++];
    else {
        gate = &g->gates[0];
        for (size_t i = 1; i < g->n_gates; i++)
            if (g->gates[i].seen_at_ms < gate->seen_at_ms)
                gate = &g->gates[i];
    }
    *gate = (struct rate_gate){.bucket = bucket, .remaining = -1};
    snprintf(gate->credential, sizeof(gate->credential), "%s", credential);
    return gate;
}

int64_t rate_gates_wait_ms(const struct rate_gates *g, enum hub_bucket bucket,
                           const char *credential, int64_t now_ms)
{
    const struct rate_gate *gate = gate_find(g, bucket, credential);

    return gate && gate->open_at_ms > now_ms ? gate->open_at_ms - now_ms : 0;
}

static int64_t clamp_s(int64_t s) { return s < 0 ? 0 : s > RATE_WAIT_MAX_S ? RATE_WAIT_MAX_S : s; }

void rate_gates_saw(struct rate_gates *g, enum hub_bucket bucket, const char *credential,
                    const struct hub_answer *a, int64_t now_ms)
{
    struct rate_gate *gate;
    int64_t wait_s = 0;

    if (!a->has_limit && a->status != 429)
        return;
    gate = gate_take(g, a->has_limit ? a->limit_bucket : bucket, credential);
    gate->seen_at_ms = now_ms;
    gate->remaining = a->has_limit ? a->limit_remaining : 0;
    if (a->status == 429 && a->retry_after_s > 0)
        wait_s = a->retry_after_s;
    /* The reset is told in whole seconds, rounded either way: one more is safe. */
    if (a->has_limit && a->limit_remaining <= 0)
        wait_s = a->limit_reset_s + 1;
    if (a->status == 429 && !wait_s)
        wait_s = RATE_WAIT_UNTOLD_S;
    /* An answer that was on its way before the gate shut does not open it. */
    if (wait_s && now_ms + clamp_s(wait_s) * 1000 > gate->open_at_ms)
        gate->open_at_ms = now_ms + clamp_s(wait_s) * 1000;
}

bool rate_gates_error(int64_t wait_ms, enum hub_bucket bucket, struct err *err)
{
    int64_t wait_s = (wait_ms + 999) / 1000;

    err_set(err, ERR_HUB_RATE_LIMITED,
            "the Hub's limit of %s requests is used up for this token; asking again works in %d "
            "seconds%s",
            hub_bucket_name(bucket), (int)wait_s,
            " (a token with a higher quota, set as HF_TOKEN, waits less)");
    err_fact_int(err, "retry_after_s", wait_s);
    return err_fact_str(err, "bucket", hub_bucket_name(bucket));
}

int64_t backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint32_t random)
{
    int64_t full = attempt > 30 ? cap_ms : base_ms << (attempt ? attempt - 1 : 0), half;

    if (full > cap_ms)
        full = cap_ms;
    half = full / 2;
    return half + (int64_t)((double)(full - half) * ((double)random / 4294967296.0));
}
