#pragma once
/*
 * Auth: who is asking, from where, and whether they may.
 *
 * A listener is a door with rules. On a loopback door without keys everybody
 * on the machine may do everything; but a web page in a browser on the machine
 * is not everybody: Host must then name this machine (against DNS rebinding)
 * and Origin, if there is one, must be this server or one that was allowed.
 */
#include "api/head.h"
#include "api/scope.h"

struct principal {
    const char *name; /* outlives every request: a key's name, or "local" */
    unsigned scopes;
};

struct door {
    bool needs_key;   /* else everybody is "local" with all scopes */
    bool is_loopback; /* check Host */
    bool is_unix;     /* Host says nothing here */
};

struct auth {
    /*
     * The key a token stands for. Must compare digests and take the same time
     * for every token. NULL: there are no keys.
     */
    bool (*find)(void *ctx, const char *token, size_t size, struct principal *ret);
    void *ctx;
    /* Names beside those of loopback, without port ("models.lan"); "*" allows any. */
    const char *const *allowed_hosts;
    size_t n_allowed_hosts;
};

/* Errors: ERR_HOST, with the facts "host" or "origin". */
bool auth_check_host(const struct auth *a, const struct door *door, const struct head *head,
                     struct err *err) MUST_CHECK;
/*
 * Who it is. Without a key on a door that needs one, *ret has no scopes and the
 * name "anonymous": open routes still serve it. Errors: ERR_UNAUTHORIZED, a key
 * that we do not know or an Authorization that is no bearer token.
 */
bool auth_identify(const struct auth *a, const struct door *door, const struct head *head,
                   struct principal *ret, struct err *err) MUST_CHECK;
/* Errors: ERR_UNAUTHORIZED (no key), ERR_FORBIDDEN (a key without the scope). */
bool auth_allow(const struct principal *who, enum scope scope, struct err *err) MUST_CHECK;
