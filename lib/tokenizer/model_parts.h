#pragma once
/*
 * The kinds of model, each with compile, open and encode; model.c chooses.
 * Their tables lie in the sections MODEL to MODEL_4 of an image.
 */
#include "tokenizer/merges.h"
#include "tokenizer/model.h"
#include "tokenizer/trie.h"

/* ---- memory for one piece, grows and stays */

struct model_scratch {
    struct bpe_symbol *symbols;
    size_t symbols_capacity;
    uint64_t *heap;
    size_t heap_capacity;
    struct unigram_node *nodes;
    size_t nodes_capacity;
    struct buf spelled;
};

/* Room for n items; what they held is lost. */
static inline void scratch_room(void **items, size_t *capacity, size_t n, size_t item_size)
{
    if (n <= *capacity)
        return;
    free(*items);
    *items = mem_alloc(n * item_size);
    *capacity = n;
}
#define SCRATCH_ROOM(items, capacity, n) \
    scratch_room((void **)&(items), &(capacity), n, sizeof(*(items)))

/* ---- BPE */

enum bpe_flags {
    BPE_BYTES = 1,
    BPE_FUSE_UNK = 2,
    BPE_IGNORE_MERGES = 4,
    BPE_REGULAR = 8,      /* merges.h */
    BPE_ALL_KNOWN = 16,   /* bytes: every byte is a token; else every byte has its fallback */
    BPE_UNK_MISSING = 32, /* has an unk_token that the vocabulary has not */
    BPE_FALLBACK = 64,
};

struct bpe_head {
    uint32_t flags;
    uint32_t unk; /* NO_ID: none */
    uint32_t prefix_size, suffix_size;
    uint32_t n_pages;       /* of characters */
    uint32_t byte_ids[256]; /* bytes: of a byte; else of "<0xNN>" */
    uint16_t pages[0x1100]; /* of 256 scalars: page, or 0: none of them is a token */
};

/* A view of the image. */
struct bpe {
    const struct bpe_head *head;
    const char *prefix, *suffix;
    const uint32_t (*pages)[256]; /* scalar → id + 1 */
    struct merges merges;
};

bool bpe_compile(const struct tokenizer_spec *spec, const struct vocab *v, struct image_writer *w,
                 struct err *err) MUST_CHECK;
void bpe_open(struct image image, struct bpe *ret);
bool bpe_encode(const struct bpe *m, const struct vocab *v, const char *text, size_t size,
                struct model_scratch *scratch, struct tokens *out, struct err *err) MUST_CHECK;

/* Without BPE_IGNORE_MERGES. */
bool bpe_merge(const struct bpe *m, const struct vocab *v, const char *text, size_t size,
               struct model_scratch *scratch, struct tokens *out, struct err *err) MUST_CHECK;

/* NO_ID: the character is no token. */
static inline uint32_t bpe_char_id(const struct bpe *m, uint32_t cp)
{
    return m->pages[m->head->pages[cp >> 8]][cp & 0xff] - 1;
}

/* ---- WordPiece */

struct wordpiece {
    const struct wordpiece_head *head;
    struct trie first, rest; /* of a word's begin, and behind it */
};

bool wordpiece_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                       struct image_writer *w, struct err *err) MUST_CHECK;
void wordpiece_open(struct image image, struct wordpiece *ret);
bool wordpiece_encode(const struct wordpiece *m, const struct vocab *v, const char *text,
                      size_t size, struct tokens *out, struct err *err) MUST_CHECK;

/* ---- Unigram: the best way through the text by Viterbi, ties as in the reference */

struct unigram {
    const struct unigram_head *head;
    struct trie trie;
    const void *scores;
};

bool unigram_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                     struct image_writer *w, struct err *err) MUST_CHECK;
void unigram_open(struct image image, struct unigram *ret);
bool unigram_encode(const struct unigram *m, const struct vocab *v, const char *text, size_t size,
                    struct model_scratch *scratch, struct tokens *out, struct err *err) MUST_CHECK;

uint32_t unigram_unk(const struct unigram *m);

/* ---- WordLevel: a piece is a token or unknown */

void wordlevel_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                       struct image_writer *w);
bool wordlevel_encode(uint32_t unk, const struct vocab *v, const char *text, size_t size,
                      struct tokens *out, struct err *err) MUST_CHECK;
