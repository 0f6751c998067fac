/*
 * spec_dump ROLE=FILE…: what tokenizer_load() makes of the files, as text to compare:
 * a line per component, vocabulary entry (by id), merge and added token.
 *     spec_dump json=tokenizer.json config=tokenizer_config.json
 * Roles: json config map added vocab merges txt spm tiktoken tekken gguf model.
 */
#include "tokenizer/load.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct tokenizer_spec *spec;

static void text(const char *label, struct text t)
{
    printf(" %s=\"", label);
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)spec_str(spec, t)[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void matcher(struct matcher m) { text(m.regex ? "regex" : "string", m.pattern); }

static void metaspace(struct metaspace m)
{
    printf(" U+%04X scheme=%d split=%d", m.replacement, (int)m.scheme, m.split);
}

static void dump_normalizers(void)
{
    for (size_t i = 0; i < spec->n_normalizers; i++) {
        const struct normalizer *n = &spec->normalizers[i];
        printf("normalizer %d", (int)n->kind);
        if (n->kind == NORMALIZE_STRIP)
            printf(" %d %d", n->strip.left, n->strip.right);
        if (n->kind == NORMALIZE_REPLACE) {
            matcher(n->replace.what);
            text("with", n->replace.with);
        }
        if (n->kind == NORMALIZE_PREPEND)
            text("prepend", n->prepend);
        if (n->kind == NORMALIZE_BERT)
            printf(" %d %d %d %d", n->bert.clean_text, n->bert.handle_chinese_chars,
                   n->bert.strip_accents, n->bert.lowercase);
        if (n->kind == NORMALIZE_PRECOMPILED)
            for (uint32_t k = 0; k < n->charsmap.size; k++)
                printf("%s%02x", k ? "" : " ", (uint8_t)spec_str(spec, n->charsmap)[k]);
        putchar('\n');
    }
}

static void dump_pretokenizers(void)
{
    for (size_t i = 0; i < spec->n_pretokenizers; i++) {
        const struct pretokenizer *p = &spec->pretokenizers[i];
        printf("pretokenizer %d", (int)p->kind);
        if (p->kind == SPLIT_BYTE_LEVEL)
            printf(" prefix=%d regex=%d", p->byte_level.add_prefix_space, p->byte_level.use_regex);
        if (p->kind == SPLIT_METASPACE)
            metaspace(p->metaspace);
        if (p->kind == SPLIT_PATTERN) {
            matcher(p->pattern.what);
            printf(" behavior=%d invert=%d", (int)p->pattern.behavior, p->pattern.invert);
        }
        if (p->kind == SPLIT_DIGITS)
            printf(" individual=%d", p->individual_digits);
        if (p->kind == SPLIT_PUNCTUATION)
            printf(" behavior=%d", (int)p->punctuation);
        putchar('\n');
    }
}

static void template(const char *label, uint32_t first, uint32_t n)
{
    printf(" %s:", label);
    for (uint32_t i = first; i < first + n; i++) {
        const struct template_piece *p = &spec->pieces[i];
        if (p->part != PART_TOKENS)
            printf(" %c:%u", p->part == PART_A ? 'A' : 'B', p->type_id);
        for (uint32_t k = 0; p->part == PART_TOKENS && k < p->n_ids; k++)
            printf(" %u:%u", spec->post_ids[p->first_id + k], p->type_id);
    }
}

static void dump_postprocessors(void)
{
    for (size_t i = 0; i < spec->n_postprocessors; i++) {
        const struct postprocessor *p = &spec->postprocessors[i];
        printf("postprocessor %d", (int)p->kind);
        if (p->kind == POST_TEMPLATE) {
            template("single", p->template.first_single, p->template.n_single);
            template("pair", p->template.first_pair, p->template.n_pair);
        }
        if (p->kind == POST_BERT || p->kind == POST_ROBERTA)
            printf(" sep=%u cls=%u trim=%d prefix=%d", p->bert.sep.id, p->bert.cls.id,
                   p->bert.trim_offsets, p->bert.add_prefix_space);
        if (p->kind == POST_BYTE_LEVEL)
            printf(" trim=%d", p->byte_level.trim_offsets);
        putchar('\n');
    }
}

static void dump_decoders(void)
{
    printf("decoders %d\n", spec->has_decoder);
    for (size_t i = 0; i < spec->n_decoders; i++) {
        const struct decoder *d = &spec->decoders[i];
        printf("decoder %d", (int)d->kind);
        if (d->kind == DECODE_WORDPIECE) {
            text("prefix", d->wordpiece.prefix);
            printf(" cleanup=%d", d->wordpiece.cleanup);
        }
        if (d->kind == DECODE_METASPACE)
            metaspace(d->metaspace);
        if (d->kind == DECODE_BPE)
            text("suffix", d->suffix);
        if (d->kind == DECODE_STRIP)
            printf(" U+%04X %u %u", d->strip.content, d->strip.start, d->strip.stop);
        if (d->kind == DECODE_REPLACE) {
            matcher(d->replace.what);
            text("with", d->replace.with);
        }
        putchar('\n');
    }
}

static int by_id(const void *a, const void *b)
{
    const struct vocab_entry *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static void dump_model(struct tokenizer_spec *s)
{
    const struct model_spec *m = &s->model;

    printf("model %d fuse_unk=%d byte_fallback=%d ignore_merges=%d", (int)m->kind, m->fuse_unk,
           m->byte_fallback, m->ignore_merges);
    if (m->kind == MODEL_WORDPIECE)
        printf(" max=%u", m->max_word_chars);
    if (m->has_unk && m->kind == MODEL_UNIGRAM)
        printf(" unk_id=%u", m->unk_id);
    else if (m->has_unk)
        text("unk", m->unk);
    text("prefix", m->continuing_prefix);
    text("suffix", m->word_suffix);
    printf(" bytes=%d clean_up=%d\n", spec_is_bytes(s), s->clean_up_spaces);
    if (s->n_vocab)
        qsort(s->vocab, s->n_vocab, sizeof(*s->vocab), by_id);
    for (size_t i = 0; i < s->n_vocab; i++) {
        printf("vocab %u", s->vocab[i].id);
        text("token", s->vocab[i].token);
        if (m->kind == MODEL_UNIGRAM)
            printf(" %.17g", s->vocab[i].score);
        putchar('\n');
    }
    for (size_t i = 0; i < s->n_merges; i++) {
        printf("merge");
        text("left", s->merges[i].left);
        text("right", s->merges[i].right);
        putchar('\n');
    }
    for (size_t i = 0; i < s->n_added; i++) {
        const struct added_token *a = &s->added[i];
        printf("added %u", a->id);
        text("content", a->content);
        printf(" word=%d l=%d r=%d normalized=%d special=%d\n", a->single_word, a->lstrip,
               a->rstrip, a->normalized, a->special);
    }
}

static bool read_file(const char *path, struct buf *ret)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    return size >= 0 && file_read_range(fd, 0, size, ret);
}

int main(int argc, char **argv)
{
    struct tokenizer_files files = {0};
    const struct {
        const char *role;
        struct slice *file;
    } roles[] = {
        {"json=", &files.tokenizer_json},
        {"config=", &files.tokenizer_config},
        {"map=", &files.special_tokens_map},
        {"added=", &files.added_tokens},
        {"vocab=", &files.vocab_json},
        {"merges=", &files.merges_txt},
        {"txt=", &files.vocab_txt},
        {"spm=", &files.sentencepiece},
        {"tiktoken=", &files.tiktoken},
        {"tekken=", &files.tekken},
        {"gguf=", &files.gguf},
        {"model=", &files.config},
    };
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    AUTO_ERR struct err err = {0};

    for (int i = 1; i < argc; i++)
        for (size_t k = 0; k < ARRAY_SIZE(roles); k++) {
            size_t size = strlen(roles[k].role);
            struct buf b = {0}; /* until the end of the process */
            if (strncmp(argv[i], roles[k].role, size) != 0)
                continue;
            if (!read_file(argv[i] + size, &b)) {
                perror(argv[i]);
                return 2;
            }
            *roles[k].file = (struct slice){b.data, b.size};
        }
    if (!tokenizer_load(&files, &s, &err)) {
        fprintf(stderr, "%s: %s\n", err_slug(err.code), err.msg);
        return 1;
    }
    spec = &s;
    dump_normalizers();
    dump_pretokenizers();
    dump_postprocessors();
    dump_decoders();
    dump_model(&s);
    return 0;
}
