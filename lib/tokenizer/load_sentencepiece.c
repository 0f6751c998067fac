/*
 * SentencePiece models, put into components of the library as transformers'
 * convert_slow_tokenizer does for the class that tokenizer_config.json names. A
 * model without a class is read by its own specs.
 */
#include "tokenizer/load_build.h"
#include "tokenizer/load_files.h"
#include "tokenizer/load_spm_proto.h"

#include <stdio.h>

static const char * or (const char *told, const char *fallback) { return *told ? told : fallback; }

static bool is_class(const struct load_hints *h, const char *name)
{
    return strcasestr(h->class_name, name) || (!*h->class_name && strcasestr(h->model_type, name));
}

static bool too_much(struct err *err)
{
    return err_set(err, ERR_FILE_CORRUPT, "SentencePiece model: more tokens than are allowed");
}

/* All pieces from first on, at the ids from base on. */
static bool push_pieces(struct tokenizer_spec *s, const struct spm *m, size_t first, uint32_t base)
{
    for (size_t i = first; i < m->n_pieces; i++)
        if (!build_vocab(s, m->pieces[i].piece.data, m->pieces[i].piece.size,
                         base + (uint32_t)(i - first), (double)m->pieces[i].score))
            return false;
    return true;
}

/* Control pieces are special; user-defined ones are found before all else. */
static bool push_added(struct tokenizer_spec *s, const struct spm *m)
{
    for (size_t i = 0; i < m->n_pieces; i++) {
        const struct spm_piece *p = &m->pieces[i];
        if ((p->type != SPM_CONTROL && p->type != SPM_USER_DEFINED) || !p->piece.size)
            continue;
        if (!build_added(s, p->piece.data, p->piece.size, p->type == SPM_CONTROL))
            return false;
        s->added[s->n_added - 1].normalized = false;
    }
    return true;
}

/* ---- text around the model, when no class says otherwise: as SentencePiece itself does */

static bool is_bare(const struct load_hints *h) { return !*h->class_name && !*h->model_type; }

static bool has_user_defined(const struct spm *m)
{
    for (size_t i = 0; i < m->n_pieces; i++)
        if (m->pieces[i].type == SPM_USER_DEFINED)
            return true;
    return false;
}

static void build_bare_text(const struct spm *m, struct tokenizer_spec *s)
{
    s->model.single_precision = true;
    if (m->charsmap.data) {
        struct normalizer *n = build_normalizer(s, NORMALIZE_PRECOMPILED);

        n->charsmap.map = spec_text(s, m->charsmap.data, m->charsmap.size);
        n->charsmap.longest = true;
    }
    if (m->remove_extra) {
        build_normalize_replace(s, "^ +| +$", true, "");
        build_normalize_replace(s, " {2,}", true, " ");
    }
    if (m->dummy_prefix)
        build_normalizer(s, NORMALIZE_PREPEND)->prepend = build_text(s, "▁");
    build_normalize_replace(s, " ", false, "▁");
    build_decode_replace(s, "▁", " ");
    build_decoder(s, DECODE_BYTE_FALLBACK);
    build_decoder(s, DECODE_FUSE);
    if (m->dummy_prefix)
        build_decode_strip(s);
}

/* ---- BPE: Llama, Gemma, Mistral and their kin */

static bool load_bpe(const struct spm *m, const struct load_hints *h, struct tokenizer_spec *s,
                     struct err *err)
{
    bool gemma = is_class(h, "gemma");
    bool prefix = gemma ? false : h->add_prefix_space >= 0 ? h->add_prefix_space : m->dummy_prefix;
    bool legacy = h->legacy != 0;
    struct metaspace space = {.replacement = 0x2581,
                              .scheme = prefix ? PREPEND_FIRST : PREPEND_NEVER};

    if (!push_pieces(s, m, 0, 0) || !push_added(s, m))
        return too_much(err);
    if (!build_merges(s, MERGES_BY_SCORE, err))
        return false;
    s->model = (struct model_spec){.kind = MODEL_BPE,
                                   .fuse_unk = true,
                                   .byte_fallback = !is_bare(h) || m->byte_fallback,
                                   .has_unk = true,
                                   .unk = spec_text(s, m->unk_piece.data, m->unk_piece.size)};
    if (is_bare(h)) {
        build_bare_text(m, s);
        return true;
    }
    if (!gemma && !legacy) {
        build_pretokenizer(s, SPLIT_METASPACE)->metaspace = space;
    } else {
        if (prefix)
            build_normalizer(s, NORMALIZE_PREPEND)->prepend = build_text(s, "▁");
        build_normalize_replace(s, " ", false, "▁");
    }
    build_decode_replace(s, "▁", " ");
    build_decoder(s, DECODE_BYTE_FALLBACK);
    build_decoder(s, DECODE_FUSE);
    if (prefix)
        build_decode_strip(s);
    return true;
}

/* ---- Unigram: T5, XLM-RoBERTa, ALBERT and their kin */

static void build_unigram_text(const struct spm *m, const struct load_hints *h,
                               struct tokenizer_spec *s)
{
    bool prefix = h->add_prefix_space >= 0 ? h->add_prefix_space : m->dummy_prefix;
    struct metaspace space = {.replacement = 0x2581,
                              .scheme = !prefix          ? PREPEND_NEVER
                                        : h->legacy == 0 ? PREPEND_FIRST
                                                         : PREPEND_ALWAYS,
                              .split = true};

    if (m->charsmap.data)
        build_normalizer(s, NORMALIZE_PRECOMPILED)->charsmap.map =
            spec_text(s, m->charsmap.data, m->charsmap.size);
    build_normalizer(s, NORMALIZE_STRIP)->strip.right = true;
    build_normalize_replace(s, " {2,}", true, "▁");
    build_pretokenizer(s, SPLIT_METASPACE)->metaspace = space;
    build_decoder(s, DECODE_METASPACE)->metaspace = space;
}

static bool template(struct tokenizer_spec *s, const char *single, const char *pair,
                     struct err *err)
{
    return build_template(s, single, pair) ||
           err_set(err, ERR_FILE_CORRUPT,
                   "SentencePiece model: a special token of its class is missing: %s", single);
}

/* fairseq's order: the first three pieces give way to four special tokens, <mask> comes last. */
static bool load_xlm_roberta(const struct spm *m, struct tokenizer_spec *s, struct err *err)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    uint32_t mask = (uint32_t)m->n_pieces + 1;

    for (uint32_t i = 0; i < ARRAY_SIZE(first); i++)
        if (!build_vocab(s, first[i], strlen(first[i]), i, 0) ||
            !build_added(s, first[i], strlen(first[i]), true))
            return too_much(err);
    if (!push_pieces(s, m, 3, 4) || !build_vocab(s, "<mask>", 6, mask, 0) ||
        !build_added(s, "<mask>", 6, true))
        return too_much(err);
    s->added[s->n_added - 1].lstrip = true;
    s->model.unk_id = 3;
    return template(s, "<s> A </s>", "<s> A </s> </s> B </s>", err);
}

static bool load_t5(const struct spm *m, const struct load_hints *h, struct tokenizer_spec *s,
                    struct err *err)
{
    enum { EXTRA_IDS = 100 };
    const char *const roles[] = { or (h->eos, "</s>"), or (h->unk, "<unk>"), or (h->pad, "<pad>")};
    char name[32];

    if (!push_pieces(s, m, 0, 0) || !push_added(s, m))
        return too_much(err);
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
        if (!build_added(s, roles[i], strlen(roles[i]), true))
            return too_much(err);
    for (int i = EXTRA_IDS; i-- > 0;) {
        snprintf(name, sizeof(name), "<extra_id_%d>", i);
        if (!build_vocab(s, name, strlen(name), (uint32_t)s->n_vocab, 0) ||
            !build_added(s, name, strlen(name), true))
            return too_much(err);
    }
    return template(s, "A </s>", "A </s> B </s>", err);
}

static bool load_albert(const struct spm *m, const struct load_hints *h, struct tokenizer_spec *s,
                        struct err *err)
{
    build_normalize_replace(s, "``", false, "\"");
    build_normalize_replace(s, "''", false, "\"");
    build_normalizer(s, NORMALIZE_NFKD);
    build_normalizer(s, NORMALIZE_STRIP_ACCENTS);
    if (h->lower_case != 0)
        build_normalizer(s, NORMALIZE_LOWERCASE);
    if (!push_pieces(s, m, 0, 0) || !push_added(s, m))
        return too_much(err);
    return template(s, "[CLS] A [SEP]", "[CLS] A [SEP] B:1 [SEP]:1", err);
}

static bool load_unigram(const struct spm *m, const struct load_hints *h, struct tokenizer_spec *s,
                         struct err *err)
{
    bool ok;

    s->model = (struct model_spec){.kind = MODEL_UNIGRAM,
                                   .has_unk = true,
                                   .unk_id = m->unk_id,
                                   .byte_fallback = m->byte_fallback};
    if (is_class(h, "xlmroberta") || is_class(h, "xlm-roberta"))
        ok = load_xlm_roberta(m, s, err);
    else if (is_class(h, "t5"))
        ok = load_t5(m, h, s, err);
    else if (is_class(h, "albert"))
        ok = load_albert(m, h, s, err);
    else
        ok = (push_pieces(s, m, 0, 0) && push_added(s, m)) || too_much(err);
    if (ok && is_bare(h))
        build_bare_text(m, s);
    else if (ok)
        build_unigram_text(m, h, s);
    return ok;
}

bool load_sentencepiece(const struct tokenizer_files *files, const struct load_hints *hints,
                        struct tokenizer_spec *s, struct err *err)
{
    CLEANUP(spm_release) struct spm m = {0};

    if (!spm_read(files->sentencepiece, &m, err))
        return false;
    if (is_class(hints, "camembert"))
        return err_set(err, ERR_COMBINATION,
                       "SentencePiece model: CamembertTokenizer without a tokenizer.json is not "
                       "supported");
    if (m.suffix || !m.escape)
        return err_set(err, ERR_COMBINATION, "SentencePiece model: %s is not supported",
                       m.suffix ? "treat_whitespace_as_suffix" : "escape_whitespaces=false");
    if (is_bare(hints) && has_user_defined(&m))
        return err_set(
            err, ERR_COMBINATION,
            "SentencePiece model: user-defined symbols without a tokenizer_class are not "
            "supported: spaces beside them cannot be kept as SentencePiece keeps them");
    switch (m.model) {
    case SPM_BPE:
        return load_bpe(&m, hints, s, err);
    case SPM_UNIGRAM:
        return load_unigram(&m, hints, s, err);
    case SPM_WORD:
    case SPM_CHAR:
        break;
    }
    return err_set(err, ERR_COMBINATION,
                   "SentencePiece model: model_type %s is not supported; unigram and bpe are",
                   m.model == SPM_WORD ? "word" : "char");
}
