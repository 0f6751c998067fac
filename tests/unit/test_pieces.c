/* From text to pieces, with the program compiled into an image and opened from there. */
#include "test.h"

#include "tokenizer/pieces.h"

struct fixture {
    struct tokenizer_spec spec;
    struct buf image;
    struct program *program;
    struct pieces_scratch *scratch;
    struct pieces pieces;
};

static struct normalizer *add_normalizer(struct fixture *f, enum normalizer_kind kind)
{
    size_t n = f->spec.n_normalizers++;

    f->spec.normalizers = mem_resize(f->spec.normalizers, (n + 1) * sizeof(struct normalizer));
    f->spec.normalizers[n] = (struct normalizer){.kind = kind};
    return &f->spec.normalizers[n];
}

static struct pretokenizer *add_pretokenizer(struct fixture *f, enum pretokenizer_kind kind)
{
    size_t n = f->spec.n_pretokenizers++;

    f->spec.pretokenizers =
        mem_resize(f->spec.pretokenizers, (n + 1) * sizeof(struct pretokenizer));
    f->spec.pretokenizers[n] = (struct pretokenizer){.kind = kind};
    return &f->spec.pretokenizers[n];
}

static struct added_token *add_token(struct fixture *f, const char *content, uint32_t id)
{
    size_t n = f->spec.n_added++;

    f->spec.added = mem_resize(f->spec.added, (n + 1) * sizeof(struct added_token));
    f->spec.added[n] =
        (struct added_token){.content = spec_text(&f->spec, content, strlen(content)), .id = id};
    return &f->spec.added[n];
}

static void open_program(struct fixture *f)
{
    AUTO_ERR struct err err = {0};
    AUTO_ADDED_NAMES struct added_names names = {0};
    struct image_writer w = {0};

    assert_true(program_compile(&f->spec, &w, &names, &err));
    image_finish(&w, &(struct image_key){0}, &f->image);
    image_writer_release(&w);
    assert_true(
        program_open((struct image){(uint8_t *)f->image.data, f->image.size}, &f->program, &err));
    f->scratch = pieces_scratch_new();
}

static void release(struct fixture *f)
{
    program_free(f->program);
    pieces_scratch_free(f->scratch);
    pieces_release(&f->pieces);
    buf_release(&f->image);
    tokenizer_spec_release(&f->spec);
}

/* Pieces as "text@start-end", added tokens as "#id@start-end". */
static void assert_pieces(struct fixture *f, const char *text, const char *expected)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf all = {0};

    assert_true(
        pieces_make(f->program, text, strlen(text), PIECES_ORIGINS, f->scratch, &f->pieces, &err));
    for (size_t i = 0; i < f->pieces.n; i++) {
        const struct piece *p = &f->pieces.items[i];

        if (i)
            buf_append_char(&all, ' ');
        if (p->id == NO_ID)
            buf_append(&all, f->pieces.text.data + p->at, p->size);
        else
            buf_printf(&all, "#%u", p->id);
        buf_printf(&all, "@%u-%u", p->origin.start, p->origin.end);
    }
    assert_string_equal(all.data ? all.data : "", expected);
}

static void steps_run_one_after_another(void **state)
{
    struct fixture f = {0};

    (void)state;
    add_normalizer(&f, NORMALIZE_NFD);
    add_normalizer(&f, NORMALIZE_STRIP_ACCENTS);
    add_normalizer(&f, NORMALIZE_LOWERCASE);
    add_pretokenizer(&f, SPLIT_WHITESPACE_SPLIT);
    add_pretokenizer(&f, SPLIT_PUNCTUATION)->punctuation = BEHAVIOR_ISOLATED;
    open_program(&f);
    assert_pieces(&f, "Ünï  CODE!", "uni@0-5 code@7-11 !@11-12");
    assert_pieces(&f, "", "");
    release(&f);
}

static void added_tokens_take_their_spaces(void **state)
{
    struct fixture f = {0};
    struct added_token *t;

    (void)state;
    add_pretokenizer(&f, SPLIT_WHITESPACE_SPLIT);
    t = add_token(&f, "<m>", 7);
    t->lstrip = t->rstrip = true;
    add_token(&f, "ab", 8)->single_word = true;
    add_token(&f, "<", 9);
    open_program(&f);
    assert_pieces(&f, "x  <m>  y", "x@0-1 #7@1-8 y@8-9");
    assert_pieces(&f, "ab abc", "#8@0-2 abc@3-6");
    assert_pieces(&f, "<<m>", "#9@0-1 #7@1-4");
    release(&f);
}

static void normalized_tokens_are_found_in_normalized_text(void **state)
{
    struct fixture f = {0};

    (void)state;
    add_normalizer(&f, NORMALIZE_LOWERCASE);
    add_token(&f, "ÉT", 3)->normalized = true;
    add_token(&f, "B", 4);
    open_program(&f);
    assert_pieces(&f, "xétBb", "x@0-1 #3@1-4 #4@4-5 b@5-6");
    release(&f);
}

static void only_the_first_piece_of_the_text_gets_a_prefix(void **state)
{
    struct fixture f = {0};
    struct metaspace *m;

    (void)state;
    m = &add_pretokenizer(&f, SPLIT_METASPACE)->metaspace;
    *m = (struct metaspace){.replacement = 0x2581, .scheme = PREPEND_FIRST, .split = true};
    add_token(&f, "<s>", 1);
    open_program(&f);
    assert_pieces(&f, "a b<s>c", "▁a@0-1 ▁b@1-3 #1@3-6 c@6-7");
    assert_pieces(&f, "<s>a", "#1@0-3 a@3-4");
    release(&f);
}

/* Marks of falling classes: sorting them must not be quadratic, or this never ends. */
static void a_megabyte_of_marks_is_normalized(void **state)
{
    enum { N = 250000 };
    struct fixture f = {0};
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};

    (void)state;
    add_normalizer(&f, NORMALIZE_NFC);
    open_program(&f);
    for (size_t i = 0; i < N; i++)
        buf_append_str(&text, "\u0301\u0323");
    assert_true(pieces_make(f.program, text.data, text.size, 0, f.scratch, &f.pieces, &err));
    assert_int_equal(f.pieces.n, 1);
    assert_int_equal(f.pieces.text.size, text.size);
    assert_memory_equal(f.pieces.text.data, "\u0323\u0323", 4);
    assert_memory_equal(f.pieces.text.data + text.size - 4, "\u0301\u0301", 4);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_run_one_after_another),
        cmocka_unit_test(added_tokens_take_their_spaces),
        cmocka_unit_test(normalized_tokens_are_found_in_normalized_text),
        cmocka_unit_test(only_the_first_piece_of_the_text_gets_a_prefix),
        cmocka_unit_test(a_megabyte_of_marks_is_normalized),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
