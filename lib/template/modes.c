/*
 * What a template takes messages for. One that loops over a content knows parts
 * (vLLM asks the same question the same way); one that asks what arguments are
 * can handle both kinds; one that prints or concatenates them wants text.
 */
#include "template/ast.h"

struct look {
    bool loops_over_content, asks_arguments, prints_arguments;
};

static bool names(const struct node *n, const char *name)
{
    if (!n)
        return false;
    if (n->kind == N_NAME)
        return str_is(n->name.text, name);
    if (n->kind == N_GETATTR)
        return str_is(n->attr.str, name);
    return n->kind == N_GETITEM && n->b->kind == N_CONST && n->b->value.kind == V_STR &&
           str_is(n->b->value.str, name);
}

/* The same, behind filters. */
static bool is_content(const struct node *n)
{
    while (n && n->kind == N_FILTER)
        n = n->callee;
    return names(n, "content");
}

static void look_body(struct look *l, const struct nodes *body);

static void look_expr(struct look *l, const struct node *n)
{
    if (!n)
        return;
    switch (n->kind) {
    case N_CONST:
    case N_NAME:
        return;
    case N_ADD:
    case N_CONCAT:
        for (size_t i = 0; i < n->items.n; i++)
            l->prints_arguments |= names(n->items.items[i], "arguments");
        /* fallthrough */
    case N_TUPLE:
    case N_LIST:
    case N_DICT:
    case N_COMPARE:
        for (size_t i = 0; i < n->items.n; i++)
            look_expr(l, n->items.items[i]);
        return;
    case N_GETATTR:
        look_expr(l, n->of);
        return;
    case N_TEST:
        l->asks_arguments |= names(n->callee, "arguments") &&
                             (str_is(n->called, "string") || str_is(n->called, "mapping"));
        /* fallthrough */
    case N_CALL:
    case N_FILTER:
        look_expr(l, n->callee);
        for (size_t i = 0; i < n->args->args.n; i++)
            look_expr(l, n->args->args.items[i]);
        for (size_t i = 0; i < n->args->n_keywords; i++)
            look_expr(l, n->args->keywords[i].value);
        look_expr(l, n->args->star);
        look_expr(l, n->args->star_star);
        return;
    default:
        look_expr(l, n->a);
        look_expr(l, n->b);
        look_expr(l, n->c);
    }
}

static void look_list(struct look *l, const struct nodes *list)
{
    for (size_t i = 0; i < list->n; i++)
        look_expr(l, list->items[i]);
}

static void look_statement(struct look *l, const struct node *n)
{
    switch (n->kind) {
    case N_PRINT:
        for (size_t i = 0; i < n->items.n; i++)
            l->prints_arguments |= names(n->items.items[i], "arguments");
        look_list(l, &n->items);
        return;
    case N_FOR:
        l->loops_over_content |= is_content(n->loop->iter);
        look_expr(l, n->loop->iter);
        look_expr(l, n->loop->test);
        look_body(l, &n->loop->body.body);
        look_body(l, &n->loop->otherwise.body);
        return;
    case N_IF:
        look_list(l, &n->tests);
        for (size_t i = 0; i < n->tests.n; i++)
            look_body(l, &n->bodies[i]);
        look_body(l, &n->otherwise);
        return;
    case N_SET:
        look_expr(l, n->from);
        return;
    case N_SET_ATTR:
        look_expr(l, n->ns_value);
        return;
    case N_SET_BLOCK:
    case N_FILTER_BLOCK:
        look_body(l, &n->block.body);
        return;
    case N_MACRO:
    case N_GENERATION:
        look_body(l, &n->macro->body.body);
        return;
    case N_CALL_BLOCK:
        look_expr(l, n->call);
        look_body(l, &n->caller->body.body);
        return;
    case N_WITH:
        look_list(l, &n->values);
        look_body(l, &n->with->body);
        return;
    case N_DO:
        look_expr(l, n->a);
        return;
    default:
        return;
    }
}

static void look_body(struct look *l, const struct nodes *body)
{
    for (size_t i = 0; i < body->n; i++)
        look_statement(l, body->items[i]);
}

struct template_modes modes_of(const struct nodes *body)
{
    struct look l = {0};

    look_body(&l, body);
    return (struct template_modes){.content =
                                       l.loops_over_content ? CONTENT_OPENAI : CONTENT_STRING,
                                   .arguments = l.asks_arguments     ? ARGUMENTS_GIVEN
                                                : l.prints_arguments ? ARGUMENTS_TEXT
                                                                     : ARGUMENTS_OBJECT,
                                   .null = NULL_GIVEN};
}

struct template_modes template_modes_for(const struct template *t, struct template_modes asked)
{
    if (asked.content == CONTENT_AUTO)
        asked.content = t->suits.content;
    if (asked.arguments == ARGUMENTS_AUTO)
        asked.arguments = t->suits.arguments;
    if (asked.null == NULL_AUTO)
        asked.null = t->suits.null;
    return asked;
}

const char *content_format_name(enum content_format f)
{
    static const char *const names[] = {"openai", "string", "auto"};
    return names[f];
}

const char *arguments_format_name(enum arguments_format f)
{
    static const char *const names[] = {"given", "object", "text", "auto"};
    return names[f];
}

const char *null_content_name(enum null_content n)
{
    static const char *const names[] = {"given", "empty", "auto"};
    return names[n];
}
