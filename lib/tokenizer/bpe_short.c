/*
 * BPE of many short words at once. A merge waits for two look-ups in a table that lies in no near
 * cache, and the next one needs its result; so words take turns, and what one asks for is on
 * its way while the others go on.
 */
#include "tokenizer/model_parts.h"
#include "tokenizer/scalar.h"

#include "tokenizer/keyhash.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { META = 0x2581, NOWHERE = UINT32_MAX, NO_PAIR = UINT32_MAX };

/* Symbol i stays where it began; one that was merged into another is dead. */
static void place(struct short_word *w, uint32_t id, size_t start)
{
    w->ids[w->n] = id;
    w->starts[w->n++] = (uint8_t)start;
}

/* False: a character is no token, which is not done here. */
static bool fill(const struct bpe *m, struct short_word *w, bool spaces)
{
    w->n = 0;
    for (size_t at = 0; at < w->size;) {
        size_t start = at;
        uint32_t id;

        if (m->head->flags & BPE_BYTES) {
            id = m->head->byte_ids[(uint8_t)w->text[at++]];
        } else {
            uint32_t cp = scalar_next(w->text, &at);

            id = bpe_char_id(m, spaces && cp == ' ' ? META : cp);
            if (id == NO_ID)
                return false;
        }
        place(w, id, start);
    }
    w->live = (1u << w->n) - 1;
    w->merged = NOWHERE;
    for (uint32_t i = w->n - 1; i <= SHORT_WORD_SIZE; i++)
        w->pairs[i] = NO_PAIR;
    return true;
}

/* The living symbol behind i; there is one. */
static inline uint32_t next_of(const struct short_word *w, uint32_t i)
{
    return (uint32_t)__builtin_ctz(w->live & ~0u << i << 1);
}

static inline bool is_last(const struct short_word *w, uint32_t i) { return w->live >> i == 1; }

static inline uint32_t before(const struct short_word *w, uint32_t i)
{
    return 31 - (uint32_t)__builtin_clz(w->live & ((1u << i) - 1));
}

static inline void ask(const struct merges *m, const struct short_word *w, uint32_t i)
{
    __builtin_prefetch(merge_home(m, merge_key(w->ids[i], w->ids[next_of(w, i)])));
}

static inline void hear(const struct merges *m, struct short_word *w, uint32_t i)
{
    uint32_t rank = merge_rank_near(m, w->ids[i], w->ids[next_of(w, i)]);

    /* The smallest is the leftmost of equals. */
    w->pairs[i] = rank << 4 | i;
    __builtin_prefetch(&m->blocks[rank == MERGE_NONE ? 0 : rank / MERGE_BLOCK]);
}

/* One merge, and the questions that follow from it. False: none is left. */
static inline bool turn(const struct merges *m, struct short_word *w,
                        uint32_t (*least)(const uint32_t *))
{
    uint32_t best, at, next;

    if (w->merged != NOWHERE) {
        if (!is_last(w, w->merged))
            hear(m, w, w->merged);
        if (w->merged > 0)
            hear(m, w, before(w, w->merged));
    }
    best = least(w->pairs);
    if (best >> 4 >= MERGE_NONE)
        return false;
    at = best & 15;
    next = next_of(w, at);
    w->ids[at] = merge_result(m, best >> 4);
    w->live &= ~(1u << next);
    w->pairs[next] = w->pairs[at] = NO_PAIR;
    w->merged = at;
    if (!is_last(w, at))
        ask(m, w, at);
    if (at > 0)
        ask(m, w, before(w, at));
    return true;
}

static inline __attribute__((always_inline)) void merge_with(const struct merges *m,
                                                             struct short_word **words, size_t n,
                                                             uint32_t (*least)(const uint32_t *))
{
    for (size_t k = 0; k < n; k++)
        for (uint32_t i = 0; i + 1 < words[k]->n; i++)
            ask(m, words[k], i);
    for (size_t k = 0; k < n; k++)
        for (uint32_t i = 0; i + 1 < words[k]->n; i++)
            hear(m, words[k], i);
    while (n > 0)
        for (size_t k = 0; k < n;) {
            if (turn(m, words[k], least))
                k++;
            else
                words[k] = words[--n];
        }
}

static inline uint32_t least_of(const uint32_t *pairs)
{
    uint32_t best = NO_PAIR;

    for (uint32_t i = 0; i <= SHORT_WORD_SIZE; i++)
        best = pairs[i] < best ? pairs[i] : best;
    return best;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static inline uint32_t least_avx2(const uint32_t *pairs)
{
    const __m256i *p = (const __m256i *)(const void *)pairs;
    __m256i v = _mm256_min_epu32(_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1));
    __m128i x = _mm_min_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

    x = _mm_min_epu32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_min_epu32(x, _mm_shuffle_epi32(x, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(x);
}

__attribute__((target("avx2"))) static void merge_avx2(const struct merges *m,
                                                       struct short_word **words, size_t n)
{
    merge_with(m, words, n, least_avx2);
}
#endif

static void merge_all(const struct merges *m, struct short_word **words, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        merge_avx2(m, words, n);
        return;
    }
#endif
    merge_with(m, words, n, least_of);
}

/* What lives moves to the front. */
static void gather(struct short_word *w)
{
    uint32_t n = 0;

    for (uint32_t live = w->live; live; live &= live - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(live);

        w->ids[n] = w->ids[i];
        w->starts[n++] = w->starts[i];
    }
    w->n = n;
}

/* A word that is a token. What is behind a short text may not be there to be read. */
static inline uint32_t find_one(const struct vocab *v, uint64_t hash, const char *text, size_t size)
{
    char padded[SHORT_KEY_MAX + 1] = {0};

    if (size <= SHORT_KEY_MAX)
        text = memcpy(padded, text, size);
    return vocab_find_padded(v, hash, text, size, false);
}

/* With ignore_merges a word that is a token is that. Takes those out; returns how many are left. */
static size_t find_whole(const struct vocab *v, struct short_word **words, size_t n)
{
    uint64_t hashes[SHORT_WORDS_MAX];
    size_t left = 0;

    for (size_t k = 0; k < n; k++) {
        hashes[k] = vocab_hash(key_hash(words[k]->text, words[k]->size), false);
        vocab_prefetch(v, hashes[k]);
    }
    for (size_t k = 0; k < n; k++) {
        struct short_word *w = words[k];
        uint32_t id = w->part ? NO_ID : find_one(v, hashes[k], w->text, w->size);

        if (id == NO_ID) {
            words[left++] = w;
            continue;
        }
        w->n = 0;
        place(w, id, 0);
    }
    return left;
}

void bpe_encode_short(const struct bpe *m, const struct vocab *v, struct short_word *words,
                      size_t n, bool spaces)
{
    uint32_t flags = m->head->flags;
    struct short_word *left[SHORT_WORDS_MAX], *merging[SHORT_WORDS_MAX];
    size_t n_left = 0, n_filled = 0;

    for (size_t i = 0; i < n; i++)
        words[i].n = 0;
    if (!(flags & BPE_REGULAR) || m->head->prefix_size || m->head->suffix_size ||
        (flags & BPE_BYTES && !(flags & BPE_ALL_KNOWN)))
        return;
    for (size_t i = 0; i < n; i++)
        left[n_left++] = &words[i];
    if (flags & BPE_IGNORE_MERGES)
        n_left = find_whole(v, left, n_left);
    for (size_t i = 0; i < n_left; i++) {
        if (fill(m, left[i], spaces))
            left[n_filled++] = left[i];
        else
            left[i]->n = 0;
    }
    memcpy(merging, left, n_filled * sizeof(*left));
    merge_all(&m->merges, merging, n_filled);
    for (size_t i = 0; i < n_filled; i++)
        gather(left[i]);
}
