#include "tokenizer/trie.h"

#include <inttypes.h>

enum { ALPHABET = TRIE_END + 1, NODES_MAX = 1 << 26 };

struct key {
    const char *bytes; /* without the prefix */
    uint32_t size, place;
};

struct builder {
    const struct key *keys; /* sorted */
    struct trie_node *nodes;
    uint32_t n, capacity;
    uint32_t next_free; /* no node before it is free */
};

static int by_bytes(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    uint32_t size = x->size < y->size ? x->size : y->size;
    int order = size ? memcmp(x->bytes, y->bytes, size) : 0;

    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static void grow(struct builder *b, uint32_t n)
{
    if (n > b->capacity) {
        uint32_t capacity = b->capacity * 2 > n ? b->capacity * 2 : n;

        b->nodes = mem_resize(b->nodes, (size_t)capacity * sizeof(*b->nodes));
        for (uint32_t i = b->capacity; i < capacity; i++)
            b->nodes[i] = (struct trie_node){0, TRIE_FREE};
        b->capacity = capacity;
    }
    b->n = b->n > n ? b->n : n;
}

/* A base under which all labels (ascending) are free. */
static uint32_t find_base(struct builder *b, const uint16_t *labels, uint32_t n)
{
    uint32_t tried = 0;

    while (b->next_free < b->capacity && b->nodes[b->next_free].parent != TRIE_FREE)
        b->next_free++;
    for (uint32_t at = b->next_free > labels[0] ? b->next_free : labels[0] + 1u;; at++) {
        uint32_t base = at - labels[0], i = 0;

        grow(b, base + ALPHABET);
        while (i < n && b->nodes[base + labels[i]].parent == TRIE_FREE)
            i++;
        if (i == n)
            return base;
        /* What is nearly full is left alone, else many children would search it again and again. */
        if (++tried == 256 && n > 1 && at > b->next_free + 256)
            b->next_free += (at - b->next_free) / 2;
    }
}

struct range {
    uint32_t node, first, end, depth;
};

/* Makes the children of one node, pushes those that are no leaves. */
static bool expand(struct builder *b, struct range r, struct range **stack, size_t *n_stack,
                   size_t *capacity)
{
    uint16_t labels[ALPHABET];
    uint32_t begins[ALPHABET + 1], n = 0, i = r.first, base;

    if (b->keys[i].size == r.depth) { /* sorts first; not in the order of labels */
        i++;
    }
    for (; i < r.end; i++) {
        uint8_t byte = (uint8_t)b->keys[i].bytes[r.depth];

        if (n == 0 || labels[n - 1] != byte) {
            labels[n] = byte;
            begins[n++] = i;
        }
    }
    begins[n] = r.end;
    bool ends = b->keys[r.first].size == r.depth && r.depth > 0;
    if (ends)
        labels[n] = TRIE_END;
    if (n + ends == 0)
        return true;
    base = find_base(b, labels, n + ends);
    if (base > NODES_MAX)
        return false;
    b->nodes[r.node].base = base;
    if (ends) {
        b->nodes[r.node].parent |= TRIE_ENDS;
        b->nodes[base + TRIE_END] = (struct trie_node){b->keys[r.first].place, TRIE_LEAF | r.node};
    }
    for (uint32_t c = 0; c < n; c++) {
        uint32_t child = base + labels[c];

        if (begins[c + 1] - begins[c] == 1) {
            b->nodes[child] = (struct trie_node){b->keys[begins[c]].place, TRIE_LEAF | r.node};
            continue;
        }
        b->nodes[child] = (struct trie_node){0, r.node};
        if (*n_stack == *capacity) {
            *capacity = *capacity * 2 + 64;
            *stack = mem_resize(*stack, *capacity * sizeof(**stack));
        }
        (*stack)[(*n_stack)++] = (struct range){child, begins[c], begins[c + 1], r.depth + 1};
    }
    return true;
}

static bool build(struct builder *b, uint32_t n_keys)
{
    AUTO_FREE struct range *stack = NULL;
    size_t n_stack = 0, capacity = 0;
    bool ok;

    grow(b, 1);
    b->nodes[0].parent = 0;
    b->next_free = 1;
    ok = n_keys == 0 || expand(b, (struct range){0, 0, n_keys, 0}, &stack, &n_stack, &capacity);
    while (ok && n_stack)
        ok = expand(b, stack[--n_stack], &stack, &n_stack, &capacity);
    grow(b, b->nodes[0].base + ALPHABET);
    return ok;
}

bool trie_compile(const struct vocab *v, const char *prefix, size_t prefix_size, struct buf *out,
                  struct err *err)
{
    struct key *keys = mem_new_array((size_t)v->head.n_places + 1, struct key);
    struct builder b = {.keys = keys};
    struct trie_head head = {.skip = (uint32_t)prefix_size};
    uint32_t n = 0;
    bool ok;

    for (uint32_t p = 0; p < v->head.n_places; p++) {
        uint32_t size;
        const char *bytes = vocab_bytes(v, p, &size);

        if ((v->offsets[p] & VOCAB_MISSING) || size <= prefix_size ||
            (prefix_size && memcmp(bytes, prefix, prefix_size) != 0))
            continue;
        keys[n++] = (struct key){bytes + prefix_size, size - (uint32_t)prefix_size, p};
    }
    qsort(keys, n, sizeof(*keys), by_bytes);
    ok = build(&b, n);
    head.n_nodes = b.n;
    buf_append(out, &head, sizeof(head));
    buf_append(out, b.nodes, (size_t)b.n * sizeof(*b.nodes));
    free(b.nodes);
    free(keys);
    return ok ||
           err_set(err, ERR_COMBINATION, "vocabulary: needs more than %d trie nodes", NODES_MAX);
}

void trie_open(const void *data, struct trie *ret)
{
    memcpy(&ret->head, data, sizeof(ret->head));
    ret->nodes = (const struct trie_node *)(const void *)((const char *)data + sizeof(ret->head));
}
