#include "unicode/graphemes.h"

#include "tokenizer/scalar.h"
#include "unicode/graphemes_data.h"
#include "unicode/trie.h"

enum break_class {
    BREAK_OTHER,
    BREAK_CR,
    BREAK_LF,
    BREAK_CONTROL,
    BREAK_EXTEND,
    BREAK_ZWJ,
    BREAK_REGIONAL,
    BREAK_PREPEND,
    BREAK_SPACING,
    BREAK_L,
    BREAK_V,
    BREAK_T,
    BREAK_LV,
    BREAK_LVT,
    BREAK_PICTOGRAPH,
    BREAK_CONSONANT,
};
/* Beside the class. */
enum { CLASS_BITS = 15, IS_LINKER = 16, IS_CONJUNCT_EXTEND = 32 };

/* What rules look back for. */
struct state {
    unsigned last;          /* with its bits */
    unsigned n_regional;    /* at the end of the cluster */
    bool pictograph;        /* Pictograph Extend* */
    bool pictograph_joined; /* … ZWJ */
    bool consonant;         /* Consonant and its marks */
    bool linked;            /* … with a linker among them */
};

static bool is_control(unsigned c) { return c == BREAK_CR || c == BREAK_LF || c == BREAK_CONTROL; }

static bool joins_hangul(unsigned a, unsigned b)
{
    if (a == BREAK_L)
        return b == BREAK_L || b == BREAK_V || b == BREAK_LV || b == BREAK_LVT;
    if (a == BREAK_LV || a == BREAK_V)
        return b == BREAK_V || b == BREAK_T;
    return (a == BREAK_LVT || a == BREAK_T) && b == BREAK_T;
}

static bool joins(const struct state *s, unsigned next)
{
    unsigned a = s->last & CLASS_BITS, b = next & CLASS_BITS;

    if (a == BREAK_CR && b == BREAK_LF)
        return true;
    if (is_control(a) || is_control(b))
        return false;
    if (joins_hangul(a, b) || b == BREAK_EXTEND || b == BREAK_ZWJ || b == BREAK_SPACING ||
        a == BREAK_PREPEND)
        return true;
    return (b == BREAK_CONSONANT && s->linked) || (b == BREAK_PICTOGRAPH && s->pictograph_joined) ||
           (b == BREAK_REGIONAL && s->n_regional % 2 == 1);
}

static void step(struct state *s, unsigned next)
{
    unsigned c = next & CLASS_BITS;

    s->last = next;
    s->n_regional = c == BREAK_REGIONAL ? s->n_regional + 1 : 0;
    s->pictograph_joined = s->pictograph && c == BREAK_ZWJ;
    s->pictograph = c == BREAK_PICTOGRAPH || (s->pictograph && c == BREAK_EXTEND);
    if (c == BREAK_CONSONANT) {
        s->consonant = true;
        s->linked = false;
    } else if (next & (IS_LINKER | IS_CONJUNCT_EXTEND)) {
        s->linked = s->consonant && (s->linked || next & IS_LINKER);
    } else {
        s->consonant = s->linked = false;
    }
}

size_t grapheme_end(const char *text, size_t size, size_t at)
{
    struct state s = {0};

    uint32_t cp = scalar_next(text, &at); /* the macro looks at it twice */

    step(&s, UNICODE_TRIE(break, BREAK, cp));
    while (at < size) {
        size_t next_at = at;
        unsigned next;

        cp = scalar_next(text, &next_at);
        next = UNICODE_TRIE(break, BREAK, cp);

        if (!joins(&s, next))
            break;
        step(&s, next);
        at = next_at;
    }
    return at;
}

bool grapheme_begins(uint32_t cp)
{
    unsigned c = UNICODE_TRIE(break, BREAK, cp) & CLASS_BITS;

    return c == BREAK_OTHER || is_control(c) || c == BREAK_L || c == BREAK_LV || c == BREAK_LVT;
}
