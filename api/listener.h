#pragma once
/*
 * Listener: a listening socket, and how many may come in by it.
 *
 * Connections are counted from accept to close, whoever has them; at the limit
 * the socket is left alone, and looked at again when one has gone. Likewise
 * when the process is out of descriptors: then also after a second, since
 * others may free some. Private to api/.
 */
#include "api/server.h"
#include "base/map.h"

#include <netinet/in.h>
#include <sys/queue.h>

struct share;

struct listener {
    struct server *server;
    struct door door;
    int fd;                     /* -1: closed */
    bool deaf;                  /* not watched: at the limit, or out of descriptors */
    unsigned n;                 /* connections that came in here and are open */
    unsigned max, max_per_peer; /* 0: no limit of peers */
    struct map shares;          /* of peers that have connections */
};

/* Who came. */
struct arrival {
    struct listener *listener;
    int fd;
    struct share *share; /* of the limit per peer; NULL where there is none */
    socklen_t peer_size; /* 0: no address */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

/* Takes over fd. */
void listener_open(struct listener *l, struct server *s, const struct listener_config *config);
/* What came in by it stays; nobody else comes. */
void listener_close(struct listener *l);

enum accepted {
    ACCEPTED,
    ACCEPTED_NONE, /* nobody waits */
    ACCEPTED_FULL, /* at the limit */
    ACCEPTED_POOR, /* out of descriptors or memory */
};
/* One connection that waits. Peers who have their share are closed at once. */
enum accepted listener_accept(struct listener *l, struct arrival *ret);
/* The connection is closed, by whoever had it. */
void listener_left(struct listener *l, struct share *share);
