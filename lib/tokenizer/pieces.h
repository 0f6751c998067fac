#pragma once
/*
 * Pieces: a text on its way to the model. Added tokens are found, what lies
 * between them is normalized and cut by the pre-tokenizers: the first half of
 * encoding, as the reference does it, step by step. It serves every tokenizer;
 * those with a faster way (words.h) take it for what that does not cover.
 *
 *     "Hi <s>there"  →  [text "Hi"] [token <s>] [text "there"]
 *
 * Program is the compiled form: steps with their patterns compiled, immutable,
 * any number of threads. Its strings and tables lie in the image.
 */
#include "tokenizer/image.h"
#include "tokenizer/spec.h"

enum { NO_ID = UINT32_MAX };

/* Bytes [start, end). */
struct span {
    uint32_t start, end;
};

struct piece {
    uint32_t id; /* of an added token; NO_ID: text for the model */
    uint32_t at,
        size; /* in pieces.text; of an added token: as it was found, stripped spaces included */
    struct span origin; /* what of the original the whole piece came from */
};

struct pieces {
    struct buf text;      /* normalized */
    struct span *origins; /* per byte of text, the bytes of the original it came from; NULL unless
                             asked for */
    size_t origins_capacity;
    struct piece *items;
    size_t n, capacity;
};
void pieces_release(struct pieces *p);

/* What added tokens are called, by their place in the spec: those that are looked for in
 * normalized text by what normalizers make of them. */
struct added_names {
    struct buf text;
    struct text *items;
};
void added_names_release(struct added_names *n);
#define AUTO_ADDED_NAMES CLEANUP(added_names_release)

struct program;
/* Compiles normalizers, pre-tokenizers and added tokens of spec into sections of w. */
bool program_compile(const struct tokenizer_spec *spec, struct image_writer *w,
                     struct added_names *ret, struct err *err) MUST_CHECK;
/* Patterns are compiled here, for they cannot lie in an image. The image must outlive it. */
bool program_open(struct image image, struct program **ret, struct err *err) MUST_CHECK;
void program_free(struct program *p);

struct pieces_scratch; /* memory that grows and stays; one per thread */
struct pieces_scratch *pieces_scratch_new(void);
void pieces_scratch_free(struct pieces_scratch *s);

enum pieces_flags {
    PIECES_ORIGINS = 1,      /* fill origins */
    PIECES_NO_ADDED = 2,     /* look for no added tokens */
    PIECES_NO_SPECIAL = 4,   /* … for no special ones (special_tokens that came from a user) */
    PIECES_PRETOKENIZED = 8, /* the text is one word of several, given already cut */
};

/*
 * Replaces what *ret held. text must be UTF-8.
 * Errors: COMBINATION (a pattern ran into its match limit; says which).
 * Cost: linear in size but for patterns of the tokenizer's own, which have a limit.
 */
bool pieces_make(const struct program *p, const char *text, size_t size, unsigned flags,
                 struct pieces_scratch *scratch, struct pieces *ret, struct err *err) MUST_CHECK;

/* The added token at the front of text or behind it, as matched in the raw text; used to cut
 * prompts. */
bool program_has_added(const struct program *p);

/* For tests against the reference, stage by stage; also what GET /tokenizer facts describe. */
bool program_normalize(const struct program *p, const char *text, size_t size,
                       struct pieces_scratch *scratch, struct pieces *ret,
                       struct err *err) MUST_CHECK;
