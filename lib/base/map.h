#pragma once
/*
 * Map: objects found by a string key, intrusive.
 *
 * The object embeds a node whose key points into the object itself; the map
 * owns neither. Keys may come from outside: the hash is keyed. Growth doubles
 * and moves every node at once, so one insert in n costs O(n).
 *
 *     struct lease { struct map_node node; char id[40]; … };
 *
 *     lease->node.key = lease->id;
 *     map_insert(&table, &lease->node);
 *     struct map_node *n = map_find(&table, "ls_…");
 *     struct lease *l = n ? container_of(n, struct lease, node) : NULL;
 */
#include "base/base.h"

struct map_node {
    const char *key;
    uint64_t hash;
    struct map_node *next;
};

struct map {
    struct map_node **buckets;
    size_t n_buckets; /* a power of two, or 0 */
    size_t n;
};

/* Frees the table; the objects are the caller's. */
void map_release(struct map *m);
struct map_node *map_find(const struct map *m, const char *key);
/* The key must not be in the map. */
void map_insert(struct map *m, struct map_node *node);
/* The node must be in the map. */
void map_remove(struct map *m, struct map_node *node);

/*
 * Every node, in no order. The current one may be removed:
 *     struct map_node *node;
 *     for (struct map_cursor c = {0}; (node = map_next(&table, &c));) …
 */
struct map_cursor {
    size_t bucket;
    struct map_node *next;
};
struct map_node *map_next(const struct map *m, struct map_cursor *c);
