#include "tokenizer/keyhash.h"
#include "tokenizer/scalar.h"
#include "tokenizer/words_parts.h"

#ifdef __x86_64__
#include <emmintrin.h>
#endif

/* Of 64 bytes: which are letters of ASCII, and which are not the first of their character. */
static inline void byte_masks(const char *text, uint64_t *ret_letters, uint64_t *ret_within)
{
    uint64_t letters = 0, within = 0;

#ifdef __x86_64__
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        /* 'a' becomes the least of signed bytes. */
        __m128i low =
            _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a' + 128 - 256));
        __m128i is_letter = _mm_cmplt_epi8(low, _mm_set1_epi8(26 - 128));

        letters |= (uint64_t)(uint32_t)_mm_movemask_epi8(is_letter) << i;
        within |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmplt_epi8(v, _mm_set1_epi8(-64))) << i;
    }
#else
    for (unsigned i = 0; i < 64; i++) {
        uint8_t c = (uint8_t)text[i];

        letters |= (uint64_t)((uint8_t)((c | 0x20) - 'a') < 26) << i;
        within |= (uint64_t)((c & 0xc0) == 0x80) << i;
    }
#endif
    *ret_letters = letters;
    *ret_within = within;
}

/* ---- BYTES */

bool words_composed(const char *text, size_t size)
{
    /*
     * Characters with NFC_Quick_Check=Yes and combining class 0 that no later character of
     * these can compose with.
     */
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x80, 0x2ff},      {0x391, 0x3ff},   {0x400, 0x482},   {0x48a, 0x52f},
        {0x5d0, 0x5ea},     {0x620, 0x64a},   {0x904, 0x928},   {0x92a, 0x930},
        {0x935, 0x939},     {0x93e, 0x94c},   {0xe01, 0xe37},   {0xe40, 0xe47},
        {0x1e00, 0x1eff},   {0x2010, 0x205e}, {0x20a0, 0x20bf}, {0x2190, 0x22ff},
        {0x2500, 0x27bf},   {0x3000, 0x3029}, {0x3030, 0x3098}, {0x30a0, 0x30ff},
        {0x4e00, 0x9fff},   {0xac00, 0xd7a3}, {0xff01, 0xffee}, {0x1f300, 0x1faff},
        {0x20000, 0x2a6df},
    };
    size_t i = 0, r = 0;

    while (i < size) {
        uint64_t eight;

        if (size - i >= 8) {
            memcpy(&eight, text + i, 8);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                i += 8;
                continue;
            }
        }
        uint32_t cp = scalar_next(text, &i);
        if (cp < 0x80 || (cp >= ranges[r].first && cp <= ranges[r].last))
            continue;
        for (r = 0; r < ARRAY_SIZE(ranges) - 1 && cp > ranges[r].last;)
            r++;
        if (cp < ranges[r].first || cp > ranges[r].last)
            return false;
    }
    return true;
}

/* Some token may have the end of the character before i and the begin of that at i. */
static bool bytes_join_partly(const struct words *w, const char *text, size_t before, size_t i)
{
    size_t right = scalar_size(text[i]);

    for (size_t from = before; from < i; from++)
        for (size_t n = right; n > 0; n--)
            if (pair_joins(w, pack_bytes(text + from, i - from), pack_bytes(text + i, n)))
                return true;
    return false;
}

size_t words_cut_bytes(const struct words *w, const char *text, size_t at, size_t end)
{
    size_t before = at, size = scalar_size(text[at]), i = at + size;
    uint32_t left = pack_bytes(text + at, size);

    for (; i < end; before = i, i += size) {
        uint32_t right;

        size = scalar_size(text[i]);
        right = pack_bytes(text + i, size);
        if ((uint8_t)text[i] >= 0x80 && (uint8_t)text[before] >= 0x80 &&
            !pair_joins(w, left, right) &&
            (!(w->head.partial[text[i - 1] & 63] >> (text[i] & 63) & 1) ||
             !bytes_join_partly(w, text, before, i)))
            return i;
        left = right;
    }
    return end;
}

/* ---- JOINED */

static uint32_t char_before(const char *text, size_t i)
{
    do
        i--;
    while (((uint8_t)text[i] & 0xc0) == 0x80);
    return scalar_next(text, &i);
}

/* The character at i as tokens have it. */
static inline uint32_t joined_char(const char *text, size_t i)
{
    return text[i] == ' ' ? META_PACKED : pack_bytes(text + i, scalar_size(text[i]));
}

static inline bool ascii_joins(const struct words *w, uint8_t a, uint8_t b)
{
    return w->head.ascii[a][b / 64] >> b % 64 & 1;
}

bool words_cut_between(const struct words *w, const char *text, size_t i)
{
    size_t before = i - 1;

    while (((uint8_t)text[before] & 0xc0) == 0x80)
        before--;
    return !pair_joins(w, joined_char(text, before), joined_char(text, i));
}

/*
 * Any place may be cut where no token has both neighbours; between two letters of ASCII some
 * token has them as a rule, so these are not even looked at.
 */
static size_t joined_ends(const struct words *w, const char *text, size_t size, size_t at,
                          uint32_t *ends, size_t max)
{
    uint64_t letter = 0; /* the last byte was one */
    uint32_t left = 0;   /* the last character of several bytes */
    size_t n = 0;

    for (size_t base = at; base < size; base += 64) {
        uint64_t letters, within, candidates;

        byte_masks(text + base, &letters, &within);
        candidates = ~(within | (letters & (letters << 1 | letter)));
        letter = letters >> 63;
        if (base == at)
            candidates &= ~UINT64_C(1);
        if (base == at && (uint8_t)text[at] >= 0x80)
            left = joined_char(text, at);
        if (size - base < 64)
            candidates &= (UINT64_C(1) << (size - base)) - 1;
        for (; candidates; candidates &= candidates - 1) {
            size_t i = base + (size_t)__builtin_ctzll(candidates);
            uint8_t a = (uint8_t)text[i - 1], b = (uint8_t)text[i];
            bool joins;

            if ((a | b) < 0x80) {
                joins = ascii_joins(w, a, b);
            } else {
                uint32_t right = joined_char(text, i);

                joins = pair_joins(w, a < 0x80 ? joined_char(text, i - 1) : left, right);
                left = right;
            }
            ends[n] = (uint32_t)i;
            n += !joins;
            if (n == max)
                return n;
        }
    }
    ends[n++] = (uint32_t)size;
    return n;
}

/* ---- BERT */

enum { BERT_WORD, BERT_SPACE, BERT_PUNCTUATION };

/* Control characters are of the word: they vanish, or stay in it. */
static inline int bert_kind(uint8_t c)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return BERT_SPACE;
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
                   (c >= '{' && c <= '~')
               ? BERT_PUNCTUATION
               : BERT_WORD;
}

static size_t bert_ends(const char *text, size_t size, size_t at, uint32_t *ends, size_t max)
{
    size_t n = 0;

    while (at < size && n < max) {
        int kind = bert_kind((uint8_t)text[at++]);

        if (kind != BERT_PUNCTUATION)
            while (at < size && bert_kind((uint8_t)text[at]) == kind)
                at++;
        ends[n++] = (uint32_t)at;
    }
    return n;
}

/* ---- SPACED */

static bool is_plain(const struct words *w, uint32_t cp)
{
    return cp < PLAIN_END && w->plain[cp / 64] >> cp % 64 & 1;
}

/*
 * Behind plain characters and before them a space is one for itself, whatever
 * normalization does; two of them, so that no third one joins a cluster with the nearer.
 */
bool words_cut_at_space(const struct words *w, const char *text, size_t size, size_t i)
{
    size_t at = i + 1, back = i;

    if (i == 0 || text[i] != ' ')
        return false;
    for (int k = 0; k < 2 && back > 0; k++) {
        if (!is_plain(w, char_before(text, back)) && (k == 0 || text[back - 1] != ' '))
            return false;
        for (back--; ((uint8_t)text[back] & 0xc0) == 0x80;)
            back--;
    }
    for (int k = 0; k < 2; k++) {
        if (at == size)
            return k > 0;
        if (k > 0 && text[at] == ' ')
            return true;
        if (!is_plain(w, scalar_next(text, &at)))
            return false;
    }
    return true;
}

static size_t spaced_ends(const struct words *w, const char *text, size_t size, size_t at,
                          uint32_t *ends, size_t max)
{
    size_t n = 0;

    while (at < size && n < max) {
        const char *space = at + 1 < size ? memchr(text + at + 1, ' ', size - at - 1) : NULL;

        while (space && !words_cut_at_space(w, text, size, (size_t)(space - text)))
            space = memchr(space + 1, ' ', (size_t)(text + size - space - 1));
        at = space ? (size_t)(space - text) : size;
        ends[n++] = (uint32_t)at;
    }
    return n;
}

static bool normalizes_to(const struct words *w, const char *text, size_t size,
                          struct pieces_scratch *scratch, struct pieces *ret)
{
    AUTO_ERR struct err err = {0};

    return program_normalize(w->program, text, size, scratch, ret, &err);
}

bool words_find_plain(struct words *w)
{
    struct pieces_scratch *scratch = pieces_scratch_new();
    struct pieces p = {0};
    bool ok = normalizes_to(w, "a b", 3, scratch, &p) && p.text.size == 3 &&
              memcmp(p.text.data, "a b", 3) == 0;

    for (uint32_t cp = '!'; ok && cp < PLAIN_END; cp++) {
        char text[8] = {0};
        size_t size = 0;

        if ((cp >= 0x7f && cp < 0xc0) || (cp >= 0x2b0 && cp < 0x391) ||
            (cp >= 0x483 && cp < 0x48a) || (cp >= 0x530 && cp < 0x5d0) || cp > 0x5ea)
            continue; /* marks that join what is before are among them */
        if (cp < 0x80) {
            text[size++] = (char)cp;
        } else {
            text[size++] = (char)(0xc0 | cp >> 6);
            text[size++] = (char)(0x80 | (cp & 0x3f));
        }
        if (normalizes_to(w, text, size, scratch, &p) && p.text.size > 0 &&
            !memchr(p.text.data, ' ', p.text.size) && (uint8_t)p.text.data[0] < 0xe0)
            w->plain[cp / 64] |= UINT64_C(1) << cp % 64;
    }
    pieces_release(&p);
    pieces_scratch_free(scratch);
    return ok;
}

/* ---- all of them */

size_t words_ends(const struct words *w, const char *text, size_t size, size_t at, uint32_t *ends,
                  size_t max)
{
    switch ((enum words_family)w->head.family) {
    case WORDS_BYTES:
        return scanner_ends(w->scanner, text, size, at, ends, max);
    case WORDS_JOINED:
        return joined_ends(w, text, size, at, ends, max);
    case WORDS_BERT:
        return bert_ends(text, size, at, ends, max);
    case WORDS_SPACED:
        return spaced_ends(w, text, size, at, ends, max);
    case WORDS_NONE:
        break;
    }
    return 0;
}
