#include "daemon/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

static long number(const char *text)
{
    char *end;
    long n;

    if (!text || !*text)
        return -1;
    errno = 0;
    n = strtol(text, &end, 10);
    return errno || *end ? -1 : n;
}

static void describe_inet(const struct sockaddr *a, struct inherited *ret)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)a;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(ret->text, sizeof(ret->text), "http://%s:%d", host, ntohs(in->sin_port));
        ret->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(ret->text, sizeof(ret->text), "http://[%s]:%d", host, ntohs(in6->sin6_port));
        ret->is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
}

bool activation_describe(int fd, struct inherited *ret, struct err *err)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr *a = (struct sockaddr *)&storage;
    socklen_t size = sizeof(storage);

    if (getsockname(fd, a, &size) < 0)
        return err_set(err, ERR_INVALID, "descriptor %d: %m", fd);
    if (a->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)a;
        size_t n = size > offsetof(struct sockaddr_un, sun_path)
                       ? size - offsetof(struct sockaddr_un, sun_path)
                       : 0;
        bool abstract = n && !un->sun_path[0];

        snprintf(ret->text, sizeof(ret->text), "unix:%s%.*s", abstract ? "@" : "",
                 (int)(abstract ? n - 1 : n), un->sun_path + abstract);
        ret->is_unix = ret->is_loopback = true;
    } else if (a->sa_family == AF_INET || a->sa_family == AF_INET6) {
        describe_inet(a, ret);
        ret->is_unix = false;
    } else {
        return err_set(err, ERR_INVALID, "descriptor %d is neither a TCP nor a Unix socket", fd);
    }
    ret->fd = fd;
    return true;
}

static bool is_listening(int fd)
{
    int type = 0, listening = 0;
    socklen_t size = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static bool adopt(int fd, struct inherited *ret, struct err *err)
{
    int flags;

    if (!is_listening(fd))
        return err_set(
            err, ERR_INVALID,
            "descriptor %d from $LISTEN_FDS is no listening stream socket; the socket unit "
            "needs ListenStream= and Accept=no",
            fd);
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return err_set(err, ERR_INVALID, "descriptor %d: %m", fd);
    return activation_describe(fd, ret, err);
}

/* The names are in one list with colons between. */
static void take_name(const char **names, char *ret, size_t size)
{
    size_t n = strcspn(*names, ":");

    snprintf(ret, size, "%.*s", (int)n, *names);
    *names += n + ((*names)[n] == ':');
}

bool activation_take(struct inherited ret[ACTIVATION_MAX], size_t *ret_n, struct err *err)
{
    long n = number(getenv("LISTEN_FDS")), pid = number(getenv("LISTEN_PID"));
    AUTO_FREE char *names = str_dup(getenv("LISTEN_FDNAMES") ? getenv("LISTEN_FDNAMES") : "");
    const char *next = names;

    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    if (n <= 0 || pid != getpid()) {
        *ret_n = 0;
        return true;
    }
    if (n > ACTIVATION_MAX)
        return err_set(err, ERR_INVALID, "%ld sockets were passed; at most %d are served", n,
                       ACTIVATION_MAX);
    for (long i = 0; i < n; i++) {
        ret[i] = (struct inherited){.fd = -1};
        if (!adopt(FIRST_FD + (int)i, &ret[i], err))
            return false;
        take_name(&next, ret[i].name, sizeof(ret[i].name));
    }
    *ret_n = (size_t)n;
    return true;
}
