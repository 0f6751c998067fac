#pragma once
/*
 * Router: from a path to its routes, by a tree of segments made of the table.
 *
 * Immutable once built, so the loops may share one. A node tries its literal
 * children first (sorted, by bisection), then the capture, then the tail; a
 * dead end goes back. Cost: about segments * log(siblings) comparisons.
 */
#include "api/route.h"
#include "api/url.h"

struct router;

/* The routes of one path. */
struct resource {
    const struct route *routes[N_METHODS]; /* NULL: not allowed */
    size_t index[N_METHODS];               /* of each, in the table */
    char allow[64];                        /* "GET, HEAD, OPTIONS" */
};

/*
 * Builds the tree of n routes, which must outlive it. A table that contradicts
 * itself (the same method and path twice, a tail that is not last) is a bug of
 * ours and aborts.
 */
struct router *router_new(const struct route *const *routes, size_t n);
void router_free(struct router *r);

/*
 * The resource at url, with its captures, or NULL. The text of url's segments
 * is joined again by '/' where a tail captures them, so url serves one match.
 */
const struct resource *router_find(const struct router *r, struct url *url,
                                   const char *captures[ROUTE_MAX_CAPTURES]);

/* Paths of the table most like path. Returns their number. */
size_t router_nearest(const struct router *r, const char *path, const char *ret[5]);

const char *method_name(enum method m);
/* False: none of ours. HEAD is GET with *ret_head. */
bool method_parse(const char *name, enum method *ret, bool *ret_head);
