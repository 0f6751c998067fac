#pragma once
/*
 * Keyring: the keys in force, replaced while requests look them up.
 *
 * A reload swaps one pointer; sets that were replaced stay until the end,
 * because a loop may be reading one: they are small, and reloads are rare.
 */
#include "api/auth.h"
#include "daemon/keys.h"

#include <stdatomic.h>

struct key_set;

struct keyring {
    _Atomic(struct key_set *) current;
};

/* path "": no keys. Errors: those of keys_load(). */
bool keyring_load(struct keyring *k, const char *path, struct err *err) MUST_CHECK;
/* As keyring_load(); on failure the old keys stay in force. Loop thread. */
bool keyring_reload(struct keyring *k, const char *path, struct err *err) MUST_CHECK;
void keyring_release(struct keyring *k);
bool keyring_has_keys(struct keyring *k);
/* auth.find: any thread. */
bool keyring_find(void *keyring, const char *token, size_t size, struct principal *ret);
