#pragma once
/*
 * Lexer: the text of a template to tokens, with Jinja's rules for white space
 * around tags (trim_blocks and lstrip_blocks are on).
 */
#include "template/arena.h"
#include "template/value.h"

enum token_kind {
    T_EOF,
    T_DATA,
    T_PRINT_BEGIN,
    T_PRINT_END,
    T_BLOCK_BEGIN,
    T_BLOCK_END,
    T_NAME,
    T_STRING,
    T_INT,
    T_BIG,
    T_FLOAT,
    /* operators */
    T_ADD,
    T_ASSIGN,
    T_COLON,
    T_COMMA,
    T_DIV,
    T_DOT,
    T_EQ,
    T_FLOORDIV,
    T_GT,
    T_GE,
    T_LBRACE,
    T_LBRACKET,
    T_LPAREN,
    T_LT,
    T_LE,
    T_MOD,
    T_MUL,
    T_NE,
    T_PIPE,
    T_POW,
    T_RBRACE,
    T_RBRACKET,
    T_RPAREN,
    T_SEMICOLON,
    T_SUB,
    T_TILDE,
};

struct token {
    enum token_kind kind;
    uint32_t at;        /* offset in source */
    struct value value; /* DATA, NAME, STRING: text; numbers */
};

struct tokens {
    struct token *items; /* the last is EOF */
    size_t n, capacity;
};

enum { BRACES_MAX = 200 };
struct lex_fault {
    const char *what; /* in the arena */
    size_t at;
    bool too_deep; /* brackets in brackets, more than BRACES_MAX of them */
};

/*
 * source has \n for newlines and must outlive the tokens; texts are in the
 * arena or borrowed from source. The caller frees ret->items.
 */
bool lex(struct arena *arena, const char *source, size_t size, struct tokens *ret,
         struct lex_fault *fault) MUST_CHECK;
const char *token_text(enum token_kind kind); /* for messages */
