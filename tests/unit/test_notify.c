#include "test.h"

#include "daemon/notify.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A service manager's end, in the abstract namespace so that nothing is left behind. */
static int manager(char ret_name[64])
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;

    n = snprintf(ret_name, 64, "@test_notify-%d", (int)getpid());
    memcpy(a.sun_path + 1, ret_name + 1, (size_t)n - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
                     0);
    return fd;
}

static void assert_hears(int fd, const char *text)
{
    char got[600];
    ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

    assert_true(n > 0);
    got[n] = '\0';
    assert_non_null(strstr(got, text));
}

static void the_manager_hears_what_happens(void **state)
{
    struct notify n;
    char name[64];
    int fd = manager(name);
    (void)state;

    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_int_equal(notify_watchdog_ms(&n), 15000);
    notify_ready(&n, "serving");
    assert_hears(fd, "READY=1\nSTATUS=serving");
    notify_reloading(&n);
    assert_hears(fd, "RELOADING=1\nMONOTONIC_USEC=");
    notify_watchdog(&n);
    assert_hears(fd, "WATCHDOG=1");
    notify_extend(&n, 1500);
    assert_hears(fd, "EXTEND_TIMEOUT_USEC=1500000");
    notify_stopping(&n, "draining");
    assert_hears(fd, "STOPPING=1");
    notify_close(&n);
    close(fd);
}

static void a_watchdog_of_another_process_is_not_ours(void **state)
{
    struct notify n;
    char name[64];
    int fd = manager(name);
    (void)state;

    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open(&n);
    assert_int_equal(notify_watchdog_ms(&n), 0);
    notify_close(&n);
    close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
    struct notify n;
    (void)state;

    notify_open(&n);
    notify_ready(&n, "x");
    assert_int_equal(notify_watchdog_ms(&n), 0);
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    notify_open(&n);
    assert_int_equal(n.fd, -1);
    notify_stopping(&n, "x");
}

static void a_manager_that_does_not_read_stops_nobody(void **state)
{
    struct notify n;
    char name[64];
    int fd = manager(name);
    (void)state;

    setenv("NOTIFY_SOCKET", name, 1);
    notify_open(&n);
    for (int i = 0; i < 100000; i++)
        notify_watchdog(&n);
    notify_close(&n);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_hears_what_happens),
        cmocka_unit_test(a_watchdog_of_another_process_is_not_ours),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(a_manager_that_does_not_read_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
