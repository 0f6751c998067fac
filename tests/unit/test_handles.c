#include "test.h"

#include "daemon/handles.h"

#include <stdio.h>

static struct handle *put(struct handles *t, int i, int64_t revision, bool texts)
{
    char id[41];
    const struct store_handle row = {.id = id,
                                     .kind = STORE_PIPELINE,
                                     .state = "ready",
                                     .arch = "LlamaForCausalLM",
                                     .task = "text_generation",
                                     .model = "org/name",
                                     .commit = "c",
                                     .effective = texts ? "{}" : NULL,
                                     .members = texts ? "\"task\":\"text_generation\"" : NULL,
                                     .revision = revision};

    snprintf(id, sizeof(id), "pl_%032d", i);
    return handles_put(t, &row);
}

static void texts_are_dropped_in_the_order_of_use(void **state)
{
    struct handles t;
    struct handle *h[4];
    (void)state;

    handles_init(&t, 120); /* two fit */
    for (int i = 0; i < 4; i++)
        h[i] = put(&t, i, i + 1, true);
    handles_touch(&t, h[0], 1);
    h[1]->n_leases = 1;
    handles_fit(&t);
    assert_true(handle_has_texts(h[0])); /* used last */
    assert_true(handle_has_texts(h[1])); /* leased */
    assert_false(handle_has_texts(h[2]));
    assert_ptr_equal(handles_find(&t, h[2]->id), h[2]);
    handles_release(&t);
}

static void a_document_shows_state_and_leases(void **state)
{
    struct handles t;
    struct handle *h;
    (void)state;

    handles_init(&t, 1 << 20);
    h = put(&t, 1, 7, true);
    h->n_leases = 2;
    assert_string_equal(handle_body(h)->bytes,
                        "{\"id\":\"pl_00000000000000000000000000000001\",\"state\":\"ready\","
                        "\"state_reason\":null,\"task\":\"text_generation\",\"endpoint\":null,"
                        "\"leases\":2,\"revision\":7,\"created_at\":\"1970-01-01T00:00:00Z\"}");
    assert_ptr_equal(handle_body(h), h->body); /* rendered once */
    handles_release(&t);
}

static void lists_are_in_the_order_of_birth_whatever_was_loaded_first(void **state)
{
    struct handles t;
    struct handle *h;
    int64_t last = 0;
    (void)state;

    handles_init(&t, 1 << 20);
    put(&t, 1, 30, false);
    put(&t, 2, 10, false);
    put(&t, 3, 20, false);
    handles_sort(&t);
    TAILQ_FOREACH (h, &t.by_birth[STORE_PIPELINE], by_birth) {
        assert_true(h->revision > last);
        last = h->revision;
    }
    assert_int_equal(last, 30);
    handles_release(&t);
}

static void what_is_leaving_is_not_found_and_may_stay(void **state)
{
    struct handles t;
    struct handle *h;
    char id[41];
    (void)state;

    handles_init(&t, 1 << 20);
    h = put(&t, 1, 1, true);
    snprintf(id, sizeof(id), "%s", h->id);
    handles_all_leaving(&t, true);
    assert_null(handles_find(&t, id));
    handles_all_leaving(&t, false);
    assert_ptr_equal(handles_find(&t, id), h);
    handles_remove(&t, h);
    assert_null(handles_find(&t, id));
    handles_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_dropped_in_the_order_of_use),
        cmocka_unit_test(a_document_shows_state_and_leases),
        cmocka_unit_test(lists_are_in_the_order_of_birth_whatever_was_loaded_first),
        cmocka_unit_test(what_is_leaving_is_not_found_and_may_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
