#pragma once
/* Parse: what parser.c (statements), expression.c, scope.c and fault.c share. */
#include "template/ast.h"
#include "template/lexer.h"

enum { NODES_MAX = 300000, KEYWORDS_MAX = 64 };

struct parse {
    struct arena *arena;
    const char *source;
    size_t size;
    struct tokens tokens;
    size_t at; /* the current token */
    unsigned depth;
    size_t n_nodes;
    unsigned n_loops;     /* loops around here: break and continue have a target */
    struct dict *names;   /* interned */
    struct scope *scopes; /* the newest first */
    struct err *err;
};

/* TEMPLATE_INVALID at an offset. */
bool parse_fail(struct parse *p, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool parse_limit(struct parse *p, size_t at, enum err_code code, int64_t limit, const char *what);
/* "expected X, found Y", at the current token. */
bool parse_unexpected(struct parse *p, const char *expected);
#if defined(__clang_analyzer__) && !defined(FAULT_C) /* see render.h */
#define parse_fail(...)       ((void)parse_fail(__VA_ARGS__), false)
#define parse_limit(...)      ((void)parse_limit(__VA_ARGS__), false)
#define parse_unexpected(...) ((void)parse_unexpected(__VA_ARGS__), false)
#endif

static inline const struct token *parse_token(const struct parse *p)
{
    return &p->tokens.items[p->at];
}
static inline enum token_kind parse_look(const struct parse *p)
{
    return p->at + 1 < p->tokens.n ? p->tokens.items[p->at + 1].kind : T_EOF;
}
static inline bool parse_sees(const struct parse *p, enum token_kind kind)
{
    return parse_token(p)->kind == kind;
}
bool parse_sees_name(const struct parse *p, const char *name);
void parse_next(struct parse *p);
bool parse_skip(struct parse *p, enum token_kind kind);
bool parse_skip_name(struct parse *p, const char *name);
bool parse_expect(struct parse *p, enum token_kind kind) MUST_CHECK;
bool parse_expect_name(struct parse *p, struct str **ret) MUST_CHECK;

struct node *parse_node(struct parse *p, enum node_kind kind, size_t at);
/* One level deeper, as long as it is allowed. */
bool parse_enter(struct parse *p) MUST_CHECK;
static inline void parse_leave(struct parse *p) { p->depth--; }
/* The node is one deeper than child; false when that is too deep. */
bool parse_above(struct parse *p, struct node *n, const struct node *child) MUST_CHECK;
void nodes_add(struct parse *p, struct nodes *list, struct node *n);
/* The one string of the template that is equal to this. */
struct str *parse_intern(struct parse *p, struct str *name);

/* ---- expression.c */
bool parse_expression(struct parse *p, bool with_cond, struct node **ret) MUST_CHECK;
/* One expression, or several with commas: a tuple. */
enum tuple_flags { TUPLE_PLAIN = 0, TUPLE_NO_COND = 1, TUPLE_TARGETS = 2, TUPLE_PARENTHESES = 4 };
bool parse_tuple(struct parse *p, unsigned flags, struct node **ret) MUST_CHECK;
/* "| name(…)" until there are no more, on top of *ret (NULL: the block's text). */
bool parse_filters(struct parse *p, bool inline_first, struct node **ret) MUST_CHECK;
