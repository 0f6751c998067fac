/* Normalizers, one after another over a section. */
#include "tokenizer/program.h"

#include "tokenizer/bytelevel.h"
#include "unicode/characters.h"
#include "unicode/graphemes.h"

static void swap(struct pieces_scratch *s)
{
    struct normalized t = s->text;

    s->text = s->other;
    s->other = t;
}

/* From all of s->text to s->other, which becomes s->text with end(). */
static struct transform begin(struct pieces_scratch *s, size_t n_skipped)
{
    normalized_begin(&s->other, s->text.tracked, s->text.base);
    return transform_begin(&s->text, 0, s->text.text.size, &s->other, n_skipped);
}

static const char *text_of(const struct pieces_scratch *s)
{
    return s->text.text.data ? s->text.text.data : "";
}

/* ---- characters that go, and those that become others */

/* Those for which keep() is false go: each that stays takes along those behind it. */
static void filter(struct pieces_scratch *s, bool (*keep)(uint32_t cp))
{
    const char *text = text_of(s);
    size_t size = s->text.text.size;
    uint32_t last = 0;
    int32_t removed = 0;
    bool any = false;
    struct transform t = begin(s, 0);

    for (size_t at = 0; at < size;) {
        uint32_t cp = scalar_next(text, &at);

        if (!keep(cp)) {
            removed++;
            continue;
        }
        if (any)
            transform_put(&t, last, -removed);
        else
            transform_skip(&t, (size_t)removed);
        last = cp;
        removed = 0;
        any = true;
    }
    if (any)
        transform_put(&t, last, -removed);
    swap(s);
}

static void map(struct pieces_scratch *s, uint32_t (*to)(uint32_t cp))
{
    const char *text = text_of(s);
    size_t size = s->text.text.size;
    struct transform t = begin(s, 0);

    for (size_t at = 0; at < size;)
        transform_put(&t, to(scalar_next(text, &at)), 0);
    swap(s);
}

static bool is_no_mark(uint32_t cp) { return !(character_classes(cp) & CHARACTER_MARK); }
static bool is_no_nonspacing(uint32_t cp)
{
    return !(character_classes(cp) & CHARACTER_NONSPACING);
}
static bool is_space(uint32_t cp) { return character_classes(cp) & CHARACTER_SPACE; }

/* ---- forms */

static void to_form(struct pieces_scratch *s, enum normalization_form form)
{
    struct normalization *n = &s->normalization;

    if (normalization_is_done(form, text_of(s), s->text.text.size))
        return;
    normalization_run(n, form, text_of(s), s->text.text.size);
    struct transform t = begin(s, 0);
    for (size_t i = 0; i < n->n; i++)
        transform_put(&t, n->items[i].cp, n->items[i].change);
    swap(s);
}

static void lowercase(struct pieces_scratch *s)
{
    const char *text = text_of(s);
    size_t size = s->text.text.size;
    struct transform t = begin(s, 0);

    for (size_t at = 0; at < size;) {
        uint32_t to[2];
        size_t n = character_lower(scalar_next(text, &at), to);

        for (size_t i = 0; i < n; i++)
            transform_put(&t, to[i], i > 0);
    }
    swap(s);
}

/* ---- ends */

static void strip(struct pieces_scratch *s, bool left, bool right)
{
    const char *text = text_of(s);
    size_t size = s->text.text.size, first = 0, last = size, n_left = 0, n_right = 0;

    while (left && first < size) {
        size_t next = first;

        if (!is_space(scalar_next(text, &next)))
            break;
        first = next;
        n_left++;
    }
    while (right && last > first) {
        size_t before = last, at;

        do
            before--;
        while (((uint8_t)text[before] & 0xc0) == 0x80);
        at = before;
        if (!is_space(scalar_next(text, &at)))
            break;
        last = before;
        n_right++;
    }
    if (!n_left && !n_right)
        return;
    struct transform t = begin(s, n_left);
    for (size_t at = first; at < last;) {
        uint32_t cp = scalar_next(text, &at);

        transform_put(&t, cp, at == last ? -(int32_t)n_right : 0);
    }
    swap(s);
}

static void prepend(struct pieces_scratch *s, const char *what, size_t size)
{
    size_t at = 0, next = 0;
    struct transform t;
    uint32_t first;

    if (s->text.text.size == 0 || size == 0)
        return;
    first = scalar_next(text_of(s), &next);
    t = begin(s, 0);
    for (bool is_first = true; at < size; is_first = false)
        transform_put(&t, scalar_next(what, &at), !is_first);
    transform_put(&t, first, 1);
    t.at = next;
    transform_keep(&t, s->text.text.size - next);
    swap(s);
}

/* ---- Replace */

struct replacing {
    struct transform t;
    const char *with;
    size_t size;
};

static void on_stretch(void *ctx, size_t start, size_t end, bool is_match)
{
    struct replacing *r = ctx;

    if (!is_match) {
        transform_keep(&r->t, end - start);
        return;
    }
    r->t.at = end;
    transform_add(&r->t, r->with, r->size);
}

static bool replace(struct pieces_scratch *s, const struct program *p, const struct normalizer *n,
                    const struct pattern *pattern, struct err *err)
{
    struct slice what = {p->strings + n->replace.what.pattern.at, n->replace.what.pattern.size};
    struct replacing r = {.with = p->strings + n->replace.with.at, .size = n->replace.with.size};
    size_t size = s->text.text.size;

    if (!size || (!pattern && !memmem(text_of(s), size, what.data, what.size)))
        return true;
    r.t = begin(s, 0);
    if (pattern) {
        if (!program_find_all(pattern, text_of(s), 0, size, s->pattern, on_stretch, &r, err))
            return false;
    } else {
        literal_find_all(what, text_of(s), 0, size, on_stretch, &r);
    }
    swap(s);
    return true;
}

/* ---- Nmt */

static bool nmt_keeps(uint32_t cp)
{
    return !((cp >= 0x1 && cp <= 0x8) || cp == 0xb || (cp >= 0xe && cp <= 0x1f) || cp == 0x7f ||
             cp == 0x8f || cp == 0x9f);
}

static uint32_t nmt_space(uint32_t cp)
{
    switch (cp) {
    case 0x9:
    case 0xa:
    case 0xc:
    case 0xd:
    case 0x1680:
    case 0x200b ... 0x200f:
    case 0x2028:
    case 0x2029:
    case 0x2581:
    case 0xfeff:
    case 0xfffd:
        return ' ';
    default:
        return cp;
    }
}

/* ---- ByteLevel */

static void byte_level(struct pieces_scratch *s)
{
    const char *text = text_of(s);
    size_t size = s->text.text.size;
    struct transform t = begin(s, 0);

    for (size_t i = 0; i < size; i++)
        transform_put(&t, bytelevel_char((uint8_t)text[i]), ((uint8_t)text[i] & 0xc0) == 0x80);
    swap(s);
}

/* ---- Bert */

static bool bert_keeps(uint32_t cp)
{
    if (cp == '\t' || cp == '\n' || cp == '\r')
        return true;
    return cp != 0 && cp != 0xfffd && !(character_classes(cp) & CHARACTER_OTHER);
}

static uint32_t bert_space(uint32_t cp) { return is_space(cp) ? ' ' : cp; }

/* With the hole of the reference at U+2B820 to U+2B91F. */
static bool is_chinese(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
        {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f},
    };

    for (size_t i = 0; cp >= ranges[0].first && i < ARRAY_SIZE(ranges); i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}

static void space_chinese(struct pieces_scratch *s)
{
    const char *text = text_of(s);
    size_t size = s->text.text.size;
    struct transform t = begin(s, 0);

    for (size_t at = 0; at < size;) {
        uint32_t cp = scalar_next(text, &at);

        if (!is_chinese(cp)) {
            transform_put(&t, cp, 0);
            continue;
        }
        transform_put(&t, ' ', 0);
        transform_put(&t, cp, 1);
        transform_put(&t, ' ', 1);
    }
    swap(s);
}

static void bert(struct pieces_scratch *s, const struct normalizer *n)
{
    if (n->bert.clean_text) {
        filter(s, bert_keeps);
        map(s, bert_space);
    }
    if (n->bert.handle_chinese_chars)
        space_chinese(s);
    if (n->bert.strip_accents) {
        to_form(s, FORM_NFD);
        filter(s, is_no_nonspacing);
    }
    if (n->bert.lowercase)
        lowercase(s);
}

/* ---- Precompiled */

/* The last character is held back: what goes behind it may yet change how it came about. */
struct held {
    struct transform t;
    uint32_t cp;
    int32_t change;
    bool any;
};

static void hold(struct held *h, uint32_t cp, int32_t change)
{
    if (h->any)
        transform_put(&h->t, h->cp, h->change);
    h->cp = cp;
    h->change = change;
    h->any = true;
}

/* As the reference counts what takes the place of n_old characters. */
static void put_replacement(struct held *h, struct slice with, size_t n_old)
{
    size_t n_new = 0;

    for (size_t at = 0; at < with.size; n_new++)
        hold(h, scalar_next(with.data, &at), n_new >= n_old);
    if (n_new < n_old) /* before the first one nothing takes them along */
        h->change -= (int32_t)(n_old - n_new);
}

static size_t count(const char *text, size_t size)
{
    size_t n = 0;

    for (size_t at = 0; at < size; at += scalar_size(text[at]))
        n++;
    return n;
}

static void precompiled(struct pieces_scratch *s, const struct charsmap *m)
{
    enum { WHOLE_MAX = 6 }; /* bytes of a cluster that is looked up as one: fewer */
    const char *text = text_of(s);
    size_t size = s->text.text.size;
    struct held h = {.t = begin(s, 0)};
    bool changed = false;
    struct slice with;

    for (size_t at = 0, end; at < size; at = end) {
        end = grapheme_end(text, size, at);
        if (end - at < WHOLE_MAX && charsmap_find(m, text + at, end - at, &with)) {
            put_replacement(&h, with, count(text + at, end - at));
            changed = true;
            continue;
        }
        for (size_t from = at, next; from < end; from = next) {
            next = from + scalar_size(text[from]);
            if (charsmap_find(m, text + from, next - from, &with)) {
                put_replacement(&h, with, 1);
                changed = true;
            } else {
                size_t cp_at = from;

                hold(&h, scalar_next(text, &cp_at), 0);
            }
        }
    }
    if (h.any)
        transform_put(&h.t, h.cp, h.change);
    if (changed)
        swap(s);
}

/* As SentencePiece itself: the longest that is in the map, wherever it begins. */
static void precompiled_longest(struct pieces_scratch *s, const struct charsmap *m)
{
    const char *text = text_of(s);
    size_t size = s->text.text.size, used;
    struct held h = {.t = begin(s, 0)};
    struct slice with;

    for (size_t at = 0; at < size; at += used) {
        used = charsmap_longest(m, text + at, size - at, &with);
        if (used) {
            put_replacement(&h, with, count(text + at, used));
        } else {
            size_t next = at;

            hold(&h, scalar_next(text, &next), 0);
            used = next - at;
        }
    }
    if (h.any)
        transform_put(&h.t, h.cp, h.change);
    swap(s);
}

/* ---- all of them */

static bool run(const struct program *p, size_t i, struct pieces_scratch *s, struct err *err)
{
    const struct normalizer *n = &p->normalizers[i];

    switch (n->kind) {
    case NORMALIZE_NFC:
    case NORMALIZE_NFD:
    case NORMALIZE_NFKC:
    case NORMALIZE_NFKD:
        to_form(s, (enum normalization_form)(n->kind - NORMALIZE_NFC));
        break;
    case NORMALIZE_LOWERCASE:
        lowercase(s);
        break;
    case NORMALIZE_STRIP:
        strip(s, n->strip.left, n->strip.right);
        break;
    case NORMALIZE_STRIP_ACCENTS:
        filter(s, is_no_mark);
        break;
    case NORMALIZE_REPLACE:
        return replace(s, p, n, p->normalizer_patterns[i], err);
    case NORMALIZE_PREPEND:
        prepend(s, p->strings + n->prepend.at, n->prepend.size);
        break;
    case NORMALIZE_NMT:
        filter(s, nmt_keeps);
        map(s, nmt_space);
        break;
    case NORMALIZE_BYTE_LEVEL:
        byte_level(s);
        break;
    case NORMALIZE_BERT:
        bert(s, n);
        break;
    case NORMALIZE_PRECOMPILED:
        if (n->charsmap.longest)
            precompiled_longest(s, &p->charsmaps[i]);
        else
            precompiled(s, &p->charsmaps[i]);
        break;
    }
    return true;
}

bool normalize(const struct program *p, struct pieces_scratch *s, struct err *err)
{
    for (size_t i = 0; i < p->head->n_normalizers; i++)
        if (!run(p, i, s, err))
            return false;
    return true;
}
