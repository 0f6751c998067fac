#pragma once
/*
 * Clock: a moment as a store has to remember it.
 *
 * Deadlines are kept on CLOCK_BOOTTIME, which no one can set back, but which
 * starts again with every boot. So a deadline is stored as both: boot time with
 * the id of its boot, and wall time for the day after a reboot.
 */
#include "base/base.h"

enum { BOOT_ID_MAX = 40 };

struct clock_moment {
    int64_t wall_ms; /* Unix milliseconds */
    int64_t boot_ms; /* CLOCK_BOOTTIME; only comparable within one boot_id */
    char boot_id[BOOT_ID_MAX];
};

/* Now. The boot id is read once per process. Any thread. */
struct clock_moment clock_now(void);
/* The same moment, later_ms later (or earlier, when negative). */
struct clock_moment clock_after(const struct clock_moment *m, int64_t later_ms);

/*
 * Milliseconds from now until deadline, 0 when it passed, never more than
 * max_ms: a wall clock that was set back during a reboot prolongs nothing
 * beyond what was granted.
 */
int64_t clock_remaining_ms(const struct clock_moment *deadline, const struct clock_moment *now,
                           int64_t max_ms);
