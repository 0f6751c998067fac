#ifdef __x86_64__
#include "tokenizer/scan_block.h"

#include <immintrin.h>

static inline __m256i within(__m256i v, char first, char count)
{
    __m256i x = _mm256_sub_epi8(v, _mm256_set1_epi8(first));

    return _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8((char)(count - 1))), x);
}

static inline uint64_t bits(__m256i v) { return (uint32_t)_mm256_movemask_epi8(v); }

static inline void scan_load(const uint8_t *t, struct scan_masks *m)
{
    *m = (struct scan_masks){0};
    for (unsigned i = 0; i < 64; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(t + i));
        __m256i letter = within(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 26);
        __m256i newline = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n')),
                                          _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\r')));
        __m256i space = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(' '));
        __m256i blank = _mm256_or_si256(within(v, '\t', 5), space);
        __m256i control =
            _mm256_or_si256(within(v, 0, 0x20), _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7F)));

        m->letter |= bits(letter) << i;
        m->upper |= bits(_mm256_and_si256(letter, within(v, 'A', 26))) << i;
        m->digit |= bits(within(v, '0', 10)) << i;
        m->space |= bits(space) << i;
        m->white |= bits(_mm256_andnot_si256(newline, blank)) << i;
        m->newline |= bits(newline) << i;
        m->apostrophe |= bits(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\''))) << i;
        m->slash |= bits(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('/'))) << i;
        m->control |= bits(_mm256_andnot_si256(blank, control)) << i;
        m->high |= bits(v) << i;
    }
}

const struct scan_kernel scan_avx2 = {"AVX2", {SCAN_FAMILIES(SCAN_ROW)}};
#else
typedef int scan_avx2_is_for_x86; /* a file must have something */
#endif
