/*
 * What the kernel alone takes: an edge-triggered epoll loop that answers whatever it
 * receives with the same bytes, one recv() and one send() a request. No HTTP server on
 * sockets costs less.
 *
 *     floor BYTES    prints its port; BYTES: of the body
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_EVENTS = 128 };

static void accept_all(int listener, int epoll)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        e.data.fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

static void answer(int fd, const char *bytes, size_t size)
{
    char request[4096];

    if (recv(fd, request, sizeof(request), 0) <= 0 ||
        send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
        close(fd);
}

int main(int argc, char **argv)
{
    size_t body = argc > 1 ? strtoul(argv[1], NULL, 10) : 600, head;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[MAX_EVENTS], e = {.events = EPOLLIN, .data.fd = listener};
    char *bytes = malloc(body + 256);

    head = (size_t)snprintf(bytes, 256,
                            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            body);
    memset(bytes + head, 'x', body);
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &size) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0)
        return 1;
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, MAX_EVENTS, -1);

        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                accept_all(listener, epoll);
            else
                answer(events[i].data.fd, bytes, head + body);
    }
}
