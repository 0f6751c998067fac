#pragma once
/*
 * Decoder: tokens to text through a chain of steps, each from a list of strings
 * to another, as the reference does it.
 */
#include "tokenizer/core.h"

/* Strings one behind the other. */
struct strings {
    struct buf text;
    struct buf spare; /* for the step that makes them */
    struct span *items;
    size_t n, capacity;
};
void strings_release(struct strings *s);
void strings_clear(struct strings *s);
/* What was appended to text since the last one becomes a string. */
void strings_end(struct strings *s);

/*
 * One step on one token, appended to out. For steps that look at nothing else:
 * Replace, Strip, Metaspace, WordPiece, BPE, ByteLevel's bytes.
 * Errors: COMBINATION (a pattern ran into its limit).
 */
bool decoder_token(const struct core *c, uint32_t step, struct pattern *pattern,
                   struct pattern_scratch *scratch, bool first, bool last, struct slice token,
                   struct buf *out, struct err *err) MUST_CHECK;
/* All steps on s[0]; appends the text to out. */
bool decoder_run(const struct core *c, struct pattern **patterns, struct pattern_scratch *scratch,
                 struct strings *s[2], struct buf *out, struct err *err) MUST_CHECK;

/* Patterns of the decoders that have one; the array has n_decoders. */
bool decoder_patterns(const struct core *c, struct pattern ***ret, struct err *err) MUST_CHECK;
void decoder_patterns_free(const struct core *c, struct pattern **patterns);

/*
 * Decodes by table, as far as later tokens cannot matter: of DECODE_AS_BYTES the bytes as they
 * are, of text without the bytes of an unfinished run. False: an id that no token has, or a
 * pattern's limit; *err says which.
 */
void decode_state_release(struct decode_state *s);
void decode_state_clear(struct decode_state *s);
bool decode_some(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special,
                 struct decode_state *state, struct buf *out, struct err *err) MUST_CHECK;
/* The run that is left. */
void decode_rest(const struct tokenizer *t, struct decode_state *state, struct buf *out);

/* "<0x41>" is 0x41, as the reference reads it; else -1. */
int byte_token(const char *token, size_t size);
/* data as UTF-8, U+FFFD for every maximal part that is none, appended. */
void append_lossy(struct buf *out, const char *data, size_t size);
/* How much of data is final UTF-8: up to an incomplete character at the end. */
size_t utf8_complete(const char *data, size_t size);
/* What clean_up_tokenization_spaces does in transformers, on out from `from` on. */
void clean_up_spaces(struct buf *out, size_t from);
