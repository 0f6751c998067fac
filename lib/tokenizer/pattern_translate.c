#include "tokenizer/pattern_translate.h"

#include "tokenizer/char_set.h"

#include <ctype.h>

enum {
    DEPTH_MAX = 200,
    REPEAT_MAX = 65535, /* PCRE2's */
    LITERAL_MAX = 256,  /* characters folded together */
    SIZE_MAX_TEXT = 1 << 16,
};

struct options {
    bool ignore_case, dot_all, extended;
};

struct translator {
    const uint8_t *t;
    size_t size, at;
    struct buf *out;
    struct pattern_source *ret;
    struct err *err;
    unsigned depth;
    bool has_names, has_references;
    unsigned n_groups;
    /* Characters that stand together where case is ignored, not yet printed. */
    uint32_t literal[LITERAL_MAX];
    size_t n_literal, literal_at;
};

static bool refuse(struct translator *p, size_t at, const char *what)
{
    return err_set(p->err, ERR_COMBINATION, "regex: offset %zu: %s", at, what);
}

static int peek(const struct translator *p, size_t ahead)
{
    return p->at + ahead < p->size ? p->t[p->at + ahead] : -1;
}

static bool looking_at(const struct translator *p, const char *s)
{
    size_t n = strlen(s);

    return p->size - p->at >= n && memcmp(p->t + p->at, s, n) == 0;
}

static uint32_t next_point(struct translator *p)
{
    const uint8_t *t = p->t + p->at;

    if (t[0] < 0x80) {
        p->at++;
        return t[0];
    }
    if (t[0] < 0xE0) {
        p->at += 2;
        return (uint32_t)(t[0] & 31) << 6 | (t[1] & 63);
    }
    if (t[0] < 0xF0) {
        p->at += 3;
        return (uint32_t)(t[0] & 15) << 12 | (uint32_t)(t[1] & 63) << 6 | (t[2] & 63);
    }
    p->at += 4;
    return (uint32_t)(t[0] & 7) << 18 | (uint32_t)(t[1] & 63) << 12 | (uint32_t)(t[2] & 63) << 6 |
           (t[3] & 63);
}

/* ---- escapes that both stand alone and in classes */

static bool read_digits(struct translator *p, int base, unsigned min, unsigned max, uint32_t *ret)
{
    uint32_t value = 0;
    unsigned n = 0;

    while (n < max && p->at < p->size) {
        int c = p->t[p->at];
        int digit = c >= '0' && c <= '9' ? c - '0' : isxdigit(c) ? (c | 0x20) - 'a' + 10 : 99;

        if (digit >= base)
            break;
        value = value * (uint32_t)base + (uint32_t)digit;
        p->at++;
        n++;
    }
    *ret = value;
    return n >= min;
}

/* \x41 \x{41} \u0041 \101 \o{101}; p->at is behind the letter. */
static bool read_number_escape(struct translator *p, size_t begin, int letter, uint32_t *ret)
{
    bool ok;

    if ((letter == 'x' || letter == 'o') && peek(p, 0) == '{') {
        p->at++;
        ok = read_digits(p, letter == 'x' ? 16 : 8, 1, 8, ret) && peek(p, 0) == '}';
        p->at++;
    } else if (letter == 'x') {
        ok = read_digits(p, 16, 1, 2, ret);
    } else if (letter == 'u') {
        ok = read_digits(p, 16, 4, 4, ret);
    } else {
        p->at--;
        ok = letter != 'o' && read_digits(p, 8, 1, 3, ret);
    }
    if (!ok)
        return refuse(p, begin, "a number of a character is expected");
    if (*ret > CHAR_MAX_POINT || (*ret >= 0xD800 && *ret < 0xE000))
        return refuse(p, begin, "no such character");
    /* \xHH and octals are bytes, of which several may make a character. */
    if (*ret > 0x7F && letter != 'u' && p->t[p->at - 1] != '}')
        return refuse(p, begin, "bytes above 7F are not supported; write \\x{…}");
    return true;
}

/* False in *ret_is when the letter is none of these; then p->at has not moved. */
static bool read_char_escape(struct translator *p, size_t begin, uint32_t *ret, bool *ret_is)
{
    static const char letters[] = "tvnrfae", values[] = "\t\v\n\r\f\a\x1b";
    int c = peek(p, 0);
    const char *hit = c > 0 ? strchr(letters, c) : NULL;

    *ret_is = true;
    if (hit) {
        p->at++;
        *ret = (uint8_t)values[hit - letters];
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'o' || c == '0') {
        p->at++;
        return read_number_escape(p, begin, c, ret);
    }
    *ret_is = c >= 0 && !isalnum(c);
    if (*ret_is)
        *ret = next_point(p);
    return true;
}

/* \p{…} \P{…}; p->at is at the brace. */
static bool read_property(struct translator *p, size_t begin, bool negate, struct char_set *ret)
{
    size_t name, end;

    if (peek(p, 0) != '{')
        return refuse(p, begin, "{ is expected behind \\p");
    name = ++p->at;
    if (peek(p, 0) == '^') {
        negate = !negate;
        name = ++p->at;
    }
    for (end = name; end < p->size && p->t[end] != '}'; end++)
        ;
    if (end == p->size)
        return refuse(p, begin, "} is missing");
    p->at = end + 1;
    if (!char_set_add_named(ret, (const char *)p->t + name, end - name))
        return err_set(p->err, ERR_COMBINATION, "regex: offset %zu: no property %.*s is known",
                       begin, (int)(end - name > 60 ? 60 : end - name), p->t + name);
    if (negate)
        char_set_negate(ret);
    return true;
}

/* \s \w \d \h and their opposites, \p: *ret_is. p->at is behind the backslash. */
static bool read_set_escape(struct translator *p, size_t begin, struct char_set *ret, bool *ret_is)
{
    static const struct {
        char letter;
        const char *name;
    } sets[] = {{'s', "space"}, {'w', "word"}, {'d', "digit"}, {'h', "xdigit"}};
    int c = peek(p, 0);

    *ret_is = true;
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        if (c < 0 || tolower(c) != sets[i].letter)
            continue;
        p->at++;
        char_set_add_named(ret, sets[i].name, strlen(sets[i].name));
        if (isupper(c))
            char_set_negate(ret);
        return true;
    }
    *ret_is = c == 'p' || c == 'P';
    if (!*ret_is)
        return true;
    p->at++;
    return read_property(p, begin, c == 'P', ret);
}

/* ---- classes */

static bool read_class(struct translator *p, struct char_set *ret, bool *ret_negate);

/* [:name:] or [:^name:]; *ret_is false when it is none. */
static bool read_posix(struct translator *p, struct char_set *ret, bool *ret_is)
{
    size_t begin = p->at, name = p->at + 2, end;
    bool negate = peek(p, 2) == '^';

    name += negate;
    for (end = name; end < p->size && isalpha(p->t[end]); end++)
        ;
    *ret_is = end > name && end + 1 < p->size && p->t[end] == ':' && p->t[end + 1] == ']';
    if (!*ret_is)
        return true;
    p->at = end + 2;
    if (!char_set_add_named(ret, (const char *)p->t + name, end - name))
        return refuse(p, begin, "no such POSIX class");
    if (end - name == 5 && memcmp(p->t + name, "punct", 5) == 0)
        char_set_add_named(ret, "S", 1); /* unlike \p{punct} */
    if (negate)
        char_set_negate(ret);
    return true;
}

/* One thing in a class: a character in *ret_c, or a set in ret. */
static bool read_class_item(struct translator *p, struct char_set *ret, uint32_t *ret_c,
                            bool *ret_is_char)
{
    size_t begin = p->at;
    bool is, negate = false;

    *ret_is_char = false;
    if (peek(p, 0) == '[') {
        if (peek(p, 1) == ':') {
            if (!read_posix(p, ret, &is))
                return false;
            if (is)
                return true;
        }
        p->at++;
        if (!read_class(p, ret, &negate))
            return false;
        if (negate)
            char_set_negate(ret);
        return true;
    }
    if (peek(p, 0) != '\\') {
        *ret_is_char = true;
        *ret_c = next_point(p);
        return true;
    }
    p->at++;
    if (!read_set_escape(p, begin, ret, &is))
        return false;
    if (is)
        return true;
    *ret_is_char = true;
    if (peek(p, 0) == 'b') {
        p->at++;
        *ret_c = '\b';
        return true;
    }
    if (!read_char_escape(p, begin, ret_c, &is))
        return false;
    return is || refuse(p, begin, "this escape is not supported in a class");
}

/* An item, or a range of characters, added to ret. */
static bool read_class_part(struct translator *p, struct char_set *ret)
{
    AUTO_CHAR_SET struct char_set set = {0}, unused = {0};
    size_t begin = p->at;
    uint32_t first, last;
    bool is_char;

    if (!read_class_item(p, &set, &first, &is_char))
        return false;
    if (!is_char) {
        char_set_add_all(ret, &set);
        return true;
    }
    last = first;
    if (peek(p, 0) == '-' && peek(p, 1) >= 0 && peek(p, 1) != ']' && peek(p, 1) != '[' &&
        !(peek(p, 1) == '&' && peek(p, 2) == '&')) {
        p->at++;
        if (!read_class_item(p, &unused, &last, &is_char))
            return false;
        if (!is_char)
            return refuse(p, begin, "a range ends in a class of characters");
        if (last < first)
            return refuse(p, begin, "empty range in a class");
    }
    char_set_add(ret, first, last);
    return true;
}

/* Behind the bracket; takes the closing one. Where && stand, each part is a set of its own. */
static bool read_class(struct translator *p, struct char_set *ret, bool *ret_negate)
{
    AUTO_CHAR_SET struct char_set part = {0}, all = {0};
    size_t begin = p->at - 1;
    bool first = true, has_and = false;

    if (++p->depth > DEPTH_MAX)
        return refuse(p, begin, "nested too deeply");
    *ret_negate = peek(p, 0) == '^';
    p->at += *ret_negate;
    for (;; first = false) {
        int c = peek(p, 0);

        if (c < 0)
            return refuse(p, begin, "] is missing");
        if (c == ']' && !first)
            break;
        if (c == ']' && !memchr(p->t + p->at + 1, ']', p->size - p->at - 1))
            return refuse(p, begin, "empty class");
        if (c == '&' && peek(p, 1) == '&') {
            p->at += 2;
            if (has_and)
                char_set_intersect(&all, &part);
            else
                char_set_add_all(&all, &part);
            has_and = true;
            char_set_release(&part);
            continue;
        }
        if (!read_class_part(p, &part))
            return false;
    }
    p->at++;
    p->depth--;
    if (has_and)
        char_set_intersect(&part, &all);
    char_set_add_all(ret, &part);
    return true;
}

/* ---- what is printed */

static void print_char_set_folded(struct translator *p, const uint32_t *c, size_t n)
{
    AUTO_CHAR_SET struct char_set set = {0};

    if (n == 1) {
        char_set_add(&set, *c, *c);
        char_set_close_case(&set);
    } else {
        char_set_add_spelled(&set, c, n);
    }
    char_set_print(&set, p->out);
}

static bool is_spelled(const uint32_t *c, size_t n)
{
    struct case_spelling s;

    for (size_t at = 0; case_spelling_next(&at, &s);)
        if (s.n == n && memcmp(s.to, c, n * sizeof(*c)) == 0)
            return true;
    return false;
}

/* The characters from i on, all of which some character's spelling touches, in every way. */
static bool print_spellings(struct translator *p, const uint32_t *c, size_t n)
{
    bool first = true;

    if (!n)
        return true;
    if (++p->depth > 16)
        return refuse(p, p->literal_at, "too many ways to fold the case of this text");
    buf_append_str(p->out, "(?:");
    for (size_t k = CASE_SPELLING_MAX; k > 0; k--) {
        if (k > n || (k > 1 && !is_spelled(c, k)))
            continue;
        if (!first)
            buf_append_char(p->out, '|');
        first = false;
        print_char_set_folded(p, c, k);
        if (!print_spellings(p, c + k, n - k))
            return false;
    }
    buf_append_char(p->out, ')');
    p->depth--;
    return true;
}

/* How many characters from i on hang together by spellings; 1: none does. */
static size_t cluster(const uint32_t *c, size_t n)
{
    size_t end = 1;

    for (size_t i = 0; i < end && i < n; i++)
        for (size_t k = 2; k <= CASE_SPELLING_MAX && i + k <= n; k++)
            if (is_spelled(c + i, k) && i + k > end)
                end = i + k;
    return end;
}

static bool flush_literal(struct translator *p)
{
    uint32_t folded[CASE_SPELLING_MAX * LITERAL_MAX];
    size_t n = 0, depth = p->depth;

    for (size_t i = 0; i < p->n_literal; i++) {
        struct case_spelling s = case_fold(p->literal[i]);

        for (size_t k = 0; k < s.n; k++)
            folded[n++] = s.to[k];
    }
    p->n_literal = 0;
    for (size_t i = 0; i < n;) {
        size_t k = cluster(folded + i, n - i);

        p->depth = 0;
        if (k == 1)
            print_char_set_folded(p, folded + i, 1);
        else if (!print_spellings(p, folded + i, k))
            return false;
        i += k;
    }
    p->depth = (unsigned)depth;
    return true;
}

static void print_char(struct translator *p, uint32_t c)
{
    if (c < 0x80 && isalnum((int)c))
        buf_append_char(p->out, (char)c);
    else
        buf_printf(p->out, "\\x{%x}", c);
}

/* A set, and where case is ignored the spellings of its members. */
static void print_class(struct translator *p, struct char_set *set, bool negate, bool ignore_case)
{
    AUTO_CHAR_SET struct char_set members = {0};
    struct case_spelling s;

    if (ignore_case) {
        char_set_add_all(&members, set);
        char_set_close_case(set);
        for (size_t at = 0; case_spelling_next(&at, &s);)
            if (char_set_has(&members, s.c))
                char_set_add_spelled(set, s.to, s.n);
    }
    if (negate)
        char_set_negate(set);
    buf_append_str(p->out, "(?:");
    char_set_print(set, p->out);
    for (size_t at = 0; ignore_case && !negate && case_spelling_next(&at, &s);) {
        if (!char_set_has(&members, s.c))
            continue;
        buf_append_char(p->out, '|');
        for (size_t k = 0; k < s.n; k++)
            print_char_set_folded(p, &s.to[k], 1);
    }
    buf_append_char(p->out, ')');
}

/*
 * Oniguruma has a table of its own for word characters below U+0100, by which
 * the six superscripts and fractions are some; classes do not use it.
 */
static void set_word(struct char_set *ret, bool negate)
{
    char_set_release(ret);
    char_set_add_named(ret, "word", 4);
    char_set_add(ret, 0xB2, 0xB3);
    char_set_add(ret, 0xB9, 0xB9);
    char_set_add(ret, 0xBC, 0xBE);
    if (negate)
        char_set_negate(ret);
}

/* \w and \p{Word} by whatever name, and what is not. */
static void widen_word(struct char_set *set)
{
    AUTO_CHAR_SET struct char_set word = {0};

    char_set_add_named(&word, "word", 4);
    for (int negate = 0; negate < 2; negate++) {
        if (word.n == set->n && memcmp(word.items, set->items, set->n * sizeof(*set->items)) == 0) {
            set_word(set, negate);
            return;
        }
        char_set_negate(&word);
    }
}

static void print_word_boundary(struct translator *p, bool negate)
{
    AUTO_CHAR_SET struct char_set word = {0};
    AUTO_BUF struct buf w = {0};

    set_word(&word, false);
    char_set_print(&word, &w);
    if (negate)
        buf_printf(p->out, "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))", w.data, w.data, w.data, w.data);
    else
        buf_printf(p->out, "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))", w.data, w.data, w.data, w.data);
}

/* ---- the grammar */

static bool read_alternatives(struct translator *p, struct options o);

enum atom { ATOM_NONE, ATOM_CHAR, ATOM_OTHER, ATOM_ANCHOR };

/* Escapes that are neither characters nor sets. p->at is behind the backslash. */
static bool read_special_escape(struct translator *p, size_t begin, struct options o,
                                enum atom *ret)
{
    int c = peek(p, 0);

    p->at++;
    *ret = ATOM_ANCHOR;
    switch (c) {
    case 'A':
    case 'z':
    case 'Z':
    case 'G':
        buf_printf(p->out, "\\%c", c);
        return true;
    case 'b':
    case 'B':
        print_word_boundary(p, c == 'B');
        return true;
    default:
        break;
    }
    *ret = ATOM_OTHER;
    switch (c) {
    case 'R':
        buf_append_str(p->out, "(?>\\x{d}\\x{a}|[\\x{a}-\\x{d}\\x{85}\\x{2028}\\x{2029}])");
        return true;
    case 'N':
        buf_append_str(p->out, "[^\\x{a}]");
        return true;
    case 'O':
        buf_append_char(p->out, '.');
        return true;
    default:
        break;
    }
    if (c >= '1' && c <= '9') {
        if (o.ignore_case || p->has_names || isdigit(peek(p, 0) < 0 ? 0 : peek(p, 0)) ||
            (unsigned)(c - '0') > p->n_groups)
            return refuse(p, begin, "this back reference is not supported");
        buf_printf(p->out, "(?:\\g{%c})", c);
        return true;
    }
    if (c < 0)
        return refuse(p, begin, "\\ is the last character");
    if (strchr("XyYKkgcCM", c))
        return refuse(p, begin, "this escape is not supported");
    *ret = ATOM_CHAR; /* a letter that means nothing stands for itself */
    p->literal[p->n_literal++] = (uint32_t)c;
    return true;
}

static bool read_escape(struct translator *p, struct options o, enum atom *ret)
{
    AUTO_CHAR_SET struct char_set set = {0};
    size_t begin = p->at++;
    uint32_t c;
    bool is;

    if (!read_set_escape(p, begin, &set, &is))
        return false;
    if (is) {
        *ret = ATOM_OTHER;
        widen_word(&set);
        char_set_print(&set, p->out);
        return true;
    }
    if (!read_char_escape(p, begin, &c, &is))
        return false;
    if (!is)
        return read_special_escape(p, begin, o, ret);
    *ret = ATOM_CHAR;
    p->literal[p->n_literal++] = c;
    return true;
}

static bool read_body(struct translator *p, size_t begin, struct options o)
{
    if (++p->depth > DEPTH_MAX)
        return refuse(p, begin, "nested too deeply");
    if (!read_alternatives(p, o))
        return false;
    p->depth--;
    if (peek(p, 0) != ')')
        return refuse(p, begin, ") is missing");
    p->at++;
    buf_append_char(p->out, ')');
    return true;
}

/* (?imx-imx) and (?imx-imx:…); p->at is behind the question mark. */
static bool read_options(struct translator *p, size_t begin, struct options o, enum atom *ret)
{
    bool on = true;

    for (;; p->at++) {
        int c = peek(p, 0);

        if (c == '-')
            on = false;
        else if (c == 'i')
            o.ignore_case = on;
        else if (c == 'm')
            o.dot_all = on;
        else if (c == 'x')
            o.extended = on;
        else if (c == ':' || c == ')')
            break;
        else
            return refuse(p, begin, "undefined group option");
    }
    buf_append_str(p->out, "(?:");
    *ret = ATOM_OTHER;
    if (peek(p, 0) == ':') {
        p->at++;
        return read_body(p, begin, o);
    }
    /* Up to the end of the group around it, alternatives included. */
    p->at++;
    *ret = ATOM_ANCHOR;
    if (++p->depth > DEPTH_MAX)
        return refuse(p, begin, "nested too deeply");
    if (!read_alternatives(p, o))
        return false;
    p->depth--;
    buf_append_char(p->out, ')');
    return true;
}

static bool read_named(struct translator *p, size_t begin, struct options o)
{
    while (peek(p, 0) >= 0 && peek(p, 0) != '>')
        p->at++;
    if (peek(p, 0) < 0)
        return refuse(p, begin, "> is missing");
    p->at++;
    buf_append_str(p->out, "(?:");
    return read_body(p, begin, o);
}

static bool read_group(struct translator *p, struct options o, enum atom *ret)
{
    static const struct {
        const char *open;
        bool anchor, behind;
    } kinds[] = {{"(?:", false, false}, {"(?>", false, false}, {"(?=", true, false},
                 {"(?!", true, false},  {"(?<=", true, true},  {"(?<!", true, true}};
    size_t begin = p->at;

    *ret = ATOM_OTHER;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!looking_at(p, kinds[i].open))
            continue;
        p->at += strlen(kinds[i].open);
        if (kinds[i].behind && p->ret->lookbehind == SIZE_MAX)
            p->ret->lookbehind = begin;
        *ret = kinds[i].anchor ? ATOM_ANCHOR : ATOM_OTHER;
        buf_append_str(p->out, kinds[i].open);
        return read_body(p, begin, o);
    }
    if (looking_at(p, "(?#")) {
        while (peek(p, 0) >= 0 && peek(p, 0) != ')')
            p->at += peek(p, 0) == '\\' ? 2 : 1;
        if (peek(p, 0) < 0)
            return refuse(p, begin, ") is missing");
        p->at++;
        *ret = ATOM_NONE;
        return true;
    }
    if (looking_at(p, "(?<") && peek(p, 3) > 0 && (isalpha(peek(p, 3)) || peek(p, 3) == '_'))
        return read_named(p, begin, o);
    if (looking_at(p, "(?") && peek(p, 2) > 0 && (isalpha(peek(p, 2)) || peek(p, 2) == '-')) {
        p->at += 2;
        return read_options(p, begin, o, ret);
    }
    if (looking_at(p, "(?") || looking_at(p, "(*"))
        return refuse(p, begin, "this kind of group is not supported");
    p->at++;
    p->n_groups++;
    buf_append_str(p->out, p->has_references ? "(" : "(?:");
    return read_body(p, begin, o);
}

static bool read_atom(struct translator *p, struct options o, enum atom *ret)
{
    AUTO_CHAR_SET struct char_set set = {0};
    size_t begin = p->at;
    bool negate;

    switch (p->t[p->at]) {
    case '\\':
        return read_escape(p, o, ret);
    case '(':
        return read_group(p, o, ret);
    case '[':
        p->at++;
        *ret = ATOM_OTHER;
        if (!read_class(p, &set, &negate))
            return false;
        print_class(p, &set, negate, o.ignore_case);
        return true;
    case '.':
        p->at++;
        *ret = ATOM_OTHER;
        buf_append_str(p->out, o.dot_all ? "." : "[^\\x{a}]");
        return true;
    case '^':
    case '$':
        buf_append_char(p->out, (char)p->t[p->at++]);
        *ret = ATOM_ANCHOR;
        return true;
    case '*':
    case '+':
    case '?':
        return refuse(p, begin, "there is nothing to repeat");
    default:
        *ret = ATOM_CHAR;
        p->literal[p->n_literal++] = next_point(p);
        return true;
    }
}

struct repeat {
    uint32_t min, max; /* max UINT32_MAX: no bound */
    bool interval;
    size_t size; /* in the pattern; 0: there is none */
};

/* {n} {n,} {,m} {n,m}; anything else is text. */
static bool read_interval(struct translator *p, struct repeat *r)
{
    size_t begin = p->at;
    bool has_min, has_max = false, comma;

    p->at++;
    has_min = read_digits(p, 10, 1, 6, &r->min);
    comma = peek(p, 0) == ',';
    p->at += comma;
    if (comma)
        has_max = read_digits(p, 10, 1, 6, &r->max);
    if (!comma)
        r->max = r->min;
    else if (!has_max)
        r->max = UINT32_MAX;
    if (peek(p, 0) == '}' && (has_min || has_max))
        r->size = p->at + 1 - begin;
    p->at = begin;
    if (r->size && (r->min > REPEAT_MAX || (r->max != UINT32_MAX && r->max > REPEAT_MAX)))
        return refuse(p, begin, "repeats are at most 65535");
    if (r->size && r->min > r->max)
        return refuse(p, begin, "the bounds of a repeat are the wrong way round");
    return true;
}

static bool peek_repeat(struct translator *p, struct repeat *ret)
{
    *ret = (struct repeat){0};
    switch (peek(p, 0)) {
    case '*':
        *ret = (struct repeat){0, UINT32_MAX, false, 1};
        return true;
    case '+':
        *ret = (struct repeat){1, UINT32_MAX, false, 1};
        return true;
    case '?':
        *ret = (struct repeat){0, 1, false, 1};
        return true;
    case '{':
        ret->interval = true;
        return read_interval(p, ret);
    default:
        return true;
    }
}

static void wrap(struct buf *out, size_t at, const char *open)
{
    size_t n = strlen(open), tail = out->size - at;

    buf_append(out, open, n);
    memmove(out->data + at + n, out->data + at, tail);
    memcpy(out->data + at, open, n);
    buf_append_char(out, ')');
}

static void print_repeat(struct translator *p, const struct repeat *r)
{
    if (r->max == UINT32_MAX)
        buf_printf(p->out, "{%u,}", r->min);
    else
        buf_printf(p->out, "{%u,%u}", r->min, r->max);
}

/* What stands behind the atom printed at `at`: one repeat after another. */
static bool read_repeats(struct translator *p, size_t at, enum atom atom)
{
    struct repeat r;
    bool unbounded = false;

    for (;;) {
        size_t begin = p->at;

        if (!peek_repeat(p, &r))
            return false;
        if (!r.size)
            break;
        if (atom == ATOM_ANCHOR || atom == ATOM_NONE)
            return refuse(p, begin, "this cannot be repeated");
        wrap(p->out, at, "(?:");
        p->at += r.size;
        print_repeat(p, &r);
        unbounded |= r.max == UINT32_MAX;
        if (peek(p, 0) == '?' && !(r.interval && r.min == r.max)) {
            p->at++;
            buf_append_char(p->out, '?');
        } else if (peek(p, 0) == '+' && !r.interval) {
            p->at++;
            buf_append_char(p->out, '+');
        }
    }
    if (unbounded)
        buf_append_str(p->out, "(?C1)");
    return true;
}

static void skip_extended(struct translator *p)
{
    for (; p->at < p->size; p->at++) {
        if (p->t[p->at] == '#')
            while (p->at < p->size && p->t[p->at] != '\n')
                p->at++;
        else if (!memchr(" \t\n\v\f\r", p->t[p->at], 6))
            return;
    }
}

/*
 * A character goes to p->literal. Where case is ignored it waits there for its
 * neighbours, unless a repeat is behind it.
 */
static bool read_term(struct translator *p, struct options o)
{
    size_t at, begin = p->at, held = p->n_literal;
    enum atom atom = ATOM_NONE;
    struct repeat r;
    uint32_t c;

    if (!memchr("\\(.[^$", p->t[p->at], 6) && p->t[p->at] < 0x80 && held == 0)
        p->literal_at = begin;
    if (p->t[p->at] != '\\' && memchr("(.[^$", p->t[p->at], 5) && !flush_literal(p))
        return false;
    at = p->out->size;
    if (p->t[p->at] == '\\' && held) {
        /* Printed at once or held, depending on what it is: look before. */
        struct translator ahead = *p;
        AUTO_BUF struct buf unused = {0};

        ahead.out = &unused;
        if (!read_escape(&ahead, o, &atom))
            return false;
        if (atom != ATOM_CHAR && !flush_literal(p))
            return false;
        at = p->out->size;
    }
    if (!read_atom(p, o, &atom))
        return false;
    if (o.extended)
        skip_extended(p);
    if (!peek_repeat(p, &r))
        return false;
    if (atom != ATOM_CHAR)
        return read_repeats(p, at, atom);
    if (o.ignore_case && !r.size && p->n_literal < LITERAL_MAX)
        return true;
    c = p->literal[--p->n_literal];
    if (!flush_literal(p))
        return false;
    at = p->out->size;
    p->literal[p->n_literal++] = c;
    if (o.ignore_case && !flush_literal(p))
        return false;
    if (!o.ignore_case)
        print_char(p, c);
    p->n_literal = 0;
    return read_repeats(p, at, atom);
}

static bool read_alternatives(struct translator *p, struct options o)
{
    for (;;) {
        int c;

        if (o.extended)
            skip_extended(p);
        c = peek(p, 0);
        if (c < 0 || c == ')')
            return flush_literal(p);
        if (c == '|') {
            if (!flush_literal(p))
                return false;
            p->at++;
            buf_append_char(p->out, '|');
        } else if (!read_term(p, o)) {
            return false;
        }
    }
}

/* Whether groups have to be counted, and whether names take that away. */
static void look_ahead(struct translator *p)
{
    for (size_t i = 0; i + 1 < p->size; i++) {
        if (p->t[i] == '\\') {
            i++;
            p->has_references |= p->t[i] >= '1' && p->t[i] <= '9';
        } else if (i + 3 < p->size && memcmp(p->t + i, "(?<", 3) == 0) {
            p->has_names |= p->t[i + 3] != '=' && p->t[i + 3] != '!';
        }
    }
}

bool pattern_translate(const char *text, size_t size, struct pattern_source *ret, struct err *err)
{
    struct translator p = {.t = (const uint8_t *)text, .size = size, .err = err, .ret = ret};

    if (size > SIZE_MAX_TEXT)
        return err_set(err, ERR_COMBINATION, "regex: it has %zu bytes; at most %d are allowed",
                       size, SIZE_MAX_TEXT);
    ret->lookbehind = SIZE_MAX;
    p.out = &ret->text;
    buf_append_str(p.out, "(?C1)");
    look_ahead(&p);
    if (!read_alternatives(&p, (struct options){0}))
        return false;
    if (p.at < p.size)
        return refuse(&p, p.at, ") without (");
    return true;
}
