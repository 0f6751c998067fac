#include "test.h"

#include "daemon/gate.h"

static const char *const a[] = {"A text"}, *const b[] = {"B text"},
                         *const ab[] = {"A text", "B text"};

static void different_identities_do_not_wait(void **state)
{
    struct gate g;
    struct call one = {0}, two = {0};
    (void)state;

    gate_init(&g);
    assert_true(gate_enter(&g, a, 1, &one));
    assert_true(gate_enter(&g, b, 1, &two));
    gate_leave(&g, a, 1);
    gate_leave(&g, b, 1);
    gate_release(&g);
}

static void the_same_identity_waits_and_comes_back_in_order(void **state)
{
    struct gate g;
    struct call calls[4] = {0};
    (void)state;

    gate_init(&g);
    assert_true(gate_enter(&g, a, 1, &calls[0]));
    assert_false(gate_enter(&g, ab, 2, &calls[1]));
    /* B is free, but somebody who wants it came first. */
    assert_false(gate_enter(&g, b, 1, &calls[2]));
    assert_false(gate_enter(&g, NULL, 0, &calls[3]));
    gate_leave(&g, a, 1);

    struct call *list = gate_take_waiting(&g);
    for (size_t i = 1; i < ARRAY_SIZE(calls); i++) {
        assert_ptr_equal(list, &calls[i]);
        list = list->next;
    }
    assert_null(list);
    assert_true(gate_enter(&g, ab, 2, &calls[1]));
    gate_leave(&g, ab, 2);
    gate_release(&g);
}

static void everything_waits_for_all_and_all_for_it(void **state)
{
    struct gate g;
    struct call one = {0}, reset = {0}, two = {0};
    (void)state;

    gate_init(&g);
    assert_true(gate_enter(&g, a, 1, &one));
    assert_false(gate_enter(&g, NULL, 0, &reset));
    gate_leave(&g, a, 1);
    assert_ptr_equal(gate_take_waiting(&g), &reset);
    assert_true(gate_enter(&g, NULL, 0, &reset));
    assert_false(gate_enter(&g, b, 1, &two));
    gate_leave(&g, NULL, 0);
    assert_ptr_equal(gate_take_waiting(&g), &two);
    gate_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_identities_do_not_wait),
        cmocka_unit_test(the_same_identity_waits_and_comes_back_in_order),
        cmocka_unit_test(everything_waits_for_all_and_all_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
