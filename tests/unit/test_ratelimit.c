#include "test.h"

#include "hub/ratelimit.h"

#include <stdio.h>

static void a_used_up_bucket_is_shut_until_its_reset(void **state)
{
    static struct rate_gates g;
    struct hub_answer a = {.status = 200, .has_limit = true, .limit_reset_s = 55};
    (void)state;

    memset(&g, 0, sizeof(g));
    rate_gates_saw(&g, BUCKET_API, "anon", &a, 1000);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "anon", 1000), 56000);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "anon", 57000), 0);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_RESOLVERS, "anon", 1000), 0);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "other", 1000), 0);
}

static void what_is_left_leaves_the_gate_open(void **state)
{
    static struct rate_gates g;
    struct hub_answer a = {
        .status = 200, .has_limit = true, .limit_remaining = 1, .limit_reset_s = 55};
    (void)state;

    rate_gates_saw(&g, BUCKET_API, "anon", &a, 0);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "anon", 0), 0);
}

static void a_late_answer_does_not_open_a_shut_gate(void **state)
{
    static struct rate_gates g;
    struct hub_answer shut = {.status = 429, .retry_after_s = 30};
    struct hub_answer late = {.status = 200, .has_limit = true, .limit_remaining = 5};
    (void)state;

    rate_gates_saw(&g, BUCKET_API, "anon", &shut, 0);
    rate_gates_saw(&g, BUCKET_API, "anon", &late, 10);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "anon", 0), 30000);
}

static void a_429_that_tells_nothing_shuts_for_a_while(void **state)
{
    static struct rate_gates g;
    struct hub_answer a = {.status = 429};
    (void)state;

    rate_gates_saw(&g, BUCKET_PAGES, "anon", &a, 0);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_PAGES, "anon", 0), RATE_WAIT_UNTOLD_S * 1000);
}

static void nobody_shuts_a_gate_for_days(void **state)
{
    static struct rate_gates g;
    struct hub_answer a = {.status = 429, .retry_after_s = 999999999999999999};
    (void)state;

    rate_gates_saw(&g, BUCKET_API, "anon", &a, 0);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "anon", 0), RATE_WAIT_MAX_S * 1000);
}

static void the_gate_longest_idle_makes_room(void **state)
{
    static struct rate_gates g;
    struct hub_answer a = {.status = 429, .retry_after_s = 3000};
    char name[CREDENTIAL_SIZE];
    (void)state;

    for (int i = 0; i <= RATE_GATES_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        rate_gates_saw(&g, BUCKET_API, name, &a, i);
    }
    assert_int_equal(g.n_gates, RATE_GATES_MAX);
    assert_int_equal(rate_gates_wait_ms(&g, BUCKET_API, "0", 0), 0);
    assert_true(rate_gates_wait_ms(&g, BUCKET_API, "1", 0) > 0);
}

static void backoff_doubles_to_its_cap_and_is_half_chance(void **state)
{
    (void)state;
    assert_int_equal(backoff_ms(1, 500, 8000, 0), 250);
    assert_int_equal(backoff_ms(1, 500, 8000, UINT32_MAX), 499);
    assert_int_equal(backoff_ms(2, 500, 8000, 0), 500);
    assert_int_equal(backoff_ms(9, 500, 8000, 0), 4000);
    assert_int_equal(backoff_ms(4000000000u, 500, 8000, 0), 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_used_up_bucket_is_shut_until_its_reset),
        cmocka_unit_test(what_is_left_leaves_the_gate_open),
        cmocka_unit_test(a_late_answer_does_not_open_a_shut_gate),
        cmocka_unit_test(a_429_that_tells_nothing_shuts_for_a_while),
        cmocka_unit_test(nobody_shuts_a_gate_for_days),
        cmocka_unit_test(the_gate_longest_idle_makes_room),
        cmocka_unit_test(backoff_doubles_to_its_cap_and_is_half_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
