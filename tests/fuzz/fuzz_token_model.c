/*
 * Vocabularies and merges of any kind, compiled and used: what token_model_compile()
 * accepts encodes every text, and its spans cover the text in order.
 *
 * The input: a byte of options; then items of a tag, a size and bytes: tokens, merges, texts.
 */
#include "tokenizer/model.h"

#include "base/utf8.h"
#include "json/reader.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 512, TEXTS_MAX = 8 };

struct input {
    struct tokenizer_spec spec;
    struct slice texts[TEXTS_MAX];
    size_t n_texts;
};

static void read_token(struct tokenizer_spec *s, const uint8_t *data, size_t size)
{
    s->vocab[s->n_vocab] = (struct vocab_entry){spec_text(s, data, size), (uint32_t)s->n_vocab,
                                                -(double)(size ? data[0] : 0) / 3};
    if (s->model.kind != MODEL_UNIGRAM && size && data[0] == 'I') /* an id that may be taken */
        s->vocab[s->n_vocab].id = data[size - 1];
    s->n_vocab++;
}

static void read_items(struct input *in, const uint8_t *data, size_t size)
{
    struct tokenizer_spec *s = &in->spec;

    for (size_t at = 0; at + 2 <= size && s->n_vocab < ITEMS_MAX && s->n_merges < ITEMS_MAX;) {
        uint8_t tag = data[at] % 8;
        size_t n = data[at + 1] % 40;
        const uint8_t *bytes = data + at + 2;

        n = n < size - at - 2 ? n : size - at - 2;
        at += 2 + n;
        if (!utf8_valid(bytes, n, NULL))
            continue;
        if (tag < 3) {
            read_token(s, bytes, n);
        } else if (tag < 6 && s->n_vocab) {
            struct text l = s->vocab[n ? bytes[0] % s->n_vocab : 0].token,
                        r = s->vocab[n > 1 ? bytes[1] % s->n_vocab : 0].token;

            s->merges[s->n_merges++] = (struct merge){l, r};
        } else if (in->n_texts < TEXTS_MAX) {
            in->texts[in->n_texts++] = (struct slice){(const char *)bytes, n};
        }
    }
}

static void use(const struct token_model *m, struct slice text, struct model_scratch *scratch)
{
    AUTO_ERR struct err err = {0};
    struct tokens t = {0};

    if (token_model_encode(m, text.data, text.size, scratch, &t, &err)) {
        for (size_t i = 0; i < t.n; i++) {
            assert(t.items[i].span.start <= t.items[i].span.end);
            assert(t.items[i].id < token_model_id_end(m) || t.items[i].id == NO_ID);
        }
    } else {
        assert(err.code == ERR_COMBINATION);
    }
    tokens_release(&t);
}

static void run(const struct input *in)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};
    struct image_writer w = {0};
    struct image_key key = {{0}};
    struct model_scratch *scratch = model_scratch_new();
    struct token_model *m;

    if (token_model_compile(&in->spec, &w, &err)) {
        image_finish(&w, &key, &out);
        struct image image = {(const uint8_t *)out.data, out.size};

        assert(image_check(image, &key, true, &err));
        assert(token_model_open(image, &m, &err));
        for (size_t i = 0; i < in->n_texts; i++)
            use(m, in->texts[i], scratch);
        for (uint32_t id = 0; id <= token_model_id_end(m); id++) {
            uint32_t n;
            bool is_name;

            token_model_bytes(m, id, &n, &is_name);
        }
        token_model_free(m);
    } else {
        assert(err.code == ERR_COMBINATION);
    }
    model_scratch_free(scratch);
    image_writer_release(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {0};
    struct tokenizer_spec *s = &in.spec;

    if (size == 0)
        return 0;
    s->vocab = mem_new_array(ITEMS_MAX, struct vocab_entry);
    s->merges = mem_new_array(ITEMS_MAX, struct merge);
    s->model = (struct model_spec){.kind = (enum model_kind)(data[0] & 3),
                                   .has_unk = data[0] & 4,
                                   .fuse_unk = data[0] & 8,
                                   .byte_fallback = data[0] & 16,
                                   .ignore_merges = data[0] & 32,
                                   .max_word_chars = 20};
    if (data[0] & 64)
        s->model.continuing_prefix = spec_text(s, "##", 2);
    if (data[0] & 128) {
        s->pretokenizers = mem_new(struct pretokenizer);
        s->pretokenizers->kind = SPLIT_BYTE_LEVEL;
        s->n_pretokenizers = 1;
    }
    s->model.unk = spec_text(s, "u", 1);
    read_items(&in, data + 1, size - 1);
    run(&in);
    tokenizer_spec_release(s);
    return 0;
}
