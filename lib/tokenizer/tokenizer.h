#pragma once
/*
 * Tokenizer: text to ids and back, as the files of a model prescribe. What
 * comes out is what the `tokenizers` library 0.23.2 (and transformers around
 * it) gives, id for id.
 *
 *     files ─ tokenizer_load() ─► spec ─ tokenizer_compile() ─► image ─ tokenizer_open() ─►
 * tokenizer
 *
 * A tokenizer is immutable and counted: any number of threads may use one. What
 * encoding writes to is a scratch the caller keeps, one per thread.
 */
#include "tokenizer/image.h"
#include "tokenizer/spec.h"
#include "json/reader.h"

#include <stdatomic.h>

struct tokenizer;
struct scratch;

/* Appends the image to out. Errors: COMBINATION (what the spec asks for is impossible). */
bool tokenizer_compile(const struct tokenizer_spec *spec, const struct image_key *key,
                       struct buf *out, struct err *err) MUST_CHECK;
/*
 * release(ctx) is called when the last reference goes, for the image's memory
 * (also at once when this fails). Cost: microseconds, plus the patterns
 * without a scanner of their own.
 */
bool tokenizer_open(struct image image, void (*release)(void *ctx), void *ctx,
                    struct tokenizer **ret, struct err *err) MUST_CHECK;
struct tokenizer *tokenizer_ref(const struct tokenizer *t);
void tokenizer_unref(struct tokenizer *t);
DEFINE_CLEANUP(struct tokenizer *, tokenizer_unref)
#define AUTO_TOKENIZER CLEANUP(tokenizer_unrefp)

/* max_bytes bounds what it remembers between calls (words seen); 0: 8 MiB. */
struct scratch *scratch_new(size_t max_bytes);
void scratch_free(struct scratch *s);
DEFINE_CLEANUP(struct scratch *, scratch_free)

/* ---- encoding */

enum offset_unit { OFFSET_CODE_POINT, OFFSET_BYTE };

/* A text, or words that are already cut (is_pretokenized). */
struct encode_input {
    const struct slice *words; /* n_words 1 and pretokenized false: a text */
    size_t n_words;
    bool pretokenized;
};

struct encode_options {
    bool add_special_tokens;
    bool offsets;     /* else encoding.offsets is NULL */
    bool no_special;  /* special tokens in the text are text */
    bool plain;       /* ids and offsets are all the caller looks at: the fast way may serve it */
    bool overflowing; /* what truncation cut off is wanted too */
    enum offset_unit offset_unit;
    struct truncation truncation; /* set=false: none */
};

/*
 * n of each array that was asked for. Arrays belong to the encoding and keep
 * their memory from call to call. overflowing: what truncation cut off, in pieces,
 * as the reference gives them.
 */
struct encoded {
    uint32_t *ids;
    struct offset {
        uint32_t start, end;
    } * offsets;
    uint32_t *type_ids;
    uint8_t *special_mask, *attention_mask;
    int32_t *word_ids;    /* -1: none */
    int8_t *sequence_ids; /* -1: special */
    size_t n, capacity;
    bool plain; /* only ids and offsets are filled */
    /* Of padding: -1, but as in the reference that of a sequence whose place was lost. */
    int8_t pad_sequence;
    struct encoded *overflowing; /* those behind n_overflowing are memory kept for later */
    size_t n_overflowing, overflowing_capacity;
};
void encoded_release(struct encoded *e);
void encoded_reserve(struct encoded *e, size_t n); /* n is room in all, not more */

/*
 * Replaces what *ret held. pair may be NULL.
 * Errors: INVALID (not UTF-8: fact "offset", the byte), COMBINATION.
 */
bool tokenizer_encode(const struct tokenizer *t, const struct encode_input *input,
                      const struct encode_input *pair, const struct encode_options *options,
                      struct scratch *scratch, struct encoded *ret, struct err *err) MUST_CHECK;
/* ids only, of one text, appended to *ids (which grows): the fast way. */
struct id_list {
    uint32_t *items;
    size_t n, capacity;
};
void id_list_release(struct id_list *l);
void id_list_reserve(struct id_list *l, size_t more);
void id_list_append(struct id_list *l, const uint32_t *ids, size_t n);
bool tokenizer_encode_ids(const struct tokenizer *t, const char *text, size_t size,
                          bool add_special_tokens, struct scratch *scratch, struct id_list *ids,
                          struct err *err) MUST_CHECK;
bool tokenizer_count(const struct tokenizer *t, const char *text, size_t size,
                     bool add_special_tokens, struct scratch *scratch, size_t *ret,
                     struct err *err) MUST_CHECK;

/* All of a batch to one length, as the reference pads; none of them plain. */
void encoded_pad(struct encoded *items, size_t n, const struct padding *padding);

/*
 * The largest place at or before `at` (and after from) where text can be cut so that encoding the
 * halves apart gives the same ids; from: none is known. Proven, never guessed.
 */
size_t tokenizer_safe_cut(const struct tokenizer *t, const char *text, size_t size, size_t from,
                          size_t at);

/*
 * Cuts a large text at safe places into at most max parts of some SPLIT_PART bytes, so that
 * several threads encode it. Returns how many; 1: no safe place, or too small. text must be UTF-8.
 * Where it is cut depends on the text nearby alone: texts that begin alike are cut alike.
 */
enum { SPLIT_PART = 64 << 10 };
size_t tokenizer_split(const struct tokenizer *t, const char *text, size_t size, struct slice *ret,
                       size_t max);
/*
 * The special tokens that post-processing puts around one text. False: it does more than that,
 * encode the text whole. Borrowed from the tokenizer.
 */
struct id_slice {
    const uint32_t *items;
    size_t n;
};
bool tokenizer_wrap(const struct tokenizer *t, struct id_slice *before, struct id_slice *behind);
/*
 * The plain encodings of such parts (made without special tokens) as that of the whole.
 * False, *ret is then undefined: post-processing does more than put special tokens around,
 * or an offset is not the whole's; encode the text whole.
 */
bool tokenizer_join(const struct tokenizer *t, const struct slice *texts,
                    const struct encoded *parts, size_t n, const struct encode_options *options,
                    struct encoded *ret) MUST_CHECK;

/* ---- decoding */

struct decode_options {
    bool skip_special_tokens;
    bool clean_up_spaces;
};

/* Appends the text. Errors: FIELD with the fact "ids": those that no token has. */
bool tokenizer_decode(const struct tokenizer *t, const uint32_t *ids, size_t n,
                      const struct decode_options *options, struct scratch *scratch,
                      struct buf *out, struct err *err) MUST_CHECK;

/* Ids one after another; text is given as soon as no later id can change it. */
struct decode_stream;
struct decode_stream *decode_stream_new(const struct tokenizer *t,
                                        const struct decode_options *options);
void decode_stream_free(struct decode_stream *s);
bool decode_stream_push(struct decode_stream *s, const uint32_t *ids, size_t n, struct buf *out,
                        struct err *err) MUST_CHECK;
/* What is left, incomplete characters as U+FFFD. */
bool decode_stream_end(struct decode_stream *s, struct buf *out, struct err *err) MUST_CHECK;

/* Text appended; ids are given as soon as no later text can change them. */
struct encode_stream;
struct encode_stream *encode_stream_new(const struct tokenizer *t, bool add_special_tokens);
void encode_stream_free(struct encode_stream *s);
bool encode_stream_push(struct encode_stream *s, const char *text, size_t size,
                        struct scratch *scratch, struct id_list *out, struct err *err) MUST_CHECK;
bool encode_stream_end(struct encode_stream *s, struct scratch *scratch, struct id_list *out,
                       struct err *err) MUST_CHECK;

/* Pieces of at most max_tokens, cut between tokens at code points, overlapping by overlap tokens.
 */
struct chunk {
    struct offset bytes, code_points;
    uint32_t first_token, n_tokens;
};
struct chunks {
    struct chunk *items;
    size_t n, capacity;
};
void chunks_release(struct chunks *c);
bool tokenizer_chunk(const struct tokenizer *t, const char *text, size_t size, uint32_t max_tokens,
                     uint32_t overlap, struct scratch *scratch, struct id_list *ids,
                     struct chunks *ret, struct err *err) MUST_CHECK;

/* ---- facts */

uint32_t tokenizer_vocab_size(const struct tokenizer *t); /* with added tokens */
uint32_t tokenizer_id_end(const struct tokenizer *t);
/* NO_ID: none; added tokens first. */
uint32_t tokenizer_token_id(const struct tokenizer *t, const char *token, size_t size);
/* Appends the token's name. False: no such id. */
bool tokenizer_token_name(const struct tokenizer *t, uint32_t id, struct buf *out);
bool tokenizer_is_special(const struct tokenizer *t, uint32_t id);
const struct truncation *tokenizer_truncation(const struct tokenizer *t);
const struct padding *tokenizer_padding(const struct tokenizer *t);
bool tokenizer_cleans_up(const struct tokenizer *t); /* clean_up_tokenization_spaces by default */
size_t tokenizer_special_count(const struct tokenizer *t,
                               bool pair); /* that post-processing adds */
