#pragma once
/*
 * Words: the fast way from text to ids.
 *
 * Where the shape of a tokenizer allows a proof, raw text is cut into words such
 * that its ids are the ids of one word after another. Words repeat, so what each
 * of them becomes is remembered; most text is then a look-up per word.
 *
 *     family   tokenizer                          words
 *     BYTES    bytes BPE with a known scanner     pieces of the scanner
 *     JOINED   BPE on "▁" for spaces, one piece   between two characters that stand side by side
 *              for the whole text                 in no token
 *     BERT     WordPiece, Bert's steps            runs between white space, and punctuation
 *     SPACED   Unigram with Metaspace             between single spaces among plain characters
 *
 * What is remembered is bounded and belongs to a thread; forgetting never
 * changes a result. A word that is not remembered is encoded by the exact means.
 */
#include "tokenizer/model.h"
#include "tokenizer/scanner.h"

enum {
    WORDS_TAIL = 64, /* bytes behind the text that may be read; what they hold does not matter */
};

/* Appends IMAGE_WORDS; after token_model_compile(). */
void words_compile(const struct tokenizer_spec *spec, struct image_writer *w);

struct words;
/*
 * NULL: this tokenizer has no such way. All that is given must outlive it;
 * scanner: that of the pre-tokenizers, or NULL. trims: spans leave out the spaces at the ends
 * of tokens.
 */
struct words *words_open(struct image image, const struct token_model *model,
                         const struct program *program, const struct scanner *scanner, bool trims);
void words_free(struct words *w);

/* One per thread, for any number of tokenizers. max_bytes: of what it remembers; 0: 8 MiB. */
struct words_scratch;
struct words_scratch *words_scratch_new(size_t max_bytes);
void words_scratch_free(struct words_scratch *s);

/*
 * Appended to. spans NULL and capacity 0 at first; spans are filled only if wanted: bytes of the
 * text as it was given, and may begin or end within a character (who wants characters takes
 * those that are touched).
 */
struct words_out {
    uint32_t *ids;
    struct span *spans;
    size_t n, capacity;
    bool want_spans;
};

/* What is no word: an added token. */
void words_out_add(struct words_out *out, uint32_t id, struct span span);

/*
 * Encodes text[at, end), what lies between two added tokens or the text's ends.
 * Bytes to end + WORDS_TAIL must be readable. Spans count from the begin of text.
 * Errors: those of the model and of pieces_make().
 * Cost: 10 to 15 ns per word that is remembered.
 */
bool words_encode(const struct words *w, const char *text, size_t at, size_t end,
                  struct words_scratch *scratch, struct words_out *out, struct err *err) MUST_CHECK;
/* Adds to *ret how many ids there would be. */
bool words_count(const struct words *w, const char *text, size_t at, size_t end,
                 struct words_scratch *scratch, size_t *ret, struct err *err) MUST_CHECK;

/*
 * The last place in (from, at] where text[0, size) can be cut in two so that both halves, encoded
 * apart, give the ids of the whole; 0: none is known. For texts without added tokens.
 */
size_t words_safe_cut(const struct words *w, const char *text, size_t size, size_t from, size_t at);
