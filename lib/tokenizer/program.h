#pragma once
/* Program: the inside of pieces.h, shared by its files. */
#include "tokenizer/added.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/normalized.h"
#include "tokenizer/pattern.h"
#include "tokenizer/scanner.h"
#include "unicode/normalization.h"

/* Head of IMAGE_PROGRAM; places are bytes from its begin. */
struct program_head {
    uint32_t normalizers, n_normalizers;
    uint32_t pretokenizers, n_pretokenizers;
    uint32_t strings, strings_size;
    bool is_bytes; /* spec_is_bytes() */
};

struct program {
    const struct program_head *head;
    const struct normalizer *normalizers;
    const struct pretokenizer *pretokenizers;
    const char *strings;
    /* By step; NULL where a step has none. */
    struct pattern **normalizer_patterns, **pretokenizer_patterns;
    struct charsmap *charsmaps;       /* by normalizer */
    const struct scanner *scanner;    /* of all pre-tokenizers; NULL: step by step */
    const struct scanner *byte_level; /* of ByteLevel's own pattern */
    struct added_set raw, normalized;
    bool looks_at_begin; /* a pre-tokenizer asks whether a piece begins the text */
};

/* Pieces between two steps: ranges of one text. */
struct range {
    uint32_t at, size;
};
struct ranges {
    struct range *items;
    size_t n, capacity;
};
void ranges_push(struct ranges *r, size_t at, size_t size);

struct pieces_scratch {
    struct normalized text, other; /* a section: before and after a step */
    struct normalized section;     /* normalized; tokens are still to be found in it */
    struct ranges ranges, next;
    struct normalization normalization;
    struct pattern_scratch *pattern;
    uint32_t *ends; /* of a scanner */
};

/* ---- normalize.c: p's normalizers over s->text, in place. */
bool normalize(const struct program *p, struct pieces_scratch *s, struct err *err) MUST_CHECK;

/* ---- split.c: p's pre-tokenizers over s->ranges of s->text, in place. */
bool split(const struct program *p, struct pieces_scratch *s, struct err *err) MUST_CHECK;

/* Calls each(ctx, start, end, is_match) for the stretches of text[at, end), as find_matches() does.
 */
bool program_find_all(const struct pattern *pattern, const char *text, size_t at, size_t end,
                      struct pattern_scratch *scratch,
                      void (*each)(void *ctx, size_t start, size_t end, bool is_match), void *ctx,
                      struct err *err) MUST_CHECK;
/* The same for a literal, which is not empty. */
void literal_find_all(struct slice what, const char *text, size_t at, size_t end,
                      void (*each)(void *ctx, size_t start, size_t end, bool is_match), void *ctx);
