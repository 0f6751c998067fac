#pragma once
/*
 * Config: every setting of the daemon, from where it was set last.
 *
 * A setting has one name and three forms: `--state-dir DIR`,
 * `PIPELINED_STATE_DIR=DIR` and `state-dir = DIR` in a file. One table
 * (daemon/settings.c) has them all; parsing, --help, --print-config, the man
 * pages and the completions are made from it. Later sources win:
 *
 *     built in < what systemd passes < /usr/lib/pipelined/pipelined.conf
 *       < /etc/pipelined/pipelined.conf < /etc/pipelined/conf.d/<*>.conf
 *       < $XDG_CONFIG_HOME/pipelined/pipelined.conf (not for root)
 *       < environment < flags
 *
 * --config FILE (PIPELINED_CONFIG) stands in for all those files. A list
 * replaces the list of an earlier source; within one source it grows. A file
 * has one `key = value` in a line; `#` starts a comment where a line starts;
 * lists repeat the key, and an empty value empties them.
 */
#include "base/err.h"
#include "base/strv.h"

/* sysexits(3), those we use. A unit must not restart on USAGE and CONFIG: nothing would change. */
enum exit_status {
    EXIT_STATUS_OK = 0,
    EXIT_STATUS_USAGE = 64,
    EXIT_STATUS_UNAVAILABLE = 69, /* a port is taken */
    EXIT_STATUS_SOFTWARE = 70,
    EXIT_STATUS_OS = 71,
    EXIT_STATUS_CANNOT_CREATE = 73, /* state directory */
    EXIT_STATUS_IO = 74,            /* the store */
    EXIT_STATUS_CONFIG = 78,        /* configuration, a store newer than us */
};

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum config_action {
    CONFIG_RUN,
    CONFIG_CHECK, /* --check-config: main goes on to load catalog and keys, then exits 0 */
    CONFIG_PRINT,
    CONFIG_HELP,
    CONFIG_VERSION,
    CONFIG_MAKE_KEY,
    CONFIG_HEALTH,
};

/* All strings and lists are owned; numbers are in the unit of their name. */
struct settings {
    /* sockets and who may use them */
    struct strv listen; /* HOST:PORT or unix:PATH, checked to parse (daemon/address.h) */
    struct strv allowed_hosts;
    char *keys_file; /* "" none */
    bool allow_remote_without_keys;
    /* places */
    char *state_dir;
    char *cache_dir; /* never "": the state directory unless set */
    struct strv catalog;
    struct strv model_roots;
    /* threads */
    int64_t io_threads;
    int64_t workers; /* 0 was replaced by a number that fits the machine */
    /* the Hub; what HF_* says is read by the Hub client itself */
    bool offline;
    int64_t hub_connect_timeout_ms;
    int64_t hub_stall_timeout_ms;
    int64_t hub_negative_ttl_s;
    int64_t hub_transfers;
    int64_t hub_retries;
    /* the log */
    int log_format; /* enum log_format */
    int log_level;  /* enum log_level */
    /* limits of a request and of all of them */
    int64_t max_body_bytes;
    int64_t max_header_bytes;
    int64_t max_json_depth;
    int64_t max_connections;
    int64_t max_connections_per_peer;
    int64_t header_timeout_ms;
    int64_t body_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t request_timeout_ms;
    /* what is kept */
    int64_t cache_memory_bytes;
    int64_t cache_disk_bytes;
    int64_t pipeline_memory_bytes;
    int64_t tokenizer_memory_bytes, tokenizer_words_bytes, prefix_memory_bytes;
    int64_t events_kept;
    int64_t max_leases;
    int64_t max_lease_ttl_s;
    int64_t idempotency_ttl_s;
    /* stopping */
    int64_t drain_timeout_ms;
    int64_t shutdown_delay_ms;

    /* ---- of the command line */
    enum config_action action;
    char *config_file; /* --config; "" the usual files */
    char *key_name, *key_scopes;
    struct strv origins;  /* per setting, in the order of the table; see config_origin() */
    struct strv warnings; /* for the log: a PIPELINED_… variable that names no setting */
    /* ---- of the service manager; "" when it did not say */
    char *runtime_dir;
    char *credentials_dir; /* $CREDENTIALS_DIRECTORY: may hold hf-token and keys */
};

void config_release(struct settings *c);
#define AUTO_CONFIG CLEANUP(config_release)

/*
 * Reads all sources. argv and environment are only read, so the same two serve
 * again for a reload: load into a second struct and ask config_changes().
 * *ret_status is written on failure: USAGE for flags, CONFIG for the rest.
 * Errors: ERR_INVALID; the message begins with where ("file:line", the
 * variable, the flag) and names the nearest setting.
 */
bool config_load(struct settings *c, int argc, char *const *argv, char *const *environment,
                 int *ret_status, struct err *err) MUST_CHECK;

/*
 * config_load() for main(): reports errors on stderr and does what needs no
 * daemon (--help, --version, --print-config, --make-key, --health). False: exit
 * with *ret_status. True: c->action is CONFIG_RUN or CONFIG_CHECK.
 */
bool config_start(struct settings *c, int argc, char *const *argv, int *ret_status) MUST_CHECK;

/* Where a setting came from, by its name: "built in", "FILE:LINE", "$PIPELINED_…", "--…". */
const char *config_origin(const struct settings *c, const char *name);

/*
 * Names of the settings that differ between a and b, at most max; the number
 * found is returned. Of these, config_is_live() may be taken over at once;
 * the others need a restart, which is worth a line in the log.
 */
size_t config_changes(const struct settings *a, const struct settings *b, const char **ret,
                      size_t max);
bool config_is_live(const char *name);
/* Moves the value of each live setting from b to a. */
void config_take_live(struct settings *a, struct settings *b);
