/* Evaluating expressions. */
#define EVAL_C /* see its header */
#include "template/filters.h"
#include "template/functions.h"
#include "template/iterate.h"
#include "template/render.h"
#include "template/tests.h"

/* ---- undefined */

static struct value undef(struct render *r, struct undef u)
{
    struct undef *copy = arena_new(&r->arena, struct undef);

    *copy = u;
    return (struct value){.kind = V_UNDEF, .undef = copy};
}

struct value undef_name(struct render *r, struct str *name)
{
    return undef(r, (struct undef){.name = v_str(name)});
}

struct value undef_attr(struct render *r, struct value object, struct value name)
{
    return undef(r, (struct undef){.object = object, .name = name});
}

struct value undef_hint(struct render *r, const char *hint)
{
    return undef(r, (struct undef){.hint = hint});
}

bool render_fail_undef(struct render *r, struct value v)
{
    const struct undef *u = v.undef;
    const char *exception = u->exception ? u->exception : "UndefinedError";
    AUTO_BUF struct buf name = {0};
    int n;

    if (u->hint)
        return render_fail(r, exception, "%s", u->hint);
    if (!write_repr(r, u->name, &name))
        return false;
    n = name.size < 120 ? (int)name.size : 120;
    if (u->object.kind == V_MISSING)
        return render_fail(r, exception, "%.*s is undefined", n, name.data);
    if (u->object.kind == V_NONE)
        return render_fail(r, exception, "None has no attribute or element %.*s", n, name.data);
    return render_fail(r, exception, "'%s object' has no attribute or element %.*s",
                       value_type(u->object), n, name.data);
}

/* ---- arguments */

static bool spread(struct render *r, struct frame *f, const struct node *n, struct args *ret)
{
    struct value v, list;
    struct value *items;

    if (!n)
        return true;
    if (!eval(r, f, n, &v) || !iter_list(r, v, &list))
        return false;
    items = arena_new_array(&r->arena, ret->n + list.seq->n + 2, struct value);
    if (ret->n)
        memcpy(items + 1, ret->items, ret->n * sizeof(*items));
    if (list.seq->n)
        memcpy(items + 1 + ret->n, list.seq->items, list.seq->n * sizeof(*items));
    ret->items = items + 1;
    ret->n += list.seq->n;
    return true;
}

static bool spread_keywords(struct render *r, struct frame *f, const struct node *n,
                            struct args *ret)
{
    struct keyword_value *more;
    struct value v;

    if (!n)
        return true;
    if (!eval(r, f, n, &v))
        return false;
    if (v.kind != V_DICT)
        return render_fail(r, "TypeError", "argument after ** must be a mapping, not %s",
                           value_type(v));
    more = arena_new_array(&r->arena, ret->n_keywords + v.dict->n + 1, struct keyword_value);
    if (ret->n_keywords)
        memcpy(more, ret->keywords, ret->n_keywords * sizeof(*more));
    ret->keywords = more;
    for (size_t i = 0; i < v.dict->n; i++) {
        const struct entry *e = &v.dict->entries[i];
        if (e->key.kind != V_STR)
            return render_fail(r, "TypeError", "keywords must be strings");
        if (!render_charge(r, ret->n_keywords * sizeof(*more)))
            return false;
        for (size_t k = 0; k < ret->n_keywords; k++)
            if (str_same(more[k].name, e->key.str))
                return render_fail(r, "TypeError",
                                   "got multiple values for keyword argument '%.*s'",
                                   (int)e->key.str->size, e->key.str->data);
        more[ret->n_keywords++] = (struct keyword_value){e->key.str, e->value};
    }
    return true;
}

bool eval_args(struct render *r, struct frame *f, const struct call_args *a, struct args *ret)
{
    *ret = (struct args){.n = a->args.n};
    /* One place in front: map() and select() put the item there. */
    ret->items = arena_new_array(&r->arena, a->args.n + 1, struct value) + 1;
    for (size_t i = 0; i < a->args.n; i++)
        if (!eval(r, f, a->args.items[i], &ret->items[i]))
            return false;
    if (a->n_keywords)
        ret->keywords = arena_new_array(&r->arena, a->n_keywords, struct keyword_value);
    for (size_t i = 0; i < a->n_keywords; i++, ret->n_keywords++) {
        ret->keywords[i].name = a->keywords[i].name;
        if (!eval(r, f, a->keywords[i].value, &ret->keywords[i].value))
            return false;
    }
    return spread(r, f, a->star, ret) && spread_keywords(r, f, a->star_star, ret);
}

/* ---- nodes */

static bool eval_list(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v = seq_new(&r->arena, n->kind == N_TUPLE ? V_TUPLE : V_LIST, n->items.n);

    for (size_t i = 0; i < n->items.n; i++)
        if (!eval(r, f, n->items.items[i], &v.seq->items[i]))
            return false;
    *ret = v;
    return true;
}

static bool eval_dict(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v = {.kind = V_DICT, .dict = dict_new(&r->arena)}, key, value;

    for (size_t i = 0; i < n->items.n; i += 2)
        if (!eval(r, f, n->items.items[i], &key) || !eval(r, f, n->items.items[i + 1], &value) ||
            !dict_set(r, v.dict, key, value))
            return false;
    *ret = v;
    return true;
}

static bool eval_compare(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value left, right;
    bool holds = true;

    if (!eval(r, f, n->items.items[0], &left))
        return false;
    for (size_t i = 1; holds && i < n->items.n; i++) {
        const struct node *operand = n->items.items[i];
        if (!eval(r, f, operand->a, &right))
            return false;
        r->at = operand;
        if (operand->op <= CMP_NE && left.kind == V_STR && right.kind == V_STR &&
            left.str->size < STEP_BYTES)
            holds = str_same(left.str, right.str) == (operand->op == CMP_EQ);
        else if (!compare(r, operand->op, left, right, &holds))
            return false;
        left = right;
    }
    *ret = v_bool(holds);
    return true;
}

static bool eval_concat(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v, whole = v_str(NULL);

    for (size_t i = 0; i < n->items.n; i++) {
        if (!eval(r, f, n->items.items[i], &v) || !to_str(r, v, &v))
            return false;
        whole = i ? str_concat(&r->arena, whole.str, v.str) : v_str(v.str);
        if (!render_step(r))
            return false;
    }
    *ret = whole;
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

static bool eval_call(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value callee;
    struct args args;

    if (!eval(r, f, n->callee, &callee) || !eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    return call_value(r, callee, &args, ret);
}

static bool eval_filter(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v;
    struct args args;

    if (!eval(r, f, n->callee, &v) || !eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    if (!n->filter)
        return render_fail(r, "TemplateRuntimeError", "no filter is named '%.*s'",
                           (int)n->called->size, n->called->data);
    return filter_run(r, n->filter, v, &args, ret);
}

static bool eval_test(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    struct value v;
    struct args args;
    bool holds;

    if (!eval(r, f, n->callee, &v) || !eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    if (!n->test)
        return render_fail(r, "TemplateRuntimeError", "no test is named '%.*s'",
                           (int)n->called->size, n->called->data);
    if (!test_run(r, n->test, v, &args, &holds))
        return false;
    *ret = v_bool(holds);
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

static void eval_name(struct render *r, const struct frame *f, const struct node *n,
                      struct value *ret)
{
    for (uint32_t hops = n->name.place.hops; hops; hops--)
        f = f->parent;
    *ret = f->slots[n->name.place.slot];
    if (ret->kind == V_MISSING)
        *ret = undef_name(r, n->name.text);
}

static bool eval_node(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    switch (n->kind) {
    case N_TUPLE:
    case N_LIST:
        return eval_list(r, f, n, ret);
    case N_DICT:
        return eval_dict(r, f, n, ret);
    case N_COND:
        if (!eval(r, f, n->a, ret))
            return false;
        if (value_truth(*ret))
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
        if (!eval(r, f, n->a, ret))
            return false;
        *ret = v_bool(!value_truth(*ret));
        return true;
    case N_COMPARE:
        return eval_compare(r, f, n, ret);
    case N_CONCAT:
        return eval_concat(r, f, n, ret);
    case N_NEG:
    case N_POS:
        return eval_sign(r, f, n, ret);
    case N_GETATTR: {
        struct value object;
        if (!eval(r, f, n->of, &object))
            return false;
        r->at = n;
        if (n->op && object.kind == V_DICT) {
            const struct value *found = dict_find_str(object.dict, n->attr.str);
            *ret = found ? *found : undef_attr(r, object, n->attr);
            return true;
        }
        return get_attr(r, object, n->attr, ret);
    }
    case N_SLICE:
        return eval_slice(r, f, n, ret);
    case N_CALL:
        return eval_call(r, f, n, ret);
    case N_FILTER:
        return eval_filter(r, f, n, ret);
    case N_TEST:
        return eval_test(r, f, n, ret);
    default:
        return eval_binary(r, f, n, ret);
    }
}

bool eval(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    r->at = n;
    if (!render_step(r))
        return false;
    if (n->kind == N_CONST) {
        *ret = n->value;
        return true;
    }
    if (n->kind == N_NAME) {
        eval_name(r, f, n, ret);
        return true;
    }
    if (!render_enter(r))
        return false;
    bool ok = eval_node(r, f, n, ret);
    render_leave(r);
    return ok;
}
