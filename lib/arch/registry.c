#include "arch/registry.h"

#include "arch/snapshot.h"
#include "base/hash.h"

/*
 * Open addressing over names: a slot holds the index of the name's primary
 * plus 1. Records of one name are chained from it in registration order, so a
 * lookup is one probe and a walk over at most N_TASKS records.
 */
static size_t *slot_of(const struct registry *r, uint64_t hash, const char *name)
{
    for (size_t i = hash & r->mask;; i = (i + 1) & r->mask) {
        size_t *slot = &r->slots[i];

        if (!*slot || (r->hashes[*slot - 1] == hash && str_eq(r->archs[*slot - 1]->name, name)))
            return slot;
    }
}

static size_t slots_for(size_t n)
{
    size_t size = 16;

    while (size < 2 * n)
        size *= 2;
    return size;
}

static struct registry *registry_alloc(int64_t revision, size_t capacity)
{
    struct registry *r = mem_new(struct registry);

    r->refs = 1;
    r->revision = revision;
    r->archs = mem_new_array(capacity, struct arch *);
    r->hashes = mem_new_array(capacity, uint64_t);
    r->next = mem_new_array(capacity, size_t);
    r->mask = slots_for(capacity) - 1;
    r->slots = mem_new_array(r->mask + 1, size_t);
    return r;
}

size_t registry_index(const struct registry *r, const char *name, enum task task)
{
    size_t i;

    if (!r->n)
        return NOWHERE;
    i = *slot_of(r, hash_table_key(name, strlen(name)), name);
    while (i && task != TASK_NONE && r->archs[i - 1]->task != task)
        i = r->next[i - 1];
    return i ? i - 1 : NOWHERE;
}

/* Behind all others; there is room and the identity is new. */
static void append(struct registry *r, const struct arch *a, uint64_t hash)
{
    size_t *slot = slot_of(r, hash, a->name), *link = slot;

    while (*link)
        link = &r->next[*link - 1];
    *link = r->n + 1;
    r->hashes[r->n] = hash;
    r->archs[r->n++] = arch_ref(a);
}

static void put(struct registry *r, const struct arch *a)
{
    size_t i = registry_index(r, a->name, a->task);

    if (i == NOWHERE) {
        append(r, a, hash_table_key(a->name, strlen(a->name)));
        return;
    }
    struct arch *old = r->archs[i];

    r->archs[i] = arch_ref(a);
    arch_unref(old);
}

struct registry *registry_new(int64_t revision, struct arch *const *archs, size_t n)
{
    struct registry *r = registry_alloc(revision, n);

    for (size_t i = 0; i < n; i++)
        put(r, archs[i]);
    return r;
}

/* A copy with room for more, without the record at skip (NOWHERE: with all). */
static struct registry *copy(const struct registry *from, int64_t revision, size_t more,
                             size_t skip)
{
    struct registry *r = registry_alloc(revision, from->n + more);

    for (size_t i = 0; i < from->n; i++)
        if (i != skip)
            append(r, from->archs[i], from->hashes[i]);
    return r;
}

struct registry *registry_with(const struct registry *r, int64_t revision,
                               struct arch *const *archs, size_t n)
{
    struct registry *with = copy(r, revision, n, NOWHERE);

    for (size_t i = 0; i < n; i++)
        put(with, archs[i]);
    return with;
}

struct registry *registry_without(const struct registry *r, int64_t revision, const char *name,
                                  enum task task)
{
    return copy(r, revision, 0, registry_index(r, name, task));
}

static bool is_buried(const struct layers *layers, const struct arch *a)
{
    for (size_t i = 0; i < layers->n_tombstones; i++)
        if (layers->tombstones[i].task == a->task && str_eq(layers->tombstones[i].name, a->name))
            return true;
    return false;
}

static void put_layer(struct registry *r, const struct archs *layer, const struct layers *buried)
{
    for (size_t i = 0; layer && i < layer->n; i++)
        if (!buried || !is_buried(buried, layer->items[i]))
            put(r, layer->items[i]);
}

struct registry *registry_compose(int64_t revision, const struct layers *layers)
{
    size_t n = 0;
    const struct archs *all[] = {layers->builtin, layers->catalog, layers->api};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        n += all[i] ? all[i]->n : 0;
    struct registry *r = registry_alloc(revision, n);

    if (!layers->cleared) {
        put_layer(r, layers->builtin, layers);
        put_layer(r, layers->catalog, layers);
    }
    put_layer(r, layers->api, NULL);
    return r;
}

struct registry *registry_ref(const struct registry *r)
{
    struct registry *counted = (struct registry *)r;

    atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return counted;
}

void registry_unref(struct registry *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < r->n; i++)
        arch_unref(r->archs[i]);
    blob_unref(atomic_load_explicit(&r->list, memory_order_relaxed));
    free(r->archs);
    free(r->hashes);
    free(r->next);
    free(r->slots);
    free(r);
}

int64_t registry_revision(const struct registry *r) { return r->revision; }
size_t registry_size(const struct registry *r) { return r->n; }
const struct arch *registry_at(const struct registry *r, size_t i) { return r->archs[i]; }

const struct arch *registry_get(const struct registry *r, const char *name, enum task task)
{
    size_t i = registry_index(r, name, task);

    return i == NOWHERE ? NULL : r->archs[i];
}

size_t registry_tasks(const struct registry *r, const char *name, enum task ret[N_TASKS])
{
    size_t i = registry_index(r, name, TASK_NONE), n = 0;

    for (size_t at = i == NOWHERE ? 0 : i + 1; at; at = r->next[at - 1])
        ret[n++] = r->archs[at - 1]->task;
    return n;
}
