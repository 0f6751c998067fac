/* The member "pre_tokenizer" of a tokenizer.json. */
#include "tokenizer/load_fields.h"

static const char *const behaviors[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous", NULL};

static struct pretokenizer *push(struct loader *l, unsigned kind)
{
    if (l->spec->n_pretokenizers == STEPS_MAX) {
        load_refuse(l, ERR_FILE_CORRUPT, "more than %d pre-tokenizers", STEPS_MAX);
        return NULL;
    }
    struct pretokenizer *p = LOAD_PUSH(l->spec->pretokenizers, l->spec->n_pretokenizers);
    p->kind = kind;
    return p;
}

static bool plain(struct loader *l, unsigned kind)
{
    return json_read_skip(&l->r) && push(l, kind);
}

static bool byte_level(struct loader *l, unsigned kind)
{
    bool prefix = true, trim = true, regex = true;
    struct field fields[] = {
        {"add_prefix_space", FIELD_BOOL, .ret = &prefix},
        {"trim_offsets", FIELD_BOOL, .ret = &trim},
        {"use_regex", FIELD_BOOL, FIELD_OPTIONAL, &regex},
    };
    struct pretokenizer *p;

    if (!load_fields(l, "ByteLevel", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->byte_level.add_prefix_space = prefix;
    p->byte_level.trim_offsets = trim;
    p->byte_level.use_regex = regex;
    return true;
}

bool load_metaspace(struct loader *l, struct metaspace *ret)
{
    static const char *const schemes[] = {"always", "first", "never", NULL};
    bool prefix = true;
    unsigned scheme = PREPEND_ALWAYS;
    struct metaspace m = {.split = true};
    struct text str_rep;
    struct field fields[] = {
        {"replacement", FIELD_CHARACTER, .ret = &m.replacement},
        {"prepend_scheme", FIELD_CHOICE, FIELD_OPTIONAL, &scheme, schemes},
        {"split", FIELD_BOOL, FIELD_OPTIONAL | FIELD_NULLABLE, &m.split},
        /* Before prepend_scheme there was only this. */
        {"add_prefix_space", FIELD_BOOL, FIELD_OPTIONAL | FIELD_NULLABLE, &prefix},
        {"str_rep", FIELD_TEXT, FIELD_OPTIONAL | FIELD_NULLABLE, &str_rep},
    };

    if (!load_fields(l, "Metaspace", fields, ARRAY_SIZE(fields)))
        return false;
    if (!prefix && scheme != PREPEND_NEVER)
        return load_refuse(l, ERR_FILE_CORRUPT,
                           "Metaspace: add_prefix_space is false, but prepend_scheme is \"%s\"",
                           schemes[scheme]);
    m.scheme = scheme;
    *ret = m;
    return true;
}

static bool metaspace(struct loader *l, unsigned kind)
{
    struct metaspace m;
    struct pretokenizer *p;

    if (!load_metaspace(l, &m) || !(p = push(l, kind)))
        return false;
    p->metaspace = m;
    return true;
}

static bool delimiter(struct loader *l, unsigned kind)
{
    uint32_t c = 0;
    struct field fields[] = {{"delimiter", FIELD_CHARACTER, .ret = &c}};
    struct pretokenizer *p;

    if (!load_fields(l, "CharDelimiterSplit", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->delimiter = c;
    return true;
}

static bool pattern(struct loader *l, unsigned kind)
{
    struct matcher what = {0};
    unsigned behavior = 0;
    bool invert = false;
    struct field fields[] = {
        {"pattern", FIELD_MATCHER, .ret = &what},
        {"behavior", FIELD_CHOICE, .ret = &behavior, .names = behaviors},
        {"invert", FIELD_BOOL, .ret = &invert},
    };
    struct pretokenizer *p;

    if (!load_fields(l, "Split", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->pattern.what = what;
    p->pattern.behavior = behavior;
    p->pattern.invert = invert;
    return true;
}

static bool punctuation(struct loader *l, unsigned kind)
{
    unsigned behavior = BEHAVIOR_ISOLATED;
    struct field fields[] = {
        {"behavior", FIELD_CHOICE, FIELD_OPTIONAL, &behavior, behaviors},
    };
    struct pretokenizer *p;

    if (!load_fields(l, "Punctuation", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->punctuation = behavior;
    return true;
}

static bool digits(struct loader *l, unsigned kind)
{
    bool individual = false;
    struct field fields[] = {{"individual_digits", FIELD_BOOL, .ret = &individual}};
    struct pretokenizer *p;

    if (!load_fields(l, "Digits", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->individual_digits = individual;
    return true;
}

static bool fixed_length(struct loader *l, unsigned kind)
{
    uint32_t length = 5;
    struct field fields[] = {{"length", FIELD_COUNT, FIELD_OPTIONAL, &length}};
    struct pretokenizer *p;

    if (!load_fields(l, "FixedLength", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->fixed_length = length;
    return true;
}

static bool one(struct loader *l);

static bool items(struct loader *l, void *ret)
{
    (void)ret;
    return load_array(l, STEPS_MAX, one);
}

static bool sequence(struct loader *l, unsigned kind)
{
    struct field fields[] = {{"pretokenizers", FIELD_PART, .part = items}};

    (void)kind;
    return load_fields(l, "Sequence", fields, ARRAY_SIZE(fields));
}

static const struct component components[] = {
    {"BertPreTokenizer", plain, SPLIT_BERT},
    {"ByteLevel", byte_level, SPLIT_BYTE_LEVEL},
    {"CharDelimiterSplit", delimiter, SPLIT_CHAR_DELIMITER},
    {"Metaspace", metaspace, SPLIT_METASPACE},
    {"Whitespace", plain, SPLIT_WHITESPACE},
    {"Sequence", sequence, 0},
    {"Split", pattern, SPLIT_PATTERN},
    {"Punctuation", punctuation, SPLIT_PUNCTUATION},
    {"WhitespaceSplit", plain, SPLIT_WHITESPACE_SPLIT},
    {"Digits", digits, SPLIT_DIGITS},
    {"UnicodeScripts", plain, SPLIT_UNICODE_SCRIPTS},
    {"FixedLength", fixed_length, SPLIT_FIXED_LENGTH},
};

static bool one(struct loader *l)
{
    return load_component(l, "a pre-tokenizer", components, ARRAY_SIZE(components), NULL, 0);
}

bool load_pretokenizer(struct loader *l) { return load_null(l) || one(l); }
