/*
 * GGUF: tokenizer.ggml.*. The vocabulary and its kinds come from the file; what it
 * only names (the pattern of "pre", the algorithm of "model") is llama.cpp's, put
 * into components of the library as transformers' converters for GGUF do.
 */
#include "hub/gguf.h"

#include "base/nearest.h"
#include "tokenizer/load_build.h"
#include "tokenizer/load_files.h"
#include "tokenizer/load_patterns.h"

#include <stdio.h>

enum gguf_token_type {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN,
    TOKEN_CONTROL,
    TOKEN_USER,
    TOKEN_UNUSED,
    TOKEN_BYTE
};

struct gguf_tokens {
    const uint8_t *data;
    const struct gguf *g;
    const struct gguf_value *tokens, *types, *scores;
    struct tokenizer_spec *s;
    struct err *err;
};

static bool corrupt(struct err *err, const char *what, const char *which)
{
    err_set(err, ERR_FILE_CORRUPT, "GGUF: %s%s", what, which);
    return err_fact_str(err, "detail", what);
}

static uint64_t number_at(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* The next of an array of strings; its bounds were checked when the header was read. */
static struct slice next_string(const uint8_t *data, uint64_t *at)
{
    size_t size = (size_t)number_at(data + *at, 8);
    struct slice s = {(const char *)data + *at + 8, size};

    *at += 8 + size;
    return s;
}

static unsigned type_of(const struct gguf_tokens *t, size_t i)
{
    return t->types ? (unsigned)number_at(t->data + t->types->items_at + 4 * i, 4) : TOKEN_NORMAL;
}

static double score_of(const struct gguf_tokens *t, size_t i)
{
    float f = 0;

    if (t->scores) {
        uint32_t bits = (uint32_t)number_at(t->data + t->scores->items_at + 4 * i, 4);
        memcpy(&f, &bits, 4);
    }
    return (double)f;
}

static const struct gguf_value *array(const struct gguf *g, const char *key,
                                      enum gguf_type item_type, uint64_t n)
{
    const struct gguf_value *v = gguf_find(g, key);

    return v && v->type == GGUF_ARRAY && v->item_type == item_type && (!n || v->n == n) ? v : NULL;
}

static bool find_arrays(struct gguf_tokens *t)
{
    t->tokens = array(t->g, "tokenizer.ggml.tokens", GGUF_STRING, 0);
    if (!t->tokens || !t->tokens->n)
        return corrupt(t->err, "it has no tokenizer.ggml.tokens", "");
    if (t->tokens->n > VOCAB_MAX)
        return corrupt(t->err, "more tokens than are allowed", "");
    t->types = array(t->g, "tokenizer.ggml.token_type", GGUF_I32, t->tokens->n);
    t->scores = array(t->g, "tokenizer.ggml.scores", GGUF_F32, t->tokens->n);
    return true;
}

/* All tokens, their names passed through rename if given; control and user-defined ones are added.
 */
static bool read_tokens(struct gguf_tokens *t, void (*rename)(struct slice, struct buf *))
{
    AUTO_BUF struct buf name = {0};
    uint64_t at = t->tokens->items_at;
    bool ok = true;

    for (size_t i = 0; ok && i < t->tokens->n; i++) {
        struct slice token = next_string(t->data, &at);
        unsigned type = type_of(t, i);
        bool added = type == TOKEN_CONTROL || type == TOKEN_USER;

        if (rename && !added) {
            buf_clear(&name);
            rename(token, &name);
            token = (struct slice){name.data ? name.data : "", name.size};
        }
        ok = build_vocab(t->s, token.data, token.size, (uint32_t)i, score_of(t, i)) &&
             (!added || !token.size ||
              build_added(t->s, token.data, token.size, type == TOKEN_CONTROL));
        if (ok && added && type == TOKEN_USER)
            t->s->added[t->s->n_added - 1].normalized = false;
    }
    return ok || corrupt(t->err, "a token longer, or more added tokens, than are allowed", "");
}

static bool read_merges(struct gguf_tokens *t)
{
    const struct gguf_value *merges = array(t->g, "tokenizer.ggml.merges", GGUF_STRING, 0);

    if (!merges)
        return corrupt(t->err, "it has no tokenizer.ggml.merges", "");
    uint64_t at = merges->items_at;
    for (uint64_t i = 0; i < merges->n; i++) {
        struct slice m = next_string(t->data, &at);
        /* The first space that is not the first character divides; tokens may begin with one. */
        const char *space = m.size > 1 ? memchr(m.data + 1, ' ', m.size - 1) : NULL;
        if (!space || m.size > TOKEN_SIZE_MAX)
            return corrupt(t->err, "a merge that is not two tokens with a space between", "");
        struct text text = spec_text(t->s, m.data, m.size);
        uint32_t left = (uint32_t)(space - m.data);
        if (!build_merge(t->s, (struct text){text.at, left},
                         (struct text){text.at + left + 1, text.size - left - 1}))
            return corrupt(t->err, "more merges than are allowed", "");
    }
    return true;
}

/* "<s>" for tokenizer.ggml.bos_token_id; "" when there is none. */
static void special_name(const struct gguf_tokens *t, const char *role, char *ret, size_t ret_size)
{
    char key[64] = "tokenizer.ggml.";
    strncat(key, role, sizeof(key) - strlen(key) - 1);
    int64_t id = gguf_int(t->g, key, -1);
    uint64_t at = t->tokens->items_at;

    ret[0] = '\0';
    for (int64_t i = 0; id >= 0 && id < (int64_t)t->tokens->n && i <= id; i++) {
        struct slice s = next_string(t->data, &at);
        if (i == id && !slice_copy(s, ret, ret_size))
            ret[0] = '\0';
    }
}

static bool flag(const struct gguf_tokens *t, const char *key, bool fallback)
{
    return gguf_int(t->g, key, fallback) != 0;
}

/* What goes before, between and behind, by the flags of the file. */
static bool build_specials(struct gguf_tokens *t, bool add_bos, bool add_eos)
{
    char bos[128], eos[128], single[300], pair[600];

    special_name(t, "bos_token_id", bos, sizeof(bos));
    special_name(t, "eos_token_id", eos, sizeof(eos));
    add_bos = flag(t, "tokenizer.ggml.add_bos_token", add_bos) && *bos;
    add_eos = flag(t, "tokenizer.ggml.add_eos_token", add_eos) && *eos;
    if (!add_bos && !add_eos)
        return true;
    if (strchr(bos, ' ') || strchr(eos, ' '))
        return corrupt(t->err, "a special token with a space in it", "");
    snprintf(single, sizeof(single), "%s A %s", add_bos ? bos : "", add_eos ? eos : "");
    snprintf(pair, sizeof(pair), "%s A %s %s%s B:1 %s%s", add_bos ? bos : "", add_eos ? eos : "",
             add_bos ? bos : "", add_bos ? ":1" : "", add_eos ? eos : "", add_eos ? ":1" : "");
    return build_template(t->s, single, pair) || corrupt(t->err, "a special token is unknown", "");
}

/* ---- gpt2 */

static bool unknown_pre(struct err *err, const char *pre)
{
    const char *names[128], *near[NEAREST_MAX];
    size_t n = named_pattern_names(names, ARRAY_SIZE(names));
    size_t n_near = nearest(pre, names, n, near);

    err_set(err, ERR_COMBINATION, "GGUF: tokenizer.ggml.pre \"%s\" is not supported%s%s", pre,
            n_near ? "; the nearest is " : "", n_near ? near[0] : "");
    err_fact_str(err, "component", pre);
    return err_fact_strv(err, "supported", names, n);
}

static bool load_gpt2(struct gguf_tokens *t)
{
    struct tokenizer_spec *s = t->s;
    const char *pre = gguf_str(t->g, "tokenizer.ggml.pre");
    const struct named_pattern *p = named_pattern_find(*pre ? pre : "default");

    if (!p)
        return unknown_pre(t->err, pre);
    s->model = (struct model_spec){.kind = MODEL_BPE, .ignore_merges = p->ignore_merges};
    if (!read_tokens(t, NULL) || !read_merges(t))
        return false;
    for (size_t i = 0; i < PATTERNS_MAX && p->splits[i]; i++)
        build_split(s, p->splits[i], strlen(p->splits[i]));
    if (p->individual_digits)
        build_pretokenizer(s, SPLIT_DIGITS)->individual_digits = true;
    build_byte_level(s, false, !p->splits[0]);
    build_decoder(s, DECODE_BYTE_LEVEL);
    return build_specials(t, p->add_bos || p->add_sep, p->add_sep);
}

/* ---- llama: SentencePiece's BPE, whose merges are by score */

static bool load_llama(struct gguf_tokens *t)
{
    struct tokenizer_spec *s = t->s;
    bool prefix = flag(t, "tokenizer.ggml.add_space_prefix", true);
    char unk[128];

    if (!t->scores)
        return corrupt(t->err, "it has no tokenizer.ggml.scores", "");
    special_name(t, "unknown_token_id", unk, sizeof(unk));
    if (!read_tokens(t, NULL) || !build_merges(s, MERGES_BY_SCORE, t->err))
        return false;
    s->model = (struct model_spec){.kind = MODEL_BPE,
                                   .fuse_unk = true,
                                   .byte_fallback = true,
                                   .has_unk = true,
                                   .unk = build_text(s, *unk ? unk : "<unk>")};
    if (prefix)
        build_normalizer(s, NORMALIZE_PREPEND)->prepend = build_text(s, "▁");
    build_normalize_replace(s, " ", false, "▁");
    build_decode_replace(s, "▁", " ");
    build_decoder(s, DECODE_BYTE_FALLBACK);
    build_decoder(s, DECODE_FUSE);
    if (prefix)
        build_decode_strip(s);
    return build_specials(t, true, false);
}

/* ---- bert: words begin with ▁, what goes on is bare */

static void wordpiece_name(struct slice token, struct buf *ret)
{
    bool special = token.size > 1 && token.data[0] == '[' && token.data[token.size - 1] == ']';

    if (token.size >= 3 && memcmp(token.data, "▁", 3) == 0) {
        buf_append(ret, token.data + 3, token.size - 3);
        return;
    }
    if (!special)
        buf_append_str(ret, "##");
    buf_append(ret, token.data, token.size);
}

static bool load_bert(struct gguf_tokens *t)
{
    struct tokenizer_spec *s = t->s;
    char unk[128], cls[128], sep[128], single[300], pair[600];

    if (!read_tokens(t, wordpiece_name))
        return false;
    special_name(t, "unknown_token_id", unk, sizeof(unk));
    special_name(t, "cls_token_id", cls, sizeof(cls));
    if (!*cls)
        special_name(t, "bos_token_id", cls, sizeof(cls));
    special_name(t, "seperator_token_id", sep, sizeof(sep)); /* spelled so */
    if (!*sep)
        special_name(t, "eos_token_id", sep, sizeof(sep));
    s->model = (struct model_spec){.kind = MODEL_WORDPIECE,
                                   .max_word_chars = 100,
                                   .has_unk = true,
                                   .unk = build_text(s, *unk ? unk : "[UNK]"),
                                   .continuing_prefix = build_text(s, "##")};
    struct normalizer *n = build_normalizer(s, NORMALIZE_BERT);
    n->bert.clean_text = n->bert.handle_chinese_chars = true;
    n->bert.strip_accents = n->bert.lowercase = true;
    build_pretokenizer(s, SPLIT_BERT);
    struct decoder *d = build_decoder(s, DECODE_WORDPIECE);
    d->wordpiece.prefix = build_text(s, "##");
    d->wordpiece.cleanup = true;
    if (strchr(cls, ' ') || strchr(sep, ' '))
        return corrupt(t->err, "a special token with a space in it", "");
    snprintf(single, sizeof(single), "%s A %s", cls, sep);
    snprintf(pair, sizeof(pair), "%s A %s B:1 %s%s", cls, sep, sep, *sep ? ":1" : "");
    return build_template(s, single, pair) || corrupt(t->err, "a special token is unknown", "");
}

/* ---- t5: SentencePiece's Unigram */

static void charsmap(struct gguf_tokens *t)
{
    const struct gguf_value *v = gguf_find(t->g, "tokenizer.ggml.precompiled_charsmap");

    if (v && v->type == GGUF_ARRAY && v->n && (v->item_type == GGUF_I8 || v->item_type == GGUF_U8))
        build_normalizer(t->s, NORMALIZE_PRECOMPILED)->charsmap.map =
            spec_text(t->s, t->data + v->items_at, (size_t)v->n);
}

static bool load_t5(struct gguf_tokens *t)
{
    struct tokenizer_spec *s = t->s;
    bool prefix = flag(t, "tokenizer.ggml.add_space_prefix", true);
    int64_t unk = gguf_int(t->g, "tokenizer.ggml.unknown_token_id", 2);
    struct metaspace m = {
        .replacement = 0x2581, .scheme = prefix ? PREPEND_ALWAYS : PREPEND_NEVER, .split = true};

    if (!t->scores)
        return corrupt(t->err, "it has no tokenizer.ggml.scores", "");
    if (!read_tokens(t, NULL))
        return false;
    if (unk < 0 || unk >= (int64_t)t->tokens->n)
        return corrupt(t->err, "unknown_token_id is beyond the vocabulary", "");
    s->model = (struct model_spec){.kind = MODEL_UNIGRAM, .has_unk = true, .unk_id = (uint32_t)unk};
    charsmap(t);
    if (flag(t, "tokenizer.ggml.remove_extra_whitespaces", true)) {
        build_normalizer(s, NORMALIZE_STRIP)->strip.right = true;
        build_normalize_replace(s, " {2,}", true, "▁");
    }
    build_pretokenizer(s, SPLIT_METASPACE)->metaspace = m;
    build_decoder(s, DECODE_METASPACE)->metaspace = m;
    return build_specials(t, false, true);
}

bool load_gguf_tokenizer(struct slice file, struct tokenizer_spec *s, struct err *err)
{
    static const struct {
        const char *name;
        bool (*load)(struct gguf_tokens *);
    } models[] = {{"gpt2", load_gpt2}, {"llama", load_llama}, {"bert", load_bert}, {"t5", load_t5}};
    static const char *const names[] = {"gpt2", "llama", "bert", "t5"};
    CLEANUP(gguf_freep) struct gguf *g = gguf_new();
    size_t need;

    if (!gguf_read(g, file.data, file.size, -1, &need, err))
        return false;
    /* The tensors behind the metadata are of no interest. */
    if (need && g->kv_read < g->n_kv)
        return corrupt(err, "its metadata is cut short", "");
    const char *model = gguf_str(g, "tokenizer.ggml.model");
    struct gguf_tokens t = {.data = (const uint8_t *)file.data, .g = g, .s = s, .err = err};
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (str_eq(models[i].name, model))
            return find_arrays(&t) && models[i].load(&t);
    if (!*model)
        return err_set(err, ERR_NO_TOKENIZER, "GGUF: it has no tokenizer.ggml.model");
    err_set(err, ERR_COMBINATION,
            "GGUF: tokenizer.ggml.model \"%s\" is not supported; gpt2, llama, bert and t5 are",
            model);
    err_fact_str(err, "component", model);
    return err_fact_strv(err, "supported", names, ARRAY_SIZE(names));
}
