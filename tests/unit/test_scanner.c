/*
 * Every scanner, on every kernel that runs here, against the patterns it stands for, on generated
 * text. An argument is the number
 * of rounds (20 without).
 */
#include "test.h"

#include "base/utf8.h"
#include "tokenizer/pattern.h"
#include "tokenizer/scan_kernel.h"
#include "tokenizer/scanner.h"

#include <stdio.h>

static unsigned rounds = 20;

enum { TEXT_MAX = 1 << 12, SLACK = 64 };

static uint64_t seed = 88172645463325252U;

static uint32_t draw(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 11) % n;
}

/* One of each kind any pattern tells apart, and its neighbours. */
static const char *const alphabet[] = {
    "a",      "B",      "s",      "L",      "'",          "'re",        "1",          " ",
    "\n",     "\r",     "\t",     "!",      "/",          "\u00e9",     "\u00c9",     "\u01c5",
    "\u0301", "\u0903", "\u00b2", "\u0663", "\u00a0",     "\u3000",     "\xc2\x85",   "\u65e5",
    "\u306e", "\u30fb", "\u309b", "\u3099", "\u3040",     "\u3007",     "\u2e80",     "\u2014",
    "\u20ac", "\u017f", "\x01",   "\u200d", "\U0001f600", "\U00011de0", "\U0010ffff", "\u02b0",
    "'LL",    "  ",     "the ",   "word",   "\r\n",       "Ab",         "12345",      "\u0378",
};
/* The first of these are enough for all short texts. */
enum { N_CRITICAL = 13, CRITICAL_LENGTH = 4 };

/* ---- a sequence of Splits, as the reference does it */

struct cuts {
    uint8_t at[TEXT_MAX + 1]; /* a piece ends here */
};

struct reference {
    struct pattern *patterns[4];
    size_t n;
    struct pattern_scratch *scratch;
};

static void cut_piece(const struct reference *r, size_t k, const char *text, size_t begin,
                      size_t end, struct cuts *cuts)
{
    struct pattern_cursor cursor = {0};
    struct span span;
    size_t last = 0;

    cuts->at[end] = 1;
    if (k == r->n || begin == end)
        return;
    while (pattern_next(r->patterns[k], text + begin, end - begin, r->scratch, &cursor, &span) ==
           PATTERN_MATCH) {
        cut_piece(r, k + 1, text, begin + last, begin + span.start, cuts);
        cut_piece(r, k + 1, text, begin + span.start, begin + span.end, cuts);
        last = span.end;
    }
    cut_piece(r, k + 1, text, begin + last, end, cuts);
}

static void assert_cut(const char *name, const struct cuts *cuts, const uint32_t *ends, size_t n,
                       const char *text, size_t size)
{
    size_t k = 0;

    for (size_t i = 1; i <= size; i++) {
        bool is = k < n && ends[k] == i;

        if (is != cuts->at[i])
            fail_msg("%s, at byte %zu of %zu: %.*s", name, i, size, (int)size, text);
        k += is;
    }
    assert_int_equal(k, n);
}

static void assert_same(const struct scanner *s, const struct reference *r, const char *text,
                        size_t size)
{
    static struct cuts cuts;
    static uint32_t ends[TEXT_MAX + 64];
    const struct scan_kernel *kernels[SCAN_KERNELS_MAX];
    size_t n_kernels = scan_kernels(kernels);
    char name[64];

    memset(cuts.at, 0, size + 1);
    cut_piece(r, 0, text, 0, size, &cuts);
    cuts.at[0] = 0;
    for (size_t i = 0; i < n_kernels; i++) {
        size_t n = kernels[i]->ends[scanner_family(s)]((const uint8_t *)text, size, 0, ends,
                                                       ARRAY_SIZE(ends));

        snprintf(name, sizeof(name), "%s (%s)", scanner_name(s), kernels[i]->name);
        assert_cut(name, &cuts, ends, n, text, size);
    }
}

/* ---- the known sequences */

struct known {
    struct tokenizer_spec spec;
    struct pretokenizer steps[5];
    size_t n;
    struct reference reference;
    const struct scanner *scanner;
};

static const char gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static void add_split(struct known *k, const char *pattern)
{
    k->steps[k->n++] = (struct pretokenizer){
        .kind = SPLIT_PATTERN,
        .pattern = {.what = {spec_text(&k->spec, pattern, strlen(pattern)), true},
                    .behavior = BEHAVIOR_ISOLATED}};
}

static void add_pattern(struct known *k, const char *pattern)
{
    AUTO_ERR struct err err = {0};

    if (!pattern_compile(pattern, strlen(pattern), &k->reference.patterns[k->reference.n++], &err))
        fail_msg("%s", err.msg);
}

static void close_known(struct known *k)
{
    for (size_t i = 0; i < k->reference.n; i++)
        pattern_free(k->reference.patterns[i]);
    pattern_scratch_free(k->reference.scratch);
    tokenizer_spec_release(&k->spec);
}

/* patterns: Splits, then NULL. */
static void open_known(struct known *k, bool digits, const char *const *patterns, bool byte_level)
{
    *k = (struct known){0};
    k->reference.scratch = pattern_scratch_new();
    if (digits) {
        k->steps[k->n++] = (struct pretokenizer){.kind = SPLIT_DIGITS, .individual_digits = true};
        add_pattern(k,
                    "[\\p{N}\\x{11de0}-\\x{11de9}]"); /* what Unicode 17 adds, as far as tested */
    }
    for (; *patterns; patterns++) {
        add_split(k, *patterns);
        add_pattern(k, *patterns);
    }
    k->steps[k->n++] =
        (struct pretokenizer){.kind = SPLIT_BYTE_LEVEL, .byte_level = {.use_regex = byte_level}};
    if (byte_level)
        add_pattern(k, gpt2);
    k->scanner = scanner_find(&k->spec, k->steps, k->n);
    assert_non_null(k->scanner);
}

static const struct {
    bool digits, byte_level;
    const char *patterns[4];
} sequences[] = {
    {false, true, {NULL}},
    {true, true, {NULL}},
    {false, false, {gpt2}},
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define REST         "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    {false,
     false,
     {CONTRACTIONS
      "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" REST}},
    {false,
     false,
     {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" REST}},
    {false,
     false,
     {CONTRACTIONS
      "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" REST}},
    {false,
     false,
     {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| "
      "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"}},
    {false,
     false,
     {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| "
      "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"}},
#define WORD(u, l)                                                                                \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]" u "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}" \
    "]" l
    {false,
     false,
     {WORD("*", "+") CONTRACTIONS "?|" WORD("+", "*") CONTRACTIONS
      "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" REST}},
    {false,
     false,
     {WORD("*", "+") "|" WORD("+", "*") "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" REST}},
#define HAN_WORD(u, l)                                                          \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]" u \
    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]" l
    {false,
     false,
     {"[\\p{Han}]+|" HAN_WORD("*", "+") CONTRACTIONS "?|" HAN_WORD("+", "*") CONTRACTIONS
      "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" REST}},
    {false,
     false,
     {"\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
      "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"}},
};

/* ---- texts */

static size_t make_text(char *text, uint32_t n_parts)
{
    uint32_t only = draw(3) ? 0 : 1 + draw(5); /* few kinds make long runs */
    const char *few[5];
    size_t size = 0;

    for (uint32_t i = 0; i < only; i++)
        few[i] = alphabet[draw(ARRAY_SIZE(alphabet))];
    for (uint32_t i = 0; i < n_parts && size + 16 < TEXT_MAX; i++) {
        const char *part = only ? few[draw(only)] : alphabet[draw(ARRAY_SIZE(alphabet))];
        uint32_t c = draw(16) ? 0xD800 : draw(0x110000);

        if (c < 0xD800 || c > 0xDFFF) {
            size += utf8_encode(c, text + size);
        } else {
            memcpy(text + size, part, strlen(part));
            size += strlen(part);
        }
    }
    return size;
}

static void for_every_sequence(void (*test)(const struct known *k))
{
    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
        struct known k;

        open_known(&k, sequences[i].digits, sequences[i].patterns, sequences[i].byte_level);
        test(&k);
        close_known(&k);
    }
}

static void try_short(const struct known *k)
{
    char text[CRITICAL_LENGTH * 4 + SLACK];
    unsigned n = 1;

    for (unsigned length = 1; length <= CRITICAL_LENGTH; length++) {
        n *= N_CRITICAL;
        for (unsigned i = 0; i < n; i++) {
            size_t size = 0;

            for (unsigned j = 0, rest = i; j < length; j++, rest /= N_CRITICAL) {
                const char *part = alphabet[rest % N_CRITICAL];

                memcpy(text + size, part, strlen(part));
                size += strlen(part);
            }
            assert_same(k->scanner, &k->reference, text, size);
        }
    }
}

static void all_short_texts_are_cut_as_the_patterns_do(void **state)
{
    (void)state;
    for_every_sequence(try_short);
}

static void try_random(const struct known *k)
{
    static char text[TEXT_MAX + SLACK];

    for (unsigned i = 0; i < rounds * 10; i++)
        assert_same(k->scanner, &k->reference, text, make_text(text, 1 + draw(i % 10 ? 30 : 400)));
}

static void random_texts_are_cut_as_the_patterns_do(void **state)
{
    (void)state;
    for_every_sequence(try_random);
}

/* Whatever stands around the edge of a block of 64 bytes. */
static void try_edges(const struct known *k)
{
    static char text[TEXT_MAX + SLACK];
    static const char *const fillers[] = {"a", "a ", "1", " ", "\n", "!", "Ab ", "x's"};

    for (unsigned i = 0; i < rounds * 20; i++) {
        const char *filler = fillers[draw(ARRAY_SIZE(fillers))];
        size_t size = 0, before = 40 + draw(50);

        while (size < before) {
            memcpy(text + size, filler, strlen(filler));
            size += strlen(filler);
        }
        size += make_text(text + size, 1 + draw(8));
        for (size_t j = draw(90); j > 0; j--)
            text[size++] = filler[0];
        assert_same(k->scanner, &k->reference, text, size);
    }
}

static void the_edges_of_blocks_are_cut_as_the_patterns_do(void **state)
{
    (void)state;
    for_every_sequence(try_edges);
}

/* The halves of a text cut at a safe place give the pieces of the whole. */
static void try_safe_cuts(const struct known *k)
{
    static char text[TEXT_MAX + SLACK], half[TEXT_MAX + SLACK];
    static uint32_t whole[TEXT_MAX + SLACK], ends[TEXT_MAX + SLACK];

    for (unsigned i = 0; i < rounds * 10; i++) {
        size_t size = make_text(text, 60);
        size_t at = scanner_safe_cut(k->scanner, text, size, 0, draw((uint32_t)size + 1));
        size_t n = scanner_ends(k->scanner, text, size, 0, whole, TEXT_MAX + SLACK), m;

        if (!at)
            continue;
        memcpy(half, text, at);
        m = scanner_ends(k->scanner, half, at, 0, ends, TEXT_MAX + SLACK);
        assert_true(m <= n);
        assert_memory_equal(whole, ends, m * sizeof(*ends));
        assert_int_equal(ends[m - 1], at);
    }
}

static void a_safe_cut_changes_no_piece(void **state)
{
    (void)state;
    for_every_sequence(try_safe_cuts);
}

static void few_ends_at_a_time_are_the_same_as_all(void **state)
{
    static char text[TEXT_MAX + SLACK];
    uint32_t all[TEXT_MAX + SLACK], one[3];
    struct known k;

    (void)state;
    open_known(&k, false, sequences[3].patterns, false);
    for (unsigned i = 0; i < rounds; i++) {
        size_t size = make_text(text, 300), at = 0, seen = 0;
        size_t n = scanner_ends(k.scanner, text, size, 0, all, TEXT_MAX + SLACK), m;

        while ((m = scanner_ends(k.scanner, text, size, at, one, 3)) > 0) {
            assert_memory_equal(one, all + seen, m * sizeof(*one));
            seen += m;
            at = one[m - 1];
        }
        assert_int_equal(seen, n);
    }
    close_known(&k);
}

static void an_unknown_pattern_has_no_scanner(void **state)
{
    struct known k = {0};

    (void)state;
    add_split(&k, "\\p{L}+|.");
    assert_null(scanner_find(&k.spec, k.steps, k.n));
    tokenizer_spec_release(&k.spec);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_short_texts_are_cut_as_the_patterns_do),
        cmocka_unit_test(random_texts_are_cut_as_the_patterns_do),
        cmocka_unit_test(the_edges_of_blocks_are_cut_as_the_patterns_do),
        cmocka_unit_test(a_safe_cut_changes_no_piece),
        cmocka_unit_test(few_ends_at_a_time_are_the_same_as_all),
        cmocka_unit_test(an_unknown_pattern_has_no_scanner),
    };

    if (argc > 1)
        rounds = (unsigned)strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
