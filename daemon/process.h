#pragma once
/*
 * Process: the parts of the daemon, put together, started, and stopped.
 *
 * Start: settings, keys, sockets, store, state, Hub, loops; then it is ready.
 * Stop (TERM, INT): readiness turns 503, idle connections go, what is asked is
 * answered, the stores are checkpointed, exit status 0. A second signal, or the
 * drain timeout, gives up what is still under way first. HUP reads live
 * settings, keys and catalog folders again.
 */
#include "daemon/config.h"

/* Runs the daemon to its end; the exit status (sysexits). Takes over *settings. */
int process_run(struct settings *settings, int argc, char *const *argv);
/* --check-config: keys, catalog, places; says what is wrong on stderr. */
int process_check(struct settings *settings);
