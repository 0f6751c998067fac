#include "tokenizer/char_index.h"

#ifdef __x86_64__
#include <emmintrin.h>
#endif

void char_index_release(struct char_index *c)
{
    free(c->begins);
    free(c->before);
    *c = (struct char_index){0};
}

/* Which of n bytes (at most 64) begin a character. */
static uint64_t begins_of(const char *text, size_t n)
{
    uint64_t begins = 0;

#ifdef __x86_64__
    for (unsigned i = 0; n == 64 && i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i));

        begins |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(v, _mm_set1_epi8(-65))) << i;
    }
    if (n == 64)
        return begins;
#endif
    for (size_t i = 0; i < n; i++)
        begins |= (uint64_t)(((uint8_t)text[i] & 0xc0) != 0x80) << i;
    return begins;
}

static inline __attribute__((always_inline)) void make(struct char_index *c, const char *text)
{
    uint32_t before = 0;

    for (size_t at = 0; at <= c->size; at += 64) { /* a text's end has a place too */
        size_t n = c->size - at < 64 ? c->size - at : 64;
        uint64_t begins = begins_of(text + at, n);

        c->begins[at / 64] = begins | (n < 64 ? UINT64_C(1) << n : 0);
        c->before[at / 64] = before;
        before += (uint32_t)__builtin_popcountll(begins);
    }
}

static inline bool begins_char(const struct char_index *c, size_t at)
{
    return c->begins[at / 64] >> at % 64 & 1;
}

static inline uint32_t chars_before(const struct char_index *c, size_t at)
{
    return c->before[at / 64] +
           (uint32_t)__builtin_popcountll(c->begins[at / 64] & ((UINT64_C(1) << at % 64) - 1));
}

static inline __attribute__((always_inline)) void convert(const struct char_index *c,
                                                          const struct span *spans, size_t n,
                                                          enum offset_unit unit, bool ends_too,
                                                          struct offset *ret)
{
    uint32_t last = 0, last_chars = 0; /* a place and its characters */

    for (size_t i = 0; i < n; i++) {
        uint32_t start = spans[i].start, end = spans[i].end, first;

        while (!begins_char(c, start))
            start--;
        while (!begins_char(c, end))
            end++;
        if (unit == OFFSET_BYTE || (start == c->size && !ends_too)) {
            ret[i] = (struct offset){start, end};
            continue;
        }
        first = start == last ? last_chars : chars_before(c, start);
        last_chars = chars_before(c, end);
        last = end;
        ret[i] = (struct offset){first, last_chars};
    }
}

/* ---- counting bits is one instruction where there is one */

#ifdef __x86_64__
__attribute__((target("popcnt"))) static void make_popcnt(struct char_index *c, const char *text)
{
    make(c, text);
}

__attribute__((target("popcnt"))) static void convert_popcnt(const struct char_index *c,
                                                             const struct span *spans, size_t n,
                                                             enum offset_unit unit, bool ends_too,
                                                             struct offset *ret)
{
    convert(c, spans, n, unit, ends_too, ret);
}

static bool has_popcnt(void) { return __builtin_cpu_supports("popcnt"); }
#else
#define make_popcnt    make
#define convert_popcnt convert
static bool has_popcnt(void) { return false; }
#endif

void char_index_make(struct char_index *c, const char *text, size_t size)
{
    size_t n = size / 64 + 1;

    c->size = size;
    if (n > c->capacity) {
        free(c->begins);
        free(c->before);
        c->capacity = n + n / 2;
        c->begins = mem_new_array(c->capacity, uint64_t);
        c->before = mem_new_array(c->capacity, uint32_t);
    }
    if (has_popcnt())
        make_popcnt(c, text);
    else
        make(c, text);
}

void char_index_convert(const struct char_index *c, const struct span *spans, size_t n,
                        enum offset_unit unit, bool ends_too, struct offset *ret)
{
    if (has_popcnt())
        convert_popcnt(c, spans, n, unit, ends_too, ret);
    else
        convert(c, spans, n, unit, ends_too, ret);
}
