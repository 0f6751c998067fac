#pragma once
/*
 * Text fields: the body of a request about text, bound to a struct by a table,
 * straight from the bytes: no tree, and a text without escapes is not copied.
 *
 * Faults are those of bind/bind.h in kind and form, but the first one ends it.
 */
#include "api/text_job.h"
#include "base/err.h"
#include "json/reader.h"

enum text_field_kind {
    TEXT_FIELD_BOOL,    /* bool */
    TEXT_FIELD_YES_NO,  /* int: 0 or 1; for where it matters whether it was said */
    TEXT_FIELD_INT,     /* int64_t within [min, max] */
    TEXT_FIELD_ENUM,    /* int: index into names */
    TEXT_FIELD_STRING,  /* struct slice */
    TEXT_FIELD_STRINGS, /* struct text_list: a string or an array of strings */
    TEXT_FIELD_IDS,     /* struct id_lists: an array of ids, or an array of those */
    TEXT_FIELD_ARRAY,   /* struct slice: an array, as its bytes */
    TEXT_FIELD_OBJECT,  /* struct slice: an object, as its bytes */
};

struct text_list {
    struct slice *items; /* maybe &single: not to be moved */
    struct slice single;
    size_t n, capacity;
    bool is_list;
};

struct id_lists {
    uint32_t *ids; /* all of them, one list behind the other */
    size_t n_ids, ids_capacity;
    size_t *ends; /* of each list, in ids */
    size_t n, capacity;
    bool is_nested;
};

struct text_field {
    const char *name;
    enum text_field_kind kind;
    size_t offset;
    int64_t min, max;
    const char *const *names; /* ENUM: NULL-terminated */
    bool required;
};

enum { TEXTS_IN_BODY_MAX = 4096, TEXT_FIELDS_MAX = 32 };

/*
 * Null counts as not given: what is in *ret stays. Strings point into body or, with
 * escapes, into keep, which is cleared first and must outlive them. Values may be JSON_DEPTH_MAX /
 * 2 deep. Errors: INVALID (line, offset), FIELD and UNKNOWN_FIELD (pointer, allowed, nearest).
 */
bool text_fields_read(const struct text_field *fields, size_t n, const char *body, size_t size,
                      struct buf *keep, void *ret, struct err *err) MUST_CHECK;
/*
 * The first field that has another value in a than in b; NULL: none. Strings are the same where
 * they are the same bytes of the body; lists are not compared.
 */
const char *text_fields_differ(const struct text_field *fields, size_t n, const void *a,
                               const void *b);
void text_list_release(struct text_list *l);
/* Of an empty list: the text, without memory of its own. */
void text_list_one(struct text_list *l, struct slice text);
void id_lists_release(struct id_lists *l);

/* FIELD at pointer; false. */
bool text_field_wrong(struct err *err, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
