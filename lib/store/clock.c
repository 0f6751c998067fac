#include "store/clock.h"

#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static char boot_id[BOOT_ID_MAX]; /* constant once read */

static void read_boot_id(void)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, boot_id, sizeof(boot_id) - 1);

    if (fd >= 0)
        close(fd);
    /* Unreadable is "": equal to no boot, so that wall time counts. */
    boot_id[n > 0 ? strcspn(boot_id, "\n") : 0] = '\0';
}

struct clock_moment clock_now(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct clock_moment now = {.boot_ms = clock_boot_ms()};
    struct timespec wall;

    pthread_once(&once, read_boot_id);
    clock_gettime(CLOCK_REALTIME, &wall);
    now.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    memcpy(now.boot_id, boot_id, sizeof(boot_id));
    return now;
}

struct clock_moment clock_after(const struct clock_moment *m, int64_t later_ms)
{
    struct clock_moment ret = *m;

    ret.wall_ms += later_ms;
    ret.boot_ms += later_ms;
    return ret;
}

int64_t clock_remaining_ms(const struct clock_moment *deadline, const struct clock_moment *now,
                           int64_t max_ms)
{
    bool same_boot = deadline->boot_id[0] && str_eq(deadline->boot_id, now->boot_id);
    int64_t left = same_boot ? deadline->boot_ms - now->boot_ms : deadline->wall_ms - now->wall_ms;

    return left < 0 ? 0 : left > max_ms ? max_ms : left;
}
