/* Random vocabularies, and every model against a naive one that follows the reference's text. */
#include "test.h"

#include "tokenizer/model.h"

#include <stdio.h>

static unsigned seed = 20;
static unsigned below(unsigned n) { return (unsigned)rand_r(&seed) % n; }

/* Characters of one, two, three and four bytes. */
static const char *const letters[] = {"a", "b", "c", "é", "▁", "😀", "d", "x"};

struct fixture {
    struct tokenizer_spec spec;
    struct buf image;
    struct token_model *model;
    struct model_scratch *scratch;
    struct tokens tokens;
};

static void release(struct fixture *f)
{
    tokenizer_spec_release(&f->spec);
    buf_release(&f->image);
    token_model_free(f->model);
    model_scratch_free(f->scratch);
    tokens_release(&f->tokens);
}

static uint32_t add(struct tokenizer_spec *s, const char *token, size_t size, double score)
{
    s->vocab = mem_resize(s->vocab, (s->n_vocab + 1) * sizeof(*s->vocab));
    s->vocab[s->n_vocab] =
        (struct vocab_entry){spec_text(s, token, size), (uint32_t)s->n_vocab, score};
    return (uint32_t)s->n_vocab++;
}
static uint32_t add_str(struct tokenizer_spec *s, const char *token)
{
    return add(s, token, strlen(token), 0);
}

static void add_unk(struct tokenizer_spec *s, const char *token)
{
    uint32_t id = add_str(s, token);

    s->model.has_unk = true;
    s->model.unk = s->vocab[id].token;
}

static uint32_t find(const struct tokenizer_spec *s, const char *token, size_t size)
{
    for (size_t i = s->n_vocab; i-- > 0;)
        if (s->vocab[i].token.size == size &&
            memcmp(spec_str(s, s->vocab[i].token), token, size) == 0)
            return s->vocab[i].id;
    return NO_ID;
}

static void add_merge(struct tokenizer_spec *s, struct text left, struct text right)
{
    s->merges = mem_resize(s->merges, (s->n_merges + 1) * sizeof(*s->merges));
    s->merges[s->n_merges++] = (struct merge){left, right};
}

static bool try_compile(struct fixture *f, struct err *err)
{
    struct image_writer w = {0};
    struct image_key key = {{0}};
    bool ok = token_model_compile(&f->spec, &w, err);

    if (ok) {
        struct image image;

        image_finish(&w, &key, &f->image);
        image = (struct image){(uint8_t *)f->image.data, f->image.size};
        ok = image_check(image, NULL, true, err) && token_model_open(image, &f->model, err);
        f->scratch = model_scratch_new();
    }
    image_writer_release(&w);
    return ok;
}

static void compile(struct fixture *f)
{
    AUTO_ERR struct err err = {0};

    if (!try_compile(f, &err))
        fail_msg("%s", err.msg);
}

static void random_text(struct buf *out, unsigned max_chars, unsigned n_letters)
{
    unsigned n = 1 + below(max_chars);

    buf_clear(out);
    for (unsigned i = 0; i < n; i++)
        buf_append_str(out, letters[below(n_letters)]);
}

/* ---- BPE */

struct naive {
    uint32_t ids[4096], sizes[4096];
    size_t n;
};

static void naive_add(struct naive *r, uint32_t id, uint32_t size)
{
    r->ids[r->n] = id;
    r->sizes[r->n++] = size;
}

/* The later of equal merges counts. */
static bool naive_rank(const struct tokenizer_spec *s, uint32_t left, uint32_t right, size_t *ret)
{
    for (size_t i = s->n_merges; i-- > 0;) {
        struct text l = s->merges[i].left, r = s->merges[i].right;

        if (find(s, spec_str(s, l), l.size) == left && find(s, spec_str(s, r), r.size) == right) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static uint32_t naive_result(const struct tokenizer_spec *s, size_t rank)
{
    AUTO_BUF struct buf b = {0};
    size_t prefix = s->model.continuing_prefix.size;
    struct text l = s->merges[rank].left, r = s->merges[rank].right;

    buf_append(&b, spec_str(s, l), l.size);
    buf_append(&b, spec_str(s, r) + prefix, r.size - prefix);
    return find(s, b.data, b.size);
}

static void naive_merge(const struct tokenizer_spec *s, struct naive *r)
{
    for (;;) {
        size_t best = SIZE_MAX, at = 0, rank;

        for (size_t i = 0; i + 1 < r->n; i++)
            if (naive_rank(s, r->ids[i], r->ids[i + 1], &rank) && rank < best) {
                best = rank;
                at = i;
            }
        if (best == SIZE_MAX)
            return;
        r->ids[at] = naive_result(s, best);
        r->sizes[at] += r->sizes[at + 1];
        r->n--;
        memmove(r->ids + at + 1, r->ids + at + 2, (r->n - at - 1) * sizeof(*r->ids));
        memmove(r->sizes + at + 1, r->sizes + at + 2, (r->n - at - 1) * sizeof(*r->sizes));
    }
}

static bool naive_fall_back(const struct tokenizer_spec *s, const struct buf *b, struct naive *r)
{
    for (int add_them = 0; add_them < 2; add_them++)
        for (size_t i = 0; i < b->size; i++) {
            char name[8];
            uint32_t id;

            snprintf(name, sizeof(name), "<0x%02X>", (uint8_t)b->data[i]);
            id = find(s, name, 6);
            if (id == NO_ID)
                return false;
            if (add_them)
                naive_add(r, id, 1);
        }
    return true;
}

static void naive_bpe(const struct tokenizer_spec *s, const char *text, size_t size,
                      struct naive *r)
{
    uint32_t unk_size = 0,
             unk = s->model.has_unk ? find(s, spec_str(s, s->model.unk), s->model.unk.size) : NO_ID;

    r->n = 0;
    if (s->model.ignore_merges && find(s, text, size) != NO_ID) {
        naive_add(r, find(s, text, size), (uint32_t)size);
        return;
    }
    for (size_t i = 0, end; i < size; i = end) {
        AUTO_BUF struct buf b = {0};
        uint32_t id;

        for (end = i + 1; end < size && ((uint8_t)text[end] & 0xc0) == 0x80;)
            end++;
        if (i > 0)
            buf_append(&b, spec_str(s, s->model.continuing_prefix),
                       s->model.continuing_prefix.size);
        buf_append(&b, text + i, end - i);
        if (end == size)
            buf_append(&b, spec_str(s, s->model.word_suffix), s->model.word_suffix.size);
        id = find(s, b.data, b.size);
        if (id != NO_ID) {
            if (unk_size)
                naive_add(r, unk, unk_size);
            unk_size = 0;
            naive_add(r, id, (uint32_t)(end - i));
        } else if (s->model.byte_fallback && naive_fall_back(s, &b, r)) {
            continue;
        } else if (unk != NO_ID) {
            if (unk_size && !s->model.fuse_unk) {
                naive_add(r, unk, unk_size);
                unk_size = 0;
            }
            unk_size += (uint32_t)(end - i);
        }
    }
    if (unk_size)
        naive_add(r, unk, unk_size);
    naive_merge(s, r);
}

static void same_as_naive(struct fixture *f, const struct buf *text, const struct naive *r)
{
    AUTO_ERR struct err err = {0};
    uint32_t at = 0;

    f->tokens.n = 0;
    assert_true(token_model_encode(f->model, text->data, text->size, f->scratch, &f->tokens, &err));
    assert_int_equal(f->tokens.n, r->n);
    for (size_t i = 0; i < r->n; i++) {
        assert_int_equal(f->tokens.items[i].id, r->ids[i]);
        assert_int_equal(f->tokens.items[i].span.start, at);
        at += r->sizes[i];
        assert_int_equal(f->tokens.items[i].span.end, at);
    }
}

static void add_letters(struct tokenizer_spec *s, unsigned chance)
{
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        if (below(100) < chance)
            add_str(s, letters[i]);
}

/* Joins random tokens; orders of ranks and of ids are unrelated. */
static void add_merges(struct tokenizer_spec *s, unsigned n)
{
    AUTO_BUF struct buf b = {0};

    for (unsigned i = 0; i < n; i++) {
        struct text l = s->vocab[below((unsigned)s->n_vocab)].token,
                    r = s->vocab[below((unsigned)s->n_vocab)].token;
        size_t prefix = s->model.continuing_prefix.size;

        if (l.size + r.size > 40 || l.size == 0 || r.size <= prefix ||
            memcmp(spec_str(s, r), spec_str(s, s->model.continuing_prefix), prefix) != 0)
            continue;
        buf_clear(&b);
        buf_append(&b, spec_str(s, l), l.size);
        buf_append(&b, spec_str(s, r) + prefix, r.size - prefix);
        if (find(s, b.data, b.size) == NO_ID)
            add(s, b.data, b.size, 0);
        add_merge(s, l, r);
        if (below(2) && s->n_merges > 1) {
            size_t other = below((unsigned)s->n_merges);
            struct merge m = s->merges[other];

            s->merges[other] = s->merges[s->n_merges - 1];
            s->merges[s->n_merges - 1] = m;
        }
    }
}

static void bpe_vocabulary(struct tokenizer_spec *s)
{
    s->model.kind = MODEL_BPE;
    if (below(4) == 0)
        s->model.continuing_prefix = spec_text(s, "##", 2);
    if (below(4) == 0)
        s->model.word_suffix = spec_text(s, "</w>", 4);
    s->model.fuse_unk = below(2);
    s->model.ignore_merges = below(3) == 0;
    s->model.byte_fallback = below(2);
    if (below(2))
        add_unk(s, "<unk>");
    add_letters(s, 80);
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        char name[32];

        snprintf(name, sizeof(name), "##%s", letters[i]);
        if (s->model.continuing_prefix.size)
            add_str(s, name);
        snprintf(name, sizeof(name), "%s</w>", letters[i]);
        if (s->model.word_suffix.size)
            add_str(s, name);
    }
    for (int b = 0; b < 256; b++) {
        char name[8];

        snprintf(name, sizeof(name), "<0x%02X>", b);
        if (s->model.byte_fallback && below(8))
            add_str(s, name);
    }
    if (s->n_vocab == 0)
        add_str(s, "a");
    add_merges(s, below(120));
}

static void bpe_is_as_naive_for_random_vocabularies(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct naive *r = mem_new(struct naive);
    (void)state;

    for (int round = 0; round < 300; round++) {
        CLEANUP(release) struct fixture f = {0};

        bpe_vocabulary(&f.spec);
        compile(&f);
        for (int i = 0; i < 20; i++) {
            random_text(&text, i < 17 ? 12 : 80, round % 2 ? 3 : ARRAY_SIZE(letters));
            naive_bpe(&f.spec, text.data, text.size, r);
            same_as_naive(&f, &text, r);
        }
    }
    free(r);
}

/* Texts that repeat, and do not quite, are merged in windows. */
static void long_pieces_are_merged_as_naively(void **state)
{
    struct naive *r = mem_new(struct naive);
    (void)state;

    for (int round = 0; round < 12; round++) {
        CLEANUP(release) struct fixture f = {0};
        AUTO_BUF struct buf text = {0}, unit = {0};

        f.spec.model.kind = MODEL_BPE;
        f.spec.model.byte_fallback = true;
        add_letters(&f.spec, 100);
        for (int b = 0; b < 256; b++) {
            char name[8];

            snprintf(name, sizeof(name), "<0x%02X>", b);
            add_str(&f.spec, name);
        }
        add_merges(&f.spec, 10 + below(120));
        compile(&f);
        for (int i = 0; i < 8; i++) {
            buf_clear(&text);
            random_text(&unit, 7, 1 + below(ARRAY_SIZE(letters)));
            while (text.size < 600 + below(1500)) {
                buf_append(&text, unit.data, unit.size);
                if (below(i < 4 ? 1000 : 9) == 0)
                    buf_append_str(&text, letters[below(ARRAY_SIZE(letters))]);
            }
            naive_bpe(&f.spec, text.data, text.size, r);
            same_as_naive(&f, &text, r);
        }
    }
    free(r);
}

static void bytes_vocabulary(struct tokenizer_spec *s, const char *spelled[256])
{
    s->model.kind = MODEL_BPE;
    s->pretokenizers = mem_new(struct pretokenizer);
    s->pretokenizers[0].kind = SPLIT_BYTE_LEVEL;
    s->n_pretokenizers = 1;
    for (int b = 0; b < 256; b++)
        add_str(s, spelled[b]);
}

static void bytes_are_tokens_by_the_names_of_byte_level(void **state)
{
    CLEANUP(release) struct fixture f = {0};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf name = {0};
    const char *spelled[256];
    char storage[256][4];
    uint32_t size;
    bool is_name;
    (void)state;

    for (unsigned b = 0, n = 0; b < 256; b++) {
        bool printable = (b > 32 && b < 127) || (b > 160 && b != 173);
        uint32_t cp = printable ? b : 256 + n++;

        if (cp < 0x80)
            snprintf(storage[b], 4, "%c", (int)cp);
        else
            snprintf(storage[b], 4, "%c%c", (int)(0xc0 | cp >> 6), (int)(0x80 | (cp & 0x3f)));
        spelled[b] = storage[b];
    }
    bytes_vocabulary(&f.spec, spelled);
    uint32_t he = add_str(&f.spec, "Ġh"), special = add_str(&f.spec, "<｜end｜>");
    add_merge(&f.spec, f.spec.vocab[' '].token, f.spec.vocab['h'].token);
    compile(&f);

    assert_true(token_model_is_bytes(f.model));
    assert_true(token_model_encode(f.model, " h\xff", 3, f.scratch, &f.tokens, &err));
    assert_int_equal(f.tokens.n, 2);
    assert_int_equal(f.tokens.items[0].id, he);
    assert_int_equal(f.tokens.items[1].id, 0xff);
    assert_int_equal(token_model_id(f.model, "Ġh", 3), he);
    assert_int_equal(token_model_id(f.model, " h", 2), NO_ID);
    assert_memory_equal(token_model_bytes(f.model, he, &size, &is_name), " h", 2);
    assert_false(is_name);
    assert_int_equal(token_model_id(f.model, "<｜end｜>", 11), special);
    assert_memory_equal(token_model_bytes(f.model, special, &size, &is_name), "<｜end｜>", 11);
    assert_true(is_name);
    assert_true(token_model_name(f.model, he, &name));
    assert_string_equal(name.data, "Ġh");
    assert_null(token_model_bytes(f.model, special + 1, &size, &is_name));
}

/* A quadratic way would take hours. */
static void a_megabyte_of_one_letter_is_one_piece(void **state)
{
    CLEANUP(release) struct fixture f = {0};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf text = {0};
    (void)state;

    f.spec.model.kind = MODEL_BPE;
    add_str(&f.spec, "a");
    for (int i = 1; i < 6; i++) {
        AUTO_BUF struct buf b = {0};

        for (int j = 0; j < 1 << i; j++)
            buf_append_char(&b, 'a');
        add(&f.spec, b.data, b.size, 0);
        add_merge(&f.spec, f.spec.vocab[i - 1].token, f.spec.vocab[i - 1].token);
    }
    compile(&f);
    for (int i = 0; i < 1 << 20; i++)
        buf_append_char(&text, 'a');
    assert_true(token_model_encode(f.model, text.data, text.size, f.scratch, &f.tokens, &err));
    assert_int_equal(f.tokens.n, (1 << 20) / 32);
    assert_int_equal(f.tokens.items[77].id, 5);
}

static void a_merge_of_unknown_tokens_is_refused(void **state)
{
    CLEANUP(release) struct fixture f = {0};
    AUTO_ERR struct err err = {0};
    (void)state;

    f.spec.model.kind = MODEL_BPE;
    add_str(&f.spec, "a");
    add_str(&f.spec, "b");
    add_merge(&f.spec, f.spec.vocab[0].token, f.spec.vocab[1].token);
    assert_false(try_compile(&f, &err));
    assert_int_equal(err.code, ERR_COMBINATION);
    assert_non_null(strstr(err.msg, "'ab'"));
}

static void of_equal_tokens_the_last_counts_and_ids_may_have_two_names(void **state)
{
    CLEANUP(release) struct fixture f = {0};
    (void)state;

    f.spec.model.kind = MODEL_BPE;
    add_str(&f.spec, "a");
    add_str(&f.spec, "b");
    add_str(&f.spec, "a");
    add_str(&f.spec, "bee");
    f.spec.vocab[3].id = 1;
    compile(&f);
    assert_int_equal(token_model_id(f.model, "a", 1), 2);
    assert_int_equal(token_model_id(f.model, "b", 1), 1);
    assert_int_equal(token_model_id(f.model, "bee", 3), 1);
    assert_int_equal(token_model_vocab_size(f.model), 3);
    assert_int_equal(token_model_id_end(f.model), 3);
}

/* ---- WordPiece */

static void naive_wordpiece(const struct tokenizer_spec *s, const char *text, size_t size,
                            struct naive *r)
{
    size_t chars = 0;

    r->n = 0;
    for (size_t i = 0; i < size; i++)
        chars += ((uint8_t)text[i] & 0xc0) != 0x80;
    for (size_t at = 0, end; chars <= s->model.max_word_chars && at < size; at = end) {
        uint32_t id = NO_ID;

        for (end = size; end > at; end--) {
            AUTO_BUF struct buf b = {0};

            if (at > 0)
                buf_append(&b, spec_str(s, s->model.continuing_prefix),
                           s->model.continuing_prefix.size);
            buf_append(&b, text + at, end - at);
            id = find(s, b.data, b.size);
            if (id != NO_ID)
                break;
        }
        if (id == NO_ID) {
            chars = UINT32_MAX;
            break;
        }
        naive_add(r, id, (uint32_t)(end - at));
    }
    if (chars > s->model.max_word_chars) {
        r->n = 0;
        naive_add(r, 0, (uint32_t)size);
    }
}

static void add_random_tokens(struct tokenizer_spec *s, unsigned n, const char *prefix)
{
    AUTO_BUF struct buf b = {0};
    AUTO_BUF struct buf token = {0};

    for (unsigned i = 0; i < n; i++) {
        random_text(&b, 6, ARRAY_SIZE(letters));
        buf_clear(&token);
        if (below(2))
            buf_append_str(&token, prefix);
        buf_append(&token, b.data, b.size);
        if (find(s, token.data, token.size) == NO_ID)
            add(s, token.data, token.size, -(double)below(60) / 4);
    }
}

static void wordpiece_is_as_naive_for_random_vocabularies(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct naive *r = mem_new(struct naive);
    (void)state;

    for (int round = 0; round < 300; round++) {
        CLEANUP(release) struct fixture f = {0};
        const char *prefix = round % 3 ? "##" : round % 2 ? "" : "a";

        f.spec.model = (struct model_spec){.kind = MODEL_WORDPIECE, .max_word_chars = 10};
        add_unk(&f.spec, "[UNK]");
        f.spec.model.continuing_prefix = spec_text(&f.spec, prefix, strlen(prefix));
        add_letters(&f.spec, 70);
        add_random_tokens(&f.spec, 1 + below(100), prefix);
        compile(&f);
        for (int i = 0; i < 20; i++) {
            random_text(&text, 12, ARRAY_SIZE(letters));
            naive_wordpiece(&f.spec, text.data, text.size, r);
            same_as_naive(&f, &text, r);
        }
    }
    free(r);
}

static void without_its_unknown_token_it_says_so(void **state)
{
    (void)state;

    for (int kind = MODEL_WORDPIECE; kind <= MODEL_WORDLEVEL; kind++) {
        CLEANUP(release) struct fixture f = {0};
        AUTO_ERR struct err err = {0};

        f.spec.model = (struct model_spec){.kind = (enum model_kind)kind, .max_word_chars = 9};
        add_str(&f.spec, "a");
        compile(&f);
        assert_true(token_model_encode(f.model, "a", 1, f.scratch, &f.tokens, &err));
        assert_int_equal(f.tokens.n, 1);
        assert_false(token_model_encode(f.model, "b", 1, f.scratch, &f.tokens, &err));
        assert_int_equal(err.code, ERR_COMBINATION);
    }
}

static void a_word_is_its_id_or_unknown(void **state)
{
    CLEANUP(release) struct fixture f = {0};
    AUTO_ERR struct err err = {0};
    (void)state;

    f.spec.model = (struct model_spec){.kind = MODEL_WORDLEVEL};
    add_str(&f.spec, "hello");
    add_unk(&f.spec, "<unk>");
    compile(&f);
    assert_true(token_model_encode(f.model, "hello", 5, f.scratch, &f.tokens, &err));
    assert_true(token_model_encode(f.model, "hell", 4, f.scratch, &f.tokens, &err));
    assert_int_equal(f.tokens.items[0].id, 0);
    assert_int_equal(f.tokens.items[1].id, 1);
    assert_int_equal(f.tokens.items[1].span.end, 4);
}

/* ---- Unigram: scores are quarters, so that sums are exact and ties happen */

static void naive_unigram(const struct tokenizer_spec *s, const char *text, size_t size,
                          struct naive *r)
{
    double score[512] = {0}, unk_score = 1e9;
    uint32_t from[512], id[512], chain[512], n_chain = 0;

    for (size_t i = 0; i < s->n_vocab; i++)
        unk_score = s->vocab[i].score < unk_score ? s->vocab[i].score : unk_score;
    memset(from, 0xff, sizeof(from));
    for (size_t at = 0, chars; at < size; at += chars) {
        bool single = false;

        for (chars = 1; at + chars < size && ((uint8_t)text[at + chars] & 0xc0) == 0x80;)
            chars++;
        for (size_t end = at + 1; end <= size; end++) {
            uint32_t token = find(s, text + at, end - at);

            if (token == NO_ID)
                continue;
            single = single || end == at + chars;
            if (from[end] == UINT32_MAX || s->vocab[token].score + score[at] > score[end]) {
                score[end] = s->vocab[token].score + score[at];
                from[end] = (uint32_t)at;
                id[end] = token;
            }
        }
        if (!single &&
            (from[at + chars] == UINT32_MAX || unk_score - 10 + score[at] > score[at + chars])) {
            score[at + chars] = unk_score - 10 + score[at];
            from[at + chars] = (uint32_t)at;
            id[at + chars] = s->model.unk_id;
        }
    }
    for (uint32_t at = (uint32_t)size; at > 0; at = from[at])
        chain[n_chain++] = at;
    r->n = 0;
    for (uint32_t at = 0; n_chain > 0;) {
        uint32_t end = chain[--n_chain];

        if (id[end] == s->model.unk_id) {
            while (n_chain > 0 && id[chain[n_chain - 1]] == s->model.unk_id)
                end = chain[--n_chain];
            uint32_t whole = find(s, text + at, end - at);
            naive_add(r, whole != NO_ID ? whole : s->model.unk_id, end - at);
        } else {
            naive_add(r, id[end], end - at);
        }
        at = end;
    }
}

static void unigram_is_as_naive_for_random_vocabularies(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct naive *r = mem_new(struct naive);
    (void)state;

    for (int round = 0; round < 300; round++) {
        CLEANUP(release) struct fixture f = {0};

        f.spec.model = (struct model_spec){.kind = MODEL_UNIGRAM, .has_unk = true};
        f.spec.model.unk_id = add_str(&f.spec, round % 2 ? "<unk>" : "aa");
        add_letters(&f.spec, 70);
        add_random_tokens(&f.spec, 1 + below(100), "a");
        if (round % 5 == 0) /* a score that is no float */
            add(&f.spec, "ab", 2, 0.1);
        compile(&f);
        for (int i = 0; i < 20; i++) {
            random_text(&text, 40, ARRAY_SIZE(letters));
            naive_unigram(&f.spec, text.data, text.size, r);
            same_as_naive(&f, &text, r);
        }
    }
    free(r);
}

static void unigram_falls_back_to_bytes_that_each_cover_all(void **state)
{
    CLEANUP(release) struct fixture f = {0};
    AUTO_ERR struct err err = {0};
    (void)state;

    f.spec.model =
        (struct model_spec){.kind = MODEL_UNIGRAM, .has_unk = true, .byte_fallback = true};
    add_str(&f.spec, "<unk>");
    add_str(&f.spec, "<0xC3>");
    add_str(&f.spec, "<0xA9>");
    compile(&f);
    assert_true(token_model_encode(f.model, "é", 2, f.scratch, &f.tokens, &err));
    assert_int_equal(f.tokens.n, 2);
    assert_int_equal(f.tokens.items[0].id, 1);
    assert_int_equal(f.tokens.items[1].id, 2);
    assert_int_equal(f.tokens.items[1].span.start, 0);
    assert_int_equal(f.tokens.items[1].span.end, 2);
    f.tokens.n = 0;
    assert_true(token_model_encode(f.model, "éx", 3, f.scratch, &f.tokens, &err));
    assert_int_equal(f.tokens.n, 1);
    assert_int_equal(f.tokens.items[0].id, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bpe_is_as_naive_for_random_vocabularies),
        cmocka_unit_test(long_pieces_are_merged_as_naively),
        cmocka_unit_test(bytes_are_tokens_by_the_names_of_byte_level),
        cmocka_unit_test(a_megabyte_of_one_letter_is_one_piece),
        cmocka_unit_test(a_merge_of_unknown_tokens_is_refused),
        cmocka_unit_test(of_equal_tokens_the_last_counts_and_ids_may_have_two_names),
        cmocka_unit_test(wordpiece_is_as_naive_for_random_vocabularies),
        cmocka_unit_test(without_its_unknown_token_it_says_so),
        cmocka_unit_test(a_word_is_its_id_or_unknown),
        cmocka_unit_test(unigram_is_as_naive_for_random_vocabularies),
        cmocka_unit_test(unigram_falls_back_to_bytes_that_each_cover_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
