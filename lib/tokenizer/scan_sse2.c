#ifdef __x86_64__
#include "tokenizer/scan_block.h"

#include <immintrin.h>

static inline __m128i within(__m128i v, char first, char count)
{
    __m128i x = _mm_sub_epi8(v, _mm_set1_epi8(first));

    return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8((char)(count - 1))), x);
}

static inline uint64_t bits(__m128i v) { return (uint32_t)_mm_movemask_epi8(v); }

static inline void scan_load(const uint8_t *t, struct scan_masks *m)
{
    *m = (struct scan_masks){0};
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(t + i));
        __m128i letter = within(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 26);
        __m128i newline = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
                                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
        __m128i space = _mm_cmpeq_epi8(v, _mm_set1_epi8(' '));
        __m128i blank = _mm_or_si128(within(v, '\t', 5), space);
        __m128i control = _mm_or_si128(within(v, 0, 0x20), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));

        m->letter |= bits(letter) << i;
        m->upper |= bits(_mm_and_si128(letter, within(v, 'A', 26))) << i;
        m->digit |= bits(within(v, '0', 10)) << i;
        m->space |= bits(space) << i;
        m->white |= bits(_mm_andnot_si128(newline, blank)) << i;
        m->newline |= bits(newline) << i;
        m->apostrophe |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('\''))) << i;
        m->slash |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('/'))) << i;
        m->control |= bits(_mm_andnot_si128(blank, control)) << i;
        m->high |= bits(v) << i;
    }
}

const struct scan_kernel scan_sse2 = {"SSE2", {SCAN_FAMILIES(SCAN_ROW)}};
#else
typedef int scan_sse2_is_for_x86; /* a file must have something */
#endif
