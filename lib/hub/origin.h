#pragma once
/*
 * Origin: scheme, host and port of a URL, which decide where a token may go,
 * and the rules by which we follow a redirect.
 *
 * A redirect is followed by hand, hop by hop: the token stays with the origin
 * of the Hub for good (once a chain has left it, coming back does not bring the
 * token back); https never becomes http; nobody may send us to a private
 * address unless the Hub itself is on one.
 */
#include "base/err.h"

#include <sys/socket.h>

struct origin {
    bool is_https;
    char host[256]; /* lower case, IPv6 without brackets */
    uint16_t port;
};

/* False when url is no absolute http(s) URL, holds user information or control characters. */
bool origin_parse(struct origin *ret, const char *url);
bool origin_eq(const struct origin *a, const struct origin *b);

/* Loopback, private, link-local, unspecified, multicast and the like (RFC 6890). */
bool address_is_private(const struct sockaddr *address);
/* The host is such an address written out, or localhost. A name may still resolve to one. */
bool origin_is_private(const struct origin *o);

enum { REDIRECT_HOPS_MAX = 5, URL_SIZE_MAX = 8192 };

/*
 * The next URL of a chain. upstream is the Hub's; from is what answered with
 * location. hops counts those already made. *ret_with_token is true when the
 * token may go there. The caller frees *ret_url.
 *
 * Errors: ERR_HUB_BAD_ANSWER with "location" (too many hops, not a URL, https
 * to http, a private address).
 */
bool redirect_next(const char *upstream, const char *from, const char *location, unsigned hops,
                   bool had_token, char **ret_url, bool *ret_with_token,
                   struct err *err) MUST_CHECK;
