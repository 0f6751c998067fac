#include "tokenizer/added_finder.h"

#ifdef __x86_64__
#include <emmintrin.h>
#endif

static void mark(struct added_finder *f, uint8_t a, uint8_t b)
{
    unsigned pair = (unsigned)a << 8 | b;

    f->pairs[pair / 64] |= UINT64_C(1) << pair % 64;
}

void added_finder_open(const struct core *c, struct added_finder *f)
{
    bool seen[256] = {false};
    unsigned n = 0;

    f->usable = c->head->added_plain;
    for (uint32_t i = 0; i < c->head->n_added; i++) {
        struct slice text = core_text(c, c->added[i].content);
        uint8_t first = (uint8_t)text.data[0];

        if (!text.size)
            continue;
        if (!seen[first] && n < ARRAY_SIZE(f->first))
            f->first[n] = first;
        n += !seen[first];
        seen[first] = true;
        if (text.size > 1)
            mark(f, first, (uint8_t)text.data[1]);
        for (unsigned b = 0; text.size == 1 && b < 256; b++)
            mark(f, first, (uint8_t)b);
    }
    f->n_first = n <= ARRAY_SIZE(f->first) ? (uint8_t)n : 0;
}

static size_t common(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t n = n_a < n_b ? n_a : n_b, i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* The last of the sorted contents that is not behind text[0, size); NULL: none. */
static const struct core_added *not_behind(const struct core *c, const char *text, size_t size)
{
    size_t low = 0, high = c->head->n_texts;

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct slice s = core_text(c, c->added[c->by_text[middle]].content);
        size_t n = common(s.data, s.size, text, size);
        bool behind = n < s.size && (n == size || (uint8_t)s.data[n] > (uint8_t)text[n]);

        if (behind)
            high = middle;
        else
            low = middle + 1;
    }
    return low ? &c->added[c->by_text[low - 1]] : NULL;
}

static bool is_guarded(const struct core_added *added, const struct guard *guard, size_t at)
{
    return added->plain && added->special && guard->n &&
           guard_touches(guard, (uint32_t)at, (uint32_t)at + added->content.size);
}

/*
 * The longest token that text[at, size) begins with. What lies in sorted order between a
 * prefix of the text and the text begins with that prefix too: so the nearest one is it, or
 * shows how long it can be at most.
 */
static const struct core_added *longest(const struct core *c, const char *text, size_t size,
                                        size_t at, const struct guard *guard)
{
    const struct core_added *added;

    text += at;
    size -= at;
    if (size > c->head->added_size_max)
        size = c->head->added_size_max;
    while (size && (added = not_behind(c, text, size))) {
        struct slice s = core_text(c, added->content);
        size_t n = common(s.data, s.size, text, size);

        if (n == s.size && n && !is_guarded(added, guard, at))
            return added;
        size = n == s.size ? n - 1 : n;
        if (!s.size)
            return NULL;
    }
    return NULL;
}

static inline bool is_pair(const struct added_finder *f, const char *text, size_t at)
{
    unsigned pair = (unsigned)(uint8_t)text[at] << 8 | (uint8_t)text[at + 1];

    return f->pairs[pair / 64] >> pair % 64 & 1;
}

#ifdef __x86_64__
/* Goes on while 16 bytes have no first byte of a token. */
static size_t skip_others(const struct added_finder *f, const char *text, size_t size, size_t at)
{
    __m128i first[ADDED_FIRST_MAX];

    for (unsigned i = 0; i < f->n_first; i++)
        first[i] = _mm_set1_epi8((char)f->first[i]);
    for (; f->n_first && size - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + at));
        __m128i hit = _mm_cmpeq_epi8(v, first[0]);

        for (unsigned i = 1; i < f->n_first; i++)
            hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, first[i]));
        if (_mm_movemask_epi8(hit))
            return at + (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(hit));
    }
    return at;
}
#else
static size_t skip_others(const struct added_finder *f, const char *text, size_t size, size_t at)
{
    (void)f;
    (void)text;
    (void)size;
    return at;
}
#endif

static size_t next_candidate(const struct added_finder *f, const char *text, size_t size, size_t at)
{
    if (f->n_first == 1) {
        const char *hit = memchr(text + at, f->first[0], size - at);

        return hit ? (size_t)(hit - text) : size;
    }
    while (at + 1 < size) {
        at = skip_others(f, text, size, at);
        for (size_t end = at + 16; at + 1 < size && at < end; at++)
            if (is_pair(f, text, at))
                return at;
    }
    return at; /* the last byte, of which there is no pair, or the end */
}

enum added_found added_find(const struct core *c, const struct added_finder *f, const char *text,
                            size_t size, size_t at, const struct guard *guard, struct span *ret,
                            uint32_t *ret_id)
{
    if (!c->head->n_added)
        return ADDED_NONE;
    for (; (at = next_candidate(f, text, size, at)) < size; at++) {
        const struct core_added *added = longest(c, text, size, at, guard);

        if (!added)
            continue;
        if (!added->plain)
            return ADDED_EXACT;
        *ret = (struct span){(uint32_t)at, (uint32_t)at + added->content.size};
        *ret_id = added->id;
        return ADDED_TOKEN;
    }
    return ADDED_NONE;
}
