#pragma once
/*
 * Scan rules: what the known patterns have in common and where they differ.
 *
 * All of them are alternatives in this order, some left out:
 *
 *     contraction              's 't 're 've 'm 'll 'd
 *     [lead]? word             letters, perhaps with marks, perhaps cut by case
 *     [ ]? number
 *     [ ]? symbols trailing    what is neither white space, letter nor number
 *     \s*[\r\n]+               white space to its last newline
 *     \s+(?!\S) | \s+          white space, the last before another character apart
 *
 * scan_next() is this in C. Rules are constants where it is called, so every
 * scanner gets code of its own without what it does not use.
 */
#include "tokenizer/scan_class.h"

enum contraction {
    CONTRACTION_NONE,
    CONTRACTION_CASED,  /* an alternative of its own, lower case only */
    CONTRACTION_FIRST,  /* an alternative of its own */
    CONTRACTION_SUFFIX, /* optional, behind a word */
};

struct scan_rules {
    enum contraction contraction;
    bool cased;      /* a word is upper* lower+ or upper+ lower*; uncased count as both */
    bool ascii_word; /* an ASCII punctuation character and ASCII letters are a word */
    bool cjk;        /* DeepSeek's range is cut out before all else */
    bool han_runs;   /* so are runs of Han */
    uint32_t word;   /* classes of letters; where cased, of uncased ones */
    uint32_t lead;   /* classes of which one may be in front of a word */
    uint32_t number;
    uint32_t max_digits; /* 0: no limit */
    bool space_number;   /* a space may lead a number */
    uint32_t symbols;
    bool newlines;       /* symbols take CR LF behind them, and \s*[\r\n]+ is there */
    bool trailing_slash; /* … and / among them */
    bool white_end;      /* \s++$ before \s*[\r\n]: what ends the text is one piece */
    uint32_t stop;       /* cut out before: white space in front of these is at an end of text */
};

static inline bool scan_in(enum scan_class class, uint32_t set) { return set >> class & 1; }

/* The end of the run of characters of set that begins at `at`. */
static inline size_t scan_run(const struct scan_rules *r, const uint8_t *t, size_t size, size_t at,
                              uint32_t set)
{
    size_t next = at;

    while (scan_in(scan_char(t, size, at, &next, r->cjk), set))
        at = next;
    return at;
}

/* The size of what follows an apostrophe in a contraction; 0: it is none. */
static inline size_t scan_contraction(const uint8_t *t, size_t size, size_t at, bool cased)
{
    uint8_t a = at < size ? t[at] : 0, b = at + 1 < size ? t[at + 1] : 0;

    if (!cased) {
        if (a == 0xC5 && b == 0xBF) /* U+017F is an s when case is ignored */
            return 2;
        a |= 0x20;
        b |= 0x20;
    }
    switch (a) {
    case 's':
    case 't':
    case 'm':
    case 'd':
        return 1;
    case 'r':
    case 'v':
        return b == 'e' ? 2 : 0;
    case 'l':
        return b == 'l' ? 2 : 0;
    default:
        return 0;
    }
}

static inline bool scan_is_alpha(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }

/*
 * upper* lower+ | upper+ lower*, where uncased ones are in both, with the
 * backtracking of the first: a run without lower case behind it ends with its
 * last uncased character. Returns at: no word.
 */
static inline size_t scan_cased(const struct scan_rules *r, const uint8_t *t, size_t size,
                                size_t at)
{
    uint32_t upper = r->word | SCAN_BIT(SCAN_UPPER), lower = r->word | SCAN_BIT(SCAN_LOWER);
    size_t end = at, next = at, uncased = at;
    enum scan_class class;

    while (scan_in(class = scan_char(t, size, end, &next, false), upper)) {
        end = next;
        if (scan_in(class, r->word))
            uncased = end;
    }
    if (class == SCAN_LOWER)
        return scan_run(r, t, size, end, lower);
    return uncased > at ? uncased : end;
}

static inline size_t scan_cased_word(const struct scan_rules *r, const uint8_t *t, size_t size,
                                     size_t at, enum scan_class class, size_t second)
{
    size_t end = at;

    if (scan_in(class, r->lead)) {
        end = scan_cased(r, t, size, second);
        /* A mark may lead or begin; it begins when upper* lower+ cannot follow it. */
        if (scan_in(class, r->word) &&
            (end == second || scan_run(r, t, size, second, SCAN_BIT(SCAN_UPPER)) == end))
            end = second;
        else if (end == second)
            return at;
    } else {
        end = scan_cased(r, t, size, at);
        if (end == at)
            return at;
    }
    if (r->contraction == CONTRACTION_SUFFIX && end < size && t[end] == '\'') {
        size_t more = scan_contraction(t, size, end + 1, false);

        if (more)
            end += 1 + more;
    }
    return end;
}

/* Returns at: no word begins here. */
static inline size_t scan_word(const struct scan_rules *r, const uint8_t *t, size_t size, size_t at,
                               enum scan_class class, size_t second)
{
    size_t third = second;

    if (r->cased)
        return scan_cased_word(r, t, size, at, class, second);
    if (r->ascii_word && t[at] < 0x80 && scan_in(class, SCAN_P | SCAN_S) && second < size &&
        scan_is_alpha(t[second])) {
        while (second < size && scan_is_alpha(t[second]))
            second++;
        return second;
    }
    if (scan_in(class, r->word))
        return scan_run(r, t, size, second, r->word);
    if (scan_in(class, r->lead) && scan_in(scan_char(t, size, second, &third, r->cjk), r->word))
        return scan_run(r, t, size, third, r->word);
    return at;
}

static inline size_t scan_number(const struct scan_rules *r, const uint8_t *t, size_t size,
                                 size_t at)
{
    if (!r->max_digits)
        return scan_run(r, t, size, at, r->number);
    for (uint32_t i = 0; i < r->max_digits; i++) {
        size_t next = at;

        if (!scan_in(scan_char(t, size, at, &next, r->cjk), r->number))
            break;
        at = next;
    }
    return at;
}

static inline size_t scan_symbols(const struct scan_rules *r, const uint8_t *t, size_t size,
                                  size_t at)
{
    at = scan_run(r, t, size, at, r->symbols);
    if (!r->newlines)
        return at;
    while (at < size && (t[at] == '\r' || t[at] == '\n' || (r->trailing_slash && t[at] == '/')))
        at++;
    return at;
}

static inline size_t scan_white(const struct scan_rules *r, const uint8_t *t, size_t size,
                                size_t at)
{
    size_t end = at, next = at, last = at, newline = 0;
    enum scan_class class;

    while (scan_in(class = scan_char(t, size, end, &next, r->cjk), SCAN_Z)) {
        last = end;
        end = next;
        if (class == SCAN_NEWLINE)
            newline = end;
    }
    if (r->white_end && class == SCAN_END)
        return end;
    if (r->newlines && newline)
        return newline;
    if (class == SCAN_END || scan_in(class, r->stop) || last == at)
        return end;
    return last;
}

/* What no alternative takes is one piece, up to where one does: before the lead of a word. */
static inline size_t scan_rest(const struct scan_rules *r, const uint8_t *t, size_t size,
                               size_t end, uint32_t other, uint32_t word)
{
    size_t second = end, third = end;

    for (; scan_in(scan_char(t, size, end, &second, r->cjk), other); end = second)
        if (scan_in(scan_char(t, size, second, &third, r->cjk), word))
            break;
    return end;
}

/* The pattern for all that is not CJK cuts runs of CJK, too. second: behind the first character. */
static inline size_t scan_cjk_piece(const struct scan_rules *r, const uint8_t *t, size_t size,
                                    enum scan_class class, size_t second)
{
    const uint32_t letters = SCAN_BIT(SCAN_CJK_LETTER);
    size_t end;

    if (class == SCAN_CJK_SYMBOL)
        return scan_run(r, t, size, second, SCAN_BIT(SCAN_CJK_SYMBOL));
    end = scan_run(r, t, size, second, letters);
    if (class == SCAN_CJK_LETTER || end > second)
        return end;
    return scan_rest(r, t, size, second, SCAN_BIT(SCAN_CJK_OTHER), letters);
}

/* Where the piece that begins at `at` ends; at < size. */
static inline size_t scan_next(const struct scan_rules *r, const uint8_t *t, size_t size, size_t at)
{
    size_t second = at, third = at, end;
    enum scan_class class = scan_char(t, size, at, &second, r->cjk), after;

    if (r->cjk && scan_in(class, SCAN_CJK))
        return scan_cjk_piece(r, t, size, class, second);
    if (r->han_runs && scan_in(class, SCAN_HAN))
        return scan_run(r, t, size, second, SCAN_HAN);
    if (t[at] == '\'' &&
        (r->contraction == CONTRACTION_CASED || r->contraction == CONTRACTION_FIRST)) {
        size_t more = scan_contraction(t, size, second, r->contraction == CONTRACTION_CASED);

        if (more)
            return second + more;
    }
    end = scan_word(r, t, size, at, class, second);
    if (end > at)
        return end;
    if (scan_in(class, r->number))
        return scan_number(r, t, size, at);
    if (scan_in(class, r->symbols))
        return scan_symbols(r, t, size, at);
    if (class == SCAN_SPACE) {
        after = scan_char(t, size, second, &third, r->cjk);
        if (r->space_number && scan_in(after, r->number))
            return scan_number(r, t, size, second);
        if (scan_in(after, r->symbols))
            return scan_symbols(r, t, size, second);
    }
    if (scan_in(class, SCAN_Z))
        return scan_white(r, t, size, at);
    return scan_rest(r, t, size, second, SCAN_BIT(SCAN_OTHER) | SCAN_BIT(SCAN_NUMERIC), r->word);
}
