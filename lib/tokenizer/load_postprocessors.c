/* The member "post_processor" of a tokenizer.json. */
#include "tokenizer/load_fields.h"

enum { TEMPLATE_MAX = 1024 }; /* pieces; special tokens; ids of one */

static struct postprocessor *push(struct loader *l, unsigned kind)
{
    if (l->spec->n_postprocessors == STEPS_MAX) {
        load_refuse(l, ERR_FILE_CORRUPT, "more than %d post-processors", STEPS_MAX);
        return NULL;
    }
    struct postprocessor *p = LOAD_PUSH(l->spec->postprocessors, l->spec->n_postprocessors);
    p->kind = kind;
    return p;
}

static bool byte_level(struct loader *l, unsigned kind)
{
    bool prefix = true, trim = true, regex = true;
    struct field fields[] = {
        {"add_prefix_space", FIELD_BOOL, .ret = &prefix},
        {"trim_offsets", FIELD_BOOL, .ret = &trim},
        {"use_regex", FIELD_BOOL, FIELD_OPTIONAL, &regex},
    };
    struct postprocessor *p;

    if (!load_fields(l, "ByteLevel", fields, ARRAY_SIZE(fields)) || !(p = push(l, kind)))
        return false;
    p->byte_level.add_prefix_space = prefix;
    p->byte_level.trim_offsets = trim;
    p->byte_level.use_regex = regex;
    return true;
}

/* ["[SEP]", 102] */
static bool post_token(struct loader *l, void *ret)
{
    struct post_token *t = ret;

    if (!json_read_array(&l->r))
        return false;
    if (!json_read_item(&l->r) || !load_text(l, &t->token) || !json_read_item(&l->r) ||
        !load_count(l, &t->id) || json_read_item(&l->r))
        return json_read_fault(&l->r, "a token is a pair of text and id");
    return !l->r.fault;
}

static bool bert(struct loader *l, unsigned kind)
{
    struct post_token sep = {0}, cls = {0};
    bool trim = true, prefix = true;
    bool roberta = kind == POST_ROBERTA;
    struct field fields[] = {
        {"sep", FIELD_PART, .ret = &sep, .part = post_token},
        {"cls", FIELD_PART, .ret = &cls, .part = post_token},
        {"trim_offsets", FIELD_BOOL, .ret = &trim},
        {"add_prefix_space", FIELD_BOOL, .ret = &prefix},
    };
    struct postprocessor *p;

    if (!load_fields(l, roberta ? "RobertaProcessing" : "BertProcessing", fields,
                     roberta ? 4 : 2) ||
        !(p = push(l, kind)))
        return false;
    p->bert.sep = sep;
    p->bert.cls = cls;
    p->bert.trim_offsets = trim;
    p->bert.add_prefix_space = prefix;
    return true;
}

/* ---- templates: pieces name special tokens that may be told later */

struct named_piece {
    struct template_piece piece;
    struct text token; /* PART_TOKENS */
};

struct named_token {
    struct text name;
    uint32_t first_id, n_ids;
};

struct template
{
    struct loader *l;
    struct named_piece single[TEMPLATE_MAX], pair[TEMPLATE_MAX];
    struct named_token tokens[TEMPLATE_MAX];
    size_t n_single, n_pair, n_tokens;
};

static bool sequence_name(struct loader *l, void *ret)
{
    struct slice s;
    enum template_part *part = ret;

    if (!json_read_text(&l->r, &s))
        return false;
    if (!slice_eq(s, "A") && !slice_eq(s, "B"))
        return json_read_fault(&l->r, "a sequence is A or B");
    *part = slice_eq(s, "A") ? PART_A : PART_B;
    return true;
}

/* {"Sequence": {"id": "A", "type_id": 0}} or {"SpecialToken": {"id": "[CLS]", "type_id": 0}} */
static bool template_piece(struct loader *l, struct named_piece *ret)
{
    static const char *const names[] = {"Sequence", "SpecialToken", NULL};
    struct named_piece p = {.piece.part = PART_TOKENS};
    struct slice key;
    unsigned i = 0;

    if (!json_read_object(&l->r))
        return false;
    if (!json_read_key(&l->r, &key) || !load_choice(l, "a template's", key, names, &i))
        return json_read_fault(&l->r, "a piece is one of Sequence and SpecialToken");
    struct field fields[] = {
        {"id", FIELD_PART, .ret = &p.piece.part, .part = sequence_name},
        {"type_id", FIELD_COUNT, .ret = &p.piece.type_id},
    };
    if (i == 1)
        fields[0] = (struct field){"id", FIELD_TEXT, .ret = &p.token};
    if (!load_fields(l, names[i], fields, ARRAY_SIZE(fields)))
        return false;
    if (json_read_key(&l->r, &key))
        return json_read_fault(&l->r, "a piece is one of Sequence and SpecialToken");
    *ret = p;
    return !l->r.fault;
}

static bool pieces(struct loader *l, struct named_piece *items, size_t *n)
{
    *n = 0;
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r)) {
        if (*n == TEMPLATE_MAX)
            return load_refuse(l, ERR_FILE_CORRUPT, "a template of more than %d pieces",
                               TEMPLATE_MAX);
        if (!template_piece(l, &items[(*n)++]))
            return false;
    }
    return !l->r.fault;
}

static bool single(struct loader *l, void *ret)
{
    struct template *t = ret;

    return pieces(l, t->single, &t->n_single);
}

static bool pair(struct loader *l, void *ret)
{
    struct template *t = ret;

    return pieces(l, t->pair, &t->n_pair);
}

static bool token_ids(struct loader *l, void *ret)
{
    struct named_token *t = ret;

    t->first_id = (uint32_t)l->spec->n_post_ids;
    t->n_ids = 0;
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r)) {
        uint32_t id;
        if (t->n_ids++ == TEMPLATE_MAX)
            return load_refuse(l, ERR_FILE_CORRUPT, "a special token of more than %d ids",
                               TEMPLATE_MAX);
        if (!load_count(l, &id))
            return false;
        if (id >= VOCAB_MAX)
            return load_refuse(l, ERR_FILE_CORRUPT, "id %u; ids below %d are allowed", id,
                               VOCAB_MAX);
        *LOAD_PUSH(l->spec->post_ids, l->spec->n_post_ids) = id;
    }
    return !l->r.fault;
}

/* The names that go with the ids; the vocabulary knows them. */
static bool token_names(struct loader *l, void *ret)
{
    struct slice s;

    (void)ret;
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r))
        if (!json_read_text(&l->r, &s))
            return false;
    return !l->r.fault;
}

static bool special_tokens(struct loader *l, void *ret)
{
    struct template *t = ret;
    struct slice key;

    t->n_tokens = 0;
    if (!json_read_object(&l->r))
        return false;
    while (json_read_key(&l->r, &key)) {
        struct text unused;
        if (t->n_tokens == TEMPLATE_MAX || key.size > TOKEN_SIZE_MAX)
            return load_refuse(l, ERR_FILE_CORRUPT, "a template of more than %d special tokens",
                               TEMPLATE_MAX);
        struct named_token *token = &t->tokens[t->n_tokens++];
        token->name = spec_text(l->spec, key.data, key.size);
        struct field fields[] = {
            {"id", FIELD_TEXT, .ret = &unused},
            {"ids", FIELD_PART, .ret = token, .part = token_ids},
            {"tokens", FIELD_PART, .part = token_names},
        };
        if (!load_fields(l, "a special token", fields, ARRAY_SIZE(fields)))
            return false;
    }
    return !l->r.fault;
}

static bool text_eq(const struct tokenizer_spec *s, struct text a, struct text b)
{
    return a.size == b.size && (!a.size || memcmp(spec_str(s, a), spec_str(s, b), a.size) == 0);
}

/* Pieces with their ids, at the end of spec.pieces. */
static bool resolve(struct template *t, const struct named_piece *items, size_t n)
{
    struct tokenizer_spec *s = t->l->spec;

    for (size_t i = 0; i < n; i++) {
        struct template_piece p = items[i].piece;
        if (p.part == PART_TOKENS) {
            size_t k = t->n_tokens; /* of equal names the last counts */
            while (k > 0 && !text_eq(s, t->tokens[k - 1].name, items[i].token))
                k--;
            if (!k)
                return load_refuse(t->l, ERR_FILE_CORRUPT,
                                   "the template's \"%.*s\" is not among its special_tokens",
                                   (int)items[i].token.size, spec_str(s, items[i].token));
            p.first_id = t->tokens[k - 1].first_id;
            p.n_ids = t->tokens[k - 1].n_ids;
        }
        *LOAD_PUSH(s->pieces, s->n_pieces) = p;
    }
    return true;
}

static bool template(struct loader *l, unsigned kind)
{
    AUTO_FREE struct template *t = mem_new(struct template);
    struct tokenizer_spec *s = l->spec;
    struct postprocessor *p;

    t->l = l;
    struct field fields[] = {
        {"single", FIELD_PART, .ret = t, .part = single},
        {"pair", FIELD_PART, .ret = t, .part = pair},
        {"special_tokens", FIELD_PART, .ret = t, .part = special_tokens},
    };
    if (!load_fields(l, "TemplateProcessing", fields, ARRAY_SIZE(fields)))
        return false;
    size_t first_single = s->n_pieces;
    if (!resolve(t, t->single, t->n_single))
        return false;
    size_t first_pair = s->n_pieces;
    if (!resolve(t, t->pair, t->n_pair) || !(p = push(l, kind)))
        return false;
    p->template.first_single = (uint32_t)first_single;
    p->template.n_single = (uint32_t)t->n_single;
    p->template.first_pair = (uint32_t)first_pair;
    p->template.n_pair = (uint32_t)t->n_pair;
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
    struct field fields[] = {{"processors", FIELD_PART, .part = items}};

    (void)kind;
    return load_fields(l, "Sequence", fields, ARRAY_SIZE(fields));
}

static const struct component components[] = {
    {"ByteLevel", byte_level, POST_BYTE_LEVEL},
    {"Sequence", sequence, 0},
    {"TemplateProcessing", template, POST_TEMPLATE},
    {"RobertaProcessing", bert, POST_ROBERTA},
    {"BertProcessing", bert, POST_BERT},
};
static const struct shape shapes[] = {{"single", {"TemplateProcessing", template, POST_TEMPLATE}}};

/*
 * The library goes by the members here, whatever the type: sep and cls are Bert's, and
 * Roberta's when its two flags are there too.
 */
static bool one(struct loader *l)
{
    static const char *const members[] = {"sep", "cls", "trim_offsets", "add_prefix_space"};
    struct peeked p;

    if (!load_peek(l, members, ARRAY_SIZE(members), &p))
        return false;
    if (p.kinds[0] != KIND_NONE && p.kinds[1] != KIND_NONE)
        return bert(l,
                    p.kinds[2] == KIND_BOOL && p.kinds[3] == KIND_BOOL ? POST_ROBERTA : POST_BERT);
    return load_component(l, "a post-processor", components, ARRAY_SIZE(components), shapes,
                          ARRAY_SIZE(shapes));
}

bool load_postprocessor(struct loader *l)
{
    if (load_null(l))
        return true;
    l->spec->has_postprocessor = true;
    return one(l);
}
