#pragma once
/*
 * Tree: a template after parsing. Immutable, in the template's arena.
 *
 * Names are resolved to places when the template is compiled (scope.c), so
 * rendering looks nothing up by name but the variables of its inputs, once per
 * scope. No node is deeper than TEMPLATE_NEST_MAX: whoever walks may recurse.
 */
#include "template/atoms.h"
#include "template/template.h"

enum node_kind {
    /* ---- expressions */
    N_CONST,
    N_NAME,
    N_TUPLE,
    N_LIST,
    N_DICT, /* items: key, value, key, value */
    N_COND,
    N_OR,
    N_AND,
    N_NOT,
    N_COMPARE, /* items: the operands, op of each but the first in its wrapper */
    N_OPERAND,
    N_ADD, /* items: added from left to right */
    N_SUB,
    N_MUL,
    N_DIV,
    N_FLOORDIV,
    N_MOD,
    N_POW,
    N_CONCAT,
    N_NEG,
    N_POS,
    N_GETATTR,
    N_GETITEM,
    N_SLICE,
    N_CALL,
    N_FILTER,
    N_TEST,
    /* ---- statements */
    N_PRINT,
    N_IF,
    N_FOR,
    N_SET,
    N_SET_ATTR, /* set ns.attr = … */
    N_SET_BLOCK,
    N_MACRO,
    N_CALL_BLOCK,
    N_FILTER_BLOCK,
    N_WITH,
    N_DO,
    N_BREAK,
    N_CONTINUE,
    N_GENERATION,
};

enum compare_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_IN, CMP_NOT_IN };

struct node;
struct nodes {
    struct node **items;
    size_t n, capacity;
};

struct keyword {
    struct str *name;
    struct node *value;
};

struct call_args {
    struct nodes args;
    struct keyword *keywords;
    size_t n_keywords;
    struct node *star, *star_star; /* NULL: none */
    bool plain;                    /* args only */
};

struct filter_def;
struct test_def;
struct function_def;

/* Where a variable is: so many frames up, at this place. */
struct place {
    uint32_t hops, slot;
};

struct name {
    struct str *text;
    struct place place;
};

struct block {
    struct nodes body;
    struct scope *scope; /* NULL: that around it */
};

struct for_loop {
    struct node *target, *iter, *test; /* test NULL: none */
    struct block body, otherwise;
    struct scope *test_scope;
    bool extended; /* the body asks for `loop`: its slot is the one after the targets */
    uint32_t loop_slot;
};

/* Macros, and the bodies of call and generation blocks. */
struct macro_def {
    struct str *name; /* NULL: a caller */
    struct name *params;
    size_t n_params;
    struct nodes defaults; /* of the last ones */
    struct block body;
    bool takes_caller, takes_kwargs, takes_varargs;
    struct place caller, kwargs, varargs;
    struct name self; /* where the macro itself is stored */
};

struct node {
    uint8_t kind;
    uint8_t op; /* see there; GETATTR: 1 when a dict can have nothing of that name but an item */
    uint16_t depth; /* of the deepest node below */
    uint32_t at;    /* offset in the source */
    union {
        struct value value; /* CONST */
        struct name name;   /* NAME */
        struct nodes items; /* TUPLE LIST DICT COMPARE ADD CONCAT PRINT */
        struct {
            struct node *a, *b, *c; /* operators; SLICE; COND: test, then, else */
        };
        struct {
            struct node *of;
            struct value attr; /* GETATTR: a string */
            /* What is called where strings and dicts have a method of that name. */
            const struct function_def *str_method, *dict_method;
        };
        struct {
            struct node *callee; /* CALL; FILTER and TEST: the value, NULL in filter blocks */
            struct call_args *args;
            union {
                const struct filter_def *filter; /* NULL: not known; an error when used */
                const struct test_def *test;
            };
            struct str *called; /* its name */
        };
        struct {
            struct nodes tests;   /* IF: if, elif, … */
            struct nodes *bodies; /* one per test */
            struct nodes otherwise;
        };
        struct for_loop *loop;
        struct {
            struct node *target, *from; /* SET */
        };
        struct {
            struct name ns; /* SET_ATTR */
            struct str *ns_attr;
            struct node *ns_value;
        };
        struct {
            struct node *block_target, *block_filter; /* SET_BLOCK, FILTER_BLOCK */
            struct block block;
        };
        struct macro_def *macro; /* MACRO, GENERATION */
        struct {
            struct macro_def *caller; /* CALL_BLOCK */
            struct node *call;
        };
        struct {
            struct nodes targets, values; /* WITH */
            struct block *with;
        };
    };
};

enum load { LOAD_PARAMETER, LOAD_RESOLVE, LOAD_ALIAS, LOAD_UNDEFINED };

/* A variable of a scope, and what it is when the scope is entered. */
struct symbol {
    struct str *name;
    enum load load;
    struct place from; /* ALIAS; RESOLVE: slot is the number of the input */
    /* ---- while the scope is analysed */
    bool defined, stored;
    uint8_t n_branches;
    uint32_t mark;
};

struct scope {
    struct scope *parent, *next; /* next: of all of the template, while it is compiled */
    struct dict *by_name;
    struct symbol *symbols;
    size_t n, capacity;
    bool captured; /* a macro in here may outlive one turn of the loop */
};

/* A variable that comes from outside: a field of the request, or a global function. */
struct input_name {
    struct str *name;
    const struct function_def *global; /* NULL: none of that name */
};

struct template
{
    atomic_uint refs;
    struct arena arena;
    const char *source; /* newlines are \n; what offsets are in */
    size_t source_size;
    struct nodes body;
    struct scope *scope;
    struct input_name *inputs;
    size_t n_inputs;
    struct dict *input_numbers; /* by name */
    struct atoms atoms;
    struct template_modes suits; /* no AUTO */
};

/* Line and column, from 1, the column in code points, of an offset. */
void source_place(const char *source, size_t size, size_t at, int64_t *line, int64_t *column);

struct parse;
/* What the template's text says it can handle. */
struct template_modes modes_of(const struct nodes *body);

/* Gives every scope its symbols and every name its place. err: TEMPLATE_INVALID. */
bool scope_resolve(struct parse *p, struct template *t) MUST_CHECK;
