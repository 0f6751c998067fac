#pragma once
/*
 * Bind: a JSON object into a struct, by a table of fields.
 *
 * The table is the one place that says what a document may contain: its rows
 * make the checks, the error messages and the JSON Schema in the OpenAPI
 * description. All faults of a document are reported together, each with its
 * JSON pointer, what is allowed, and the nearest known name.
 *
 *     static const struct field fields[] = {
 *         {"max_length", FIELD_INT, offsetof(struct request, max_length), .min = 1, .max = 1 << 30,
 *          .doc = "Longest sequence in tokens."},
 *         {"kv_cache", FIELD_OBJECT, offsetof(struct request, kv), .fields = &kv_fields},
 *         …
 *     };
 *
 * Tables are trees: none contains itself. So the depth that is walked is the
 * table's, whatever the document's. Duplicate members are the parser's to
 * reject (JSON_REJECT_DUPLICATES).
 */
#include "base/err.h"
#include "base/strv.h"

#include <jansson.h>

enum field_kind {
    FIELD_STR,     /* char *, malloc'ed; NULL when absent or null. min/max: bytes */
    FIELD_BOOL,    /* enum tristate: UNSET when absent or null */
    FIELD_INT,     /* struct opt_int */
    FIELD_REAL,    /* struct opt_real */
    FIELD_ENUM,    /* int: index into names + 1; 0 when absent */
    FIELD_STRV,    /* struct strv. min/max: bytes of each; max_items */
    FIELD_OBJECT,  /* embedded struct, bound by fields; its offset is where it lies */
    FIELD_ARRAY,   /* struct bind_array of structs of item_size, bound by fields; max_items */
    FIELD_JSON,    /* json_t *, a counted reference to any value; schema says what */
    FIELD_IGNORED, /* accepted and dropped: what we wrote ourselves and get back */
};

enum tristate { UNSET = 0, NO, YES };
struct opt_int {
    bool set;
    int64_t value;
};
struct opt_real {
    bool set;
    double value;
};
struct bind_array {
    void *items;
    size_t n;
};

struct field_table;

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    double min, max; /* both 0: no bounds (strings: 4096 bytes); only min given: no upper one */
    const char *const *names;         /* ENUM: NULL-terminated */
    const struct field_table *fields; /* OBJECT, ARRAY */
    size_t item_size;                 /* ARRAY */
    size_t max_items;                 /* ARRAY, STRV; 0: 64 */
    bool required;
    const char *schema; /* JSON: the JSON Schema of the value; NULL: anything */
    const char *doc;    /* one sentence */
};

struct field_table {
    const char *name; /* of the schema */
    const struct field *fields;
    size_t n;
};

/*
 * Fills *ret, which must be zeroed, from doc. Values keep no reference to doc
 * but for FIELD_JSON. On failure nothing is owed. Unknown members: ERR_UNKNOWN_FIELD
 * when they are the only faults, else ERR_FIELD; the fact "errors" lists all
 * faults as {pointer, detail, value?, allowed?, nearest?}. prefix is put before
 * each pointer ("" for none).
 */
bool bind_object(const struct field_table *table, json_t *doc, const char *prefix, void *ret,
                 struct err *err) MUST_CHECK;
/* Frees what bind_object() put into *bound; accepts a zeroed struct. */
void bind_release(const struct field_table *table, void *bound);

/*
 * Collecting faults by hand, for checks that a table cannot say:
 *     AUTO_FAULTS struct faults f = {0};
 *     faults_add(&f, "/default_encoding", value, allowed, "…");
 *     return faults_none(&f, err);   // false and *err filled when there were any
 *
 * The fact "errors" lists at most FAULTS_MAX, "errors_omitted" counts the
 * rest, "pointer" is the first one's.
 */
enum { FAULTS_MAX = 50 };

struct faults {
    struct buf list; /* JSON objects, comma-separated */
    size_t n;
    size_t n_unknown; /* of them unknown members */
    char first[200], first_pointer[120];
};
#define AUTO_FAULTS CLEANUP(faults_release)

/* value may be NULL; the nearest of allowed is worked out here. */
void faults_add(struct faults *f, const char *pointer, const char *value,
                const char *const *allowed /* NULL-terminated or NULL */, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* As faults_add() for a value that is not a string: shown as it is when it is a scalar. */
void faults_add_value(struct faults *f, const char *pointer, json_t *value, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* A member that nobody knows; pointer is the member's own. */
void faults_add_unknown(struct faults *f, const char *pointer, const char *member,
                        const char *const *known);
bool faults_none(struct faults *f, struct err *err) MUST_CHECK;
void faults_release(struct faults *f);

/*
 * As bind_object() for somebody who goes on checking: faults are added to f,
 * and what could be bound is in *ret, the caller's to release in any case.
 */
void bind_into(const struct field_table *table, json_t *doc, const char *prefix, void *ret,
               struct faults *f);

/* Appends "/" and segment, escaped as RFC 6901 wants it; pointer_cut() goes back to size. */
void pointer_push(struct buf *pointer, const char *segment);
void pointer_push_index(struct buf *pointer, size_t index);
void pointer_cut(struct buf *pointer, size_t size);

/* Appends the JSON Schema (2020-12) of a table's objects; nested tables are written inline. */
void bind_schema(const struct field_table *table, struct buf *out);
