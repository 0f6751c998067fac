/* Calls: binding arguments, macros, and the globals of a chat template's environment. */
#include "template/functions.h"
#include "template/iterate.h"

#include <assert.h>
#include <stdio.h>

bool bind_args(struct render *r, const char *what, const char *const *params, unsigned min,
               unsigned max, const struct args *a, struct value *argv)
{
    if (a->n > max)
        return render_fail(r, "TypeError", "%s() takes at most %u arguments, %zu were given", what,
                           max, a->n);
    for (unsigned i = 0; i < max; i++)
        argv[i] = i < a->n ? a->items[i] : MISSING;
    for (size_t k = 0; k < a->n_keywords; k++) {
        const struct str *name = a->keywords[k].name;
        unsigned i = 0;

        while (i < max && !(params && params[i] && str_is(name, params[i])))
            i++;
        if (i == max)
            return render_fail(r, "TypeError", "%s() takes no keyword argument '%.*s'", what,
                               (int)name->size, name->data);
        if (argv[i].kind != V_MISSING)
            return render_fail(r, "TypeError", "%s() got multiple values for argument '%.*s'", what,
                               (int)name->size, name->data);
        argv[i] = a->keywords[k].value;
    }
    assert(min <= max);
    for (unsigned i = 0; i < min; i++)
        if (argv[i].kind == V_MISSING)
            return render_fail(r, "TypeError", "%s() wants %u arguments", what, min);
    return true;
}

bool arg_int(struct render *r, struct value v, int64_t *ret)
{
    if (v.kind == V_MISSING)
        return true;
    if (v.kind == V_UNDEF)
        return render_fail(r, "TypeError", "an integer is wanted, not Undefined");
    if (!is_int(v))
        return render_fail(r, "TypeError", "'%s' object cannot be interpreted as an integer",
                           value_type(v));
    *ret = as_int(v);
    return true;
}

bool arg_str(struct render *r, struct value v, struct str **ret)
{
    if (v.kind == V_MISSING)
        return true;
    if (v.kind != V_STR)
        return render_fail(r, "TypeError", "a string is wanted, not '%s'", value_type(v));
    *ret = v.str;
    return true;
}

/* ---- functions and methods */

struct value function_value(struct render *r, const struct function_def *def, struct value self)
{
    struct function *f = arena_new(&r->arena, struct function);

    f->def = def;
    f->self = self;
    return (struct value){.kind = V_FUNCTION, .fn = f};
}

bool function_call(struct render *r, const struct function *f, const struct args *a,
                   struct value *ret)
{
    const struct function_def *d = f->def;
    struct value argv[PARAMS_MAX];

    if (f->self.kind == V_STR && !render_charge(r, f->self.str->size))
        return false;
    if (d->run_any)
        return d->run_any(r, f->self, a, ret);
    return bind_args(r, d->name, d->keywords ? d->params : NULL, d->min, d->max, a, argv) &&
           d->run(r, f->self, argv, ret);
}

static bool table_find(struct render *r, const struct function_def *defs, size_t n,
                       struct value object, const struct str *name, struct value *ret)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, defs[i].name)) {
            *ret = function_value(r, &defs[i], object);
            if (defs[i].forbidden) {
                *ret = undef_hint(r, "the sandbox does not let templates change lists and dicts");
                ret->undef->exception = "SecurityError";
            }
            return true;
        }
    return false;
}

bool attr_is_plain(const struct str *name)
{
    for (size_t i = 0; i < n_dict_methods; i++)
        if (str_is(name, dict_methods[i].name))
            return false;
    return name->size && name->data[0] != '_';
}

bool method_find(struct render *r, struct value object, const struct str *name, struct value *ret)
{
    switch (object.kind) {
    case V_STR:
        return table_find(r, str_methods, n_str_methods, object, name, ret);
    case V_DICT:
        return table_find(r, dict_methods, n_dict_methods, object, name, ret);
    case V_LIST:
        if (table_find(r, list_methods, n_list_methods, object, name, ret))
            return true;
        return table_find(r, seq_methods, n_seq_methods, object, name, ret);
    case V_TUPLE:
    case V_RANGE:
        return table_find(r, seq_methods, n_seq_methods, object, name, ret);
    case V_LOOP:
        return table_find(r, loop_methods, n_loop_methods, object, name, ret);
    default:
        return false;
    }
}

/* ---- macros */

static const struct value *keyword(const struct args *a, const char *name, bool *used)
{
    for (size_t k = 0; k < a->n_keywords; k++)
        if (!used[k] && str_is(a->keywords[k].name, name)) {
            used[k] = true;
            return &a->keywords[k].value;
        }
    return NULL;
}

static const struct value *keyword_str(const struct args *a, const struct str *name, bool *used)
{
    for (size_t k = 0; k < a->n_keywords; k++)
        if (!used[k] && str_same(a->keywords[k].name, name)) {
            used[k] = true;
            return &a->keywords[k].value;
        }
    return NULL;
}

static const char *macro_name(const struct macro_def *d, char ret[64])
{
    if (d->name)
        snprintf(ret, 64, "%.*s", (int)(d->name->size < 60 ? d->name->size : 60), d->name->data);
    else
        snprintf(ret, 64, "caller");
    return ret;
}

/* Parameters that are there twice are refused by the parser; here: by position, then by name. */
static bool macro_bind(struct render *r, const struct macro_def *d, struct frame *f,
                       const struct args *a, bool *used)
{
    char name[64];

    for (size_t i = 0; i < d->n_params; i++) {
        const struct value *v = i < a->n ? &a->items[i] : keyword_str(a, d->params[i].text, used);
        f->slots[d->params[i].place.slot] = v ? *v : MISSING;
    }
    if (d->takes_caller) {
        const struct value *v = keyword(a, "caller", used);
        f->slots[d->caller.slot] = v && v->kind != V_NONE ? *v : undef_hint(r, "no caller defined");
    }
    if (d->takes_kwargs) {
        struct value v = {.kind = V_DICT, .dict = dict_new(&r->arena)};
        for (size_t k = 0; k < a->n_keywords; k++)
            if (!used[k])
                dict_set_str(&r->arena, v.dict, v_str(a->keywords[k].name), a->keywords[k].value);
        f->slots[d->kwargs.slot] = v;
    } else {
        for (size_t k = 0; k < a->n_keywords; k++)
            if (!used[k])
                return render_fail(r, "TypeError", "macro '%s' takes no keyword argument '%.*s'",
                                   macro_name(d, name), (int)a->keywords[k].name->size,
                                   a->keywords[k].name->data);
    }
    if (d->takes_varargs) {
        size_t n = a->n > d->n_params ? a->n - d->n_params : 0;
        struct value v = seq_new(&r->arena, V_TUPLE, n);
        if (n && a->items)
            memcpy(v.seq->items, a->items + d->n_params, n * sizeof(v));
        f->slots[d->varargs.slot] = v;
    } else if (a->n > d->n_params) {
        return render_fail(r, "TypeError", "macro '%s' takes not more than %zu argument(s)",
                           macro_name(d, name), d->n_params);
    }
    return true;
}

static bool macro_defaults(struct render *r, const struct macro_def *d, struct frame *f)
{
    for (size_t i = 0; i < d->n_params; i++) {
        struct value *slot = &f->slots[d->params[i].place.slot];
        size_t without = d->n_params - d->defaults.n;

        if (slot->kind != V_MISSING)
            continue;
        if (i >= without) {
            if (!eval(r, f, d->defaults.items[i - without], slot))
                return false;
        } else {
            *slot =
                undef_hint(r, arena_printf(&r->arena, "parameter '%.*s' was not provided",
                                           (int)d->params[i].text->size, d->params[i].text->data));
        }
    }
    return true;
}

bool call_macro(struct render *r, const struct macro *m, const struct args *a, struct value *ret)
{
    const struct macro_def *d = m->def;
    struct frame *f = frame_new(r, d->body.scope, m->frame);
    bool *used = arena_alloc(&r->arena, a->n_keywords + 1), ok;
    AUTO_BUF struct buf b = {0};
    struct buf *out = r->out;
    struct marking marking;

    if (r->macro_depth >= r->limits.max_depth)
        return render_limit(r, ERR_TEMPLATE_DEPTH, r->limits.max_depth,
                            "macros call each other too deeply");
    if (!frame_enter(r, d->body.scope, f) ||
        !render_charge(r, d->n_params * a->n_keywords * sizeof(struct value)) ||
        !macro_bind(r, d, f, a, used))
        return false;
    r->macro_depth++;
    r->out = &b;
    marking_begin(r, &marking, &b);
    ok = macro_defaults(r, d, f) && exec_body(r, f, &d->body.body);
    r->out = out;
    r->macro_depth--;
    return ok && render_captured(r, &marking, &b, ret);
}

bool call_value(struct render *r, struct value callee, const struct args *a, struct value *ret)
{
    switch (callee.kind) {
    case V_MACRO:
        return call_macro(r, callee.macro, a, ret);
    case V_FUNCTION:
        return function_call(r, callee.fn, a, ret);
    case V_UNDEF:
        return render_fail_undef(r, callee);
    case V_LOOP:
        return render_fail(r, "TypeError", "recursive loops are not supported");
    default:
        return render_fail(r, "TypeError", "'%s' object is not callable", value_type(callee));
    }
}

/* ---- globals */

static bool global_raise(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    AUTO_BUF struct buf b = {0};
    const struct node *at = r->at;

    (void)self, (void)ret;
    if (!write_str(r, argv[0], &b))
        return false;
    r->at = at;
    err_set(r->err, ERR_TEMPLATE_RAISED, "%s", b.data ? b.data : "");
    int64_t line, column;
    source_place(r->t->source, r->t->source_size, at->at, &line, &column);
    err_fact_int(r->err, "line", line);
    err_fact_int(r->err, "column", column);
    return err_fact_str(r->err, "exception", "TemplateError");
}

static bool global_time(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    struct str *format = NULL;

    (void)self;
    return arg_str(r, argv[0], &format) && format_time(r, format, ret);
}

static bool global_range(struct render *r, struct value self, struct value *argv, struct value *ret)
{
    int64_t a = 0, b = 0, step = 1;
    struct range *g;

    (void)self;
    if (!arg_int(r, argv[0], &a) || !arg_int(r, argv[1], &b) || !arg_int(r, argv[2], &step))
        return false;
    if (argv[1].kind == V_MISSING) {
        b = a;
        a = 0;
    }
    if (!step)
        return render_fail(r, "ValueError", "range() arg 3 must not be zero");
    if (step == INT64_MIN || llabs(a) > INT64_MAX / 4 || llabs(b) > INT64_MAX / 4)
        return render_fail(r, "OverflowError", "range() is too far");
    g = arena_new(&r->arena, struct range);
    *g = (struct range){a, b, step, 0};
    if (step > 0 && b > a)
        g->n = (b - a - 1) / step + 1;
    else if (step < 0 && a > b)
        g->n = (a - b - 1) / -step + 1;
    if (g->n > r->limits.max_range)
        return render_limit(r, ERR_TEMPLATE_RANGE, r->limits.max_range, "range() is too long");
    *ret = (struct value){.kind = V_RANGE, .range = g};
    return true;
}

static bool fill_dict(struct render *r, struct dict *d, struct value from)
{
    struct value item, pair;
    struct iter it;
    bool more;

    if (from.kind == V_DICT) {
        for (size_t i = 0; i < from.dict->n; i++)
            if (!render_step(r) ||
                !dict_set(r, d, from.dict->entries[i].key, from.dict->entries[i].value))
                return false;
        return true;
    }
    if (from.kind == V_UNDEF)
        return render_fail_undef(r, from);
    if (!iter_begin(r, from, &it))
        return false;
    for (;;) {
        if (!iter_next(r, &it, &item, &more))
            return false;
        if (!more)
            return true;
        if (!iter_list(r, item, &pair))
            return false;
        if (pair.seq->n != 2)
            return render_fail(r, "ValueError", "a dict is made of pairs");
        if (!dict_set(r, d, pair.seq->items[0], pair.seq->items[1]))
            return false;
    }
}

static bool global_dict(struct render *r, struct value self, const struct args *a,
                        struct value *ret)
{
    struct value v = {.kind = V_DICT, .dict = dict_new(&r->arena)};

    (void)self;
    if (a->n > 1)
        return render_fail(r, "TypeError", "dict expected at most 1 argument, got %zu", a->n);
    if (a->n && !fill_dict(r, v.dict, a->items[0]))
        return false;
    for (size_t i = 0; i < a->n_keywords; i++)
        dict_set_str(&r->arena, v.dict, v_str(a->keywords[i].name), a->keywords[i].value);
    *ret = v;
    return true;
}

static bool global_namespace(struct render *r, struct value self, const struct args *a,
                             struct value *ret)
{
    if (!global_dict(r, self, a, ret))
        return false;
    ret->kind = V_NAMESPACE;
    return true;
}

/* An iterator that goes round for ever is its own next(). */
static bool joiner_call(struct render *r, struct value self, const struct args *a,
                        struct value *ret)
{
    (void)a;
    *ret = self.seq->items[1];
    self.seq->items[1] = self.seq->items[0];
    (void)r;
    return true;
}

static bool global_joiner(struct render *r, struct value self, struct value *argv,
                          struct value *ret)
{
    static const struct function_def def = {"joiner", .run_any = joiner_call};
    struct value state = seq_new(&r->arena, V_LIST, 2);

    (void)self;
    state.seq->items[0] = argv[0].kind == V_MISSING ? str_const(&r->arena, ", ") : argv[0];
    state.seq->items[1] = str_const(&r->arena, "");
    *ret = function_value(r, &def, state);
    return true;
}

static const struct function_def globals[] = {
    {"raise_exception", global_raise, {"message"}, 1, 1, .keywords = true},
    {"strftime_now", global_time, {"format"}, 1, 1, .keywords = true},
    {"range", global_range, {NULL}, 1, 3},
    {"dict", .run_any = global_dict},
    {"namespace", .run_any = global_namespace},
    {"joiner", global_joiner, {"sep"}, 0, 1, .keywords = true},
};

const struct function_def *global_find(const struct str *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(globals); i++)
        if (str_is(name, globals[i].name))
            return &globals[i];
    return NULL;
}
