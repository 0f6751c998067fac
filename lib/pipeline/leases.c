#include "pipeline/leases.h"

#include "base/hash.h"

#include <stdio.h>
#include <sys/random.h>

void leases_release(struct leases *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->heap[i]);
    free(t->heap);
    map_release(&t->by_id);
    *t = (struct leases){0};
}

static void place(struct leases *t, struct lease *lease, size_t at)
{
    t->heap[at] = lease;
    lease->heap_index = at;
}

static void sift_up(struct leases *t, struct lease *lease)
{
    size_t at = lease->heap_index;

    for (size_t above; at > 0; at = above) {
        above = (at - 1) / 2;
        if (t->heap[above]->expires_ms <= lease->expires_ms)
            break;
        place(t, t->heap[above], at);
    }
    place(t, lease, at);
}

static void sift_down(struct leases *t, struct lease *lease)
{
    size_t at = lease->heap_index;

    for (size_t child; (child = 2 * at + 1) < t->n; at = child) {
        if (child + 1 < t->n && t->heap[child + 1]->expires_ms < t->heap[child]->expires_ms)
            child++;
        if (t->heap[child]->expires_ms >= lease->expires_ms)
            break;
        place(t, t->heap[child], at);
    }
    place(t, lease, at);
}

static void id_random(char id[LEASE_ID_MAX])
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        abort();
    memcpy(id, "ls_", 3);
    hash_hex(bytes, sizeof(bytes), id + 3);
}

struct lease *lease_new(const char *id, const char *pipeline, const char *holder, int64_t ttl_s,
                        int64_t expires_ms)
{
    struct lease *lease = mem_new(struct lease);

    if (id)
        snprintf(lease->id, sizeof(lease->id), "%s", id);
    else
        id_random(lease->id);
    snprintf(lease->pipeline, sizeof(lease->pipeline), "%s", pipeline);
    snprintf(lease->holder, sizeof(lease->holder), "%s", holder);
    lease->ttl_s = ttl_s;
    lease->expires_ms = expires_ms;
    lease->node.key = lease->id;
    return lease;
}

void leases_put(struct leases *t, struct lease *lease)
{
    map_insert(&t->by_id, &lease->node);
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 16;
        t->heap = mem_resize(t->heap, t->capacity * sizeof(*t->heap));
    }
    lease->heap_index = t->n++;
    sift_up(t, lease);
}

struct lease *leases_find(const struct leases *t, const char *id)
{
    struct map_node *n = map_find(&t->by_id, id);

    return n ? container_of(n, struct lease, node) : NULL;
}

void leases_renew(struct leases *t, struct lease *lease, int64_t ttl_s, int64_t now_ms)
{
    if (ttl_s > 0)
        lease->ttl_s = ttl_s;
    lease->expires_ms = now_ms + lease->ttl_s * 1000;
    sift_up(t, lease);
    sift_down(t, lease);
}

void leases_remove(struct leases *t, struct lease *lease)
{
    struct lease *last = t->heap[--t->n];

    map_remove(&t->by_id, &lease->node);
    if (last != lease) {
        last->heap_index = lease->heap_index;
        sift_up(t, last);
        sift_down(t, last);
    }
}

struct lease *leases_first(const struct leases *t) { return t->n ? t->heap[0] : NULL; }
