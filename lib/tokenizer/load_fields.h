#pragma once
/*
 * Fields: what the loaders of a tokenizer.json share: a reader that writes into
 * a spec, objects read by a table of their members, components chosen by their
 * "type".
 *
 * Names and what may be left out follow the library's own deserializers, which
 * pass over unknown members. The first fault sticks, as in json/reader.h; one
 * that needs more than static text is kept in *err at once.
 */
#include "tokenizer/load.h"

struct loader {
    struct json_reader r;
    struct tokenizer_spec *spec;
    const char *file;
    struct err *err;
    bool refused; /* *err is filled */
};

/* Always false. */
bool load_refuse(struct loader *l, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The end of the text, or the first fault. */
bool load_end(struct loader *l) MUST_CHECK;

/* ---- members of an object */

enum field_kind {
    FIELD_BOOL,      /* bool */
    FIELD_TEXT,      /* struct text */
    FIELD_CHARACTER, /* uint32_t, a string of one */
    FIELD_COUNT,     /* uint32_t */
    FIELD_SIZE,      /* uint32_t; what is larger is as good as the largest */
    FIELD_CHOICE,    /* an enum: its place in names */
    FIELD_MATCHER,   /* struct matcher: {"String": …} or {"Regex": …} */
    FIELD_PART,      /* part(l, ret) reads the value */
};

enum { FIELD_OPTIONAL = 1, FIELD_NULLABLE = 2 };

struct field {
    const char *name;
    enum field_kind kind;
    unsigned flags;
    void *ret; /* left alone when the member is absent or null */
    const char *const *names;
    bool (*part)(struct loader *l, void *ret);
    bool seen;
};

/* what: the object in messages. */
bool load_fields(struct loader *l, const char *what, struct field *fields, size_t n);

/* ---- values */

bool load_count(struct loader *l, uint32_t *ret); /* an unsigned 32-bit number */
bool load_text(struct loader *l, struct text *ret);
bool load_matcher(struct loader *l, struct matcher *ret);
/* names ends with NULL. Refuses with the nearest of them. */
bool load_choice(struct loader *l, const char *what, struct slice name, const char *const *names,
                 unsigned *ret);
/* Reads null and returns true, or leaves the value alone. */
bool load_null(struct loader *l);

/* ---- components */

struct component {
    const char *name;
    bool (*load)(struct loader *l, unsigned kind); /* at the object */
    unsigned kind;
};

enum { COMPONENTS_MAX = 32, COMPONENT_SIZE_MAX = 8 << 20 };

/*
 * At an object with a member "type", which picks of n components the one that
 * reads it. Where "type" is absent, unknown or no text, the first of n_shapes
 * whose member the object has: the library goes by the members then.
 */
struct shape {
    const char *member;
    struct component component;
};
bool load_component(struct loader *l, const char *what, const struct component *components,
                    size_t n, const struct shape *shapes, size_t n_shapes);

/* The kinds of n members and, as short text, "type" (""), without moving. */
struct peeked {
    char type[64];
    enum json_kind kinds[8];
};
bool load_peek(struct loader *l, const char *const *members, size_t n, struct peeked *ret);

/* An array of what item reads, at most max of them. */
bool load_array(struct loader *l, size_t max, bool (*item)(struct loader *l));

/* The next of an array that doubles, zeroed. */
void *load_grow(void *items, size_t n, size_t item_size);
#define LOAD_PUSH(items, n)                                    \
    ((items) = (n) == 0 || ((n) >= 8 && ((n) & ((n)-1)) == 0)  \
                   ? load_grow((items), (n), sizeof(*(items))) \
                   : (items),                                  \
     (items)[(n)] = (__typeof__(*(items))){0}, &(items)[(n)++])

/* ---- the parts of a tokenizer.json: each at its value, which may be null */

bool load_normalizer(struct loader *l);
bool load_pretokenizer(struct loader *l);
bool load_postprocessor(struct loader *l);
bool load_decoder(struct loader *l);
bool load_model(struct loader *l);
bool load_added_tokens(struct loader *l);
bool load_truncation(struct loader *l);
bool load_padding(struct loader *l);

/*
 * Gives added tokens the ids that the library gives them: the vocabulary's where it
 * has the token, else the next free one behind it; what the file says does not count.
 */
bool load_number_added(struct tokenizer_spec *s, struct err *err);
/* What metaspace objects say, of pre-tokenizer and decoder. */
bool load_metaspace(struct loader *l, struct metaspace *ret);
