#pragma once
/*
 * Normalized: text with the place in the original that each of its bytes came
 * from, and how it changes.
 *
 * A change is told as the reference tells it: the characters of the new text in
 * order, each with 0 (it takes the place of the next old one), 1 (it is added:
 * it comes from where the character before came from) or -n (it takes the
 * place of the next, and n more go). From that follow the origins, also
 * where what was told does not fit the text exactly.
 */
#include "base/utf8.h"
#include "tokenizer/pieces.h"
#include "tokenizer/scalar.h"

struct normalized {
    struct buf text;
    struct span *origins; /* per byte of text; only if tracked */
    size_t origins_capacity;
    uint32_t base; /* where the original of this text begins */
    bool tracked;
};
void normalized_release(struct normalized *n);

/* Empties it. */
void normalized_begin(struct normalized *n, bool tracked, uint32_t base);
/* Appends a part of another one as it is. */
void normalized_append(struct normalized *n, const struct normalized *from, size_t at, size_t size);
/* Appends a part of the original, which begins at `at` there: every byte comes from its character.
 */
void normalized_append_original(struct normalized *n, const char *text, size_t size, uint32_t at);

/* From a stretch of `from` to what is appended to `to`. */
struct transform {
    const struct normalized *from;
    struct normalized *to;
    size_t at, end; /* in from: what is not yet taken */
    size_t begin;
};
/* n_skipped characters go before the first. */
struct transform transform_begin(const struct normalized *from, size_t at, size_t end,
                                 struct normalized *to, size_t n_skipped);
void transform_put(struct transform *t, uint32_t cp, int32_t change);
/* size bytes of UTF-8 that stay as they are. */
void transform_keep(struct transform *t, size_t size);
/* text is added, each character of it with change 1. */
void transform_add(struct transform *t, const char *text, size_t size);
/* The next n characters go; nothing takes their place. */
void transform_skip(struct transform *t, size_t n);
