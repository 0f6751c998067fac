/* tokenizer.json: its top level, and what belongs to no component. */
#include "tokenizer/load_fields.h"
#include "tokenizer/load_files.h"

static bool version(struct loader *l, void *ret)
{
    struct slice s;

    (void)ret;
    if (!json_read_text(&l->r, &s))
        return false;
    if (slice_eq(s, "1.0"))
        return true;
    return load_refuse(l, ERR_COMBINATION, "version \"%.*s\" is not supported, 1.0 is",
                       (int)(s.size < 64 ? s.size : 64), s.data);
}

static bool added_token(struct loader *l)
{
    struct tokenizer_spec *s = l->spec;
    struct added_token t = {0};
    struct field fields[] = {
        {"id", FIELD_COUNT, .ret = &t.id},
        {"content", FIELD_TEXT, .ret = &t.content},
        {"single_word", FIELD_BOOL, .ret = &t.single_word},
        {"lstrip", FIELD_BOOL, .ret = &t.lstrip},
        {"rstrip", FIELD_BOOL, .ret = &t.rstrip},
        {"normalized", FIELD_BOOL, .ret = &t.normalized},
        {"special", FIELD_BOOL, .ret = &t.special},
    };

    if (!load_fields(l, "an added token", fields, ARRAY_SIZE(fields)))
        return false;
    *LOAD_PUSH(s->added, s->n_added) = t;
    return true;
}

bool load_added_tokens(struct loader *l)
{
    l->spec->n_added = 0;
    return load_array(l, ADDED_MAX, added_token);
}

static const char *const sides[] = {
    [SIDE_LEFT] = "Left",
    [SIDE_RIGHT] = "Right",
    NULL,
};

bool load_truncation(struct loader *l)
{
    static const char *const strategies[] = {"LongestFirst", "OnlyFirst", "OnlySecond", NULL};
    struct truncation t = {.set = true};
    unsigned side = SIDE_RIGHT, strategy = 0;
    struct field fields[] = {
        {"direction", FIELD_CHOICE, FIELD_OPTIONAL, &side, sides},
        {"max_length", FIELD_SIZE, .ret = &t.max_length},
        {"strategy", FIELD_CHOICE, .ret = &strategy, .names = strategies},
        {"stride", FIELD_SIZE, .ret = &t.stride},
    };

    l->spec->truncation = (struct truncation){0};
    if (load_null(l))
        return true;
    if (!load_fields(l, "truncation", fields, ARRAY_SIZE(fields)))
        return false;
    t.side = side;
    t.strategy = strategy;
    l->spec->truncation = t;
    return true;
}

/* "BatchLongest" or {"Fixed": n} */
static bool padding_strategy(struct loader *l, void *ret)
{
    struct padding *p = ret;
    struct field fields[] = {{"Fixed", FIELD_SIZE, .ret = &p->length}};
    static const char *const names[] = {"BatchLongest", NULL};
    struct slice s;
    unsigned i;

    p->fixed = json_read_kind(&l->r) == KIND_OBJECT;
    if (p->fixed)
        return load_fields(l, "the padding strategy", fields, ARRAY_SIZE(fields));
    return json_read_text(&l->r, &s) && load_choice(l, "the padding strategy", s, names, &i);
}

bool load_padding(struct loader *l)
{
    struct padding p = {.set = true};
    unsigned side = SIDE_RIGHT;
    struct field fields[] = {
        {"strategy", FIELD_PART, .ret = &p, .part = padding_strategy},
        {"direction", FIELD_CHOICE, .ret = &side, .names = sides},
        {"pad_to_multiple_of", FIELD_SIZE, FIELD_NULLABLE, &p.multiple_of},
        {"pad_id", FIELD_COUNT, .ret = &p.pad_id},
        {"pad_type_id", FIELD_COUNT, .ret = &p.pad_type_id},
        {"pad_token", FIELD_TEXT, .ret = &p.pad_token},
    };

    l->spec->padding = (struct padding){0};
    if (load_null(l))
        return true;
    if (!load_fields(l, "padding", fields, ARRAY_SIZE(fields)))
        return false;
    p.side = side;
    l->spec->padding = p;
    return true;
}

/* ---- the whole */

static bool part(struct loader *l, void *ret)
{
    bool (*const *load)(struct loader *) = ret;

    return (*load)(l);
}

bool load_tokenizer_json(struct slice text, struct tokenizer_spec *s, struct err *err)
{
    static bool (*const loads[])(struct loader *) = {
        load_truncation,   load_padding,       load_added_tokens, load_normalizer,
        load_pretokenizer, load_postprocessor, load_decoder,      load_model,
    };
    struct loader l = {
        .r = json_reader(text.data, text.size), .spec = s, .file = "tokenizer.json", .err = err};
    struct field fields[] = {
        {"version", FIELD_PART, FIELD_OPTIONAL, NULL, .part = version},
        {"truncation", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[0], .part = part},
        {"padding", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[1], .part = part},
        {"added_tokens", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[2], .part = part},
        {"normalizer", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[3], .part = part},
        {"pre_tokenizer", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[4], .part = part},
        {"post_processor", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[5], .part = part},
        {"decoder", FIELD_PART, FIELD_OPTIONAL, (void *)&loads[6], .part = part},
        {"model", FIELD_PART, .ret = (void *)&loads[7], .part = part},
    };

    l.r.max_depth = 128;
    buf_reserve_large(&s->strings, text.size / 2);
    bool ok = load_fields(&l, "the tokenizer", fields, ARRAY_SIZE(fields));
    ok = load_end(&l) && ok;
    json_reader_release(&l.r);
    return ok;
}
