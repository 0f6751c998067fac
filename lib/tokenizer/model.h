#pragma once
/*
 * Model: a piece of text to ids. BPE, WordPiece, Unigram or WordLevel; plus the
 * vocabulary, which all of them share.
 *
 * Compiled into an image once; what is opened from there is immutable. BPE
 * whose alphabet is bytes (spec_is_bytes()) works on bytes as they are, all
 * others on UTF-8.
 *
 * Worst case of every model is linear in the piece (times the longest token, or
 * log n): long pieces use other algorithms than short ones, with equal results.
 */
#include "tokenizer/image.h"
#include "tokenizer/pieces.h"
#include "tokenizer/spec.h"

/* Offsets are bytes of the piece. */
struct token {
    uint32_t id;
    struct span span;
};

struct tokens {
    struct token *items;
    size_t n, capacity;
};

void tokens_release(struct tokens *t);
void tokens_grow(struct tokens *t, size_t more);
static inline void tokens_reserve(struct tokens *t, size_t more)
{
    if (t->capacity - t->n < more)
        tokens_grow(t, more);
}
static inline void tokens_append(struct tokens *t, uint32_t id, uint32_t start, uint32_t end)
{
    tokens_reserve(t, 1);
    t->items[t->n++] = (struct token){id, {start, end}};
}

struct token_model;
bool token_model_compile(const struct tokenizer_spec *spec, struct image_writer *w,
                         struct err *err) MUST_CHECK;
/* The image must have been checked, and must outlive the model. */
bool token_model_open(struct image image, struct token_model **ret, struct err *err) MUST_CHECK;
void token_model_free(struct token_model *m);

struct model_scratch; /* one per thread, serves any model */
struct model_scratch *model_scratch_new(void);
void model_scratch_free(struct model_scratch *s);

/*
 * Appends to out. An id for every byte that the model covers; what it has no id
 * and no unknown token for is dropped, as in the reference.
 * Errors: COMBINATION (it is needed and the vocabulary lacks it: an unknown token; and a piece
 * that Unigram without one cannot write).
 * Allocates nothing once scratch and out have grown.
 */
bool token_model_encode(const struct token_model *m, const char *text, size_t size,
                        struct model_scratch *scratch, struct tokens *out,
                        struct err *err) MUST_CHECK;

/* The same without a look whether the piece is a token as it is (ignore_merges): for a part of one.
 */
bool token_model_merge(const struct token_model *m, const char *text, size_t size,
                       struct model_scratch *scratch, struct tokens *out,
                       struct err *err) MUST_CHECK;

/*
 * Several short words at once, each as token_model_encode() or (part) token_model_merge() has
 * it: for words never seen before it takes less than half the time of one after another, which
 * waits for memory. spaces: " " is "▁" to the model. Of a word that is left to those n is 0.
 */
enum { SHORT_WORD_SIZE = 15, SHORT_WORDS_MAX = 24 };
struct short_word {
    const char *text;
    uint32_t size; /* 1 to SHORT_WORD_SIZE */
    bool part;
    uint32_t n; /* tokens */
    uint32_t ids[SHORT_WORD_SIZE + 1];
    uint8_t starts[SHORT_WORD_SIZE + 1]; /* each ends where the next one begins */
    /* on the way: */
    uint32_t pairs[SHORT_WORD_SIZE + 1]; /* of a symbol and the next: rank and place */
    uint32_t live, merged;
};
void token_model_encode_short(const struct token_model *m, struct short_word *words, size_t n,
                              bool spaces);

/* Characters of a piece, more of which are unknown as a whole; UINT32_MAX: no such limit. */
uint32_t token_model_word_max(const struct token_model *m);

/* ---- vocabulary; added tokens are no part of it, but they may share its ids */

uint32_t token_model_vocab_size(const struct token_model *m); /* entries */
uint32_t token_model_id_end(const struct token_model *m);     /* largest id + 1 */
/* By the token's name, as the file spells it. NO_ID: none. */
uint32_t token_model_id(const struct token_model *m, const char *token, size_t size);
/*
 * A token's bytes: what it stands for in a bytes model, its name in others (and
 * in a bytes model for names outside of ByteLevel's alphabet: *ret_is_name). 64 bytes
 * behind it may be read. size 0 and data NULL: no such id.
 */
const char *token_model_bytes(const struct token_model *m, uint32_t id, uint32_t *ret_size,
                              bool *ret_is_name);
/* The name, appended. False: no such id. */
bool token_model_name(const struct token_model *m, uint32_t id, struct buf *out);
bool token_model_is_bytes(const struct token_model *m);
enum model_kind token_model_kind(const struct token_model *m);
/* Unigram's unknown token. NO_ID: none. */
uint32_t token_model_unk(const struct token_model *m);
/* For who reads many of them (decode_table.h). */
struct vocab;
const struct vocab *token_model_vocab(const struct token_model *m);
