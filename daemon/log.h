#pragma once
/*
 * Log: lines on stderr, for the journal or a terminal.
 *
 *     log_info("store: opened", "path", path, "rows", log_int(n));
 *
 * A line is an event (constant text) and pairs of name and value. As text:
 * `store: opened path=/var/lib/… rows=12`; as JSON one object in a line with
 * `time`, `level`, `event` and the pairs. When stderr is the journal
 * ($JOURNAL_STREAM) text lines start with <N>, so that levels survive, and
 * carry no time, which the journal has.
 *
 * One event at one level is written at most LOG_BURST times in
 * LOG_INTERVAL_S; the next line after a quiet period says how many were left
 * out. Values under names that hold secrets (token, authorization, key,
 * password, secret) are never written, and text that looks like a credential
 * ("hf_…", "Bearer …", "pk_…") is masked wherever it occurs.
 *
 * Any thread may log. A line is one write(2), so lines never mix. The level
 * and the format are the only mutable globals of the process.
 */
#include "daemon/config.h"

enum { LOG_BURST = 10, LOG_INTERVAL_S = 10, LOG_LINE_MAX = 4096 };

/* Reads $JOURNAL_STREAM to tell whether stderr is the journal. */
void log_start(enum log_format format, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* Pairs of const char * name, value up to NULL; a value of NULL leaves the pair out. */
void log_write(enum log_level level, const char *event, ...) __attribute__((sentinel));
#define log_error(event, ...)   log_write(LOG_LEVEL_ERROR, event, ##__VA_ARGS__, NULL)
#define log_warning(event, ...) log_write(LOG_LEVEL_WARNING, event, ##__VA_ARGS__, NULL)
#define log_info(event, ...)    log_write(LOG_LEVEL_INFO, event, ##__VA_ARGS__, NULL)
#define log_debug(event, ...)                                       \
    do {                                                            \
        if (log_enabled(LOG_LEVEL_DEBUG))                           \
            log_write(LOG_LEVEL_DEBUG, event, ##__VA_ARGS__, NULL); \
    } while (0)

/* An error with its slug as `problem` and its message as `error`. */
void log_err(enum log_level level, const char *event, const struct err *err);

/* A number as a value; lives in a ring of the thread and is good for the line it is written for. */
const char *log_int(int64_t v);

/* A line exactly as it is, whatever level and format: "listening on …". */
void log_plain(const char *fmt, ...) PRINTF_LIKE(1, 2);
