#ifdef __x86_64__
#include "tokenizer/scan_block.h"

#include <immintrin.h>

static inline uint64_t equal(__m512i v, char c)
{
    return _mm512_cmpeq_epu8_mask(v, _mm512_set1_epi8(c));
}

static inline uint64_t within(__m512i v, char first, char count)
{
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8(first)),
                                  _mm512_set1_epi8(count));
}

static inline void scan_load(const uint8_t *t, struct scan_masks *m)
{
    __m512i v = _mm512_loadu_si512(t);
    uint64_t blank;

    m->letter = within(_mm512_or_si512(v, _mm512_set1_epi8(0x20)), 'a', 26);
    m->upper = within(v, 'A', 26);
    m->digit = within(v, '0', 10);
    m->space = equal(v, ' ');
    m->newline = equal(v, '\n') | equal(v, '\r');
    blank = within(v, '\t', 5) | m->space;
    m->white = blank & ~m->newline;
    m->apostrophe = equal(v, '\'');
    m->slash = equal(v, '/');
    m->control = (within(v, 0, 0x20) | equal(v, 0x7F)) & ~blank;
    m->high = _mm512_movepi8_mask(v);
}

const struct scan_kernel scan_avx512 = {"AVX-512", {SCAN_FAMILIES(SCAN_ROW)}};
#else
typedef int scan_avx512_is_for_x86; /* a file must have something */
#endif
