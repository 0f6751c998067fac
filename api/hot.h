#pragma once
/*
 * Hot: answers kept as bytes, found by the exact bytes of their request.
 *
 * The key is the method, the raw target, the Accept and Content-Type fields
 * and the body: a SipHash of all finds the place, a full compare decides. A
 * hit parses nothing, allocates nothing and takes no lock; it costs one
 * pass over the key. Limited by bytes; the least recently used go first.
 *
 * Thread: one loop's own.
 */
#include "base/blob.h"

struct hot;

/* Bytes; requests with more of a body are not worth a look: its hash alone would cost. */
enum { HOT_BODY_MAX = 64 << 10 };

struct hot_key {
    uint64_t hash;      /* hot_hash() of the rest */
    char method;        /* enum method */
    const char *target; /* raw */
    size_t target_size;
    const char *accept, *content_type; /* "" when absent */
    const char *body;
    size_t body_size;
};

struct hot_entry {
    struct blob *body;
    unsigned status;
    const char *content_type;  /* static */
    const char *cache_control; /* static */
    const void *route;         /* for its scope and its number in the metrics */
    size_t route_index;
    int64_t revision;
    char etag[64];
    char location[160];
    uint64_t tag; /* 0: none */
    bool negotiated;
    /* Made of the rest by who sends it, to be sent again; goes with the entry. */
    void *reply;
    void (*reply_free)(void *reply);
};

struct hot *hot_new(size_t max_bytes);
void hot_free(struct hot *h);

uint64_t hot_hash(const struct hot_key *key);
/* NULL: a miss. The entry is valid until the next call but hot_find(); only its reply may be set.
 */
struct hot_entry *hot_find(struct hot *h, const struct hot_key *key);
/*
 * Copies the key, takes a reference of entry->body. An entry of the same key is
 * replaced; one that is larger than an eighth of the budget is not kept.
 */
void hot_insert(struct hot *h, const struct hot_key *key, const struct hot_entry *entry);
void hot_invalidate(struct hot *h, uint64_t tag);
void hot_clear(struct hot *h);

struct hot_stats {
    size_t n, bytes;
    uint64_t hits, misses, evictions;
};
struct hot_stats hot_stats(const struct hot *h);
