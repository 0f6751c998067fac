#include "tokenizer/model.h"

#include "tokenizer/model_parts.h"

struct token_model {
    enum model_kind kind;
    struct vocab vocab;
    union {
        struct bpe bpe;
        struct wordpiece wordpiece;
        struct unigram unigram;
        uint32_t wordlevel_unk;
    };
};

void tokens_grow(struct tokens *t, size_t more)
{
    size_t capacity = t->capacity ? t->capacity : 64;

    while (capacity - t->n < more)
        capacity *= 2;
    t->items = mem_resize(t->items, capacity * sizeof(*t->items));
    t->capacity = capacity;
}

void tokens_release(struct tokens *t)
{
    free(t->items);
    *t = (struct tokens){0};
}

struct model_scratch *model_scratch_new(void) { return mem_new(struct model_scratch); }

void model_scratch_free(struct model_scratch *s)
{
    if (!s)
        return;
    free(s->symbols);
    free(s->heap);
    free(s->nodes);
    buf_release(&s->spelled);
    tokens_release(&s->windows[0]);
    tokens_release(&s->windows[1]);
    free(s);
}

/* ---- compile, open, encode */

bool token_model_compile(const struct tokenizer_spec *spec, struct image_writer *w, struct err *err)
{
    uint32_t kind = spec->model.kind;
    struct vocab v;

    if (!vocab_compile(spec, w, &v, err))
        return false;
    buf_append(&w->sections[IMAGE_MODEL_KIND], &kind, sizeof(kind));
    switch (spec->model.kind) {
    case MODEL_BPE:
        return bpe_compile(spec, &v, w, err);
    case MODEL_WORDPIECE:
        return wordpiece_compile(spec, &v, w, err);
    case MODEL_UNIGRAM:
        return unigram_compile(spec, &v, w, err);
    case MODEL_WORDLEVEL:
        break;
    }
    wordlevel_compile(spec, &v, w);
    return true;
}

bool token_model_open(struct image image, struct token_model **ret, struct err *err)
{
    struct token_model *m = mem_new(struct token_model);
    size_t size;
    const uint32_t *kind = image_section(image, IMAGE_MODEL_KIND, &size);

    if (size != sizeof(*kind)) {
        free(m);
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: has no model");
    }
    m->kind = (enum model_kind) * kind;
    vocab_open(image, &m->vocab);
    switch (m->kind) {
    case MODEL_BPE:
        bpe_open(image, &m->bpe);
        break;
    case MODEL_WORDPIECE:
        wordpiece_open(image, &m->wordpiece);
        break;
    case MODEL_UNIGRAM:
        unigram_open(image, &m->unigram);
        break;
    case MODEL_WORDLEVEL:
        m->wordlevel_unk = *(const uint32_t *)image_section(image, IMAGE_MODEL, &size);
        break;
    }
    *ret = m;
    return true;
}

void token_model_free(struct token_model *m) { free(m); }

bool token_model_encode(const struct token_model *m, const char *text, size_t size,
                        struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    if (size == 0)
        return true;
    switch (m->kind) {
    case MODEL_BPE:
        return bpe_encode(&m->bpe, &m->vocab, text, size, scratch, out, err);
    case MODEL_WORDPIECE:
        return wordpiece_encode(&m->wordpiece, &m->vocab, text, size, out, err);
    case MODEL_UNIGRAM:
        return unigram_encode(&m->unigram, &m->vocab, text, size, scratch, out, err);
    case MODEL_WORDLEVEL:
        break;
    }
    return wordlevel_encode(m->wordlevel_unk, &m->vocab, text, size, out, err);
}

bool token_model_merge(const struct token_model *m, const char *text, size_t size,
                       struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    if (m->kind != MODEL_BPE)
        return token_model_encode(m, text, size, scratch, out, err);
    return size == 0 || bpe_merge(&m->bpe, &m->vocab, text, size, scratch, out, err);
}

void token_model_encode_short(const struct token_model *m, struct short_word *words, size_t n,
                              bool spaces)
{
    if (m->kind == MODEL_BPE) {
        bpe_encode_short(&m->bpe, &m->vocab, words, n, spaces);
        return;
    }
    for (size_t i = 0; i < n; i++)
        words[i].n = 0;
}

uint32_t token_model_word_max(const struct token_model *m)
{
    return m->kind == MODEL_WORDPIECE ? wordpiece_word_max(&m->wordpiece) : UINT32_MAX;
}

/* ---- vocabulary */

uint32_t token_model_vocab_size(const struct token_model *m) { return m->vocab.head.n_entries; }
uint32_t token_model_id_end(const struct token_model *m) { return m->vocab.head.id_end; }
bool token_model_is_bytes(const struct token_model *m) { return m->vocab.head.is_bytes; }
enum model_kind token_model_kind(const struct token_model *m) { return m->kind; }

uint32_t token_model_unk(const struct token_model *m)
{
    return m->kind == MODEL_UNIGRAM ? unigram_unk(&m->unigram) : (uint32_t)NO_ID;
}

uint32_t token_model_id(const struct token_model *m, const char *token, size_t size)
{
    return vocab_find_name(&m->vocab, token, size);
}

const char *token_model_bytes(const struct token_model *m, uint32_t id, uint32_t *ret_size,
                              bool *ret_is_name)
{
    if (!vocab_has(&m->vocab, id)) {
        *ret_size = 0;
        *ret_is_name = false;
        return NULL;
    }
    *ret_is_name = !m->vocab.head.is_bytes || vocab_is_name(&m->vocab, id);
    return vocab_bytes(&m->vocab, id, ret_size);
}

bool token_model_name(const struct token_model *m, uint32_t id, struct buf *out)
{
    if (!vocab_has(&m->vocab, id))
        return false;
    vocab_name(&m->vocab, id, out);
    return true;
}

const struct vocab *token_model_vocab(const struct token_model *m) { return &m->vocab; }
