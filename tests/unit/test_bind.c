#include "test.h"

#include "bind/bind.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

struct wheel {
    char *name;
    struct opt_int spokes;
};

struct car {
    char *name;
    enum tristate fast;
    struct opt_int seats;
    struct opt_real weight;
    int colour;
    struct strv owners;
    struct wheel spare;
    struct bind_array wheels;
    json_t *extra;
};

static const struct field wheel_fields[] = {
    {"name", FIELD_STR, offsetof(struct wheel, name), .min = 1, .max = 8, .required = true},
    {"spokes", FIELD_INT, offsetof(struct wheel, spokes), .min = 1, .max = 64},
};
static const struct field_table wheel_table = {"Wheel", wheel_fields, ARRAY_SIZE(wheel_fields)};

static const struct field car_fields[] = {
    {"name", FIELD_STR, offsetof(struct car, name), .min = 1, .required = true,
     .doc = "What it is called."},
    {"fast", FIELD_BOOL, offsetof(struct car, fast)},
    {"seats", FIELD_INT, offsetof(struct car, seats), .min = 1, .max = 9},
    {"weight_kg", FIELD_REAL, offsetof(struct car, weight)},
    {"colour", FIELD_ENUM, offsetof(struct car, colour), .names = colours},
    {"owners", FIELD_STRV, offsetof(struct car, owners), .min = 1, .max = 10, .max_items = 3},
    {"spare", FIELD_OBJECT, offsetof(struct car, spare), .fields = &wheel_table},
    {"wheels", FIELD_ARRAY, offsetof(struct car, wheels), .fields = &wheel_table,
     .item_size = sizeof(struct wheel), .max_items = 4},
    {"a/b~c", FIELD_JSON, offsetof(struct car, extra), .schema = "{\"type\":\"object\"}"},
    {"etag", FIELD_IGNORED},
};
static const struct field_table car_table = {"Car", car_fields, ARRAY_SIZE(car_fields)};

static bool bind_text(const char *text, const char *prefix, struct car *ret, struct err *err)
{
    json_t *doc = json_loads(text, JSON_DECODE_ANY, NULL);
    bool ok;

    assert_non_null(doc);
    ok = bind_object(&car_table, doc, prefix, ret, err);
    json_decref(doc);
    return ok;
}

/* The errors of a refused document, as parsed JSON; the caller's to drop. */
static json_t *errors_of(const char *text, const char *prefix, enum err_code code)
{
    AUTO_ERR struct err err = {0};
    struct car car = {0};

    assert_false(bind_text(text, prefix, &car, &err));
    assert_int_equal(err.code, code);
    AUTO_FREE char *facts = str_printf("{%s}", err.facts.data);
    json_t *doc = json_loads(facts, 0, NULL);
    assert_non_null(doc);
    json_t *errors = json_incref(json_object_get(doc, "errors"));
    json_decref(doc);
    assert_null(car.name); /* nothing is owed */
    assert_null(car.wheels.items);
    return errors;
}

static const char *member(json_t *errors, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_array_get(errors, i), name));
}

static void a_document_fills_its_struct(void **state)
{
    AUTO_ERR struct err err = {0};
    struct car car = {0};
    (void)state;

    assert_true(bind_text("{\"name\":\"beetle\",\"fast\":false,\"seats\":4.0,\"weight_kg\":800,"
                          "\"colour\":\"blue\",\"owners\":[\"ann\",\"bob\"],"
                          "\"spare\":{\"name\":\"s\"},\"wheels\":[{\"name\":\"l\",\"spokes\":5},"
                          "{\"name\":\"r\"}],\"a/b~c\":{\"k\":1},\"etag\":7}",
                          "", &car, &err));
    assert_string_equal(car.name, "beetle");
    assert_int_equal(car.fast, NO);
    assert_true(car.seats.set);
    assert_int_equal(car.seats.value, 4);
    assert_true(car.weight.set && car.weight.value == 800);
    assert_int_equal(car.colour, 3);
    assert_int_equal(car.owners.n, 2);
    assert_string_equal(car.owners.items[1], "bob");
    assert_string_equal(car.spare.name, "s");
    assert_int_equal(car.wheels.n, 2);
    struct wheel *wheels = car.wheels.items;
    assert_int_equal(wheels[0].spokes.value, 5);
    assert_false(wheels[1].spokes.set);
    assert_int_equal(json_integer_value(json_object_get(car.extra, "k")), 1);
    bind_release(&car_table, &car);
    assert_null(car.name);
}

static void absent_and_null_leave_a_field_unset(void **state)
{
    AUTO_ERR struct err err = {0};
    struct car car = {0};
    (void)state;

    assert_true(bind_text("{\"name\":\"x\",\"fast\":null,\"seats\":null,\"colour\":null,"
                          "\"owners\":null,\"wheels\":null}",
                          "", &car, &err));
    assert_int_equal(car.fast, UNSET);
    assert_false(car.seats.set);
    assert_int_equal(car.colour, 0);
    assert_int_equal(car.owners.n, 0);
    bind_release(&car_table, &car);
}

static void all_faults_come_at_once_with_pointers(void **state)
{
    static const char *const pointers[] = {
        "/x/name",   "/x/fast",     "/x/seats",      "/x/weight_kg",
        "/x/colour", "/x/owners/1", "/x/spare/name",
    };
    (void)state;
    json_t *errors = errors_of("{\"name\":\"\",\"fast\":1,\"seats\":10,\"weight_kg\":\"heavy\","
                               "\"colour\":\"bleu\",\"owners\":[\"ann\",\"\"],\"spare\":{},"
                               "\"wheels\":[{\"name\":\"a\",\"no\":1},{\"name\":\"b\","
                               "\"spokes\":1.5}],\"a/b~c\":1,\"a/b\":1}",
                               "/x", ERR_FIELD);

    assert_int_equal(json_array_size(errors), 10);
    for (size_t i = 0; i < ARRAY_SIZE(pointers); i++)
        assert_string_equal(member(errors, i, "pointer"), pointers[i]);
    assert_string_equal(member(errors, 7, "pointer"), "/x/wheels/0/no");
    assert_string_equal(member(errors, 8, "pointer"), "/x/wheels/1/spokes");
    assert_string_equal(member(errors, 9, "pointer"), "/x/a~1b");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json_array_get(errors, 4), "nearest"), 0)),
        "blue");
    assert_string_equal(member(errors, 4, "value"), "bleu");
    assert_int_equal(json_array_size(json_object_get(json_array_get(errors, 4), "allowed")), 3);
    json_decref(errors);
}

static void only_unknown_fields_have_their_own_code(void **state)
{
    (void)state;
    json_t *errors = errors_of("{\"name\":\"x\",\"seat\":3}", "", ERR_UNKNOWN_FIELD);

    assert_int_equal(json_array_size(errors), 1);
    assert_string_equal(member(errors, 0, "pointer"), "/seat");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json_array_get(errors, 0), "nearest"), 0)),
        "seats");
    json_decref(errors);
}

static void what_is_no_object_is_refused_where_it_stands(void **state)
{
    (void)state;
    json_t *errors = errors_of("[1]", "/architectures/3", ERR_FIELD);

    assert_string_equal(member(errors, 0, "pointer"), "/architectures/3");
    json_decref(errors);
}

static void a_flood_of_faults_is_cut_and_counted(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf text = {0};
    struct car car = {0};
    (void)state;

    buf_append_str(&text, "{\"name\":\"x\"");
    for (int i = 0; i < 200; i++)
        buf_printf(&text, ",\"u%d\":1", i);
    buf_append_char(&text, '}');
    assert_false(bind_text(text.data, "", &car, &err));
    assert_non_null(strstr(err.facts.data, "\"errors_omitted\":150"));
}

static void a_long_value_is_shown_short_and_whole_in_characters(void **state)
{
    AUTO_FAULTS struct faults f = {0};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf value = {0};
    (void)state;

    buf_append_char(&value, 'a');
    for (int i = 0; i < 200; i++)
        buf_append_str(&value, "é"); /* byte 120 is within one */
    faults_add(&f, "/v", value.data, NULL, "is too long");
    assert_false(faults_none(&f, &err));
    assert_null(strstr(err.facts.data, "\xef\xbf\xbd"));
    assert_non_null(strstr(err.facts.data, "é…\""));
    assert_true(err.facts.size < 400);
}

static void too_many_items_are_refused(void **state)
{
    (void)state;
    json_t *errors =
        errors_of("{\"name\":\"x\",\"owners\":[\"a\",\"b\",\"c\",\"d\"]}", "", ERR_FIELD);

    assert_string_equal(member(errors, 0, "pointer"), "/owners");
    assert_string_equal(member(errors, 0, "detail"), "must have at most 3 items, has 4");
    json_decref(errors);
}

static void a_bound_may_be_a_lower_one_only(void **state)
{
    static const struct field fields[] = {{"n", FIELD_INT, 0, .min = 5}};
    static const struct field_table table = {"N", fields, 1};
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf schema = {0};
    struct opt_int n = {0};
    (void)state;

    json_t *high = json_pack("{s:I}", "n", (json_int_t)1 << 60), *low = json_pack("{s:i}", "n", 4);
    assert_true(bind_object(&table, high, "", &n, &err));
    assert_true(n.value == INT64_C(1) << 60);
    assert_false(bind_object(&table, low, "", &n, &err));
    assert_non_null(strstr(err.msg, "at least 5"));
    json_decref(high);
    json_decref(low);
    bind_schema(&table, &schema);
    assert_non_null(strstr(schema.data, "\"minimum\":5"));
    assert_null(strstr(schema.data, "maximum"));
}

static void the_schema_says_what_the_table_says(void **state)
{
    AUTO_BUF struct buf out = {0};
    (void)state;

    bind_schema(&car_table, &out);
    json_t *schema = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(schema);
    json_t *p = json_object_get(schema, "properties");
    assert_int_equal(json_object_size(p), car_table.n);
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(p, "seats"), "maximum")),
                     9);
    assert_int_equal(json_array_size(json_object_get(json_object_get(p, "colour"), "enum")),
                     4); /* and null */
    json_t *item = json_object_get(json_object_get(p, "wheels"), "items");
    assert_string_equal(json_string_value(json_array_get(json_object_get(item, "required"), 0)),
                        "name");
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_fills_its_struct),
        cmocka_unit_test(absent_and_null_leave_a_field_unset),
        cmocka_unit_test(all_faults_come_at_once_with_pointers),
        cmocka_unit_test(only_unknown_fields_have_their_own_code),
        cmocka_unit_test(what_is_no_object_is_refused_where_it_stands),
        cmocka_unit_test(a_flood_of_faults_is_cut_and_counted),
        cmocka_unit_test(a_long_value_is_shown_short_and_whole_in_characters),
        cmocka_unit_test(too_many_items_are_refused),
        cmocka_unit_test(a_bound_may_be_a_lower_one_only),
        cmocka_unit_test(the_schema_says_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
