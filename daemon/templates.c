#include "daemon/templates.h"

#include "base/hash.h"

#include <stdio.h>

struct template_entry {
    struct map_node node;
    char key[17];
    TAILQ_ENTRY(template_entry) link;
    struct template *compiled;
    size_t bytes, size;
    char text[];
};

void templates_init(struct templates *t, size_t max_bytes)
{
    *t = (struct templates){.max_bytes = max_bytes};
    TAILQ_INIT(&t->by_use);
}

static void drop(struct templates *t, struct template_entry *e)
{
    map_remove(&t->by_digest, &e->node);
    TAILQ_REMOVE(&t->by_use, e, link);
    t->bytes -= e->bytes;
    template_unref(e->compiled);
    free(e);
}

void templates_release(struct templates *t)
{
    struct template_entry *e;

    while ((e = TAILQ_FIRST(&t->by_use)))
        drop(t, e);
    map_release(&t->by_digest);
}

static struct template_entry *entry(struct templates *t, const char *text, size_t size,
                                    char key[17])
{
    struct map_node *n;

    snprintf(key, 17, "%016llx", (unsigned long long)hash_table_key(text, size));
    n = map_find(&t->by_digest, key);
    return n ? container_of(n, struct template_entry, node) : NULL;
}

struct template *templates_find(struct templates *t, const char *text, size_t size)
{
    char key[17];
    struct template_entry *e = entry(t, text, size, key);

    if (!e || e->size != size || memcmp(e->text, text, size) != 0) {
        t->misses++;
        return NULL;
    }
    t->hits++;
    TAILQ_REMOVE(&t->by_use, e, link);
    TAILQ_INSERT_HEAD(&t->by_use, e, link);
    /* The word `template` makes cppcheck think of C++ and lose the type. */
    // cppcheck-suppress CastIntegerToAddressAtReturn
    return template_ref(e->compiled);
}

void templates_put(struct templates *t, const char *text, size_t size, struct template *compiled)
{
    char key[17];
    struct template_entry *e = entry(t, text, size, key);

    if (e)
        return;
    e = mem_alloc(sizeof(*e) + size + 1);
    memcpy(e->key, key, sizeof(key));
    memcpy(e->text, text, size);
    e->size = size;
    e->compiled = template_ref(compiled);
    e->bytes = sizeof(*e) + size + template_bytes(compiled);
    e->node.key = e->key;
    map_insert(&t->by_digest, &e->node);
    TAILQ_INSERT_HEAD(&t->by_use, e, link);
    t->bytes += e->bytes;
    while (t->bytes > t->max_bytes && (e = TAILQ_LAST(&t->by_use, template_list)))
        drop(t, e);
}
