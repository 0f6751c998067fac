#pragma once
/* Sorting: values by their keys, as Python's sorted() does. */
#include "template/render.h"

struct sortable {
    struct value key, item;
};

/*
 * Stable; keys that are equal stay in their order, in reverse too. spare has room
 * for n. Errors: TypeError for keys that have no order. Cost: n log n comparisons,
 * a step each.
 */
bool sort_by_key(struct render *r, struct sortable *s, struct sortable *spare, size_t n,
                 bool reverse);
