#include "tokenizer/words.h"

#include "tokenizer/scalar.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/words_parts.h"

enum { BATCH = 256 };

struct words_scratch {
    struct word_cache cache;
    struct word_cursor cursor;
    uint32_t ends[BATCH];
    bool parts[BATCH];
    struct short_key keys[BATCH]; /* high 0: a long word */
    uint64_t hashes[BATCH];
    struct tokens tokens; /* of one word */
    struct tokens piece;
    struct pieces pieces;  /* of one word */
    struct pieces section; /* of a section that must be normalized */
    struct buf text;       /* a word as the model sees it */
    uint32_t *places;      /* … and where its bytes came from */
    size_t places_capacity;
    struct buf first; /* the first word with a space before it */
    struct model_scratch *model;
    struct pieces_scratch *program;
};

struct words *words_open(struct image image, const struct token_model *model,
                         const struct program *program, const struct scanner *scanner)
{
    struct words *w = mem_new(struct words);
    size_t size;
    const char *data = image_section(image, IMAGE_WORDS, &size);
    bool ok = size >= sizeof(w->head);

    if (ok)
        memcpy(&w->head, data, sizeof(w->head));
    w->pairs = (const uint64_t *)(const void *)(data + sizeof(w->head));
    w->model = model;
    w->program = program;
    w->scanner = scanner;
    image_identity(image, &w->identity);
    switch ((enum words_family)w->head.family) {
    case WORDS_BYTES:
        ok = ok && scanner && (program || !w->head.nfc);
        break;
    case WORDS_JOINED:
        for (uint32_t c = 0; c < 128; c++)
            w->space_joins[c] = pair_joins(w, c == ' ' ? META : c, META);
        break;
    case WORDS_BERT:
        ok = ok && program;
        break;
    case WORDS_SPACED:
        ok = ok && program && words_find_plain(w);
        break;
    case WORDS_NONE:
        ok = false;
        break;
    }
    if (ok)
        return w;
    free(w);
    return NULL;
}

void words_free(struct words *w) { free(w); }

struct words_scratch *words_scratch_new(size_t max_bytes)
{
    struct words_scratch *s = mem_new(struct words_scratch);

    word_cache_init(&s->cache, max_bytes);
    s->model = model_scratch_new();
    s->program = pieces_scratch_new();
    return s;
}

void words_scratch_free(struct words_scratch *s)
{
    if (!s)
        return;
    word_cache_release(&s->cache);
    tokens_release(&s->tokens);
    tokens_release(&s->piece);
    pieces_release(&s->pieces);
    pieces_release(&s->section);
    buf_release(&s->text);
    buf_release(&s->first);
    free(s->places);
    model_scratch_free(s->model);
    pieces_scratch_free(s->program);
    free(s);
}

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

static bool encode_word(const struct words *w, unsigned owner, const char *word, size_t size,
                        struct words_scratch *s, struct err *err)
{
    s->tokens.n = 0;
    switch ((enum words_family)w->head.family) {
    case WORDS_BYTES:
        if (owner & WORD_PART)
            return token_model_merge(w->model, word, size, s->model, &s->tokens, err);
        return token_model_encode(w->model, word, size, s->model, &s->tokens, err);
    case WORDS_JOINED:
        return encode_joined(w, word, size, s, err);
    default:
        return encode_by_pieces(w, word, size, s, err);
    }
}

/* What is no entry of the cache: *ret tokens hold until the next word. */
static bool find_or_encode(const struct words *w, unsigned owner, const char *word, size_t size,
                           struct short_key key, uint64_t hash, struct words_scratch *s,
                           const struct token **ret, size_t *ret_n, struct err *err)
{
    bool remember = size <= WORD_RECORD_MAX;

    if (remember) {
        *ret = word_find_long(&s->cache, owner, hash, word, size, ret_n);
        if (*ret)
            return true;
    }
    if (!encode_word(w, owner, word, size, s, err))
        return false;
    *ret = s->tokens.items;
    *ret_n = s->tokens.n;
    if (remember && !(key.high && word_put(&s->cache, key, hash, *ret, *ret_n)))
        word_put_long(&s->cache, owner, hash, word, size, *ret, *ret_n);
    return true;
}

/* ---- many words */

static void out_grow(struct words_out *out, size_t more)
{
    size_t capacity = out->capacity ? out->capacity : 256;

    while (capacity - out->n < more)
        capacity *= 2;
    if (capacity == out->capacity && (out->spans || !out->want_spans))
        return;
    out->ids = mem_resize(out->ids, capacity * sizeof(*out->ids));
    if (out->want_spans || out->spans)
        out->spans = mem_resize(out->spans, capacity * sizeof(*out->spans));
    out->capacity = capacity;
}

static inline void out_reserve(struct words_out *out, size_t more)
{
    if (out->capacity - out->n < more || (out->want_spans && !out->spans))
        out_grow(out, more);
}

enum mode { IDS, SPANS, COUNT };

/* Always writes all lanes and moves on by as many as count: no branch depends on how many. */
static inline void emit_entry(const struct word_entry *e, uint32_t at, struct words_out *out,
                              enum mode mode)
{
    if (mode != COUNT)
        for (int i = 0; i < WORD_LANES; i++)
            out->ids[out->n + (size_t)i] = e->lanes[i] & WORD_ID_MASK;
    if (mode == SPANS)
        for (int i = 0; i < WORD_LANES; i++)
            out->spans[out->n + (size_t)i] =
                (struct span){at + (e->lanes[i] >> 21 & 15), at + (e->lanes[i] >> 25 & 15)};
    out->n += word_n(e);
}

static void emit_tokens(const struct token *tokens, size_t n, uint32_t at, struct words_out *out,
                        enum mode mode)
{
    if (mode != COUNT) {
        out_reserve(out, n + (size_t)WORD_LANES * BATCH);
        for (size_t i = 0; i < n; i++)
            out->ids[out->n + i] = tokens[i].id;
    }
    if (mode == SPANS)
        for (size_t i = 0; i < n; i++)
            out->spans[out->n + i] =
                (struct span){at + tokens[i].span.start, at + tokens[i].span.end};
    out->n += n;
}

/* A part is another thing than the same bytes as a word, for models that look for whole words. */
static inline unsigned part_owner(const struct words_scratch *s, size_t i, unsigned owner)
{
    return owner | (s->parts[i] ? WORD_PART : 0);
}

/* Keys and hashes of n words, and their lines on the way to the cache. */
static inline void prepare(const char *text, size_t at, size_t n, unsigned owner,
                           struct words_scratch *s)
{
    for (size_t i = 0; i < n; i++) {
        size_t size = s->ends[i] - at;

        if (size <= SHORT_KEY_MAX) {
            s->keys[i] = word_owned(short_key_padded(text + at, size), part_owner(s, i, owner));
            s->hashes[i] = short_key_hash(s->keys[i]);
            __builtin_prefetch(word_line(&s->cache, s->hashes[i]));
        } else {
            s->keys[i] = (struct short_key){0, 0};
            s->hashes[i] = size <= WORD_RECORD_MAX ? long_key_hash(text + at, size) : 0;
            __builtin_prefetch(&s->cache.places[s->hashes[i] & s->cache.place_mask]);
        }
        at = s->ends[i];
    }
}

/* text[0, size) is a section without its first word if that is special; at counts from base. */
static inline bool encode_from(const struct words *w, unsigned owner, const char *text, size_t size,
                               size_t at, uint32_t base, struct words_scratch *s,
                               struct words_out *out, enum mode mode, struct err *err)
{
    while (at < size) {
        size_t n = words_ends(w, text, size, at, &s->cursor, s->ends, s->parts, BATCH);

        prepare(text, at, n, owner, s);
        if (mode != COUNT)
            out_reserve(out, (size_t)WORD_LANES * BATCH);
        for (size_t i = 0; i < n; i++) {
            const struct word_entry *e = word_find(word_line(&s->cache, s->hashes[i]), s->keys[i]);
            const struct token *tokens;
            size_t n_tokens;

            if (__builtin_expect(!e, 0))
                e = word_find_beside(&s->cache, s->hashes[i], s->keys[i]);
            if (__builtin_expect(e && s->keys[i].high, 1)) {
                emit_entry(e, base + (uint32_t)at, out, mode);
            } else {
                if (!find_or_encode(w, part_owner(s, i, owner), text + at, s->ends[i] - at,
                                    s->keys[i], s->hashes[i], s, &tokens, &n_tokens, err))
                    return false;
                emit_tokens(tokens, n_tokens, base + (uint32_t)at, out, mode);
            }
            at = s->ends[i];
        }
    }
    return true;
}

/* A word that does not lie in the text. */
static bool encode_one(const struct words *w, unsigned owner, const char *word, size_t size,
                       struct words_scratch *s, const struct token **ret, size_t *ret_n,
                       struct err *err)
{
    struct short_key key = {0, 0};
    uint64_t hash = 0;

    if (size <= SHORT_KEY_MAX) {
        const struct word_entry *e;

        key = word_owned(short_key(word, size), owner);
        hash = short_key_hash(key);
        e = word_find(word_line(&s->cache, hash), key);
        if (!e)
            e = word_find_beside(&s->cache, hash, key);
        if (e) {
            s->tokens.n = 0;
            for (unsigned i = 0; i < word_n(e); i++)
                tokens_append(&s->tokens, e->lanes[i] & WORD_ID_MASK, e->lanes[i] >> 21 & 15,
                              e->lanes[i] >> 25 & 15);
            *ret = s->tokens.items;
            *ret_n = s->tokens.n;
            return true;
        }
    } else if (size <= WORD_RECORD_MAX) {
        hash = long_key_hash(word, size);
    }
    return find_or_encode(w, owner, word, size, key, hash, s, ret, ret_n, err);
}

/* JOINED with Prepend: the first word as if a space was before it. */
static bool encode_first(const struct words *w, unsigned owner, const char *text, size_t size,
                         uint32_t base, struct words_scratch *s, struct words_out *out,
                         enum mode mode, struct err *err)
{
    const struct token *tokens;
    size_t n, before = out->n;

    buf_clear(&s->first);
    buf_append_char(&s->first, ' ');
    buf_append(&s->first, text, size);
    if (!encode_one(w, owner, s->first.data, s->first.size, s, &tokens, &n, err))
        return false;
    emit_tokens(tokens, n, base, out, mode);
    for (size_t i = before; mode == SPANS && i < out->n; i++) {
        struct span *span = &out->spans[i];

        /* The "▁" that is not there comes from the first character, says the reference. */
        span->start = span->start > base ? span->start - 1 : base;
        span->end = span->end - 1 > base ? span->end - 1 : base + scalar_size(*text);
    }
    return true;
}

/* BYTES that are not surely composed: as pieces_make() has them, word by word. */
static bool encode_normalized(const struct words *w, unsigned owner, const char *text, size_t size,
                              uint32_t base, struct words_scratch *s, struct words_out *out,
                              enum mode mode, struct err *err)
{
    unsigned flags = PIECES_NO_ADDED | (mode == SPANS ? PIECES_ORIGINS : 0);
    struct pieces *p = &s->section;

    if (!pieces_make(w->program, text, size, flags, s->program, p, err))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        const struct piece *piece = &p->items[i];
        const struct token *tokens;
        size_t n, before = out->n;

        if (!encode_one(w, owner, p->text.data + piece->at, piece->size, s, &tokens, &n, err))
            return false;
        emit_tokens(tokens, n, 0, out, mode);
        for (size_t j = before; mode == SPANS && j < out->n; j++) {
            struct span *span = &out->spans[j];

            *span = (struct span){base + p->origins[piece->at + span->start].start,
                                  base + p->origins[piece->at + span->end - 1].end};
        }
    }
    return true;
}

static inline bool encode_section(const struct words *w, const char *text, size_t size,
                                  uint32_t base, struct words_scratch *s, struct words_out *out,
                                  enum mode mode, struct err *err)
{
    unsigned owner = word_cache_owner(&s->cache, &w->identity);
    size_t first = 0;

    if (size == 0)
        return true;
    s->cursor.i = s->cursor.n = 0;
    s->cursor.within = false;
    if (w->head.nfc && !words_composed(text, size))
        return encode_normalized(w, owner, text, size, base, s, out, mode, err);
    if (w->head.prepend) {
        words_ends(w, text, size, 0, &s->cursor, s->ends, s->parts, 1);
        first = s->ends[0];
        if (!encode_first(w, part_owner(s, 0, owner), text, first, base, s, out, mode, err))
            return false;
    }
    return encode_from(w, owner, text, size, first, base, s, out, mode, err);
}

bool words_encode(const struct words *w, const char *text, size_t at, size_t end,
                  struct words_scratch *scratch, struct words_out *out, struct err *err)
{
    size_t before = out->n;
    bool ok = out->want_spans
                  ? encode_section(w, text + at, end - at, (uint32_t)at, scratch, out, SPANS, err)
                  : encode_section(w, text + at, end - at, (uint32_t)at, scratch, out, IDS, err);

    if (!ok)
        out->n = before;
    return ok;
}

bool words_count(const struct words *w, const char *text, size_t at, size_t end,
                 struct words_scratch *scratch, size_t *ret, struct err *err)
{
    struct words_out out = {0};

    if (!encode_section(w, text + at, end - at, (uint32_t)at, scratch, &out, COUNT, err))
        return false;
    *ret += out.n;
    return true;
}

size_t words_safe_cut(const struct words *w, const char *text, size_t size, size_t from, size_t at)
{
    switch ((enum words_family)w->head.family) {
    case WORDS_BYTES:
        do
            at = scanner_safe_cut(w->scanner, text, size, from, at);
        while (at && w->head.nfc && at < size &&
               !words_composed(text + at, scalar_size(text[at])) && --at > from);
        return at > from ? at : 0;
    case WORDS_JOINED:
        if (w->head.prepend)
            return 0; /* it would come before the second half too */
        for (; at > from && at > 0; at--)
            if (at < size && ((uint8_t)text[at] & 0xc0) != 0x80 && words_cut_between(w, text, at))
                return at;
        return 0;
    case WORDS_BERT:
        for (; at > from; at--)
            if (at < size && text[at] == ' ')
                return at;
        return 0;
    case WORDS_SPACED:
        for (; at > from; at--)
            if (at < size && words_cut_at_space(w, text, size, at))
                return at;
        return 0;
    case WORDS_NONE:
        break;
    }
    return 0;
}
