/*
 * Scopes: which variable a name means, settled when a template is compiled.
 *
 * These are the rules of Jinja's compiler (idtracking.py), surprises included:
 * what a scope stores anywhere is its own variable everywhere in it, and begins
 * as the outer variable of that name, as the input of that name, or undefined,
 * by what the compiler saw first. Loops, macros, with, call, filter and set
 * blocks are scopes; if is none.
 *
 * Two walks for each scope: gather() finds its symbols, not entering the scopes
 * inside; place_body() then gives each name its place, and enters them.
 */
#include "template/filters.h"
#include "template/functions.h"
#include "template/parse.h"
#include "template/tests.h"

#include <assert.h>

struct change {
    size_t symbol;
    struct symbol before;
};

struct gather {
    struct parse *p;
    struct scope *scope;
    struct change *log; /* while in a branch of an if */
    size_t n_log, log_capacity;
    uint32_t mark;
    bool in_branch;
};

static struct scope *scope_new(struct parse *p, struct scope *parent)
{
    struct scope *s = arena_new(p->arena, struct scope);

    s->parent = parent;
    s->next = p->scopes;
    p->scopes = s;
    s->by_name = dict_new(p->arena);
    return s;
}

/* ---- symbols */

static struct symbol *symbol_known(const struct scope *s, struct str *name)
{
    struct value *v = dict_find_str(s->by_name, name);
    return v ? &s->symbols[v->i] : NULL;
}

static bool find(const struct scope *s, struct str *name, struct place *ret)
{
    for (uint32_t hops = 0; s; s = s->parent, hops++) {
        struct symbol *y = symbol_known(s, name);
        if (y && y->defined) {
            *ret = (struct place){hops, (uint32_t)(y - s->symbols)};
            return true;
        }
    }
    return false;
}

static struct symbol *symbol(struct gather *g, struct str *name)
{
    struct scope *s = g->scope;
    struct symbol *y = symbol_known(s, name);

    if (y)
        return y;
    if (s->n == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 4;
        struct symbol *more = arena_new_array(g->p->arena, capacity, struct symbol);
        if (s->symbols)
            memcpy(more, s->symbols, s->n * sizeof(*more));
        s->symbols = more;
        s->capacity = capacity;
    }
    assert(s->symbols);
    s->symbols[s->n].name = name;
    dict_set_str(g->p->arena, s->by_name, v_str(name), v_int((int64_t)s->n));
    return &s->symbols[s->n++];
}

static void remember(struct gather *g, const struct symbol *y)
{
    if (!g->in_branch)
        return;
    if (g->n_log == g->log_capacity) {
        g->log_capacity = g->log_capacity ? g->log_capacity * 2 : 64;
        g->log = mem_resize(g->log, g->log_capacity * sizeof(*g->log));
    }
    g->log[g->n_log++] = (struct change){(size_t)(y - g->scope->symbols), *y};
}

static void define(struct symbol *y, enum load load, struct place from)
{
    y->defined = true;
    y->load = load;
    y->from = from;
}

static void on_load(struct gather *g, struct str *name)
{
    struct place at;

    if (find(g->scope, name, &at))
        return;
    struct symbol *y = symbol(g, name);
    remember(g, y);
    define(y, LOAD_RESOLVE, (struct place){0});
}

static bool find_outer(const struct scope *s, struct str *name, struct place *ret)
{
    if (!s->parent || !find(s->parent, name, ret))
        return false;
    ret->hops++;
    return true;
}

static void on_store(struct gather *g, struct str *name)
{
    struct symbol *y = symbol(g, name);
    struct place outer = {0};

    remember(g, y);
    y->stored = true;
    if (y->defined)
        return;
    if (find_outer(g->scope, name, &outer))
        define(y, LOAD_ALIAS, outer);
    else
        define(y, LOAD_UNDEFINED, outer);
}

static void on_parameter(struct gather *g, struct str *name)
{
    struct symbol *y = symbol(g, name);

    remember(g, y);
    y->stored = true;
    define(y, LOAD_PARAMETER, (struct place){0});
}

/* ---- the first walk */

static void gather_expr(struct gather *g, const struct node *n);
static void gather_body(struct gather *g, const struct nodes *body);

static void gather_list(struct gather *g, const struct nodes *list)
{
    for (size_t i = 0; i < list->n; i++)
        gather_expr(g, list->items[i]);
}

static void gather_args(struct gather *g, const struct call_args *a)
{
    gather_list(g, &a->args);
    for (size_t i = 0; i < a->n_keywords; i++)
        gather_expr(g, a->keywords[i].value);
    gather_expr(g, a->star);
    gather_expr(g, a->star_star);
}

static void gather_expr(struct gather *g, const struct node *n)
{
    if (!n)
        return;
    switch (n->kind) {
    case N_CONST:
        return;
    case N_NAME:
        on_load(g, n->name.text);
        return;
    case N_TUPLE:
    case N_LIST:
    case N_DICT:
    case N_COMPARE:
    case N_ADD:
    case N_CONCAT:
        gather_list(g, &n->items);
        return;
    case N_GETATTR:
        gather_expr(g, n->of);
        return;
    case N_CALL:
    case N_FILTER:
    case N_TEST:
        gather_expr(g, n->callee);
        gather_args(g, n->args);
        return;
    default:
        gather_expr(g, n->a);
        gather_expr(g, n->b);
        gather_expr(g, n->c);
    }
}

static void gather_target(struct gather *g, const struct node *n, bool parameter)
{
    if (n->kind != N_NAME) {
        for (size_t i = 0; i < n->items.n; i++)
            gather_target(g, n->items.items[i], parameter);
    } else if (parameter) {
        on_parameter(g, n->name.text);
    } else {
        on_store(g, n->name.text);
    }
}

/* What a branch changed: a symbol as it is behind it, and whether it was stored before. */
struct outcome {
    size_t symbol;
    struct symbol after;
    bool was_stored;
};

struct branch {
    struct outcome *items;
    size_t n;
};

/*
 * Sees one branch of an if as if the others were not there, and takes it back:
 * the statements of body, or the elifs from first on.
 */
static struct branch gather_branch(struct gather *g, const struct nodes *body,
                                   const struct node *elifs, size_t first);

/* The scope sees all branches. A variable that only some of them store is looked up before. */
static void join_branches(struct gather *g, const struct branch *b, int n_branches)
{
    struct scope *s = g->scope;

    for (int i = 0; i < n_branches; i++)
        for (size_t k = 0; k < b[i].n; k++) {
            const struct outcome *o = &b[i].items[k];
            struct symbol *y = &s->symbols[o->symbol];

            remember(g, y);
            y->defined = true;
            y->load = o->after.load;
            y->from = o->after.from;
            y->stored |= o->after.stored;
            y->n_branches = (uint8_t)(y->n_branches + o->after.stored);
        }
    for (int i = 0; i < n_branches; i++)
        for (size_t k = 0; k < b[i].n; k++) {
            const struct outcome *o = &b[i].items[k];
            struct symbol *y = &s->symbols[o->symbol];

            if (y->n_branches && y->n_branches < 3 && !o->was_stored)
                y->load = find_outer(s, y->name, &y->from) ? LOAD_ALIAS : LOAD_RESOLVE;
            y->n_branches = 0;
        }
    for (int i = 0; i < n_branches; i++)
        free(b[i].items);
}

/* As Jinja nests them: an elif is an if of its own, with two empty branches, in the second one. */
static void gather_if(struct gather *g, const struct node *n)
{
    struct branch b[3];

    gather_expr(g, n->tests.items[0]);
    b[0] = gather_branch(g, &n->bodies[0], NULL, 0);
    b[1] = gather_branch(g, NULL, n, 1);
    b[2] = gather_branch(g, &n->otherwise, NULL, 0);
    join_branches(g, b, 3);
}

static void gather_elif(struct gather *g, const struct node *n, size_t i)
{
    struct branch b;

    gather_expr(g, n->tests.items[i]);
    b = gather_branch(g, &n->bodies[i], NULL, 0);
    join_branches(g, &b, 1);
}

static struct branch gather_branch(struct gather *g, const struct nodes *body,
                                   const struct node *elifs, size_t first)
{
    size_t start = g->n_log;
    bool was_in = g->in_branch;
    struct branch b = {0};
    uint32_t mark;

    g->in_branch = true;
    if (body)
        gather_body(g, body);
    for (size_t i = first; elifs && i < elifs->tests.n; i++)
        gather_elif(g, elifs, i);
    mark = ++g->mark;
    b.items = mem_new_array(g->n_log - start + 1, struct outcome);
    for (size_t i = start; i < g->n_log; i++) {
        struct symbol *y = &g->scope->symbols[g->log[i].symbol];
        if (y->mark == mark)
            continue;
        y->mark = mark;
        b.items[b.n++] = (struct outcome){g->log[i].symbol, *y, g->log[i].before.stored};
    }
    while (g->n_log > start) {
        const struct change *c = &g->log[--g->n_log];
        g->scope->symbols[c->symbol] = c->before;
    }
    g->in_branch = was_in;
    return b;
}

static void gather_statement(struct gather *g, const struct node *n)
{
    switch (n->kind) {
    case N_PRINT:
        gather_list(g, &n->items);
        return;
    case N_IF:
        gather_if(g, n);
        return;
    case N_FOR:
        gather_expr(g, n->loop->iter);
        return;
    case N_SET:
        gather_expr(g, n->from);
        gather_target(g, n->target, false);
        return;
    case N_SET_ATTR:
        on_load(g, n->ns.text);
        gather_expr(g, n->ns_value);
        return;
    case N_SET_BLOCK:
        gather_target(g, n->block_target, false);
        return;
    case N_MACRO:
        on_store(g, n->macro->name);
        return;
    case N_CALL_BLOCK:
        gather_expr(g, n->call);
        return;
    case N_FILTER_BLOCK:
        gather_expr(g, n->block_filter);
        return;
    case N_WITH:
        gather_list(g, &n->values);
        return;
    case N_DO:
        gather_expr(g, n->a);
        return;
    default:
        return;
    }
}

static void gather_body(struct gather *g, const struct nodes *body)
{
    for (size_t i = 0; i < body->n; i++)
        gather_statement(g, body->items[i]);
}

/* ---- which of some names a body loads that it does not store before */

struct wanted {
    const char *names[3];
    bool gone[3], loaded[3];
};

static void want(struct wanted *w, const struct str *name, bool load)
{
    for (int i = 0; i < 3; i++)
        if (w->names[i] && !w->gone[i] && str_is(name, w->names[i])) {
            if (load)
                w->loaded[i] = true;
            else
                w->gone[i] = true;
        }
}

static void want_body(struct wanted *w, const struct nodes *body);

static void want_expr(struct wanted *w, const struct node *n, bool load)
{
    if (!n)
        return;
    switch (n->kind) {
    case N_CONST:
        return;
    case N_NAME:
        want(w, n->name.text, load);
        return;
    case N_TUPLE:
    case N_LIST:
    case N_DICT:
    case N_COMPARE:
    case N_ADD:
    case N_CONCAT:
        for (size_t i = 0; i < n->items.n; i++)
            want_expr(w, n->items.items[i], load);
        return;
    case N_GETATTR:
        want_expr(w, n->of, load);
        return;
    case N_CALL:
    case N_FILTER:
    case N_TEST:
        want_expr(w, n->callee, true);
        for (size_t i = 0; i < n->args->args.n; i++)
            want_expr(w, n->args->args.items[i], true);
        for (size_t i = 0; i < n->args->n_keywords; i++)
            want_expr(w, n->args->keywords[i].value, true);
        want_expr(w, n->args->star, true);
        want_expr(w, n->args->star_star, true);
        return;
    default:
        want_expr(w, n->a, true);
        want_expr(w, n->b, true);
        want_expr(w, n->c, true);
    }
}

static void want_function(struct wanted *w, const struct macro_def *m)
{
    for (size_t i = 0; i < m->n_params; i++)
        want(w, m->params[i].text, false);
    for (size_t i = 0; i < m->defaults.n; i++)
        want_expr(w, m->defaults.items[i], true);
    want_body(w, &m->body.body);
}

static void want_statement(struct wanted *w, const struct node *n)
{
    switch (n->kind) {
    case N_PRINT:
        for (size_t i = 0; i < n->items.n; i++)
            want_expr(w, n->items.items[i], true);
        return;
    case N_IF:
        want_expr(w, n->tests.items[0], true);
        want_body(w, &n->bodies[0]);
        for (size_t i = 1; i < n->tests.n; i++) {
            want_expr(w, n->tests.items[i], true);
            want_body(w, &n->bodies[i]);
        }
        want_body(w, &n->otherwise);
        return;
    case N_FOR:
        want_expr(w, n->loop->target, false);
        want_expr(w, n->loop->iter, true);
        want_body(w, &n->loop->body.body);
        want_body(w, &n->loop->otherwise.body);
        want_expr(w, n->loop->test, true);
        return;
    case N_SET:
        want_expr(w, n->target, false);
        want_expr(w, n->from, true);
        return;
    case N_SET_ATTR:
        want_expr(w, n->ns_value, true);
        return;
    case N_SET_BLOCK:
        want_expr(w, n->block_target, false);
        want_expr(w, n->block_filter, true);
        want_body(w, &n->block.body);
        return;
    case N_FILTER_BLOCK:
        want_body(w, &n->block.body);
        want_expr(w, n->block_filter, true);
        return;
    case N_MACRO:
    case N_GENERATION:
        want_function(w, n->macro);
        return;
    case N_CALL_BLOCK:
        want_expr(w, n->call, true);
        want_function(w, n->caller);
        return;
    case N_WITH:
        for (size_t i = 0; i < n->targets.n; i++)
            want_expr(w, n->targets.items[i], false);
        for (size_t i = 0; i < n->values.n; i++)
            want_expr(w, n->values.items[i], true);
        want_body(w, &n->with->body);
        return;
    case N_DO:
        want_expr(w, n->a, true);
        return;
    default:
        return;
    }
}

static void want_body(struct wanted *w, const struct nodes *body)
{
    for (size_t i = 0; i < body->n; i++)
        want_statement(w, body->items[i]);
}

/* ---- the second walk */

struct placer {
    struct parse *p;
    struct scope *scope;
    bool soft; /* an unknown filter or test is an error only when it is used */
};

static bool place_expr(struct placer *w, struct node *n);
static bool place_body(struct placer *w, struct nodes *body);

static void place_name(const struct placer *w, struct name *name)
{
    bool found = find(w->scope, name->text, &name->place);
    (void)found; /* gather() saw every name that place_*() sees */
}

static bool place_list(struct placer *w, struct nodes *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (!place_expr(w, list->items[i]))
            return false;
    return true;
}

static bool place_call(struct placer *w, struct node *n)
{
    struct call_args *a = n->args;
    const char *kind = n->kind == N_FILTER ? "filter" : "test";
    bool known = n->kind == N_CALL || (n->kind == N_FILTER ? n->filter != NULL : n->test != NULL);

    if (!known && !w->soft)
        return parse_fail(w->p, n->at, "no %s is named '%.*s'", kind, (int)n->called->size,
                          n->called->data);
    for (size_t i = 0; i < a->n_keywords; i++)
        if (!place_expr(w, a->keywords[i].value))
            return false;
    return place_expr(w, n->callee) && place_list(w, &a->args) && place_expr(w, a->star) &&
           place_expr(w, a->star_star);
}

static bool place_expr(struct placer *w, struct node *n)
{
    if (!n)
        return true;
    switch (n->kind) {
    case N_CONST:
        return true;
    case N_NAME:
        place_name(w, &n->name);
        return true;
    case N_TUPLE:
    case N_LIST:
    case N_DICT:
    case N_COMPARE:
    case N_ADD:
    case N_CONCAT:
        return place_list(w, &n->items);
    case N_GETATTR:
        return place_expr(w, n->of);
    case N_CALL:
    case N_FILTER:
    case N_TEST:
        return place_call(w, n);
    case N_COND: {
        bool soft = w->soft;
        w->soft = true;
        bool ok = place_expr(w, n->a) && place_expr(w, n->b) && place_expr(w, n->c);
        w->soft = soft;
        return ok;
    }
    default:
        return place_expr(w, n->a) && place_expr(w, n->b) && place_expr(w, n->c);
    }
}

/* Goes on in a scope inside, whose symbols are complete. */
static bool place_inside(struct placer *w, struct scope *s, struct nodes *body)
{
    struct placer inner = {w->p, s, false};
    return place_body(&inner, body);
}

static struct gather gather_in(struct placer *w, struct scope *s)
{
    return (struct gather){.p = w->p, .scope = s};
}

static bool place_for(struct placer *w, struct node *n)
{
    struct for_loop *f = n->loop;
    struct wanted loop = {.names = {"loop"}};
    struct gather g;

    if (!place_expr(w, f->iter))
        return false;
    f->body.scope = scope_new(w->p, w->scope);
    g = gather_in(w, f->body.scope);
    gather_target(&g, f->target, true);
    want_body(&loop, &f->body.body);
    f->extended = loop.loaded[0];
    f->loop_slot = (uint32_t)g.scope->n;
    if (f->extended)
        on_parameter(&g, parse_intern(w->p, str_const(w->p->arena, "loop").str));
    gather_body(&g, &f->body.body);
    free(g.log);

    f->otherwise.scope = scope_new(w->p, w->scope);
    g = gather_in(w, f->otherwise.scope);
    gather_body(&g, &f->otherwise.body);
    free(g.log);

    struct placer inner = {w->p, f->body.scope, false};
    if (f->test) {
        f->test_scope = scope_new(w->p, w->scope);
        g = gather_in(w, f->test_scope);
        gather_target(&g, f->target, true);
        gather_expr(&g, f->test);
        free(g.log);
        struct placer test = {w->p, f->test_scope, false};
        if (!place_expr(&test, f->test))
            return false;
    }
    return place_expr(&inner, f->target) && place_body(&inner, &f->body.body) &&
           place_inside(w, f->otherwise.scope, &f->otherwise.body);
}

static void capture(struct scope *s)
{
    for (; s && !s->captured; s = s->parent)
        s->captured = true;
}

static void place_special(struct gather *g, const char *name, bool wanted, bool *takes,
                          struct place *ret)
{
    struct str *text;

    *takes = wanted;
    if (!wanted)
        return;
    text = parse_intern(g->p, str_const(g->p->arena, name).str);
    on_parameter(g, text);
    bool found = find(g->scope, text, ret);
    (void)found;
}

static bool has_param(const struct macro_def *m, const char *name)
{
    for (size_t i = 0; i < m->n_params; i++)
        if (str_is(m->params[i].text, name))
            return true;
    return false;
}

static bool place_function(struct placer *w, struct node *n, struct macro_def *m)
{
    struct wanted special = {.names = {"caller", "kwargs", "varargs"}};
    struct gather g;

    capture(w->scope);
    m->body.scope = scope_new(w->p, w->scope);
    g = gather_in(w, m->body.scope);
    for (size_t i = 0; i < m->n_params; i++)
        on_parameter(&g, m->params[i].text);
    want_body(&special, &m->body.body);
    if (special.loaded[0] && has_param(m, "caller"))
        return parse_fail(w->p, n->at,
                          "'caller' cannot be a parameter of a macro that uses it: it is there by "
                          "itself");
    place_special(&g, "caller", special.loaded[0], &m->takes_caller, &m->caller);
    place_special(&g, "kwargs", special.loaded[1] && !has_param(m, "kwargs"), &m->takes_kwargs,
                  &m->kwargs);
    place_special(&g, "varargs", special.loaded[2] && !has_param(m, "varargs"), &m->takes_varargs,
                  &m->varargs);
    gather_list(&g, &m->defaults);
    gather_body(&g, &m->body.body);
    free(g.log);

    struct placer inner = {w->p, m->body.scope, false};
    for (size_t i = 0; i < m->n_params; i++)
        place_name(&inner, &m->params[i]);
    return place_list(&inner, &m->defaults) && place_body(&inner, &m->body.body);
}

static bool place_block(struct placer *w, struct node *n)
{
    struct gather g;

    n->block.scope = scope_new(w->p, w->scope);
    g = gather_in(w, n->block.scope);
    gather_body(&g, &n->block.body);
    gather_expr(&g, n->block_filter);
    free(g.log);
    struct placer inner = {w->p, n->block.scope, false};
    return place_body(&inner, &n->block.body) && place_expr(&inner, n->block_filter) &&
           place_expr(w, n->block_target);
}

static bool place_with(struct placer *w, struct node *n)
{
    struct gather g;

    n->with->scope = scope_new(w->p, w->scope);
    g = gather_in(w, n->with->scope);
    for (size_t i = 0; i < n->targets.n; i++)
        gather_target(&g, n->targets.items[i], true);
    gather_body(&g, &n->with->body);
    free(g.log);
    struct placer inner = {w->p, n->with->scope, false};
    return place_list(w, &n->values) && place_list(&inner, &n->targets) &&
           place_body(&inner, &n->with->body);
}

static bool place_if(struct placer *w, struct node *n)
{
    bool soft = w->soft, ok = true;

    w->soft = true;
    for (size_t i = 0; ok && i < n->tests.n; i++)
        ok = place_expr(w, n->tests.items[i]) && place_body(w, &n->bodies[i]);
    ok = ok && place_body(w, &n->otherwise);
    w->soft = soft;
    return ok;
}

static bool place_statement(struct placer *w, struct node *n)
{
    switch (n->kind) {
    case N_PRINT:
        return place_list(w, &n->items);
    case N_IF:
        return place_if(w, n);
    case N_FOR:
        return place_for(w, n);
    case N_SET:
        return place_expr(w, n->from) && place_expr(w, n->target);
    case N_SET_ATTR:
        place_name(w, &n->ns);
        return place_expr(w, n->ns_value);
    case N_SET_BLOCK:
    case N_FILTER_BLOCK:
        return place_block(w, n);
    case N_MACRO:
        place_name(w, &n->macro->self);
        return place_function(w, n, n->macro);
    case N_GENERATION:
        return place_function(w, n, n->macro);
    case N_CALL_BLOCK:
        return place_function(w, n, n->caller) && place_expr(w, n->call);
    case N_WITH:
        return place_with(w, n);
    case N_DO:
        return place_expr(w, n->a);
    default:
        return true;
    }
}

static bool place_body(struct placer *w, struct nodes *body)
{
    for (size_t i = 0; i < body->n; i++)
        if (!place_statement(w, body->items[i]))
            return false;
    return true;
}

/* ---- inputs */

static uint32_t input_number(struct parse *p, struct template *t, struct str *name)
{
    struct value *known = dict_find_str(t->input_numbers, name);

    if (known)
        return (uint32_t)known->i;
    dict_set_str(p->arena, t->input_numbers, v_str(name), v_int((int64_t)t->n_inputs));
    return (uint32_t)t->n_inputs++;
}

/* Gives what scopes resolve its number, so that an input is looked up once per rendering. */
static void number_inputs(struct parse *p, struct template *t)
{
    t->input_numbers = dict_new(p->arena);
    for (const struct scope *s = p->scopes; s; s = s->next)
        for (size_t i = 0; i < s->n; i++)
            if (s->symbols[i].load == LOAD_RESOLVE)
                s->symbols[i].from = (struct place){0, input_number(p, t, s->symbols[i].name)};
    t->inputs = arena_new_array(p->arena, t->n_inputs + 1, struct input_name);
    for (size_t i = 0; i < t->n_inputs; i++) {
        struct str *name = t->input_numbers->entries[i].key.str;
        t->inputs[i] = (struct input_name){name, global_find(name)};
    }
}

bool scope_resolve(struct parse *p, struct template *t)
{
    struct placer w = {p, NULL, false};
    struct gather g;

    t->scope = scope_new(p, NULL);
    g = gather_in(&w, t->scope);
    gather_body(&g, &t->body);
    free(g.log);
    w.scope = t->scope;
    if (!place_body(&w, &t->body))
        return false;
    number_inputs(p, t);
    return true;
}
