#pragma once
/*
 * Scan block: where pieces begin among 64 bytes, by algebra on bits.
 *
 * A block begins with a piece, so nothing before it matters. It is known up to
 * its first byte beyond ASCII that is no letter (limit); up to some place before that what
 * begins a piece is certain (sure). The next block begins at the last certain one.
 * What has none is left to scan_next(): long runs and other alphabets.
 *
 * The kernel that includes this defines scan_load().
 */
#include "tokenizer/scan_family.h"

/* A bit per byte; the lowest is the first. Bytes that no mask has are symbols. */
struct scan_masks {
    uint64_t letter, upper, digit, space, white, newline, apostrophe, slash, control, high;
};

static inline void scan_load(const uint8_t *t, struct scan_masks *m);

static inline uint64_t scan_below(unsigned n) { return n < 64 ? (1ULL << n) - 1 : ~0ULL; }

/* Everything in `through` that is reached from the seeds by going up. */
static inline uint64_t scan_flood_up(uint64_t seeds, uint64_t through)
{
    for (unsigned k = 1; k < 64; k *= 2) {
        seeds |= through & (seeds << k);
        through &= through << k;
    }
    return seeds;
}

static inline uint64_t scan_flood_down(uint64_t seeds, uint64_t through)
{
    for (unsigned k = 1; k < 64; k *= 2) {
        seeds |= through & (seeds >> k);
        through &= through >> k;
    }
    return seeds;
}

static inline uint64_t scan_digit_starts(const struct scan_rules *r, uint64_t digits,
                                         uint64_t spaces)
{
    uint64_t first = digits & ~(digits << 1), ret = 0;

    if (r->max_digits == 1)
        return digits;
    if (r->space_number)
        first &= ~(spaces << 1);
    if (r->max_digits == 0)
        return first;
    /* Four digits on end: the last begins a piece when the first does. */
    digits &= (digits << 1) & (digits << 2) & (digits << 3);
    for (; first; first = (first << 3) & digits)
        ret |= first;
    return ret;
}

/* white and newline apart; where newlines mean nothing, all of it is white. */
static inline uint64_t scan_white_starts(const struct scan_rules *r, uint64_t white,
                                         uint64_t newline, uint64_t attached, uint64_t digits,
                                         uint64_t known)
{
    uint64_t all = white | newline, free = all & ~attached;
    uint64_t ret = free & ~(free << 1);
    uint64_t last = white & ~(all >> 1) & (known >> 1);
    uint64_t after = white & (newline << 1);

    if (r->stop)
        last &= ~(digits >> 1);
    ret |= last;
    if (after)
        ret |= after & ~scan_flood_down(white & (newline >> 1), white);
    return ret;
}

/* Changes starts by what contractions take; lowers *sure to what is not decided here. */
static inline uint64_t scan_contractions(const struct scan_rules *r, const uint8_t *t,
                                         uint64_t candidates, uint64_t letters, unsigned limit,
                                         uint64_t starts, unsigned *sure)
{
    bool suffix = r->contraction == CONTRACTION_SUFFIX;
    unsigned taken = 0; /* where the last one ends */

    for (; candidates; candidates &= candidates - 1) {
        unsigned i = (unsigned)__builtin_ctzll(candidates), more;

        if (i + 3 >= limit) {
            if (i + !suffix < *sure)
                *sure = i + !suffix;
            break;
        }
        if (suffix && i == taken)
            continue;
        more = (unsigned)scan_contraction(t, limit, i + 1, r->contraction == CONTRACTION_CASED);
        if (!more)
            continue;
        taken = i + 1 + more;
        starts &= ~(scan_below(taken) & ~scan_below(suffix ? i : i + 1));
        starts |= letters & (1ULL << taken);
    }
    return starts;
}

/*
 * Letters beyond ASCII join the masks, all their bytes alike, when they are few;
 * returns where something else begins.
 */
static inline unsigned scan_high_letters(const struct scan_rules *r, const uint8_t *t, size_t size,
                                         struct scan_masks *m)
{
    enum { FEW = 20 };
    uint32_t upper = r->cased ? SCAN_BIT(SCAN_UPPER) : 0;
    uint32_t letters = r->cased ? SCAN_BIT(SCAN_LOWER) | upper : SCAN_L;
    uint64_t high = m->high;

    if (r->ascii_word || __builtin_popcountll(high) > FEW)
        return (unsigned)__builtin_ctzll(high);
    while (high) {
        unsigned i = (unsigned)__builtin_ctzll(high);
        size_t next = i;
        enum scan_class class = scan_char(t, size, i, &next, false);
        uint64_t bytes = scan_below((unsigned)next) & ~scan_below(i);

        if (next > 64 || !scan_in(class, letters))
            return i;
        m->letter |= bytes;
        if (scan_in(class, upper))
            m->upper |= bytes;
        high &= ~bytes;
    }
    return 64;
}

/* size: of what may be looked at, at least 1. The lowest bit is never set. */
static inline uint64_t scan_block(const struct scan_rules *r, const uint8_t *t, size_t size)
{
    struct scan_masks m;
    uint64_t known, symbols, first_symbols, white, newline, attached = 0, starts, words, solid;
    unsigned limit, sure;

    scan_load(t, &m);
    if (!(r->symbols & SCAN_BIT(SCAN_OTHER)))
        m.high |= m.control;
    limit = m.high ? scan_high_letters(r, t, size, &m) : 64;
    if (size < limit)
        limit = (unsigned)size;
    known = scan_below(limit);
    m.letter &= known;
    m.digit &= known;
    m.space &= known;
    white = m.white & known;
    newline = m.newline & known;
    symbols = known & ~(m.letter | m.digit | white | newline);
    if (!r->newlines) {
        white |= newline;
        newline = 0;
    } else if ((symbols << 1) & newline) {
        attached = scan_flood_up((symbols << 1) & newline,
                                 newline | (r->trailing_slash ? m.slash & known : 0));
        symbols &= ~attached;
    }
    first_symbols = symbols & ~(symbols << 1) & ~(m.space << 1);
    words = m.letter & ~(m.letter << 1) & ~(m.space << 1);
    if (r->lead & SCAN_BIT(SCAN_WHITE))
        words &= ~(white << 1) & ~(first_symbols << 1);
    starts = words | first_symbols | scan_digit_starts(r, m.digit, m.space) |
             scan_white_starts(r, white, newline, attached, m.digit, known);
    if (r->cased)
        starts |= m.letter & m.upper & ((m.letter & ~m.upper) << 1);

    /* White space up to where nothing is known: only where it begins is certain. */
    solid = known & ~(white | newline);
    sure = solid ? 65 - (unsigned)__builtin_clzll(solid) : 1;
    if (sure > limit)
        sure = limit;
    if (r->contraction == CONTRACTION_SUFFIX)
        starts = scan_contractions(r, t, m.apostrophe & known & (m.letter << 1), m.letter, limit,
                                   starts, &sure);
    else if (r->contraction != CONTRACTION_NONE)
        starts =
            scan_contractions(r, t, m.apostrophe & first_symbols, m.letter, limit, starts, &sure);
    return starts & scan_below(sure) & ~1ULL;
}

static inline size_t scan_blocks_ends(const struct scan_rules *r, const uint8_t *t, size_t size,
                                      size_t at, uint32_t *ends, size_t max)
{
    size_t n = 0;

    /* Without room for what a block may have it is left to the next call, if that has more. */
    while (at < size && n < max && (n == 0 || max - n >= 64)) {
        uint64_t starts = max - n >= 64 ? scan_block(r, t + at, size - at) : 0;

        if (starts) {
            size_t base = at;

            at = base + 63 - (size_t)__builtin_clzll(starts);
            for (; starts; starts &= starts - 1)
                ends[n++] = (uint32_t)(base + (size_t)__builtin_ctzll(starts));
            continue;
        }
        /* A block is worth its load only where ASCII goes on. */
        do {
            at = scan_next(r, t, size, at);
            ends[n++] = (uint32_t)at;
        } while (at < size && n < max && (t[at] & t[at + 2]) >= 0x80);
    }
    return n;
}

#define SCAN_DEFINE(name)                                                                  \
    static size_t name##_ends(const uint8_t *text, size_t size, size_t at, uint32_t *ends, \
                              size_t max)                                                  \
    {                                                                                      \
        return scan_blocks_ends(&name##_rules, text, size, at, ends, max);                 \
    }
#define SCAN_ROW(name) name##_ends,
SCAN_FAMILIES(SCAN_DEFINE)
