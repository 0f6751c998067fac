#include "tokenizer/prefix.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "tokenizer/core.h"

#include <pthread.h>

enum { BLOCK_SIZE = 4096 };

/* Immutable once it is in the table. */
struct block {
    atomic_uint refs;
    uint64_t hash, owner;        /* of the bytes; of the tokenizer */
    struct block *next;          /* in its bucket */
    struct block *newer, *older; /* by last use */
    uint32_t size, n_ids;
    uint32_t data[]; /* ids, then the bytes */
};

struct prefix_cache {
    pthread_mutex_t lock; /* guards all below */
    size_t max_bytes;
    struct block **buckets;
    size_t n_buckets; /* a power of two */
    struct block *newest, *oldest;
    struct prefix_counts counts;
};

static size_t block_cost(const struct block *b)
{
    return sizeof(*b) + b->n_ids * sizeof(uint32_t) + b->size;
}

static const char *block_text(const struct block *b) { return (const char *)(b->data + b->n_ids); }

static void block_unref(struct block *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}

struct prefix_cache *prefix_cache_new(size_t max_bytes)
{
    struct prefix_cache *c = mem_new(struct prefix_cache);

    pthread_mutex_init(&c->lock, NULL);
    c->max_bytes = max_bytes;
    /* A block costs some BLOCK_SIZE: the table never has to grow. */
    for (c->n_buckets = 64; c->n_buckets < max_bytes / BLOCK_SIZE;)
        c->n_buckets *= 2;
    c->buckets = mem_new_array(c->n_buckets, struct block *);
    return c;
}

void prefix_cache_free(struct prefix_cache *c)
{
    if (!c)
        return;
    for (struct block *b = c->newest, *older; b; b = older) {
        older = b->older;
        block_unref(b);
    }
    pthread_mutex_destroy(&c->lock);
    free(c->buckets);
    free(c);
}

/* ---- under the lock */

static void unlink_use(struct prefix_cache *c, struct block *b)
{
    *(b->newer ? &b->newer->older : &c->newest) = b->older;
    *(b->older ? &b->older->newer : &c->oldest) = b->newer;
}

static void link_newest(struct prefix_cache *c, struct block *b)
{
    b->newer = NULL;
    b->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = b;
    c->newest = b;
}

static void evict(struct prefix_cache *c, struct block *b)
{
    struct block **link = &c->buckets[b->hash & (c->n_buckets - 1)];

    while (*link != b)
        link = &(*link)->next;
    *link = b->next;
    unlink_use(c, b);
    c->counts.bytes -= block_cost(b);
    c->counts.n_blocks--;
    c->counts.evicted++;
    block_unref(b);
}

void prefix_cache_clear(struct prefix_cache *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    size_t evicted = c->counts.evicted;
    while (c->oldest)
        evict(c, c->oldest);
    c->counts.evicted = evicted;
    pthread_mutex_unlock(&c->lock);
}

/* ---- */

static struct block *find(struct prefix_cache *c, uint64_t owner, uint64_t hash, size_t size)
{
    struct block *b;

    pthread_mutex_lock(&c->lock);
    b = c->buckets[hash & (c->n_buckets - 1)];
    while (b && (b->hash != hash || b->owner != owner || b->size != size))
        b = b->next;
    if (b) {
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
        unlink_use(c, b);
        link_newest(c, b);
    }
    *(b ? &c->counts.hits : &c->counts.misses) += 1;
    pthread_mutex_unlock(&c->lock);
    return b;
}

static void insert(struct prefix_cache *c, struct block *b)
{
    struct block **bucket;

    if (block_cost(b) > c->max_bytes) {
        block_unref(b);
        return;
    }
    pthread_mutex_lock(&c->lock);
    bucket = &c->buckets[b->hash & (c->n_buckets - 1)];
    /* Another thread may have been faster. */
    for (struct block *other = *bucket; other; other = other->next)
        if (other->hash == b->hash && other->owner == b->owner && other->size == b->size) {
            pthread_mutex_unlock(&c->lock);
            block_unref(b);
            return;
        }
    b->next = *bucket;
    *bucket = b;
    link_newest(c, b);
    c->counts.bytes += block_cost(b);
    c->counts.n_blocks++;
    while (c->counts.bytes > c->max_bytes)
        evict(c, c->oldest);
    pthread_mutex_unlock(&c->lock);
}

static struct block *make_block(uint64_t owner, uint64_t hash, const char *text, size_t size,
                                const uint32_t *ids, size_t n)
{
    struct block *b = mem_alloc(sizeof(*b) + n * sizeof(*ids) + size);

    atomic_init(&b->refs, 1);
    b->owner = owner;
    b->hash = hash;
    b->size = (uint32_t)size;
    b->n_ids = (uint32_t)n;
    if (n)
        memcpy(b->data, ids, n * sizeof(*ids));
    memcpy(b->data + n, text, size);
    return b;
}

static bool encode_block(struct prefix_cache *c, const struct tokenizer *t, const char *text,
                         size_t size, struct scratch *scratch, struct id_list *ids,
                         struct prefix_use *use, struct err *err)
{
    uint64_t hash = hash_table_key(text, size);
    struct block *b = find(c, t->serial, hash, size);
    size_t n = ids->n;

    if (b && memcmp(block_text(b), text, size) == 0) {
        id_list_append(ids, b->data, b->n_ids);
        use->bytes += size;
        use->ids += b->n_ids;
        block_unref(b);
        return true;
    }
    block_unref(b);
    if (!tokenizer_encode_ids(t, text, size, false, scratch, ids, err))
        return false;
    insert(c, make_block(t->serial, hash, text, size, ids->items + n, ids->n - n));
    return true;
}

bool prefix_encode(struct prefix_cache *c, const struct tokenizer *t, const char *text, size_t size,
                   bool add_special_tokens, struct scratch *scratch, struct id_list *ids,
                   struct prefix_use *ret, struct err *err)
{
    struct prefix_use use = {0};
    size_t at = 0, n = ids->n;

    *ret = use;
    if (!t->wraps_plainly || size < 2 * BLOCK_SIZE || !utf8_valid(text, size, NULL))
        return tokenizer_encode_ids(t, text, size, add_special_tokens, scratch, ids, err);
    if (add_special_tokens)
        id_list_append(ids, t->prefix_ids, t->n_prefix);
    while (size - at > BLOCK_SIZE) {
        size_t cut = tokenizer_safe_cut(t, text, size, at, at + BLOCK_SIZE);

        if (cut <= at)
            break;
        if (!encode_block(c, t, text + at, cut - at, scratch, ids, &use, err)) {
            ids->n = n;
            return false;
        }
        at = cut;
    }
    if (!tokenizer_encode_ids(t, text + at, size - at, false, scratch, ids, err)) {
        ids->n = n;
        return false;
    }
    if (add_special_tokens)
        id_list_append(ids, t->suffix_ids, t->n_suffix);
    *ret = use;
    return true;
}

void prefix_cache_counts(struct prefix_cache *c, struct prefix_counts *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->counts;
    pthread_mutex_unlock(&c->lock);
}
