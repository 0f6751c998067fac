#include "daemon/hub_memory.h"

#include "hub/model_info.h"

void hub_memory_init(struct hub_memory *m)
{
    *m = (struct hub_memory){0};
    TAILQ_INIT(&m->pin_order);
    TAILQ_INIT(&m->refusal_order);
}

/* ---- pins */

static char *pin_key(const char *repo, const char *revision, const char *credential)
{
    return str_printf("%s\n%s\n%s", repo, revision, credential);
}

static void pin_drop(struct hub_memory *m, struct known_pin *k)
{
    map_remove(&m->pins, &k->node);
    TAILQ_REMOVE(&m->pin_order, k, link);
    m->pin_bytes -= k->bytes;
    pin_release(&k->pin);
    free(k->key);
    free(k);
}

static struct known_pin *pin_find(struct hub_memory *m, const char *key)
{
    struct map_node *n = map_find(&m->pins, key);

    return n ? container_of(n, struct known_pin, node) : NULL;
}

const struct known_pin *hub_memory_pin(struct hub_memory *m, const char *repo, const char *revision,
                                       const char *credential)
{
    AUTO_FREE char *key = pin_key(repo, revision, credential);
    struct known_pin *k = pin_find(m, key);

    if (k) {
        TAILQ_REMOVE(&m->pin_order, k, link);
        TAILQ_INSERT_TAIL(&m->pin_order, k, link);
    }
    return k;
}

static size_t pin_bytes(const struct pin *pin)
{
    size_t n = sizeof(struct known_pin) + pin->n_files * sizeof(*pin->files);

    for (size_t i = 0; i < pin->n_files; i++)
        n += strlen(pin->files[i].path) + 1;
    return n;
}

void hub_memory_put_pin(struct hub_memory *m, const char *repo, const char *revision,
                        const char *credential, const struct pin *pin, int64_t at_ms)
{
    char *key = pin_key(repo, revision, credential);
    struct known_pin *k = pin_find(m, key);

    if (k)
        pin_drop(m, k);
    k = mem_new(struct known_pin);
    k->key = key;
    k->at_ms = at_ms;
    pin_copy(&k->pin, pin);
    k->bytes = pin_bytes(pin);
    k->node.key = k->key;
    map_insert(&m->pins, &k->node);
    TAILQ_INSERT_TAIL(&m->pin_order, k, link);
    m->pin_bytes += k->bytes;
    while (m->pins.n > HUB_PINS_MAX || m->pin_bytes > HUB_PINS_BYTES_MAX)
        pin_drop(m, TAILQ_FIRST(&m->pin_order));
}

/* ---- refusals */

static void refusal_drop(struct hub_memory *m, struct refusal *r)
{
    map_remove(&m->refusals, &r->node);
    TAILQ_REMOVE(&m->refusal_order, r, link);
    err_release(&r->err);
    free(r->key);
    free(r);
}

static struct refusal *refusal_find(struct hub_memory *m, const char *key)
{
    struct map_node *n = map_find(&m->refusals, key);

    return n ? container_of(n, struct refusal, node) : NULL;
}

const struct refusal *hub_memory_refusal(struct hub_memory *m, const char *key, int64_t now_ms)
{
    struct refusal *r = refusal_find(m, key);

    if (!r || r->until_ms > now_ms)
        return r;
    refusal_drop(m, r);
    return NULL;
}

void hub_memory_put_refusal(struct hub_memory *m, const char *key, const struct err *err,
                            int64_t until_ms)
{
    struct refusal *r;

    hub_memory_drop_refusal(m, key);
    if (m->refusals.n >= HUB_REFUSALS_MAX)
        refusal_drop(m, TAILQ_FIRST(&m->refusal_order));
    r = mem_new(struct refusal);
    r->key = str_dup(key);
    r->until_ms = until_ms;
    err_copy(&r->err, err);
    r->node.key = r->key;
    map_insert(&m->refusals, &r->node);
    TAILQ_INSERT_TAIL(&m->refusal_order, r, link);
}

void hub_memory_drop_refusal(struct hub_memory *m, const char *key)
{
    struct refusal *r = refusal_find(m, key);

    if (r)
        refusal_drop(m, r);
}

/* ---- both */

static bool is_about(const char *key, const char *repo)
{
    size_t size = repo ? strlen(repo) : 0;

    return !repo || (strncmp(key, repo, size) == 0 && key[size] == '\n');
}

void hub_memory_forget(struct hub_memory *m, const char *repo)
{
    struct known_pin *k, *next_k;
    struct refusal *r, *next_r;

    for (k = TAILQ_FIRST(&m->pin_order); k; k = next_k) {
        next_k = TAILQ_NEXT(k, link);
        if (is_about(k->key, repo) || (repo && str_eq(k->pin.canonical, repo)))
            pin_drop(m, k);
    }
    for (r = TAILQ_FIRST(&m->refusal_order); r; r = next_r) {
        next_r = TAILQ_NEXT(r, link);
        if (is_about(strchr(r->key, '\n') + 1, repo))
            refusal_drop(m, r);
    }
}

void hub_memory_release(struct hub_memory *m)
{
    hub_memory_forget(m, NULL);
    map_release(&m->pins);
    map_release(&m->refusals);
}
