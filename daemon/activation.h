#pragma once
/*
 * Activation: listening sockets the service manager opened for us
 * (sd_listen_fds(3)): $LISTEN_FDS of them from descriptor 3, if $LISTEN_PID is
 * us. Half an environment (a container that inherited the variables of
 * another) is none.
 */
#include "base/err.h"

enum { ACTIVATION_MAX = 16 };

struct inherited {
    int fd;        /* close-on-exec, non-blocking */
    char name[64]; /* FileDescriptorName= of the socket unit; "" not given */
    bool is_unix;
    char text[160];   /* "http://127.0.0.1:8750" or "unix:/path", as after "listening on" */
    bool is_loopback; /* or a Unix socket */
};

/*
 * Fills ret and *ret_n (0: not activated) and removes the variables. The
 * descriptors are the caller's. Errors: ERR_INVALID, something was passed that
 * is no listening stream socket.
 */
bool activation_take(struct inherited ret[ACTIVATION_MAX], size_t *ret_n,
                     struct err *err) MUST_CHECK;
/* Text and is_loopback of a bound socket, also of one of our own: getsockname() in words. */
bool activation_describe(int fd, struct inherited *ret, struct err *err) MUST_CHECK;
