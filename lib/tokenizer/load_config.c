/* tokenizer_config.json, special_tokens_map.json, added_tokens.json and what of config.json
 * matters. */
#include "tokenizer/load_build.h"
#include "tokenizer/load_fields.h"
#include "tokenizer/load_files.h"

#include <stdio.h>

/* ---- hints */

enum hint_kind { HINT_NAME, HINT_FLAG, HINT_TOKEN };

static const struct hint {
    const char *name;
    enum hint_kind kind;
    size_t at;
} hint_members[] = {
    {"tokenizer_class", HINT_NAME, offsetof(struct load_hints, class_name)},
    {"add_bos_token", HINT_FLAG, offsetof(struct load_hints, add_bos)},
    {"add_eos_token", HINT_FLAG, offsetof(struct load_hints, add_eos)},
    {"add_prefix_space", HINT_FLAG, offsetof(struct load_hints, add_prefix_space)},
    {"do_lower_case", HINT_FLAG, offsetof(struct load_hints, lower_case)},
    {"strip_accents", HINT_FLAG, offsetof(struct load_hints, strip_accents)},
    {"tokenize_chinese_chars", HINT_FLAG, offsetof(struct load_hints, chinese_chars)},
    {"legacy", HINT_FLAG, offsetof(struct load_hints, legacy)},
    {"clean_up_tokenization_spaces", HINT_FLAG, offsetof(struct load_hints, clean_up)},
    {"bos_token", HINT_TOKEN, offsetof(struct load_hints, bos)},
    {"eos_token", HINT_TOKEN, offsetof(struct load_hints, eos)},
    {"unk_token", HINT_TOKEN, offsetof(struct load_hints, unk)},
    {"cls_token", HINT_TOKEN, offsetof(struct load_hints, cls)},
    {"sep_token", HINT_TOKEN, offsetof(struct load_hints, sep)},
    {"pad_token", HINT_TOKEN, offsetof(struct load_hints, pad)},
    {"mask_token", HINT_TOKEN, offsetof(struct load_hints, mask)},
};

/* A token is a text or an object with its content; anything else is passed over. */
static bool short_token(struct json_reader *r, char ret[64])
{
    enum json_kind kind = json_read_kind(r);
    struct slice key, s;

    if (kind == KIND_STRING)
        return json_read_text(r, &s) && (slice_copy(s, ret, 64) || (ret[0] = '\0', true));
    if (kind != KIND_OBJECT)
        return json_read_skip(r);
    if (!json_read_object(r))
        return false;
    while (json_read_key(r, &key)) {
        if (slice_eq(key, "content") && json_read_kind(r) == KIND_STRING) {
            if (!json_read_text(r, &s))
                return false;
            if (!slice_copy(s, ret, 64))
                ret[0] = '\0';
        } else if (!json_read_skip(r)) {
            return false;
        }
    }
    return !r->fault;
}

static bool read_hint(struct json_reader *r, const struct hint *h, struct load_hints *ret)
{
    char *at = (char *)ret + h->at;
    enum json_kind kind = json_read_kind(r);
    bool flag;

    if (h->kind == HINT_FLAG && kind == KIND_BOOL) {
        if (!json_read_bool(r, &flag))
            return false;
        *(int8_t *)at = flag;
        return true;
    }
    return h->kind == HINT_FLAG ? json_read_skip(r) : short_token(r, at);
}

static bool read_hint_file(struct slice file, const char *name, struct load_hints *ret,
                           struct err *err)
{
    if (!file.data)
        return true;
    AUTO_JSON_READER struct json_reader r = json_reader(file.data, file.size);
    struct slice key;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        size_t i = 0;
        while (i < ARRAY_SIZE(hint_members) && !slice_eq(key, hint_members[i].name))
            i++;
        if (i < ARRAY_SIZE(hint_members))
            read_hint(&r, &hint_members[i], ret);
        else
            json_read_skip(&r);
    }
    return json_read_end(&r, ERR_FILE_CORRUPT, name, err);
}

static bool read_model_type(struct slice file, struct load_hints *ret, struct err *err)
{
    if (!file.data)
        return true;
    AUTO_JSON_READER struct json_reader r = json_reader(file.data, file.size);
    struct slice key, s;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        if (slice_eq(key, "model_type") && json_read_kind(&r) == KIND_STRING) {
            if (json_read_text(&r, &s))
                slice_copy(s, ret->model_type, sizeof(ret->model_type));
        } else {
            json_read_skip(&r);
        }
    }
    return json_read_end(&r, ERR_FILE_CORRUPT, "config.json", err);
}

bool load_read_hints(const struct tokenizer_files *files, struct load_hints *ret, struct err *err)
{
    struct load_hints h = {.add_bos = -1,
                           .add_eos = -1,
                           .add_prefix_space = -1,
                           .lower_case = -1,
                           .strip_accents = -1,
                           .chinese_chars = -1,
                           .legacy = -1,
                           .clean_up = -1};

    /* The map's tokens are the older; those of the config win. */
    if (!read_hint_file(files->special_tokens_map, "special_tokens_map.json", &h, err) ||
        !read_hint_file(files->tokenizer_config, "tokenizer_config.json", &h, err) ||
        !read_model_type(files->config, &h, err))
        return false;
    size_t n = strlen(h.class_name);
    if (n > 4 && str_ends(h.class_name, "Fast"))
        h.class_name[n - 4] = '\0';
    *ret = h;
    return true;
}

/* ---- added tokens */

/* A text or an object; special unless the object says otherwise. */
static bool push_token(struct loader *l, bool special)
{
    struct added_token t = {.special = special, .normalized = !special};
    struct field fields[] = {
        {"content", FIELD_TEXT, .ret = &t.content},
        {"single_word", FIELD_BOOL, FIELD_OPTIONAL, &t.single_word},
        {"lstrip", FIELD_BOOL, FIELD_OPTIONAL, &t.lstrip},
        {"rstrip", FIELD_BOOL, FIELD_OPTIONAL, &t.rstrip},
        {"normalized", FIELD_BOOL, FIELD_OPTIONAL, &t.normalized},
        {"special", FIELD_BOOL, FIELD_OPTIONAL | FIELD_NULLABLE, &t.special},
    };
    bool object = json_read_kind(&l->r) == KIND_OBJECT;

    if (object ? !load_fields(l, "an added token", fields, ARRAY_SIZE(fields))
               : !load_text(l, &t.content))
        return false;
    t.special |= special;
    if (l->spec->n_added == ADDED_MAX)
        return json_read_fault(&l->r, "more added tokens than are allowed");
    *LOAD_PUSH(l->spec->added, l->spec->n_added) = t;
    return true;
}

struct numbered {
    struct added_token token;
    int64_t id;
};

static int by_id(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static int64_t decimal(struct slice s)
{
    int64_t v = 0;

    for (size_t i = 0; i < s.size && v < VOCAB_MAX; i++)
        v = s.data[i] >= '0' && s.data[i] <= '9' ? v * 10 + (s.data[i] - '0') : VOCAB_MAX;
    return v;
}

static void sort_added(struct tokenizer_spec *s, size_t first, struct numbered *items)
{
    size_t n = s->n_added - first;

    if (n)
        qsort(items, n, sizeof(*items), by_id);
    for (size_t i = 0; i < n; i++)
        s->added[first + i] = items[i].token;
}

/* {"32000": {"content": …}}, added in the order of their ids; or {"token": 32000}. */
static bool push_numbered(struct loader *l, bool by_token)
{
    struct tokenizer_spec *s = l->spec;
    size_t first = s->n_added, n = 0;
    struct numbered *items = NULL;
    struct slice key;
    bool ok = json_read_object(&l->r);

    while (ok && json_read_key(&l->r, &key)) {
        struct numbered *item = LOAD_PUSH(items, n);
        if (by_token) {
            ok = build_added(s, key.data, key.size, false) && json_read_int(&l->r, &item->id);
        } else {
            item->id = decimal(key);
            ok = push_token(l, false);
        }
        if (ok)
            item->token = s->added[s->n_added - 1];
    }
    if (ok)
        sort_added(s, first, items);
    free(items);
    return ok && !l->r.fault;
}

static bool decoder_member(struct loader *l, void *ret)
{
    (void)ret;
    return json_read_kind(&l->r) == KIND_OBJECT ? push_numbered(l, false) : json_read_skip(&l->r);
}

static const char *const roles[] = {"bos_token", "eos_token", "unk_token",  "sep_token",
                                    "pad_token", "cls_token", "mask_token", NULL};

static bool token_list(struct loader *l)
{
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r)) {
        enum json_kind kind = json_read_kind(&l->r);
        bool token = kind == KIND_STRING || kind == KIND_OBJECT;
        if (token ? !push_token(l, true) : !json_read_skip(&l->r))
            return false;
    }
    return !l->r.fault;
}

static bool token_or_list(struct loader *l, void *ret)
{
    (void)ret;
    switch (json_read_kind(&l->r)) {
    case KIND_STRING:
    case KIND_OBJECT:
        return push_token(l, true);
    case KIND_ARRAY:
        return token_list(l);
    default:
        return json_read_skip(&l->r);
    }
}

/* A list of tokens, or tokens by the name a model has for them. */
static bool extra_tokens(struct loader *l, void *ret)
{
    struct slice key;

    (void)ret;
    if (json_read_kind(&l->r) == KIND_ARRAY)
        return token_list(l);
    if (json_read_kind(&l->r) != KIND_OBJECT)
        return json_read_skip(&l->r);
    json_read_object(&l->r);
    while (json_read_key(&l->r, &key)) {
        enum json_kind kind = json_read_kind(&l->r);
        bool token = kind == KIND_STRING || kind == KIND_OBJECT;
        if (token ? !push_token(l, true) : !json_read_skip(&l->r))
            return false;
    }
    return !l->r.fault;
}

/* One member of a file, wherever it stands in it. */
static bool read_member(struct slice file, const char *name, const char *member,
                        bool (*part)(struct loader *, void *), struct tokenizer_spec *s,
                        struct err *err)
{
    if (!file.data)
        return true;
    struct loader l = {.r = json_reader(file.data, file.size), .spec = s, .file = name, .err = err};
    struct field fields[] = {{member, FIELD_PART, FIELD_OPTIONAL, NULL, .part = part}};

    load_fields(&l, name, fields, 1);
    bool ok = load_end(&l);
    json_reader_release(&l.r);
    return ok;
}

static bool read_added_tokens(struct slice file, struct tokenizer_spec *s, struct err *err)
{
    if (!file.data)
        return true;
    struct loader l = {
        .r = json_reader(file.data, file.size), .spec = s, .file = "added_tokens.json", .err = err};

    if (!push_numbered(&l, true))
        json_read_fault(&l.r, "not a token and its id");
    bool ok = load_end(&l);
    json_reader_release(&l.r);
    return ok;
}

static bool read_specials(struct slice file, const char *name, struct tokenizer_spec *s,
                          struct err *err)
{
    for (size_t i = 0; roles[i]; i++)
        if (!read_member(file, name, roles[i], token_or_list, s, err))
            return false;
    return read_member(file, name, "additional_special_tokens", token_or_list, s, err) &&
           read_member(file, name, "extra_special_tokens", extra_tokens, s, err);
}

/* ---- what changes a tokenizer that is already there */

/* Classes that make their post-processor anew from add_bos_token and add_eos_token. */
static bool is_llama_class(const char *class_name)
{
    static const char *const names[] = {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer",
                                        "CohereTokenizer"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq(names[i], class_name))
            return true;
    return false;
}

static void drop_postprocessors(struct tokenizer_spec *s)
{
    s->n_postprocessors = 0;
    s->n_pieces = 0;
    s->n_post_ids = 0;
}

static bool apply_bos_eos(const struct load_hints *h, struct tokenizer_spec *s, struct err *err)
{
    bool bos = h->add_bos != 0, eos = h->add_eos == 1;
    char single[160], pair[320];

    if (!is_llama_class(h->class_name))
        return true;
    if ((bos && !*h->bos) || (eos && !*h->eos) || strchr(h->bos, ' ') || strchr(h->eos, ' '))
        return true; /* the file's own stays */
    snprintf(single, sizeof(single), "%s A %s", bos ? h->bos : "", eos ? h->eos : "");
    snprintf(pair, sizeof(pair), "%s %s%s B:1 %s%s", single, bos ? h->bos : "", bos ? ":1" : "",
             eos ? h->eos : "", eos ? ":1" : "");
    drop_postprocessors(s);
    return build_template(s, single, pair) ||
           err_set(err, ERR_FILE_CORRUPT,
                   "tokenizer_config.json: bos_token or eos_token is no token of the vocabulary");
}

static void apply_normalizer(const struct load_hints *h, struct tokenizer_spec *s)
{
    if (s->n_normalizers != 1 || s->normalizers[0].kind != NORMALIZE_BERT)
        return;
    struct normalizer *n = &s->normalizers[0];
    bool follows = n->bert.strip_accents == n->bert.lowercase;
    if (h->lower_case >= 0)
        n->bert.lowercase = h->lower_case;
    if (h->strip_accents >= 0)
        n->bert.strip_accents = h->strip_accents;
    else if (h->lower_case >= 0 && follows)
        n->bert.strip_accents = h->lower_case;
    if (h->chinese_chars >= 0)
        n->bert.handle_chinese_chars = h->chinese_chars;
}

bool load_apply_config(const struct tokenizer_files *files, const struct load_hints *hints,
                       bool from_tokenizer_json, struct tokenizer_spec *s, struct err *err)
{
    if (!read_member(files->tokenizer_config, "tokenizer_config.json", "added_tokens_decoder",
                     decoder_member, s, err) ||
        (!from_tokenizer_json && !read_added_tokens(files->added_tokens, s, err)) ||
        !read_specials(files->tokenizer_config, "tokenizer_config.json", s, err) ||
        !read_specials(files->special_tokens_map, "special_tokens_map.json", s, err) ||
        !load_number_added(s, err))
        return false;
    if (from_tokenizer_json)
        apply_normalizer(hints, s);
    if (from_tokenizer_json && hints->add_prefix_space >= 0 && s->n_pretokenizers == 1 &&
        s->pretokenizers[0].kind == SPLIT_BYTE_LEVEL)
        s->pretokenizers[0].byte_level.add_prefix_space = hints->add_prefix_space;
    s->clean_up_spaces = hints->clean_up == 1;
    return apply_bos_eos(hints, s, err);
}
