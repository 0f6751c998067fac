#include "api/listener.h"

#include "api/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* What one address has open. */
struct share {
    struct map_node node;
    unsigned n;
    char address[INET6_ADDRSTRLEN];
};

void listener_open(struct listener *l, struct server *s, const struct listener_config *config)
{
    const struct server_config *c = &s->config;
    bool is_near = config->door.is_loopback || config->door.is_unix;
    int one = 1;

    *l = (struct listener){.server = s, .door = config->door, .fd = config->fd};
    l->max = c->max_connections;
    /* On this machine all peers have one address: a limit there is only what somebody asked for. */
    l->max_per_peer = c->max_connections_per_peer ? c->max_connections_per_peer
                      : is_near                   ? 0
                                                  : DEFAULT_PER_PEER;
    if (config->door.is_unix)
        l->max_per_peer = 0;
    /* An inherited one may block. */
    fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
    /* Those it accepts inherit this. Replies go out in one piece, so nothing is gained by waiting.
     */
    if (!config->door.is_unix)
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void listener_close(struct listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

static const char *address_of(const struct arrival *a, char ret[INET6_ADDRSTRLEN])
{
    const void *address = a->peer.any.sa_family == AF_INET6 ? (const void *)&a->peer.v6.sin6_addr
                                                            : &a->peer.v4.sin_addr;

    return inet_ntop(a->peer.any.sa_family, address, ret, INET6_ADDRSTRLEN);
}

/* False: it has its share already. */
static bool take_share(struct listener *l, struct arrival *a)
{
    char address[INET6_ADDRSTRLEN];
    struct map_node *node;

    if (!l->max_per_peer || !a->peer_size || !address_of(a, address))
        return true;
    node = map_find(&l->shares, address);
    if (node) {
        a->share = container_of(node, struct share, node);
        if (a->share->n == l->max_per_peer)
            return false;
    } else {
        a->share = mem_new(struct share);
        strcpy(a->share->address, address);
        a->share->node.key = a->share->address;
        map_insert(&l->shares, &a->share->node);
    }
    a->share->n++;
    return true;
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

enum accepted listener_accept(struct listener *l, struct arrival *ret)
{
    while (l->n < l->max) {
        *ret = (struct arrival){.listener = l, .peer_size = sizeof(ret->peer)};
        ret->fd = accept4(l->fd, &ret->peer.any, &ret->peer_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (ret->fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (ret->fd < 0)
            return is_shortage(errno) ? ACCEPTED_POOR : ACCEPTED_NONE;
        if (l->door.is_unix)
            ret->peer_size = 0;
        if (take_share(l, ret)) {
            l->n++;
            return ACCEPTED;
        }
        close(ret->fd);
    }
    return ACCEPTED_FULL;
}

void listener_left(struct listener *l, struct share *share)
{
    l->n--;
    if (share && --share->n == 0) {
        map_remove(&l->shares, &share->node);
        free(share);
    }
    if (l->n == 0)
        map_release(&l->shares);
}
