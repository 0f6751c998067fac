#include "daemon/keyring.h"

struct key_set {
    struct keys keys;
    struct key_set *before; /* what it replaced */
};

bool keyring_load(struct keyring *k, const char *path, struct err *err)
{
    atomic_init(&k->current, NULL);
    return keyring_reload(k, path, err);
}

bool keyring_reload(struct keyring *k, const char *path, struct err *err)
{
    struct key_set *set = mem_new(struct key_set);

    if (*path && !keys_load(&set->keys, path, err)) {
        free(set);
        return false;
    }
    set->before = atomic_load(&k->current);
    atomic_store(&k->current, set);
    return true;
}

void keyring_release(struct keyring *k)
{
    struct key_set *set = atomic_load(&k->current), *before;

    for (; set; set = before) {
        before = set->before;
        keys_release(&set->keys);
        free(set);
    }
    atomic_store(&k->current, NULL);
}

bool keyring_has_keys(struct keyring *k)
{
    const struct key_set *set = atomic_load(&k->current);

    return set && set->keys.n > 0;
}

bool keyring_find(void *ctx, const char *token, size_t size, struct principal *ret)
{
    struct keyring *k = ctx;
    const struct key *key = keys_find(&atomic_load(&k->current)->keys, token, size);

    if (!key)
        return false;
    *ret = (struct principal){.name = key->name, .scopes = key->scopes};
    return true;
}
