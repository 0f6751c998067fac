#pragma once
/* Show: documents for people. Tables for lists, indented members for one thing. */
#include "base/base.h"

#include <jansson.h>

enum column_kind {
    COLUMN_TEXT,  /* strings, numbers, yes/no; lists joined with commas */
    COLUMN_BYTES, /* 1234567 as 1.2 MiB */
    COLUMN_COUNT, /* how many a list has */
    COLUMN_KEYS,  /* the keys of an object */
};

struct column {
    const char *heading;
    const char *path; /* "model.commit" */
    enum column_kind kind;
};

void show_json(const json_t *document);
/* Columns that are empty in every row are left out. Nothing there: says so with what it is. */
void show_table(const json_t *items, const struct column *columns, size_t n, const char *nothing,
                bool color);
void show_document(json_t *document, bool color);
/* To stderr: what is the matter, and what would have worked. */
void show_problem(const json_t *problem, bool color);

/* On the last line of stderr, in place of what was there: a state and what it is about (NULL:
 * none). */
void show_progress(const char *state, const char *detail);
/* text as it is, and a line end; a terminal gets it without what it would take for commands. */
void show_text(const char *text);

/* The member at a path of names with dots, or NULL. */
json_t *member(const json_t *document, const char *path);
