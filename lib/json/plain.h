#pragma once
/* Plain: the bytes of JSON strings that stand for themselves, sixteen at a time where there is
 * SSE2. */
#include "base/base.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * The next byte of a string that is not plain: a quote, a backslash, a control
 * character or the end of the text. *ret_high is or-ed with a value whose bits
 * of 0x80 are set when a byte on the way had it.
 */
static inline const char *json_plain_end(const char *p, const char *end, unsigned *ret_high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);

    while (end - p >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)p);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash));
        /* Unsigned block <= 0x1f, which SSE2 can only say as min(block, 0x1f) == block. */
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
        unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(special, control));
        unsigned high = (unsigned)_mm_movemask_epi8(block);

        if (hit) {
            unsigned n = (unsigned)__builtin_ctz(hit);
            *ret_high |= high & ((1u << n) - 1) ? 0x80 : 0;
            return p + n;
        }
        *ret_high |= high ? 0x80 : 0;
        p += 16;
    }
#endif
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        *ret_high |= c;
    }
    return p;
}
