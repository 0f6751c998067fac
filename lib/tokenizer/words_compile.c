#include "tokenizer/scalar.h"
#include "tokenizer/words_parts.h"

#include <stdio.h>

enum { PAIR_BITS_MIN = 10, PAIR_BITS_MAX = 22, BITS_PER_PAIR = 8 };

static bool is_text(const struct tokenizer_spec *spec, struct text t, const char *s)
{
    return t.size == strlen(s) && memcmp(spec_str(spec, t), s, t.size) == 0;
}

/* ---- BYTES */

static bool is_bytes_family(const struct tokenizer_spec *spec)
{
    if (!spec_is_bytes(spec) || spec->n_normalizers > 1 ||
        (spec->n_normalizers == 1 && spec->normalizers[0].kind != NORMALIZE_NFC))
        return false;
    for (size_t i = 0; i < spec->n_pretokenizers; i++)
        if (spec->pretokenizers[i].kind == SPLIT_BYTE_LEVEL &&
            spec->pretokenizers[i].byte_level.add_prefix_space)
            return false;
    return true;
}

static bool all_bytes_are_tokens(const struct vocab *v)
{
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;

        if (vocab_find(v, &byte, 1, false) == NO_ID)
            return false;
    }
    return true;
}

/* ---- JOINED */

static bool is_byte_name(const struct tokenizer_spec *spec, struct text t)
{
    return t.size == 6 && memcmp(spec_str(spec, t), "<0x", 3) == 0;
}

/* [Prepend "▁"], Replace " " by "▁"; and no pre-tokenizer that finds something to cut. */
static bool joins_spaces(const struct tokenizer_spec *spec)
{
    const struct pretokenizer *split = spec->pretokenizers;
    const struct normalizer *last;

    if (spec->n_normalizers < 1 || spec->n_normalizers > 2 || spec->n_pretokenizers > 1)
        return false;
    last = &spec->normalizers[spec->n_normalizers - 1];
    if (last->kind != NORMALIZE_REPLACE || last->replace.what.regex ||
        !is_text(spec, last->replace.what.pattern, " ") || !is_text(spec, last->replace.with, "▁"))
        return false;
    if (spec->n_normalizers == 2 && (spec->normalizers[0].kind != NORMALIZE_PREPEND ||
                                     !is_text(spec, spec->normalizers[0].prepend, "▁")))
        return false;
    return spec->n_pretokenizers == 0 ||
           (split->kind == SPLIT_PATTERN && !split->pattern.what.regex && !split->pattern.invert &&
            is_text(spec, split->pattern.what.pattern, " "));
}

static bool all_bytes_fall_back(const struct vocab *v)
{
    for (int b = 0; b < 256; b++) {
        char name[8];
        int n = snprintf(name, sizeof(name), "<0x%02X>", (unsigned)b);

        if (vocab_find_name(v, name, (size_t)n) == NO_ID)
            return false;
    }
    return true;
}

/*
 * A cut where no token has both neighbours is crossed by no merge, as long as what
 * is merged is the text itself: no stand-ins for bytes or for the unknown. And
 * what is unknown must not join its unknown neighbour.
 */
static bool is_joined_family(const struct tokenizer_spec *spec, const struct vocab *v)
{
    const struct model_spec *m = &spec->model;

    if (m->kind != MODEL_BPE || spec_is_bytes(spec) || m->continuing_prefix.size ||
        m->word_suffix.size || m->ignore_merges || !joins_spaces(spec))
        return false;
    if (!(m->byte_fallback && all_bytes_fall_back(v)) && (m->fuse_unk || !m->has_unk))
        return false;
    for (size_t i = 0; i < spec->n_merges; i++) {
        struct text l = spec->merges[i].left, r = spec->merges[i].right;

        if (is_byte_name(spec, l) || is_byte_name(spec, r) || l.size == 0 || r.size == 0)
            return false;
        if (m->has_unk && ((l.size == m->unk.size &&
                            memcmp(spec_str(spec, l), spec_str(spec, m->unk), l.size) == 0) ||
                           (r.size == m->unk.size &&
                            memcmp(spec_str(spec, r), spec_str(spec, m->unk), r.size) == 0)))
            return false;
    }
    return true;
}

static void add_pair(uint64_t *pairs, uint32_t bits, uint32_t left, uint32_t right)
{
    uint64_t bit = pair_hash(left, right, bits);

    pairs[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* A space of the text is "▁" in tokens; one that stands in a token is never met. */
static void add_char_pairs(const char *token, size_t size, struct words_head *head, uint64_t *pairs,
                           uint32_t bits)
{
    uint32_t left = 0;

    for (size_t at = 0, n; at < size; at += n) {
        uint32_t right, a, b;

        n = scalar_size(token[at]);
        right = pack_bytes(token + at, n);
        a = left == META_PACKED ? ' ' : left;
        b = right == META_PACKED ? ' ' : right;
        if (at > 0)
            add_pair(pairs, bits, left, right);
        if (at > 0 && a < 0x80 && b < 0x80)
            head->ascii[a][b / 64] |= UINT64_C(1) << b % 64;
        left = right;
    }
}

static bool continues(char c) { return ((uint8_t)c & 0xc0) == 0x80; }

static void add_byte_pairs(const char *token, size_t size, struct words_head *head, uint64_t *pairs,
                           uint32_t bits)
{
    for (size_t i = 1; i < size; i++) {
        size_t from = i - 1, to = i + 1;

        if ((uint8_t)token[i] < 0xc0 || (uint8_t)token[from] < 0x80)
            continue;
        while (from > 0 && continues(token[from]))
            from--;
        while (to < size && to < i + scalar_size(token[i]) && continues(token[to]))
            to++;
        if (i - from > 4) /* it is no UTF-8 */
            continue;
        add_pair(pairs, bits, pack_bytes(token + from, i - from), pack_bytes(token + i, to - i));
        if ((uint8_t)token[from] < 0xc0 || to - i < scalar_size(token[i]))
            head->partial[token[i - 1] & 63] |= UINT64_C(1) << (token[i] & 63);
    }
}

static void fill_pairs(const struct vocab *v, struct words_head *head, uint64_t *pairs,
                       uint32_t bits)
{
    for (uint32_t p = 0; p < v->head.n_places; p++) {
        uint32_t size;
        const char *token = vocab_bytes(v, p, &size);

        if (v->head.is_bytes)
            add_byte_pairs(token, size, head, pairs, bits);
        else
            add_char_pairs(token, size, head, pairs, bits);
    }
}

/* Sized by how many pairs there are: counted in a set that is big enough for most. */
static void write_pairs(const struct vocab *v, struct words_head *head, struct buf *out)
{
    size_t words = (size_t)1 << (PAIR_BITS_MAX - 6);
    uint64_t *pairs = mem_new_array(words, uint64_t);
    size_t n = 0;

    fill_pairs(v, head, pairs, PAIR_BITS_MAX);
    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(pairs[i]);
    head->pair_bits = PAIR_BITS_MIN;
    while (head->pair_bits < PAIR_BITS_MAX && (size_t)1 << head->pair_bits < BITS_PER_PAIR * n)
        head->pair_bits++;
    words = (size_t)1 << (head->pair_bits - 6);
    memset(pairs, 0, words * sizeof(*pairs));
    fill_pairs(v, head, pairs, head->pair_bits);
    buf_append(out, head, sizeof(*head));
    buf_append(out, pairs, words * sizeof(*pairs));
    free(pairs);
}

/* ---- BERT, SPACED */

static bool is_bert_family(const struct tokenizer_spec *spec)
{
    return spec->model.kind == MODEL_WORDPIECE && spec->n_normalizers == 1 &&
           spec->normalizers[0].kind == NORMALIZE_BERT && spec->n_pretokenizers == 1 &&
           spec->pretokenizers[0].kind == SPLIT_BERT;
}

static bool is_spaced_family(const struct tokenizer_spec *spec)
{
    const struct pretokenizer *last;

    if (spec->model.kind != MODEL_UNIGRAM || spec->n_pretokenizers < 1 || spec->n_pretokenizers > 2)
        return false;
    last = &spec->pretokenizers[spec->n_pretokenizers - 1];
    for (size_t i = 0; i < spec->n_normalizers; i++) {
        const struct normalizer *n = &spec->normalizers[i];

        if (n->kind != NORMALIZE_PRECOMPILED &&
            !(n->kind == NORMALIZE_REPLACE && n->replace.what.regex &&
              is_text(spec, n->replace.what.pattern, " {2,}") &&
              is_text(spec, n->replace.with, " ")))
            return false;
    }
    if (spec->n_pretokenizers == 2 && spec->pretokenizers[0].kind != SPLIT_WHITESPACE_SPLIT)
        return false;
    return last->kind == SPLIT_METASPACE && last->metaspace.split &&
           last->metaspace.replacement == META && last->metaspace.scheme == PREPEND_ALWAYS;
}

void words_compile(const struct tokenizer_spec *spec, struct image_writer *w)
{
    struct words_head head = {0};
    struct buf *out = &w->sections[IMAGE_WORDS];
    struct vocab v;

    vocab_of_writer(w, &v);
    if (is_bytes_family(spec)) {
        head.family = WORDS_BYTES;
        head.nfc = spec->n_normalizers == 1;
        if (all_bytes_are_tokens(&v)) { /* else what is dropped makes neighbours of others */
            write_pairs(&v, &head, out);
            return;
        }
    } else if (is_joined_family(spec, &v)) {
        head.family = WORDS_JOINED;
        head.prepend = spec->n_normalizers == 2;
        write_pairs(&v, &head, out);
        return;
    } else if (is_bert_family(spec)) {
        head.family = WORDS_BERT;
    } else if (is_spaced_family(spec)) {
        head.family = WORDS_SPACED;
    }
    buf_append(out, &head, sizeof(head));
}
