/* Pre-tokenizers, one after another: ranges of a section's text become smaller ones. */
#include "tokenizer/program.h"

#include "tokenizer/bytelevel.h"
#include "unicode/characters.h"

enum { SCAN_ENDS = 1024 };

void ranges_push(struct ranges *r, size_t at, size_t size)
{
    if (r->n == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 256;
        r->items = mem_resize(r->items, r->capacity * sizeof(*r->items));
    }
    r->items[r->n++] = (struct range){(uint32_t)at, (uint32_t)size};
}

static const char *text_of(const struct pieces_scratch *s)
{
    return s->text.text.data ? s->text.text.data : "";
}

static void next_ranges(struct pieces_scratch *s)
{
    struct ranges t = s->ranges;

    s->ranges = s->next;
    s->next = t;
    s->next.n = 0;
}

/* ---- matches to ranges, by behavior */

struct splitting {
    struct ranges *to;
    enum split_behavior behavior;
    bool invert;
    bool previous;                  /* whether the stretch before was a match */
    size_t first;                   /* the range's first piece in to */
    size_t pending_at, pending_end; /* MERGED_WITH_NEXT: a match that waits for what follows */
    bool pending;
};

/* Empty ones stay until the end: what is merged with them may yet fill them. */
static void put(struct splitting *g, size_t start, size_t end)
{
    ranges_push(g->to, start, end - start);
}

static void extend_last(struct splitting *g, size_t start, size_t end)
{
    if (g->to->n == g->first)
        put(g, start, end);
    else
        g->to->items[g->to->n - 1].size = (uint32_t)(end - g->to->items[g->to->n - 1].at);
}

static void flush_pending(struct splitting *g)
{
    if (g->pending)
        put(g, g->pending_at, g->pending_end);
    g->pending = false;
}

/*
 * The reference walks backwards: a match joins what follows it unless that is a
 * match too, so of a run of matches the last one does.
 */
static void merge_with_next(struct splitting *g, size_t start, size_t end, bool is_match)
{
    if (is_match) {
        flush_pending(g);
        g->pending = true;
        g->pending_at = start;
        g->pending_end = end;
        return;
    }
    put(g, g->pending ? g->pending_at : start, end);
    g->pending = false;
}

static void on_stretch(void *ctx, size_t start, size_t end, bool is_match)
{
    struct splitting *g = ctx;

    is_match ^= g->invert;
    switch (g->behavior) {
    case BEHAVIOR_REMOVED:
        if (!is_match)
            put(g, start, end);
        break;
    case BEHAVIOR_ISOLATED:
        put(g, start, end);
        break;
    case BEHAVIOR_MERGED_WITH_PREVIOUS:
        if (is_match && !g->previous)
            extend_last(g, start, end);
        else
            put(g, start, end);
        break;
    case BEHAVIOR_MERGED_WITH_NEXT:
        merge_with_next(g, start, end, is_match);
        break;
    case BEHAVIOR_CONTIGUOUS:
        if (is_match == g->previous)
            extend_last(g, start, end);
        else
            put(g, start, end);
        break;
    }
    g->previous = is_match;
}

static struct splitting splitting(struct pieces_scratch *s, enum split_behavior behavior,
                                  bool invert)
{
    return (struct splitting){
        .to = &s->next, .behavior = behavior, .invert = invert, .first = s->next.n};
}

/* Empty pieces are none. */
static void end_range(struct splitting *g)
{
    size_t to = g->first;

    flush_pending(g);
    for (size_t i = g->first; i < g->to->n; i++)
        if (g->to->items[i].size)
            g->to->items[to++] = g->to->items[i];
    g->to->n = to;
}

/* ---- by a class of characters */

static void find_chars(struct splitting *g, const char *text, struct range r,
                       bool (*is_match)(uint32_t cp, uint32_t given), uint32_t given)
{
    size_t end = r.at + r.size, last = r.at;

    for (size_t at = r.at; at < end;) {
        size_t begin = at;

        if (!is_match(scalar_next(text, &at), given))
            continue;
        if (last < begin)
            on_stretch(g, last, begin, false);
        on_stretch(g, begin, at, true);
        last = at;
    }
    if (last < end)
        on_stretch(g, last, end, false);
}

static bool is_space(uint32_t cp, uint32_t given)
{
    (void)given;
    return character_classes(cp) & CHARACTER_SPACE;
}
static bool is_punctuation(uint32_t cp, uint32_t given)
{
    (void)given;
    return character_classes(cp) & CHARACTER_PUNCTUATION;
}
static bool is_numeric(uint32_t cp, uint32_t given)
{
    (void)given;
    return character_classes(cp) & CHARACTER_NUMERIC;
}
static bool is_char(uint32_t cp, uint32_t given) { return cp == given; }

static void split_chars(struct pieces_scratch *s, bool (*is_match)(uint32_t cp, uint32_t given),
                        uint32_t given, enum split_behavior behavior)
{
    for (size_t i = 0; i < s->ranges.n; i++) {
        struct splitting g = splitting(s, behavior, false);

        find_chars(&g, text_of(s), s->ranges.items[i], is_match, given);
        end_range(&g);
    }
    next_ranges(s);
}

/* \w+|[^\w\s]+, and what is between goes. */
static void split_whitespace(struct pieces_scratch *s)
{
    const char *text = text_of(s);

    for (size_t i = 0; i < s->ranges.n; i++) {
        struct range r = s->ranges.items[i];
        size_t begin = r.at;
        unsigned last = CHARACTER_SPACE;

        for (size_t at = r.at; at < r.at + r.size;) {
            size_t here = at;
            unsigned class = character_classes(scalar_next(text, &at));

            class = class & CHARACTER_WORD    ? CHARACTER_WORD
                    : class & CHARACTER_SPACE ? CHARACTER_SPACE
                                              : 0;
            if (class != last) {
                if (last != CHARACTER_SPACE)
                    ranges_push(&s->next, begin, here - begin);
                begin = here;
                last = class;
            }
        }
        if (last != CHARACTER_SPACE)
            ranges_push(&s->next, begin, r.at + r.size - begin);
    }
    next_ranges(s);
}

/* ---- by a pattern */

bool program_find_all(const struct pattern *pattern, const char *text, size_t at, size_t end,
                      struct pattern_scratch *scratch,
                      void (*each)(void *ctx, size_t start, size_t end, bool is_match), void *ctx,
                      struct err *err)
{
    const char *begin = text + at;
    size_t size = end - at, from = 0, last = 0;
    bool was_empty_match = false;

    /* The stretch is a text of its own: nothing around it is looked at. */
    while (from <= size) {
        struct span m;
        enum pattern_result found = pattern_find(pattern, begin, size, from, scratch, &m);

        if (found == PATTERN_LIMIT)
            return err_set(err, ERR_COMBINATION,
                           "a pattern of the tokenizer takes too many steps on this text");
        if (found == PATTERN_NONE)
            break;
        was_empty_match = m.start == m.end;
        if (!was_empty_match || m.end != last || last == 0) {
            if (last != m.start)
                each(ctx, at + last, at + m.start, false);
            each(ctx, at + m.start, at + m.end, true);
            last = m.end;
        }
        from = m.end;
        if (was_empty_match)
            from += from < size ? scalar_size(begin[from]) : 1;
    }
    if (last != size)
        each(ctx, at + last, end, false);
    return true;
}

void literal_find_all(struct slice what, const char *text, size_t at, size_t end,
                      void (*each)(void *ctx, size_t start, size_t end, bool is_match), void *ctx)
{
    while (at < end) {
        const char *found = memmem(text + at, end - at, what.data, what.size);

        if (!found)
            break;
        size_t start = (size_t)(found - text);
        if (start != at)
            each(ctx, at, start, false);
        each(ctx, start, start + what.size, true);
        at = start + what.size;
    }
    if (at < end)
        each(ctx, at, end, false);
}

static bool split_pattern(const struct program *p, const struct pretokenizer *step,
                          const struct pattern *pattern, struct pieces_scratch *s, struct err *err)
{
    const struct slice what = {p->strings + step->pattern.what.pattern.at,
                               step->pattern.what.pattern.size};

    for (size_t i = 0; i < s->ranges.n; i++) {
        struct range r = s->ranges.items[i];
        struct splitting g = splitting(s, step->pattern.behavior, step->pattern.invert);

        if (!pattern)
            literal_find_all(what, text_of(s), r.at, r.at + r.size, on_stretch, &g);
        else if (!program_find_all(pattern, text_of(s), r.at, r.at + r.size, s->pattern, on_stretch,
                                   &g, err))
            return false;
        end_range(&g);
    }
    next_ranges(s);
    return true;
}

static void split_scanner(struct pieces_scratch *s, const struct scanner *scanner)
{
    buf_reserve(&s->text.text, 64); /* a scanner reads behind the end */
    for (size_t i = 0; i < s->ranges.n; i++) {
        struct range r = s->ranges.items[i];
        const char *text = text_of(s) + r.at;
        size_t at = 0;

        while (at < r.size) {
            size_t n = scanner_ends(scanner, text, r.size, at, s->ends, SCAN_ENDS);

            for (size_t k = 0; k < n; k++) {
                ranges_push(&s->next, r.at + at, s->ends[k] - at);
                at = s->ends[k];
            }
        }
    }
    next_ranges(s);
}

/* ---- steps that change the text */

/* Every range is written anew by step() to s->other. */
static void rewrite(struct pieces_scratch *s, const void *ctx,
                    void (*step)(const void *ctx, struct transform *t, const char *text))
{
    struct normalized old;

    normalized_begin(&s->other, s->text.tracked, s->text.base);
    for (size_t i = 0; i < s->ranges.n; i++) {
        struct range r = s->ranges.items[i];
        struct transform t = transform_begin(&s->text, r.at, r.at + r.size, &s->other, 0);
        size_t at = s->other.text.size;

        step(ctx, &t, text_of(s));
        ranges_push(&s->next, at, s->other.text.size - at);
    }
    old = s->text;
    s->text = s->other;
    s->other = old;
    next_ranges(s);
}

/* cp takes the place of the first character, which then is added behind it. */
static void put_before(struct transform *t, const char *text, uint32_t cp, uint32_t first)
{
    size_t next = t->at;

    scalar_next(text, &next);
    transform_put(t, cp, 0);
    transform_put(t, first, 1);
    t->at = next;
}

static void prefix_space(const void *ctx, struct transform *t, const char *text)
{
    size_t at = t->at;

    (void)ctx;
    if (t->at < t->end && text[t->at] != ' ')
        put_before(t, text, ' ', scalar_next(text, &at));
    transform_keep(t, t->end - t->at);
}

static void map_bytes(const void *ctx, struct transform *t, const char *text)
{
    (void)ctx;
    for (size_t i = t->at, end = t->end; i < end; i++)
        transform_put(t, bytelevel_char((uint8_t)text[i]), ((uint8_t)text[i] & 0xc0) == 0x80);
}

static bool split_byte_level(const struct program *p, const struct pretokenizer *step,
                             struct pieces_scratch *s)
{
    if (step->byte_level.add_prefix_space)
        rewrite(s, NULL, prefix_space);
    if (step->byte_level.use_regex)
        split_scanner(s, p->byte_level);
    if (!p->head->is_bytes)
        rewrite(s, NULL, map_bytes);
    return true;
}

static bool is_at_begin(const struct transform *t)
{
    return t->from->tracked ? t->from->origins[t->at].start == 0 : t->at == 0;
}

static void mark_spaces(const void *ctx, struct transform *t, const char *text)
{
    const struct metaspace *m = ctx;
    char mark[4];
    size_t size = utf8_encode(m->replacement, mark), at = t->at, end = t->end;
    uint32_t first;

    if (at == end)
        return;
    first = scalar_next(text, &at);
    if (first == ' ')
        first = m->replacement;
    if (first != m->replacement &&
        (m->scheme == PREPEND_ALWAYS || (m->scheme == PREPEND_FIRST && is_at_begin(t))))
        put_before(t, text, m->replacement, first);
    while (t->at < end) {
        const char *space = memchr(text + t->at, ' ', end - t->at);
        size_t until = space ? (size_t)(space - text) : end;

        transform_keep(t, until - t->at);
        if (t->at == end)
            break;
        t->at++;
        transform_add(t, mark, size);
    }
}

static void split_metaspace(const struct pretokenizer *step, struct pieces_scratch *s)
{
    rewrite(s, &step->metaspace, mark_spaces);
    if (step->metaspace.split)
        split_chars(s, is_char, step->metaspace.replacement, BEHAVIOR_MERGED_WITH_NEXT);
}

/* ---- scripts and lengths */

/* What is before the first character with a script of its own goes, as in the reference. */
static void split_scripts(struct pieces_scratch *s)
{
    const char *text = text_of(s);

    for (size_t i = 0; i < s->ranges.n; i++) {
        struct range r = s->ranges.items[i];
        size_t begin = SIZE_MAX, end = r.at + r.size;
        unsigned last = 0;

        for (size_t at = r.at; at < end;) {
            size_t here = at;
            unsigned script = character_script(scalar_next(text, &at));

            if (!script)
                continue;
            if (script != last) {
                if (begin != SIZE_MAX)
                    ranges_push(&s->next, begin, here - begin);
                begin = here;
            }
            last = script;
        }
        if (begin != SIZE_MAX)
            ranges_push(&s->next, begin, end - begin);
    }
    next_ranges(s);
}

static void split_lengths(struct pieces_scratch *s, uint32_t n_chars)
{
    const char *text = text_of(s);

    for (size_t i = 0; i < s->ranges.n; i++) {
        struct range r = s->ranges.items[i];
        size_t begin = r.at, end = r.at + r.size, n = 0;

        for (size_t at = r.at; at < end;) {
            at += scalar_size(text[at]);
            if (++n == n_chars || at == end) {
                ranges_push(&s->next, begin, at - begin);
                begin = at;
                n = 0;
            }
        }
    }
    next_ranges(s);
}

/* ---- all of them */

static bool run(const struct program *p, size_t i, struct pieces_scratch *s, struct err *err)
{
    const struct pretokenizer *step = &p->pretokenizers[i];

    switch (step->kind) {
    case SPLIT_BYTE_LEVEL:
        return split_byte_level(p, step, s);
    case SPLIT_BERT:
        split_chars(s, is_space, 0, BEHAVIOR_REMOVED);
        split_chars(s, is_punctuation, 0, BEHAVIOR_ISOLATED);
        break;
    case SPLIT_METASPACE:
        split_metaspace(step, s);
        break;
    case SPLIT_WHITESPACE:
        split_whitespace(s);
        break;
    case SPLIT_WHITESPACE_SPLIT:
        split_chars(s, is_space, 0, BEHAVIOR_REMOVED);
        break;
    case SPLIT_CHAR_DELIMITER:
        split_chars(s, is_char, step->delimiter, BEHAVIOR_REMOVED);
        break;
    case SPLIT_PATTERN:
        return split_pattern(p, step, p->pretokenizer_patterns[i], s, err);
    case SPLIT_PUNCTUATION:
        split_chars(s, is_punctuation, 0, step->punctuation);
        break;
    case SPLIT_DIGITS:
        split_chars(s, is_numeric, 0,
                    step->individual_digits ? BEHAVIOR_ISOLATED : BEHAVIOR_CONTIGUOUS);
        break;
    case SPLIT_UNICODE_SCRIPTS:
        split_scripts(s);
        break;
    case SPLIT_FIXED_LENGTH:
        split_lengths(s, step->fixed_length);
        break;
    }
    return true;
}

bool split(const struct program *p, struct pieces_scratch *s, struct err *err)
{
    if (p->scanner) {
        split_scanner(s, p->scanner);
        return true;
    }
    for (size_t i = 0; i < p->head->n_pretokenizers; i++)
        if (!run(p, i, s, err))
            return false;
    return true;
}
