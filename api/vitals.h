#pragma once
/*
 * Vitals: what every loop may know about the process without asking anybody.
 *
 * Written by the core loop, read by any: single atomics, no order between them.
 */
#include "base/base.h"

#include <stdatomic.h>

struct vitals {
    atomic_bool ready;            /* state loaded, sockets bound */
    atomic_bool draining;         /* stopping: readiness is 503, new work is refused */
    atomic_bool store_ok;         /* the last commit worked */
    atomic_bool store_read_only;  /* the store may be read only: the catalog is served */
    atomic_bool hub_ok;           /* the last request to the Hub was answered */
    atomic_bool offline;          /* asked to stay off the network */
    _Atomic int64_t core_beat_ms; /* CLOCK_MONOTONIC of the core loop's last turn, at least 1/s */
};
