#include "tokenizer/words_parts.h"

/* ---- one word by the exact means; spans are bytes of the word */

/* Spaces become "▁"; everything else is as it is. */
static bool encode_joined(const struct words *w, const char *word, size_t size,
                          struct words_scratch *s, struct err *err)
{
    size_t n = 0;

    if (s->places_capacity < 3 * size + 1) {
        s->places_capacity = 3 * size + 64;
        s->places = mem_resize(s->places, s->places_capacity * sizeof(*s->places));
    }
    buf_clear(&s->text);
    buf_reserve(&s->text, 3 * size);
    for (size_t i = 0; i < size; i++) {
        bool space = word[i] == ' ';

        buf_append(&s->text, space ? "▁" : word + i, space ? 3 : 1);
        while (n < s->text.size)
            s->places[n++] = (uint32_t)i;
    }
    if (!token_model_encode(w->model, s->text.data, n, s->model, &s->tokens, err))
        return false;
    for (size_t i = 0; i < s->tokens.n; i++) {
        struct span *span = &s->tokens.items[i].span;

        span->start = s->places[span->start];
        span->end = s->places[span->end - 1] + 1;
    }
    return true;
}

static bool encode_by_pieces(const struct words *w, const char *word, size_t size,
                             struct words_scratch *s, struct err *err)
{
    if (!pieces_make(w->program, word, size, PIECES_NO_ADDED | PIECES_ORIGINS, s->program,
                     &s->pieces, err))
        return false;
    for (size_t p = 0; p < s->pieces.n; p++) {
        const struct piece *piece = &s->pieces.items[p];
        size_t before = s->tokens.n;

        if (!token_model_encode(w->model, s->pieces.text.data + piece->at, piece->size, s->model,
                                &s->tokens, err))
            return false;
        for (size_t i = before; i < s->tokens.n; i++) {
            struct span *span = &s->tokens.items[i].span;

            *span = (struct span){s->pieces.origins[piece->at + span->start].start,
                                  s->pieces.origins[piece->at + span->end - 1].end};
        }
    }
    return true;
}

/* An empty span is where the token ends, as in the reference. */
static void trim_spans(const char *word, struct tokens *tokens)
{
    for (size_t i = 0; i < tokens->n; i++) {
        struct span *span = &tokens->items[i].span;

        while (span->start < span->end && word[span->start] == ' ')
            span->start++;
        while (span->end > span->start && word[span->end - 1] == ' ')
            span->end--;
    }
}

static bool encode_bytes(const struct words *w, bool part, const char *word, size_t size,
                         struct words_scratch *s, struct err *err)
{
    bool ok = part ? token_model_merge(w->model, word, size, s->model, &s->tokens, err)
                   : token_model_encode(w->model, word, size, s->model, &s->tokens, err);

    if (ok && w->trims)
        trim_spans(word, &s->tokens);
    return ok;
}

bool words_encode_exact(const struct words *w, bool part, const char *word, size_t size,
                        struct words_scratch *s, struct err *err)
{
    s->tokens.n = 0;
    switch ((enum words_family)w->head.family) {
    case WORDS_BYTES:
        return encode_bytes(w, part, word, size, s, err);
    case WORDS_JOINED:
        return encode_joined(w, word, size, s, err);
    default:
        return encode_by_pieces(w, word, size, s, err);
    }
}
