#pragma once
/*
 * Trie: which tokens begin at a place of a text, all of them or the longest.
 *
 * A double array, cut short: where only one token is left, its node is a leaf
 * that names it, and the rest is compared with the vocabulary's own bytes. So
 * nodes are about as many as tokens, of eight bytes each.
 */
#include "tokenizer/vocab.h"

struct trie_node {
    uint32_t base;   /* where children begin (child of byte b: base + b); of a leaf: its place */
    uint32_t parent; /* TRIE_FREE: unused; top bits say what the node is */
};

enum trie_bits {
    TRIE_LEAF = 1u << 31,
    TRIE_ENDS = 1u << 30, /* a token ends here: child TRIE_END is a leaf that names it */
    TRIE_PARENT = TRIE_ENDS - 1,
    TRIE_FREE = TRIE_PARENT,
    TRIE_END = 256, /* the child beside those of bytes */
};

struct trie_head {
    uint32_t n_nodes;
    uint32_t skip; /* bytes at the front of all tokens that are left out */
};

/* A view of the image. */
struct trie {
    struct trie_head head;
    const struct trie_node *nodes;
};

/*
 * Of all tokens that begin with prefix, what follows it. Appends to out.
 * Errors: COMBINATION (too large). Cost: some 200 ns per token.
 */
bool trie_compile(const struct vocab *v, const char *prefix, size_t prefix_size, struct buf *out,
                  struct err *err) MUST_CHECK;
void trie_open(const void *data, struct trie *ret);

/*
 *     struct trie_walk walk = trie_walk_begin();
 *     while (trie_walk_next(&walk, t, v, text, size)) … walk.place, walk.at
 *
 * Every token that text begins with, the shortest first; none that is empty.
 */
struct trie_walk {
    uint32_t node;
    uint32_t at;    /* bytes of text the token covers */
    uint32_t place; /* of the vocabulary */
    bool over;
};
static inline struct trie_walk trie_walk_begin(void) { return (struct trie_walk){0}; }

static inline bool trie_walk_next(struct trie_walk *w, const struct trie *t, const struct vocab *v,
                                  const char *text, size_t size)
{
    while (!w->over && w->at < size) {
        uint32_t child = t->nodes[w->node].base + (uint8_t)text[w->at];
        struct trie_node n = t->nodes[child];

        if ((n.parent & TRIE_PARENT) != w->node)
            break;
        w->at++;
        w->node = child;
        if (n.parent & TRIE_LEAF) {
            uint32_t token_size;
            const char *token = vocab_bytes(v, n.base, &token_size);

            w->over = true;
            token += t->head.skip;
            token_size -= t->head.skip;
            if (token_size > size || memcmp(token + w->at, text + w->at, token_size - w->at) != 0)
                return false;
            w->at = token_size;
            w->place = n.base;
            return true;
        }
        if (n.parent & TRIE_ENDS) {
            w->place = t->nodes[n.base + TRIE_END].base;
            return true;
        }
    }
    w->over = true;
    return false;
}

/* The id of a place. */
static inline uint32_t vocab_place_id(const struct vocab *v, uint32_t place)
{
    return place < v->head.id_end ? place : v->alias_ids[place - v->head.id_end];
}
