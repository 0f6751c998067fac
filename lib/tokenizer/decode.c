#include "base/utf8.h"
#include "tokenizer/decoder.h"

#include <stdio.h>

void decode_state_release(struct decode_state *s)
{
    buf_release(&s->run);
    buf_release(&s->token);
    buf_release(&s->step);
    pattern_scratch_free(s->patterns);
}

void decode_state_clear(struct decode_state *s)
{
    buf_clear(&s->run);
    s->n_stripped = 0;
    s->started = s->front_done = false;
}

/* ---- what is no token */

static bool is_known(const struct tokenizer *t, uint32_t id)
{
    uint32_t size;
    bool is_name;

    return core_added_by_id(&t->core, id) || token_model_bytes(t->model, id, &size, &is_name);
}

/* Names the first few; the reference would drop them silently. */
static bool refuse_unknown(const struct tokenizer *t, const uint32_t *ids, size_t n,
                           struct err *err)
{
    enum { NAMED_MAX = 16 };
    AUTO_BUF struct buf json = {0};
    size_t n_unknown = 0;
    uint32_t first = 0;

    buf_append_char(&json, '[');
    for (size_t i = 0; i < n; i++) {
        if (is_known(t, ids[i]))
            continue;
        if (!n_unknown)
            first = ids[i];
        if (n_unknown++ < NAMED_MAX)
            buf_printf(&json, "%s%u", n_unknown > 1 ? "," : "", ids[i]);
    }
    buf_append_char(&json, ']');
    err_set(err, ERR_FIELD, "ids: no token has id %u%s; the largest is %u", first,
            n_unknown > 1 ? ", and others" : "", t->core.head->id_end - 1);
    err_fact_int(err, "n_unknown", (int64_t)n_unknown);
    return err_fact_json(err, "ids", json.data);
}

/* ---- by table */

enum { COPIED = 16, AT_ONCE = 64 /* tokens between two looks at the room */ };

/* Where the text of one token lies; from NULL: it has to be looked at. */
struct source {
    const char *from;
    uint32_t size, lead; /* lead: 1 when a space comes before it */
};

static struct source listed_source(const struct decode_table *t, uint32_t id)
{
    uint32_t i = id < t->n ? decode_listed(t, id) : NO_ID, offset;

    if (i == NO_ID || t->listed[i] >> LOOK_SHIFT != LOOK_TEXT)
        return (struct source){NULL, 0, 0};
    offset = t->listed[i] & LOOK_OFFSET;
    return (struct source){t->texts + offset, (t->listed[i + 1] & LOOK_OFFSET) - offset, 0};
}

static struct source find_source(const struct decode_table *t, uint32_t id)
{
    uint32_t how = id < t->n_vocab ? t->offsets[id] >> VOCAB_TEXT_SHIFT : HOW_LISTED, at;

    if (how == HOW_LISTED)
        return listed_source(t, id);
    at = (t->offsets[id] & VOCAB_OFFSET) + t->skip[how];
    return (struct source){t->bytes + at, (t->offsets[id + 1] & VOCAB_OFFSET) - at, how & 1};
}

static inline void put(char *to, const char *from, uint32_t size)
{
    memcpy(to, from, COPIED);
    if (__builtin_expect(size > COPIED, 0))
        memcpy(to + COPIED, from + COPIED, size - COPIED);
}

/*
 * Copies texts of at most n tokens, for which there is room at *to, up to one that is listed;
 * returns how many it did. 16 bytes are always written: most tokens are shorter, and a branch on
 * the length would be guessed wrong all the time. So is a space, when any token has one.
 */
__attribute__((always_inline)) static inline size_t
copy_from_vocab(const struct decode_table *t, const uint32_t *ids, size_t n, bool spaces, char **to)
{
    const uint32_t *offsets = t->offsets, n_vocab = t->n_vocab;
    const uint32_t skip[] = {0, t->skip[HOW_SPACED], t->skip[HOW_CUT]};
    const char *bytes = t->bytes;
    char *out = *to;
    size_t i = 0;

    for (; i < n; i++) {
        uint32_t id = ids[i], offset, at, size, lead = 0;
        uint64_t both;

        if (__builtin_expect(id >= n_vocab, 0))
            break;
        memcpy(&both, offsets + id, sizeof(both));
        offset = (uint32_t)both;
        if (__builtin_expect(offset >= (uint32_t)HOW_LISTED << VOCAB_TEXT_SHIFT, 0))
            break;
        at = offset & VOCAB_OFFSET;
        if (spaces) {
            at += skip[offset >> VOCAB_TEXT_SHIFT];
            lead = offset >> VOCAB_TEXT_SHIFT & 1;
            *out = ' ';
            out += lead;
        }
        size = ((uint32_t)(both >> 32) & VOCAB_OFFSET) - at;
        put(out, bytes + at, size);
        out += size;
    }
    *to = out;
    return i;
}

/* Copies texts of tokens until one has to be looked at; returns how many it did. */
__attribute__((always_inline)) static inline size_t copy_texts(const struct decode_table *t,
                                                               const uint32_t *ids, size_t n,
                                                               bool spaces, struct buf *out)
{
    const size_t room = AT_ONCE * (t->longest + 1) + COPIED;
    size_t i = 0;

    while (i < n) {
        size_t end = n - i < AT_ONCE ? n : i + AT_ONCE;
        struct source s;
        char *to;

        if (out->capacity - out->size <= room)
            buf_reserve(out, room + (n - i) * 4);
        to = out->data + out->size;
        i += copy_from_vocab(t, ids + i, end - i, spaces, &to);
        out->size = (size_t)(to - out->data);
        if (i == end)
            continue;
        s = listed_source(t, ids[i]);
        if (!s.from)
            break;
        buf_append(out, s.from, s.size);
        i++;
    }
    if (out->data)
        out->data[out->size] = '\0';
    return i;
}

static size_t copy_plain(const struct decode_table *t, const uint32_t *ids, size_t n,
                         struct buf *out)
{
    return copy_texts(t, ids, n, false, out);
}

static size_t copy_spaced(const struct decode_table *t, const uint32_t *ids, size_t n,
                          struct buf *out)
{
    return copy_texts(t, ids, n, true, out);
}

static inline bool is_byte(const struct decode_table *t, uint32_t id)
{
    return id - t->byte_first < t->n_bytes;
}

/* Takes bytes of ByteFallback into the run; returns how many there were. */
static size_t take_bytes(const struct decode_table *t, const uint32_t *ids, size_t n,
                         struct buf *run)
{
    size_t i = 0;

    while (i < n && is_byte(t, ids[i]))
        i++;
    buf_reserve(run, i);
    for (size_t k = 0; k < i; k++)
        run->data[run->size + k] = (char)(ids[k] - t->byte_first);
    run->size += i;
    run->data[run->size] = '\0';
    return i;
}

static void flush_run(struct decode_state *s, struct buf *out)
{
    if (!s->run.size)
        return;
    if (utf8_valid(s->run.data, s->run.size, NULL))
        buf_append(out, s->run.data, s->run.size);
    else
        for (size_t i = 0; i < s->run.size; i++)
            buf_append(out, "\xef\xbf\xbd", 3);
    buf_clear(&s->run);
}

/* The first token through the steps by itself. */
static bool decode_first(const struct tokenizer *t, uint32_t id, struct decode_state *s,
                         struct buf *out, struct err *err)
{
    buf_clear(&s->token);
    if (!tokenizer_token_name(t, id, &s->token))
        return refuse_unknown(t, &id, 1, err);
    for (uint32_t i = 0; i < t->table.n_steps; i++) {
        struct buf swap;

        buf_clear(&s->step);
        if (!decoder_token(&t->core, i, t->patterns[i], s->patterns, true, false,
                           (struct slice){s->token.data, s->token.size}, &s->step, err))
            return false;
        swap = s->token;
        s->token = s->step;
        s->step = swap;
    }
    int byte = t->table.byte_fallback ? byte_token(s->token.data, s->token.size) : -1;
    if (byte >= 0)
        buf_append_char(&s->run, (char)byte);
    else
        buf_append(out, s->token.data, s->token.size);
    return true;
}

/* One token that has to be looked at. */
static bool decode_one(const struct tokenizer *t, uint32_t id, bool skip_special,
                       struct decode_state *s, struct buf *out, struct err *err)
{
    const struct decode_table *table = &t->table;
    struct source source = find_source(table, id);
    enum decode_look look = LOOK_TEXT;

    if (!source.from) {
        uint32_t i = id < table->n ? decode_listed(table, id) : NO_ID;

        if (i == NO_ID)
            return refuse_unknown(t, &id, 1, err);
        look = (enum decode_look)(table->listed[i] >> LOOK_SHIFT);
        source.from = table->texts + (table->listed[i] & LOOK_OFFSET);
        source.size = (table->listed[i + 1] & LOOK_OFFSET) - (table->listed[i] & LOOK_OFFSET);
    }
    if (skip_special && (look == LOOK_SPECIAL || look == LOOK_SPECIAL_BYTE))
        return true;
    if (table->first_differs && !s->started) {
        s->started = true;
        return decode_first(t, id, s, out, err);
    }
    if (look == LOOK_BYTE || look == LOOK_SPECIAL_BYTE) {
        buf_append_char(&s->run, *source.from);
        return true;
    }
    flush_run(s, out);
    buf_append(out, " ", source.lead);
    buf_append(out, source.from, source.size);
    return true;
}

static void strip_front(const struct tokenizer *t, struct decode_state *s, struct buf *out,
                        size_t begin)
{
    char mark[4];
    size_t size = utf8_encode(t->table.strip, mark), at = begin;

    while (s->n_stripped < t->table.strip_max && out->size - at >= size &&
           memcmp(out->data + at, mark, size) == 0) {
        at += size;
        s->n_stripped++;
    }
    s->front_done = s->n_stripped == t->table.strip_max || at < out->size;
    if (at > begin) {
        memmove(out->data + begin, out->data + at, out->size - at + 1);
        out->size -= at - begin;
    }
}

static bool decode_tokens(const struct tokenizer *t, const uint32_t *ids, size_t n,
                          bool skip_special, struct decode_state *state, struct buf *out,
                          struct err *err)
{
    const struct decode_table *table = &t->table;
    size_t (*copy)(const struct decode_table *t, const uint32_t *ids, size_t n, struct buf *out) =
        table->kind == DECODE_AS_BYTES ? copy_plain : copy_spaced;

    for (size_t i = 0; i < n;) {
        bool plain = state->started || !table->first_differs;

        if (plain) {
            i += take_bytes(table, ids + i, n - i, &state->run);
            if (i < n && state->run.size && find_source(table, ids[i]).from)
                flush_run(state, out);
            if (!state->run.size)
                i += copy(table, ids + i, n - i, out);
        }
        if (i < n && !(plain && is_byte(table, ids[i])) &&
            !decode_one(t, ids[i++], skip_special, state, out, err))
            return false;
    }
    return true;
}

bool decode_some(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special,
                 struct decode_state *state, struct buf *out, struct err *err)
{
    size_t i = 0;

    /* One by one while something may be stripped, so that little moves when it is. */
    for (; i < n && t->table.strip_max && !state->front_done; i++) {
        size_t begin = out->size;

        if (!decode_tokens(t, ids + i, 1, skip_special, state, out, err))
            return false;
        strip_front(t, state, out, begin);
    }
    return decode_tokens(t, ids + i, n - i, skip_special, state, out, err);
}

void decode_rest(const struct tokenizer *t, struct decode_state *state, struct buf *out)
{
    size_t begin = out->size;

    flush_run(state, out);
    if (t->table.strip_max && !state->front_done)
        strip_front(t, state, out, begin);
}

/* ---- any decoder */

static bool decode_chain(const struct tokenizer *t, const uint32_t *ids, size_t n,
                         bool skip_special, struct scratch *scratch, struct buf *out,
                         struct err *err)
{
    struct strings *tokens = scratch->strings[0];

    strings_clear(tokens);
    for (size_t i = 0; i < n; i++) {
        size_t begin = tokens->text.size;

        if (!tokenizer_token_name(t, ids[i], &tokens->text))
            return refuse_unknown(t, ids, n, err);
        if (skip_special &&
            core_is_special_text(&t->core, tokens->text.data + begin, tokens->text.size - begin))
            tokens->text.size = begin;
        else
            strings_end(tokens);
    }
    return decoder_run(&t->core, t->patterns, scratch->decode.patterns, scratch->strings, out, err);
}

static bool decode_by_table(const struct tokenizer *t, const uint32_t *ids, size_t n,
                            bool skip_special, struct scratch *scratch, struct buf *out,
                            struct err *err)
{
    size_t begin = out->size;

    decode_state_clear(&scratch->decode);
    if (!decode_some(t, ids, n, skip_special, &scratch->decode, out, err)) {
        if (err->code != ERR_FIELD)
            return false;
        return refuse_unknown(t, ids, n, err);
    }
    if (t->table.kind == DECODE_AS_TEXT) {
        decode_rest(t, &scratch->decode, out);
        return true;
    }
    if (out->size > begin && !utf8_valid(out->data + begin, out->size - begin, NULL)) {
        buf_clear(&scratch->decoded);
        buf_append(&scratch->decoded, out->data + begin, out->size - begin);
        out->size = begin;
        append_lossy(out, scratch->decoded.data, scratch->decoded.size);
    }
    return true;
}

bool tokenizer_decode(const struct tokenizer *t, const uint32_t *ids, size_t n,
                      const struct decode_options *options, struct scratch *scratch,
                      struct buf *out, struct err *err)
{
    size_t begin = out->size;
    bool ok = t->table.kind == DECODE_AS_CHAIN
                  ? decode_chain(t, ids, n, options->skip_special_tokens, scratch, out, err)
                  : decode_by_table(t, ids, n, options->skip_special_tokens, scratch, out, err);

    if (!ok) {
        out->size = begin;
        if (out->data)
            out->data[begin] = '\0';
        return false;
    }
    if (options->clean_up_spaces)
        clean_up_spaces(out, begin);
    return true;
}
