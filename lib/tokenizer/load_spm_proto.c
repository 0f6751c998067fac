#include "tokenizer/load_spm_proto.h"

#include "base/utf8.h"
#include "tokenizer/load_fields.h"

/* ---- the wire */

struct wire {
    const uint8_t *p, *end;
    bool bad;
};

struct wire_field {
    uint64_t number; /* of a varint or four bytes: its bits */
    struct slice bytes;
    unsigned tag, kind;
};

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static uint64_t varint(struct wire *w)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->p == w->end)
            break;
        uint8_t b = *w->p++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    w->bad = true;
    return 0;
}

static bool take_bytes(struct wire *w, uint64_t n, struct slice *ret)
{
    if (n > (uint64_t)(w->end - w->p)) {
        w->bad = true;
        return false;
    }
    *ret = (struct slice){(const char *)w->p, (size_t)n};
    w->p += n;
    return true;
}

/* The next field; false at the end, and at a fault (w->bad). */
static bool next_field(struct wire *w, struct wire_field *f)
{
    uint64_t key, n;

    if (w->p == w->end || w->bad)
        return false;
    key = varint(w);
    *f = (struct wire_field){.tag = (unsigned)(key >> 3), .kind = key & 7};
    if (w->bad || key >> 3 == 0 || key >> 32) {
        w->bad = true;
        return false;
    }
    switch (f->kind) {
    case VARINT:
        f->number = varint(w);
        return !w->bad;
    case BYTES:
        n = varint(w);
        return !w->bad && take_bytes(w, n, &f->bytes);
    case FIXED32:
    case FIXED64:
        if (!take_bytes(w, f->kind == FIXED32 ? 4 : 8, &f->bytes))
            return false;
        for (size_t i = 0; i < f->bytes.size; i++)
            f->number |= (uint64_t)(uint8_t)f->bytes.data[i] << (8 * i);
        return true;
    default: /* groups are long gone */
        w->bad = true;
        return false;
    }
}

static struct wire wire_of(struct slice s)
{
    const uint8_t *p = (const uint8_t *)s.data;

    return (struct wire){.p = p, .end = p + s.size};
}

/* ---- messages */

static float float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static bool read_piece(struct slice s, struct spm_piece *ret)
{
    struct wire w = wire_of(s);
    struct wire_field f;

    *ret = (struct spm_piece){.piece = {"", 0}, .type = SPM_NORMAL};
    while (next_field(&w, &f)) {
        if (f.tag == 1 && f.kind == BYTES)
            ret->piece = f.bytes;
        if (f.tag == 2 && f.kind == FIXED32)
            ret->score = float_of((uint32_t)f.number);
        if (f.tag == 3 && f.kind == VARINT && f.number >= SPM_NORMAL && f.number <= SPM_BYTE)
            ret->type = (enum spm_type)f.number;
    }
    return !w.bad && ret->score == ret->score && utf8_valid(ret->piece.data, ret->piece.size, NULL);
}

static bool read_trainer(struct slice s, struct spm *m)
{
    struct wire w = wire_of(s);
    struct wire_field f;

    while (next_field(&w, &f)) {
        if (f.tag == 45 && f.kind == BYTES)
            m->unk_piece = f.bytes;
        if (f.kind != VARINT)
            continue;
        if (f.tag == 3 && f.number >= SPM_UNIGRAM && f.number <= SPM_CHAR)
            m->model = (enum spm_model)f.number;
        else if (f.tag == 24)
            m->suffix = f.number;
        else if (f.tag == 35)
            m->byte_fallback = f.number;
        else if (f.tag == 40)
            m->unk_id = (uint32_t)f.number;
    }
    return !w.bad;
}

static bool read_normalizer(struct slice s, struct spm *m)
{
    struct wire w = wire_of(s);
    struct wire_field f;

    while (next_field(&w, &f)) {
        if (f.tag == 2 && f.kind == BYTES && f.bytes.size)
            m->charsmap = f.bytes;
        if (f.kind != VARINT)
            continue;
        if (f.tag == 3)
            m->dummy_prefix = f.number;
        else if (f.tag == 4)
            m->remove_extra = f.number;
        else if (f.tag == 5)
            m->escape = f.number;
    }
    return !w.bad;
}

static bool read_message(const struct wire_field *f, struct spm *m)
{
    struct spm_piece piece;

    if (f->kind != BYTES)
        return true;
    switch (f->tag) {
    case 1:
        if (m->n_pieces == VOCAB_MAX || !read_piece(f->bytes, &piece) ||
            piece.piece.size > TOKEN_SIZE_MAX)
            return false;
        *LOAD_PUSH(m->pieces, m->n_pieces) = piece;
        return true;
    case 2:
        return read_trainer(f->bytes, m);
    case 3:
        return read_normalizer(f->bytes, m);
    default:
        return true;
    }
}

void spm_release(struct spm *m)
{
    free(m->pieces);
    *m = (struct spm){0};
}

bool spm_read(struct slice file, struct spm *ret, struct err *err)
{
    struct spm m = {.model = SPM_UNIGRAM,
                    .dummy_prefix = true,
                    .remove_extra = true,
                    .escape = true,
                    .unk_piece = {"<unk>", 5}};
    struct wire w = wire_of(file);
    struct wire_field f;
    bool ok = true;

    while (ok && next_field(&w, &f))
        ok = read_message(&f, &m);
    size_t at = (size_t)(w.p - (const uint8_t *)file.data);
    if (!ok || w.bad || !m.n_pieces || m.unk_id >= m.n_pieces) {
        spm_release(&m);
        err_set(err, ERR_FILE_CORRUPT, "SentencePiece model: damaged or no model, at byte %zu", at);
        return err_fact_int(err, "offset", (int64_t)at);
    }
    *ret = m;
    return true;
}
