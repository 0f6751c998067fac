/*
 * A tokenizer file in one of the formats, chosen by the first byte, and behind a NUL
 * a tokenizer_config.json if there is one. What loads must hold together.
 */
#include "tokenizer/load.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct tokenizer_spec *s, struct text t)
{
    assert(t.size == 0 || ((uint64_t)t.at + t.size <= s->strings.size));
}

static void check(const struct tokenizer_spec *s)
{
    for (size_t i = 0; i < s->n_vocab; i++) {
        check_text(s, s->vocab[i].token);
        assert(s->vocab[i].id < VOCAB_MAX);
    }
    for (size_t i = 0; i < s->n_merges; i++) {
        check_text(s, s->merges[i].left);
        check_text(s, s->merges[i].right);
    }
    for (size_t i = 0; i < s->n_added; i++) {
        check_text(s, s->added[i].content);
        assert(s->added[i].content.size && s->added[i].id < VOCAB_MAX);
    }
    for (size_t i = 0; i < s->n_pieces; i++)
        assert(s->pieces[i].first_id + (uint64_t)s->pieces[i].n_ids <= s->n_post_ids);
    for (size_t i = 0; i < s->n_postprocessors; i++) {
        const struct postprocessor *p = &s->postprocessors[i];
        if (p->kind == POST_TEMPLATE)
            assert(p->template.first_pair + (uint64_t)p->template.n_pair <= s->n_pieces);
    }
    for (size_t i = 0; i < s->n_pretokenizers; i++)
        if (s->pretokenizers[i].kind == SPLIT_PATTERN)
            check_text(s, s->pretokenizers[i].pattern.what.pattern);
    (void)spec_is_bytes(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERR struct err err = {0};
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    struct tokenizer_files files = {0};
    struct slice *const formats[] = {&files.tokenizer_json, &files.sentencepiece, &files.tiktoken,
                                     &files.tekken,         &files.gguf,          &files.vocab_txt,
                                     &files.merges_txt};

    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    unsigned format = data[0] % ARRAY_SIZE(formats);
    /* Binary formats hold NULs of their own: they come without. */
    const char *nul = format == 1 || format == 4 ? NULL : memchr(text, '\0', size - 1);
    size_t first = nul ? (size_t)(nul - text) : size - 1;
    *formats[format] = (struct slice){text, first};
    if (nul)
        files.tokenizer_config = (struct slice){nul + 1, size - 2 - first};
    if (files.merges_txt.data) {
        files.vocab_json = files.tokenizer_config;
        files.tokenizer_config = (struct slice){0};
    }
    if (tokenizer_load(&files, &s, &err))
        check(&s);
    else
        assert(err.code == ERR_FILE_CORRUPT || err.code == ERR_COMBINATION ||
               err.code == ERR_NO_TOKENIZER);
    return 0;
}
