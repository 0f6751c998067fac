#include "api/router.h"

#include "base/nearest.h"

#include <assert.h>
#include <stdio.h>

struct node {
    char *literal; /* NULL: a capture, a tail or the root */
    struct node **children;
    size_t n_children; /* literals, sorted once all are in */
    struct node *capture;
    struct node *tail;
    struct resource *resource; /* of the path that ends here */
};

struct router {
    struct node root;
    const struct route *const *routes;
    size_t n;
    const char **paths; /* each template once, for router_nearest() */
    size_t n_paths;
};

static const char *const method_names[N_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

const char *method_name(enum method m) { return method_names[m]; }

bool method_parse(const char *name, enum method *ret, bool *ret_head)
{
    *ret_head = str_eq(name, "HEAD");
    *ret = METHOD_GET;
    if (*ret_head)
        return true;
    for (int m = 0; m < N_METHODS; m++)
        if (str_eq(name, method_names[m])) {
            *ret = (enum method)m;
            return true;
        }
    return false;
}

/* ---- building */

static struct node *child_literal(struct node *parent, const char *text, size_t size)
{
    size_t i = 0;
    struct node *child;

    while (i < parent->n_children) {
        const char *literal = parent->children[i]->literal;
        int order = strncmp(literal, text, size);

        if (order == 0 && literal[size] == '\0')
            return parent->children[i];
        if (order > 0 || (order == 0 && literal[size]))
            break;
        i++;
    }
    child = mem_new(struct node);
    child->literal = str_dup_n(text, size);
    parent->children = mem_resize(parent->children, (parent->n_children + 1) * sizeof(child));
    memmove(&parent->children[i + 1], &parent->children[i],
            (parent->n_children - i) * sizeof(child));
    parent->children[i] = child;
    parent->n_children++;
    return child;
}

static struct node *child_of(struct node *parent, const char *segment, size_t size)
{
    bool is_capture = segment[0] == '{' && segment[size - 1] == '}';
    bool is_tail = is_capture && segment[size - 2] == '*';
    struct node **slot = is_tail ? &parent->tail : &parent->capture;

    if (!is_capture)
        return child_literal(parent, segment, size);
    assert(!is_tail || segment[size] == '\0');
    if (!*slot)
        *slot = mem_new(struct node);
    return *slot;
}

static void resource_finish(struct resource *res)
{
    size_t n = 0;

    for (int m = 0; m < N_METHODS; m++)
        if (res->routes[m])
            n += (size_t)snprintf(res->allow + n, sizeof(res->allow) - n, "%s%s, ", method_names[m],
                                  m == METHOD_GET ? ", HEAD" : "");
    snprintf(res->allow + n, sizeof(res->allow) - n, "OPTIONS");
}

static void router_add(struct router *r, size_t index)
{
    const struct route *route = r->routes[index];
    struct node *node = &r->root;

    assert(route->path[0] == '/');
    for (const char *p = route->path + 1; *p;) {
        size_t size = strcspn(p, "/");

        assert(size > 0);
        node = child_of(node, p, size);
        p += size;
        p += *p == '/';
    }
    if (!node->resource) {
        node->resource = mem_new(struct resource);
        r->paths[r->n_paths++] = route->path;
    }
    assert(!node->resource->routes[route->method]);
    node->resource->routes[route->method] = route;
    node->resource->index[route->method] = index;
    resource_finish(node->resource);
}

struct router *router_new(const struct route *const *routes, size_t n)
{
    struct router *r = mem_new(struct router);

    r->routes = routes;
    r->n = n;
    r->paths = mem_new_array(n + 1, const char *);
    for (size_t i = 0; i < n; i++)
        router_add(r, i);
    return r;
}

static void node_release(struct node *node)
{
    for (size_t i = 0; i < node->n_children; i++) {
        node_release(node->children[i]);
        free(node->children[i]);
    }
    if (node->capture)
        node_release(node->capture);
    if (node->tail)
        node_release(node->tail);
    free(node->capture);
    free(node->tail);
    free(node->children);
    free(node->literal);
    free(node->resource);
}

void router_free(struct router *r)
{
    if (!r)
        return;
    node_release(&r->root);
    free(r->paths);
    free(r);
}

/* ---- finding */

struct walk {
    struct url *url;
    const char **captures;
    size_t tail; /* first segment of the tail; SIZE_MAX: there is none */
};

static struct node *find_literal(const struct node *node, const char *text)
{
    size_t low = 0, high = node->n_children;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(node->children[mid]->literal, text);

        if (order == 0)
            return node->children[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* Recursion is as deep as the deepest template: a literal or a capture per level. */
static const struct resource *walk(struct walk *w, const struct node *node, size_t i,
                                   size_t n_captures)
{
    const struct resource *found;
    const struct url_text *segment = &w->url->segments[i];
    struct node *child;

    if (i == w->url->n_segments)
        return node->resource;
    if (segment->size == 0)
        return NULL;
    child = find_literal(node, segment->text);
    if (child && (found = walk(w, child, i + 1, n_captures)))
        return found;
    if (n_captures == ROUTE_MAX_CAPTURES)
        return NULL;
    if (node->capture && (found = walk(w, node->capture, i + 1, n_captures + 1))) {
        w->captures[n_captures] = segment->text;
        return found;
    }
    if (!node->tail)
        return NULL;
    for (size_t k = i; k < w->url->n_segments; k++)
        if (w->url->segments[k].size == 0)
            return NULL;
    w->captures[n_captures] = segment->text;
    w->tail = i;
    return node->tail->resource;
}

const struct resource *router_find(const struct router *r, struct url *url,
                                   const char *captures[ROUTE_MAX_CAPTURES])
{
    struct walk w = {.url = url, .captures = captures, .tail = SIZE_MAX};
    const struct resource *found;

    memset(captures, 0, ROUTE_MAX_CAPTURES * sizeof(captures[0]));
    found = walk(&w, &r->root, 0, 0);
    if (!found)
        memset(captures, 0, ROUTE_MAX_CAPTURES * sizeof(captures[0]));
    if (!found || w.tail == SIZE_MAX)
        return found;
    /* The decoded segments stand one behind the other: their NULs become '/' again. */
    for (size_t k = w.tail; k + 1 < url->n_segments; k++)
        ((char *)url->segments[k].text)[url->segments[k].size] = '/';
    return found;
}

size_t router_nearest(const struct router *r, const char *path, const char *ret[5])
{
    return nearest(path, r->paths, r->n_paths, ret);
}
