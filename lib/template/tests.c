#include "template/tests.h"

#include "template/filters.h"
#include "template/functions.h"
#include "template/text.h"

#define TEST(name_) \
    static bool test_##name_(struct render *r, struct value v, struct value *argv, bool *ret)

TEST(defined)
{
    (void)r, (void)argv;
    *ret = v.kind != V_UNDEF;
    return true;
}
TEST(undefined)
{
    (void)r, (void)argv;
    *ret = v.kind == V_UNDEF;
    return true;
}
TEST(none)
{
    (void)r, (void)argv;
    *ret = v.kind == V_NONE;
    return true;
}
TEST(boolean)
{
    (void)r, (void)argv;
    *ret = v.kind == V_BOOL;
    return true;
}
TEST(true)
{
    (void)r, (void)argv;
    *ret = v.kind == V_BOOL && v.b;
    return true;
}
TEST(false)
{
    (void)r, (void)argv;
    *ret = v.kind == V_BOOL && !v.b;
    return true;
}
TEST(integer)
{
    (void)r, (void)argv;
    *ret = v.kind == V_INT || v.kind == V_BIG;
    return true;
}
TEST(float)
{
    (void)r, (void)argv;
    *ret = v.kind == V_FLOAT;
    return true;
}
TEST(number)
{
    (void)r, (void)argv;
    *ret = is_number(v) || v.kind == V_BIG;
    return true;
}
TEST(string)
{
    (void)r, (void)argv;
    *ret = v.kind == V_STR;
    return true;
}
TEST(mapping)
{
    (void)r, (void)argv;
    *ret = v.kind == V_DICT;
    return true;
}
TEST(sequence)
{
    int64_t n;

    (void)argv;
    (void)r;
    /* Views have a length and no subscripts; undefined says yes to both. */
    *ret = v.kind != V_VIEW && value_length(v, &n);
    if (v.kind == V_UNDEF)
        *ret = true;
    return true;
}
TEST(iterable)
{
    (void)r, (void)argv;
    switch (v.kind) {
    case V_UNDEF:
    case V_STR:
    case V_LIST:
    case V_TUPLE:
    case V_DICT:
    case V_VIEW:
    case V_RANGE:
    case V_ITER:
    case V_LOOP:
        *ret = true;
        return true;
    default:
        *ret = false;
        return true;
    }
}
TEST(callable)
{
    (void)r, (void)argv;
    *ret = v.kind == V_MACRO || v.kind == V_FUNCTION || v.kind == V_LOOP || v.kind == V_UNDEF;
    return true;
}
TEST(escaped)
{
    (void)r, (void)argv;
    *ret = v.kind == V_STR && v.markup;
    return true;
}

TEST(sameas)
{
    struct value w = argv[0];

    (void)r;
    if (v.kind != w.kind)
        *ret = false;
    else if (v.kind == V_INT || v.kind == V_BOOL || v.kind == V_NONE)
        *ret = v.kind == V_NONE || as_int(v) == as_int(w);
    else if (v.kind == V_FLOAT)
        *ret = v.d == w.d;
    else if (v.kind == V_STR)
        *ret = str_same(v.str, w.str) && v.markup == w.markup;
    else
        *ret = v.dict == w.dict;
    return true;
}

static bool cased(struct render *r, struct value v, bool upper, bool *ret)
{
    bool any = false, other = false;
    size_t step;

    if (!to_str(r, v, &v) || !render_charge_walk(r, v.str->size))
        return false;
    for (size_t i = 0; i < v.str->size; i += step) {
        uint32_t cp = text_at(v.str->data + i, &step);
        bool is_upper = text_is_upper(cp), is_lower = text_is_lower(cp);
        any |= upper ? is_upper : is_lower;
        other |= (upper ? is_lower : is_upper) || text_is_title(cp);
    }
    *ret = any && !other;
    return true;
}
TEST(lower)
{
    (void)argv;
    return cased(r, v, false, ret);
}
TEST(upper)
{
    (void)argv;
    return cased(r, v, true, ret);
}

static bool remainder_is_zero(struct render *r, struct value v, struct value by, int64_t want,
                              bool *ret)
{
    struct value rest;

    if (!operate(r, N_MOD, v, by, &rest))
        return false;
    return value_equal(r, rest, v_int(want), ret);
}
TEST(odd)
{
    (void)argv;
    return remainder_is_zero(r, v, v_int(2), 1, ret);
}
TEST(even)
{
    (void)argv;
    return remainder_is_zero(r, v, v_int(2), 0, ret);
}
TEST(divisibleby) { return remainder_is_zero(r, v, argv[0], 0, ret); }

TEST(in) { return value_contains(r, argv[0], v, ret); }
TEST(eq) { return compare(r, CMP_EQ, v, argv[0], ret); }
TEST(ne) { return compare(r, CMP_NE, v, argv[0], ret); }
TEST(lt) { return compare(r, CMP_LT, v, argv[0], ret); }
TEST(le) { return compare(r, CMP_LE, v, argv[0], ret); }
TEST(gt) { return compare(r, CMP_GT, v, argv[0], ret); }
TEST(ge) { return compare(r, CMP_GE, v, argv[0], ret); }

static bool has_name(struct render *r, struct value v, const void *found, bool *ret)
{
    uint32_t hash;

    if (v.kind != V_STR)
        return value_hash(r, v, &hash) && (*ret = false, true);
    *ret = found != NULL;
    return true;
}
TEST(filter)
{
    (void)argv;
    return has_name(r, v, v.kind == V_STR ? filter_find(v.str) : NULL, ret);
}
TEST(test)
{
    (void)argv;
    return has_name(r, v, v.kind == V_STR ? test_find(v.str) : NULL, ret);
}

static const struct test_def tests[] = {
    {"defined", test_defined, 0},
    {"undefined", test_undefined, 0},
    {"none", test_none, 0},
    {"string", test_string, 0},
    {"mapping", test_mapping, 0},
    {"iterable", test_iterable, 0},
    {"sequence", test_sequence, 0},
    {"boolean", test_boolean, 0},
    {"true", test_true, 0},
    {"false", test_false, 0},
    {"number", test_number, 0},
    {"integer", test_integer, 0},
    {"float", test_float, 0},
    {"in", test_in, 1},
    {"eq", test_eq, 1},
    {"equalto", test_eq, 1},
    {"==", test_eq, 1},
    {"ne", test_ne, 1},
    {"!=", test_ne, 1},
    {"lt", test_lt, 1},
    {"lessthan", test_lt, 1},
    {"<", test_lt, 1},
    {"le", test_le, 1},
    {"<=", test_le, 1},
    {"gt", test_gt, 1},
    {"greaterthan", test_gt, 1},
    {">", test_gt, 1},
    {"ge", test_ge, 1},
    {">=", test_ge, 1},
    {"odd", test_odd, 0},
    {"even", test_even, 0},
    {"divisibleby", test_divisibleby, 1},
    {"sameas", test_sameas, 1},
    {"lower", test_lower, 0},
    {"upper", test_upper, 0},
    {"callable", test_callable, 0},
    {"escaped", test_escaped, 0},
    {"filter", test_filter, 0},
    {"test", test_test, 0},
};

const struct test_def *test_find(const struct str *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
        if (str_is(name, tests[i].name))
            return &tests[i];
    return NULL;
}

bool test_run(struct render *r, const struct test_def *t, struct value v, const struct args *a,
              bool *ret)
{
    static const char *const names[] = {"num", NULL};
    struct value argv[PARAMS_MAX];
    const char *const *params = t->run == test_divisibleby ? names : NULL;

    if (v.kind == V_STR && !render_charge(r, v.str->size))
        return false;
    if (t->run == test_sameas)
        params = (const char *const[]){"other", NULL};
    if (t->run == test_in)
        params = (const char *const[]){"seq", NULL};
    return bind_args(r, t->name, params, t->n_args, t->n_args, a, argv) && t->run(r, v, argv, ret);
}
