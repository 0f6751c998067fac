#include "daemon/gate.h"

#include <assert.h>

struct identity {
    struct map_node node;
    char text[];
};

void gate_init(struct gate *g)
{
    *g = (struct gate){0};
    g->waiting_end = &g->waiting;
}

void gate_release(struct gate *g)
{
    assert(!g->busy.n && !g->waiting);
    map_release(&g->busy);
}

static bool is_free(const struct gate *g, const char *const *identities, size_t n)
{
    if (g->all_busy || g->waiting) /* whoever waits comes first */
        return false;
    if (!n)
        return g->busy.n == 0;
    for (size_t i = 0; i < n; i++)
        if (map_find(&g->busy, identities[i]))
            return false;
    return true;
}

bool gate_enter(struct gate *g, const char *const *identities, size_t n, struct call *call)
{
    if (!is_free(g, identities, n)) {
        call->next = NULL;
        *g->waiting_end = call;
        g->waiting_end = &call->next;
        return false;
    }
    g->all_busy = n == 0;
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(identities[i]) + 1;
        struct identity *id = mem_alloc(sizeof(*id) + size);

        memcpy(id->text, identities[i], size);
        id->node.key = id->text;
        map_insert(&g->busy, &id->node);
    }
    return true;
}

void gate_leave(struct gate *g, const char *const *identities, size_t n)
{
    if (!n)
        g->all_busy = false;
    for (size_t i = 0; i < n; i++) {
        struct map_node *node = map_find(&g->busy, identities[i]);

        map_remove(&g->busy, node);
        free(container_of(node, struct identity, node));
    }
}

struct call *gate_take_waiting(struct gate *g)
{
    struct call *list = g->waiting;

    g->waiting = NULL;
    g->waiting_end = &g->waiting;
    return list;
}
