#include "test.h"

#include "unicode/properties.h"

static bool has(const char *property, uint32_t cp)
{
    AUTO_UNICODE_RANGES struct unicode_ranges r = {0};

    assert_true(unicode_property(property, strlen(property), &r));
    for (size_t i = 0; i < r.n; i++)
        if (cp >= r.items[i].first && cp <= r.items[i].last)
            return true;
    return false;
}

static void properties_are_found_by_any_name(void **state)
{
    AUTO_UNICODE_RANGES struct unicode_ranges r = {0};

    (void)state;
    assert_true(has("Lu", 'A'));
    assert_true(has("uppercase letter", 'A'));
    assert_false(has("Lu", 'a'));
    assert_true(has("L", 0x4e00));
    assert_true(has("Hira", 0x3042));
    assert_true(has("han", 0x3007));
    assert_true(has("White_Space", 0x3000));
    assert_true(has("In_Basic_Latin", 0x7f));
    assert_false(has("InBasicLatin", 0x80));
    assert_true(has("Any", 0x10ffff));
    assert_true(has("Garay", 0x10d40)); /* new in 16 */
    assert_true(has("Cn", 0x11db0));    /* new in 17 */
    assert_false(unicode_property("Klingon", 7, &r));
    assert_false(unicode_property("L\0", 2, &r));
}

static void categories_cover_everything_once(void **state)
{
    static const char *const names[] = {"Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd",
                                        "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
                                        "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
    AUTO_UNICODE_RANGES struct unicode_ranges r = {0};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_true(unicode_property(names[i], 2, &r));
        for (size_t j = 0; j < r.n; j++) {
            assert_int_equal(unicode_category(r.items[j].first), i);
            assert_int_equal(unicode_category(r.items[j].last), i);
            n += r.items[j].last - r.items[j].first + 1;
        }
    }
    assert_int_equal(n, 0x110000);
    assert_int_equal(unicode_category(UINT32_MAX), CATEGORY_CN);
}

static void folding_is_sorted(void **state)
{
    size_t n;
    const struct unicode_folding *rows = unicode_foldings(&n);

    (void)state;
    for (size_t i = 1; i < n; i++)
        assert_true(rows[i - 1].from <= rows[i].from);
    assert_int_equal(rows[0].from, 'A');
    assert_int_equal(rows[0].to[0], 'a');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_found_by_any_name),
        cmocka_unit_test(categories_cover_everything_once),
        cmocka_unit_test(folding_is_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
