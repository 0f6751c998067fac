#include "api/auth.h"

#include <strings.h>

/* The name in "name:port", "[::1]:port"; its size in *ret_size. */
static const char *host_name(const char *host, size_t *ret_size)
{
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        *ret_size = end ? (size_t)(end - host) + 1 : strlen(host);
    } else {
        *ret_size = strcspn(host, ":");
    }
    return host;
}

static bool is_name(const char *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && strncasecmp(name, wanted, size) == 0;
}

static bool is_this_machine(const char *name, size_t size)
{
    static const char suffix[] = ".localhost";

    if (is_name(name, size, "localhost") || is_name(name, size, "[::1]"))
        return true;
    if (size > sizeof(suffix) - 1 &&
        strncasecmp(name + size - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0)
        return true;
    /* 127.0.0.0/8, as an address and not as the beginning of a name */
    return size > 4 && size < 16 && memcmp(name, "127.", 4) == 0 &&
           strspn(name, "0123456789.") >= size;
}

static bool is_allowed(const struct auth *a, const char *name, size_t size)
{
    for (size_t i = 0; i < a->n_allowed_hosts; i++)
        if (str_eq(a->allowed_hosts[i], "*") || is_name(name, size, a->allowed_hosts[i]))
            return true;
    return false;
}

/* A page may ask us when it came from us, or from a host that was allowed. */
static bool origin_is_ours(const struct auth *a, const struct head *head)
{
    const char *host = strstr(head->origin, "://");
    size_t size;

    if (!host)
        return false; /* "null": a sandbox or a file */
    host += 3;
    if (head->host && strcasecmp(host, head->host) == 0)
        return true;
    host = host_name(host, &size);
    return is_allowed(a, host, size);
}

bool auth_check_host(const struct auth *a, const struct door *door, const struct head *head,
                     struct err *err)
{
    bool check_host = !door->is_unix && (door->is_loopback || a->n_allowed_hosts);
    size_t size = 0;
    const char *name = head->host ? host_name(head->host, &size) : "";

    if (check_host && head->host && !is_allowed(a, name, size) &&
        !(door->is_loopback && is_this_machine(name, size))) {
        err_set(err, ERR_HOST,
                "this server does not answer for host \"%.*s\"; ask for localhost or allow the "
                "name with --allowed-host",
                (int)size, name);
        return err_fact_str(err, "host", head->host);
    }
    if (door->needs_key)
        return true; /* a page of somebody else does not have the key */
    if (head->origin ? !origin_is_ours(a, head)
                     : head->fetch_site && str_eq(head->fetch_site, "cross-site")) {
        err_set(err, ERR_HOST,
                "a web page of another origin may not ask here; allow its host with "
                "--allowed-host");
        return err_fact_str(err, "origin", head->origin ? head->origin : "cross-site");
    }
    return true;
}

bool auth_identify(const struct auth *a, const struct door *door, const struct head *head,
                   struct principal *ret, struct err *err)
{
    const char *token = head->authorization;

    if (!token || (!a->find && !door->needs_key)) {
        *ret = door->needs_key ? (struct principal){"anonymous", SCOPE_NONE}
                               : (struct principal){"local", SCOPE_ALL};
        return true;
    }
    if (strncasecmp(token, "Bearer ", 7) != 0)
        return err_set(err, ERR_UNAUTHORIZED, "Authorization must be \"Bearer <key>\"");
    token += 7 + strspn(token + 7, " ");
    if (!a->find || !a->find(a->ctx, token, strlen(token), ret))
        return err_set(err, ERR_UNAUTHORIZED, "no such key");
    return true;
}

bool auth_allow(const struct principal *who, enum scope scope, struct err *err)
{
    static const char *const names[] = {[SCOPE_READ] = "read",
                                        [SCOPE_TOKENIZE] = "tokenize",
                                        [SCOPE_WRITE] = "write",
                                        [SCOPE_ADMIN] = "admin"};

    if (scope == SCOPE_NONE || (who->scopes & (scope | SCOPE_ADMIN)))
        return true;
    if (who->scopes == SCOPE_NONE)
        return err_set(err, ERR_UNAUTHORIZED,
                       "a key with the scope \"%s\" is needed: Authorization: Bearer <key>",
                       names[scope]);
    err_set(err, ERR_FORBIDDEN, "the key \"%s\" does not have the scope \"%s\"", who->name,
            names[scope]);
    return err_fact_str(err, "scope", names[scope]);
}
