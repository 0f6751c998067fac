/* Applying: calls, filters and tests to what they are given. */
#include "template/apply.h"

#include "template/filters.h"
#include "template/functions.h"
#include "template/iterate.h"
#include "template/tests.h"

static bool spread(struct render *r, struct frame *f, const struct node *n, struct args *ret)
{
    struct value v, list;
    struct value *items;

    if (!n)
        return true;
    if (!eval(r, f, n, &v) || !iter_list(r, v, &list))
        return false;
    items = arena_take(&r->arena, (ret->n + list.seq->n) * sizeof(*items));
    if (ret->n)
        memcpy(items, ret->items, ret->n * sizeof(*items));
    if (list.seq->n)
        memcpy(items + ret->n, list.seq->items, list.seq->n * sizeof(*items));
    ret->items = items;
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
    r->steps -= (int64_t)a->args.n;
    if (a->args.n)
        ret->items = arena_take(&r->arena, a->args.n * sizeof(*ret->items));
    for (size_t i = 0; i < a->args.n; i++)
        if (!eval(r, f, a->args.items[i], &ret->items[i]))
            return false;
    if (a->plain)
        return true;
    if (a->n_keywords)
        ret->keywords = arena_take(&r->arena, a->n_keywords * sizeof(*ret->keywords));
    for (size_t i = 0; i < a->n_keywords; i++, ret->n_keywords++) {
        ret->keywords[i].name = a->keywords[i].name;
        if (!eval(r, f, a->keywords[i].value, &ret->keywords[i].value))
            return false;
    }
    return spread(r, f, a->star, ret) && spread_keywords(r, f, a->star_star, ret);
}

/* As many arguments as there are parameters at most, and nothing else: no list is made of them. */
static bool fits(const struct call_args *a, unsigned min, unsigned max)
{
    return a->plain && a->args.n >= min && a->args.n <= max;
}

static bool eval_argv(struct render *r, struct frame *f, const struct call_args *a, unsigned max,
                      struct value *argv)
{
    size_t i;

    for (i = 0; i < a->args.n; i++)
        if (!eval(r, f, a->args.items[i], &argv[i]))
            return false;
    for (; i < max; i++)
        argv[i] = MISSING;
    return true;
}

static bool eval_method(struct render *r, struct frame *f, const struct node *n,
                        const struct function_def *d, struct value self, struct value *ret)
{
    struct value argv[PARAMS_MAX];
    struct args args;

    if (d->run && fits(n->args, d->min, d->max)) {
        if (!eval_argv(r, f, n->args, d->max, argv))
            return false;
        r->at = n;
        return (self.kind != V_STR || render_charge(r, self.str->size)) &&
               d->run(r, self, argv, ret);
    }
    if (!eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    return function_call(r, d, self, &args, ret);
}

bool eval_call(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    const struct node *callee = n->callee;
    struct value object;
    struct args args;

    if (callee->kind == N_GETATTR) {
        const struct function_def *d;

        if (!eval(r, f, callee->of, &object))
            return false;
        d = object.kind == V_STR    ? callee->str_method
            : object.kind == V_DICT ? callee->dict_method
                                    : NULL;
        if (d)
            return eval_method(r, f, n, d, object, ret);
        r->at = callee;
        if (!get_attr(r, object, callee->attr, &object))
            return false;
    } else if (!eval(r, f, callee, &object)) {
        return false;
    }
    if (!eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    return call_value(r, object, &args, ret);
}

bool eval_filter(struct render *r, struct frame *f, const struct node *n, struct value *ret)
{
    const struct filter_def *d = n->filter;
    struct value v, argv[PARAMS_MAX];
    struct args args;

    if (!eval(r, f, n->callee, &v))
        return false;
    if (d && d->run && fits(n->args, d->min, d->max)) {
        if (!eval_argv(r, f, n->args, d->max, argv))
            return false;
        r->at = n;
        return (v.kind != V_STR || render_charge(r, v.str->size)) && d->run(r, v, argv, ret);
    }
    if (!eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    if (!d)
        return render_fail(r, "TemplateRuntimeError", "no filter is named '%.*s'",
                           (int)n->called->size, n->called->data);
    return filter_run(r, d, v, &args, ret);
}

bool eval_test(struct render *r, struct frame *f, const struct node *n, bool *ret)
{
    const struct test_def *d = n->test;
    struct value v, argv[PARAMS_MAX];
    struct args args;

    if (!eval(r, f, n->callee, &v))
        return false;
    if (d && fits(n->args, d->n_args, d->n_args)) {
        if (!eval_argv(r, f, n->args, d->n_args, argv))
            return false;
        r->at = n;
        return (v.kind != V_STR || render_charge(r, v.str->size)) && d->run(r, v, argv, ret);
    }
    if (!eval_args(r, f, n->args, &args))
        return false;
    r->at = n;
    if (!d)
        return render_fail(r, "TemplateRuntimeError", "no test is named '%.*s'",
                           (int)n->called->size, n->called->data);
    return test_run(r, d, v, &args, ret);
}
