#pragma once
/*
 * Build: a spec put together step by step, for the formats that say less than a
 * tokenizer.json and leave the rest to the code that reads them.
 */
#include "tokenizer/load.h"

struct text build_text(struct tokenizer_spec *s, const char *text);

struct normalizer *build_normalizer(struct tokenizer_spec *s, enum normalizer_kind kind);
void build_normalize_replace(struct tokenizer_spec *s, const char *from, bool regex,
                             const char *to);
struct pretokenizer *build_pretokenizer(struct tokenizer_spec *s, enum pretokenizer_kind kind);
/* Split at matches of a regular expression, which become pieces. */
void build_split(struct tokenizer_spec *s, const char *regex, size_t size);
void build_byte_level(struct tokenizer_spec *s, bool add_prefix_space, bool use_regex);
struct decoder *build_decoder(struct tokenizer_spec *s, enum decoder_kind kind);
/* One space at the start, as SentencePiece's dummy prefix leaves it. */
void build_decode_strip(struct tokenizer_spec *s);
void build_decode_replace(struct tokenizer_spec *s, const char *from, const char *to);

/* False: more than VOCAB_MAX, MERGES_MAX, TOKEN_SIZE_MAX or ADDED_MAX allow. */
bool build_vocab(struct tokenizer_spec *s, const void *token, size_t size, uint32_t id,
                 double score) MUST_CHECK;
bool build_merge(struct tokenizer_spec *s, struct text left, struct text right) MUST_CHECK;
/* special tokens are not normalized, others are. */
bool build_added(struct tokenizer_spec *s, const void *token, size_t size, bool special) MUST_CHECK;
/* The last entry of the vocabulary with this token. */
bool build_find(const struct tokenizer_spec *s, const char *token, size_t size, uint32_t *ret);

/*
 * A template from "A", "B" and tokens apart by spaces, each with ":type_id" behind it
 * or type 0. Replaces a template that was there. False: one of the tokens is unknown.
 */
bool build_template(struct tokenizer_spec *s, const char *single, const char *pair) MUST_CHECK;

/* Tokens by their bytes, for the formats whose tables have to be searched. */
struct token_index;
struct token_index *token_index_new(const struct tokenizer_spec *s);
void token_index_free(struct token_index *x);
DEFINE_CLEANUP(struct token_index *, token_index_free)
/* Index into vocab; -1: none. */
int64_t token_index_find(const struct token_index *x, const void *token, size_t size);

/*
 * Merges of a vocabulary that has only scores or ranks: every way to put a token together
 * from two others, listed and ordered as transformers' converters do (generate_merges(),
 * TikTokenConverter). By score: the highest first; by rank: the lowest id first. Cuts are
 * between characters.
 * Cost: hashes over the square of each token's length, and a sort; bounded.
 */
enum merge_order { MERGES_BY_SCORE, MERGES_BY_RANK };
bool build_merges(struct tokenizer_spec *s, enum merge_order order, struct err *err) MUST_CHECK;

/* The stand-in characters that ByteLevel writes for bytes. */
void byte_level_encode(const void *data, size_t size, struct buf *ret);
