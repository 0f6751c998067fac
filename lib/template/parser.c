/* Parser: tokens to statements; and compiling, which is all of it in turn. */
#include "base/utf8.h"
#include "template/parse.h"
#include "template/text.h"

/* ---- tokens */

bool parse_sees_name(const struct parse *p, const char *name)
{
    const struct token *t = parse_token(p);
    return t->kind == T_NAME && str_is(t->value.str, name);
}

void parse_next(struct parse *p)
{
    if (p->at + 1 < p->tokens.n)
        p->at++;
}

bool parse_skip(struct parse *p, enum token_kind kind)
{
    if (!parse_sees(p, kind))
        return false;
    parse_next(p);
    return true;
}

bool parse_skip_name(struct parse *p, const char *name)
{
    if (!parse_sees_name(p, name))
        return false;
    parse_next(p);
    return true;
}

bool parse_expect(struct parse *p, enum token_kind kind)
{
    return parse_skip(p, kind) || parse_unexpected(p, token_text(kind));
}

bool parse_expect_name(struct parse *p, struct str **ret)
{
    if (!parse_sees(p, T_NAME))
        return parse_unexpected(p, "a name");
    *ret = parse_intern(p, parse_token(p)->value.str);
    parse_next(p);
    return true;
}

/* ---- nodes */

struct node *parse_node(struct parse *p, enum node_kind kind, size_t at)
{
    struct node *n = arena_new(p->arena, struct node);

    n->kind = (uint8_t)kind;
    n->at = (uint32_t)at;
    p->n_nodes++;
    return n;
}

static bool too_deep(struct parse *p, size_t at)
{
    return parse_limit(p, at, ERR_TEMPLATE_DEPTH, TEMPLATE_NEST_MAX, "it is nested too deeply");
}

bool parse_enter(struct parse *p)
{
    if (p->depth >= TEMPLATE_NEST_MAX)
        return too_deep(p, parse_token(p)->at);
    if (p->n_nodes >= NODES_MAX)
        return parse_limit(p, parse_token(p)->at, ERR_TEMPLATE_SIZE, NODES_MAX,
                           "it has too many parts");
    p->depth++;
    return true;
}

bool parse_above(struct parse *p, struct node *n, const struct node *child)
{
    if (child->depth + 1 > n->depth)
        n->depth = (uint16_t)(child->depth + 1);
    return n->depth <= TEMPLATE_NEST_MAX || too_deep(p, n->at);
}

void nodes_add(struct parse *p, struct nodes *list, struct node *n)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 4;
        struct node **items = arena_new_array(p->arena, capacity, struct node *);
        if (list->n)
            memcpy(items, list->items, list->n * sizeof(struct node *));
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = n;
}

struct str *parse_intern(struct parse *p, struct str *name)
{
    struct value *known = dict_find_str(p->names, name);

    if (known)
        return known->str;
    str_hash(name);
    str_chars(name);
    dict_set_str(p->arena, p->names, v_str(name), v_str(name));
    return name;
}

/* ---- statements */

static bool parse_body(struct parse *p, const char *const *ends, struct nodes *ret);

/* "%}", statements, "{% end": stops at the name of the end, which is one of ends. */
static bool parse_statements(struct parse *p, const char *const *ends, struct nodes *ret)
{
    parse_skip(p, T_COLON);
    return parse_expect(p, T_BLOCK_END) && parse_body(p, ends, ret);
}

static bool parse_until(struct parse *p, const char *end, struct nodes *ret)
{
    const char *const ends[] = {end, NULL};

    if (!parse_statements(p, ends, ret))
        return false;
    parse_next(p);
    return true;
}

static bool check_target(struct parse *p, const struct node *n)
{
    if (n->kind == N_NAME)
        return true;
    if (n->kind != N_TUPLE)
        return parse_fail(p, n->at, "this cannot be assigned to; only names and tuples of names");
    for (size_t i = 0; i < n->items.n; i++)
        if (!check_target(p, n->items.items[i]))
            return false;
    return true;
}

static bool parse_target(struct parse *p, struct node **ret)
{
    return parse_tuple(p, TUPLE_TARGETS, ret) && check_target(p, *ret);
}

static bool parse_set(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_SET, parse_token(p)->at);

    *ret = n;
    parse_next(p);
    if (parse_look(p) == T_DOT) {
        n->kind = N_SET_ATTR;
        if (!parse_expect_name(p, &n->ns.text))
            return false;
        parse_next(p);
        if (!parse_expect_name(p, &n->ns_attr))
            return false;
        if (!parse_sees(p, T_ASSIGN))
            return parse_unexpected(p, "'='");
        parse_next(p);
        return parse_tuple(p, TUPLE_PLAIN, &n->ns_value);
    }
    struct node *target;
    if (!parse_target(p, &target))
        return false;
    if (parse_skip(p, T_ASSIGN)) {
        n->target = target;
        return parse_tuple(p, TUPLE_PLAIN, &n->from);
    }
    n->kind = N_SET_BLOCK;
    n->block_target = target;
    return parse_filters(p, false, &n->block_filter) && parse_until(p, "endset", &n->block.body);
}

static bool parse_for(struct parse *p, struct node **ret)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    struct node *n = parse_node(p, N_FOR, parse_token(p)->at);
    struct for_loop *f = arena_new(p->arena, struct for_loop);

    *ret = n;
    n->loop = f;
    parse_next(p);
    if (!parse_target(p, &f->target))
        return false;
    if (!parse_skip_name(p, "in"))
        return parse_unexpected(p, "'in'");
    if (!parse_tuple(p, TUPLE_NO_COND, &f->iter))
        return false;
    if (parse_skip_name(p, "if") && !parse_expression(p, true, &f->test))
        return false;
    if (parse_sees_name(p, "recursive"))
        return parse_fail(p, parse_token(p)->at, "recursive loops are not supported");
    p->n_loops++;
    if (!parse_statements(p, ends, &f->body.body))
        return false;
    p->n_loops--;
    if (parse_skip_name(p, "endfor"))
        return true;
    parse_next(p);
    return parse_until(p, "endfor", &f->otherwise.body);
}

static bool parse_if(struct parse *p, struct node **ret)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct node *n = parse_node(p, N_IF, parse_token(p)->at), *test;
    size_t capacity = 0;

    *ret = n;
    do {
        parse_next(p); /* if, elif */
        if (!parse_tuple(p, TUPLE_NO_COND, &test))
            return false;
        if (n->tests.n == capacity) {
            struct nodes *bodies = arena_new_array(p->arena, capacity * 2 + 1, struct nodes);
            if (capacity)
                memcpy(bodies, n->bodies, capacity * sizeof(*bodies));
            n->bodies = bodies;
            capacity = capacity * 2 + 1;
        }
        if (!parse_statements(p, ends, &n->bodies[n->tests.n]))
            return false;
        nodes_add(p, &n->tests, test);
    } while (parse_sees_name(p, "elif"));
    if (parse_skip_name(p, "else"))
        return parse_until(p, "endif", &n->otherwise);
    parse_next(p);
    return true;
}

static bool parse_signature(struct parse *p, struct macro_def *m)
{
    struct node *value;
    size_t capacity = 0;

    if (!parse_expect(p, T_LPAREN))
        return false;
    while (!parse_sees(p, T_RPAREN)) {
        struct str *name;

        if (m->n_params && !parse_expect(p, T_COMMA))
            return false;
        if (!parse_expect_name(p, &name))
            return false;
        for (size_t i = 0; i < m->n_params; i++)
            if (m->params[i].text == name)
                return parse_fail(p, parse_token(p)->at, "parameter '%.*s' is there twice",
                                  (int)name->size, name->data);
        if (parse_skip(p, T_ASSIGN)) {
            if (!parse_expression(p, true, &value))
                return false;
            nodes_add(p, &m->defaults, value);
        } else if (m->defaults.n) {
            return parse_fail(p, parse_token(p)->at,
                              "a parameter without a default follows one with a default");
        }
        if (m->n_params == capacity) {
            struct name *more = arena_new_array(p->arena, capacity * 2 + 4, struct name);
            if (capacity)
                memcpy(more, m->params, capacity * sizeof(*more));
            m->params = more;
            capacity = capacity * 2 + 4;
        }
        if (m->n_params >= KEYWORDS_MAX)
            return parse_fail(p, parse_token(p)->at, "more than %d parameters", KEYWORDS_MAX);
        m->params[m->n_params++].text = name;
    }
    return parse_expect(p, T_RPAREN);
}

/* The body of a function of its own: loops outside of it are out of reach for break. */
static bool parse_function_body(struct parse *p, const char *end, struct macro_def *m)
{
    unsigned n_loops = p->n_loops;

    p->n_loops = 0;
    if (!parse_until(p, end, &m->body.body))
        return false;
    p->n_loops = n_loops;
    return true;
}

static bool parse_macro(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_MACRO, parse_token(p)->at);
    struct macro_def *m = arena_new(p->arena, struct macro_def);

    *ret = n;
    n->macro = m;
    parse_next(p);
    if (!parse_expect_name(p, &m->name))
        return false;
    m->self.text = m->name;
    return parse_signature(p, m) && parse_function_body(p, "endmacro", m);
}

static bool parse_call_block(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_CALL_BLOCK, parse_token(p)->at);

    *ret = n;
    n->caller = arena_new(p->arena, struct macro_def);
    parse_next(p);
    if (parse_sees(p, T_LPAREN) && !parse_signature(p, n->caller))
        return false;
    if (!parse_expression(p, true, &n->call))
        return false;
    if (n->call->kind != N_CALL)
        return parse_fail(p, n->at, "'call' wants a call of a macro behind it");
    return parse_function_body(p, "endcall", n->caller);
}

static bool parse_generation(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_GENERATION, parse_token(p)->at);

    *ret = n;
    n->macro = arena_new(p->arena, struct macro_def);
    parse_next(p);
    return parse_function_body(p, "endgeneration", n->macro);
}

static bool parse_filter_block(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_FILTER_BLOCK, parse_token(p)->at);

    *ret = n;
    parse_next(p);
    return parse_filters(p, true, &n->block_filter) && parse_until(p, "endfilter", &n->block.body);
}

static bool parse_with(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_WITH, parse_token(p)->at), *target, *value;

    *ret = n;
    n->with = arena_new(p->arena, struct block);
    parse_next(p);
    while (!parse_sees(p, T_BLOCK_END)) {
        if (n->targets.n && !parse_expect(p, T_COMMA))
            return false;
        if (!parse_target(p, &target) || !parse_expect(p, T_ASSIGN) ||
            !parse_expression(p, true, &value))
            return false;
        nodes_add(p, &n->targets, target);
        nodes_add(p, &n->values, value);
    }
    return parse_until(p, "endwith", &n->with->body);
}

static bool parse_do(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_DO, parse_token(p)->at);

    *ret = n;
    parse_next(p);
    return parse_tuple(p, TUPLE_PLAIN, &n->a);
}

static bool parse_print(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_PRINT, parse_token(p)->at), *value;

    *ret = n;
    parse_next(p);
    while (!parse_sees(p, T_BLOCK_END)) {
        if (n->items.n && !parse_expect(p, T_COMMA))
            return false;
        if (!parse_expression(p, true, &value))
            return false;
        nodes_add(p, &n->items, value);
    }
    return true;
}

static bool parse_jump(struct parse *p, struct node **ret)
{
    bool is_break = parse_sees_name(p, "break");

    *ret = parse_node(p, is_break ? N_BREAK : N_CONTINUE, parse_token(p)->at);
    if (!p->n_loops)
        return parse_fail(p, parse_token(p)->at, "'%s' outside of a loop",
                          is_break ? "break" : "continue");
    parse_next(p);
    return true;
}

static bool parse_statement(struct parse *p, struct node **ret)
{
    static const struct {
        const char *name;
        bool (*parse)(struct parse *p, struct node **ret);
    } statements[] = {
        {"if", parse_if},
        {"for", parse_for},
        {"set", parse_set},
        {"macro", parse_macro},
        {"break", parse_jump},
        {"continue", parse_jump},
        {"filter", parse_filter_block},
        {"call", parse_call_block},
        {"with", parse_with},
        {"generation", parse_generation},
        {"do", parse_do},
        {"print", parse_print},
    };
    static const char *const refused[] = {"include", "import",     "from",  "extends",
                                          "block",   "autoescape", "trans", NULL};
    bool ok;

    if (!parse_sees(p, T_NAME))
        return parse_unexpected(p, "the name of a statement");
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        if (!parse_sees_name(p, statements[i].name))
            continue;
        if (!parse_enter(p))
            return false;
        ok = statements[i].parse(p, ret);
        parse_leave(p);
        return ok;
    }
    for (size_t i = 0; refused[i]; i++)
        if (parse_sees_name(p, refused[i]))
            return parse_fail(p, parse_token(p)->at, "'%s' is not supported in chat templates",
                              refused[i]);
    return parse_unexpected(p, "a statement (if, for, set, macro, filter, call, with, …) or the "
                               "end of the one around");
}

static struct node *printing(struct parse *p, struct nodes *body)
{
    struct node *last = body->n ? body->items[body->n - 1] : NULL;

    /* What is printed in a row is one node. */
    if (last && last->kind == N_PRINT && last->op == 1)
        return last;
    last = parse_node(p, N_PRINT, parse_token(p)->at);
    last->op = 1;
    nodes_add(p, body, last);
    return last;
}

static bool parse_ends(const struct parse *p, const char *const *ends)
{
    for (; ends && *ends; ends++)
        if (parse_sees_name(p, *ends))
            return true;
    return false;
}

static bool parse_body(struct parse *p, const char *const *ends, struct nodes *ret)
{
    struct node *n;
    const struct token *t;

    while ((t = parse_token(p))->kind != T_EOF) {
        parse_next(p);
        if (t->kind == T_DATA) {
            n = parse_node(p, N_CONST, t->at);
            n->value = t->value;
            nodes_add(p, &printing(p, ret)->items, n);
        } else if (t->kind == T_PRINT_BEGIN) {
            if (!parse_tuple(p, TUPLE_PLAIN, &n) || !parse_expect(p, T_PRINT_END))
                return false;
            nodes_add(p, &printing(p, ret)->items, n);
        } else {
            if (parse_ends(p, ends))
                return true;
            if (!parse_statement(p, &n))
                return false;
            nodes_add(p, ret, n);
            if (!parse_expect(p, T_BLOCK_END))
                return false;
        }
    }
    if (ends)
        return parse_fail(p, t->at, "the template ends before '%s'", ends[0]);
    return true;
}

/* ---- compiling */

/* Newlines become \n; the last one is dropped. */
static const char *normalised(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    char *copy = arena_text(arena, size + 1), *q = copy;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r') {
            *q++ = '\n';
            if (i + 1 < size && text[i + 1] == '\n')
                i++;
        } else {
            *q++ = text[i];
        }
    }
    if (q > copy && q[-1] == '\n')
        q--;
    *q = '\0';
    *ret_size = (size_t)(q - copy);
    return copy;
}

static bool compile(struct template *t, struct parse *p)
{
    struct lex_fault fault = {0};

    if (!lex(&t->arena, t->source, t->source_size, &p->tokens, &fault))
        return fault.too_deep ? too_deep(p, fault.at) : parse_fail(p, fault.at, "%s", fault.what);
    if (!parse_body(p, NULL, &t->body) || !scope_resolve(p, t))
        return false;
    atoms_build(p->arena, p->names, &t->atoms);
    return true;
}

bool template_compile(const char *text, size_t size, struct template **ret, struct err *err)
{
    size_t bad;

    if (size > TEMPLATE_SIZE_MAX) {
        err_set(err, ERR_TEMPLATE_SIZE, "chat template: it has %zu bytes; at most %d are allowed",
                size, TEMPLATE_SIZE_MAX);
        return err_fact_int(err, "limit", TEMPLATE_SIZE_MAX);
    }
    if (!utf8_valid(text, size, &bad)) {
        err_set(err, ERR_TEMPLATE_INVALID, "chat template: it is not UTF-8, at byte %zu", bad);
        return err_fact_int(err, "offset", (int64_t)bad);
    }
    struct template *t = mem_new(struct template);
    struct parse p = {.arena = &t->arena, .err = err};

    atomic_init(&t->refs, 1);
    p.source = t->source = normalised(&t->arena, text, size, &t->source_size);
    p.size = t->source_size;
    p.names = dict_new(&t->arena);
    bool ok = compile(t, &p);
    free(p.tokens.items);
    if (ok)
        t->suits = modes_of(&t->body);
    if (ok)
        *ret = t;
    else
        template_unref(t);
    return ok;
}

struct template *template_ref(const struct template *t)
{
    struct template *counted = (struct template *)t;

    if (counted)
        atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return counted;
}

void template_unref(struct template *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_release(&t->arena);
    free(t);
}

size_t template_bytes(const struct template *t) { return sizeof(*t) + t->arena.bytes; }
