#pragma once
/*
 * Address: what --listen takes. `127.0.0.1:8750`, `[::1]:8750`,
 * `localhost:0`, `*:8750`, `unix:/run/pipelined/api.sock`.
 */
#include "base/err.h"

#include <sys/socket.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
        struct sockaddr_un un;
    };
    socklen_t size;
    bool is_unix;
    bool is_loopback; /* true for Unix sockets: only this machine reaches them */
};

/* Resolves names with getaddrinfo(), so call it before there is a loop. Errors: ERR_INVALID. */
bool address_parse(const char *text, struct address *ret, struct err *err) MUST_CHECK;

/*
 * A listening socket (non-blocking, close-on-exec, SO_REUSEADDR; SO_REUSEPORT
 * when shared, for one socket per I/O loop). A Unix socket nobody answers on
 * is taken over, one somebody answers on is not; it is made with mode 0660.
 * Errors: ERR_BUSY (taken; the message says by whom where /proc tells), ERR_IO.
 */
bool address_listen(const struct address *a, bool shared, int *ret_fd, struct err *err) MUST_CHECK;
