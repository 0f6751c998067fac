#include "test.h"

#include "daemon/hub_memory.h"
#include "hub/model_info.h"

#include <stdio.h>

struct fixture {
    struct hub_memory m;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    hub_memory_init(&f->m);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    hub_memory_release(&f->m);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *repo, const char *canonical, size_t n_files)
{
    CLEANUP(pin_release) struct pin pin = {0};
    char path[32];

    snprintf(pin.canonical, sizeof(pin.canonical), "%s", canonical);
    for (size_t i = 0; i < n_files; i++) {
        snprintf(path, sizeof(path), "file-%zu", i);
        pin_add_file(&pin, path);
    }
    hub_memory_put_pin(&f->m, repo, "main", "", &pin, 1);
}

static bool has(struct fixture *f, const char *repo)
{
    return hub_memory_pin(&f->m, repo, "main", "") != NULL;
}

static void pins_keep_to_their_number_and_the_unused_go_first(void **state)
{
    struct fixture *f = *state;
    char name[32];

    for (int i = 0; i <= HUB_PINS_MAX; i++) {
        snprintf(name, sizeof(name), "org/m%d", i);
        put(f, name, name, 0);
        assert_true(has(f, "org/m0"));
    }
    assert_int_equal(f->m.pins.n, HUB_PINS_MAX);
    assert_false(has(f, "org/m1"));
}

static void pins_keep_to_their_bytes(void **state)
{
    struct fixture *f = *state;

    put(f, "org/large", "org/large", 60000);
    assert_true(has(f, "org/large"));
    put(f, "org/small", "org/small", 1);
    assert_true(has(f, "org/large"));
    put(f, "org/larger", "org/larger", 70000);
    assert_false(has(f, "org/large"));
    assert_true(has(f, "org/larger"));
    assert_true(f->m.pin_bytes <= HUB_PINS_BYTES_MAX);
    put(f, "org/too/large", "org/too/large", 200000);
    assert_false(has(f, "org/too/large"));
    hub_memory_forget(&f->m, NULL);
    assert_int_equal(f->m.pin_bytes, 0);
}

static void a_repository_is_forgotten_by_either_name(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        put(f, "old/name", "new/name", 1);
        put(f, "old/name2", "old/name2", 1);
        hub_memory_forget(&f->m, i ? "old/name" : "new/name");
        assert_false(has(f, "old/name"));
        assert_true(has(f, "old/name2"));
    }
}

static void a_refusal_lasts_until_its_time(void **state)
{
    struct fixture *f = *state;
    AUTO_ERR struct err err = {0};

    err_set(&err, ERR_REPO_GATED, "gated");
    hub_memory_put_refusal(&f->m, "pin\norg/m\nmain\n", &err, 100);
    assert_int_equal(hub_memory_refusal(&f->m, "pin\norg/m\nmain\n", 99)->err.code, ERR_REPO_GATED);
    assert_null(hub_memory_refusal(&f->m, "pin\norg/m\nmain\n", 100));
    hub_memory_put_refusal(&f->m, "pin\norg/m\nmain\n", &err, 200);
    hub_memory_forget(&f->m, "org/m");
    assert_null(hub_memory_refusal(&f->m, "pin\norg/m\nmain\n", 150));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pins_keep_to_their_number_and_the_unused_go_first),
        TEST(pins_keep_to_their_bytes),
        TEST(a_repository_is_forgotten_by_either_name),
        TEST(a_refusal_lasts_until_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
