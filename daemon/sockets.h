#pragma once
/*
 * Sockets: what the daemon listens on, and who may come in by which door.
 *
 * A TCP address gets a socket per I/O loop (SO_REUSEPORT: the kernel spreads
 * connections); a Unix socket and what the service manager passed belong to the
 * first loop. Port 0 is chosen once and then the same for all.
 */
#include "api/server.h"
#include "daemon/activation.h"
#include "daemon/config.h"

struct sockets {
    struct listener_config **of_loop; /* n_loops arrays */
    size_t *n_of_loop;
    size_t n_loops;
    struct strv texts; /* "http://127.0.0.1:8750", "unix:/path", in the order of --listen */
    struct strv paths; /* of Unix sockets we made: removed at the end */
};

/*
 * have_keys: whether anybody could show one. Errors: ERR_FORBIDDEN, an address
 * beyond this machine without keys; ERR_BUSY (taken), ERR_IO, ERR_INVALID.
 */
bool sockets_open(struct sockets *s, const struct settings *settings, bool have_keys,
                  struct err *err) MUST_CHECK;
/* The descriptors went to the servers; frees the rest and removes Unix sockets. */
void sockets_release(struct sockets *s);
