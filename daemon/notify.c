#include "daemon/notify.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A connected datagram socket to path ("@name" is in the abstract namespace), or -1. */
static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    int fd;

    if ((path[0] != '/' && path[0] != '@') || size < 2 || size >= sizeof(a.sun_path))
        return -1;
    memcpy(a.sun_path, path, size);
    if (a.sun_path[0] == '@')
        a.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&a,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int64_t number(const char *text)
{
    char *end;
    long long n;

    if (!text)
        return 0;
    errno = 0;
    n = strtoll(text, &end, 10);
    return errno || end == text || *end || n < 0 ? 0 : n;
}

void notify_open(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET"), *pid = getenv("WATCHDOG_PID");

    n->fd = path ? connect_to(path) : -1;
    n->watchdog_usec = number(getenv("WATCHDOG_USEC"));
    if (n->fd < 0 || (pid && number(pid) != getpid()))
        n->watchdog_usec = 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

/* Never waits: a manager that does not read must not stop the loop. */
static void say(struct notify *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct notify *n, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int size;

    if (n->fd < 0)
        return;
    va_start(ap, fmt);
    size = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (size < 0)
        return;
    if ((size_t)size >= sizeof(text))
        size = sizeof(text) - 1;
    if (send(n->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

void notify_ready(struct notify *n, const char *status) { say(n, "READY=1\nSTATUS=%s", status); }

void notify_reloading(struct notify *n)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    say(n, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reloading",
        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(struct notify *n, const char *status)
{
    say(n, "STOPPING=1\nSTATUS=%s", status);
}

void notify_watchdog(struct notify *n) { say(n, "WATCHDOG=1"); }

void notify_extend(struct notify *n, int64_t ms)
{
    say(n, "EXTEND_TIMEOUT_USEC=%lld", (long long)ms * 1000);
}

int64_t notify_watchdog_ms(const struct notify *n)
{
    int64_t ms = n->watchdog_usec / 2000;

    return n->watchdog_usec && !ms ? 1 : ms;
}
