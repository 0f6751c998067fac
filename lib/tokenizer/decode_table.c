#include "tokenizer/decode_table.h"

#include "base/utf8.h"
#include "tokenizer/bits.h"
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

/* What the decoders allow. */
static void plan(const struct core *c, struct decode_table *ret)
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

/* How much of a token a space, or nothing, stands for: what most tokens of such decoders need. */
static void plan_skips(const struct core *c, uint32_t skip[3])
{
    const struct decoder *d = c->decoders;
    char mark[4];

    if (!c->head->n_decoders)
        return;
    if (d->kind == DECODE_WORDPIECE)
        skip[HOW_CUT] = d->wordpiece.prefix.size;
    else if (d->kind == DECODE_METASPACE)
        skip[HOW_SPACED] = (uint32_t)utf8_encode(d->metaspace.replacement, mark);
    else if (d->kind == DECODE_REPLACE)
        skip[HOW_SPACED] = d->replace.what.pattern.size;
}

/* Head of TEXTS; blocks, offsets and texts follow. */
struct texts_head {
    uint32_t n_listed, byte_first, n_bytes, unused;
};

struct maker {
    const struct core *core;
    struct pattern **patterns;
    struct pattern_scratch *scratch;
    struct decode_table plan;
    struct vocab vocab;
    struct buf token, step[2];
    uint64_t *specials; /* bit per id: entries of the vocabulary named as a special token */
    struct decode_block *blocks;
    struct buf listed, texts;
    uint32_t n_bytes, byte_first; /* ids of bytes in their order, so far */
    uint32_t n_added_done;        /* added tokens of smaller ids */
};

/* The token in maker->token through the steps; the result is in step[0]. */
static bool make_text(struct maker *m, struct err *err)
{
    buf_clear(&m->step[0]);
    if (!m->core->head->has_decoder)
        buf_append_char(&m->step[0], ' ');
    buf_append(&m->step[0], m->token.data, m->token.size);
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

/* text is lead spaces and the token's bytes less skip. */
static bool is_made_of(const struct buf *text, const char *bytes, uint32_t size, uint32_t lead,
                       uint32_t skip)
{
    return size >= skip && text->size == lead + size - skip && (!lead || *text->data == ' ') &&
           (size == skip || memcmp(text->data + lead, bytes + skip, size - skip) == 0);
}

/* How the text in step[0] comes from the bytes of the id in the vocabulary. */
static enum decode_how find_how(const struct maker *m, uint32_t id)
{
    const struct buf *text = &m->step[0];
    uint32_t size;
    const char *bytes;

    if (!vocab_has(&m->vocab, id))
        return HOW_LISTED;
    bytes = vocab_bytes(&m->vocab, id, &size);
    if (is_made_of(text, bytes, size, 0, 0))
        return HOW_PLAIN;
    if (is_made_of(text, bytes, size, 1, m->plan.skip[HOW_SPACED]))
        return HOW_SPACED;
    return is_made_of(text, bytes, size, 0, m->plan.skip[HOW_CUT]) ? HOW_CUT : HOW_LISTED;
}

static void note_byte(struct maker *m, uint32_t id, enum decode_look look, int byte)
{
    if (look == LOOK_BYTE && (uint32_t)byte == m->n_bytes &&
        (byte == 0 || id == m->byte_first + m->n_bytes)) {
        m->byte_first = id - m->n_bytes;
        m->n_bytes++;
    }
}

static void list_text(struct maker *m, uint32_t id, bool special, int byte)
{
    enum decode_look look = special     ? byte >= 0 ? LOOK_SPECIAL_BYTE : LOOK_SPECIAL
                            : byte >= 0 ? LOOK_BYTE
                                        : LOOK_TEXT;
    uint32_t offset = (uint32_t)m->texts.size | (uint32_t)look << LOOK_SHIFT;

    m->blocks[id / 64].bits |= UINT64_C(1) << id % 64;
    buf_append(&m->listed, &offset, sizeof(offset));
    if (byte >= 0)
        buf_append_char(&m->texts, (char)byte);
    else
        buf_append(&m->texts, m->step[0].data, m->step[0].size);
    note_byte(m, id, look, byte);
}

/* The ids are asked for in ascending order, as added tokens lie. */
static const struct core_added *next_added(struct maker *m, uint32_t id)
{
    const struct core *c = m->core;

    while (m->n_added_done < c->head->n_added && c->added[m->n_added_done].id < id)
        m->n_added_done++;
    return m->n_added_done < c->head->n_added && c->added[m->n_added_done].id == id
               ? &c->added[m->n_added_done]
               : NULL;
}

static bool make_entry(struct maker *m, uint32_t id, enum decode_how *ret, struct err *err)
{
    const struct core_added *added = next_added(m, id);
    bool known = vocab_has(&m->vocab, id), special = m->specials[id / 64] >> id % 64 & 1;
    int byte = -1;

    *ret = HOW_LISTED;
    if (!added && !known)
        return true;
    *ret = HOW_PLAIN;
    if (!added && !special && m->plan.kind == DECODE_AS_BYTES && m->vocab.head.is_bytes &&
        !vocab_is_name(&m->vocab, id))
        return true;
    buf_clear(&m->token);
    if (added) {
        struct slice text = core_text(m->core, added->name);

        buf_append(&m->token, text.data, text.size);
        special = core_is_special_text(m->core, text.data, text.size);
    } else {
        vocab_name(&m->vocab, id, &m->token);
    }
    if (!make_text(m, err))
        return false;
    if (m->plan.byte_fallback)
        byte = byte_token(m->step[0].data, m->step[0].size);
    *ret = special || byte >= 0 ? HOW_LISTED : find_how(m, id);
    if (*ret == HOW_LISTED)
        list_text(m, id, special, byte);
    if (m->texts.size > LOOK_OFFSET - TOKEN_SIZE_MAX)
        return err_set(err, ERR_COMBINATION, "decoder: the texts of all tokens are over 1 GB");
    return true;
}

static uint64_t *find_specials(const struct core *c, const struct vocab *v)
{
    uint64_t *bits = mem_new_array(c->head->id_end / 64 + 1, uint64_t);

    for (uint32_t i = 0; i < c->head->n_specials; i++) {
        struct slice name = core_text(c, c->specials[i]);
        uint32_t id = vocab_find_name(v, name.data, name.size);

        if (id < c->head->id_end)
            bits[id / 64] |= UINT64_C(1) << id % 64;
    }
    return bits;
}

static void write_texts(struct maker *m, struct buf *out)
{
    static const char tail[DECODE_TAIL];
    uint32_t n = m->core->head->id_end, before = 0, end = (uint32_t)m->texts.size;
    struct texts_head head = {.byte_first = m->byte_first, .n_bytes = m->n_bytes == 256 ? 256 : 0};

    head.n_listed = (uint32_t)(m->listed.size / sizeof(uint32_t));
    for (uint32_t i = 0; i <= n / 64; i++) {
        m->blocks[i].before = before;
        before += count_bits(m->blocks[i].bits);
    }
    buf_append(out, &head, sizeof(head));
    buf_append(out, m->blocks, (n / 64 + 1) * sizeof(*m->blocks));
    buf_append(out, m->listed.data, m->listed.size);
    buf_append(out, &end, sizeof(end));
    buf_append(out, m->texts.data, m->texts.size);
    buf_append(out, tail, sizeof(tail));
}

bool decode_table_compile(const struct core *c, struct pattern **patterns, struct image_writer *w,
                          struct err *err)
{
    struct maker m = {.core = c, .patterns = patterns};
    uint32_t *offsets;
    bool ok = true;

    plan(c, &m.plan);
    if (m.plan.kind == DECODE_AS_CHAIN)
        return true;
    plan_skips(c, m.plan.skip);
    vocab_of_writer(w, &m.vocab);
    offsets = vocab_offsets_of_writer(w);
    m.scratch = pattern_scratch_new();
    m.specials = find_specials(c, &m.vocab);
    m.blocks = mem_new_array(c->head->id_end / 64 + 1, struct decode_block);
    for (uint32_t id = 0; id < c->head->id_end && ok; id++) {
        enum decode_how how = HOW_LISTED;

        ok = make_entry(&m, id, &how, err);
        if (ok && id < m.vocab.head.id_end)
            offsets[id] |= (uint32_t)how << VOCAB_TEXT_SHIFT;
    }
    if (ok)
        write_texts(&m, &w->sections[IMAGE_TEXTS]);
    pattern_scratch_free(m.scratch);
    free(m.specials);
    free(m.blocks);
    buf_release(&m.token);
    buf_release(&m.step[0]);
    buf_release(&m.step[1]);
    buf_release(&m.listed);
    buf_release(&m.texts);
    return ok;
}

bool decode_table_open(const struct core *c, const struct vocab *v, const void *data, size_t size,
                       struct decode_table *ret, struct err *err)
{
    const char *at = data;
    struct texts_head head;
    uint32_t n = c->head->id_end;

    *ret = (struct decode_table){.n = n, .n_vocab = v->head.id_end};
    plan(c, ret);
    if (ret->kind == DECODE_AS_CHAIN)
        return true;
    plan_skips(c, ret->skip);
    if (size < sizeof(head) + DECODE_TAIL)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: the texts of tokens are cut short");
    memcpy(&head, at, sizeof(head));
    ret->byte_first = head.byte_first;
    ret->n_bytes = head.n_bytes;
    ret->longest = v->head.longest;
    ret->offsets = v->offsets;
    ret->bytes = v->bytes;
    ret->blocks = (const struct decode_block *)(const void *)(at + sizeof(head));
    ret->listed = (const uint32_t *)(const void *)(ret->blocks + n / 64 + 1);
    ret->texts = (const char *)(ret->listed + head.n_listed + 1);
    return true;
}
