#include "tokenizer/added.h"

#include "tokenizer/scalar.h"
#include "unicode/characters.h"
#include "json/reader.h"

/* ---- making the trie */

static int by_content(const void *a, const void *b)
{
    const struct added_text *x = a, *y = b;
    size_t n = x->content.size < y->content.size ? x->content.size : y->content.size;
    int order = n ? memcmp(x->content.data, y->content.data, n) : 0;

    if (order)
        return order;
    if (x->content.size != y->content.size)
        return x->content.size < y->content.size ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* A node that is still to get its children: items[from, end) share its first depth bytes. */
struct open_node {
    uint32_t node;
    size_t from, end, depth;
};

static struct added_node *node_at(const struct buf *out, size_t begin, uint32_t i)
{
    return (struct added_node *)(void *)(out->data + begin) + i;
}

static void add_children(const struct added_text *items, struct open_node open, struct buf *out,
                         size_t begin, struct buf *queue)
{
    size_t from = open.from;
    uint32_t n = (uint32_t)((out->size - begin) / sizeof(struct added_node));

    if (from < open.end && items[from].content.size == open.depth) {
        struct added_node *node = node_at(out, begin, open.node);

        node->id = items[from].id;
        node->flags = items[from].flags;
        while (from < open.end && items[from].content.size == open.depth)
            from++;
    }
    node_at(out, begin, open.node)->children = n;
    for (size_t i = from, end; i < open.end; i = end) {
        const struct added_node child = {.id = NO_ID,
                                         .label = (uint8_t)items[i].content.data[open.depth]};
        struct open_node next = {n + node_at(out, begin, open.node)->n_children++, i, 0,
                                 open.depth + 1};

        for (end = i; end < open.end; end++)
            if ((uint8_t)items[end].content.data[open.depth] != child.label)
                break;
        next.end = end;
        buf_append(out, &child, sizeof(child));
        buf_append(queue, &next, sizeof(next));
    }
}

void added_compile(struct added_text *items, size_t n, struct buf *out)
{
    const struct added_node root = {.id = NO_ID};
    AUTO_BUF struct buf queue = {0};
    struct open_node open = {0};
    size_t begin = out->size;

    for (size_t i = 0; i < n; i++)
        items[i].order = (uint32_t)i;
    qsort(items, n, sizeof(*items), by_content);
    while (open.from < n && items[open.from].content.size == 0)
        open.from++;
    open.end = n;
    buf_append(out, &root, sizeof(root));
    buf_append(&queue, &open, sizeof(open));
    for (size_t at = 0; at < queue.size; at += sizeof(open)) {
        memcpy(&open, queue.data + at, sizeof(open));
        add_children(items, open, out, begin, &queue);
    }
}

/* ---- finding */

void added_open(struct added_set *a, const struct added_node *nodes, size_t n_nodes)
{
    *a = (struct added_set){.nodes = nodes, .n_nodes = n_nodes};
    for (uint32_t i = 0; n_nodes && i < nodes->n_children; i++)
        a->first[nodes[nodes->children + i].label] = true;
}

static const struct added_node *child(const struct added_set *a, const struct added_node *node,
                                      uint8_t label)
{
    size_t low = node->children, high = low + node->n_children, end = high;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (a->nodes[mid].label < label)
            low = mid + 1;
        else
            high = mid;
    }
    return low < end && a->nodes[low].label == label ? &a->nodes[low] : NULL;
}

static const struct added_node *longest(const struct added_set *a, const char *text, size_t size,
                                        size_t at, size_t *ret_end)
{
    const struct added_node *node = a->nodes, *found = NULL;

    while (at < size && (node = child(a, node, (uint8_t)text[at]))) {
        at++;
        if (node->id != NO_ID) {
            found = node;
            *ret_end = at;
        }
    }
    return found;
}

/* The character that ends at `at`. */
static uint32_t scalar_before(const char *text, size_t at, size_t *ret_begin)
{
    do
        at--;
    while (at && ((uint8_t)text[at] & 0xc0) == 0x80);
    *ret_begin = at;
    return scalar_next(text, &at);
}

static bool is_word_alone(const char *text, size_t size, size_t start, size_t end)
{
    size_t at;

    if (start > 0 && character_classes(scalar_before(text, start, &at)) & CHARACTER_WORD)
        return false;
    at = end;
    return end == size || !(character_classes(scalar_next(text, &at)) & CHARACTER_WORD);
}

static size_t spaces_before(const char *text, size_t at, size_t floor)
{
    while (at > floor) {
        size_t begin;

        if (!(character_classes(scalar_before(text, at, &begin)) & CHARACTER_SPACE))
            break;
        at = begin;
    }
    return at;
}

static size_t spaces_behind(const char *text, size_t size, size_t at)
{
    while (at < size) {
        size_t end = at;

        if (!(character_classes(scalar_next(text, &end)) & CHARACTER_SPACE))
            break;
        at = end;
    }
    return at;
}

/* The first token that text has at or after *at; *at is then its begin. */
static const struct added_node *next_found(const struct added_set *a, const char *text, size_t size,
                                           size_t *at, bool no_special, size_t *ret_end)
{
    for (;; *at = *ret_end) {
        const struct added_node *found;

        while (*at < size && !a->first[(uint8_t)text[*at]])
            ++*at;
        if (*at >= size)
            return NULL;
        found = longest(a, text, size, *at, ret_end);
        if (!found) {
            *ret_end = *at + 1;
            continue;
        }
        if (no_special && found->flags & ADDED_SPECIAL)
            continue;
        if (found->flags & ADDED_SINGLE_WORD && !is_word_alone(text, size, *at, *ret_end))
            continue;
        return found;
    }
}

bool added_next(const struct added_set *a, const char *text, size_t size, size_t at, size_t floor,
                bool no_special, struct added_match *ret)
{
    const struct added_node *found;

    if (a->n_nodes <= 1)
        return false;
    /* White space that the last one took may be a token that takes it too: nothing is left of it.
     */
    for (; (found = next_found(a, text, size, &at, no_special, &ret->next)); at = ret->next) {
        ret->id = found->id;
        ret->start = at;
        ret->end = ret->next;
        if (found->flags & ADDED_LSTRIP) /* what the last one took is not taken twice */
            ret->start = at > floor ? spaces_before(text, at, floor) : floor;
        if (found->flags & ADDED_RSTRIP) /* not over what is known to be spaces: it may be long */
            ret->end = spaces_behind(text, size, ret->end < floor ? floor : ret->end);
        if (ret->start < ret->end)
            return true;
    }
    return false;
}
