#include "ctl/show.h"

#include "base/buf.h"

#include <stdio.h>
#include <unistd.h>

#define BOLD(color)  ((color) ? "\033[1m" : "")
#define RED(color)   ((color) ? "\033[31m" : "")
#define PLAIN(color) ((color) ? "\033[0m" : "")

void show_json(const json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}

json_t *member(const json_t *document, const char *path)
{
    json_t *at = NULL;

    for (const json_t *in = document; *path; in = at) {
        size_t size = strcspn(path, ".");
        AUTO_FREE char *name = str_dup_n(path, size);

        at = json_object_get(in, name);
        if (!at)
            return NULL;
        path += size + (path[size] == '.');
    }
    return at;
}

/* What a terminal would take for a command is shown as a dot. */
static bool is_control(char c) { return (unsigned char)c < ' ' || c == 0x7f; }

static void append_safe(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_append_char(out, is_control(*text) ? '.' : *text);
}

static void append_bytes(struct buf *out, double n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    for (; n >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
        n /= 1024;
    buf_printf(out, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void append_value(struct buf *out, json_t *value, enum column_kind kind)
{
    const char *key;
    json_t *item;
    size_t i;

    if (kind == COLUMN_COUNT) {
        buf_printf(out, "%zu",
                   json_is_array(value) ? json_array_size(value) : json_object_size(value));
    } else if (kind == COLUMN_BYTES && json_is_number(value)) {
        append_bytes(out, json_number_value(value));
    } else if (json_is_string(value)) {
        append_safe(out, json_string_value(value));
    } else if (json_is_boolean(value)) {
        buf_append_str(out, json_is_true(value) ? "yes" : "no");
    } else if (json_is_integer(value)) {
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        buf_printf(out, "%g", json_real_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, item)
        {
            buf_append_str(out, i ? "," : "");
            append_value(out, item, COLUMN_TEXT);
        }
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, item)
        {
            buf_append_str(out, out->size ? "," : "");
            append_safe(out, key);
        }
    }
}

/* Columns a terminal needs for text: its code points. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static char *cell(const json_t *item, const struct column *column)
{
    struct buf text = {0};
    json_t *value = member(item, column->path);

    if (value && !json_is_null(value))
        append_value(&text, value, column->kind);
    return buf_take(&text);
}

void show_table(const json_t *items, const struct column *columns, size_t n, const char *nothing,
                bool color)
{
    size_t rows = json_array_size(items), i;
    AUTO_FREE size_t *widths = mem_new_array(n, size_t);
    json_t *item;

    if (!rows) {
        fprintf(stderr, "no %s\n", nothing);
        return;
    }
    for (size_t c = 0; c < n; c++)
        json_array_foreach(items, i, item)
        {
            AUTO_FREE char *text = cell(item, &columns[c]);

            if (width(text) > widths[c])
                widths[c] = width(text);
        }
    for (size_t row = 0; row <= rows; row++) {
        size_t owed = 0; /* blanks before the next cell: none at the end of a line */

        fputs(row ? "" : BOLD(color), stdout);
        for (size_t c = 0; c < n; c++) {
            AUTO_FREE char *text = row ? cell(json_array_get(items, row - 1), &columns[c])
                                       : str_dup(columns[c].heading);
            size_t wide =
                widths[c] > width(columns[c].heading) ? widths[c] : width(columns[c].heading);

            if (!widths[c])
                continue;
            if (*text)
                printf("%*s%s", (int)owed, "", text);
            owed = *text ? wide - width(text) + 2 : owed + wide + 2;
        }
        printf("%s\n", row ? "" : PLAIN(color));
    }
}

void show_progress(const char *state, const char *detail)
{
    enum { NARROW = 79 }; /* a longer line would wrap, and stay */
    AUTO_BUF struct buf line = {0};

    if (state)
        append_safe(&line, state);
    if (state && detail) {
        buf_append_str(&line, ": ");
        append_safe(&line, detail);
    }
    fprintf(stderr, "\r\033[K%.*s", line.size > NARROW ? NARROW : (int)line.size,
            line.data ? line.data : "");
}

void show_text(const char *text)
{
    bool terminal = isatty(STDOUT_FILENO);

    for (; *text; text++)
        putchar(terminal && is_control(*text) && !strchr("\n\t", *text) ? '.' : *text);
    putchar('\n');
}

static bool is_flat(const json_t *value)
{
    json_t *item;
    size_t i;

    if (json_is_object(value))
        return json_object_size(value) == 0;
    json_array_foreach(value, i,
                       item) if (json_is_object(item) || json_is_array(item)) return false;
    return true;
}

static void show_value(FILE *out, json_t *value, enum column_kind kind, int indent, bool color);

/* Null, "", [] and {} tell a person nothing. */
static bool is_nothing(const json_t *value)
{
    return json_is_null(value) || (json_is_string(value) && !json_string_length(value)) ||
           (json_is_array(value) && !json_array_size(value)) ||
           (json_is_object(value) && !json_object_size(value));
}

static void show_members(FILE *out, json_t *value, int indent, bool color)
{
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item)
    {
        fprintf(out, "%*s-", indent, "");
        show_value(out, item, COLUMN_TEXT, indent, color);
    }
    json_object_foreach(value, key, item)
    {
        AUTO_BUF struct buf name = {0};

        if (is_nothing(item))
            continue;
        append_safe(&name, key);
        fprintf(out, "%*s%s%s:%s", indent, "", BOLD(color), name.data ? name.data : "",
                PLAIN(color));
        show_value(out, item, str_ends(key, "_bytes") ? COLUMN_BYTES : COLUMN_TEXT, indent, color);
    }
}

/* Behind its name on the same line, or indented below it. */
static void show_value(FILE *out, json_t *value, enum column_kind kind, int indent, bool color)
{
    AUTO_BUF struct buf text = {0};

    if (!is_flat(value)) {
        putc('\n', out);
        show_members(out, value, indent + 2, color);
        return;
    }
    append_value(&text, value, kind);
    fprintf(out, " %s\n", text.data ? text.data : "");
}

void show_document(json_t *document, bool color)
{
    if (json_is_object(document) || json_is_array(document))
        show_members(stdout, document, 0, color);
}

/* Facts of problems that say what would have worked, and how to introduce them. */
static const struct {
    const char *name, *words;
} hints[] = {
    {"nearest", "did you mean"},
    {"candidates", "tried"},
    {"available", "there are"},
    {"allowed", "allowed"},
    {"combinations", "possible"},
    {"missing_files", "missing"},
    {"existing", "there already"},
    {"retry_after_s", "try again in seconds"},
    {"limit", "limit"},
    {"memory", "memory"},
    {"would_fit", "would fit"},
    {"instance", "request"},
};

static void complain(const char *before, const char *text)
{
    AUTO_BUF struct buf line = {0};

    append_safe(&line, text);
    fprintf(stderr, "%s%s\n", before, line.data ? line.data : "");
}

/* Each fault, but the one that is the headline. */
static void show_faults(const json_t *errors, const char *headline)
{
    json_t *error;
    size_t i;

    json_array_foreach(errors, i, error)
    {
        const char *pointer = json_string_value(json_object_get(error, "pointer"));
        const char *what = json_string_value(json_object_get(error, "detail"));
        AUTO_FREE char *text = str_printf("%s: %s", pointer ? pointer : "", what ? what : "");

        if (!str_eq(text, headline))
            complain("  ", text);
    }
}

void show_problem(const json_t *problem, bool color)
{
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const json_t *errors = json_object_get(problem, "errors");
    const char *headline = json_array_size(errors) > 1 && title ? title : detail ? detail : title;

    if (!headline)
        headline = "failed";
    fprintf(stderr, "%serror:%s ", RED(color), PLAIN(color));
    complain("", headline);
    show_faults(errors, headline);
    for (size_t h = 0; h < ARRAY_SIZE(hints); h++) {
        json_t *value = json_object_get(problem, hints[h].name);

        if (!value || is_nothing(value))
            continue;
        fprintf(stderr, "  %s:", hints[h].words);
        show_value(stderr, value, COLUMN_TEXT, 2, false);
    }
}
