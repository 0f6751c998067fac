#pragma once
/*
 * Added: where added tokens stand in a text. A trie of bytes that lies in the
 * image; of the tokens that begin at the first place where any does, the
 * longest counts.
 *
 * Cost: linear in the text, times the longest added token in the worst case;
 * text without their first bytes is passed over at a byte or more a cycle.
 */
#include "tokenizer/pieces.h"
#include "json/reader.h"

enum added_flags {
    ADDED_SINGLE_WORD = 1,
    ADDED_LSTRIP = 2,
    ADDED_RSTRIP = 4,
    ADDED_SPECIAL = 8,
};

struct added_node {
    uint32_t children, n_children; /* in nodes: one behind the other, sorted by label */
    uint32_t id;                   /* NO_ID: no token ends here */
    uint8_t label, flags;
};

struct added_set {
    const struct added_node *nodes; /* the root is the first */
    size_t n_nodes;
    bool first[256]; /* some token begins with this byte */
};

/* For making one. */
struct added_text {
    struct slice content; /* empty ones are left out; of equal ones the first counts */
    uint32_t id;
    uint8_t flags;
    uint32_t order; /* set by added_compile() */
};
/* Appends the nodes to out, which must be aligned as they are. Sorts items. */
void added_compile(struct added_text *items, size_t n, struct buf *out);
void added_open(struct added_set *a, const struct added_node *nodes, size_t n_nodes);

struct added_match {
    size_t start, end; /* with the white space that it takes */
    size_t next;       /* where to look for the next one: the token's own end */
    uint32_t id;
};
/* Where special tokens are text. */
struct added_guard {
    const struct guard *of;     /* the original */
    const struct span *origins; /* of each byte of the text; NULL: the text is the original */
};
/*
 * The next token in text at or after `at`; start never goes before `floor`, the
 * end of the last match. Between the two there is nothing but white space, which the last one
 * took.
 */
bool added_next(const struct added_set *a, const char *text, size_t size, size_t at, size_t floor,
                const struct added_guard *guard, struct added_match *ret);
