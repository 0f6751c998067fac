#pragma once
/*
 * Normalization: NFC, NFD, NFKC and NFKD of Unicode 9.
 *
 * A stream of code points, each with how it changes the text's length, as the
 * reference's normalizer counts: 0 for one that takes the place of a code
 * point, 1 for one that is added, -n for one that also takes n more away.
 */
#include "base/base.h"

enum normalization_form { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD };

/* Nothing in text (valid UTF-8) can change under form; ASCII at many GB/s. May be false in vain. */
bool normalization_is_done(enum normalization_form form, const char *text, size_t size);

struct normalized_char {
    uint32_t cp;
    int32_t change;
    uint8_t class; /* canonical combining class */
};

/* What a normalization works in; keeps its memory. */
struct normalization {
    struct normalized_char *items;
    size_t n, capacity;
};
void normalization_release(struct normalization *n);

/*
 * Replaces what n held by the form of text. Cost: n log n for any text.
 */
void normalization_run(struct normalization *n, enum normalization_form form, const char *text,
                       size_t size);
