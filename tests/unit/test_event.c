#include "test.h"

#include "event/event.h"

static void append(struct event_log *log, int64_t revision)
{
    event_log_append(log,
                     event_new(revision, EVENT_PIPELINE_CREATED, "pl_1", 0, "\"id\":\"pl_1\""));
}

static void an_event_is_one_line_of_json(void **state)
{
    struct event *e = event_new(7, EVENT_LEASE_EXPIRED, "pl_1", 1767225600, "\"lease\":\"ls_1\"");
    (void)state;

    assert_string_equal(e->json->bytes, "{\"revision\":7,\"kind\":\"lease.expired\","
                                        "\"time\":\"2026-01-01T00:00:00Z\",\"lease\":\"ls_1\"}");
    event_unref(e);
}

static void a_reader_gets_what_came_after(void **state)
{
    struct event_log log;
    (void)state;

    event_log_init(&log, 4);
    assert_int_equal(event_log_after(&log, 0), 0);
    append(&log, 3);
    append(&log, 5);
    append(&log, 9);
    assert_int_equal(event_log_after(&log, 0), 0);
    assert_int_equal(event_log_after(&log, 3), 1);
    assert_int_equal(event_log_after(&log, 4), 1);
    assert_int_equal(event_log_after(&log, 9), 3);
    event_log_release(&log);
}

static void what_was_dropped_is_told_from_nothing_new(void **state)
{
    struct event_log log;
    (void)state;

    event_log_init(&log, 3);
    for (int64_t r = 1; r <= 5; r++)
        append(&log, r);
    assert_int_equal(event_log_after(&log, 1), -1);
    assert_int_equal(event_log_after(&log, 2), 0);
    assert_int_equal(event_log_at(&log, 0)->revision, 3);
    assert_int_equal(event_log_after(&log, 5), 3);
    event_log_release(&log);
}

static void every_kind_has_a_name_of_a_known_group(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_EVENT_KINDS; k++) {
        const char *name = event_kind_name((enum event_kind)k);
        enum event_kind back;
        bool known = false;

        assert_true(event_kind_parse(name, &back) && back == (enum event_kind)k);
        for (const char *const *g = event_groups(); *g; g++)
            known |= str_starts(name, *g) && name[strlen(*g)] == '.';
        assert_true(known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_of_json),
        cmocka_unit_test(a_reader_gets_what_came_after),
        cmocka_unit_test(what_was_dropped_is_told_from_nothing_new),
        cmocka_unit_test(every_kind_has_a_name_of_a_known_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
