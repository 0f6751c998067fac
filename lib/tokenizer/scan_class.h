#pragma once
/*
 * Scan class: what scanners tell characters apart by, one byte per character.
 *
 * General categories of Unicode 16, as far as any known pattern asks; white space
 * and Han come first where they overlap with a category.
 */
#include "base/base.h"

enum scan_class {
    SCAN_OTHER,   /* control, format, private, unassigned */
    SCAN_UPPER,   /* Lu Lt */
    SCAN_LOWER,   /* Ll */
    SCAN_LETTER,  /* Lm Lo */
    SCAN_MARK,    /* M */
    SCAN_NUMBER,  /* N */
    SCAN_NUMERIC, /* N in Unicode 17, unassigned in 16 */
    SCAN_PUNCT,   /* P */
    SCAN_SYMBOL,  /* S */
    SCAN_SPACE,   /* U+0020 */
    SCAN_WHITE,   /* White_Space, but for these two */
    SCAN_NEWLINE, /* CR LF */
    SCAN_HAN_LETTER,
    SCAN_HAN_MARK,
    SCAN_HAN_NUMBER,
    SCAN_HAN_PUNCT,
    SCAN_HAN_SYMBOL,
    /* of DeepSeek's range, only where rules ask for it */
    SCAN_CJK_LETTER, /* L M */
    SCAN_CJK_SYMBOL, /* P S */
    SCAN_CJK_OTHER,
    SCAN_END, /* of text */
};

#define SCAN_BIT(class) (1U << (class))

enum {
    SCAN_HAN = SCAN_BIT(SCAN_HAN_LETTER) | SCAN_BIT(SCAN_HAN_MARK) | SCAN_BIT(SCAN_HAN_NUMBER) |
               SCAN_BIT(SCAN_HAN_PUNCT) | SCAN_BIT(SCAN_HAN_SYMBOL),
    SCAN_UNCASED = SCAN_BIT(SCAN_LETTER) | SCAN_BIT(SCAN_HAN_LETTER),
    SCAN_L = SCAN_BIT(SCAN_UPPER) | SCAN_BIT(SCAN_LOWER) | SCAN_UNCASED,
    SCAN_M = SCAN_BIT(SCAN_MARK) | SCAN_BIT(SCAN_HAN_MARK),
    SCAN_N = SCAN_BIT(SCAN_NUMBER) | SCAN_BIT(SCAN_HAN_NUMBER),
    SCAN_P = SCAN_BIT(SCAN_PUNCT) | SCAN_BIT(SCAN_HAN_PUNCT),
    SCAN_S = SCAN_BIT(SCAN_SYMBOL) | SCAN_BIT(SCAN_HAN_SYMBOL),
    SCAN_Z = SCAN_BIT(SCAN_SPACE) | SCAN_BIT(SCAN_WHITE) | SCAN_BIT(SCAN_NEWLINE),
    SCAN_CJK = SCAN_BIT(SCAN_CJK_LETTER) | SCAN_BIT(SCAN_CJK_SYMBOL) | SCAN_BIT(SCAN_CJK_OTHER),
    SCAN_CHARACTERS = SCAN_BIT(SCAN_CJK_LETTER) - 1,
};

extern const uint16_t scan_blocks[];     /* code point / 64 → row of scan_classes */
extern const uint8_t scan_classes[][64]; /* rows 0 and 1 are ASCII */

static inline enum scan_class scan_ascii(uint8_t c) { return scan_classes[c >> 6][c & 63]; }

/* U+3040 to U+30FF, U+4E00 to U+9FA5 */
static inline bool scan_is_cjk(uint32_t block, uint32_t low)
{
    return block - 0xC1 < 3 || block - 0x138 < 0x27E - 0x138 || (block == 0x27E && low <= 0x25);
}

static inline enum scan_class scan_cjk(enum scan_class class)
{
    if (SCAN_BIT(class) & (SCAN_L | SCAN_M))
        return SCAN_CJK_LETTER;
    return SCAN_BIT(class) & (SCAN_P | SCAN_S) ? SCAN_CJK_SYMBOL : SCAN_CJK_OTHER;
}

/* The character at text[at]: its class, and where the next begins. text must be UTF-8. */
static inline enum scan_class scan_char(const uint8_t *text, size_t size, size_t at,
                                        size_t *ret_next, bool cjk)
{
    const uint8_t *t = text + at;
    enum scan_class class;
    uint32_t block;

    if (at >= size)
        return SCAN_END;
    if (t[0] < 0x80) {
        *ret_next = at + 1;
        return scan_ascii(t[0]);
    }
    if (t[0] < 0xE0) {
        *ret_next = at + 2;
        return scan_classes[scan_blocks[t[0] & 31]][t[1] & 63];
    }
    if (t[0] < 0xF0) {
        *ret_next = at + 3;
        block = (uint32_t)(t[0] & 15) << 6 | (t[1] & 63);
        class = scan_classes[scan_blocks[block]][t[2] & 63];
        return cjk && scan_is_cjk(block, t[2] & 63) ? scan_cjk(class) : class;
    }
    *ret_next = at + 4;
    block = (uint32_t)(t[0] & 7) << 12 | (uint32_t)(t[1] & 63) << 6 | (t[2] & 63);
    return scan_classes[scan_blocks[block]][t[3] & 63];
}
