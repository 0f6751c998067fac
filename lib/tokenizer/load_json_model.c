/*
 * The member "model" of a tokenizer.json: nearly all of its bytes, so it is read
 * in one pass, whatever its kind turns out to be.
 */
#include "tokenizer/load_fields.h"
#include "tokenizer/load_number.h"

struct model_members {
    struct loader *l;
    double dropout;
    bool has_unk, has_unk_id, has_prefix, has_suffix, has_max_chars;
    bool has_vocab, has_pieces, has_merges;
    bool byte_fallback, null_fallback;
    uint32_t unk_id;
};

static bool too_large(struct loader *l, const char *what, size_t max)
{
    return load_refuse(l, ERR_FILE_CORRUPT, "more than %zu %s", max, what);
}

/* {"token": id} */
static bool vocab_object(struct loader *l)
{
    struct tokenizer_spec *s = l->spec;
    struct slice token;

    if (!json_read_object(&l->r))
        return false;
    while (json_read_key(&l->r, &token)) {
        int64_t id;
        if (s->n_vocab == VOCAB_MAX)
            return too_large(l, "entries in the vocabulary", VOCAB_MAX);
        if (token.size > TOKEN_SIZE_MAX)
            return too_large(l, "bytes in a token", TOKEN_SIZE_MAX);
        struct vocab_entry *e = LOAD_PUSH(s->vocab, s->n_vocab);
        e->token = spec_text(s, token.data, token.size);
        if (!json_read_int(&l->r, &id))
            return false;
        if (id < 0 || id >= VOCAB_MAX)
            return load_refuse(l, ERR_FILE_CORRUPT, "id %lld; ids from 0 to %d are allowed",
                               (long long)id, VOCAB_MAX - 1);
        e->id = (uint32_t)id;
    }
    return !l->r.fault;
}

/* [["piece", score]]: the id is the place. */
static bool vocab_array(struct loader *l)
{
    struct tokenizer_spec *s = l->spec;

    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r)) {
        if (s->n_vocab == VOCAB_MAX)
            return too_large(l, "entries in the vocabulary", VOCAB_MAX);
        struct vocab_entry *e = LOAD_PUSH(s->vocab, s->n_vocab);
        e->id = (uint32_t)(s->n_vocab - 1);
        struct slice number;
        if (!json_read_array(&l->r))
            return false;
        if (!json_read_item(&l->r) || !load_text(l, &e->token) || !json_read_item(&l->r) ||
            json_read_kind(&l->r) != KIND_NUMBER || !json_read_raw(&l->r, &number) ||
            json_read_item(&l->r))
            return json_read_fault(&l->r, "a piece is a pair of text and score");
        if (!number_as_serde(number.data, number.size, &e->score))
            return json_read_fault(&l->r, "a number too large");
    }
    return !l->r.fault;
}

static bool vocab(struct loader *l, void *ret)
{
    struct model_members *m = ret;

    l->spec->n_vocab = 0;
    m->has_pieces = json_read_kind(&l->r) == KIND_ARRAY;
    m->has_vocab = !m->has_pieces;
    return m->has_pieces ? vocab_array(l) : vocab_object(l);
}

/* "left right", with exactly one space. */
static bool merge_line(struct loader *l)
{
    struct tokenizer_spec *s = l->spec;
    struct slice line;

    if (!json_read_text(&l->r, &line))
        return false;
    if (line.size >= 8 && memcmp(line.data, "#version", 8) == 0)
        return true;
    const char *space = memchr(line.data, ' ', line.size);
    size_t left = space ? (size_t)(space - line.data) : 0;
    if (!space || memchr(space + 1, ' ', line.size - left - 1))
        return load_refuse(l, ERR_FILE_CORRUPT, "merge %zu is not two tokens with a space between",
                           s->n_merges + 1);
    if (line.size > TOKEN_SIZE_MAX)
        return too_large(l, "bytes in a merge", TOKEN_SIZE_MAX);
    struct text t = spec_text(s, line.data, line.size);
    *LOAD_PUSH(s->merges, s->n_merges) = (struct merge){
        {t.at, (uint32_t)left}, {t.at + (uint32_t)left + 1, t.size - (uint32_t)left - 1}};
    return true;
}

/* ["left", "right"] */
static bool merge_pair(struct loader *l)
{
    struct tokenizer_spec *s = l->spec;
    struct merge *m = LOAD_PUSH(s->merges, s->n_merges);

    if (!json_read_array(&l->r))
        return false;
    if (!json_read_item(&l->r) || !load_text(l, &m->left) || !json_read_item(&l->r) ||
        !load_text(l, &m->right) || json_read_item(&l->r))
        return json_read_fault(&l->r, "a merge is a pair of tokens");
    return !l->r.fault;
}

static bool merges(struct loader *l, void *ret)
{
    struct tokenizer_spec *s = l->spec;
    struct model_members *m = ret;
    enum json_kind kind = KIND_NONE;

    s->n_merges = 0;
    m->has_merges = true;
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r)) {
        enum json_kind k = json_read_kind(&l->r);
        if (kind != KIND_NONE && k != kind)
            return json_read_fault(&l->r, "merges are either all texts or all pairs");
        kind = k;
        if (s->n_merges == MERGES_MAX)
            return too_large(l, "merges", MERGES_MAX);
        if (!(kind == KIND_ARRAY ? merge_pair(l) : merge_line(l)))
            return false;
    }
    return !l->r.fault;
}

static bool dropout(struct loader *l, void *ret) { return json_read_real(&l->r, ret); }

static bool max_chars(struct loader *l, void *ret)
{
    uint32_t *max = ret;
    int64_t v;

    if (!json_read_int(&l->r, &v))
        return false;
    if (v < 0)
        return json_read_fault(&l->r, "a negative max_input_chars_per_word");
    *max = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v; /* no word is longer */
    return true;
}

static bool byte_fallback(struct loader *l, void *ret)
{
    struct model_members *m = ret;

    m->null_fallback = load_null(l);
    return m->null_fallback || json_read_bool(&l->r, &m->byte_fallback);
}

static bool model_missing(struct loader *l, const char *kind, const char *what)
{
    return load_refuse(l, ERR_FILE_CORRUPT, "the %s model has no %s", kind, what);
}

static bool finish_bpe(struct loader *l, const struct model_members *m)
{
    if (!m->has_vocab || !m->has_merges)
        return model_missing(l, "BPE", m->has_vocab ? "merges" : "vocab");
    if (m->dropout < 0 || m->dropout > 1)
        return load_refuse(l, ERR_FILE_CORRUPT, "dropout %g is not between 0 and 1", m->dropout);
    if (m->dropout > 0)
        return load_refuse(l, ERR_COMBINATION,
                           "BPE with dropout %g is not supported: its results are random",
                           m->dropout);
    return true;
}

static bool finish_words(struct loader *l, const struct model_members *m)
{
    bool pieces = l->spec->model.kind == MODEL_WORDPIECE;
    const char *kind = pieces ? "WordPiece" : "WordLevel";

    if (!m->has_vocab)
        return model_missing(l, kind, "vocab");
    if (!m->has_unk)
        return model_missing(l, kind, "unk_token");
    if (pieces && !m->has_prefix) /* null does not do */
        return model_missing(l, kind, "continuing_subword_prefix");
    if (pieces && !m->has_max_chars)
        return model_missing(l, kind, "max_input_chars_per_word");
    return true;
}

static bool finish_unigram(struct loader *l, const struct model_members *m)
{
    struct model_spec *model = &l->spec->model;

    if (!m->has_pieces)
        return model_missing(l, "Unigram", "vocab");
    if (m->null_fallback) /* BPE may say null, Unigram not */
        return load_refuse(l, ERR_FILE_CORRUPT, "byte_fallback is null, not true or false");
    model->has_unk = m->has_unk_id;
    model->unk_id = m->unk_id;
    if (m->has_unk_id && m->unk_id >= l->spec->n_vocab)
        return load_refuse(l, ERR_FILE_CORRUPT, "unk_id %u is beyond the vocabulary of %zu",
                           m->unk_id, l->spec->n_vocab);
    return true;
}

static bool finish(struct loader *l, const struct model_members *m)
{
    switch (l->spec->model.kind) {
    case MODEL_BPE:
        return finish_bpe(l, m);
    case MODEL_WORDPIECE:
    case MODEL_WORDLEVEL:
        return finish_words(l, m);
    case MODEL_UNIGRAM:
        return finish_unigram(l, m);
    }
    return false;
}

/* Files of old have no type: the first kind that has what it needs. */
static enum model_kind guess_kind(const struct model_members *m)
{
    if (m->has_vocab && m->has_merges)
        return MODEL_BPE;
    if (m->has_vocab && m->has_unk && m->has_prefix && m->has_max_chars)
        return MODEL_WORDPIECE;
    return m->has_pieces ? MODEL_UNIGRAM : MODEL_WORDLEVEL;
}

static bool model_type(struct loader *l, void *ret)
{
    static const char *const kinds[] = {
        [MODEL_BPE] = "BPE",
        [MODEL_WORDPIECE] = "WordPiece",
        [MODEL_UNIGRAM] = "Unigram",
        [MODEL_WORDLEVEL] = "WordLevel",
        NULL,
    };
    struct slice s;

    return json_read_text(&l->r, &s) && load_choice(l, "a model", s, kinds, ret);
}

bool load_model(struct loader *l)
{
    struct tokenizer_spec *s = l->spec;
    struct model_spec model = {.max_word_chars = 100};
    struct model_members m = {.l = l};
    unsigned kind = MODEL_BPE;
    enum { TYPE, UNK, UNK_ID, PREFIX, MAX_CHARS };
    struct field fields[] = {
        [TYPE] = {"type", FIELD_PART, FIELD_OPTIONAL, &kind, .part = model_type},
        [UNK] = {"unk_token", FIELD_TEXT, FIELD_NULLABLE, &model.unk},
        [UNK_ID] = {"unk_id", FIELD_COUNT, FIELD_NULLABLE, &m.unk_id},
        [PREFIX] = {"continuing_subword_prefix", FIELD_TEXT, FIELD_NULLABLE,
                    &model.continuing_prefix},
        [MAX_CHARS] = {"max_input_chars_per_word", FIELD_PART, FIELD_OPTIONAL,
                       &model.max_word_chars, .part = max_chars},
        {"dropout", FIELD_PART, FIELD_NULLABLE, &m.dropout, .part = dropout},
        {"end_of_word_suffix", FIELD_TEXT, FIELD_NULLABLE, &model.word_suffix},
        {"fuse_unk", FIELD_BOOL, FIELD_NULLABLE, &model.fuse_unk},
        {"byte_fallback", FIELD_PART, FIELD_OPTIONAL, &m, .part = byte_fallback},
        {"ignore_merges", FIELD_BOOL, FIELD_NULLABLE, &model.ignore_merges},
        {"vocab", FIELD_PART, FIELD_OPTIONAL, &m, .part = vocab},
        {"merges", FIELD_PART, FIELD_OPTIONAL, &m, .part = merges},
    };

    m.unk_id = UINT32_MAX;
    model.unk.at = model.continuing_prefix.at = UINT32_MAX;
    if (!load_fields(l, "the model", fields, ARRAY_SIZE(fields)))
        return false;
    m.has_unk = model.unk.at != UINT32_MAX;
    m.has_unk_id = fields[UNK_ID].seen && m.unk_id != UINT32_MAX;
    m.has_prefix = model.continuing_prefix.at != UINT32_MAX;
    m.has_max_chars = fields[MAX_CHARS].seen;
    if (!m.has_unk)
        model.unk.at = 0;
    if (!m.has_prefix)
        model.continuing_prefix.at = 0;
    model.has_unk = m.has_unk;
    model.kind = fields[TYPE].seen ? kind : guess_kind(&m);
    model.byte_fallback = m.byte_fallback;
    s->model = model;
    return finish(l, &m);
}
