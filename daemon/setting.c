#include "daemon/setting.h"

#include "base/nearest.h"
#include "daemon/address.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return *a == *b;
}

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < n_settings; i++)
        if (same_name(name, settings[i].name))
            return &settings[i];
    return NULL;
}

void setting_variable(const struct setting *s, char ret[64])
{
    size_t n = (size_t)snprintf(ret, 64, "PIPELINED_%s", s->name);

    for (size_t i = 0; i < n && i < 63; i++)
        ret[i] = ret[i] == '-' ? '_' : (char)toupper((unsigned char)ret[i]);
}

void setting_suggest(const char *name, char ret[160])
{
    AUTO_FREE const char **names = mem_new_array(n_settings, const char *);
    const char *near[NEAREST_MAX];

    for (size_t i = 0; i < n_settings; i++)
        names[i] = settings[i].name;
    if (nearest(name, names, n_settings, near))
        snprintf(ret, 160, "; did you mean %s?", near[0]);
    else
        ret[0] = '\0';
}

static void *field(const struct setting *s, struct settings *c) { return (char *)c + s->offset; }

static const void *field_of(const struct setting *s, const struct settings *c)
{
    return (const char *)c + s->offset;
}

/* ---- parsing, a function per kind of value */

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit sizes[] = {
    {"", 1},          {"B", 1},           {"K", 1024},    {"KiB", 1024},
    {"M", 1 << 20},   {"MiB", 1 << 20},   {"G", 1 << 30}, {"GiB", 1 << 30},
    {"T", 1LL << 40}, {"TiB", 1LL << 40}, {NULL, 0},
};
static const struct unit times[] = {
    {"", 1000},     {"ms", 1},      {"s", 1000},     {"m", 60000},
    {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

/* digits and a unit to *ret, in the smallest unit. */
static bool parse_number(const char *text, const struct unit *units, int64_t *ret)
{
    char *end;
    long long n;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno)
        return false;
    while (*end == ' ')
        end++;
    for (; units->name; units++)
        if (str_eq(end, units->name))
            return !__builtin_mul_overflow((int64_t)n, units->factor, ret);
    return false;
}

/* n in the largest unit that divides it. */
static void print_number(int64_t n, const struct unit *units, struct buf *out)
{
    const struct unit *best = NULL;

    for (; units->name; units++)
        if (*units->name && n % units->factor == 0 && (!best || units->factor > best->factor))
            best = units;
    if (!n && best)
        buf_append_char(out, '0');
    else if (best)
        buf_printf(out, "%lld%s", (long long)(n / best->factor),
                   best->factor == 1 && best->name[0] == 'B' ? "" : best->name);
    else
        buf_printf(out, "%lld", (long long)n);
}

static const struct unit *units_of(const struct setting *s)
{
    switch (s->type) {
    case SETTING_BYTES:
        return sizes;
    case SETTING_MS:
    case SETTING_SECONDS:
        return times;
    default:
        return plain;
    }
}

/* A field in seconds reads and prints as one in milliseconds. */
static int64_t scale_of(const struct setting *s) { return s->type == SETTING_SECONDS ? 1000 : 1; }

static bool set_number(const struct setting *s, int64_t *field_at, const char *text,
                       struct err *err)
{
    AUTO_BUF struct buf range = {0};
    int64_t n;

    if (parse_number(text, units_of(s), &n) && n % scale_of(s) == 0 && n / scale_of(s) >= s->min &&
        n / scale_of(s) <= s->max) {
        *field_at = n / scale_of(s);
        return true;
    }
    print_number(s->min * scale_of(s), units_of(s), &range);
    buf_append_str(&range, " to ");
    print_number(s->max * scale_of(s), units_of(s), &range);
    return err_set(err, ERR_INVALID, "%s: \"%.60s\" is not %s from %s", s->name, text,
                   s->type == SETTING_INT     ? "a number"
                   : s->type == SETTING_BYTES ? "a size (such as 512K, 64M, 2G)"
                                              : "a time (such as 500ms, 10s, 5m)",
                   range.data);
}

static bool set_bool(const struct setting *s, bool *field_at, const char *text, struct err *err)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(text, words[i]) == 0) {
            *field_at = i % 2;
            return true;
        }
    return err_set(err, ERR_INVALID, "%s: \"%.60s\" is neither yes nor no", s->name, text);
}

static bool set_choice(const struct setting *s, int *field_at, const char *text, struct err *err)
{
    AUTO_BUF struct buf all = {0};

    for (int i = 0; s->choices[i]; i++) {
        if (str_eq(text, s->choices[i])) {
            *field_at = i;
            return true;
        }
        buf_printf(&all, "%s%s", i ? ", " : "", s->choices[i]);
    }
    return err_set(err, ERR_INVALID, "%s: \"%.60s\" is none of %s", s->name, text, all.data);
}

/* Items are separated by commas; blanks around them do not count. */
static bool add_items(const struct setting *s, struct strv *list, const char *text, struct err *err)
{
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *next = text + size + (text[size] == ',');

        while (size && isspace((unsigned char)*text))
            text++, size--;
        while (size && isspace((unsigned char)text[size - 1]))
            size--;
        if (size) {
            AUTO_FREE char *item = str_dup_n(text, size);
            struct address address;

            if (s->type == SETTING_ADDRESSES && !address_parse(item, &address, err))
                return err_wrap(err, "%s", s->name);
            strv_append(list, item);
        }
        text = next;
    }
    return true;
}

bool setting_parse(const struct setting *s, struct settings *c, const char *text, struct err *err)
{
    void *at = field(s, c);

    if (strlen(text) > 4096)
        return err_set(err, ERR_INVALID, "%s: a value of %zu bytes; at most 4096 are read", s->name,
                       strlen(text));
    switch (s->type) {
    case SETTING_BOOL:
        return set_bool(s, at, text, err);
    case SETTING_INT:
    case SETTING_BYTES:
    case SETTING_MS:
    case SETTING_SECONDS:
        return set_number(s, at, text, err);
    case SETTING_CHOICE:
        return set_choice(s, at, text, err);
    case SETTING_STRING:
    case SETTING_PATH:
        free(*(char **)at);
        *(char **)at = str_dup(text);
        return true;
    case SETTING_LIST:
    case SETTING_PATHS:
    case SETTING_ADDRESSES:
        return add_items(s, at, text, err);
    }
    return false;
}

/* ---- the rest of what a value can do */

static bool is_text(const struct setting *s)
{
    return s->type == SETTING_STRING || s->type == SETTING_PATH;
}

void setting_clear(const struct setting *s, struct settings *c)
{
    if (setting_is_list(s)) {
        strv_release(field(s, c));
    } else if (is_text(s)) {
        free(*(char **)field(s, c));
        *(char **)field(s, c) = NULL;
    }
}

bool setting_print(const struct setting *s, const struct settings *c, size_t i, struct buf *out)
{
    const void *at = field_of(s, c);

    if (setting_is_list(s)) {
        const struct strv *list = at;

        if (i < list->n)
            buf_append_str(out, list->items[i]);
        return i < list->n;
    }
    if (i)
        return false;
    if (s->type == SETTING_BOOL)
        buf_append_str(out, *(const bool *)at ? "yes" : "no");
    else if (s->type == SETTING_CHOICE)
        buf_append_str(out, s->choices[*(const int *)at]);
    else if (is_text(s))
        buf_append_str(out, *(char *const *)at ? *(char *const *)at : "");
    else
        print_number(*(const int64_t *)at * scale_of(s), units_of(s), out);
    return true;
}

bool setting_equal(const struct setting *s, const struct settings *a, const struct settings *b)
{
    for (size_t i = 0;; i++) {
        AUTO_BUF struct buf x = {0};
        AUTO_BUF struct buf y = {0};
        bool in_a = setting_print(s, a, i, &x), in_b = setting_print(s, b, i, &y);

        if (in_a != in_b || x.size != y.size || (x.size && memcmp(x.data, y.data, x.size) != 0))
            return false;
        if (!in_a)
            return true;
    }
}

void setting_move(const struct setting *s, struct settings *a, struct settings *b)
{
    size_t size = setting_is_list(s)          ? sizeof(struct strv)
                  : is_text(s)                ? sizeof(char *)
                  : s->type == SETTING_BOOL   ? sizeof(bool)
                  : s->type == SETTING_CHOICE ? sizeof(int)
                                              : sizeof(int64_t);

    setting_clear(s, a);
    memcpy(field(s, a), field(s, b), size);
    if (setting_is_list(s) || is_text(s))
        memset(field(s, b), 0, size);
}
