/*
 * Jinja's lexer is a set of regular expressions tried in turn; here the same
 * rules by hand. What the text of a tag begins with decides how the data before
 * it is stripped, and what it ends with where the data after it begins.
 */
#include "template/lexer.h"

#include "base/utf8.h"
#include "template/text.h"

#include <errno.h>
#include <stdio.h>

struct lexer {
    struct arena *arena;
    const char *src;
    size_t size, at;
    struct tokens *out;
    struct lex_fault *fault;
    bool line_start; /* the last token ended in a newline: lstrip may begin here */
    enum token_kind braces[BRACES_MAX];
    size_t n_braces;
};

static const struct {
    const char *text;
    enum token_kind kind;
} operators[] = {
    {"//", T_FLOORDIV}, {"**", T_POW},   {"==", T_EQ},      {"!=", T_NE},      {">=", T_GE},
    {"<=", T_LE},       {"+", T_ADD},    {"-", T_SUB},      {"/", T_DIV},      {"*", T_MUL},
    {"%", T_MOD},       {"~", T_TILDE},  {"[", T_LBRACKET}, {"]", T_RBRACKET}, {"(", T_LPAREN},
    {")", T_RPAREN},    {"{", T_LBRACE}, {"}", T_RBRACE},   {">", T_GT},       {"<", T_LT},
    {"=", T_ASSIGN},    {".", T_DOT},    {":", T_COLON},    {"|", T_PIPE},     {",", T_COMMA},
    {";", T_SEMICOLON},
};

const char *token_text(enum token_kind kind)
{
    static const char *const others[] = {
        [T_EOF] = "end of template", [T_DATA] = "text",       [T_PRINT_BEGIN] = "{{",
        [T_PRINT_END] = "}}",        [T_BLOCK_BEGIN] = "{%",  [T_BLOCK_END] = "%}",
        [T_NAME] = "a name",         [T_STRING] = "a string", [T_INT] = "an integer",
        [T_BIG] = "an integer",      [T_FLOAT] = "a number",
    };

    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
        if (operators[i].kind == kind)
            return operators[i].text;
    return others[kind];
}

static bool fail(struct lexer *l, size_t at, const char *what)
{
    l->fault->what = what;
    l->fault->at = at;
    return false;
}

static bool sees(const struct lexer *l, size_t at, const char *text)
{
    size_t n = strlen(text);
    return l->size - at >= n && memcmp(l->src + at, text, n) == 0;
}

static void push(struct lexer *l, enum token_kind kind, size_t at, struct value value)
{
    struct tokens *out = l->out;

    if (out->n == out->capacity) {
        out->capacity = out->capacity ? out->capacity * 2 : 256;
        out->items = mem_resize(out->items, out->capacity * sizeof(*out->items));
    }
    out->items[out->n++] = (struct token){kind, (uint32_t)at, value};
}

static void moved_to(struct lexer *l, size_t at)
{
    if (at > l->at)
        l->line_start = l->src[at - 1] == '\n';
    l->at = at;
}

static size_t past_spaces(const struct lexer *l, size_t at)
{
    return at + text_lspan(l->src + at, l->size - at, NULL, 0);
}

/* ---- outside of tags */

/* The data before a tag, stripped as the sign behind the tag's start says. */
static void push_data(struct lexer *l, size_t end, char sign, bool is_print)
{
    const char *text = l->src + l->at;
    size_t size = end - l->at;

    if (sign == '-') {
        size -= text_rspan(text, size, NULL, 0);
    } else if (sign != '+' && !is_print) {
        const char *newline = memrchr(text, '\n', size);
        size_t line = newline ? (size_t)(newline + 1 - text) : 0;

        if ((line || l->line_start) && text_lspan(text + line, size - line, NULL, 0) == size - line)
            size = line;
    }
    if (size)
        push(l, T_DATA, l->at, str_borrow(l->arena, text, size));
}

/* Behind "{% raw %}" at, or 0 when there is none; *sign is what follows "{%". */
static size_t raw_begin(const struct lexer *l, size_t at, const char *word, char *sign)
{
    size_t p = at + 2;

    if (!sees(l, at, "{%"))
        return 0;
    *sign = '\0';
    if (p < l->size && (l->src[p] == '-' || l->src[p] == '+'))
        *sign = l->src[p++];
    p = past_spaces(l, p);
    if (!sees(l, p, word))
        return 0;
    return past_spaces(l, p + strlen(word));
}

/* Behind the end of a tag at p: "-%}" with white space, "+%}", "%}" with one newline; 0: none. */
static size_t tag_end(const struct lexer *l, size_t p, const char *end)
{
    if (sees(l, p, "-") && sees(l, p + 1, end))
        return past_spaces(l, p + 3);
    if (sees(l, p, "+") && sees(l, p + 1, end))
        return p + 3;
    if (!sees(l, p, end))
        return 0;
    return sees(l, p + 2, "\n") ? p + 3 : p + 2;
}

static bool lex_raw(struct lexer *l, size_t begin)
{
    for (size_t p = l->at; p < l->size; p++) {
        char sign;
        size_t end = l->src[p] == '{' ? raw_begin(l, p, "endraw", &sign) : 0;

        if (end && (end = tag_end(l, end, "%}"))) {
            push_data(l, p, sign, false);
            moved_to(l, end);
            return true;
        }
    }
    return fail(l, begin, "'{% raw %}' has no '{% endraw %}'");
}

static bool lex_comment(struct lexer *l, size_t begin)
{
    for (size_t p = l->at; p < l->size; p++) {
        size_t end =
            l->src[p] == '-' || l->src[p] == '+' || l->src[p] == '#' ? tag_end(l, p, "#}") : 0;
        if (end) {
            moved_to(l, end);
            return true;
        }
    }
    return fail(l, begin, "'{#' has no '#}'");
}

/* ---- inside of tags */

static size_t digits(const struct lexer *l, size_t p, const char *set)
{
    size_t start = p;

    /* With single underscores between them; these may also lead, as in 0x_1. */
    while (p < l->size) {
        size_t q = l->src[p] == '_' ? p + 1 : p;
        if (q >= l->size || !l->src[q] || !strchr(set, l->src[q]))
            break;
        p = q + 1;
    }
    return p - start;
}

/* The end of the decimal digits at p, or p; no underscore leads. */
static size_t decimal(const struct lexer *l, size_t p)
{
    if (p >= l->size || l->src[p] < '0' || l->src[p] > '9')
        return p;
    return p + 1 + digits(l, p + 1, "0123456789");
}

static size_t float_end(const struct lexer *l, size_t p)
{
    size_t whole = decimal(l, p), fraction = whole, exponent;

    if (p && l->src[p - 1] == '.')
        return 0;
    if (sees(l, whole, ".") && (fraction = decimal(l, whole + 1)) == whole + 1)
        fraction = whole;
    exponent = fraction;
    if (sees(l, exponent, "e") || sees(l, exponent, "E")) {
        size_t q = exponent + 1;
        if (sees(l, q, "+") || sees(l, q, "-"))
            q++;
        if (decimal(l, q) > q)
            return decimal(l, q);
    }
    return fraction > whole ? fraction : 0;
}

static char *without_underscores(struct lexer *l, size_t p, size_t end)
{
    char *text = arena_text(l->arena, end - p + 1), *q = text;

    for (; p < end; p++)
        if (l->src[p] != '_')
            *q++ = l->src[p];
    *q = '\0';
    return text;
}

static void push_int(struct lexer *l, size_t at, const char *text, int base)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, base);

    if (errno && base == 10)
        push(l, T_BIG, at, str_const(l->arena, text));
    else
        push(l, T_INT, at, v_int(v));
}

static void lex_number(struct lexer *l)
{
    static const struct {
        const char *prefix, *set;
        int base;
    } bases[] = {{"0b", "01", 2},
                 {"0B", "01", 2},
                 {"0o", "01234567", 8},
                 {"0O", "01234567", 8},
                 {"0x", "0123456789abcdefABCDEF", 16},
                 {"0X", "0123456789abcdefABCDEF", 16}};
    size_t at = l->at, end = float_end(l, at);

    if (end) {
        push(l, T_FLOAT, at, v_float(strtod(without_underscores(l, at, end), NULL)));
        moved_to(l, end);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        if (sees(l, at, bases[i].prefix) && digits(l, at + 2, bases[i].set)) {
            end = at + 2 + digits(l, at + 2, bases[i].set);
            push_int(l, at, without_underscores(l, at, end) + 2, bases[i].base);
            moved_to(l, end);
            return;
        }
    end = l->src[at] == '0' ? at + 1 + digits(l, at + 1, "0") : decimal(l, at);
    push_int(l, at, without_underscores(l, at, end), 10);
    moved_to(l, end);
}

static int hex_value(const char *p, size_t n, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        const char *digits16 = "0123456789abcdef", *d;
        char c = (char)(p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i]);
        if (!c || !(d = strchr(digits16, c)))
            return 0;
        *ret = *ret * 16 + (uint32_t)(d - digits16);
    }
    return 1;
}

/* Python's escapes. p is behind the backslash; what it stands for goes to *out. */
static bool unescape(struct lexer *l, const char **p, const char *end, char **out)
{
    static const char plain[] = "nrtabfv\\'\"", meant[] = "\n\r\t\a\b\f\v\\'\"";
    const char *found;
    char c = *(*p)++;
    uint32_t cp = 0;
    size_t n;

    if (c == '\n')
        return true;
    if ((found = strchr(plain, c))) {
        *(*out)++ = meant[found - plain];
        return true;
    }
    if (c >= '0' && c <= '7') {
        cp = (uint32_t)(c - '0');
        for (int i = 0; i < 2 && *p < end && **p >= '0' && **p <= '7'; i++)
            cp = cp * 8 + (uint32_t)(*(*p)++ - '0');
        *out += utf8_encode(cp, *out);
        return true;
    }
    n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (n) {
        if ((size_t)(end - *p) < n || !hex_value(*p, n, &cp))
            return fail(l, (size_t)(*p - 2 - l->src), "escape in a string has too few digits");
        if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
            return fail(l, (size_t)(*p - 2 - l->src), "escape in a string is no code point");
        *p += n;
        *out += utf8_encode(cp, *out);
        return true;
    }
    if (c == 'N')
        return fail(l, (size_t)(*p - 2 - l->src), "\\N{…} is not supported");
    *(*out)++ = '\\'; /* an unknown escape is itself */
    *(*out)++ = c;
    return true;
}

static bool lex_string(struct lexer *l)
{
    size_t at = l->at, p = at + 1;
    char quote = l->src[at], *text, *out;
    bool escaped = false;

    for (; p < l->size && l->src[p] != quote; p++)
        if (l->src[p] == '\\') {
            escaped = true;
            p++;
        }
    if (p >= l->size)
        return fail(l, at, "string has no end");
    moved_to(l, p + 1);
    if (!escaped) {
        push(l, T_STRING, at, str_borrow(l->arena, l->src + at + 1, p - at - 1));
        return true;
    }
    /* \ooo may become two bytes of three, never more than it was. */
    out = text = arena_text(l->arena, p - at);
    for (const char *s = l->src + at + 1, *end = l->src + p; s < end;) {
        if (*s != '\\')
            *out++ = *s++;
        else if (s++, !unescape(l, &s, end, &out))
            return false;
    }
    push(l, T_STRING, at, str_borrow(l->arena, text, (size_t)(out - text)));
    return true;
}

static bool lex_operator(struct lexer *l)
{
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        enum token_kind k = operators[i].kind;

        if (!sees(l, l->at, operators[i].text))
            continue;
        if (k == T_LBRACE || k == T_LBRACKET || k == T_LPAREN) {
            l->fault->too_deep = l->n_braces == BRACES_MAX;
            if (l->fault->too_deep)
                return fail(l, l->at, "brackets are nested too deeply");
            l->braces[l->n_braces++] = k == T_LBRACE     ? T_RBRACE
                                       : k == T_LBRACKET ? T_RBRACKET
                                                         : T_RPAREN;
        } else if (k == T_RBRACE || k == T_RBRACKET || k == T_RPAREN) {
            if (!l->n_braces || l->braces[--l->n_braces] != k)
                return fail(l, l->at,
                            arena_printf(l->arena, "'%s' closes nothing", operators[i].text));
        }
        push(l, k, l->at, NONE);
        moved_to(l, l->at + strlen(operators[i].text));
        return true;
    }
    return fail(l, l->at, "character has no meaning here");
}

static size_t name_end(const struct lexer *l, size_t p)
{
    size_t step;

    while (p < l->size) {
        uint32_t cp = text_at(l->src + p, &step);
        if (cp != '_' && !text_is_alnum(cp))
            break;
        p += step;
    }
    return p;
}

static bool lex_tag_token(struct lexer *l)
{
    char c = l->src[l->at];
    size_t end;

    if (c >= '0' && c <= '9') {
        lex_number(l);
        return true;
    }
    if ((end = name_end(l, l->at)) > l->at) {
        push(l, T_NAME, l->at, str_borrow(l->arena, l->src + l->at, end - l->at));
        moved_to(l, end);
        return true;
    }
    return c == '\'' || c == '"' ? lex_string(l) : lex_operator(l);
}

static bool lex_tag(struct lexer *l, bool is_print)
{
    size_t begin = l->at;

    l->n_braces = 0;
    while (l->at < l->size) {
        size_t end = 0;

        if (!l->n_braces) {
            if (!is_print)
                end = tag_end(l, l->at, "%}");
            else if (sees(l, l->at, "-}}"))
                end = past_spaces(l, l->at + 3);
            else if (sees(l, l->at, "}}"))
                end = l->at + 2;
        }
        if (end) {
            push(l, is_print ? T_PRINT_END : T_BLOCK_END, l->at, NONE);
            moved_to(l, end);
            return true;
        }
        size_t spaces = past_spaces(l, l->at);
        if (spaces > l->at)
            moved_to(l, spaces);
        else if (!lex_tag_token(l))
            return false;
    }
    (void)begin;
    return true; /* the parser says what is missing */
}

bool lex(struct arena *arena, const char *source, size_t size, struct tokens *ret,
         struct lex_fault *fault)
{
    struct lexer l = {.arena = arena,
                      .src = source,
                      .size = size,
                      .out = ret,
                      .fault = fault,
                      .line_start = true};

    for (size_t p = 0; p < size; p = l.at) {
        const char *brace = memchr(source + p, '{', size - p);
        size_t end;
        char sign = '\0';
        bool ok = true;

        while (brace && (brace + 1 == source + size || !strchr("{%#", brace[1]) || !brace[1]))
            brace = memchr(brace + 1, '{', (size_t)(source + size - brace - 1));
        if (!brace) {
            push(&l, T_DATA, l.at, str_borrow(arena, source + l.at, size - l.at));
            break;
        }
        size_t tag = (size_t)(brace - source);
        if ((end = raw_begin(&l, tag, "raw", &sign)) &&
            (sees(&l, end, "%}") || sees(&l, end, "-%}"))) {
            push_data(&l, tag, sign, false);
            moved_to(&l, sees(&l, end, "-") ? past_spaces(&l, end + 3) : end + 2);
            ok = lex_raw(&l, tag);
        } else {
            sign = tag + 2 < size && (brace[2] == '-' || brace[2] == '+') ? brace[2] : '\0';
            push_data(&l, tag, sign, brace[1] == '{');
            moved_to(&l, tag + 2 + (sign != '\0'));
            if (brace[1] == '#') {
                ok = lex_comment(&l, tag);
            } else {
                push(&l, brace[1] == '{' ? T_PRINT_BEGIN : T_BLOCK_BEGIN, tag, NONE);
                ok = lex_tag(&l, brace[1] == '{');
            }
        }
        if (!ok)
            return false;
    }
    push(&l, T_EOF, size, NONE);
    return true;
}
