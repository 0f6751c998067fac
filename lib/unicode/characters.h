#pragma once
/*
 * Characters: what normalizers and pre-tokenizers ask of one code point. The
 * versions of Unicode are those of the reference, which uses several.
 */
#include "base/base.h"

enum character_class {
    CHARACTER_MARK = 1 << 0,        /* M, Unicode 9: StripAccents */
    CHARACTER_NONSPACING = 1 << 1,  /* Mn, 8: BertNormalizer */
    CHARACTER_PUNCTUATION = 1 << 2, /* P, 8, and ASCII's: Bert, Punctuation */
    CHARACTER_OTHER = 1 << 3,       /* Cc, Cf, Co, 8: BertNormalizer's clean_text */
    CHARACTER_SPACE = 1 << 4,       /* White_Space, 17 */
    CHARACTER_NUMERIC = 1 << 5,     /* N, 17: Digits */
    CHARACTER_WORD = 1 << 6,        /* \w of the regex crate, 16: Whitespace, single_word */
};

unsigned character_classes(uint32_t cp);

/* Full lower case, 17: 1 or 2 code points. */
size_t character_lower(uint32_t cp, uint32_t ret[2]);
/* A number for each script, 0 for those that belong to any; Han is also Hiragana and Katakana. */
unsigned character_script(uint32_t cp);
