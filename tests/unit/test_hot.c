#include "test.h"

#include "api/hot.h"

#include <stdio.h>

static struct hot_key key_of(const char *target, const char *body)
{
    struct hot_key k = {.target = target,
                        .target_size = strlen(target),
                        .accept = "",
                        .content_type = "",
                        .body = body,
                        .body_size = strlen(body)};

    k.hash = hot_hash(&k);
    return k;
}

static void put(struct hot *h, const char *target, const char *body, size_t size, uint64_t tag)
{
    AUTO_FREE char *text = mem_alloc(size + 1);
    AUTO_BLOB struct blob *blob = blob_new(text, size);
    struct hot_key k = key_of(target, body);

    hot_insert(h, &k, &(struct hot_entry){.body = blob, .status = 200, .tag = tag});
}

static const struct hot_entry *get(struct hot *h, const char *target, const char *body)
{
    struct hot_key k = key_of(target, body);

    return hot_find(h, &k);
}

static void requests_are_told_apart_by_every_part(void **state)
{
    struct hot *h = hot_new(1 << 20);
    struct hot_key k = key_of("/a", "");
    (void)state;

    put(h, "/a", "", 1, 0);
    put(h, "/a", "x", 2, 0);
    put(h, "/ax", "", 3, 0);
    assert_int_equal(get(h, "/a", "")->body->size, 1);
    assert_int_equal(get(h, "/a", "x")->body->size, 2);
    assert_int_equal(get(h, "/ax", "")->body->size, 3);
    assert_null(get(h, "/", "ax"));
    k.method = 1;
    k.hash = hot_hash(&k);
    assert_null(hot_find(h, &k));
    k.method = 0;
    k.accept = "text/plain";
    k.hash = hot_hash(&k);
    assert_null(hot_find(h, &k));
    hot_free(h);
}

static void equal_hashes_of_different_requests_are_no_hit(void **state)
{
    struct hot *h = hot_new(1 << 20);
    struct hot_key k = key_of("/b", "");
    (void)state;

    put(h, "/a", "", 1, 0);
    k.hash = key_of("/a", "").hash;
    assert_null(hot_find(h, &k));
    hot_free(h);
}

static void the_budget_holds_and_the_least_used_goes_first(void **state)
{
    struct hot *h = hot_new(64 << 10);
    char target[16];
    (void)state;

    put(h, "/kept", "", 1000, 0);
    for (int i = 0; i < 500; i++) {
        snprintf(target, sizeof(target), "/%d", i);
        put(h, target, "", 1000, 0);
        assert_true(hot_stats(h).bytes <= 64 << 10);
        assert_non_null(get(h, "/kept", ""));
    }
    assert_null(get(h, "/0", ""));
    assert_non_null(get(h, "/499", ""));
    assert_true(hot_stats(h).evictions > 400);
    put(h, "/huge", "", 16 << 10, 0);
    assert_null(get(h, "/huge", ""));
    hot_free(h);
}

static void a_tag_takes_its_answers_and_no_others(void **state)
{
    struct hot *h = hot_new(1 << 20);
    size_t buckets = 512; /* tags that share one, whatever their number is */
    (void)state;

    put(h, "/a", "", 1, 7);
    put(h, "/b", "", 1, 7);
    put(h, "/c", "", 1, 7 + buckets);
    put(h, "/d", "", 1, 0);
    hot_invalidate(h, 7);
    assert_null(get(h, "/a", ""));
    assert_null(get(h, "/b", ""));
    assert_non_null(get(h, "/c", ""));
    assert_non_null(get(h, "/d", ""));
    put(h, "/a", "", 1, 0); /* again, without a tag */
    hot_clear(h);
    assert_int_equal(hot_stats(h).n, 0);
    assert_int_equal(hot_stats(h).bytes, 0);
    hot_free(h);
}

static int n_freed;

static void count_freed(void *reply)
{
    assert_ptr_equal(reply, &n_freed);
    n_freed++;
}

static void a_reply_goes_with_its_answer(void **state)
{
    static const char *const targets[] = {"/replaced", "/invalidated", "/cleared"};
    struct hot *h = hot_new(1 << 20);
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        struct hot_key k = key_of(targets[i], "");
        struct hot_entry *e;

        put(h, targets[i], "", 1, i);
        e = hot_find(h, &k);
        e->reply = &n_freed;
        e->reply_free = count_freed;
    }
    put(h, "/replaced", "", 2, 0);
    assert_int_equal(n_freed, 1);
    hot_invalidate(h, 1);
    assert_int_equal(n_freed, 2);
    hot_free(h);
    assert_int_equal(n_freed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_told_apart_by_every_part),
        cmocka_unit_test(equal_hashes_of_different_requests_are_no_hit),
        cmocka_unit_test(the_budget_holds_and_the_least_used_goes_first),
        cmocka_unit_test(a_tag_takes_its_answers_and_no_others),
        cmocka_unit_test(a_reply_goes_with_its_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
