/* vocab.json with merges.txt, and vocab.txt: as transformers' converters make tokenizers of them.
 */
#include "base/utf8.h"
#include "tokenizer/load_build.h"
#include "tokenizer/load_fields.h"
#include "tokenizer/load_files.h"
#include "tokenizer/load_patterns.h"

#include <stdio.h>

static const char * or (const char *told, const char *fallback) { return *told ? told : fallback; }

static bool is_one_of(const struct load_hints *h, const char *const *names)
{
    for (; *names; names++)
        if (strcasestr(h->class_name, *names) || strcasestr(h->model_type, *names))
            return true;
    return false;
}

static bool too_much(struct err *err, const char *file)
{
    return err_set(err, ERR_FILE_CORRUPT, "%s: more, or longer, entries than are allowed", file);
}

/* ---- vocab.json and merges.txt */

static bool read_vocab_json(struct slice file, struct tokenizer_spec *s, struct err *err)
{
    AUTO_JSON_READER struct json_reader r = json_reader(file.data, file.size);
    struct slice token;

    json_read_object(&r);
    while (json_read_key(&r, &token)) {
        int64_t id;
        uint32_t at = (uint32_t)s->strings.size;
        if (!build_vocab(s, token.data, token.size, 0, 0)) {
            json_read_fault(&r, "more, or longer, tokens than are allowed");
            break;
        }
        if (!json_read_int(&r, &id))
            break;
        if (id < 0 || id >= VOCAB_MAX) {
            json_read_fault(&r, "an id that is too large");
            break;
        }
        s->vocab[s->n_vocab - 1] =
            (struct vocab_entry){{at, (uint32_t)(s->strings.size - at)}, (uint32_t)id, 0};
    }
    return json_read_end(&r, ERR_FILE_CORRUPT, "vocab.json", err);
}

static bool read_merges(struct slice file, struct tokenizer_spec *s, struct err *err)
{
    const char *p = file.data, *end = p + file.size;
    size_t bad;

    if (!utf8_valid(file.data, file.size, &bad))
        return err_set(err, ERR_FILE_CORRUPT, "merges.txt: not UTF-8 at byte %zu", bad);
    for (size_t line = 1; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t size = (size_t)((stop ? stop : end) - p);
        const char *space = memchr(p, ' ', size);
        bool skipped = !size || (size >= 8 && memcmp(p, "#version", 8) == 0);

        if (!skipped) {
            size_t left = space ? (size_t)(space - p) : 0;
            if (!space || memchr(space + 1, ' ', size - left - 1) || size > TOKEN_SIZE_MAX)
                return err_set(err, ERR_FILE_CORRUPT,
                               "merges.txt: line %zu is not two tokens with a space between", line);
            struct text t = spec_text(s, p, size);
            if (!build_merge(s, (struct text){t.at, (uint32_t)left},
                             (struct text){t.at + (uint32_t)left + 1, t.size - (uint32_t)left - 1}))
                return too_much(err, "merges.txt");
        }
        p += size + 1;
    }
    return true;
}

/* Special tokens by their roles; those that the class has when nobody says otherwise. */
static bool add_roles(struct tokenizer_spec *s, const char *const *tokens)
{
    for (; *tokens; tokens++)
        if (**tokens && !build_added(s, *tokens, strlen(*tokens), true))
            return false;
    return true;
}

static bool post_token(struct tokenizer_spec *s, const char *token, struct post_token *ret)
{
    ret->token = build_text(s, token);
    return build_find(s, token, strlen(token), &ret->id);
}

static bool roberta_post(struct tokenizer_spec *s, const char *cls, const char *sep, bool prefix,
                         bool trim, struct err *err)
{
    struct postprocessor p = {.kind = POST_ROBERTA};

    p.bert.add_prefix_space = prefix;
    p.bert.trim_offsets = trim;
    if (!post_token(s, cls, &p.bert.cls) || !post_token(s, sep, &p.bert.sep))
        return err_set(err, ERR_FILE_CORRUPT, "vocab.json: it has no %s or no %s", cls, sep);
    *LOAD_PUSH(s->postprocessors, s->n_postprocessors) = p;
    return true;
}

static void byte_level_post(struct tokenizer_spec *s)
{
    struct postprocessor p = {.kind = POST_BYTE_LEVEL};

    p.byte_level.add_prefix_space = true;
    p.byte_level.use_regex = true;
    *LOAD_PUSH(s->postprocessors, s->n_postprocessors) = p;
}

static bool like_roberta(const struct load_hints *h, struct tokenizer_spec *s, struct err *err)
{
    const char *cls = or (h->cls, "<s>"), *sep = or (h->sep, "</s>");
    const char *const tokens[] = { or (h->bos, "<s>"),     or (h->eos, "</s>"),
                                   or (h->unk, "<unk>"),   sep,
                                   or (h->pad, "<pad>"),   cls,
                                   or (h->mask, "<mask>"), NULL};
    bool prefix = h->add_prefix_space == 1;

    build_byte_level(s, prefix, true);
    build_decoder(s, DECODE_BYTE_LEVEL);
    if (!add_roles(s, tokens))
        return too_much(err, "vocab.json");
    s->added[s->n_added - 1].lstrip = !*h->mask;
    return roberta_post(s, cls, sep, prefix, true, err);
}

static bool like_clip(const struct load_hints *h, struct tokenizer_spec *s, struct err *err)
{
    static const char pattern[] = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
    const char *bos = or (h->bos, "<|startoftext|>"), *eos = or (h->eos, "<|endoftext|>");
    const char *unk = or (h->unk, "<|endoftext|>");
    const char *const tokens[] = {bos, eos, unk, or (h->pad, "<|endoftext|>"), NULL};

    s->model.has_unk = true;
    s->model.unk = build_text(s, unk);
    s->model.word_suffix = build_text(s, "</w>");
    build_normalizer(s, NORMALIZE_NFC);
    build_normalize_replace(s, "\\s+", true, " ");
    build_normalizer(s, NORMALIZE_LOWERCASE);
    build_split(s, pattern, strlen(pattern));
    s->pretokenizers[0].pattern.behavior = BEHAVIOR_REMOVED;
    s->pretokenizers[0].pattern.invert = true;
    build_byte_level(s, false, true);
    build_decoder(s, DECODE_BYTE_LEVEL);
    return (add_roles(s, tokens) || too_much(err, "vocab.json")) &&
           roberta_post(s, bos, eos, false, false, err);
}

static bool like_qwen2(const struct load_hints *h, struct tokenizer_spec *s, struct err *err)
{
    const char *const tokens[] = {h->bos, or (h->eos, "<|endoftext|>"),
                                  or (h->unk, "<|endoftext|>"), or (h->pad, "<|endoftext|>"), NULL};

    build_normalizer(s, NORMALIZE_NFC);
    build_split(s, pattern_qwen2, strlen(pattern_qwen2));
    build_byte_level(s, h->add_prefix_space == 1, false);
    build_decoder(s, DECODE_BYTE_LEVEL);
    byte_level_post(s);
    return add_roles(s, tokens) || too_much(err, "vocab.json");
}

static bool like_gpt2(const struct load_hints *h, struct tokenizer_spec *s, struct err *err)
{
    const char *bos = or (h->bos, "<|endoftext|>");
    const char *const tokens[] = {bos, or (h->eos, "<|endoftext|>"), or (h->unk, "<|endoftext|>"),
                                  h->pad, NULL};
    char single[80], pair[160];

    build_byte_level(s, h->add_prefix_space == 1, true);
    build_decoder(s, DECODE_BYTE_LEVEL);
    if (!add_roles(s, tokens))
        return too_much(err, "vocab.json");
    if (h->add_bos != 1 || strchr(bos, ' ')) {
        byte_level_post(s);
        return true;
    }
    snprintf(single, sizeof(single), "%s A", bos);
    snprintf(pair, sizeof(pair), "%s A %s B:1", bos, bos);
    return build_template(s, single, pair) ||
           err_set(err, ERR_FILE_CORRUPT, "vocab.json: it has no %s", bos);
}

bool load_vocab_merges(const struct tokenizer_files *files, const struct load_hints *h,
                       struct tokenizer_spec *s, struct err *err)
{
    static const char *const roberta[] = {"roberta", "bart", "longformer", "led", "deberta", NULL};
    static const char *const clip[] = {"clip", NULL};
    static const char *const qwen2[] = {"qwen", NULL};

    if (!read_vocab_json(files->vocab_json, s, err) || !read_merges(files->merges_txt, s, err))
        return false;
    s->model = (struct model_spec){.kind = MODEL_BPE};
    if (is_one_of(h, clip))
        return like_clip(h, s, err);
    if (is_one_of(h, qwen2))
        return like_qwen2(h, s, err);
    return is_one_of(h, roberta) ? like_roberta(h, s, err) : like_gpt2(h, s, err);
}

/* ---- vocab.txt */

static bool read_vocab_txt(struct slice file, struct tokenizer_spec *s, struct err *err)
{
    const char *p = file.data, *end = p + file.size;
    size_t bad;

    if (!utf8_valid(file.data, file.size, &bad))
        return err_set(err, ERR_FILE_CORRUPT, "vocab.txt: not UTF-8 at byte %zu", bad);
    for (uint32_t id = 0; p < end; id++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t size = (size_t)((stop ? stop : end) - p);
        /* Python opens it as text: a line may end in CR LF too. */
        size_t used = size && p[size - 1] == '\r' ? size - 1 : size;
        if (!build_vocab(s, p, used, id, 0))
            return too_much(err, "vocab.txt");
        p += size + 1;
    }
    return s->n_vocab || err_set(err, ERR_FILE_CORRUPT, "vocab.txt: it is empty");
}

bool load_vocab_txt(const struct tokenizer_files *files, const struct load_hints *h,
                    struct tokenizer_spec *s, struct err *err)
{
    const char *unk = or (h->unk, "[UNK]"), *cls = or (h->cls, "[CLS]"),
               *sep = or (h->sep, "[SEP]");
    const char *const tokens[] = {unk, sep, or (h->pad, "[PAD]"), cls, or (h->mask, "[MASK]"),
                                  NULL};
    char single[160], pair[320];

    if (!read_vocab_txt(files->vocab_txt, s, err))
        return false;
    s->model = (struct model_spec){.kind = MODEL_WORDPIECE,
                                   .max_word_chars = 100,
                                   .has_unk = true,
                                   .unk = build_text(s, unk),
                                   .continuing_prefix = build_text(s, "##")};
    struct normalizer *n = build_normalizer(s, NORMALIZE_BERT);
    n->bert.clean_text = true;
    n->bert.handle_chinese_chars = h->chinese_chars != 0;
    n->bert.lowercase = h->lower_case != 0;
    n->bert.strip_accents = h->strip_accents >= 0 ? h->strip_accents : n->bert.lowercase;
    build_pretokenizer(s, SPLIT_BERT);
    struct decoder *d = build_decoder(s, DECODE_WORDPIECE);
    d->wordpiece.prefix = build_text(s, "##");
    d->wordpiece.cleanup = true;
    if (!add_roles(s, tokens))
        return too_much(err, "vocab.txt");
    snprintf(single, sizeof(single), "%s A %s", cls, sep);
    snprintf(pair, sizeof(pair), "%s A %s B:1 %s:1", cls, sep, sep);
    return build_template(s, single, pair) ||
           err_set(err, ERR_FILE_CORRUPT, "vocab.txt: it has no %s or no %s", cls, sep);
}
