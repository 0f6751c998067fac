/* What several threads encode is what one does, whatever the tokenizer allows. */
#include "tokenizers.h"

#include "../fuzz/fuzz_tokenizers.h"
#include "api/text_parts.h"

#include <pthread.h>

enum { N_THREADS = 3 };

/* ---- a crew of threads that take parts as they come */

struct shift {
    size_t n;
    atomic_size_t next;
    void (*part)(void *ctx, size_t i, struct text_scratch *scratch);
    void *ctx;
};

static void take_parts(struct shift *s, struct text_scratch *scratch)
{
    size_t i;

    while ((i = atomic_fetch_add(&s->next, 1)) < s->n)
        s->part(s->ctx, s->n - 1 - i, scratch); /* the last first: the order must not matter */
}

static void *on_thread(void *arg)
{
    struct text_scratch *scratch = text_scratch_new(1 << 20);

    take_parts(arg, scratch);
    text_scratch_free(scratch);
    return NULL;
}

static size_t n_runs, most_parts;

static void run(struct text_crew *crew, size_t n,
                void (*part)(void *ctx, size_t i, struct text_scratch *scratch), void *ctx,
                struct text_scratch *own)
{
    struct shift s = {.n = n, .part = part, .ctx = ctx};
    pthread_t threads[N_THREADS];

    (void)crew;
    n_runs++;
    most_parts = n > most_parts ? n : most_parts;
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, on_thread, &s), 0);
    take_parts(&s, own);
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
}

static struct text_crew crew = {run};

/* ---- jobs */

struct bench {
    struct text_tokenizer *tokenizer;
    struct text_job job;
};

static void bench_init(struct bench *b, const struct tokenizer *t, struct prefix_cache *prefixes)
{
    b->tokenizer = text_tokenizer_new(
        &(struct text_tokenizer){.model = (char *)"m", .tokenizer = (struct tokenizer *)t}, "tk_1");
    b->job = (struct text_job){.tokenizer = b->tokenizer,
                               .scratch = text_scratch_new(0),
                               .crew = &crew,
                               .prefixes = prefixes};
}

static void bench_release(struct bench *b)
{
    text_scratch_free(b->job.scratch);
    text_tokenizer_unref(b->tokenizer);
}

static void assert_same_ids(const struct id_list *a, const uint32_t *ids, size_t n)
{
    assert_int_equal(a->n, n);
    assert_memory_equal(a->items, ids, n * sizeof(*ids));
}

/* Words, runs, tokens, and what normalizers change, of more than one part. */
static void make_text(struct buf *text, unsigned seed, size_t size)
{
    static const char *const words[] = {
        "ab", "abc", " ",  "cdab",  "\xc3\xa9", "<m>",          "<s>",       " a",
        "b ", "\n",  "  ", "Abl'l", ".",        "\xe2\x96\x81", "e\xcc\x81", "\xf0\x9f\x98\x80",
        "12", "<",   "s>"};

    while (text->size < size)
        buf_append_str(text, words[(unsigned)rand_r(&seed) % ARRAY_SIZE(words)]);
}

static void compare(const struct tokenizer *t, struct slice text, struct prefix_cache *prefixes)
{
    AUTO_ERR struct err err = {0};
    const struct encode_input input = {&text, 1, false};
    struct id_list ids = {0};
    struct encoded whole = {0}, parts = {0};
    struct bench b;
    size_t n;

    bench_init(&b, t, prefixes);
    for (int special = 0; special < 2; special++) {
        struct encode_options options = {.add_special_tokens = special,
                                         .offsets = true,
                                         .offset_unit = (enum offset_unit)special};

        assert_true(
            tokenizer_encode(t, &input, NULL, &options, b.job.scratch->scratch, &whole, &err));
        for (int i = 0; i < 2; i++) { /* then all that may be known is known */
            ids.n = 0;
            assert_true(text_parts_ids(&b.job, text, special, &ids, &err));
            assert_same_ids(&ids, whole.ids, whole.n);
        }
        assert_true(text_parts_count(&b.job, text, special, &n, &err));
        assert_int_equal(n, whole.n);
        options.plain = true;
        assert_true(text_parts_encode(&b.job, text, &options, &parts, &err));
        assert_int_equal(parts.n, whole.n);
        assert_memory_equal(parts.ids, whole.ids, whole.n * sizeof(*whole.ids));
        assert_memory_equal(parts.offsets, whole.offsets, whole.n * sizeof(*whole.offsets));
    }
    id_list_release(&ids);
    encoded_release(&whole);
    encoded_release(&parts);
    bench_release(&b);
}

static void parts_give_what_the_whole_gives(void **state)
{
    AUTO_BUF struct buf text = {0};
    json_t *cases = golden("encode");
    struct prefix_cache *prefixes = prefix_cache_new(4 << 20);

    (void)state;
    make_text(&text, 1, TEXT_SHARED_MIN + 12345);
    for (size_t i = 0; i < N_FUZZ_TOKENIZERS; i++)
        compare(fuzz_tokenizer(i), (struct slice){text.data, text.size}, prefixes);
    for (size_t i = 0; i < json_array_size(cases); i += 4) {
        AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(
            json_string_value(json_object_get(json_array_get(cases, i), "tokenizer")));

        compare(t, (struct slice){text.data, text.size}, prefixes);
    }
    assert_true(n_runs > 0 && most_parts > 3);
    prefix_cache_free(prefixes);
}

/* The border of what is shared lies in words, tokens and characters. */
static void prefixes_that_end_anywhere_change_nothing(void **state)
{
    static const char *const tails[] = {"", "b", "abc", "\xcc\x81", "s>", "<s>", " ", "\n", "'s"};
    AUTO_BUF struct buf shared = {0};
    struct prefix_cache *prefixes = prefix_cache_new(64 << 10); /* it evicts */
    AUTO_ERR struct err err = {0};

    (void)state;
    make_text(&shared, 2, 40000);
    for (size_t i = 0; i < N_FUZZ_TOKENIZERS; i++) {
        const struct tokenizer *t = fuzz_tokenizer(i);
        struct id_list whole = {0}, ids = {0};
        struct bench b;
        unsigned seed = 5;

        bench_init(&b, t, prefixes);
        for (int k = 0; k < 200; k++) {
            AUTO_BUF struct buf text = {0};
            size_t size = shared.size - (size_t)rand_r(&seed) % 9000;

            while (((uint8_t)shared.data[size] & 0xc0) == 0x80)
                size--;
            buf_append(&text, shared.data, size);
            buf_append_str(&text, tails[(unsigned)rand_r(&seed) % ARRAY_SIZE(tails)]);
            make_text(&text, seed, text.size + (size_t)rand_r(&seed) % 9000);
            whole.n = ids.n = 0;
            assert_true(tokenizer_encode_ids(t, text.data, text.size, true, b.job.scratch->scratch,
                                             &whole, &err));
            assert_true(
                text_parts_ids(&b.job, (struct slice){text.data, text.size}, true, &ids, &err));
            assert_same_ids(&ids, whole.items, whole.n);
        }
        id_list_release(&whole);
        id_list_release(&ids);
        bench_release(&b);
    }
    prefix_cache_free(prefixes);
}

static void what_was_forgotten_is_encoded_again(void **state)
{
    AUTO_BUF struct buf text = {0};
    const struct tokenizer *t = fuzz_tokenizer(1);
    struct prefix_cache *prefixes = prefix_cache_new(4 << 20);
    struct id_list ids = {0};
    struct prefix_counts counts;
    AUTO_ERR struct err err = {0};
    struct bench b;

    (void)state;
    make_text(&text, 3, 100000);
    bench_init(&b, t, prefixes);
    for (int i = 0; i < 3; i++) {
        b.job.reused_bytes = 0;
        assert_true(
            text_parts_ids(&b.job, (struct slice){text.data, text.size}, false, &ids, &err));
        assert_true(i == 1 ? b.job.reused_bytes > text.size * 3 / 4 : b.job.reused_bytes == 0);
        if (i == 1)
            prefix_cache_clear(prefixes);
    }
    prefix_cache_counts(prefixes, &counts);
    assert_true(counts.bytes <= 4 << 20 && counts.evicted == 0);
    id_list_release(&ids);
    bench_release(&b);
    prefix_cache_free(prefixes);
}

static void a_bad_byte_is_named_by_its_place_in_the_whole(void **state)
{
    AUTO_BUF struct buf text = {0};
    struct id_list ids = {0};
    AUTO_ERR struct err err = {0};
    struct bench b;

    (void)state;
    make_text(&text, 4, TEXT_SHARED_MIN + 1000);
    text.data[300] = 'x';
    buf_append_str(&text, "ab\xff");
    bench_init(&b, fuzz_tokenizer(1), NULL);
    assert_false(text_parts_ids(&b.job, (struct slice){text.data, text.size}, false, &ids, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.msg, "not UTF-8"));
    assert_int_equal(ids.n, 0);
    id_list_release(&ids);
    bench_release(&b);
}

/* ---- lists */

static bool fail_some(void *ctx, size_t i, struct text_scratch *scratch, struct err *err)
{
    uint8_t *seen = ctx;

    (void)scratch;
    seen[i]++;
    return i % 7 != 5 || err_set(err, ERR_INVALID, "text %zu", i);
}

static void the_first_error_of_a_list_is_its_error(void **state)
{
    enum { N = 100 };
    struct slice texts[N];
    uint8_t seen[N] = {0};
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};
    struct bench b;

    (void)state;
    make_text(&text, 6, 8000);
    for (size_t i = 0; i < N; i++)
        texts[i] = (struct slice){text.data, text.size};
    bench_init(&b, fuzz_tokenizer(0), NULL);
    assert_false(text_parts_each(&b.job, texts, N, fail_some, seen, &err));
    assert_string_equal(err.msg, "text 5");
    for (size_t i = 0; i < N; i++)
        assert_true(seen[i] <= 1);
    bench_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_give_what_the_whole_gives),
        cmocka_unit_test(prefixes_that_end_anywhere_change_nothing),
        cmocka_unit_test(what_was_forgotten_is_encoded_again),
        cmocka_unit_test(a_bad_byte_is_named_by_its_place_in_the_whole),
        cmocka_unit_test(the_first_error_of_a_list_is_its_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
