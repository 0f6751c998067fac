/* The member "normalizer" of a tokenizer.json. */
#include "tokenizer/load_base64.h"
#include "tokenizer/load_fields.h"

static struct normalizer *push(struct loader *l, unsigned kind)
{
    if (l->spec->n_normalizers == STEPS_MAX) {
        load_refuse(l, ERR_FILE_CORRUPT, "more than %d normalizers", STEPS_MAX);
        return NULL;
    }
    struct normalizer *n = LOAD_PUSH(l->spec->normalizers, l->spec->n_normalizers);
    n->kind = kind;
    return n;
}

static bool plain(struct loader *l, unsigned kind)
{
    return json_read_skip(&l->r) && push(l, kind);
}

static bool strip(struct loader *l, unsigned kind)
{
    bool left = false, right = false;
    struct field fields[] = {
        {"strip_left", FIELD_BOOL, .ret = &left},
        {"strip_right", FIELD_BOOL, .ret = &right},
    };
    struct normalizer *n;

    if (!load_fields(l, "Strip", fields, ARRAY_SIZE(fields)) || !(n = push(l, kind)))
        return false;
    n->strip.left = left;
    n->strip.right = right;
    return true;
}

static bool replace(struct loader *l, unsigned kind)
{
    struct matcher what = {0};
    struct text with = {0};
    struct field fields[] = {
        {"pattern", FIELD_MATCHER, .ret = &what},
        {"content", FIELD_TEXT, .ret = &with},
    };
    struct normalizer *n;

    if (!load_fields(l, "Replace", fields, ARRAY_SIZE(fields)) || !(n = push(l, kind)))
        return false;
    n->replace.what = what;
    n->replace.with = with;
    return true;
}

static bool prepend(struct loader *l, unsigned kind)
{
    struct text t = {0};
    struct field fields[] = {{"prepend", FIELD_TEXT, .ret = &t}};
    struct normalizer *n;

    if (!load_fields(l, "Prepend", fields, ARRAY_SIZE(fields)) || !(n = push(l, kind)))
        return false;
    n->prepend = t;
    return true;
}

static bool bert(struct loader *l, unsigned kind)
{
    struct normalizer *n;
    bool clean = true, chinese = true, accents = false, lower = true;
    struct field fields[] = {
        {"clean_text", FIELD_BOOL, .ret = &clean},
        {"handle_chinese_chars", FIELD_BOOL, .ret = &chinese},
        {"lowercase", FIELD_BOOL, .ret = &lower},
        {"strip_accents", FIELD_BOOL, FIELD_NULLABLE, &accents},
    };
    struct json_mark mark = json_read_mark(&l->r);

    /* strip_accents follows lowercase when it is null, so lowercase has to be known first. */
    if (!load_fields(l, "BertNormalizer", fields, ARRAY_SIZE(fields)))
        return false;
    accents = lower;
    json_read_again(&l->r, mark);
    if (!load_fields(l, "BertNormalizer", fields, ARRAY_SIZE(fields)) || !(n = push(l, kind)))
        return false;
    n->bert.clean_text = clean;
    n->bert.handle_chinese_chars = chinese;
    n->bert.strip_accents = accents;
    n->bert.lowercase = lower;
    return true;
}

static bool charsmap(struct loader *l, void *ret)
{
    struct text *t = ret;
    struct slice s;

    if (!json_read_text(&l->r, &s))
        return false;
    struct buf *strings = &l->spec->strings;
    *t = (struct text){(uint32_t)strings->size, 0};
    if (!base64_decode(s.data, s.size, strings))
        return json_read_fault(&l->r, "precompiled_charsmap is not base64");
    t->size = (uint32_t)(strings->size - t->at);
    return true;
}

static bool precompiled(struct loader *l, unsigned kind)
{
    struct text t = {0};
    struct field fields[] = {
        {"precompiled_charsmap", FIELD_PART, .ret = &t, .part = charsmap},
    };
    struct normalizer *n;

    if (!load_fields(l, "Precompiled", fields, ARRAY_SIZE(fields)) || !(n = push(l, kind)))
        return false;
    n->charsmap.map = t;
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
    struct field fields[] = {{"normalizers", FIELD_PART, .part = items}};

    (void)kind;
    return load_fields(l, "Sequence", fields, ARRAY_SIZE(fields));
}

static const struct component components[] = {
    {"BertNormalizer", bert, NORMALIZE_BERT},
    {"Strip", strip, NORMALIZE_STRIP},
    {"StripAccents", plain, NORMALIZE_STRIP_ACCENTS},
    {"NFC", plain, NORMALIZE_NFC},
    {"NFD", plain, NORMALIZE_NFD},
    {"NFKC", plain, NORMALIZE_NFKC},
    {"NFKD", plain, NORMALIZE_NFKD},
    {"Sequence", sequence, 0},
    {"Lowercase", plain, NORMALIZE_LOWERCASE},
    {"Nmt", plain, NORMALIZE_NMT},
    {"Precompiled", precompiled, NORMALIZE_PRECOMPILED},
    {"Replace", replace, NORMALIZE_REPLACE},
    {"Prepend", prepend, NORMALIZE_PREPEND},
    {"ByteLevel", plain, NORMALIZE_BYTE_LEVEL},
};

static const struct shape shapes[] = {
    {"clean_text", {"BertNormalizer", bert, NORMALIZE_BERT}},
    {"strip_left", {"Strip", strip, NORMALIZE_STRIP}},
    {"normalizers", {"Sequence", sequence, 0}},
    {"pattern", {"Replace", replace, NORMALIZE_REPLACE}},
    {"prepend", {"Prepend", prepend, NORMALIZE_PREPEND}},
};

static bool one(struct loader *l)
{
    return load_component(l, "a normalizer", components, ARRAY_SIZE(components), shapes,
                          ARRAY_SIZE(shapes));
}

bool load_normalizer(struct loader *l) { return load_null(l) || one(l); }
