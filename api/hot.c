#include "api/hot.h"

#include "base/hash.h"

#include <sys/queue.h>

struct slot {
    struct hot_entry entry;
    uint64_t hash;
    size_t bytes; /* all that goes when it goes */
    LIST_ENTRY(slot) by_hash, by_tag;
    TAILQ_ENTRY(slot) by_use;
    size_t key_size;
    char key[]; /* see key_write() */
};

LIST_HEAD(chain, slot);
TAILQ_HEAD(uses, slot);

struct hot {
    struct chain *by_hash, *by_tag;
    size_t mask;
    struct uses uses; /* the latest first */
    size_t max_bytes;
    struct hot_stats stats;
};

enum { BUCKET_BYTES = 2048 }; /* of budget for one bucket: about an answer */

struct hot *hot_new(size_t max_bytes)
{
    struct hot *h = mem_new(struct hot);
    size_t n = 64;

    while (n < max_bytes / BUCKET_BYTES && n < (1u << 16))
        n *= 2;
    h->mask = n - 1;
    h->by_hash = mem_new_array(n, struct chain);
    h->by_tag = mem_new_array(n, struct chain);
    h->max_bytes = max_bytes;
    TAILQ_INIT(&h->uses);
    return h;
}

void hot_free(struct hot *h)
{
    if (!h)
        return;
    hot_clear(h);
    free(h->by_hash);
    free(h->by_tag);
    free(h);
}

/* The parts of a key that are compared, as pieces with their NULs: no two keys look alike. */
struct piece {
    const char *data;
    size_t size;
};

enum { N_PIECES = 5 };

static void key_pieces(const struct hot_key *key, struct piece ret[N_PIECES])
{
    ret[0] = (struct piece){&key->method, 1};
    ret[1] = (struct piece){key->target, key->target_size + 1};
    ret[2] = (struct piece){key->accept, strlen(key->accept) + 1};
    ret[3] = (struct piece){key->content_type, strlen(key->content_type) + 1};
    ret[4] = (struct piece){key->body, key->body_size};
}

uint64_t hot_hash(const struct hot_key *key)
{
    struct piece p[N_PIECES];
    uint64_t sums[N_PIECES];
    size_t n = 0;

    /* Hashing the hashes of the long pieces keeps the pieces where they lie. */
    key_pieces(key, p);
    for (size_t i = 0; i < N_PIECES; i++)
        if (p[i].size > 1 || i == 0)
            sums[n++] = hash_table_key(p[i].data, p[i].size) + i;
    return hash_table_key(sums, n * sizeof(sums[0]));
}

static size_t key_size(const struct piece p[N_PIECES])
{
    size_t size = 0;

    for (size_t i = 0; i < N_PIECES; i++)
        size += p[i].size;
    return size;
}

static bool key_equals(const struct slot *s, const struct piece p[N_PIECES])
{
    const char *at = s->key;

    if (s->key_size != key_size(p))
        return false;
    for (size_t i = 0; i < N_PIECES; at += p[i++].size)
        if (memcmp(at, p[i].data, p[i].size) != 0)
            return false;
    return true;
}

static struct slot *slot_find(struct hot *h, const struct hot_key *key)
{
    struct piece p[N_PIECES];
    struct slot *s;

    key_pieces(key, p);
    LIST_FOREACH (s, &h->by_hash[key->hash & h->mask], by_hash)
        if (s->hash == key->hash && key_equals(s, p))
            return s;
    return NULL;
}

static void slot_drop(struct hot *h, struct slot *s)
{
    LIST_REMOVE(s, by_hash);
    if (s->entry.tag)
        LIST_REMOVE(s, by_tag);
    TAILQ_REMOVE(&h->uses, s, by_use);
    h->stats.bytes -= s->bytes;
    h->stats.n--;
    if (s->entry.reply)
        s->entry.reply_free(s->entry.reply);
    blob_unref(s->entry.body);
    free(s);
}

struct hot_entry *hot_find(struct hot *h, const struct hot_key *key)
{
    struct slot *s = slot_find(h, key);

    if (!s) {
        h->stats.misses++;
        return NULL;
    }
    h->stats.hits++;
    if (s != TAILQ_FIRST(&h->uses)) {
        TAILQ_REMOVE(&h->uses, s, by_use);
        TAILQ_INSERT_HEAD(&h->uses, s, by_use);
    }
    return &s->entry;
}

void hot_insert(struct hot *h, const struct hot_key *key, const struct hot_entry *entry)
{
    struct piece p[N_PIECES];
    struct slot *s = slot_find(h, key);
    size_t size, bytes;
    char *at;

    if (s)
        slot_drop(h, s);
    key_pieces(key, p);
    size = key_size(p);
    bytes = sizeof(*s) + size + sizeof(*entry->body) + entry->body->size;
    if (bytes > h->max_bytes / 8)
        return;
    while (h->stats.bytes + bytes > h->max_bytes) {
        slot_drop(h, TAILQ_LAST(&h->uses, uses));
        h->stats.evictions++;
    }
    s = mem_alloc(sizeof(*s) + size);
    s->entry = *entry;
    blob_ref(entry->body);
    s->hash = key->hash;
    s->bytes = bytes;
    s->key_size = size;
    at = s->key;
    for (size_t i = 0; i < N_PIECES; at += p[i++].size)
        memcpy(at, p[i].data, p[i].size);
    LIST_INSERT_HEAD(&h->by_hash[s->hash & h->mask], s, by_hash);
    if (entry->tag)
        LIST_INSERT_HEAD(&h->by_tag[entry->tag & h->mask], s, by_tag);
    TAILQ_INSERT_HEAD(&h->uses, s, by_use);
    h->stats.bytes += bytes;
    h->stats.n++;
}

void hot_invalidate(struct hot *h, uint64_t tag)
{
    struct slot *next;

    for (struct slot *s = LIST_FIRST(&h->by_tag[tag & h->mask]); s; s = next) {
        next = LIST_NEXT(s, by_tag);
        if (s->entry.tag == tag)
            slot_drop(h, s);
    }
}

void hot_clear(struct hot *h)
{
    while (!TAILQ_EMPTY(&h->uses))
        slot_drop(h, TAILQ_FIRST(&h->uses));
}

struct hot_stats hot_stats(const struct hot *h) { return h->stats; }
