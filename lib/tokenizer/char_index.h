#pragma once
/*
 * Char index: places of a text in characters.
 *
 * Per 64 bytes of text a bit for each byte that begins a character, and how many characters
 * were before: a place is a look-up and a count of bits, in any order.
 */
#include "tokenizer/pieces.h"
#include "tokenizer/tokenizer.h"

struct char_index {
    uint64_t *begins;
    uint32_t *before;
    size_t size, capacity; /* of the text; of both arrays */
};
void char_index_release(struct char_index *c);
/* text must be UTF-8. Cost: some 0.1 ns per byte. */
void char_index_make(struct char_index *c, const char *text, size_t size);

/*
 * Spans of bytes to the whole characters they touch, in units of the caller's choice. Those
 * that follow one another cost least. An empty span at the very end stays in bytes, as in the
 * reference, unless ends_too is set.
 */
void char_index_convert(const struct char_index *c, const struct span *spans, size_t n,
                        enum offset_unit unit, bool ends_too, struct offset *ret);
