#include "base/utf8.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Length of the sequence at p, of which left bytes are there; 0 when it is none. */
static size_t sequence(const uint8_t *p, size_t left)
{
    uint8_t a = p[0];

    if (a < 0x80)
        return 1;
    if (a < 0xc2 || a > 0xf4)
        return 0;
    size_t n = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
    if (left < n)
        return 0;
    /* The second byte is where overlong forms, surrogates and what lies beyond the end show. */
    uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
    uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

#ifdef __x86_64__
/*
 * 32 bytes at a time, after Keiser and Lemire, "Validating UTF-8 in less than one instruction
 * per byte" (2021): three tables by half bytes say which faults a byte and the one before it can
 * have together, and what all three say is one. Returns how many bytes are surely good, which
 * end with a character; what follows is looked at one by one.
 */
enum fault {
    TOO_SHORT = 1,  /* a lead, then no continuation */
    TOO_LONG = 2,   /* ASCII, then one */
    OVERLONG_3 = 4, /* E0, then less than A0 */
    TOO_LARGE = 8,  /* F4, then more than 8F; F5 and more */
    SURROGATE = 16, /* ED, then more than 9F */
    OVERLONG_2 = 32,
    OVERLONG_4 = 64, /* F0, then less than 90; and F5 and more, then that */
    TWO = 128,       /* two continuations: good when they are the third or fourth byte */
    ANY_LOW = TOO_SHORT | TOO_LONG | TWO,
    ANY_SECOND = TOO_LONG | OVERLONG_2 | TWO,
    LARGE = ANY_LOW | TOO_LARGE | OVERLONG_4,
};

__attribute__((target("avx2"))) static __m256i table(const uint8_t half[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)half));
}

/* v shifted up by n bytes, those of the last vector below. */
#define AFTER(v, last, n) _mm256_alignr_epi8(v, _mm256_permute2x128_si256(last, v, 0x21), 16 - (n))

__attribute__((target("avx2"))) static size_t valid_avx2(const uint8_t *p, size_t size)
{
    static const uint8_t first_high[16] = {TOO_LONG,
                                           TOO_LONG,
                                           TOO_LONG,
                                           TOO_LONG,
                                           TOO_LONG,
                                           TOO_LONG,
                                           TOO_LONG,
                                           TOO_LONG,
                                           TWO,
                                           TWO,
                                           TWO,
                                           TWO,
                                           TOO_SHORT | OVERLONG_2,
                                           TOO_SHORT,
                                           TOO_SHORT | OVERLONG_3 | SURROGATE,
                                           TOO_SHORT | TOO_LARGE | OVERLONG_4};
    static const uint8_t first_low[16] = {ANY_LOW | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
                                          ANY_LOW | OVERLONG_2,
                                          ANY_LOW,
                                          ANY_LOW,
                                          ANY_LOW | TOO_LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE,
                                          LARGE | SURROGATE,
                                          LARGE,
                                          LARGE};
    static const uint8_t second_high[16] = {TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            ANY_SECOND | OVERLONG_3 | OVERLONG_4,
                                            ANY_SECOND | OVERLONG_3 | TOO_LARGE,
                                            ANY_SECOND | SURROGATE | TOO_LARGE,
                                            ANY_SECOND | SURROGATE | TOO_LARGE,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT,
                                            TOO_SHORT};
    const __m256i a = table(first_high), b = table(first_low), c = table(second_high);
    const __m256i low = _mm256_set1_epi8(15), top = _mm256_set1_epi8(-128);
    __m256i last = _mm256_setzero_si256();
    size_t at = 0;
    int high = 0;

    for (; size - at >= 32; at += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + at));
        int had = high;

        high = _mm256_movemask_epi8(v);
        if (high | had) {
            __m256i before = AFTER(v, last, 1);
            __m256i third = _mm256_subs_epu8(AFTER(v, last, 2), _mm256_set1_epi8(0xe0 - 0x80));
            __m256i fourth = _mm256_subs_epu8(AFTER(v, last, 3), _mm256_set1_epi8(0xf0 - 0x80));
            __m256i fault = _mm256_and_si256(
                _mm256_shuffle_epi8(a, _mm256_and_si256(_mm256_srli_epi16(before, 4), low)),
                _mm256_and_si256(
                    _mm256_shuffle_epi8(b, _mm256_and_si256(before, low)),
                    _mm256_shuffle_epi8(c, _mm256_and_si256(_mm256_srli_epi16(v, 4), low))));

            fault = _mm256_xor_si256(fault, _mm256_and_si256(_mm256_or_si256(third, fourth), top));
            if (!_mm256_testz_si256(fault, fault))
                break;
        }
        last = v;
    }
    /* The last character may go on. */
    for (int i = 0; i < 4 && at > 0 && p[at - 1] >= 0x80; i++)
        if (p[--at] >= 0xc0)
            break;
    return at;
}

static size_t surely_valid(const uint8_t *p, size_t size)
{
    return size >= 32 && __builtin_cpu_supports("avx2") ? valid_avx2(p, size) : 0;
}
#else
static size_t surely_valid(const uint8_t *p, size_t size)
{
    (void)p;
    (void)size;
    return 0;
}
#endif

bool utf8_valid(const void *data, size_t size, size_t *ret_bad)
{
    const uint8_t *p = data;
    uint64_t word;

    for (size_t i = surely_valid(p, size); i < size;) {
        if (size - i >= 8) {
            memcpy(&word, p + i, 8);
            if (!(word & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size_t n = sequence(p + i, size - i);
        if (!n) {
            if (ret_bad)
                *ret_bad = i;
            return false;
        }
        i += n;
    }
    return true;
}

size_t utf8_encode(uint32_t cp, char ret[4])
{
    if (cp < 0x80) {
        ret[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        ret[0] = (char)(0xc0 | cp >> 6);
        ret[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        ret[0] = (char)(0xe0 | cp >> 12);
        ret[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        ret[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    ret[0] = (char)(0xf0 | cp >> 18);
    ret[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    ret[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    ret[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}
