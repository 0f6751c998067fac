/*
 * The floor: libmicrohttpd with external epoll and one prebuilt response, and
 * nothing else. What we cost above it is ours.
 *
 *     bare_mhd BYTES POOL    prints its port; POOL: bytes of memory per connection
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct MHD_Response *response;

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    (void)cls, (void)url, (void)method, (void)version, (void)upload;
    if (!*slot || *upload_size) {
        *slot = &response;
        *upload_size = 0; /* a body is taken and forgotten */
        return MHD_YES;
    }
    return MHD_queue_response(c, 200, response);
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 600;
    size_t pool = argc > 2 ? (size_t)atol(argv[2]) : 8192;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char *body = malloc(size);
    struct MHD_Daemon *d;
    struct pollfd fd;

    signal(SIGPIPE, SIG_IGN);
    memset(body, 'x', size);
    response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", "application/json");
    d = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &a,
                         MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         pool, MHD_OPTION_END);
    if (!d)
        return 1;
    printf("%u\n", MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    fd = (struct pollfd){MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, POLLIN, 0};
    for (;;) {
        MHD_UNSIGNED_LONG_LONG ms;
        int wait_ms = MHD_get_timeout(d, &ms) == MHD_YES ? (int)ms : -1;

        poll(&fd, 1, wait_ms);
        MHD_run(d);
    }
}
