/* The table of settings. A new one is a row here and a field in struct settings. */
#include "daemon/setting.h"

#define AT(field) offsetof(struct settings, field)
#define KIB       ((int64_t)1024)
#define MIB       (1024 * KIB)
#define GIB       (1024 * MIB)
#define DAY_S     ((int64_t)86400)

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

const char *const setting_group_names[N_GROUPS] = {
    [GROUP_SOCKETS] = "Sockets and keys",
    [GROUP_PLACES] = "Places",
    [GROUP_THREADS] = "Threads",
    [GROUP_HUB] = "Hugging Face Hub",
    [GROUP_LOG] = "Log",
    [GROUP_LIMITS] = "Limits",
    [GROUP_KEPT] = "What is kept",
    [GROUP_STOPPING] = "Stopping",
};

const struct own_flag own_flags[] = {
    {"config", "FILE",
     "Read this file in place of /usr/lib/pipelined/pipelined.conf, /etc/pipelined/pipelined.conf "
     "and /etc/pipelined/conf.d/*.conf. $PIPELINED_CONFIG says the same."},
    {"check-config", NULL, "Check settings, keys and catalog, and exit."},
    {"print-config", NULL,
     "Print every setting in force and where it comes from, as a config file, and exit."},
    {"make-key", "NAME", "Print a new API key and its line for the keys file, and exit."},
    {"scopes", "LIST",
     "What that key may do: read, tokenize, write, admin, with commas between. Default: read"},
    {"health", NULL,
     "Ask the daemon that runs with these settings whether it lives, and exit: 0 if it does."},
    {"version", NULL, "Print the version and exit."},
    {"help", NULL, "Print this help and exit."},
};

const size_t n_own_flags = ARRAY_SIZE(own_flags);

const struct setting settings[] = {
    {"listen", SETTING_ADDRESSES, GROUP_SOCKETS, AT(listen), "HOST:PORT|unix:PATH",
     "127.0.0.1:8750",
     .help =
         "Where to answer HTTP; may be given several times. Port 0 lets the kernel choose. Sockets "
         "passed by systemd take the place of the default."},
    {"allowed-host", SETTING_LIST, GROUP_SOCKETS, AT(allowed_hosts), "NAME", "",
     .help =
         "A further name that may stand in Host and Origin on loopback sockets; localhost and "
         "loopback addresses always may. Keeps web pages from rebinding a name of theirs to us."},
    {"keys-file", SETTING_PATH, GROUP_SOCKETS, AT(keys_file), "FILE", "", .live = true,
     .help = "API keys, hashed, with their scopes (see --make-key). Without it, "
             "$CREDENTIALS_DIRECTORY/keys "
             "is used when it is there. With keys, every request needs one."},
    {"allow-remote-without-keys", SETTING_BOOL, GROUP_SOCKETS, AT(allow_remote_without_keys),
     "BOOL", "no",
     .help = "Listen beyond this machine though there are no keys: whoever reaches the port may do "
             "everything."},

    {"state-dir", SETTING_PATH, GROUP_PLACES, AT(state_dir), "DIR", NULL,
     .help = "The precious registry.db, and all that is cached unless cache-dir says otherwise. "
             "Default: "
             "$STATE_DIRECTORY, for root /var/lib/pipelined, else $XDG_STATE_HOME/pipelined or "
             "~/.local/state/pipelined."},
    {"cache-dir", SETTING_PATH, GROUP_PLACES, AT(cache_dir), "DIR", NULL,
     .help =
         "cache.db and files from the Hub (those where HF_HUB_CACHE says, when it does). May be "
         "deleted while the daemon is stopped. Default: $CACHE_DIRECTORY, else the state "
         "directory."},
    {"catalog", SETTING_PATHS, GROUP_PLACES, AT(catalog), "DIR",
     "/usr/lib/pipelined/architectures.d,/etc/pipelined/architectures.d,/run/pipelined/"
     "architectures.d",
     .live = true,
     .help =
         "A folder of architecture records (*.json) beside the built-in ones; may be given several "
         "times, a later folder wins. A folder that does not exist is empty."},
    {"model-root", SETTING_PATHS, GROUP_PLACES, AT(model_roots), "DIR", "",
     .help =
         "A folder below which local models may lie; may be given several times. Without one, only "
         "models of the Hub are served."},

    {"io-threads", SETTING_INT, GROUP_THREADS, AT(io_threads), "N", "1", 1, 64,
     .help = "Event loops that read requests and answer what is in memory."},
    {"workers", SETTING_INT, GROUP_THREADS, AT(workers), "N", "0", 0, 256,
     .help =
         "Threads that hash and read big files; 0: one per processor, at least 2 and at most 8."},

    {"offline", SETTING_BOOL, GROUP_HUB, AT(offline), "BOOL", "no",
     .help =
         "Never ask the Hub; answer from what is cached or local. HF_HUB_OFFLINE says the same."},
    {"hub-connect-timeout", SETTING_MS, GROUP_HUB, AT(hub_connect_timeout_ms), "TIME", "10s", 10,
     600000, .help = "How long a connection to the Hub may take to come about."},
    {"hub-stall-timeout", SETTING_MS, GROUP_HUB, AT(hub_stall_timeout_ms), "TIME", "10s", 10,
     600000, .help = "How long the Hub may send nothing before the transfer is tried again."},
    {"hub-negative-ttl", SETTING_SECONDS, GROUP_HUB, AT(hub_negative_ttl_s), "TIME", "1m", 0, DAY_S,
     .help = "How long it is remembered that a repository or a file is not there."},
    {"hub-transfers", SETTING_INT, GROUP_HUB, AT(hub_transfers), "N", "16", 1, 1024,
     .help = "Transfers from the Hub at a time; more wait in a queue."},
    {"hub-retries", SETTING_INT, GROUP_HUB, AT(hub_retries), "N", "4", 0, 20,
     .help = "Further attempts after a failure that may pass (5xx, resets, stalls)."},

    {"log-format", SETTING_CHOICE, GROUP_LOG, AT(log_format), "text|json", "text",
     .choices = log_formats, .help = "Lines for people or one JSON object in a line, on stderr."},
    {"log-level", SETTING_CHOICE, GROUP_LOG, AT(log_level), "LEVEL", "info", .choices = log_levels,
     .live = true, .help = "The least important lines to write: error, warning, info or debug."},

    {"max-body", SETTING_BYTES, GROUP_LIMITS, AT(max_body_bytes), "SIZE", "4M", KIB, GIB,
     .help = "The largest request body; more is answered 413."},
    {"max-header", SETTING_BYTES, GROUP_LIMITS, AT(max_header_bytes), "SIZE", "8K", 2 * KIB,
     256 * KIB,
     .help = "The largest request line and headers together; also the memory of a connection."},
    {"max-json-depth", SETTING_INT, GROUP_LIMITS, AT(max_json_depth), "N", "64", 4, 1024,
     .help = "How deep arrays and objects of a body may nest."},
    {"max-connections", SETTING_INT, GROUP_LIMITS, AT(max_connections), "N", "12000", 1, 1000000,
     .help =
         "Connections at a time. The limit of open files is raised to fit, as far as it may be."},
    {"max-connections-per-peer", SETTING_INT, GROUP_LIMITS, AT(max_connections_per_peer), "N", "0",
     0, 1000000,
     .help = "Connections at a time from one address. 0: 256, and no limit on loopback and Unix "
             "sockets, where everybody has the same one."},
    {"header-timeout", SETTING_MS, GROUP_LIMITS, AT(header_timeout_ms), "TIME", "10s", 10, 3600000,
     .help = "How long a client may take to send the headers, however steadily it trickles."},
    {"body-timeout", SETTING_MS, GROUP_LIMITS, AT(body_timeout_ms), "TIME", "30s", 10, 3600000,
     .help = "How long a client may take to send the body."},
    {"idle-timeout", SETTING_MS, GROUP_LIMITS, AT(idle_timeout_ms), "TIME", "2m", 10, 86400000,
     .help = "How long a connection may rest between requests."},
    {"request-timeout", SETTING_MS, GROUP_LIMITS, AT(request_timeout_ms), "TIME", "2m", 10, 3600000,
     .help = "How long an answer may take to be found before it is 504. Work goes on for those who "
             "ask again."},

    {"cache-memory", SETTING_BYTES, GROUP_KEPT, AT(cache_memory_bytes), "SIZE", "64M", MIB,
     1024 * GIB, .help = "Memory for configs and facts of models."},
    {"cache-disk", SETTING_BYTES, GROUP_KEPT, AT(cache_disk_bytes), "SIZE", "20G", 16 * MIB,
     1024 * 1024 * GIB, .live = true,
     .help = "Disk for what was read from the Hub; the least recently used goes first."},
    {"pipeline-memory", SETTING_BYTES, GROUP_KEPT, AT(pipeline_memory_bytes), "SIZE", "64M", MIB,
     1024 * GIB, .help = "Memory for pipelines nobody has a lease on; leased ones always stay."},
    {"tokenizer-memory", SETTING_BYTES, GROUP_KEPT, AT(tokenizer_memory_bytes), "SIZE", "1G", MIB,
     1024 * GIB, .help = "Loaded tokenizers: mapped files, of which memory holds what is used."},
    {"tokenizer-words", SETTING_BYTES, GROUP_KEPT, AT(tokenizer_words_bytes), "SIZE", "16M", MIB,
     64 * GIB, .help = "Memory of each thread for words that it has encoded."},
    {"prefix-memory", SETTING_BYTES, GROUP_KEPT, AT(prefix_memory_bytes), "SIZE", "64M", 0,
     1024 * GIB,
     .help = "Memory for long texts that were encoded, so that those that begin alike are not "
             "encoded again. 0: none."},
    {"events-kept", SETTING_INT, GROUP_KEPT, AT(events_kept), "N", "10000", 16, 10000000,
     .help = "Events that can still be read with since=; older ones are 410."},
    {"max-leases", SETTING_INT, GROUP_KEPT, AT(max_leases), "N", "100000", 1, 100000000,
     .live = true, .help = "Leases at a time."},
    {"max-lease-ttl", SETTING_SECONDS, GROUP_KEPT, AT(max_lease_ttl_s), "TIME", "1d", 1,
     365 * DAY_S, .live = true, .help = "The longest time a lease may be asked for."},
    {"idempotency-ttl", SETTING_SECONDS, GROUP_KEPT, AT(idempotency_ttl_s), "TIME", "1d", 1,
     30 * DAY_S, .help = "How long the answer to a request with an Idempotency-Key is kept."},

    {"drain-timeout", SETTING_MS, GROUP_STOPPING, AT(drain_timeout_ms), "TIME", "20s", 0, 3600000,
     .live = true, .help = "How long running requests may take to end once we are asked to stop."},
    {"shutdown-delay", SETTING_MS, GROUP_STOPPING, AT(shutdown_delay_ms), "TIME", "0s", 0, 3600000,
     .live = true,
     .help = "How long to go on serving, not ready, before sockets close: time for load balancers "
             "to see it."},

};

const size_t n_settings = ARRAY_SIZE(settings);
