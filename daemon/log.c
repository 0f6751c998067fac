#include "daemon/log.h"

#include "base/hash.h"
#include "json/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int max_level = LOG_LEVEL_INFO;
static atomic_int format = LOG_TEXT;
static atomic_bool to_journal;

/* systemd says which device and inode the journal's stream is; stderr may have been redirected. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && // NOLINT(cert-err34-c)
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_start(enum log_format f, enum log_level level)
{
    atomic_store(&format, (int)f);
    atomic_store(&to_journal, stderr_is_journal());
    log_set_level(level);
}

void log_set_level(enum log_level level) { atomic_store(&max_level, (int)level); }

bool log_enabled(enum log_level level) { return (int)level <= atomic_load(&max_level); }

/* ---- repeats */

/*
 * A small table of events lately written. Two events that fall into one slot
 * push each other out, which at worst lets more lines through.
 */
enum { N_SLOTS = 64 };

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot {
    uint64_t key;
    int64_t since_s;
    unsigned n;
} slots[N_SLOTS]; /* guarded by slots_lock */

/* Whether to write; *ret_left_out is how many were not since the last one that was. */
static bool admit(enum log_level level, const char *event, unsigned *ret_left_out)
{
    uint64_t key = hash_table_key(event, strlen(event)) + (uint64_t)level;
    struct slot *slot = &slots[key % N_SLOTS];
    struct timespec now;
    bool yes;

    clock_gettime(CLOCK_MONOTONIC, &now);
    *ret_left_out = 0;
    pthread_mutex_lock(&slots_lock);
    if (slot->key != key || now.tv_sec - slot->since_s >= LOG_INTERVAL_S) {
        if (slot->key == key && slot->n > LOG_BURST)
            *ret_left_out = slot->n - LOG_BURST;
        *slot = (struct slot){.key = key, .since_s = now.tv_sec};
    }
    yes = ++slot->n <= LOG_BURST;
    pthread_mutex_unlock(&slots_lock);
    return yes;
}

/* ---- secrets */

static bool is_secret_name(const char *name)
{
    static const char *const words[] = {"token", "authorization", "password", "secret", "key"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(name, words[i]) == 0 ||
            (str_ends(name, words[i]) && name[strlen(name) - strlen(words[i]) - 1] == '_'))
            return true;
    return false;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

/* Copies value with whatever follows a credential's prefix replaced by "***". */
static void mask(const char *value, struct buf *out)
{
    static const char *const prefixes[] = {"hf_", "pk_", "Bearer ", "bearer "};
    enum { SHORTEST = 8 }; /* fewer characters behind a prefix are a word, not a credential */

    while (*value) {
        size_t step = 1;

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
            size_t n = strlen(prefixes[i]), end = n;

            if (!str_starts(value, prefixes[i]))
                continue;
            while (is_token_char(value[end]))
                end++;
            if (end - n >= SHORTEST) {
                buf_append(out, value, n);
                buf_append_str(out, "***");
                step = 0;
                value += end;
                break;
            }
        }
        if (step)
            buf_append_char(out, *value++);
    }
}

/* ---- lines */

static void put(struct buf *line)
{
    if (line->size > LOG_LINE_MAX) {
        line->size = LOG_LINE_MAX;
        line->data[line->size - 1] = '\n';
    }
    /* When nobody can be told, there is nobody to tell. */
    if (write(STDERR_FILENO, line->data, line->size) < 0)
        return;
}

static void append_time(struct buf *out)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static void begin_text(struct buf *out, enum log_level level, const char *event)
{
    static const char syslog[] = {[LOG_LEVEL_ERROR] = '3',
                                  [LOG_LEVEL_WARNING] = '4',
                                  [LOG_LEVEL_INFO] = '6',
                                  [LOG_LEVEL_DEBUG] = '7'};

    if (atomic_load(&to_journal)) {
        buf_printf(out, "<%c>", syslog[level]);
    } else {
        append_time(out);
        buf_printf(out, " %-7s ", level_names[level]);
    }
    buf_append_str(out, event);
}

/* A value with blanks, quotes or control bytes is written as a JSON string; so lines stay lines. */
static void text_pair(struct buf *out, const char *name, const char *value)
{
    bool plain = *value != '\0';

    for (const char *p = value; *p && plain; p++)
        plain = (unsigned char)*p > ' ' && *p != '"' && *p != '=' && *p != 0x7f;
    buf_printf(out, " %s=", name);
    if (plain)
        buf_append_str(out, value);
    else
        json_write_str(out, value);
}

static void write_pairs(enum log_level level, const char *event, unsigned left_out, va_list ap)
{
    AUTO_BUF struct buf line = {0};
    bool as_json = atomic_load(&format) == LOG_JSON;
    struct json j = json_begin(&line);
    const char *name;

    if (as_json) {
        AUTO_BUF struct buf time = {0};

        append_time(&time);
        json_open(&j, '{');
        json_str(&j, "time", time.data);
        json_str(&j, "level", level_names[level]);
        json_str(&j, "event", event);
    } else {
        begin_text(&line, level, event);
    }
    while ((name = va_arg(ap, const char *))) {
        const char *value = va_arg(ap, const char *);
        AUTO_BUF struct buf masked = {0};

        if (!value)
            continue;
        if (is_secret_name(name))
            buf_append_str(&masked, "***");
        else
            mask(value, &masked);
        if (as_json)
            json_str(&j, name, masked.data ? masked.data : "");
        else
            text_pair(&line, name, masked.data ? masked.data : "");
    }
    if (left_out && as_json)
        json_int(&j, "left_out", left_out);
    else if (left_out)
        buf_printf(&line, " left_out=%u", left_out);
    if (as_json)
        json_close(&j, '}');
    buf_append_char(&line, '\n');
    put(&line);
}

void log_write(enum log_level level, const char *event, ...)
{
    unsigned left_out;
    va_list ap;

    if (!log_enabled(level) || !admit(level, event, &left_out))
        return;
    va_start(ap, event);
    write_pairs(level, event, left_out, ap);
    va_end(ap);
}

void log_err(enum log_level level, const char *event, const struct err *err)
{
    log_write(level, event, "problem", err_slug(err->code), "error", err->msg, NULL);
}

const char *log_int(int64_t v)
{
    enum { RING = 8, DIGITS = 24 };
    static _Thread_local char ring[RING][DIGITS];
    static _Thread_local unsigned at;
    char *text = ring[at++ % RING];

    snprintf(text, DIGITS, "%lld", (long long)v);
    return text;
}

void log_plain(const char *fmt, ...)
{
    AUTO_BUF struct buf line = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&line, fmt, ap);
    va_end(ap);
    buf_append_char(&line, '\n');
    put(&line);
}
