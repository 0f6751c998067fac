#include "tokenizer/decode_table.h"
#include "tokenizer/core.h"
#include "tokenizer/decoder.h"

/* Steps from `at` on that look at each token by itself; *ret_differs: the first one apart. */
static uint32_t token_steps(const struct core *c, bool *ret_differs)
{
    uint32_t n = 0;

    for (; n < c->head->n_decoders; n++) {
        switch (c->decoders[n].kind) {
        case DECODE_WORDPIECE:
        case DECODE_METASPACE:
            *ret_differs = true;
            continue;
        case DECODE_STRIP:
        case DECODE_REPLACE:
            continue;
        case DECODE_BYTE_LEVEL:
        case DECODE_BPE:
        case DECODE_BYTE_FALLBACK:
        case DECODE_FUSE:
        case DECODE_CTC:
            return n;
        }
    }
    return n;
}

void decode_table_plan(const struct core *c, struct decode_table *ret)
{
    const struct decoder *d = c->decoders;
    uint32_t n = c->head->n_decoders, at;

    ret->kind = DECODE_AS_CHAIN;
    if (!c->head->has_decoder) {
        ret->kind = DECODE_AS_TEXT;
        ret->first_differs = true;
        return;
    }
    if (n && d[0].kind == DECODE_BYTE_LEVEL) {
        if (n == 1 || (n == 2 && d[1].kind == DECODE_FUSE))
            ret->kind = DECODE_AS_BYTES;
        return;
    }
    at = ret->n_steps = token_steps(c, &ret->first_differs);
    if (at < n && d[at].kind == DECODE_BYTE_FALLBACK) {
        ret->byte_fallback = true;
        at++;
    }
    if (at < n && d[at].kind == DECODE_FUSE) {
        at++;
        if (at < n && d[at].kind == DECODE_STRIP && !d[at].strip.stop) {
            ret->strip = d[at].strip.content;
            ret->strip_max = d[at].strip.start;
            at++;
        }
    }
    if (at == n)
        ret->kind = DECODE_AS_TEXT;
}

struct table_maker {
    const struct core *core;
    struct pattern **patterns;
    struct pattern_scratch *scratch;
    struct decode_table plan;
    struct buf token, step[2];
    uint64_t *specials; /* bit per id: entries of the vocabulary named as a special token */
};

/* The token in maker->token through the steps; the result is in step[0]. */
static bool make_text(struct table_maker *m, struct err *err)
{
    buf_clear(&m->step[0]);
    buf_append(&m->step[0], m->token.data, m->token.size);
    if (!m->core->head->has_decoder) {
        buf_clear(&m->step[0]);
        buf_append_char(&m->step[0], ' ');
        buf_append(&m->step[0], m->token.data, m->token.size);
    }
    for (uint32_t i = 0; i < (m->plan.kind == DECODE_AS_BYTES ? 1 : m->plan.n_steps); i++) {
        struct buf swap;

        buf_clear(&m->step[1]);
        if (!decoder_token(m->core, i, m->patterns[i], m->scratch, false, false,
                           (struct slice){m->step[0].data, m->step[0].size}, &m->step[1], err))
            return false;
        swap = m->step[0];
        m->step[0] = m->step[1];
        m->step[1] = swap;
    }
    return true;
}

static bool make_entry(struct table_maker *m, const struct token_model *model, uint32_t id,
                       struct buf *blob, uint32_t *ret_offset, struct err *err)
{
    const struct core_added *added = core_added_by_id(m->core, id);
    uint32_t size = 0;
    bool is_name = false, special;
    const char *bytes;
    int byte = -1;

    *ret_offset = (uint32_t)blob->size;
    buf_clear(&m->token);
    if (added) {
        struct slice text = core_text(m->core, added->name);
        buf_append(&m->token, text.data, text.size);
    } else if (m->plan.kind == DECODE_AS_BYTES && token_model_is_bytes(model) &&
               !(m->specials[id / 64] >> id % 64 & 1) &&
               (bytes = token_model_bytes(model, id, &size, &is_name)) && !is_name) {
        buf_append(blob, bytes, size);
        return true;
    } else if (!token_model_name(model, id, &m->token)) {
        *ret_offset |= DECODE_LOOK;
        buf_append_char(blob, LOOK_NONE);
        return true;
    }
    special = added ? core_is_special_text(m->core, m->token.data, m->token.size)
                    : m->specials[id / 64] >> id % 64 & 1;
    if (!make_text(m, err))
        return false;
    if (m->plan.byte_fallback)
        byte = byte_token(m->step[0].data, m->step[0].size);
    if (special || byte >= 0) {
        *ret_offset |= DECODE_LOOK;
        buf_append_char(blob, special ? byte >= 0 ? LOOK_SPECIAL_BYTE : LOOK_SPECIAL : LOOK_BYTE);
    }
    if (byte >= 0)
        buf_append_char(blob, (char)byte);
    else
        buf_append(blob, m->step[0].data, m->step[0].size);
    return true;
}

static uint64_t *find_specials(const struct core *c, const struct token_model *model)
{
    uint64_t *bits = mem_new_array(c->head->id_end / 64 + 1, uint64_t);

    for (uint32_t i = 0; i < c->head->n_specials; i++) {
        struct slice name = core_text(c, c->specials[i]);
        uint32_t id = token_model_id(model, name.data, name.size);

        if (id < c->head->id_end)
            bits[id / 64] |= UINT64_C(1) << id % 64;
    }
    return bits;
}

bool decode_table_compile(const struct core *c, const struct token_model *model,
                          struct pattern **patterns, struct buf *out, struct err *err)
{
    struct table_maker m = {.core = c, .patterns = patterns};
    AUTO_BUF struct buf blob = {0};
    uint32_t n = c->head->id_end;
    AUTO_FREE uint32_t *offsets = mem_new_array((size_t)n + 1, uint32_t);
    bool ok = true;

    decode_table_plan(c, &m.plan);
    if (m.plan.kind == DECODE_AS_CHAIN)
        return true;
    m.scratch = pattern_scratch_new();
    m.specials = find_specials(c, model);
    for (uint32_t id = 0; id < n && ok; id++) {
        ok = make_entry(&m, model, id, &blob, &offsets[id], err);
        if (ok && blob.size > DECODE_LOOK - TOKEN_SIZE_MAX)
            ok = err_set(err, ERR_COMBINATION, "decoder: the texts of all tokens are over 2 GB");
    }
    offsets[n] = (uint32_t)blob.size;
    if (ok) {
        static const char padding[DECODE_PADDING];

        buf_append(out, offsets, ((size_t)n + 1) * sizeof(*offsets));
        buf_append(out, blob.data, blob.size);
        buf_append(out, padding, sizeof(padding));
    }
    pattern_scratch_free(m.scratch);
    free(m.specials);
    buf_release(&m.token);
    buf_release(&m.step[0]);
    buf_release(&m.step[1]);
    return ok;
}

bool decode_table_open(const void *data, size_t size, struct decode_table *t, struct err *err)
{
    size_t head = ((size_t)t->n + 1) * sizeof(*t->offsets);

    if (t->kind == DECODE_AS_CHAIN)
        return true;
    if (size < head + DECODE_PADDING)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: the texts of tokens are cut short");
    t->offsets = data;
    t->blob = (const char *)data + head;
    return true;
}
