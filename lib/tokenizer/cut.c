/*
 * Safe cuts: places where the ids of a text are those of its halves, one after
 * the other. A rule is chosen when the tokenizer is compiled, only where it
 * can be proven; everything else is never cut.
 *
 * Proof of CUT_SCANNER: no normalizer, or Unicode normal forms only. The model
 * sees the scanner's pieces one by one, and the scanner says where its pieces end
 * whatever follows. A normal form changes nothing across a place behind which
 * ASCII begins: such a character starts a normalization segment and composes with
 * nothing before it. A prefix space would come before each half, so none is allowed.
 *
 * Proof of CUT_SPACE: between a letter or digit of ASCII and a single space
 * with another one behind it. Normalizers look at a character or a grapheme (all
 * three are graphemes of their own), pre-tokenizers end a word there, and
 * Metaspace gives the second half the ▁ that the space becomes anyway.
 *
 * Added tokens: a place between two bytes that no added token has side by
 * side is inside of none. Those that look at their neighbours or take white
 * space must begin and end with a sign, and the place must be between a letter and a space.
 */
#include "tokenizer/core.h"

static bool only_normal_forms(const struct tokenizer_spec *spec)
{
    for (size_t i = 0; i < spec->n_normalizers; i++)
        if (spec->normalizers[i].kind > NORMALIZE_NFKD)
            return false;
    return true;
}

/* " {2,}" to one space is what XLM-R's kin do; a single space is not touched. */
static bool is_space_run(const struct tokenizer_spec *spec, const struct normalizer *n)
{
    return n->replace.what.regex && n->replace.what.pattern.size == 5 &&
           memcmp(spec_str(spec, n->replace.what.pattern), " {2,}", 5) == 0;
}

static bool normalizes_by_grapheme(const struct tokenizer_spec *spec)
{
    for (size_t i = 0; i < spec->n_normalizers; i++) {
        switch (spec->normalizers[i].kind) {
        case NORMALIZE_NFC:
        case NORMALIZE_NFD:
        case NORMALIZE_NFKC:
        case NORMALIZE_NFKD:
        case NORMALIZE_LOWERCASE:
        case NORMALIZE_STRIP:
        case NORMALIZE_STRIP_ACCENTS:
        case NORMALIZE_NMT:
        case NORMALIZE_BERT:
            continue;
        case NORMALIZE_REPLACE:
            if (is_space_run(spec, &spec->normalizers[i]))
                continue;
            return false;
        case NORMALIZE_PREPEND:
        case NORMALIZE_BYTE_LEVEL:
        case NORMALIZE_PRECOMPILED: /* its map may rewrite ASCII */
            return false;
        }
    }
    return true;
}

/* Each step by itself splits at the space and does the same for a half as for the whole. */
static bool splits_at_space(const struct tokenizer_spec *spec)
{
    bool splits = false;

    for (size_t i = 0; i < spec->n_pretokenizers; i++) {
        const struct pretokenizer *p = &spec->pretokenizers[i];

        switch (p->kind) {
        case SPLIT_BERT:
        case SPLIT_WHITESPACE:
        case SPLIT_WHITESPACE_SPLIT:
            splits = true;
            continue;
        case SPLIT_METASPACE:
            if (p->metaspace.scheme != PREPEND_ALWAYS || !p->metaspace.split)
                return false;
            splits = true;
            continue;
        case SPLIT_PUNCTUATION:
        case SPLIT_DIGITS:
            if (!splits)
                return false;
            continue;
        case SPLIT_BYTE_LEVEL:
        case SPLIT_CHAR_DELIMITER:
        case SPLIT_PATTERN:
        case SPLIT_UNICODE_SCRIPTS:
        case SPLIT_FIXED_LENGTH:
            return false;
        }
    }
    return splits;
}

static bool adds_prefix(const struct tokenizer_spec *spec)
{
    for (size_t i = 0; i < spec->n_pretokenizers; i++)
        if (spec->pretokenizers[i].kind == SPLIT_METASPACE ||
            (spec->pretokenizers[i].kind == SPLIT_BYTE_LEVEL &&
             spec->pretokenizers[i].byte_level.add_prefix_space))
            return true;
    return false;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool is_edge(char c) { return is_word(c) || c <= ' ' /* all that is not ASCII too */; }

/* Of added tokens that look around: some could end or begin at a letter or at white space. */
static bool looks_around_words(const struct tokenizer_spec *spec)
{
    for (size_t i = 0; i < spec->n_added; i++) {
        const struct added_token *a = &spec->added[i];
        const char *text = spec_str(spec, a->content);

        if ((a->lstrip || a->rstrip || a->single_word) && a->content.size &&
            (is_edge(text[0]) || is_edge(text[a->content.size - 1])))
            return true;
    }
    return false;
}

static bool has_added_space(const struct tokenizer_spec *spec)
{
    for (size_t i = 0; i < spec->n_added; i++)
        if (spec->added[i].content.size &&
            memchr(spec_str(spec, spec->added[i].content), ' ', spec->added[i].content.size))
            return true;
    return false;
}

enum cut_rule cut_rule(const struct tokenizer_spec *spec)
{
    if (looks_around_words(spec))
        return CUT_NEVER;
    if (only_normal_forms(spec) && spec->n_pretokenizers && !adds_prefix(spec) &&
        scanner_find(spec, spec->pretokenizers, spec->n_pretokenizers))
        return CUT_SCANNER;
    /* Normalizers may make a token of other text, so no pair of bytes tells. */
    if (normalizes_by_grapheme(spec) && splits_at_space(spec) && !has_added_space(spec))
        return CUT_SPACE;
    return CUT_NEVER;
}

uint8_t *cut_added_pairs(const struct core *c)
{
    uint8_t *pairs;

    if (!c->head->n_added)
        return NULL;
    pairs = mem_alloc(1 << 13);
    for (uint32_t i = 0; i < c->head->n_added; i++) {
        struct slice text = core_text(c, c->added[i].content);

        for (size_t at = 1; at < text.size; at++) {
            unsigned pair = (unsigned)(uint8_t)text.data[at - 1] << 8 | (uint8_t)text.data[at];
            pairs[pair >> 3] |= (uint8_t)(1u << (pair & 7));
        }
    }
    return pairs;
}

/* text[at - 1] and text[at] exist. */
static bool is_clear_of_added(const struct tokenizer *t, const char *text, size_t at)
{
    unsigned pair = (unsigned)(uint8_t)text[at - 1] << 8 | (uint8_t)text[at];

    if (t->added_pairs && t->added_pairs[pair >> 3] & 1u << (pair & 7))
        return false;
    return !t->core.head->added_strip || (is_word(text[at - 1]) && text[at] == ' ');
}

/* Normal forms may join what is not ASCII; and make added tokens of it. */
static bool is_clear_of_normalizers(const struct tokenizer *t, const char *text, size_t at)
{
    return !t->core.head->normalizes || ((uint8_t)text[at - 1] < 0x80 && (uint8_t)text[at] < 0x80);
}

enum { CUT_TRIES = 64 }; /* enough in any text that has words at all */

static size_t cut_by_scanner(const struct tokenizer *t, const char *text, size_t size, size_t from,
                             size_t at)
{
    for (int i = 0; i < CUT_TRIES && at > from; i++) {
        size_t cut = scanner_safe_cut(t->scanner, text, size, from, at);

        if (cut <= from || cut > at)
            return from;
        if (is_clear_of_normalizers(t, text, cut) && is_clear_of_added(t, text, cut))
            return cut;
        at = cut - 1;
    }
    return from;
}

static size_t cut_at_space(const struct tokenizer *t, const char *text, size_t size, size_t from,
                           size_t at)
{
    enum { REACH = 4096 };
    size_t floor = at > REACH && at - REACH > from ? at - REACH : from;

    for (; at > floor; at--)
        if (at + 1 < size && text[at] == ' ' && is_word(text[at - 1]) && is_word(text[at + 1]) &&
            is_clear_of_added(t, text, at))
            return at;
    return from;
}

/* No added token hides from a look at the raw text, or there would be no words. */
static size_t cut_by_words(const struct tokenizer *t, const char *text, size_t size, size_t from,
                           size_t at)
{
    for (int i = 0; i < CUT_TRIES && at > from; i++) {
        size_t cut = words_safe_cut(t->words, text, size, from, at);

        if (cut <= from || cut > at)
            return from;
        if (is_clear_of_added(t, text, cut))
            return cut;
        at = cut - 1;
    }
    return from;
}

size_t tokenizer_safe_cut(const struct tokenizer *t, const char *text, size_t size, size_t from,
                          size_t at)
{
    if (at >= size)
        return size;
    if (!t->wraps_plainly)
        return from;
    if (t->words && !t->core.head->added_strip)
        return cut_by_words(t, text, size, from, at);
    switch ((enum cut_rule)t->core.head->cut) {
    case CUT_SCANNER:
        return t->scanner ? cut_by_scanner(t, text, size, from, at) : from;
    case CUT_SPACE:
        return cut_at_space(t, text, size, from, at);
    case CUT_NEVER:
        break;
    }
    return from;
}
