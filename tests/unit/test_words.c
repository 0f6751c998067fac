/* Random tokenizers: the fast way against the model on the whole text, or on the scanner's pieces.
 */
#include "test.h"

#include "tokenizer/words.h"

#include <stdio.h>

static unsigned seed = 5;
static unsigned below(unsigned n) { return (unsigned)rand_r(&seed) % n; }

static const char *const letters[] = {" ",  "a",  "b", "▁",  "é", "中", "文", "字",
                                      "か", "な", "😀", "\n", "x", ".",  "1",  "ß"};

struct fixture {
    struct tokenizer_spec spec;
    struct buf image;
    struct token_model *model;
    struct program *program;
    struct words *words;
    struct model_scratch *scratch;
};

static void release(struct fixture *f)
{
    words_free(f->words);
    program_free(f->program);
    token_model_free(f->model);
    model_scratch_free(f->scratch);
    buf_release(&f->image);
    tokenizer_spec_release(&f->spec);
}

static void add(struct tokenizer_spec *s, const void *token, size_t size)
{
    s->vocab = mem_resize(s->vocab, (s->n_vocab + 1) * sizeof(*s->vocab));
    s->vocab[s->n_vocab] = (struct vocab_entry){spec_text(s, token, size), (uint32_t)s->n_vocab, 0};
    s->n_vocab++;
}

static bool has(const struct tokenizer_spec *s, const char *token, size_t size)
{
    for (size_t i = 0; i < s->n_vocab; i++)
        if (s->vocab[i].token.size == size &&
            memcmp(spec_str(s, s->vocab[i].token), token, size) == 0)
            return true;
    return false;
}

/* Joins random tokens from `first` on; some tokens are made by no merge. */
static void add_merges(struct tokenizer_spec *s, size_t first, unsigned n)
{
    AUTO_BUF struct buf b = {0};

    s->merges = mem_new_array(n + 1, struct merge);
    for (unsigned i = 0; i < n; i++) {
        struct text l = s->vocab[first + below((unsigned)(s->n_vocab - first))].token,
                    r = s->vocab[first + below((unsigned)(s->n_vocab - first))].token;

        if (l.size + r.size > 40)
            continue;
        buf_clear(&b);
        buf_append(&b, spec_str(s, l), l.size);
        buf_append(&b, spec_str(s, r), r.size);
        if (!has(s, b.data, b.size))
            add(s, b.data, b.size);
        if (below(8))
            s->merges[s->n_merges++] = (struct merge){l, r};
    }
}

static void compile(struct fixture *f)
{
    AUTO_ERR struct err err = {0};
    AUTO_ADDED_NAMES struct added_names names = {0};
    struct image_writer w = {0};
    struct image_key key = {{(uint8_t)below(256), (uint8_t)below(256)}};
    struct image image;

    if (!program_compile(&f->spec, &w, &names, &err) || !token_model_compile(&f->spec, &w, &err))
        fail_msg("%s", err.msg);
    words_compile(&f->spec, &w);
    image_finish(&w, &key, &f->image);
    image_writer_release(&w);
    image = (struct image){(uint8_t *)f->image.data, f->image.size};
    assert_true(image_check(image, &key, true, &err));
    assert_true(token_model_open(image, &f->model, &err));
    assert_true(program_open(image, &f->program, &err));
    f->words =
        words_open(image, f->model, f->program,
                   scanner_find(&f->spec, f->spec.pretokenizers, f->spec.n_pretokenizers), false);
    f->scratch = model_scratch_new();
}

/* Followed by as many bytes as may be read, so that sanitizers see one more. */
static void random_text(struct buf *out, unsigned max_chars)
{
    static const char tail[WORDS_TAIL] = {1};
    unsigned n = below(max_chars), n_letters = 2 + below(ARRAY_SIZE(letters) - 1);

    buf_clear(out);
    for (unsigned i = 0; i < n; i++)
        buf_append_str(out, letters[below(n_letters)]);
    buf_append(out, tail, sizeof(tail));
    out->size -= sizeof(tail);
}

static void same(const struct fixture *f, const char *text, size_t at, size_t end,
                 struct words_scratch *s, const struct tokens *exact)
{
    AUTO_ERR struct err err = {0};
    struct words_out out = {.want_spans = true}, ids = {0};
    size_t n = 1;

    for (int again = 0; again < 2; again++) {
        out.n = ids.n = 0;
        assert_true(words_encode(f->words, text, at, end, s, &out, &err));
        assert_true(words_encode(f->words, text, at, end, s, &ids, &err));
        assert_int_equal(out.n, exact->n);
        assert_int_equal(ids.n, exact->n);
        for (size_t i = 0; i < out.n; i++) {
            assert_int_equal(out.ids[i], exact->items[i].id);
            assert_int_equal(ids.ids[i], exact->items[i].id);
            assert_int_equal(out.spans[i].start, exact->items[i].span.start);
            assert_int_equal(out.spans[i].end, exact->items[i].span.end);
        }
    }
    assert_true(words_count(f->words, text, at, end, s, &n, &err));
    assert_int_equal(n, exact->n + 1);
    free(out.ids);
    free(out.spans);
    free(ids.ids);
}

/* ---- JOINED */

static void joined_spec(struct tokenizer_spec *s, bool prepend, bool fallback)
{
    struct normalizer *n = s->normalizers = mem_new_array(2, struct normalizer);

    if (prepend) {
        n->kind = NORMALIZE_PREPEND;
        n++->prepend = spec_text(s, "▁", 3);
    }
    n->kind = NORMALIZE_REPLACE;
    n->replace.what.pattern = spec_text(s, " ", 1);
    n->replace.with = spec_text(s, "▁", 3);
    s->n_normalizers = prepend ? 2 : 1;
    s->model =
        (struct model_spec){.kind = MODEL_BPE, .byte_fallback = fallback, .fuse_unk = fallback};
    add(s, "<unk>", 5);
    s->model.has_unk = true;
    s->model.unk = s->vocab[0].token;
    for (int b = 0; fallback && b < 256; b++) {
        char name[8];

        snprintf(name, sizeof(name), "<0x%02X>", b);
        add(s, name, 6);
    }
    size_t first = s->n_vocab;
    add(s, "▁", 3);
    for (size_t i = 1; i < ARRAY_SIZE(letters); i++)
        if (below(5) && !has(s, letters[i], strlen(letters[i])))
            add(s, letters[i], strlen(letters[i]));
    add_merges(s, first, below(80));
}

/* The whole text as one piece; spans through a map of its bytes. */
static void exact_joined(const struct fixture *f, const char *text, size_t at, size_t end,
                         bool prepend, struct tokens *out)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    uint32_t from[4096], to[4096];
    size_t n = 0;

    out->n = 0;
    if (at == end)
        return;
    for (size_t i = at - (prepend ? 1 : 0); i != end; i++) {
        bool virtual = i + 1 == at, space = virtual || text[i] == ' ';
        size_t first = 1;

        while (virtual && at + first < end && ((uint8_t)text[at + first] & 0xc0) == 0x80)
            first++;
        buf_append(&b, space ? "▁" : text + i, space ? 3 : 1);
        for (; n < b.size; n++) {
            from[n] = (uint32_t)(virtual ? at : i);
            to[n] = (uint32_t)(virtual ? at + first : i + 1);
        }
    }
    assert_true(token_model_encode(f->model, b.data, b.size, f->scratch, out, &err));
    for (size_t i = 0; i < out->n; i++) {
        struct span *span = &out->items[i].span;

        *span = (struct span){from[span->start], to[span->end - 1]};
    }
}

static void joined_words_are_as_the_whole_text(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct words_scratch *s = words_scratch_new(1);
    CLEANUP(tokens_release) struct tokens exact = {0};
    (void)state;

    for (int round = 0; round < 200; round++) {
        CLEANUP(release) struct fixture f = {0};
        bool prepend = below(2);

        joined_spec(&f.spec, prepend, below(2));
        compile(&f);
        assert_non_null(f.words);
        for (int i = 0; i < 30; i++) {
            size_t at;

            random_text(&text, i < 25 ? 40 : 300);
            at = text.size && below(3) == 0 ? 1 : 0;
            while (at < text.size && ((uint8_t)text.data[at] & 0xc0) == 0x80)
                at++;
            exact_joined(&f, text.data, at, text.size, prepend, &exact);
            same(&f, text.data, at, text.size, s, &exact);
        }
    }
    words_scratch_free(s);
}

/* ---- BYTES */

static size_t spell_byte(int b, char ret[4])
{
    uint32_t cp = b <= 32                ? 256 + (uint32_t)b
                  : b >= 127 && b <= 160 ? 162 + (uint32_t)b
                  : b == 173             ? 323
                                         : (uint32_t)b;

    if (cp < 0x80) {
        ret[0] = (char)cp;
        return 1;
    }
    ret[0] = (char)(0xc0 | cp >> 6);
    ret[1] = (char)(0x80 | (cp & 0x3f));
    return 2;
}

static void bytes_spec(struct tokenizer_spec *s, bool ignore_merges)
{
    size_t used = 0;

    s->model = (struct model_spec){.kind = MODEL_BPE, .ignore_merges = ignore_merges};
    s->pretokenizers = mem_new(struct pretokenizer);
    s->pretokenizers[0].kind = SPLIT_BYTE_LEVEL;
    s->pretokenizers[0].byte_level.use_regex = true;
    s->pretokenizers[0].byte_level.trim_offsets = true;
    s->n_pretokenizers = 1;
    /* Bytes of the letters last, so that merges are made of them. */
    for (int pass = 0; pass < 2; pass++)
        for (int b = 0; b < 256; b++) {
            bool in_letters = false;
            char name[4];

            for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
                in_letters = in_letters || (b && strchr(letters[i], b));
            if (in_letters == (pass == 1))
                add(s, name, spell_byte(b, name));
            used += pass == 0 && !in_letters;
        }
    add_merges(s, used, 20 + below(200));
}

static void exact_bytes(const struct fixture *f, const struct scanner *scanner, const char *text,
                        size_t at, size_t end, struct tokens *out)
{
    AUTO_ERR struct err err = {0};
    uint32_t ends[16];

    out->n = 0;
    for (size_t done = 0; done < end - at;) {
        size_t n = scanner_ends(scanner, text + at, end - at, done, ends, ARRAY_SIZE(ends));

        for (size_t i = 0; i < n; i++) {
            size_t before = out->n;

            assert_true(token_model_encode(f->model, text + at + done, ends[i] - done, f->scratch,
                                           out, &err));
            for (size_t j = before; j < out->n; j++) {
                out->items[j].span.start += (uint32_t)(at + done);
                out->items[j].span.end += (uint32_t)(at + done);
            }
            done = ends[i];
        }
    }
}

static void words_of_bytes_are_as_the_pieces_of_the_scanner(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct words_scratch *s = words_scratch_new(1);
    CLEANUP(tokens_release) struct tokens exact = {0};
    (void)state;

    for (int round = 0; round < 200; round++) {
        CLEANUP(release) struct fixture f = {0};
        const struct scanner *scanner;

        bytes_spec(&f.spec, below(2));
        compile(&f);
        assert_non_null(f.words);
        scanner = scanner_find(&f.spec, f.spec.pretokenizers, f.spec.n_pretokenizers);
        for (int i = 0; i < 30; i++) {
            random_text(&text, i < 25 ? 60 : 400);
            exact_bytes(&f, scanner, text.data, 0, text.size, &exact);
            same(&f, text.data, 0, text.size, s, &exact);
        }
    }
    words_scratch_free(s);
}

/* ---- BERT, SPACED: against the steps one by one */

static void add_random_tokens(struct tokenizer_spec *s, const char *prefix, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        AUTO_BUF struct buf b = {0};

        if (below(2))
            buf_append_str(&b, prefix);
        for (unsigned k = 1 + below(3); k > 0; k--)
            buf_append_str(&b, letters[1 + below(ARRAY_SIZE(letters) - 1)]);
        if (!has(s, b.data, b.size))
            add(s, b.data, b.size);
        s->vocab[s->n_vocab - 1].score = -(double)below(40) / 4;
    }
}

static void bert_spec(struct tokenizer_spec *s)
{
    s->normalizers = mem_new(struct normalizer);
    s->normalizers->kind = NORMALIZE_BERT;
    s->normalizers->bert.clean_text = below(2);
    s->normalizers->bert.handle_chinese_chars = below(2);
    s->normalizers->bert.strip_accents = below(2);
    s->normalizers->bert.lowercase = below(2);
    s->pretokenizers = mem_new(struct pretokenizer);
    s->pretokenizers->kind = SPLIT_BERT;
    s->n_normalizers = s->n_pretokenizers = 1;
    s->model = (struct model_spec){.kind = MODEL_WORDPIECE, .has_unk = true, .max_word_chars = 9};
    add(s, "[UNK]", 5);
    s->model.unk = s->vocab[0].token;
    s->model.continuing_prefix = spec_text(s, "##", 2);
    add_random_tokens(s, "##", 60);
}

static void spaced_spec(struct tokenizer_spec *s)
{
    struct pretokenizer *p = s->pretokenizers = mem_new_array(2, struct pretokenizer);

    if (below(2)) {
        s->normalizers = mem_new(struct normalizer);
        s->normalizers->kind = NORMALIZE_REPLACE;
        s->normalizers->replace.what = (struct matcher){spec_text(s, " {2,}", 5), true};
        s->normalizers->replace.with = spec_text(s, " ", 1);
        s->n_normalizers = 1;
    }
    if (below(2))
        p++->kind = SPLIT_WHITESPACE_SPLIT;
    p->kind = SPLIT_METASPACE;
    p->metaspace = (struct metaspace){0x2581, PREPEND_ALWAYS, true};
    s->n_pretokenizers = (size_t)(p - s->pretokenizers) + 1;
    s->model = (struct model_spec){.kind = MODEL_UNIGRAM, .has_unk = true};
    add(s, "<unk>", 5);
    add_random_tokens(s, "▁", 60);
}

static void exact_pieces(const struct fixture *f, const struct buf *text, struct tokens *out)
{
    AUTO_ERR struct err err = {0};
    struct pieces_scratch *scratch = pieces_scratch_new();
    struct pieces p = {0};

    out->n = 0;
    assert_true(pieces_make(f->program, text->data, text->size, PIECES_NO_ADDED | PIECES_ORIGINS,
                            scratch, &p, &err));
    for (size_t i = 0; i < p.n; i++) {
        size_t before = out->n;

        assert_true(token_model_encode(f->model, p.text.data + p.items[i].at, p.items[i].size,
                                       f->scratch, out, &err));
        for (size_t j = before; j < out->n; j++) {
            struct span *span = &out->items[j].span;

            *span = (struct span){p.origins[p.items[i].at + span->start].start,
                                  p.origins[p.items[i].at + span->end - 1].end};
        }
    }
    pieces_release(&p);
    pieces_scratch_free(scratch);
}

static void words_between_spaces_are_as_the_steps_one_by_one(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct words_scratch *s = words_scratch_new(1);
    CLEANUP(tokens_release) struct tokens exact = {0};
    (void)state;

    for (int round = 0; round < 100; round++) {
        CLEANUP(release) struct fixture f = {0};

        if (round % 2)
            bert_spec(&f.spec);
        else
            spaced_spec(&f.spec);
        compile(&f);
        assert_non_null(f.words);
        for (int i = 0; i < 30; i++) {
            random_text(&text, i < 25 ? 30 : 200);
            exact_pieces(&f, &text, &exact);
            same(&f, text.data, 0, text.size, s, &exact);
        }
    }
    words_scratch_free(s);
}

static void halves_at_a_safe_cut_give_the_ids_of_the_whole(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct words_scratch *s = words_scratch_new(0);
    AUTO_ERR struct err err = {0};
    unsigned n_cuts = 0;
    (void)state;

    for (int round = 0; round < 100; round++) {
        CLEANUP(release) struct fixture f = {0};
        struct words_out whole = {0}, halves = {0};

        if (round % 2)
            bytes_spec(&f.spec, below(2));
        else
            joined_spec(&f.spec, false, below(2));
        compile(&f);
        for (int i = 0; i < 20; i++) {
            random_text(&text, 60);
            size_t cut = words_safe_cut(f.words, text.data, text.size, 0, text.size / 2);

            whole.n = halves.n = 0;
            assert_true(cut <= text.size / 2);
            assert_true(words_encode(f.words, text.data, 0, text.size, s, &whole, &err));
            assert_true(words_encode(f.words, text.data, 0, cut, s, &halves, &err));
            assert_true(words_encode(f.words, text.data, cut, text.size, s, &halves, &err));
            assert_int_equal(whole.n, halves.n);
            if (whole.n)
                assert_memory_equal(whole.ids, halves.ids, whole.n * sizeof(*whole.ids));
            n_cuts += cut > 0;
        }
        free(whole.ids);
        free(halves.ids);
    }
    assert_true(n_cuts > 100);
    words_scratch_free(s);
}

static void what_cannot_be_proven_has_no_fast_way(void **state)
{
    (void)state;

    for (int what = 0; what < 4; what++) {
        CLEANUP(release) struct fixture f = {0};

        joined_spec(&f.spec, true, true);
        f.spec.model.ignore_merges = what == 0;
        f.spec.model.byte_fallback = what != 1; /* what is unknown joins its neighbours */
        if (what == 2)
            f.spec.model.word_suffix = spec_text(&f.spec, "</w>", 4);
        if (what == 3) /* a stand-in for a byte is merged */
            f.spec.merges[f.spec.n_merges++] =
                (struct merge){spec_text(&f.spec, "<0x41>", 6), spec_text(&f.spec, "", 0)};
        if (what == 3)
            add(&f.spec, "", 0);
        compile(&f);
        assert_null(f.words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_words_are_as_the_whole_text),
        cmocka_unit_test(words_of_bytes_are_as_the_pieces_of_the_scanner),
        cmocka_unit_test(words_between_spaces_are_as_the_steps_one_by_one),
        cmocka_unit_test(halves_at_a_safe_cut_give_the_ids_of_the_whole),
        cmocka_unit_test(what_cannot_be_proven_has_no_fast_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
