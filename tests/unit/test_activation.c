#include "test.h"

#include "daemon/activation.h"
#include "daemon/address.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The variables as systemd sets them for a process. */
static void pass(int n, pid_t pid, const char *names)
{
    char text[32];

    snprintf(text, sizeof(text), "%d", n);
    setenv("LISTEN_FDS", text, 1);
    snprintf(text, sizeof(text), "%d", (int)pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

/*
 * What a child sees that has a TCP socket as 3 and a Unix socket as 4; its exit
 * status says whether it was right. A child, because 3 and 4 may be taken here.
 */
static int in_child(int (*look)(void))
{
    AUTO_ERR struct err err = {0};
    AUTO_FREE char *path = str_printf("unix:/tmp/test_activation.%d", (int)getpid());
    struct address tcp, un;
    int status, tcp_fd, un_fd;
    pid_t child;

    assert_true(address_parse("127.0.0.1:0", &tcp, &err));
    assert_true(address_parse(path, &un, &err));
    assert_true(address_listen(&tcp, false, &tcp_fd, &err));
    assert_true(address_listen(&un, false, &un_fd, &err));
    child = fork();
    if (child == 0) {
        int a = fcntl(tcp_fd, F_DUPFD, 100), b = fcntl(un_fd, F_DUPFD, 100);

        dup2(a, 3);
        dup2(b, 4);
        _exit(look());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(tcp_fd);
    close(un_fd);
    unlink(path + strlen("unix:"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define REQUIRE(x)           \
    do {                     \
        if (!(x))            \
            return __LINE__; \
    } while (0)

static int look_at_both(void)
{
    struct inherited sockets[ACTIVATION_MAX];
    AUTO_ERR struct err err = {0};
    size_t n;

    pass(2, getpid(), "http:api");
    REQUIRE(activation_take(sockets, &n, &err));
    REQUIRE(n == 2 && !getenv("LISTEN_FDS") && !getenv("LISTEN_PID"));
    REQUIRE(str_eq(sockets[0].name, "http") && str_eq(sockets[1].name, "api"));
    REQUIRE(str_starts(sockets[0].text, "http://127.0.0.1:") && sockets[0].is_loopback);
    REQUIRE(str_starts(sockets[1].text, "unix:/tmp/test_activation.") && sockets[1].is_unix);
    REQUIRE(fcntl(3, F_GETFD) == FD_CLOEXEC && (fcntl(4, F_GETFL) & O_NONBLOCK));
    return 0;
}

static int look_at_another_s(void)
{
    struct inherited sockets[ACTIVATION_MAX];
    AUTO_ERR struct err err = {0};
    size_t n = 9;

    pass(2, 1, "");
    REQUIRE(activation_take(sockets, &n, &err) && n == 0);
    setenv("LISTEN_FDS", "2", 1); /* half an environment */
    REQUIRE(activation_take(sockets, &n, &err) && n == 0);
    setenv("LISTEN_FDS", "two", 1);
    REQUIRE(activation_take(sockets, &n, &err) && n == 0);
    return 0;
}

static int look_at_what_is_no_socket(void)
{
    struct inherited sockets[ACTIVATION_MAX];
    AUTO_ERR struct err err = {0};
    size_t n;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    REQUIRE(fd >= 0);
    dup2(fd, 4);
    pass(2, getpid(), "");
    REQUIRE(!activation_take(sockets, &n, &err));
    REQUIRE(err.code == ERR_INVALID && strstr(err.msg, "descriptor 4"));
    pass(1000, getpid(), "");
    REQUIRE(!activation_take(sockets, &n, &err));
    return 0;
}

static void sockets_come_with_names_and_addresses(void **state)
{
    (void)state;
    assert_int_equal(in_child(look_at_both), 0);
}

static void variables_for_somebody_else_are_nothing(void **state)
{
    (void)state;
    assert_int_equal(in_child(look_at_another_s), 0);
}

static void what_does_not_listen_is_refused(void **state)
{
    (void)state;
    assert_int_equal(in_child(look_at_what_is_no_socket), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_come_with_names_and_addresses),
        cmocka_unit_test(variables_for_somebody_else_are_nothing),
        cmocka_unit_test(what_does_not_listen_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
