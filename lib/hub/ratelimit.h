#pragma once
/*
 * Rate limit: a gate per (bucket, credential) in front of the Hub.
 *
 * The Hub tells with every answer how many requests of a bucket are left and
 * when the count starts anew. Once it is 0, or a 429 came, the gate is shut
 * until then: for everybody with that credential, and for nobody else. Clocks
 * are the caller's (any monotonic milliseconds).
 *
 * At most RATE_GATES_MAX gates are kept; the one idle longest makes room.
 */
#include "hub/endpoint.h"
#include "hub/protocol.h"

enum { RATE_GATES_MAX = 256, RATE_WAIT_MAX_S = 3600, RATE_WAIT_UNTOLD_S = 30 };

struct rate_gates {
    struct rate_gate {
        char credential[CREDENTIAL_SIZE];
        enum hub_bucket bucket;
        int64_t open_at_ms, seen_at_ms;
        int64_t remaining; /* -1: never told */
    } gates[RATE_GATES_MAX];
    size_t n_gates;
};

/* Milliseconds until a request may go; 0: now. */
int64_t rate_gates_wait_ms(const struct rate_gates *g, enum hub_bucket bucket,
                           const char *credential, int64_t now_ms);
/* Learns from an answer to a request of bucket; the bucket the answer names wins. */
void rate_gates_saw(struct rate_gates *g, enum hub_bucket bucket, const char *credential,
                    const struct hub_answer *a, int64_t now_ms);
/* As the 429 would have said. Returns false. */
bool rate_gates_error(int64_t wait_ms, enum hub_bucket bucket, struct err *err);

/*
 * Time to wait before attempt n (1 is the first repetition): doubles from
 * base_ms up to cap_ms, of which the upper half is random, so that many who
 * failed together do not come back together.
 */
int64_t backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint32_t random);
