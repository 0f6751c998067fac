#pragma once
/*
 * Keys: who may do what. A keys file has a line per key:
 *
 *     # name  scopes               digest
 *     ci      read,write           sha256:5f0c…
 *
 * The digest is of the whole key. Keys are 256 random bits, so a plain SHA-256
 * is enough; there is nothing to guess. `pipelined --make-key NAME --scopes …`
 * makes a key and prints it and its line, once.
 */
#include "api/scope.h"
#include "base/err.h"

struct key {
    char name[64];
    unsigned scopes;
    uint8_t digest[32];
};

struct keys {
    struct key *items;
    size_t n;
};

/*
 * Immutable after load: any thread may look up. Errors: ERR_INVALID (with
 * file:line), ERR_IO; a file that others than its owner and group may read is
 * accepted, for it holds no secrets.
 */
bool keys_load(struct keys *k, const char *path, struct err *err) MUST_CHECK;
void keys_release(struct keys *k);

/* The key a bearer token stands for, or NULL. Takes the same time for every token of a size. */
const struct key *keys_find(const struct keys *k, const char *token, size_t size);

/* "read,write" to bits. Errors: ERR_INVALID naming the scope and all there are. */
bool scopes_parse(const char *text, unsigned *ret, struct err *err) MUST_CHECK;
void scopes_print(unsigned scopes, char ret[40]);

enum { KEY_TEXT = 3 + 64 + 1 }; /* "pk_", 64 hex digits, NUL */
/* A new key and its line of the keys file. Errors: ERR_INVALID (name), ERR_IO (no randomness). */
bool keys_make(const char *name, unsigned scopes, char ret_key[KEY_TEXT], struct buf *ret_line,
               struct err *err) MUST_CHECK;
