#pragma once
/* Clocks, and times as text. */
#include "base/base.h"

int64_t
clock_wall_s(void); /* Unix seconds: printed, stored, never compared with now for a deadline */
int64_t clock_mono_ms(void); /* CLOCK_MONOTONIC: deadlines of requests */
int64_t clock_boot_ms(void); /* CLOCK_BOOTTIME: leases; goes on while the machine sleeps */
int64_t clock_mono_ns(void);

enum { CLOCK_TEXT = 32 };
/* RFC 3339 in UTC, "2026-11-23T21:00:00Z"; returns ret. */
char *clock_text(int64_t unix_s, char ret[CLOCK_TEXT]);
