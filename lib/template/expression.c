/* Parser of expressions: Jinja's grammar, one function per level of precedence. */
#include "template/filters.h"
#include "template/functions.h"
#include "template/parse.h"
#include "template/tests.h"

static bool parse_unary(struct parse *p, bool with_filter, struct node **ret);

static bool binary(struct parse *p, enum node_kind kind, size_t at, struct node *a, struct node *b,
                   struct node **ret)
{
    struct node *n = parse_node(p, kind, at);

    n->a = a;
    n->b = b;
    *ret = n;
    return parse_above(p, n, a) && parse_above(p, n, b);
}

/* ---- primaries */

static bool parse_list(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_LIST, parse_token(p)->at), *item;

    parse_next(p);
    while (!parse_sees(p, T_RBRACKET)) {
        if (n->items.n && !parse_expect(p, T_COMMA))
            return false;
        if (parse_sees(p, T_RBRACKET))
            break;
        if (!parse_expression(p, true, &item) || !parse_above(p, n, item))
            return false;
        nodes_add(p, &n->items, item);
    }
    *ret = n;
    return parse_expect(p, T_RBRACKET);
}

static bool parse_dict(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_DICT, parse_token(p)->at), *key, *value;

    parse_next(p);
    while (!parse_sees(p, T_RBRACE)) {
        if (n->items.n && !parse_expect(p, T_COMMA))
            return false;
        if (parse_sees(p, T_RBRACE))
            break;
        if (!parse_expression(p, true, &key) || !parse_above(p, n, key) ||
            !parse_expect(p, T_COLON) || !parse_expression(p, true, &value) ||
            !parse_above(p, n, value))
            return false;
        nodes_add(p, &n->items, key);
        nodes_add(p, &n->items, value);
    }
    *ret = n;
    return parse_expect(p, T_RBRACE);
}

static struct node *constant(struct parse *p, size_t at, struct value v)
{
    struct node *n = parse_node(p, N_CONST, at);

    if (v.kind == V_STR && v.str->size <= ATOM_SIZE_MAX) {
        v.str = parse_intern(p, v.str);
    } else if (v.kind == V_STR) { /* shared between threads: nothing is left to be found out */
        str_hash(v.str);
        str_chars(v.str);
    }
    n->value = v;
    return n;
}

static struct node *parse_strings(struct parse *p)
{
    size_t at = parse_token(p)->at;
    struct value v = parse_token(p)->value;

    for (parse_next(p); parse_sees(p, T_STRING); parse_next(p))
        v = str_concat(p->arena, v.str, parse_token(p)->value.str);
    /* A room is for those who append, and this one would be shared. */
    v = str_borrow(p->arena, v.str->data, v.str->size);
    return constant(p, at, v);
}

static struct node *parse_name(struct parse *p)
{
    const struct token *t = parse_token(p);
    const struct str *s = t->value.str;
    struct node *n;

    parse_next(p);
    if (str_is(s, "true") || str_is(s, "True"))
        return constant(p, t->at, v_bool(true));
    if (str_is(s, "false") || str_is(s, "False"))
        return constant(p, t->at, v_bool(false));
    if (str_is(s, "none") || str_is(s, "None"))
        return constant(p, t->at, NONE);
    n = parse_node(p, N_NAME, t->at);
    n->name.text = parse_intern(p, t->value.str);
    return n;
}

static bool parse_primary(struct parse *p, struct node **ret)
{
    const struct token *t = parse_token(p);

    switch (t->kind) {
    case T_NAME:
        *ret = parse_name(p);
        return true;
    case T_STRING:
        *ret = parse_strings(p);
        return true;
    case T_INT:
    case T_FLOAT:
    case T_BIG:
        *ret = constant(p, t->at, t->value);
        if (t->kind == T_BIG)
            (*ret)->value.kind = V_BIG;
        parse_next(p);
        return true;
    case T_LPAREN:
        parse_next(p);
        return parse_tuple(p, TUPLE_PARENTHESES, ret) && parse_expect(p, T_RPAREN);
    case T_LBRACKET:
        return parse_list(p, ret);
    case T_LBRACE:
        return parse_dict(p, ret);
    default:
        return parse_unexpected(p, "an expression");
    }
}

static bool tuple_ends(const struct parse *p)
{
    return parse_sees(p, T_PRINT_END) || parse_sees(p, T_BLOCK_END) || parse_sees(p, T_RPAREN);
}

bool parse_tuple(struct parse *p, unsigned flags, struct node **ret)
{
    size_t at = parse_token(p)->at;
    struct nodes items = {0};
    struct node *item, *tuple;
    bool is_tuple = false;

    for (;;) {
        if (items.n && !parse_expect(p, T_COMMA))
            return false;
        if (tuple_ends(p))
            break;
        if (flags & TUPLE_TARGETS) {
            if (!parse_enter(p) || !parse_primary(p, &item))
                return false;
            parse_leave(p);
        } else if (!parse_expression(p, !(flags & TUPLE_NO_COND), &item)) {
            return false;
        }
        nodes_add(p, &items, item);
        if (!parse_sees(p, T_COMMA))
            break;
        is_tuple = true;
    }
    if (!is_tuple && items.n) {
        *ret = items.items[0];
        return true;
    }
    if (!is_tuple && !(flags & TUPLE_PARENTHESES))
        return parse_unexpected(p, "an expression");
    tuple = parse_node(p, N_TUPLE, at);
    for (size_t i = 0; i < items.n; i++)
        if (!parse_above(p, tuple, items.items[i]))
            return false;
    tuple->items = items;
    *ret = tuple;
    return true;
}

/* ---- what follows a primary */

static bool parse_slice_part(struct parse *p, struct node *n, struct node **ret)
{
    if (parse_sees(p, T_COLON) || parse_sees(p, T_RBRACKET) || parse_sees(p, T_COMMA))
        return true;
    return parse_expression(p, true, ret) && parse_above(p, n, *ret);
}

static bool parse_subscribed(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_SLICE, parse_token(p)->at), *first = NULL;

    if (!parse_sees(p, T_COLON)) {
        if (!parse_expression(p, true, &first))
            return false;
        if (!parse_sees(p, T_COLON)) {
            *ret = first;
            return true;
        }
        if (!parse_above(p, n, first))
            return false;
    }
    n->a = first;
    parse_next(p);
    if (!parse_slice_part(p, n, &n->b))
        return false;
    if (parse_skip(p, T_COLON) && !parse_slice_part(p, n, &n->c))
        return false;
    *ret = n;
    return true;
}

static bool parse_subscript(struct parse *p, struct node **ret)
{
    const struct token *t = parse_token(p);
    struct node *arg = NULL, *tuple;

    parse_next(p);
    if (t->kind == T_DOT) {
        const struct token *attr = parse_token(p);
        parse_next(p);
        if (attr->kind == T_NAME) {
            struct node *n = parse_node(p, N_GETATTR, t->at);
            n->of = *ret;
            n->attr = v_str(parse_intern(p, attr->value.str));
            n->op = attr_is_plain(n->attr.str);
            n->str_method = method_of(V_STR, n->attr.str);
            n->dict_method = method_of(V_DICT, n->attr.str);
            if (!parse_above(p, n, n->of))
                return false;
            *ret = n;
            return true;
        }
        p->at--;
        if (attr->kind != T_INT)
            return parse_unexpected(p, "a name or a number after '.'");
        p->at++;
        return binary(p, N_GETITEM, t->at, *ret, constant(p, attr->at, attr->value), ret);
    }
    tuple = parse_node(p, N_TUPLE, t->at);
    while (!parse_sees(p, T_RBRACKET)) {
        if (tuple->items.n && !parse_expect(p, T_COMMA))
            return false;
        if (!parse_subscribed(p, &arg) || !parse_above(p, tuple, arg))
            return false;
        nodes_add(p, &tuple->items, arg);
    }
    if (!parse_expect(p, T_RBRACKET))
        return false;
    return binary(p, N_GETITEM, t->at, *ret, tuple->items.n == 1 ? arg : tuple, ret);
}

static void add_keyword(struct parse *p, struct call_args *a, struct str *name, struct node *value)
{
    struct keyword *more = arena_new_array(p->arena, a->n_keywords + 1, struct keyword);

    /* Few, and each costs a token or more. */
    if (a->n_keywords)
        memcpy(more, a->keywords, a->n_keywords * sizeof(*more));
    more[a->n_keywords++] = (struct keyword){name, value};
    a->keywords = more;
}

static bool parse_arg(struct parse *p, struct node *n, struct call_args *a)
{
    size_t at = parse_token(p)->at;
    struct node *value;
    bool ok;

    if (parse_skip(p, T_MUL)) {
        ok = !a->star && !a->star_star;
        if (!parse_expression(p, true, &value))
            return false;
        a->star = value;
    } else if (parse_skip(p, T_POW)) {
        ok = !a->star_star;
        if (!parse_expression(p, true, &value))
            return false;
        a->star_star = value;
    } else if (parse_sees(p, T_NAME) && parse_look(p) == T_ASSIGN) {
        struct str *name = parse_intern(p, parse_token(p)->value.str);
        parse_next(p), parse_next(p);
        if (!parse_expression(p, true, &value))
            return false;
        ok = !a->star_star && a->n_keywords < KEYWORDS_MAX;
        for (size_t i = 0; i < a->n_keywords; i++)
            ok = ok && a->keywords[i].name != name;
        add_keyword(p, a, name, value);
    } else {
        ok = !a->star && !a->star_star && !a->n_keywords;
        if (!parse_expression(p, true, &value))
            return false;
        nodes_add(p, &a->args, value);
    }
    if (!ok)
        return parse_fail(p, at,
                          "this argument cannot stand here: positional ones come first, "
                          "then keywords, each once, then '**'");
    return parse_above(p, n, value);
}

static struct call_args *no_args(struct parse *p)
{
    struct call_args *a = arena_new(p->arena, struct call_args);

    a->plain = true;
    return a;
}

static bool parse_args(struct parse *p, struct node *n)
{
    struct call_args *a = no_args(p);
    bool comma = false;

    n->args = a;
    if (!parse_expect(p, T_LPAREN))
        return false;
    while (!parse_sees(p, T_RPAREN)) {
        if (comma) {
            if (!parse_expect(p, T_COMMA))
                return false;
            if (parse_sees(p, T_RPAREN))
                break;
        }
        if (!parse_arg(p, n, a))
            return false;
        comma = true;
    }
    a->plain = !a->n_keywords && !a->star && !a->star_star;
    return parse_expect(p, T_RPAREN);
}

static bool parse_call(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_CALL, parse_token(p)->at);

    n->callee = *ret;
    *ret = n;
    return parse_args(p, n) && parse_above(p, n, n->callee);
}

static bool parse_postfix(struct parse *p, struct node **ret)
{
    for (;;) {
        if (parse_sees(p, T_DOT) || parse_sees(p, T_LBRACKET)) {
            if (!parse_subscript(p, ret))
                return false;
        } else if (!parse_sees(p, T_LPAREN)) {
            return true;
        } else if (!parse_call(p, ret)) {
            return false;
        }
    }
}

/* "name" or "name.name". */
static bool parse_dotted(struct parse *p, struct str **ret)
{
    struct str *more;

    if (!parse_expect_name(p, ret))
        return false;
    while (parse_skip(p, T_DOT)) {
        if (!parse_expect_name(p, &more))
            return false;
        *ret = str_concat(p->arena, *ret, str_const(p->arena, ".").str).str;
        *ret = str_concat(p->arena, *ret, more).str;
    }
    return true;
}

bool parse_filters(struct parse *p, bool inline_first, struct node **ret)
{
    while (inline_first || parse_sees(p, T_PIPE)) {
        struct node *n;

        if (!inline_first)
            parse_next(p);
        inline_first = false;
        n = parse_node(p, N_FILTER, parse_token(p)->at);
        n->callee = *ret;
        if (!parse_dotted(p, &n->called))
            return false;
        n->filter = filter_find(n->called);
        n->args = no_args(p);
        if (parse_sees(p, T_LPAREN) && !parse_args(p, n))
            return false;
        if (n->callee && !parse_above(p, n, n->callee))
            return false;
        *ret = n;
    }
    return true;
}

static bool test_has_argument(const struct parse *p)
{
    switch (parse_token(p)->kind) {
    case T_NAME:
        return !parse_sees_name(p, "else") && !parse_sees_name(p, "or") &&
               !parse_sees_name(p, "and");
    case T_STRING:
    case T_INT:
    case T_BIG:
    case T_FLOAT:
    case T_LBRACKET:
    case T_LBRACE:
        return true;
    default:
        return false;
    }
}

static bool parse_test(struct parse *p, struct node **ret)
{
    struct node *n = parse_node(p, N_TEST, parse_token(p)->at), *arg, *inverse;
    bool negated;

    parse_next(p);
    negated = parse_skip_name(p, "not");
    n->callee = *ret;
    if (!parse_dotted(p, &n->called))
        return false;
    n->test = test_find(n->called);
    n->args = no_args(p);
    if (parse_sees(p, T_LPAREN)) {
        if (!parse_args(p, n))
            return false;
    } else if (test_has_argument(p)) {
        if (parse_sees_name(p, "is"))
            return parse_fail(p, parse_token(p)->at, "tests with 'is' cannot be chained");
        if (!parse_primary(p, &arg) || !parse_postfix(p, &arg) || !parse_above(p, n, arg))
            return false;
        nodes_add(p, &n->args->args, arg);
    }
    if (!parse_above(p, n, n->callee))
        return false;
    *ret = n;
    if (!negated)
        return true;
    inverse = parse_node(p, N_NOT, n->at);
    inverse->a = n;
    *ret = inverse;
    return parse_above(p, inverse, n);
}

static bool parse_filter_expr(struct parse *p, struct node **ret)
{
    for (;;) {
        bool ok;

        if (parse_sees(p, T_PIPE))
            ok = parse_filters(p, false, ret);
        else if (parse_sees_name(p, "is"))
            ok = parse_test(p, ret);
        else if (parse_sees(p, T_LPAREN))
            ok = parse_call(p, ret);
        else
            return true;
        if (!ok)
            return false;
    }
}

/* ---- operators, the tightest first */

static bool parse_unary(struct parse *p, bool with_filter, struct node **ret)
{
    const struct token *t = parse_token(p);

    if (!parse_enter(p))
        return false;
    if (t->kind == T_SUB || t->kind == T_ADD) {
        struct node *n = parse_node(p, t->kind == T_SUB ? N_NEG : N_POS, t->at);
        parse_next(p);
        if (!parse_unary(p, false, &n->a) || !parse_above(p, n, n->a))
            return false;
        *ret = n;
    } else if (!parse_primary(p, ret)) {
        return false;
    }
    parse_leave(p);
    return parse_postfix(p, ret) && (!with_filter || parse_filter_expr(p, ret));
}

static bool parse_pow(struct parse *p, struct node **ret)
{
    struct node *right;

    if (!parse_unary(p, true, ret))
        return false;
    while (parse_sees(p, T_POW)) {
        size_t at = parse_token(p)->at;
        parse_next(p);
        if (!parse_unary(p, true, &right) || !binary(p, N_POW, at, *ret, right, ret))
            return false;
    }
    return true;
}

static bool parse_math2(struct parse *p, struct node **ret)
{
    struct node *right;

    if (!parse_pow(p, ret))
        return false;
    for (;;) {
        size_t at = parse_token(p)->at;
        enum token_kind k = parse_token(p)->kind;
        enum node_kind kind = k == T_MUL        ? N_MUL
                              : k == T_DIV      ? N_DIV
                              : k == T_FLOORDIV ? N_FLOORDIV
                                                : N_MOD;
        if (kind == N_MOD && k != T_MOD)
            return true;
        parse_next(p);
        if (!parse_pow(p, &right) || !binary(p, kind, at, *ret, right, ret))
            return false;
    }
}

static bool parse_concat(struct parse *p, struct node **ret)
{
    struct node *first, *n = NULL;

    if (!parse_math2(p, &first))
        return false;
    while (parse_sees(p, T_TILDE)) {
        if (!n) {
            n = parse_node(p, N_CONCAT, parse_token(p)->at);
            nodes_add(p, &n->items, first);
            if (!parse_above(p, n, first))
                return false;
        }
        parse_next(p);
        struct node *next;
        if (!parse_math2(p, &next) || !parse_above(p, n, next))
            return false;
        nodes_add(p, &n->items, next);
    }
    *ret = n ? n : first;
    return true;
}

static bool parse_math1(struct parse *p, struct node **ret)
{
    struct node *right, *sum = NULL;

    if (!parse_concat(p, ret))
        return false;
    while (parse_sees(p, T_ADD) || parse_sees(p, T_SUB)) {
        size_t at = parse_token(p)->at;
        bool minus = parse_sees(p, T_SUB);
        parse_next(p);
        if (!parse_concat(p, &right))
            return false;
        if (minus) {
            if (!binary(p, N_SUB, at, *ret, right, ret))
                return false;
            sum = NULL;
            continue;
        }
        if (!sum) {
            sum = parse_node(p, N_ADD, at);
            nodes_add(p, &sum->items, *ret);
            if (!parse_above(p, sum, *ret))
                return false;
            *ret = sum;
        }
        nodes_add(p, &sum->items, right);
        if (!parse_above(p, sum, right))
            return false;
    }
    return true;
}

static int compare_op(struct parse *p)
{
    static const struct {
        enum token_kind kind;
        enum compare_op op;
    } ops[] = {{T_EQ, CMP_EQ}, {T_NE, CMP_NE}, {T_LT, CMP_LT},
               {T_LE, CMP_LE}, {T_GT, CMP_GT}, {T_GE, CMP_GE}};

    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (parse_skip(p, ops[i].kind))
            return ops[i].op;
    if (parse_skip_name(p, "in"))
        return CMP_IN;
    if (parse_sees_name(p, "not") && parse_look(p) == T_NAME &&
        str_is(p->tokens.items[p->at + 1].value.str, "in")) {
        parse_next(p), parse_next(p);
        return CMP_NOT_IN;
    }
    return -1;
}

static bool parse_compare(struct parse *p, struct node **ret)
{
    struct node *n = NULL, *operand;
    size_t at;
    int op;

    if (!parse_math1(p, ret))
        return false;
    while (at = parse_token(p)->at, (op = compare_op(p)) >= 0) {
        if (!n) {
            n = parse_node(p, N_COMPARE, at);
            nodes_add(p, &n->items, *ret);
            if (!parse_above(p, n, *ret))
                return false;
        }
        operand = parse_node(p, N_OPERAND, at);
        operand->op = (uint8_t)op;
        if (!parse_math1(p, &operand->a) || !parse_above(p, operand, operand->a) ||
            !parse_above(p, n, operand))
            return false;
        nodes_add(p, &n->items, operand);
    }
    if (n)
        *ret = n;
    return true;
}

static bool parse_not(struct parse *p, struct node **ret)
{
    size_t at = parse_token(p)->at;
    struct node *n;

    if (!parse_skip_name(p, "not"))
        return parse_compare(p, ret);
    n = parse_node(p, N_NOT, at);
    if (!parse_enter(p) || !parse_not(p, &n->a) || !parse_above(p, n, n->a))
        return false;
    parse_leave(p);
    *ret = n;
    return true;
}

static bool parse_and(struct parse *p, struct node **ret)
{
    struct node *right;
    size_t at;

    if (!parse_not(p, ret))
        return false;
    while (at = parse_token(p)->at, parse_skip_name(p, "and"))
        if (!parse_not(p, &right) || !binary(p, N_AND, at, *ret, right, ret))
            return false;
    return true;
}

static bool parse_or(struct parse *p, struct node **ret)
{
    struct node *right;
    size_t at;

    if (!parse_and(p, ret))
        return false;
    while (at = parse_token(p)->at, parse_skip_name(p, "or"))
        if (!parse_and(p, &right) || !binary(p, N_OR, at, *ret, right, ret))
            return false;
    return true;
}

static bool parse_cond(struct parse *p, struct node **ret)
{
    if (!parse_or(p, ret))
        return false;
    while (parse_sees_name(p, "if")) {
        struct node *n = parse_node(p, N_COND, parse_token(p)->at);

        parse_next(p);
        n->b = *ret;
        if (!parse_or(p, &n->a) || !parse_above(p, n, n->a) || !parse_above(p, n, n->b))
            return false;
        if (parse_skip_name(p, "else")) {
            if (!parse_enter(p) || !parse_cond(p, &n->c) || !parse_above(p, n, n->c))
                return false;
            parse_leave(p);
        }
        *ret = n;
    }
    return true;
}

bool parse_expression(struct parse *p, bool with_cond, struct node **ret)
{
    if (!parse_enter(p))
        return false;
    bool ok = with_cond ? parse_cond(p, ret) : parse_or(p, ret);
    parse_leave(p);
    return ok;
}
