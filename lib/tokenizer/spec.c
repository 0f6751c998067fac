#include "tokenizer/spec.h"

#include "base/utf8.h"
#include "tokenizer/bytelevel.h"
#include "tokenizer/scalar.h"

void tokenizer_spec_release(struct tokenizer_spec *s)
{
    buf_release(&s->strings);
    free(s->normalizers);
    free(s->pretokenizers);
    free(s->postprocessors);
    free(s->decoders);
    free(s->pieces);
    free(s->post_ids);
    free(s->vocab);
    free(s->merges);
    free(s->added);
    *s = (struct tokenizer_spec){0};
}

struct text spec_text(struct tokenizer_spec *s, const void *data, size_t size)
{
    struct text t = {(uint32_t)s->strings.size, (uint32_t)size};

    buf_append(&s->strings, data, size);
    return t;
}

static bool normalizes_to_bytes(const struct tokenizer_spec *s)
{
    for (size_t i = 0; i < s->n_normalizers; i++)
        if (s->normalizers[i].kind == NORMALIZE_BYTE_LEVEL)
            return true;
    return false;
}

/* Those that UTF-8 has: without one of them the reference counts what it drops in stand-ins. */
static bool knows_all_bytes(const struct tokenizer_spec *s)
{
    bool known[256] = {false};
    int n_missing = 0;

    for (int b = 0; b < 256; b++) {
        known[b] = b == 0xc0 || b == 0xc1 || b > 0xf4;
        n_missing += !known[b];
    }
    for (size_t i = 0; i < s->n_vocab && n_missing; i++) {
        struct text token = s->vocab[i].token;
        size_t at = 0;
        int byte;

        if (!token.size || token.size != scalar_size(*spec_str(s, token)))
            continue;
        byte = bytelevel_byte(scalar_next(spec_str(s, token), &at));
        if (byte >= 0 && !known[byte]) {
            known[byte] = true;
            n_missing--;
        }
    }
    return !n_missing;
}

bool spec_is_bytes(const struct tokenizer_spec *s)
{
    size_t n = s->n_pretokenizers;

    if (s->model.kind != MODEL_BPE || s->model.continuing_prefix.size || s->model.word_suffix.size)
        return false;
    /* Bytes of a stand-in character are not the byte it stands for. */
    if (s->model.byte_fallback || normalizes_to_bytes(s))
        return false;
    if (!n || s->pretokenizers[n - 1].kind != SPLIT_BYTE_LEVEL)
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        if (s->pretokenizers[i].kind == SPLIT_BYTE_LEVEL) /* mapped twice */
            return false;
    return knows_all_bytes(s);
}
