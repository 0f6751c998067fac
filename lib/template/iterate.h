#pragma once
/*
 * Iterating: what for, filters and unpacking loop over. Generators (map, select,
 * items, …) compute an item when it is asked for, as in Python.
 */
#include "template/render.h"

enum iter_kind {
    ITER_SEQ, /* also what was computed before */
    ITER_CHARS,
    ITER_KEYS,
    ITER_VALUES,
    ITER_ITEMS,
    ITER_RANGE,
    ITER_OTHER, /* goes on with another iterator, which it shares */
    ITER_MAP_ATTR,
    ITER_MAP_FILTER,
    ITER_SELECT,
    ITER_FOR_IF,
};

struct filter_def;
struct test_def;

struct iter {
    enum iter_kind kind;
    size_t i;
    struct value source;
    struct iter *other; /* of generators: what they draw from; NULL until the first item */
    bool reverse;
    /* ---- map, select */
    struct value attr, fallback; /* attribute; V_MISSING: the item itself */
    const struct filter_def *filter;
    const struct test_def *test; /* NULL: truth */
    bool keep;                   /* items for which the test says this */
    struct args args;
    /* ---- for … if */
    struct frame *frame;
    const struct node *loop;
};

/* TypeError for what cannot be looped over. */
bool iter_begin(struct render *r, struct value v, struct iter *ret);
/* *more false: the end. */
bool iter_next(struct render *r, struct iter *it, struct value *ret, bool *more);
struct value iter_value(struct render *r, struct iter it);
/* All that is left, as a list. */
bool iter_list(struct render *r, struct value v, struct value *ret);

/* The loop of a for statement, as its body sees it. */
struct loop {
    struct iter it;
    struct value source;
    int64_t index0, length; /* length -1: not asked for yet */
    struct value before, current, after;
    struct value changed;
    bool has_after, ended;
};
bool loop_next(struct render *r, struct loop *l, struct value *ret, bool *more);
bool loop_attr(struct render *r, struct value object, const struct str *name, struct value *ret);
