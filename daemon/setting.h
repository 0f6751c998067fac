#pragma once
/*
 * Setting: one row of the table that is the configuration.
 *
 * The name is the flag, the key in a file and, in capitals with underscores,
 * the environment variable. Everything that lists settings walks `settings`.
 */
#include "daemon/config.h"

enum setting_type {
    SETTING_BOOL,      /* bool: yes no on off true false 1 0 */
    SETTING_INT,       /* int64_t */
    SETTING_BYTES,     /* int64_t: 4096, 64K, 64KiB, 1M, 2G, 1T */
    SETTING_MS,        /* int64_t: 500ms, 10s, 5m, 2h, 1d; a bare number is seconds */
    SETTING_SECONDS,   /* int64_t, written as SETTING_MS */
    SETTING_STRING,    /* char * */
    SETTING_PATH,      /* char *, absolute or relative to where we were started */
    SETTING_LIST,      /* struct strv; commas separate in flag and variable too */
    SETTING_PATHS,     /* struct strv of paths */
    SETTING_ADDRESSES, /* struct strv, each checked with address_parse() */
    SETTING_CHOICE,    /* int, index into choices */
};

enum setting_group {
    GROUP_SOCKETS,
    GROUP_PLACES,
    GROUP_THREADS,
    GROUP_HUB,
    GROUP_LOG,
    GROUP_LIMITS,
    GROUP_KEPT,
    GROUP_STOPPING,
    N_GROUPS,
};

struct setting {
    const char *name;
    enum setting_type type;
    enum setting_group group;
    size_t offset;              /* in struct settings */
    const char *argument;       /* as --help shows it */
    const char *built_in;       /* the text of the default; NULL: found out at start */
    int64_t min, max;           /* numbers, in the unit of the field */
    const char *const *choices; /* NULL-terminated */
    bool live;                  /* SIGHUP may change it */
    const char *help;           /* sentences, without a line break */
};

/* A flag that is no setting: it says what to do instead of serving, or with what. */
struct own_flag {
    const char *name;
    const char *argument; /* NULL: none */
    const char *help;
};

extern const struct own_flag own_flags[];
extern const size_t n_own_flags;

extern const struct setting settings[];
extern const size_t n_settings;
extern const char *const setting_group_names[N_GROUPS];

/* NULL when there is none. Underscores count as dashes. */
const struct setting *setting_find(const char *name);
/* "PIPELINED_STATE_DIR" */
void setting_variable(const struct setting *s, char ret[64]);
static inline bool setting_is_list(const struct setting *s)
{
    return s->type == SETTING_LIST || s->type == SETTING_PATHS || s->type == SETTING_ADDRESSES;
}

/*
 * Sets the field from text; lists grow by its items. Errors: ERR_INVALID, with
 * the value and what is allowed, without where it was found.
 */
bool setting_parse(const struct setting *s, struct settings *c, const char *text,
                   struct err *err) MUST_CHECK;
void setting_clear(const struct setting *s, struct settings *c);
/* The value in the form setting_parse() reads; a list as its i-th item. False: no such item. */
bool setting_print(const struct setting *s, const struct settings *c, size_t i, struct buf *out);
bool setting_equal(const struct setting *s, const struct settings *a, const struct settings *b);
/* Moves the value of b to a, whose value goes. */
void setting_move(const struct setting *s, struct settings *a, struct settings *b);

/* "did you mean …" for a name that is none; "" when nothing is near. */
void setting_suggest(const char *name, char ret[160]);
