/*
 * What a template takes a message's content for: text, or a list of parts? One
 * that loops over it knows parts (vLLM asks the same question the same way).
 */
#include "template/ast.h"

static bool is_content(const struct node *n)
{
    while (n && n->kind == N_FILTER)
        n = n->callee;
    if (!n)
        return false;
    if (n->kind == N_NAME)
        return str_is(n->name.text, "content");
    if (n->kind == N_GETATTR)
        return str_is(n->attr.str, "content");
    return n->kind == N_GETITEM && n->b->kind == N_CONST && n->b->value.kind == V_STR &&
           str_is(n->b->value.str, "content");
}

static bool loops_over_content(const struct nodes *body);

static bool statement_loops(const struct node *n)
{
    switch (n->kind) {
    case N_FOR:
        return is_content(n->loop->iter) || loops_over_content(&n->loop->body.body) ||
               loops_over_content(&n->loop->otherwise.body);
    case N_IF:
        for (size_t i = 0; i < n->tests.n; i++)
            if (loops_over_content(&n->bodies[i]))
                return true;
        return loops_over_content(&n->otherwise);
    case N_SET_BLOCK:
    case N_FILTER_BLOCK:
        return loops_over_content(&n->block.body);
    case N_MACRO:
    case N_GENERATION:
        return loops_over_content(&n->macro->body.body);
    case N_CALL_BLOCK:
        return loops_over_content(&n->caller->body.body);
    case N_WITH:
        return loops_over_content(&n->with->body);
    default:
        return false;
    }
}

static bool loops_over_content(const struct nodes *body)
{
    for (size_t i = 0; i < body->n; i++)
        if (statement_loops(body->items[i]))
            return true;
    return false;
}

enum content_format content_format_of(const struct nodes *body)
{
    return loops_over_content(body) ? CONTENT_OPENAI : CONTENT_STRING;
}
