/* Evaluating expressions. */
#include "template/apply.h"

/* Values are written where they are computed: what a node leaves in *ret on failure is not looked
 * at. */

static void eval_name(struct render *r, const struct frame *f, const struct node *n,
                      struct value *ret)
{
    for (uint32_t hops = n->name.place.hops; hops; hops--)
        f = f->parent;
    *ret = f->slots[n->name.place.slot];
    if (ret->kind == V_MISSING)
        *ret = undef_name(r, n->name.text);
}

static bool eval_list(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v = seq_new(&r->arena, n->kind == N_TUPLE ? V_TUPLE : V_LIST, n->items.n);

    r->steps -= (int64_t)n->items.n;
    for (size_t i = 0; i < n->items.n; i++)
        if (!eval(r, f, n->items.items[i], &v.seq->items[i]))
            return false;
    *ret = v;
    return true;
}

static bool eval_dict(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v = {.kind = V_DICT, .dict = dict_new(&r->arena)}, key, value;

    r->steps -= (int64_t)n->items.n;
    for (size_t i = 0; i < n->items.n; i += 2)
        if (!eval(r, f, n->items.items[i], &key) || !eval(r, f, n->items.items[i + 1], &value) ||
            !dict_set(r, v.dict, key, value))
            return false;
    *ret = v;
    return true;
}

static bool eval_compare(struct render *r, struct frame *f, const struct node *n, bool *ret)
{
    struct value left, right;

    *ret = true;
    if (!eval(r, f, n->items.items[0], &left))
        return false;
    for (size_t i = 1; *ret && i < n->items.n; i++) {
        const struct node *operand = n->items.items[i];
        if (!eval(r, f, operand->a, &right))
            return false;
        r->at = operand;
        if (operand->op <= CMP_NE && left.kind == V_STR && right.kind == V_STR &&
            left.str->size < STEP_BYTES)
            *ret = str_same(left.str, right.str) == (operand->op == CMP_EQ);
        else if (!render_step(r) || !compare(r, operand->op, left, right, ret))
            return false;
        left = right;
    }
    return true;
}

static bool eval_concat(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v, whole = v_str(NULL);

    for (size_t i = 0; i < n->items.n; i++) {
        if (!eval(r, f, n->items.items[i], &v) || !to_str(r, v, &v) || !render_step(r) ||
            !render_room(r, v.str->size))
            return false;
        whole = i ? str_concat(&r->arena, whole.str, v.str) : v_str(v.str);
    }
    *ret = whole;
    return true;
}

static bool eval_add(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v;

    if (!eval(r, f, n->items.items[0], ret))
        return false;
    for (size_t i = 1; i < n->items.n; i++) {
        if (!eval(r, f, n->items.items[i], &v) || !render_step(r))
            return false;
        r->at = n;
        if (!operate(r, N_ADD, *ret, v, ret))
            return false;
    }
    return true;
}

static bool eval_slice(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value *parts = arena_new_array(&r->arena, 3, struct value);
    const struct node *nodes[] = {n->a, n->b, n->c};

    for (int i = 0; i < 3; i++) {
        parts[i] = NONE;
        if (nodes[i] && !eval(r, f, nodes[i], &parts[i]))
            return false;
    }
    *ret = (struct value){.kind = V_SLICE, .slice = parts};
    return true;
}

static bool eval_sign(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v;

    if (!eval(r, f, n->a, &v))
        return false;
    r->at = n;
    if (v.kind == V_UNDEF)
        return render_fail_undef(r, v);
    if (!is_number(v) || (is_int(v) && as_int(v) == INT64_MIN))
        return render_fail(r, "TypeError", "bad operand type for unary %c: '%s'",
                           n->kind == N_NEG ? '-' : '+', value_type(v));
    if (v.kind == V_FLOAT)
        *ret = v_float(n->kind == N_NEG ? -v.d : v.d);
    else
        *ret = v_int(n->kind == N_NEG ? -as_int(v) : as_int(v));
    return true;
}

static bool eval_binary(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value a, b;

    if (!eval(r, f, n->a, &a) || !eval(r, f, n->b, &b))
        return false;
    r->at = n;
    if (n->kind == N_GETITEM && n->b->kind == N_SLICE)
        return get_slice(r, a, b, ret);
    if (n->kind == N_GETITEM && a.kind == V_DICT && b.kind == V_STR) {
        const struct value *found = dict_find_str(a.dict, b.str);
        if (found) {
            *ret = *found;
            return true;
        }
    }
    if (n->kind == N_GETITEM)
        return get_item(r, a, b, ret);
    return operate(r, n->kind, a, b, ret);
}

static bool eval_attr(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value object, *found;

    if (!eval(r, f, n->of, &object))
        return false;
    r->at = n;
    if (!n->op || (object.kind != V_DICT && object.kind != V_NAMESPACE))
        return get_attr(r, object, n->attr, ret);
    found = dict_find_name(object.dict, n->attr.str);
    *ret = found ? *found : undef_attr(r, object, n->attr);
    return true;
}

static bool eval_inner(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    bool holds;

    switch (n->kind) {
    case N_TUPLE:
    case N_LIST:
        return eval_list(r, f, n, ret);
    case N_DICT:
        return eval_dict(r, f, n, ret);
    case N_COND:
        if (!eval_truth(r, f, n->a, &holds))
            return false;
        if (holds)
            return eval(r, f, n->b, ret);
        if (n->c)
            return eval(r, f, n->c, ret);
        *ret = undef_hint(r, "the inline if was false and has no else");
        return true;
    case N_OR:
    case N_AND:
        if (!eval(r, f, n->a, ret))
            return false;
        return value_truth(*ret) == (n->kind == N_OR) || eval(r, f, n->b, ret);
    case N_NOT:
        if (!eval_truth(r, f, n->a, &holds))
            return false;
        *ret = v_bool(!holds);
        return true;
    case N_COMPARE:
        if (!eval_compare(r, f, n, &holds))
            return false;
        *ret = v_bool(holds);
        return true;
    case N_ADD:
        return eval_add(r, f, n, ret);
    case N_CONCAT:
        return eval_concat(r, f, n, ret);
    case N_NEG:
    case N_POS:
        return eval_sign(r, f, n, ret);
    case N_GETATTR:
        return eval_attr(r, f, n, ret);
    case N_SLICE:
        return eval_slice(r, f, n, ret);
    case N_CALL:
        return eval_call(r, f, n, ret);
    case N_FILTER:
        return eval_filter(r, f, n, ret);
    case N_TEST:
        if (!eval_test(r, f, n, &holds))
            return false;
        *ret = v_bool(holds);
        return true;
    default:
        return eval_binary(r, f, n, ret);
    }
}

bool eval_node(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    if (n->kind == N_NAME) {
        eval_name(r, f, n, ret);
        return true;
    }
    r->at = n;
    if (!render_step(r) || !render_enter(r))
        return false;
    bool ok = eval_inner(r, f, n, ret);
    render_leave(r);
    return ok;
}

static bool truth_inner(struct render *r, struct frame *f, const struct node *n, bool *ret)
{
    switch (n->kind) {
    case N_OR:
    case N_AND:
        if (!eval_truth(r, f, n->a, ret))
            return false;
        return *ret == (n->kind == N_OR) || eval_truth(r, f, n->b, ret);
    case N_NOT:
        if (!eval_truth(r, f, n->a, ret))
            return false;
        *ret = !*ret;
        return true;
    case N_COMPARE:
        return eval_compare(r, f, n, ret);
    default:
        return eval_test(r, f, n, ret);
    }
}

bool eval_truth(struct render *r, struct frame *f, const struct node *n, bool *ret)
{
    struct value v;
    bool ok;

    switch (n->kind) {
    case N_OR:
    case N_AND:
    case N_NOT:
    case N_COMPARE:
    case N_TEST:
        r->at = n;
        if (!render_step(r) || !render_enter(r))
            return false;
        ok = truth_inner(r, f, n, ret);
        render_leave(r);
        return ok;
    default:
        if (!eval(r, f, n, &v))
            return false;
        *ret = value_truth(v);
        return true;
    }
}

/* ---- printing */

/*
 * What is added up is mostly text: written piece by piece while it is, and taken
 * back to be a value when something else turns up.
 */
static bool print_sum(struct render *r, struct frame *f, const struct node *n)
{
    size_t start = r->out->size, i;
    struct value v, sum;

    for (i = 0; i < n->items.n; i++) {
        if (!eval(r, f, n->items.items[i], &v) || !render_step(r))
            return false;
        if (v.kind != V_STR || v.markup)
            break;
        if (!render_print(r, v))
            return false;
    }
    if (i == n->items.n)
        return true;
    if (i)
        sum = text_taken(r, start);
    for (;; i++) {
        r->at = n;
        if (i && !operate(r, N_ADD, sum, v, &v))
            return false;
        if (i + 1 == n->items.n)
            return render_print(r, v);
        sum = v;
        if (!eval(r, f, n->items.items[i + 1], &v) || !render_step(r))
            return false;
    }
}

bool eval_print(struct render *r, struct frame *f, const struct node *n)
{
    struct value v;
    struct args args;
    bool ok;

    if (n->kind == N_CONST)
        return render_print(r, n->value);
    if (n->kind == N_ADD) {
        r->at = n;
        if (!render_step(r) || !render_enter(r))
            return false;
        ok = print_sum(r, f, n);
        render_leave(r);
        return ok;
    }
    if (n->kind == N_CALL && n->callee->kind == N_NAME) {
        eval_name(r, f, n->callee, &v);
        if (v.kind == V_MACRO) {
            r->at = n;
            if (!render_step(r) || !render_enter(r) || !eval_args(r, f, n->args, &args))
                return false;
            r->at = n;
            ok = write_macro(r, v.macro, &args);
            render_leave(r);
            return ok;
        }
    }
    return eval_node(r, f, n, &v) && render_print(r, v);
}
