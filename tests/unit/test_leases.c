#include "test.h"

#include "pipeline/leases.h"

#include <stdio.h>

static struct lease *add(struct leases *t, const char *id, const char *pipeline, const char *holder,
                         int64_t ttl_s, int64_t expires_ms)
{
    struct lease *lease = lease_new(id, pipeline, holder, ttl_s, expires_ms);

    leases_put(t, lease);
    return lease;
}

static void the_first_to_expire_is_on_top(void **state)
{
    struct leases t = {0};
    unsigned seed = 7;
    int64_t before = 0;
    (void)state;

    for (int i = 0; i < 500; i++)
        add(&t, NULL, "pl_x", "", 10, rand_r(&seed) % 1000);
    while (leases_first(&t)) {
        struct lease *l = leases_first(&t);

        assert_true(l->expires_ms >= before);
        before = l->expires_ms;
        leases_remove(&t, l);
        free(l);
    }
    assert_int_equal(t.by_id.n, 0);
    leases_release(&t);
}

static void renewing_moves_a_lease_back(void **state)
{
    struct leases t = {0};
    struct lease *a = add(&t, NULL, "pl_a", "me", 5, 5000);
    struct lease *b = add(&t, "ls_given", "pl_b", "", 6, 6000);
    (void)state;

    assert_ptr_equal(leases_first(&t), a);
    leases_renew(&t, a, 0, 4000);
    assert_int_equal(a->expires_ms, 9000);
    assert_ptr_equal(leases_first(&t), b);
    leases_renew(&t, a, 1, 4000);
    assert_int_equal(a->expires_ms, 5000);
    assert_ptr_equal(leases_first(&t), a);
    assert_ptr_equal(leases_find(&t, "ls_given"), b);
    assert_null(leases_find(&t, "ls_other"));
    leases_release(&t);
}

/* Against a plain array: whatever is added, renewed and removed, the order holds. */
static void any_sequence_keeps_the_heap(void **state)
{
    struct leases t = {0};
    struct lease *all[200];
    size_t n = 0;
    unsigned seed = 11;
    (void)state;

    for (int step = 0; step < 5000; step++) {
        int what = rand_r(&seed) % 3;

        if (what == 0 && n < 200) {
            all[n++] = add(&t, NULL, "pl_x", "", 3, rand_r(&seed) % 100000);
        } else if (what == 1 && n) {
            leases_renew(&t, all[(size_t)rand_r(&seed) % n], 1 + rand_r(&seed) % 9,
                         rand_r(&seed) % 100000);
        } else if (n) {
            size_t i = (size_t)rand_r(&seed) % n;
            leases_remove(&t, all[i]);
            free(all[i]);
            all[i] = all[--n];
        }
        int64_t least = INT64_MAX;
        for (size_t i = 0; i < n; i++)
            least = all[i]->expires_ms < least ? all[i]->expires_ms : least;
        assert_true(n == 0 || leases_first(&t)->expires_ms == least);
    }
    leases_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_to_expire_is_on_top),
        cmocka_unit_test(renewing_moves_a_lease_back),
        cmocka_unit_test(any_sequence_keeps_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
