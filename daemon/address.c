#include "daemon/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool parse_unix(const char *path, struct address *ret, struct err *err)
{
    size_t size = strlen(path);

    if (path[0] != '/' || size >= sizeof(ret->un.sun_path))
        return err_set(err, ERR_INVALID,
                       "\"unix:%.120s\": a Unix socket needs an absolute path of at most %zu bytes",
                       path, sizeof(ret->un.sun_path) - 1);
    ret->un.sun_family = AF_UNIX;
    memcpy(ret->un.sun_path, path, size + 1);
    ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
    ret->is_unix = ret->is_loopback = true;
    return true;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* "host:port", "[v6]:port" into its halves. */
static bool split(const char *text, char host[256], char port[8])
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;

    if (!colon || !size || size > 255 || !colon[1] || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strtol(colon + 1, NULL, 10) > 65535)
        return false;
    if (text[0] == '[' && text[size - 1] == ']')
        text++, size -= 2;
    else if (memchr(text, ':', size))
        return false;
    memcpy(host, text, size);
    host[size] = '\0';
    strcpy(port, colon + 1);
    return size > 0;
}

bool address_parse(const char *text, struct address *ret, struct err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct address address = {.size = 0};
    struct addrinfo *found;
    char host[256], port[8];
    int status;

    if (str_starts(text, "unix:")) {
        if (!parse_unix(text + strlen("unix:"), &address, err))
            return false;
        *ret = address;
        return true;
    }
    if (!split(text, host, port))
        return err_set(
            err, ERR_INVALID,
            "\"%.120s\" is no address; write HOST:PORT, [IPV6]:PORT, *:PORT or unix:/PATH", text);
    status = getaddrinfo(str_eq(host, "*") ? NULL : host, port, &hints, &found);
    if (status)
        return err_set(err, ERR_INVALID, "\"%.120s\": %s", text, gai_strerror(status));
    memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    address.is_loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
    *ret = address;
    return true;
}

/* Whether a socket file is left from one who died: nobody accepts. */
static bool is_abandoned(const struct address *a)
{
    struct stat st;
    bool refused;
    int fd;

    if (lstat(a->un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    refused = connect(fd, &a->any, a->size) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_to(int fd, const struct address *a, bool shared)
{
    const int on = 1;
    mode_t mask;
    int status;

    if (!a->is_unix) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (shared)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        if (a->any.sa_family == AF_INET6 && a->is_loopback)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        return bind(fd, &a->any, a->size);
    }
    if (is_abandoned(a))
        unlink(a->un.sun_path);
    mask = umask(0117); /* before there are threads; afterwards chmod() would come too late */
    status = bind(fd, &a->any, a->size);
    umask(mask);
    return status;
}

bool address_listen(const struct address *a, bool shared, int *ret_fd, struct err *err)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    enum err_code code;

    if (fd < 0)
        return err_set(err, ERR_IO, "socket: %m");
    if (bind_to(fd, a, shared) == 0 && listen(fd, SOMAXCONN) == 0) {
        *ret_fd = fd;
        return true;
    }
    code = errno == EADDRINUSE ? ERR_BUSY : ERR_IO;
    if (a->is_unix)
        err_set(err, code, "%s: %s", a->un.sun_path,
                code == ERR_BUSY ? "somebody listens here already" : strerror(errno));
    else
        err_set(err, code, "port %d: %s",
                ntohs(a->any.sa_family == AF_INET
                          ? ((const struct sockaddr_in *)&a->any)->sin_port
                          : ((const struct sockaddr_in6 *)&a->any)->sin6_port),
                code == ERR_BUSY ? "taken by another process; port 0 finds a free one"
                                 : strerror(errno));
    close(fd);
    return false;
}
