#include "tokenizer/scanner.h"

#include "tokenizer/scan_family.h"
#include "tokenizer/scan_kernel.h"

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define WHITE        "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPERS       "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWERS       "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define LEAD         "[^\\r\\n\\p{L}\\p{N}]?"
#define SYMBOLS      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
#define SYMBOLS_PATH " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*"
#define NOT_HAN      "&&[^\\p{Han}]]"

#define GPT2   "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define LLAMA3 CONTRACTIONS "|" LEAD "\\p{L}+|\\p{N}{1,3}|" SYMBOLS "|" WHITE
#define QWEN2  CONTRACTIONS "|" LEAD "\\p{L}+|\\p{N}|" SYMBOLS "|" WHITE
#define QWEN3_5 \
    CONTRACTIONS "|" LEAD "[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" WHITE
/* Oniguruma has no possessive {1,3}+: it is ({1,3})+, numbers of any length. */
#define CL100K                                                           \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| " \
    "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"
#define CL100K_2                                                           \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| " \
    "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"
#define O200K                                                                            \
    LEAD UPPERS "*" LOWERS "+" CONTRACTIONS "?|" LEAD UPPERS "+" LOWERS "*" CONTRACTIONS \
                "?|\\p{N}{1,3}|" SYMBOLS_PATH "|" WHITE
#define TEKKEN LEAD UPPERS "*" LOWERS "+|" LEAD UPPERS "+" LOWERS "*|\\p{N}|" SYMBOLS_PATH "|" WHITE
#define KIMI                                                                              \
    "[\\p{Han}]+|" LEAD "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}" NOT_HAN                     \
    "*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}" NOT_HAN "+" CONTRACTIONS "?|" LEAD                    \
    "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}" NOT_HAN "+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}" NOT_HAN \
    "*" CONTRACTIONS "?|\\p{N}{1,3}|" SYMBOLS "|" WHITE
#define DEEPSEEK_DIGITS "\\p{N}{1,3}"
#define DEEPSEEK_CJK    "[一-龥぀-ゟ゠-ヿ]+"
#define DEEPSEEK_REST                                                                  \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?" \
    "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"

enum { PATTERNS_MAX = 3 };

struct scanner {
    const char *name;
    const char *patterns[PATTERNS_MAX]; /* one Split each */
    bool digits;                        /* Digits(individual_digits) in front */
    bool byte_level;                    /* ByteLevel's own regex at the end */
    enum scan_family family;
    const struct scan_rules *rules;
};

/* A row per spelling. */
#define RULES(name) .family = FAMILY_##name, .rules = &name##_rules
static const struct scanner scanners[] = {
    {"gpt2", {0}, .byte_level = true, RULES(gpt2)},
    {"gpt2 pattern", {GPT2}, RULES(gpt2)},
    {"digits, gpt2", {0}, .digits = true, .byte_level = true, RULES(digits_gpt2)},
    {"llama3", {LLAMA3}, RULES(llama3)},
    {"cl100k", {CL100K}, RULES(llama3)},
    {"cl100k possessive", {CL100K_2}, RULES(cl100k_2)},
    {"qwen2", {QWEN2}, RULES(qwen2)},
    {"qwen3.5", {QWEN3_5}, RULES(qwen3_5)},
    {"o200k", {O200K}, RULES(o200k)},
    {"tekken", {TEKKEN}, RULES(tekken)},
    {"kimi", {KIMI}, RULES(kimi)},
    {"deepseek", {DEEPSEEK_DIGITS, DEEPSEEK_CJK, DEEPSEEK_REST}, RULES(deepseek)},
};

static bool is_split(const struct tokenizer_spec *s, const struct pretokenizer *step,
                     const char *pattern, bool last)
{
    const struct matcher *m = &step->pattern.what;
    bool isolated = step->pattern.behavior == BEHAVIOR_ISOLATED && !step->pattern.invert;
    /* The same, where the pattern leaves nothing out: the known ones that stand alone do not. */
    bool kept = step->pattern.behavior == BEHAVIOR_REMOVED && step->pattern.invert && last;

    return step->kind == SPLIT_PATTERN && m->regex && (isolated || kept) &&
           m->pattern.size == strlen(pattern) &&
           memcmp(spec_str(s, m->pattern), pattern, m->pattern.size) == 0;
}

static bool scanner_is(const struct scanner *scanner, const struct tokenizer_spec *s,
                       const struct pretokenizer *step, size_t n)
{
    size_t i = 0;

    if (scanner->digits) {
        if (i >= n || step[i].kind != SPLIT_DIGITS || !step[i].individual_digits)
            return false;
        i++;
    }
    for (size_t k = 0; k < PATTERNS_MAX && scanner->patterns[k]; k++, i++)
        if (i >= n || !is_split(s, &step[i], scanner->patterns[k], !scanner->patterns[1]))
            return false;
    /* ByteLevel's prefix space goes in front of every piece it gets: with steps before it, that
     * is another text than the one which is cut. */
    if (i < n && step[i].kind == SPLIT_BYTE_LEVEL &&
        step[i].byte_level.use_regex == scanner->byte_level &&
        (i == 0 || !step[i].byte_level.add_prefix_space))
        return i + 1 == n;
    return i == n && !scanner->byte_level;
}

const struct scanner *scanner_find(const struct tokenizer_spec *spec_strings,
                                   const struct pretokenizer *steps, size_t n_steps)
{
    for (size_t i = 0; i < ARRAY_SIZE(scanners); i++)
        if (scanner_is(&scanners[i], spec_strings, steps, n_steps))
            return &scanners[i];
    return NULL;
}

enum scan_family scanner_family(const struct scanner *s) { return s->family; }

const char *scanner_name(const struct scanner *s) { return s->name; }

size_t scanner_ends(const struct scanner *s, const char *text, size_t size, size_t at,
                    uint32_t *ends, size_t max)
{
    return scan_kernel()->ends[s->family]((const uint8_t *)text, size, at, ends, max);
}

/*
 * Between a letter and a space, a punctuation character or a symbol that is no
 * apostrophe every known pattern cuts, whatever is around them; a number and a
 * space likewise. No alternative that ends there looks further.
 */
static bool is_safe(const struct scanner *s, const uint8_t *t, size_t size, size_t before,
                    size_t at)
{
    size_t next;
    enum scan_class a = scan_char(t, size, before, &next, s->rules->cjk);
    enum scan_class b = scan_char(t, size, at, &next, s->rules->cjk);

    if (t[at] == '\'')
        return false;
    return (scan_in(a, SCAN_L) &&
            scan_in(b, SCAN_Z | SCAN_BIT(SCAN_PUNCT) | SCAN_BIT(SCAN_SYMBOL))) ||
           (scan_in(a, SCAN_N) && scan_in(b, SCAN_Z));
}

size_t scanner_safe_cut(const struct scanner *s, const char *text, size_t size, size_t from,
                        size_t at)
{
    enum { REACH = 1 << 16 };
    const uint8_t *t = (const uint8_t *)text;
    size_t low = at > REACH + from ? at - REACH : from;

    if (at >= size)
        at = size ? size - 1 : 0;
    for (; at > low; at--) {
        size_t before = at - 1;

        if ((t[at] & 0xC0) == 0x80)
            continue;
        while (before > 0 && (t[before] & 0xC0) == 0x80)
            before--;
        if (is_safe(s, t, size, before, at))
            return at;
    }
    return 0;
}
