#include "daemon/prompt_thread.h"

#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SLICE_NS = 100 * 1000,  /* the shortest there is */
    RESET_ON_FORK = 1 << 0, /* threads it starts have slices as all have; but no nice below 0 */
};

/* As of Linux 3.14; glibc of Debian 12 has none. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

void prompt_thread(void)
{
    struct attributes a = {.size = sizeof(a),
                           .policy = SCHED_OTHER,
                           .flags = RESET_ON_FORK,
                           .nice = getpriority(PRIO_PROCESS, 0),
                           .runtime = SLICE_NS};

    if (a.nice >= 0)
        syscall(SYS_sched_setattr, 0, &a, 0);
}
