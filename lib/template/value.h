#pragma once
/*
 * Value: what a template computes with, of Python's semantics.
 *
 * Sixteen bytes, passed by value; what it points to lives in the arena of the
 * rendering (or, for constants, of the template) and is never freed alone.
 * Strings, lists and dicts do not change once a template can see them: the
 * sandbox forbids it. Only namespaces do.
 *
 * Functions that take a struct render may fail: see render.h.
 */
#include "template/arena.h"

struct render;

enum kind {
    V_MISSING, /* nothing there: an argument that was not given, a name not yet set */
    V_UNDEF,
    V_NONE,
    V_BOOL,
    V_INT,
    V_BIG, /* an integer beyond 64 bits: carried and printed, not computed with */
    V_FLOAT,
    V_STR,
    V_LIST,
    V_TUPLE,
    V_DICT,
    V_VIEW, /* of a dict: keys(), values(), items() */
    V_RANGE,
    V_NAMESPACE,
    V_LOOP,
    V_MACRO,
    V_FUNCTION, /* a global, or a method with its object */
    V_ITER,     /* used up by looping over it */
    V_SLICE,    /* only as a subscript */
};

struct value {
    uint8_t kind;
    bool markup; /* of a string: Markup */
    union {
        bool b;
        int64_t i;
        double d;
        struct str *str;
        struct seq *seq;
        struct dict *dict; /* V_NAMESPACE too */
        struct view *view;
        struct range *range;
        struct undef *undef;
        struct loop *loop;
        struct macro *macro;
        struct function *fn;
        struct iter *iter;
        struct value *slice; /* start, stop, step */
    };
};

/* UTF-8. Appending to the newest string of a room reuses the room's spare bytes. */
struct str {
    const char *data;
    size_t size;
    uint32_t n_chars; /* code points + 1; 0: not counted yet */
    uint32_t hash;    /* 0: not hashed yet */
    bool atom;        /* see atoms.h */
    struct room *room;
    const struct marks *user; /* see marks.h; NULL: none of it is the user's */
};

struct seq {
    struct value *items;
    size_t n;
    struct room *room;
    bool is_group; /* a tuple of groupby: .grouper, .list */
};

struct room {
    size_t used, capacity; /* in bytes */
    char *bytes;
};

struct entry {
    struct value key, value;
    uint32_t hash; /* 0: of a string, and not asked for yet */
};

struct dict {
    struct entry *entries;
    size_t n, capacity;
    uint32_t *index; /* of entries + 1, by hash; NULL while there are few */
    size_t n_index;
    bool strange; /* it may have keys that are equal to an atom and not the atom */
};

enum view_of { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };
struct view {
    struct dict *dict;
    enum view_of of;
};

struct range {
    int64_t start, stop, step, n;
};

struct undef {
    const char *hint; /* what an error says; NULL: made from the two below */
    struct value object, name;
    const char *exception; /* NULL: UndefinedError */
};

static const struct value NONE = {.kind = V_NONE};
static const struct value MISSING = {.kind = V_MISSING};
static inline struct value v_bool(bool b) { return (struct value){.kind = V_BOOL, .b = b}; }
static inline struct value v_int(int64_t i) { return (struct value){.kind = V_INT, .i = i}; }
static inline struct value v_float(double d) { return (struct value){.kind = V_FLOAT, .d = d}; }
static inline struct value v_str(struct str *s) { return (struct value){.kind = V_STR, .str = s}; }
static inline bool is_int(struct value v) { return v.kind == V_INT || v.kind == V_BOOL; }
static inline bool is_number(struct value v) { return is_int(v) || v.kind == V_FLOAT; }
/* V_INT or V_BOOL as a number. */
static inline int64_t as_int(struct value v) { return v.kind == V_BOOL ? v.b : v.i; }
static inline double as_float(struct value v)
{
    return v.kind == V_FLOAT ? v.d : (double)as_int(v);
}
static inline bool is_seq(struct value v) { return v.kind == V_LIST || v.kind == V_TUPLE; }

/* ---- strings */
static inline struct value str_borrow(struct arena *a, const char *data, size_t size)
{
    struct str *s = arena_take(a, sizeof(*s));

    *s = (struct str){.data = data, .size = size};
    return v_str(s);
}
struct value str_copy(struct arena *a, const char *data, size_t size);
struct value str_const(struct arena *a, const char *text); /* static text, borrowed */
/* Bytes of s, borrowed. */
struct value str_cut(struct arena *a, const struct str *s, size_t offset, size_t size);
struct value str_markup(struct value v, bool markup);
size_t str_chars(struct str *s);
uint32_t str_hash(struct str *s);
static inline bool str_same(const struct str *a, const struct str *b)
{
    return a == b || (a->size == b->size && memcmp(a->data, b->data, a->size) == 0);
}
/* Mostly no, by the first byte: names are looked for in lists of names. */
static inline bool str_is(const struct str *s, const char *text)
{
    return s->size && s->data[0] == text[0] && strlen(text) == s->size &&
           memcmp(s->data, text, s->size) == 0;
}
/* a followed by b. */
struct value str_concat(struct arena *a, struct str *x, struct str *y);
/* Code points first … first + n - 1, which must be there. */
struct value str_part(struct arena *a, struct str *s, size_t first, size_t n);

/* ---- lists */
struct value seq_new(struct arena *a, enum kind kind, size_t n);
/* For lists under construction. */
void seq_append(struct arena *a, struct seq *s, struct value v);
struct value seq_concat(struct arena *a, enum kind kind, const struct seq *x, const struct seq *y);

/* ---- dicts */
struct dict *dict_new(struct arena *a);
/* With a key that is text: no comparison that could fail. */
struct value *dict_find_str(const struct dict *d, struct str *key);
/* The same, quicker for atoms: most dicts have a dozen keys and are asked for those. */
static inline struct value *dict_find_name(const struct dict *d, struct str *key)
{
    if (key->atom && !d->index) {
        for (size_t i = 0; i < d->n; i++)
            if (d->entries[i].key.str == key && d->entries[i].key.kind == V_STR)
                return &d->entries[i].value;
        if (!d->strange)
            return NULL;
    }
    return dict_find_str(d, key);
}
void dict_set_str(struct arena *a, struct dict *d, struct value key, struct value value);
/* The same, where key is the atom if there is one that is equal to it. */
void dict_set_known(struct arena *a, struct dict *d, struct value key, struct value value);
/* With any key. Errors: TypeError for what cannot be hashed. *ret NULL: not in it. */
bool dict_find(struct render *r, const struct dict *d, struct value key, struct value **ret);
bool dict_set(struct render *r, struct dict *d, struct value key, struct value value);

/* ---- any */
bool value_truth(struct value v);
/* Python's name of its type. */
const char *value_type(struct value v);
bool value_equal(struct render *r, struct value a, struct value b, bool *ret);
/* a < b. */
bool value_less(struct render *r, struct value a, struct value b, const char *op, bool *ret);
bool value_hash(struct render *r, struct value v, uint32_t *ret);
/* item in container. */
bool value_contains(struct render *r, struct value container, struct value item, bool *ret);
/* len(); false with *ret untouched and no error where Python has none. */
bool value_length(struct value v, int64_t *ret);
