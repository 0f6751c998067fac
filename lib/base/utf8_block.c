#include "base/utf8_block.h"

#ifdef __x86_64__
#include <immintrin.h>

/*
 * After Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte": what two
 * neighbouring bytes can be wrong about depends on three half-bytes, each of which has a table
 * of sixteen sets of faults. A fault that is in all three sets is one. The second of two
 * continuation bytes must be where a character of three or four bytes wants it, and only there.
 */
enum fault {
    TOO_SHORT = 1,    /* 11______ 0_______, 11______ 11______ */
    TOO_LONG = 2,     /* 0_______ 10______ */
    OVERLONG_3 = 4,   /* 11100000 100_____ */
    SURROGATE = 8,    /* 11101101 101_____ */
    OVERLONG_2 = 16,  /* 1100000_ 10______ */
    TOO_LARGE = 32,   /* 11110100 1001____ and greater */
    TOO_LARGE_6 = 64, /* 11110101 1000____ and greater; overlong of four bytes too */
    TWO_CONTS = 128,  /* 10______ 10______ */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
};

static const uint8_t first_high[16] = {
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TWO_CONTS,
    TWO_CONTS,
    TWO_CONTS,
    TWO_CONTS,
    TOO_SHORT | OVERLONG_2,
    TOO_SHORT,
    TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | TOO_LARGE | TOO_LARGE_6,
};
static const uint8_t first_low[16] = {
    CARRY | OVERLONG_3 | OVERLONG_2 | TOO_LARGE_6,
    CARRY | OVERLONG_2,
    CARRY,
    CARRY,
    CARRY | TOO_LARGE,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6 | SURROGATE,
    CARRY | TOO_LARGE | TOO_LARGE_6,
    CARRY | TOO_LARGE | TOO_LARGE_6,
};
static const uint8_t second_high[16] = {
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_6,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
};

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i table(const uint8_t *t)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)t));
}

/* v, and what lies n bytes before each of its bytes. */
#define BEFORE(v, previous, n) \
    _mm256_alignr_epi8(v, _mm256_permute2x128_si256(previous, v, 0x21), 16 - (n))

AVX2 static inline __m256i faults(__m256i v, __m256i previous)
{
    const __m256i low = _mm256_set1_epi8(0x0f);
    __m256i before = BEFORE(v, previous, 1);
    __m256i pair = _mm256_and_si256(
        _mm256_and_si256(_mm256_shuffle_epi8(table(first_high),
                                             _mm256_and_si256(_mm256_srli_epi16(before, 4), low)),
                         _mm256_shuffle_epi8(table(first_low), _mm256_and_si256(before, low))),
        _mm256_shuffle_epi8(table(second_high), _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
    __m256i third = _mm256_subs_epu8(BEFORE(v, previous, 2), _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(BEFORE(v, previous, 3), _mm256_set1_epi8(0xf0 - 0x80));
    __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(-128));

    return _mm256_xor_si256(wanted, pair);
}

bool utf8_blocks_usable(void) { return __builtin_cpu_supports("avx2"); }

AVX2 size_t utf8_blocks_valid(const uint8_t *data, size_t size)
{
    __m256i previous = _mm256_setzero_si256();
    size_t i = 0;

    for (; size - i >= 32; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(data + i));
        __m256i fault = faults(v, previous);

        if (!_mm256_testz_si256(fault, fault))
            break;
        previous = v;
    }
    /* Back to where a character begins: the last one may go on behind what was looked at. */
    for (size_t back = 1; back <= 3 && back <= i; back++)
        if (data[i - back] >= 0xc0)
            return i - back;
    return i;
}
#else
bool utf8_blocks_usable(void) { return false; }
size_t utf8_blocks_valid(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
#endif
