#pragma once
/*
 * Notify: what the service manager wants to hear (sd_notify(3)): one datagram
 * per message to $NOTIFY_SOCKET. Without that variable every call does nothing.
 *
 * Ready is said when the sockets answer; the watchdog is fed from the loop
 * that does the work, every notify_watchdog_ms(), so that a loop that hangs is
 * noticed.
 */
#include "base/err.h"

struct notify {
    int fd;                /* -1: nobody listens */
    int64_t watchdog_usec; /* 0: none */
};

/*
 * Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID and removes them, so
 * that no child of ours speaks for us. Never fails: a socket that cannot be
 * reached is as none.
 */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

void notify_ready(struct notify *n, const char *status);
/* Before and, with notify_ready(), after a reload. */
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n, const char *status);
void notify_watchdog(struct notify *n);
/* The stop or start needs ms more from now. */
void notify_extend(struct notify *n, int64_t ms);
/* How often to call notify_watchdog(): half of what is asked for; 0: never. */
int64_t notify_watchdog_ms(const struct notify *n);
