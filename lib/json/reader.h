#pragma once
/*
 * JSON reader: pulls values out of JSON text, one after another, without a tree.
 *
 * For files too big for one (a tokenizer.json of 30 MB) and for headers of which
 * a few members count. What is not wanted is skipped at the speed of a scan.
 * Strict: RFC 8259, UTF-8, no lone surrogates, nesting bounded; what is skipped
 * is held to that as much as what is read. Equal keys are all shown.
 *
 *     AUTO_JSON_READER struct json_reader r = json_reader(text, size);
 *     struct slice key;
 *
 *     json_read_object(&r);
 *     while (json_read_key(&r, &key)) {       // false: the object ended, or a fault
 *         if (slice_eq(key, "name"))
 *             json_read_text(&r, &name);
 *         else
 *             json_read_skip(&r);              // every value is read or skipped
 *     }
 *     return json_read_end(&r, ERR_CONFIG_INVALID, "config.json", err);
 *
 * Faults stick: after the first one every call returns false and changes
 * nothing, so only the end has to be checked. The text is borrowed and need
 * not end in NUL. Nothing recurses; only json_read_text() may allocate.
 */
#include "base/err.h"

/* Bytes that belong to somebody else. */
struct slice {
    const char *data;
    size_t size;
};
bool slice_eq(struct slice s, const char *text);
char *slice_dup(struct slice s) __attribute__((malloc, returns_nonnull));
/* Copies as much as fits and ends it with NUL; false when cut (between code points). */
bool slice_copy(struct slice s, char *ret, size_t ret_size);

enum json_kind {
    KIND_NONE, /* a fault, or no value here */
    KIND_OBJECT,
    KIND_ARRAY,
    KIND_STRING,
    KIND_NUMBER,
    KIND_BOOL,
    KIND_NULL,
};

enum { JSON_DEPTH_DEFAULT = 64, JSON_DEPTH_MAX = 256, JSON_KEEP_ROOM = 16 };

struct json_reader {
    const char *start, *p, *end;
    unsigned depth, max_depth;
    bool any;                                /* a value was begun */
    bool fresh;                              /* nothing of the innermost container read yet */
    uint64_t is_object[JSON_DEPTH_MAX / 64]; /* a bit per level */
    const char *fault;                       /* static text; NULL: none */
    size_t fault_at;                         /* offset of it */
    struct buf scratch;                      /* the last string that had escapes */
    /*
     * NULL, or where such strings go instead, one behind the other, to stay; borrowed. It must
     * have room for the whole text and JSON_KEEP_ROOM more behind its size.
     */
    struct buf *keep;
};

/* max_depth may be changed (at most JSON_DEPTH_MAX) before the first call. */
struct json_reader json_reader(const char *text, size_t size);
void json_reader_release(struct json_reader *r);
#define AUTO_JSON_READER CLEANUP(json_reader_release)

/* Looks at the next value without reading it. */
enum json_kind json_read_kind(struct json_reader *r);

/* Enter; a value of another kind is a fault. Leave by the call below returning false. */
bool json_read_object(struct json_reader *r);
bool json_read_array(struct json_reader *r);
/* The next member: key is valid until the next call. False: left the object (or fault). */
bool json_read_key(struct json_reader *r, struct slice *ret);
/* Is there a next item? False: left the array (or fault). */
bool json_read_item(struct json_reader *r);

/*
 * Values; another kind is a fault. text: unescaped, valid until the next call,
 * a slice of the input when it has no escapes. int: no fraction or exponent,
 * fits 64 bits.
 */
bool json_read_text(struct json_reader *r, struct slice *ret);
bool json_read_int(struct json_reader *r, int64_t *ret);
bool json_read_real(struct json_reader *r, double *ret);
bool json_read_bool(struct json_reader *r, bool *ret);
bool json_read_null(struct json_reader *r);

/* Any value: passed over; as its bytes; with the number of its members or items (0 for scalars). */
bool json_read_skip(struct json_reader *r);
bool json_read_raw(struct json_reader *r, struct slice *ret);
bool json_read_count(struct json_reader *r, int64_t *ret);

/*
 * A place to come back to, in the container where it was taken: for members
 * that decide how those before them are read. After a fault there is no way back.
 */
struct json_mark {
    const char *p;
    unsigned depth;
    bool fresh;
};
static inline struct json_mark json_read_mark(const struct json_reader *r)
{
    return (struct json_mark){r->p, r->depth, r->fresh};
}
static inline void json_read_again(struct json_reader *r, struct json_mark from)
{
    r->p = from.p;
    r->depth = from.depth;
    r->fresh = from.fresh;
}

/* A fault of the reader's user, at the current place; what must be static. Returns false. */
bool json_read_fault(struct json_reader *r, const char *what);

/*
 * The text was one value and nothing else, without fault. Otherwise code with
 * "<file>: line N: <what>" and the facts file, line, offset, detail.
 */
bool json_read_end(struct json_reader *r, enum err_code code, const char *file,
                   struct err *err) MUST_CHECK;
