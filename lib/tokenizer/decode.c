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

/*
 * Copies texts of tokens one behind the other until one has to be looked at;
 * returns how many it did. 16 bytes are always copied: most tokens are shorter, and a branch
 * on the length would be guessed wrong all the time.
 */
static size_t copy_texts(const struct decode_table *t, const uint32_t *ids, size_t n,
                         struct buf *out)
{
    size_t i = 0;

    buf_reserve(out, n * 4 + 32);
    char *to = out->data + out->size, *end = out->data + out->capacity - 17;
    for (; i < n; i++) {
        if (ids[i] >= t->n)
            break;
        uint32_t offset = t->offsets[ids[i]], next = t->offsets[ids[i] + 1] & ~DECODE_LOOK;
        if (offset & DECODE_LOOK)
            break;
        size_t size = next - offset;
        if ((size_t)(end - to) < size + 1 || to >= end) {
            out->size = (size_t)(to - out->data);
            buf_reserve(out, (n - i) * 4 + size + 64);
            to = out->data + out->size;
            end = out->data + out->capacity - 17;
        }
        memcpy(to, t->blob + offset, 16);
        if (size > 16)
            memcpy(to + 16, t->blob + offset + 16, size - 16);
        to += size;
    }
    out->size = (size_t)(to - out->data);
    *to = '\0';
    return i;
}

static bool is_plain(const struct decode_table *t, uint32_t id)
{
    return id < t->n && !(t->offsets[id] & DECODE_LOOK);
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
    const char *text = NULL;
    enum decode_look look = LOOK_NONE;
    size_t size = 0;

    if (id < table->n && table->offsets[id] & DECODE_LOOK) {
        text = table->blob + (table->offsets[id] & ~DECODE_LOOK);
        size = (table->offsets[id + 1] & ~DECODE_LOOK) - (table->offsets[id] & ~DECODE_LOOK) - 1;
        look = (enum decode_look) * text++;
        if (look == LOOK_NONE)
            return refuse_unknown(t, &id, 1, err);
        if (skip_special && look != LOOK_BYTE)
            return true;
    } else if (id >= table->n) {
        return refuse_unknown(t, &id, 1, err);
    }
    if (table->first_differs && !s->started) {
        s->started = true;
        return decode_first(t, id, s, out, err);
    }
    if (look == LOOK_BYTE || look == LOOK_SPECIAL_BYTE) {
        buf_append_char(&s->run, *text);
        return true;
    }
    flush_run(s, out);
    if (text)
        buf_append(out, text, size);
    else
        copy_texts(table, &id, 1, out);
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

bool decode_some(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special,
                 struct decode_state *state, struct buf *out, struct err *err)
{
    size_t begin = out->size;

    for (size_t i = 0; i < n;) {
        if (state->run.size && is_plain(&t->table, ids[i]))
            flush_run(state, out);
        if ((state->started || !t->table.first_differs) && !state->run.size)
            i += copy_texts(&t->table, ids + i, n - i, out);
        if (i < n && !decode_one(t, ids[i++], skip_special, state, out, err))
            return false;
    }
    if (t->table.strip_max && !state->front_done)
        strip_front(t, state, out, begin);
    return true;
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
