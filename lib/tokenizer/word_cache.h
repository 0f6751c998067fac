#pragma once
/*
 * Word cache: what words become, bounded, for one thread.
 *
 * A word of up to 15 bytes that becomes up to four tokens is an entry of 32 bytes:
 * its key, and four lanes of id (21 bits), start and end in the word (4 bits
 * each); the first lane has the number of tokens in its top 3 bits. Two entries make a
 * cache line, which is where nearly all are found. A new entry takes a free place there or in the
 * line beside; when both are full it takes the first place, and what was there the second.
 *
 * Other words are records in a ring, found by a table of places; the ring
 * overwrites what is oldest.
 *
 * Several tokenizers share a cache: each has a number that is part of the key.
 */
#include "tokenizer/image.h"
#include "tokenizer/keyhash.h"
#include "tokenizer/model.h"

enum {
    WORD_LANES = 4,
    WORD_ID_BITS = 21,
    WORD_ID_MASK = (1 << WORD_ID_BITS) - 1,
    WORD_OWNERS = 7,
    WORD_PART = 8,          /* beside an owner's number: what a part of a longer word becomes */
    WORD_RECORD_MAX = 4096, /* longer ones are not remembered */
};

struct word_entry {
    struct short_key key; /* its top 4 bits: the owner's number; 0: empty */
    uint32_t lanes[WORD_LANES];
};

struct word_record {
    uint64_t hash;
    uint32_t owner, size, n, unused;
    /* n tokens, then the word */
};

struct word_cache {
    struct word_entry *entries; /* two each */
    size_t line_mask;
    struct word_place {
        uint64_t hash, at; /* at: counts on when the ring begins anew */
    } * places;
    size_t place_mask;
    char *ring;
    size_t ring_size;
    uint64_t ring_end;
    struct image_identity owners[WORD_OWNERS];
    unsigned n_owners;
    void *memory;
    size_t mapped;
};

void word_cache_init(struct word_cache *c, size_t max_bytes);
void word_cache_release(struct word_cache *c);

/* The number, 1 to 7; forgets everything when there are too many. */
unsigned word_cache_owner(struct word_cache *c, const struct image_identity *who);

static inline struct short_key word_owned(struct short_key k, unsigned owner)
{
    return (struct short_key){k.low, k.high | (uint64_t)owner << 60};
}
static inline struct word_entry *word_line(const struct word_cache *c, uint64_t hash)
{
    return c->entries + 2 * (hash & c->line_mask);
}
/* NULL: not there. */
static inline const struct word_entry *word_find(const struct word_entry *line, struct short_key k)
{
    if (line[0].key.low == k.low && line[0].key.high == k.high)
        return &line[0];
    if (line[1].key.low == k.low && line[1].key.high == k.high)
        return &line[1];
    return NULL;
}
static inline unsigned word_n(const struct word_entry *e) { return e->lanes[0] >> 29; }

/* In its line or the one beside. */
static inline const struct word_entry *word_find_near(const struct word_cache *c, uint64_t hash,
                                                      struct short_key k)
{
    const struct word_entry *e = word_find(word_line(c, hash), k);

    return e ? e : word_find(word_line(c, hash ^ 1), k);
}

/* False: too many tokens for an entry. */
bool word_put(struct word_cache *c, struct short_key k, uint64_t hash, const struct token *tokens,
              size_t n);

/* NULL: not there. *ret_n tokens. The hash is that of the word alone. */
const struct token *word_find_long(const struct word_cache *c, unsigned owner, uint64_t hash,
                                   const char *word, size_t size, size_t *ret_n);
static inline void word_prefetch_long(const struct word_cache *c, uint64_t hash)
{
    __builtin_prefetch(&c->places[hash & c->place_mask]);
}
void word_put_long(struct word_cache *c, unsigned owner, uint64_t hash, const char *word,
                   size_t size, const struct token *tokens, size_t n);
