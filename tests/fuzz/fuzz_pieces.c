/*
 * Normalizers, pre-tokenizers and added tokens: the first bytes choose the steps, the rest is the
 * text, cut in two: an added token, then what is encoded. Pieces stay in their text, origins in
 * theirs.
 */
#include "base/utf8.h"
#include "tokenizer/pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_STEPS = 3, HEAD = 2 * N_STEPS + 2 };

static void choose_normalizer(struct tokenizer_spec *s, uint8_t choice)
{
    struct normalizer *n = &s->normalizers[s->n_normalizers];

    *n = (struct normalizer){.kind = choice % (NORMALIZE_PRECOMPILED + 1)};
    if (n->kind == NORMALIZE_PRECOMPILED)
        return; /* it needs a map; that is a file's, and fuzzed with files */
    if (n->kind == NORMALIZE_STRIP) {
        n->strip.left = choice & 64;
        n->strip.right = choice & 128;
    } else if (n->kind == NORMALIZE_REPLACE) {
        n->replace.what.pattern = spec_text(s, choice & 64 ? " " : "ab", choice & 64 ? 1 : 2);
        n->replace.with = spec_text(s, "\u2581", choice & 128 ? 3 : 0);
    } else if (n->kind == NORMALIZE_PREPEND) {
        n->prepend = spec_text(s, "\u2581", 3);
    } else if (n->kind == NORMALIZE_BERT) {
        n->bert.clean_text = n->bert.handle_chinese_chars = choice & 64;
        n->bert.strip_accents = n->bert.lowercase = choice & 128;
    }
    s->n_normalizers++;
}

static void choose_pretokenizer(struct tokenizer_spec *s, uint8_t choice)
{
    struct pretokenizer *p = &s->pretokenizers[s->n_pretokenizers++];

    *p = (struct pretokenizer){.kind = choice % (SPLIT_FIXED_LENGTH + 1)};
    if (p->kind == SPLIT_BYTE_LEVEL) {
        p->byte_level.add_prefix_space = choice & 64;
        p->byte_level.use_regex = choice & 128;
    } else if (p->kind == SPLIT_METASPACE) {
        p->metaspace = (struct metaspace){0x2581, choice >> 6 & 1, choice & 128};
    } else if (p->kind == SPLIT_CHAR_DELIMITER) {
        p->delimiter = ' ';
    } else if (p->kind == SPLIT_PATTERN) {
        p->pattern.what = (struct matcher){spec_text(s, "\\s+|a*", 6), true};
        p->pattern.behavior = (choice >> 4) % (BEHAVIOR_CONTIGUOUS + 1);
        p->pattern.invert = choice & 128;
    } else if (p->kind == SPLIT_PUNCTUATION) {
        p->punctuation = (choice >> 4) % (BEHAVIOR_CONTIGUOUS + 1);
    } else if (p->kind == SPLIT_DIGITS) {
        p->individual_digits = choice & 64;
    } else if (p->kind == SPLIT_FIXED_LENGTH) {
        p->fixed_length = 1 + (choice >> 4);
    }
}

static void check(const struct pieces *p, size_t size)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct piece *piece = &p->items[i];

        if (piece->at > p->text.size || piece->size > p->text.size - piece->at)
            abort();
        if (!utf8_valid(p->text.data + piece->at, piece->size, NULL) && piece->id == NO_ID)
            abort();
        for (size_t k = piece->at; k < piece->at + piece->size; k++)
            if (p->origins[k].start > p->origins[k].end || p->origins[k].end > size)
                abort();
    }
}

static void run(const struct tokenizer_spec *spec, const char *text, size_t size)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf image = {0};
    AUTO_ADDED_NAMES struct added_names names = {0};
    struct image_writer w = {0};
    struct program *program = NULL;
    struct pieces_scratch *scratch = pieces_scratch_new();
    struct pieces pieces = {0};

    if (program_compile(spec, &w, &names, &err)) {
        image_finish(&w, &(struct image_key){0}, &image);
        if (!program_open((struct image){(uint8_t *)image.data, image.size}, &program, &err))
            abort();
        if (pieces_make(program, text, size, PIECES_ORIGINS, scratch, &pieces, &err))
            check(&pieces, size);
    }
    image_writer_release(&w);
    program_free(program);
    pieces_scratch_free(scratch);
    pieces_release(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tokenizer_spec spec = {0};

    if (size < HEAD || size > 4096 || !utf8_valid(data + HEAD, size - HEAD, NULL))
        return 0;
    const char *text = (const char *)data + HEAD, *end = memchr(text, '\n', size - HEAD);
    size_t token_size = end ? (size_t)(end - text) : 0, skip = end ? token_size + 1 : 0;

    spec.normalizers = mem_new_array(N_STEPS, struct normalizer);
    spec.pretokenizers = mem_new_array(N_STEPS, struct pretokenizer);
    spec.added = mem_new_array(1, struct added_token);
    for (int i = 0; i < N_STEPS && i < data[0] % 4; i++)
        choose_normalizer(&spec, data[2 + i]);
    for (int i = 0; i < N_STEPS && i < data[0] / 4 % 4; i++)
        choose_pretokenizer(&spec, data[2 + N_STEPS + i]);
    if (token_size)
        spec.added[spec.n_added++] = (struct added_token){spec_text(&spec, text, token_size),
                                                          1,
                                                          data[1] & 1,
                                                          data[1] & 2,
                                                          data[1] & 4,
                                                          data[1] & 8,
                                                          data[1] & 16};
    run(&spec, text + skip, size - HEAD - skip);
    tokenizer_spec_release(&spec);
    return 0;
}
