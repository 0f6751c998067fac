#include "tokenizer/words.h"

#include "tokenizer/scalar.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/words_parts.h"

struct words *words_open(struct image image, const struct token_model *model,
                         const struct program *program, const struct scanner *scanner, bool trims)
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
    w->trims = trims;
    image_identity(image, &w->identity);
    switch ((enum words_family)w->head.family) {
    case WORDS_BYTES:
        ok = ok && scanner && (program || !w->head.nfc);
        break;
    case WORDS_JOINED:
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
    if (trims) /* white space of tokens is what it is in the text, as long as that is not changed */
        ok = ok && w->head.family == WORDS_BYTES && !w->head.nfc;
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
    pieces_release(&s->pieces);
    pieces_release(&s->section);
    buf_release(&s->text);
    buf_release(&s->first);
    free(s->places);
    model_scratch_free(s->model);
    pieces_scratch_free(s->program);
    free(s);
}

/* ---- keys */

/*
 * By size, what of the 16 bytes at a word is its key, and the tag that makes it one: owner
 * and size. The last is for words that are longer: the key is none that is ever stored.
 */
static void shape_keys(struct words_scratch *s, unsigned owner)
{
    if (s->shaped_for == owner)
        return;
    s->shaped_for = owner;
    for (unsigned part = 0; part < 2; part++)
        for (unsigned size = 0; size <= SHORT_KEY_MAX + 1; size++) {
            static const char ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                          -1, -1, -1, -1, -1, -1, -1, -1};
            struct short_key mask = short_key(ones, size <= SHORT_KEY_MAX ? size : 0);
            struct key_shape *shape = &s->shapes[part][size];

            mask.high &= UINT64_MAX >> 8;
            *shape = (struct key_shape){mask, 1};
            if (size <= SHORT_KEY_MAX)
                shape->tag = word_owned((struct short_key){0, (uint64_t)size << 56},
                                        owner | (part ? WORD_PART : 0))
                                 .high;
        }
}

/* Reads 16 bytes. */
static inline struct short_key shaped_key(const struct key_shape *shapes, const char *p,
                                          size_t size)
{
    const struct key_shape *shape =
        &shapes[size <= SHORT_KEY_MAX ? size : (size_t)SHORT_KEY_MAX + 1];

    return (struct short_key){load_u64(p) & shape->mask.low,
                              (load_u64(p + 8) & shape->mask.high) | shape->tag};
}

/* ---- what comes out */

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

/* There is always room for what the entries of a batch write. */
enum { ROOM = WORD_LANES * WORDS_BATCH };

static inline void out_reserve(struct words_out *out, size_t more)
{
    if (out->capacity - out->n < more || (out->want_spans && !out->spans))
        out_grow(out, more);
}

void words_out_add(struct words_out *out, uint32_t id, struct span span)
{
    out_reserve(out, 1);
    out->ids[out->n] = id;
    if (out->want_spans)
        out->spans[out->n] = span;
    out->n++;
}

enum mode { IDS, SPANS, COUNT };

typedef uint32_t word_lanes __attribute__((vector_size(4 * WORD_LANES)));

/* Always writes all lanes; returns how many count: no branch depends on it. */
static inline unsigned put_entry(const struct word_entry *e, uint32_t at, uint32_t *ids,
                                 struct span *spans, enum mode mode)
{
    word_lanes lanes;

    memcpy(&lanes, e->lanes, sizeof(lanes));
    if (mode != COUNT) {
        word_lanes only = lanes & WORD_ID_MASK;

        memcpy(ids, &only, sizeof(only));
    }
    if (mode == SPANS) {
        word_lanes start = at + (lanes >> 21 & 15), end = at + (lanes >> 25 & 15);
        word_lanes first = __builtin_shufflevector(start, end, 0, 4, 1, 5);
        word_lanes second = __builtin_shufflevector(start, end, 2, 6, 3, 7);

        memcpy(spans, &first, sizeof(first));
        memcpy(spans + 2, &second, sizeof(second));
    }
    return word_n(e);
}

static void emit_entry(const struct word_entry *e, uint32_t at, struct words_out *out,
                       enum mode mode)
{
    if (mode != COUNT)
        out_reserve(out, ROOM);
    out->n += put_entry(e, at, out->ids + out->n, out->spans + out->n, mode);
}

static void emit_tokens(const struct token *tokens, size_t n, uint32_t at, struct words_out *out,
                        enum mode mode)
{
    if (mode != COUNT) {
        out_reserve(out, n + ROOM);
        for (size_t i = 0; i < n; i++)
            out->ids[out->n + i] = tokens[i].id;
    }
    if (mode == SPANS)
        for (size_t i = 0; i < n; i++)
            out->spans[out->n + i] =
                (struct span){at + tokens[i].span.start, at + tokens[i].span.end};
    out->n += n;
}

/* ---- words that are not in their line */

/* What goes along from word to word. Offsets in text count from base. */
struct run {
    const struct words *w;
    const char *text;
    uint32_t base;
    unsigned owner;
    enum mode mode;
    struct words_scratch *s;
    struct words_out *out;
    struct err *err;
};

/* *ret tokens hold until the next word. key.high 0: the word is long. */
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
    if (!words_encode_exact(w, owner & WORD_PART, word, size, s, err))
        return false;
    *ret = s->tokens.items;
    *ret_n = s->tokens.n;
    if (remember && !(key.high && word_put(&s->cache, key, hash, *ret, *ret_n)))
        word_put_long(&s->cache, owner, hash, word, size, *ret, *ret_n);
    return true;
}

static bool run_exact(const struct run *r, unsigned owner, size_t at, size_t end,
                      struct short_key key, uint64_t hash)
{
    const struct token *tokens;
    size_t n;

    if (!find_or_encode(r->w, owner, r->text + at, end - at, key, hash, r->s, &tokens, &n, r->err))
        return false;
    emit_tokens(tokens, n, r->base + (uint32_t)at, r->out, r->mode);
    return true;
}

static bool run_long(const struct run *r, unsigned owner, size_t at, size_t end)
{
    size_t size = end - at;

    return run_exact(r, owner, at, end, (struct short_key){0, 0},
                     size <= WORD_RECORD_MAX ? long_key_hash(r->text + at, size) : 0);
}

static bool run_short(const struct run *r, unsigned part, size_t at, size_t end)
{
    struct words_scratch *s = r->s;
    struct short_key key = shaped_key(s->shapes[part], r->text + at, end - at);
    uint64_t hash = short_key_hash(key);
    const struct word_entry *e = word_find(word_line(&s->cache, hash), key);

    if (!e)
        e = word_find_beside(&s->cache, hash, key);
    if (!e)
        return run_exact(r, r->owner | (part ? WORD_PART : 0), at, end, key, hash);
    emit_entry(e, r->base + (uint32_t)at, r->out, r->mode);
    return true;
}

/*
 * Long words are cut further where no token goes across. The parts are another thing
 * than the same bytes as a word, for models that look for whole words.
 */
static bool run_cut(const struct run *r, size_t at, size_t end, size_t cut)
{
    for (;;) {
        bool ok = cut - at <= SHORT_KEY_MAX ? run_short(r, 1, at, cut)
                                            : run_long(r, r->owner | WORD_PART, at, cut);

        if (!ok || cut == end)
            return ok;
        at = cut;
        cut = words_cut_bytes(r->w, r->text, at, end);
    }
}

static __attribute__((noinline)) bool run_word(const struct run *r, size_t at, size_t end)
{
    size_t cut = end;

    if (end - at <= SHORT_KEY_MAX)
        return run_short(r, 0, at, end);
    if (r->w->head.family == WORDS_BYTES && r->w->head.pair_bits)
        cut = words_cut_bytes(r->w, r->text, at, end);
    return cut < end ? run_cut(r, at, end, cut) : run_long(r, r->owner, at, end);
}

/* ---- many words */

/* Keys and hashes of n words, and their lines on the way to the cache. */
static inline void prepare(const char *text, size_t at, size_t n, struct words_scratch *s)
{
    for (size_t i = 0; i < n; i++) {
        size_t end = s->ends[i];
        struct short_key key = shaped_key(s->shapes[0], text + at, end - at);
        uint64_t hash = short_key_hash(key);

        s->keys[i] = key;
        s->hashes[i] = hash;
        __builtin_prefetch(word_line(&s->cache, hash));
        at = end;
    }
}

static inline bool is_entry(const struct word_entry *e, struct short_key k)
{
    return ((e->key.low ^ k.low) | (e->key.high ^ k.high)) == 0;
}

/* The section from at on. */
static inline bool run_words(const struct run *r, size_t size, size_t at, enum mode mode)
{
    struct words_scratch *s = r->s;
    struct words_out *out = r->out;

    while (at < size) {
        size_t n = words_ends(r->w, r->text, size, at, s->ends, WORDS_BATCH), n_out;

        prepare(r->text, at, n, s);
        if (mode != COUNT)
            out_reserve(out, ROOM);
        n_out = out->n;
        for (size_t i = 0; i < n; i++) {
            const struct word_entry *e = word_line(&s->cache, s->hashes[i]);
            size_t end = s->ends[i];

            e += !is_entry(e, s->keys[i]); /* which of the two is not foreseen: no branch */
            if (__builtin_expect(is_entry(e, s->keys[i]), 1)) {
                n_out += put_entry(e, r->base + (uint32_t)at, out->ids + n_out, out->spans + n_out,
                                   mode);
            } else {
                out->n = n_out;
                if (!run_word(r, at, end))
                    return false;
                n_out = out->n;
                if (mode != COUNT)
                    out_reserve(out, ROOM);
            }
            at = end;
        }
        out->n = n_out;
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
    const struct run run = {w, text, base, owner, mode, s, out, err};
    uint32_t first = 0;

    if (size == 0)
        return true;
    if (w->head.nfc && !words_composed(text, size))
        return encode_normalized(w, owner, text, size, base, s, out, mode, err);
    shape_keys(s, owner);
    if (w->head.prepend) {
        words_ends(w, text, size, 0, &first, 1);
        if (!encode_first(w, owner, text, first, base, s, out, mode, err))
            return false;
    }
    return run_words(&run, size, first, mode);
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
