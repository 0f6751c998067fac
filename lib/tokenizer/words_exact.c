#include "tokenizer/words_parts.h"

/* ---- one word by the exact means; spans are bytes of the word */

/* The word as tokens have it: "▁" for spaces. */
static void spell(const char *word, size_t size, struct buf *out)
{
    buf_clear(out);
    buf_reserve(out, 3 * size);
    for (size_t i = 0; i < size; i++) {
        const char *space = memchr(word + i, ' ', size - i);
        size_t end = space ? (size_t)(space - word) : size;

        buf_append(out, word + i, end - i);
        if (space)
            buf_append(out, "▁", 3);
        i = end;
    }
}

/* Spans of what was spelled become those of the word, in one walk. */
static void respell_spans(const char *word, struct tokens *tokens)
{
    size_t at = 0, spelled = 0; /* where a byte of the word is, and its end there */

    for (size_t i = 0; i < tokens->n; i++) {
        struct span *span = &tokens->items[i].span;
        size_t start;

        for (; spelled + (word[at] == ' ' ? 3 : 1) <= span->start; at++)
            spelled += word[at] == ' ' ? 3 : 1;
        start = at;
        for (; spelled + (word[at] == ' ' ? 3 : 1) < span->end; at++)
            spelled += word[at] == ' ' ? 3 : 1;
        *span = (struct span){(uint32_t)start, (uint32_t)at + 1};
    }
}

/* Everything but spaces is as it is. */
static bool encode_joined(const struct words *w, const char *word, size_t size,
                          struct words_scratch *s, struct err *err)
{
    if (!memchr(word, ' ', size))
        return token_model_encode(w->model, word, size, s->model, &s->tokens, err);
    spell(word, size, &s->text);
    if (!token_model_encode(w->model, s->text.data, s->text.size, s->model, &s->tokens, err))
        return false;
    respell_spans(word, &s->tokens);
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
void words_trim(const struct words *w, const char *word, struct tokens *tokens)
{
    if (!w->trims)
        return;
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

    if (ok)
        words_trim(w, word, &s->tokens);
    return ok;
}

/* White space is nothing; letters of ASCII beyond the limit are unknown, whatever their case. */
static bool encode_bert(const struct words *w, const char *word, size_t size,
                        struct words_scratch *s, struct err *err)
{
    bool plain = size > token_model_word_max(w->model);

    if (words_is_bert_space(word[0]))
        return true;
    for (size_t i = 0; plain && i < size; i++)
        plain = word[i] > ' ' && word[i] < 0x7f;
    if (plain)
        return token_model_encode(w->model, word, size, s->model, &s->tokens, err);
    return encode_by_pieces(w, word, size, s, err);
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
    case WORDS_BERT:
        return encode_bert(w, word, size, s, err);
    default:
        return encode_by_pieces(w, word, size, s, err);
    }
}
