/* Python's operators. */
#include "template/functions.h"
#include "template/iterate.h"

#include <math.h>

static const char *const signs[] = {
    [N_ADD] = "+",       [N_SUB] = "-", [N_MUL] = "*",           [N_DIV] = "/",
    [N_FLOORDIV] = "//", [N_MOD] = "%", [N_POW] = "** or pow()",
};

static bool unsupported(struct render *r, enum node_kind op, struct value a, struct value b)
{
    if (a.kind == V_UNDEF || b.kind == V_UNDEF)
        return render_fail_undef(r, a.kind == V_UNDEF ? a : b);
    if (op == N_ADD && a.kind == V_STR)
        return render_fail(r, "TypeError", "can only concatenate str (not \"%s\") to str",
                           value_type(b));
    return render_fail(r, "TypeError", "unsupported operand type(s) for %s: '%s' and '%s'",
                       signs[op], value_type(a), value_type(b));
}

static bool too_big(struct render *r)
{
    return render_fail(r, "OverflowError", "integers beyond 64 bits are not computed with");
}

static bool zero(struct render *r)
{
    return render_fail(r, "ZeroDivisionError", "division by zero");
}

static double floor_mod(double a, double b)
{
    double m = fmod(a, b);

    if (m != 0 && (b < 0) != (m < 0))
        m += b;
    else if (m == 0)
        m = copysign(0, b);
    return m;
}

static double floor_div(double a, double b)
{
    double m = fmod(a, b), d = (a - m) / b;

    if (m != 0 && (b < 0) != (m < 0))
        d -= 1;
    if (d == 0)
        return copysign(0, a / b);
    double whole = floor(d);
    return d - whole > 0.5 ? whole + 1 : whole;
}

static bool int_pow(struct render *r, int64_t base, int64_t n, struct value *ret)
{
    int64_t v = 1;

    if (n < 0) {
        if (!base)
            return render_fail(r, "ZeroDivisionError", "0.0 cannot be raised to a negative power");
        *ret = v_float(pow((double)base, (double)n));
        return true;
    }
    for (; n; n >>= 1) {
        if ((n & 1) && __builtin_mul_overflow(v, base, &v))
            return too_big(r);
        if (n > 1 && __builtin_mul_overflow(base, base, &base))
            return too_big(r);
    }
    *ret = v_int(v);
    return true;
}

static bool int_operate(struct render *r, enum node_kind op, int64_t a, int64_t b,
                        struct value *ret)
{
    int64_t v = 0;
    bool over = false;

    switch (op) {
    case N_ADD:
        over = __builtin_add_overflow(a, b, &v);
        break;
    case N_SUB:
        over = __builtin_sub_overflow(a, b, &v);
        break;
    case N_MUL:
        over = __builtin_mul_overflow(a, b, &v);
        break;
    case N_POW:
        return int_pow(r, a, b, ret);
    case N_DIV:
        if (!b)
            return zero(r);
        *ret = v_float((double)a / (double)b);
        return true;
    default:
        if (!b)
            return zero(r);
        if (b == -1) {
            over = op == N_FLOORDIV && __builtin_sub_overflow(0, a, &v);
            break;
        }
        v = op == N_MOD ? a % b : a / b;
        if (a % b && (a % b < 0) != (b < 0))
            v += op == N_MOD ? b : -1;
    }
    if (over)
        return too_big(r);
    *ret = v_int(v);
    return true;
}

static bool float_operate(struct render *r, enum node_kind op, double a, double b,
                          struct value *ret)
{
    switch (op) {
    case N_ADD:
        *ret = v_float(a + b);
        return true;
    case N_SUB:
        *ret = v_float(a - b);
        return true;
    case N_MUL:
        *ret = v_float(a * b);
        return true;
    case N_POW:
        if (a == 0 && b < 0)
            return render_fail(r, "ZeroDivisionError", "0.0 cannot be raised to a negative power");
        if (a < 0 && b != floor(b))
            return render_fail(r, "TypeError", "complex numbers are not supported");
        *ret = v_float(pow(a, b));
        if (isinf(ret->d) && isfinite(a) && isfinite(b))
            return render_fail(r, "OverflowError", "numerical result out of range");
        return true;
    default:
        if (b == 0)
            return zero(r);
        *ret = v_float(op == N_DIV ? a / b : op == N_FLOORDIV ? floor_div(a, b) : floor_mod(a, b));
        return true;
    }
}

static bool add_str(struct render *r, struct value a, struct value b, struct value *ret)
{
    bool markup = a.markup || b.markup;

    if (markup && (!to_markup(r, a, &a) || !to_markup(r, b, &b)))
        return false;
    if (!render_room(r, b.str->size))
        return false;
    *ret = str_markup(str_concat(&r->arena, a.str, b.str), markup);
    return true;
}

static bool repeat(struct render *r, struct value v, int64_t n, struct value *ret)
{
    size_t size = v.kind == V_STR ? v.str->size : v.seq->n * sizeof(struct value);

    if (n < 0)
        n = 0;
    if (size && n > (int64_t)(r->limits.max_memory / size))
        return render_room(r, SIZE_MAX);
    if (!render_room(r, size * (size_t)n))
        return false;
    if (v.kind == V_STR) {
        char *text = arena_text(&r->arena, size * (size_t)n + 1);
        for (int64_t i = 0; size && i < n; i++)
            memcpy(text + size * (size_t)i, v.str->data, size);
        *ret = str_markup(str_borrow(&r->arena, text, size * (size_t)n), v.markup);
        if (v.str->user && n)
            ret->str->user = &marks_whole;
        return true;
    }
    *ret = seq_new(&r->arena, v.kind, size ? v.seq->n * (size_t)n : 0);
    for (int64_t i = 0; size && i < n; i++)
        memcpy(ret->seq->items + v.seq->n * (size_t)i, v.seq->items, size);
    return true;
}

bool operate(struct render *r, enum node_kind op, struct value a, struct value b, struct value *ret)
{
    if (is_int(a) && is_int(b))
        return int_operate(r, op, as_int(a), as_int(b), ret);
    if (is_number(a) && is_number(b))
        return float_operate(r, op, as_float(a), as_float(b), ret);
    if (a.kind == V_BIG || b.kind == V_BIG)
        return too_big(r);
    if (op == N_ADD && a.kind == V_STR && b.kind == V_STR)
        return add_str(r, a, b, ret);
    if (op == N_ADD && is_seq(a) && a.kind == b.kind) {
        if (!render_room(r, (a.seq->n + b.seq->n) * sizeof(struct value)))
            return false;
        *ret = seq_concat(&r->arena, a.kind, a.seq, b.seq);
        return true;
    }
    if (op == N_MOD && a.kind == V_STR)
        return render_charge(r, a.str->size) && format_percent(r, a, b, ret);
    if (op == N_MUL && (a.kind == V_STR || is_seq(a)) && is_int(b))
        return repeat(r, a, as_int(b), ret);
    if (op == N_MUL && (b.kind == V_STR || is_seq(b)) && is_int(a))
        return repeat(r, b, as_int(a), ret);
    return unsupported(r, op, a, b);
}

bool compare(struct render *r, enum compare_op op, struct value a, struct value b, bool *ret)
{
    bool same = false;

    switch (op) {
    case CMP_EQ:
        return value_equal(r, a, b, ret);
    case CMP_NE:
        if (!value_equal(r, a, b, ret))
            return false;
        *ret = !*ret;
        return true;
    case CMP_LT:
        return value_less(r, a, b, "<", ret);
    case CMP_GT:
        return value_less(r, b, a, ">", ret);
    case CMP_IN:
        return value_contains(r, b, a, ret);
    case CMP_NOT_IN:
        if (!value_contains(r, b, a, ret))
            return false;
        *ret = !*ret;
        return true;
    default:
        /* Not the opposite of the other order: nan is neither. */
        if (op == CMP_LE ? !value_less(r, a, b, "<=", ret) : !value_less(r, b, a, ">=", ret))
            return false;
        if (*ret)
            return true;
        if (!value_equal(r, a, b, &same))
            return false;
        *ret = same;
        return true;
    }
}
