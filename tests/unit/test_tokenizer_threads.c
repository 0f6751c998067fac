/* One tokenizer, one prefix cache, eight threads: built with TSan this shows that they share well.
 */
#include "tokenizers.h"

#include "tokenizer/prefix.h"

#include <pthread.h>

enum { N_THREADS = 8, N_ROUNDS = 20 };

struct job {
    const struct tokenizer *t;
    struct prefix_cache *cache;
    struct slice text;
    const struct id_list *want;
    bool ok;
};

static void *work(void *arg)
{
    struct job *job = arg;
    struct scratch *scratch = scratch_new(1 << 16);
    struct id_list ids = {0};
    struct decode_options options = {0};
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};
    struct prefix_use use;

    job->ok = true;
    for (int i = 0; i < N_ROUNDS && job->ok; i++) {
        struct tokenizer *mine = tokenizer_ref(job->t);

        ids.n = 0;
        buf_clear(&text);
        job->ok = prefix_encode(job->cache, mine, job->text.data, job->text.size, false, scratch,
                                &ids, &use, &err) &&
                  ids.n == job->want->n &&
                  memcmp(ids.items, job->want->items, ids.n * sizeof(*ids.items)) == 0 &&
                  tokenizer_decode(mine, ids.items, ids.n, &options, scratch, &text, &err);
        tokenizer_unref(mine);
    }
    id_list_release(&ids);
    scratch_free(scratch);
    return NULL;
}

static void eight_threads_agree(void **state)
{
    AUTO_TOKENIZER struct tokenizer *t = make_tokenizer(WORDS_JSON);
    struct prefix_cache *cache = prefix_cache_new(48 << 10); /* too small for all: it evicts */
    struct scratch *scratch = scratch_new(0);
    struct id_list want = {0};
    struct job jobs[N_THREADS];
    pthread_t threads[N_THREADS];
    AUTO_BUF struct buf text = {0};
    AUTO_ERR struct err err = {0};

    (void)state;
    for (int i = 0; text.size < 60000; i++)
        buf_printf(&text, "ab%s cd e%s <m> ", i % 3 ? "d" : "", i % 7 ? "\xc3\xa9" : "a");
    assert_true(tokenizer_encode_ids(t, text.data, text.size, false, scratch, &want, &err));
    for (int i = 0; i < N_THREADS; i++) {
        jobs[i] = (struct job){t, cache, {text.data, text.size}, &want, false};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(jobs[i].ok);
    }
    id_list_release(&want);
    prefix_cache_free(cache);
    scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(eight_threads_agree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
