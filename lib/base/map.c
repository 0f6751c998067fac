#include "base/map.h"

#include "base/hash.h"

#include <assert.h>

void map_release(struct map *m)
{
    free(m->buckets);
    *m = (struct map){0};
}

static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->n_buckets - 1)];
}

struct map_node *map_find(const struct map *m, const char *key)
{
    if (!m->n)
        return NULL;
    uint64_t hash = hash_table_key(key, strlen(key));
    for (struct map_node *n = *bucket_of(m, hash); n; n = n->next)
        if (n->hash == hash && str_eq(n->key, key))
            return n;
    return NULL;
}

static void grow(struct map *m)
{
    struct map old = *m;

    m->n_buckets = old.n_buckets ? old.n_buckets * 2 : 16;
    m->buckets = mem_new_array(m->n_buckets, struct map_node *);
    for (size_t i = 0; i < old.n_buckets; i++)
        for (struct map_node *n = old.buckets[i], *next; n; n = next) {
            struct map_node **bucket = bucket_of(m, n->hash);

            next = n->next;
            n->next = *bucket;
            *bucket = n;
        }
    free(old.buckets);
}

void map_insert(struct map *m, struct map_node *node)
{
    if (m->n >= m->n_buckets)
        grow(m);
    node->hash = hash_table_key(node->key, strlen(node->key));
    struct map_node **bucket = bucket_of(m, node->hash);
    node->next = *bucket;
    *bucket = node;
    m->n++;
}

void map_remove(struct map *m, struct map_node *node)
{
    struct map_node **at = bucket_of(m, node->hash);

    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    m->n--;
}

struct map_node *map_next(const struct map *m, struct map_cursor *c)
{
    struct map_node *n = c->next;

    while (!n && c->bucket < m->n_buckets)
        n = m->buckets[c->bucket++];
    c->next = n ? n->next : NULL;
    return n;
}
