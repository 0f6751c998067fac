#include "hub/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

/* The port behind the host; 0 is none we would use. */
static bool port_parse(const char *text, size_t size, uint16_t *ret)
{
    unsigned port = 0;

    if (!size || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *ret = (uint16_t)port;
    return port > 0 && port <= 65535;
}

bool origin_parse(struct origin *ret, const char *url)
{
    struct origin o = {0};
    const char *host, *host_end, *end;

    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '\\')
            return false;
    if (strncasecmp(url, "https://", 8) == 0)
        o.is_https = true, o.port = 443, host = url + 8;
    else if (strncasecmp(url, "http://", 7) == 0)
        o.port = 80, host = url + 7;
    else
        return false;

    end = host + strcspn(host, "/?#");
    if (memchr(host, '@', (size_t)(end - host)))
        return false;
    if (*host == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end)
            return false;
        if (host_end + 1 < end &&
            (host_end[1] != ':' ||
             !port_parse(host_end + 2, (size_t)(end - host_end - 2), &o.port)))
            return false;
    } else {
        host_end = memchr(host, ':', (size_t)(end - host));
        if (host_end && !port_parse(host_end + 1, (size_t)(end - host_end - 1), &o.port))
            return false;
        if (!host_end)
            host_end = end;
    }
    if (host_end == host || (size_t)(host_end - host) >= sizeof(o.host))
        return false;
    for (size_t i = 0; host + i < host_end; i++)
        o.host[i] = (char)tolower((unsigned char)host[i]);
    *ret = o;
    return true;
}

bool origin_eq(const struct origin *a, const struct origin *b)
{
    return a->is_https == b->is_https && a->port == b->port && str_eq(a->host, b->host);
}

static bool ipv4_is_private(uint32_t a)
{
    static const struct {
        uint32_t net;
        int bits;
    } nets[] = {
        {0x00000000, 8},  /* this network */
        {0x0a000000, 8},  /* private */
        {0x64400000, 10}, /* shared, carrier NAT */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link-local, where clouds keep credentials */
        {0xac100000, 12}, /* private */
        {0xc0000000, 24}, /* protocol assignments */
        {0xc0a80000, 16}, /* private */
        {0xc6120000, 15}, /* benchmarks */
        {0xe0000000, 3},  /* multicast, reserved, broadcast */
    };

    for (size_t i = 0; i < ARRAY_SIZE(nets); i++)
        if ((a ^ nets[i].net) >> (32 - nets[i].bits) == 0)
            return true;
    return false;
}

static bool ipv6_is_private(const struct in6_addr *a)
{
    const uint8_t *b = a->s6_addr;
    uint32_t last;

    memcpy(&last, b + 12, 4);
    if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) ||           /* with ::1 and :: */
        (b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b)) /* NAT64 */
        return ipv4_is_private(ntohl(last)) || IN6_IS_ADDR_V4COMPAT(a);
    return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) || (b[0] & 0xfe) == 0xfc ||
           (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || b[0] == 0xff;
}

bool address_is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        return ipv4_is_private(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        return ipv6_is_private(&in6.sin6_addr);
    }
    return true; /* a Unix socket and whatever else is not the public internet */
}

bool origin_is_private(const struct origin *o)
{
    struct in6_addr six;
    struct in_addr four;

    if (str_eq(o->host, "localhost") || str_ends(o->host, ".localhost"))
        return true;
    /* inet_aton() also knows the short forms (127.1, 0x7f000001) that resolvers accept. */
    if (inet_aton(o->host, &four))
        return ipv4_is_private(ntohl(four.s_addr));
    return inet_pton(AF_INET6, o->host, &six) == 1 && ipv6_is_private(&six);
}

/* location, read from the point of view of from (RFC 3986, section 5, without dot segments). */
static char *url_join(const char *from, const char *location)
{
    const char *authority = strstr(from, "://") + 3;
    const char *path = authority + strcspn(authority, "/?#");
    size_t path_size = strcspn(path, "?#");

    if (strstr(location, "://") && strcspn(location, ":") < strcspn(location, "/?#"))
        return str_dup(location);
    if (str_starts(location, "//"))
        return str_printf("%.*s:%s", (int)(authority - 3 - from), from, location);
    if (*location == '/')
        return str_printf("%.*s%s", (int)(path - from), from, location);
    if (*location == '?')
        return str_printf("%.*s%s", (int)(path - from + (ptrdiff_t)path_size), from, location);
    while (path_size && path[path_size - 1] != '/')
        path_size--;
    return str_printf("%.*s%s%s", (int)(path - from + (ptrdiff_t)path_size), from,
                      path_size ? "" : "/", location);
}

static bool redirect_refuse(const char *location, const char *why, struct err *err)
{
    char shown[300]; /* without the query, which may hold a signature */

    snprintf(shown, sizeof(shown), "%.*s", (int)strcspn(location, "?#"), location);
    err_set(err, ERR_HUB_BAD_ANSWER, "the Hub redirects to %.200s, which is not followed: %s",
            shown, why);
    return err_fact_str(err, "location", shown);
}

bool redirect_next(const char *upstream, const char *from, const char *location, unsigned hops,
                   bool had_token, char **ret_url, bool *ret_with_token, struct err *err)
{
    AUTO_FREE char *url = NULL;
    struct origin home, here, there;

    if (hops >= REDIRECT_HOPS_MAX)
        return redirect_refuse(location, "the chain is longer than 5", err);
    if (!*location || strlen(location) > URL_SIZE_MAX || !origin_parse(&home, upstream) ||
        !origin_parse(&here, from))
        return redirect_refuse(location, "this is no usable URL", err);
    url = url_join(from, location);
    if (!origin_parse(&there, url))
        return redirect_refuse(location, "this is no http or https URL", err);
    url[strcspn(url, "#")] = '\0';
    if (here.is_https && !there.is_https)
        return redirect_refuse(location, "it leads from https to http", err);
    if (origin_is_private(&there) && !origin_is_private(&home))
        return redirect_refuse(location, "it leads to a private address", err);
    *ret_with_token = had_token && origin_eq(&there, &home);
    *ret_url = take(&url);
    return true;
}
