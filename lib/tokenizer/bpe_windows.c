/*
 * BPE of long pieces, window by window.
 *
 * Tokens in a row are what a text becomes when each of them is what its own bytes become, and each
 * two neighbours are what theirs become together: merges happen in the order of ranks wherever
 * they are, so the first one across a border would happen between those two alone, too.
 * (Regular merges only; van Antwerpen and Neubeck, "So many tokens, so little time", 2024.)
 *
 * Windows of a text overlap. Neighbours that two windows have at the same place are what goes
 * from one to the next: then all neighbours are from some window, and so proven. Where there
 * are none the piece is merged as a whole. A window with the bytes of the last one is not
 * merged again, so a run of one character costs little more than the look at it.
 */
#include "tokenizer/model_parts.h"

enum { TOKENS_PER_WINDOW = 8, WINDOW_MIN = 256, WINDOW_MAX = 1 << 14 };

struct window {
    uint32_t at, size; /* in the piece */
    struct tokens *tokens;
};

static bool continues(const char *text, size_t i) { return ((uint8_t)text[i] & 0xc0) == 0x80; }

static bool same_token(const struct window *a, size_t i, const struct window *b, size_t k)
{
    struct token x = a->tokens->items[i], y = b->tokens->items[k];

    return x.id == y.id && a->at + x.span.start == b->at + y.span.start &&
           a->at + x.span.end == b->at + y.span.end;
}

/* Token i of a is k of b, and so are those behind them. False: no two neighbours are alike. */
static bool meet(const struct window *a, size_t *i, const struct window *b, size_t *k)
{
    *k = 0;
    while (*i + 1 < a->tokens->n && *k + 1 < b->tokens->n) {
        uint32_t x = a->at + a->tokens->items[*i].span.start;
        uint32_t y = b->at + b->tokens->items[*k].span.start;

        if (x == y && same_token(a, *i, b, *k) && same_token(a, *i + 1, b, *k + 1))
            return true;
        *i += x <= y;
        *k += y <= x;
    }
    return false;
}

static void emit(const struct window *w, size_t from, size_t to, struct tokens *out)
{
    tokens_reserve(out, to - from);
    for (size_t i = from; i < to; i++) {
        struct token t = w->tokens->items[i];

        out->items[out->n++] = (struct token){t.id, {w->at + t.span.start, w->at + t.span.end}};
    }
}

/* Where a window of that size ends, at a character; size: of the piece. */
static uint32_t window_size(const char *text, size_t size, size_t at, size_t want)
{
    size_t end = at + want;

    if (end >= size)
        return (uint32_t)(size - at);
    while (continues(text, end))
        end--;
    return (uint32_t)(end - at);
}

static bool fill(const struct bpe *m, const struct vocab *v, const char *text,
                 const struct window *last, struct model_scratch *scratch, struct window *w,
                 struct err *err)
{
    w->tokens->n = 0;
    if (last && last->size == w->size && memcmp(text + last->at, text + w->at, w->size) == 0) {
        tokens_reserve(w->tokens, last->tokens->n);
        memcpy(w->tokens->items, last->tokens->items, last->tokens->n * sizeof(struct token));
        w->tokens->n = last->tokens->n;
        return true;
    }
    return bpe_merge_whole(m, v, text + w->at, w->size, scratch, w->tokens, err);
}

/* The token at which the next window begins, in the last quarter and at a character; 0: none. */
static size_t next_begin(const char *text, const struct window *w, size_t first)
{
    size_t j = w->tokens->n - w->tokens->n / 4 - 1;

    while (j > first && continues(text, w->at + w->tokens->items[j].span.start))
        j--;
    return j > first ? j : 0;
}

bool bpe_windows_serve(const struct bpe *m, size_t size)
{
    const uint32_t flags = m->head->flags;

    return size > 2 * WINDOW_MIN && flags & BPE_REGULAR && flags & BPE_ALL_KNOWN &&
           flags & (BPE_BYTES | BPE_FALLBACK) && !m->head->prefix_size && !m->head->suffix_size;
}

bool bpe_merge_windows(const struct bpe *m, const struct vocab *v, const char *text, size_t size,
                       struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    struct window a = {.tokens = &scratch->windows[0]}, b = {.tokens = &scratch->windows[1]};
    size_t begin = out->n, first = 0, want = TOKENS_PER_WINDOW * (size_t)v->head.longest;

    want = want < WINDOW_MIN ? WINDOW_MIN : want > WINDOW_MAX ? WINDOW_MAX : want;
    a.size = window_size(text, size, 0, want);
    if (!fill(m, v, text, NULL, scratch, &a, err))
        return false;
    while (a.at + a.size < size) {
        size_t i = next_begin(text, &a, first), k;
        struct window swap = a;

        if (i) {
            b.at = a.at + a.tokens->items[i].span.start;
            b.size = window_size(text, size, b.at, want);
            if (!fill(m, v, text, &a, scratch, &b, err))
                return false;
        }
        if (!i || !meet(&a, &i, &b, &k)) {
            out->n = begin;
            return bpe_merge_whole(m, v, text, size, scratch, out, err);
        }
        emit(&a, first, i, out);
        first = k;
        a = b;
        b = swap;
    }
    emit(&a, first, a.tokens->n, out);
    return true;
}
