#include "hub/tokenizer_facts.h"

#include "hub/gguf.h"
#include "hub/template_facts.h"
#include "json/reader.h"
#include "json/writer.h"

#include <stdio.h>

enum {
    ADDED_MAX = 200000,
    SPECIAL_MAX = 64,
    TEMPLATES_MAX = 32,
    CONTENT_MAX = 4096,       /* bytes of a token */
    ADDITIONAL_MAX = 1 << 18, /* bytes of all additional special ones */
    COMPONENTS_DEPTH = 8,
};

/* What is told twice: the lower rank wins. */
enum rank { RANK_FIRST, RANK_SECOND, RANK_THIRD, RANK_FOURTH, RANK_GGUF, RANK_NONE };

struct added {
    char *content;
    int64_t id;
    enum rank rank;
};

struct role {
    char name[32];
    char *content;
    int64_t id; /* -1: by its content */
    enum rank rank;
};

struct template_found {
    struct chat_template t;
    enum rank rank;
};

/* Files whose being there tells something. */
enum noted {
    NOTED_MODEL = 1, /* SentencePiece */
    NOTED_TIKTOKEN = 2,
    NOTED_TEKKEN = 4,
    NOTED_MERGES = 8,
    NOTED_VOCAB_JSON = 16,
    NOTED_VOCAB_TXT = 32,
};

struct tokenizer_facts_reader {
    struct tokenizer_facts f;
    char gguf_kind[24], gguf_path[64];
    int64_t n_vocab; /* of the model in tokenizer.json, or lines of vocab.txt */
    int64_t gguf_vocab, tekken_vocab;
    unsigned noted;
    struct added *added;
    size_t n_added;
    struct role roles[SPECIAL_MAX];
    size_t n_roles;
    struct template_found templates[TEMPLATES_MAX];
    size_t n_templates;
};

struct tokenizer_facts_reader *tokenizer_facts_new(void)
{
    struct tokenizer_facts_reader *t = mem_new(struct tokenizer_facts_reader);

    t->f.add_bos_token = t->f.add_eos_token = -1;
    return t;
}

void tokenizer_facts_free(struct tokenizer_facts_reader *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_added; i++)
        free(t->added[i].content);
    for (size_t i = 0; i < t->n_roles; i++)
        free(t->roles[i].content);
    for (size_t i = 0; i < t->n_templates; i++)
        free(t->templates[i].t.source);
    tokenizer_facts_release(&t->f);
    free(t->added);
    free(t);
}

/* ---- collecting */

static void add_token(struct tokenizer_facts_reader *t, const char *content, int64_t id,
                      enum rank rank)
{
    if (t->n_added == ADDED_MAX || id < 0)
        return;
    if ((t->n_added & (t->n_added - 1)) == 0)
        t->added = mem_resize(t->added, (t->n_added ? 2 * t->n_added : 1) * sizeof(*t->added));
    t->added[t->n_added++] = (struct added){str_dup(content), id, rank};
}

static void set_role(struct tokenizer_facts_reader *t, const char *name, const char *content,
                     int64_t id, enum rank rank)
{
    size_t i = 0;

    while (i < t->n_roles && !str_eq(t->roles[i].name, name))
        i++;
    if (i == SPECIAL_MAX || strlen(name) >= sizeof(t->roles[i].name))
        return;
    if (i == t->n_roles)
        t->roles[t->n_roles++].rank = RANK_NONE;
    struct role *r = &t->roles[i];
    if (rank >= r->rank)
        return;
    free(r->content);
    r->content = str_dup(content);
    r->id = id;
    r->rank = rank;
    strcpy(r->name, name);
}

static void set_template(struct tokenizer_facts_reader *t, const char *name, struct slice source,
                         const char *origin, enum rank rank)
{
    size_t i = 0;

    while (i < t->n_templates && !str_eq(t->templates[i].t.name, name))
        i++;
    if (i == TEMPLATES_MAX || source.size == 0)
        return;
    if (i == t->n_templates)
        t->templates[t->n_templates++].rank = RANK_NONE;
    struct template_found *found = &t->templates[i];
    if (rank >= found->rank)
        return;
    free(found->t.source);
    found->t.source = slice_dup(source);
    found->rank = rank;
    snprintf(found->t.name, sizeof(found->t.name), "%s", name);
    snprintf(found->t.origin, sizeof(found->t.origin), "%s", origin);
}

/* ---- tokenizer.json */

/* "A" or, of a Sequence, "A+B": the types of the parts, in order. */
static void component_types(struct json_reader *r, struct buf *out, int depth)
{
    struct slice key, type;

    if (json_read_kind(r) != KIND_OBJECT || depth == COMPONENTS_DEPTH) {
        json_read_skip(r);
        return;
    }
    json_read_object(r);
    while (json_read_key(r, &key)) {
        bool parts = slice_eq(key, "normalizers") || slice_eq(key, "pretokenizers") ||
                     slice_eq(key, "processors") || slice_eq(key, "decoders");

        if (slice_eq(key, "type") && json_read_kind(r) == KIND_STRING) {
            if (json_read_text(r, &type) && !slice_eq(type, "Sequence") && type.size < 64) {
                if (out->size)
                    buf_append_char(out, '+');
                buf_append(out, type.data, type.size);
            }
        } else if (parts && json_read_kind(r) == KIND_ARRAY) {
            json_read_array(r);
            while (json_read_item(r))
                component_types(r, out, depth + 1);
        } else {
            json_read_skip(r);
        }
    }
}

static void read_component(struct json_reader *r, char **ret)
{
    AUTO_BUF struct buf types = {0};

    component_types(r, &types, 0);
    if (types.size == 0 || r->fault)
        return;
    free(*ret);
    *ret = buf_take(&types);
}

/* A token as an object: content and, in some files, id. False: nothing to keep. */
static bool read_token_object(struct json_reader *r, char content[CONTENT_MAX], int64_t *ret_id)
{
    struct slice key, s;
    bool ok = false;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        if (slice_eq(key, "content") && json_read_kind(r) == KIND_STRING)
            ok = json_read_text(r, &s) && !memchr(s.data, '\0', s.size) &&
                 slice_copy(s, content, CONTENT_MAX);
        else if (slice_eq(key, "id") && json_read_kind(r) == KIND_NUMBER)
            json_read_int(r, ret_id);
        else
            json_read_skip(r);
    }
    return ok && !r->fault;
}

static void read_added(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    char content[CONTENT_MAX];

    json_read_array(r);
    while (json_read_item(r)) {
        int64_t id = -1;

        if (json_read_kind(r) != KIND_OBJECT)
            json_read_skip(r);
        else if (read_token_object(r, content, &id))
            add_token(t, content, id, RANK_FIRST);
    }
}

struct model_seen {
    char type[24];
    bool vocab_is_list, has_merges, has_prefix;
};

static void read_model(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    struct model_seen seen = {0};
    struct slice key, s;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        if (slice_eq(key, "type") && json_read_kind(r) == KIND_STRING) {
            if (json_read_text(r, &s))
                slice_copy(s, seen.type, sizeof(seen.type));
        } else if (slice_eq(key, "vocab")) {
            seen.vocab_is_list = json_read_kind(r) == KIND_ARRAY;
            json_read_count(r, &t->n_vocab);
        } else {
            seen.has_merges |= slice_eq(key, "merges");
            seen.has_prefix |= slice_eq(key, "continuing_subword_prefix");
            json_read_skip(r);
        }
    }
    /* Files of before 2021 do not say the type. */
    if (!seen.type[0])
        strcpy(seen.type, seen.has_merges      ? "BPE"
                          : seen.vocab_is_list ? "Unigram"
                          : seen.has_prefix    ? "WordPiece"
                                               : "WordLevel");
    if (!r->fault)
        strcpy(t->f.kind, seen.type);
}

static void read_tokenizer_json(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    struct slice key;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        if (slice_eq(key, "added_tokens") && json_read_kind(r) == KIND_ARRAY)
            read_added(t, r);
        else if (slice_eq(key, "normalizer"))
            read_component(r, &t->f.normalizer);
        else if (slice_eq(key, "pre_tokenizer"))
            read_component(r, &t->f.pre_tokenizer);
        else if (slice_eq(key, "post_processor"))
            read_component(r, &t->f.post_processor);
        else if (slice_eq(key, "decoder"))
            read_component(r, &t->f.decoder);
        else if (slice_eq(key, "model") && json_read_kind(r) == KIND_OBJECT)
            read_model(t, r);
        else
            json_read_skip(r);
    }
}

/* ---- tokenizer_config.json and its like */

/* "<s>" or {"content": "<s>", …} */
static void read_role(struct tokenizer_facts_reader *t, struct json_reader *r, const char *name,
                      enum rank rank)
{
    char content[CONTENT_MAX];
    struct slice s;
    int64_t id = -1;

    if (json_read_kind(r) == KIND_STRING) {
        if (json_read_text(r, &s) && !memchr(s.data, '\0', s.size) &&
            slice_copy(s, content, sizeof(content)))
            set_role(t, name, content, -1, rank);
    } else if (json_read_kind(r) == KIND_OBJECT) {
        if (read_token_object(r, content, &id))
            set_role(t, name, content, -1, rank);
    } else {
        json_read_skip(r);
    }
}

/* Of a list of tokens in either form; the first file that has any wins. */
static void read_additional(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    AUTO_BUF struct buf list = {0};
    struct json j = json_begin(&list);
    char content[CONTENT_MAX];
    struct slice s;
    int64_t id = -1;
    size_t n = 0;

    json_open(&j, '[');
    json_read_array(r);
    while (json_read_item(r)) {
        enum json_kind kind = json_read_kind(r);
        bool ok = kind == KIND_STRING || kind == KIND_OBJECT;

        if (!ok)
            json_read_skip(r);
        else if (kind == KIND_STRING)
            ok = json_read_text(r, &s);
        else if ((ok = read_token_object(r, content, &id)))
            s = (struct slice){content, strlen(content)};
        if (!ok || list.size + s.size > ADDITIONAL_MAX)
            continue;
        json_item(&j), json_write_str_n(&list, s.data, s.size);
        n++;
    }
    json_close(&j, ']');
    if (n && !t->f.additional_special)
        t->f.additional_special = buf_take(&list);
}

/* {"<id>": {"content": …}} */
static void read_decoder(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    char content[CONTENT_MAX], number[24];
    struct slice key;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        bool fits = slice_copy(key, number, sizeof(number));
        int64_t id = fits ? strtoll(number, NULL, 10) : -1, unused;

        if (json_read_kind(r) != KIND_OBJECT)
            json_read_skip(r);
        else if (read_token_object(r, content, &unused))
            add_token(t, content, id, RANK_SECOND);
    }
}

/* {"name": …, "template": …} */
static void read_named_template(struct tokenizer_facts_reader *t, struct json_reader *r,
                                const char *origin, enum rank rank)
{
    char name[64] = "";
    AUTO_FREE char *source = NULL;
    struct slice key, s;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        bool is_name = slice_eq(key, "name"), is_template = slice_eq(key, "template");

        if ((!is_name && !is_template) || json_read_kind(r) != KIND_STRING) {
            json_read_skip(r);
        } else if (json_read_text(r, &s)) {
            if (is_name)
                slice_copy(s, name, sizeof(name));
            else if (!source)
                source = slice_dup(s);
        }
    }
    if (name[0] && source && !r->fault)
        set_template(t, name, (struct slice){source, strlen(source)}, origin, rank);
}

static void read_templates(struct tokenizer_facts_reader *t, struct json_reader *r,
                           const char *origin, enum rank rank)
{
    struct slice s;

    if (json_read_kind(r) == KIND_STRING) {
        if (json_read_text(r, &s))
            set_template(t, "default", s, origin, rank);
    } else if (json_read_kind(r) == KIND_ARRAY) {
        json_read_array(r);
        while (json_read_item(r))
            if (json_read_kind(r) == KIND_OBJECT)
                read_named_template(t, r, origin, rank);
            else
                json_read_skip(r);
    } else {
        json_read_skip(r);
    }
}

static void read_tristate(struct json_reader *r, int *ret)
{
    bool v;

    if (json_read_kind(r) != KIND_BOOL)
        json_read_skip(r);
    else if (json_read_bool(r, &v))
        *ret = v;
}

static bool is_role(struct slice key, char name[32])
{
    return slice_copy(key, name, 32) && str_ends(name, "_token") && !str_starts(name, "add_");
}

/* A model's own: {"image_token": "<image>"} */
static void read_extra(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    struct slice key;
    char name[32];

    json_read_object(r);
    while (json_read_key(r, &key))
        if (slice_copy(key, name, sizeof(name)))
            read_role(t, r, name, RANK_FIRST);
        else
            json_read_skip(r);
}

static void read_tokenizer_config(struct tokenizer_facts_reader *t, struct json_reader *r,
                                  const char *path)
{
    struct slice key, s;
    char name[32];

    json_read_object(r);
    while (json_read_key(r, &key)) {
        enum json_kind kind = json_read_kind(r);

        if (slice_eq(key, "tokenizer_class") && kind == KIND_STRING) {
            if (json_read_text(r, &s))
                slice_copy(s, t->f.class_name, sizeof(t->f.class_name));
        } else if (slice_eq(key, "model_max_length") && kind == KIND_NUMBER) {
            json_read_real(r, &t->f.model_max_length);
        } else if (slice_eq(key, "add_bos_token")) {
            read_tristate(r, &t->f.add_bos_token);
        } else if (slice_eq(key, "add_eos_token")) {
            read_tristate(r, &t->f.add_eos_token);
        } else if (slice_eq(key, "added_tokens_decoder") && kind == KIND_OBJECT) {
            read_decoder(t, r);
        } else if (slice_eq(key, "chat_template")) {
            read_templates(t, r, path, RANK_SECOND);
        } else if (slice_eq(key, "additional_special_tokens") && kind == KIND_ARRAY) {
            free(take(&t->f.additional_special)); /* before special_tokens_map.json */
            read_additional(t, r);
        } else if (slice_eq(key, "extra_special_tokens") && kind == KIND_OBJECT) {
            read_extra(t, r);
        } else if (is_role(key, name)) {
            read_role(t, r, name, RANK_FIRST);
        } else {
            json_read_skip(r);
        }
    }
}

static void read_special_map(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    struct slice key;
    char name[32];

    json_read_object(r);
    while (json_read_key(r, &key))
        if (is_role(key, name))
            read_role(t, r, name, RANK_SECOND);
        else if (slice_eq(key, "additional_special_tokens") && json_read_kind(r) == KIND_ARRAY)
            read_additional(t, r);
        else
            json_read_skip(r);
}

/* {"<token>": id} */
static void read_added_tokens(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    char content[CONTENT_MAX];
    struct slice key;
    int64_t id;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        bool fits = !memchr(key.data, '\0', key.size) && slice_copy(key, content, sizeof(content));

        if (json_read_kind(r) != KIND_NUMBER)
            json_read_skip(r);
        else if (json_read_int(r, &id) && fits)
            add_token(t, content, id, RANK_THIRD);
    }
}

static void read_template_json(struct tokenizer_facts_reader *t, struct json_reader *r,
                               const char *path, enum rank rank)
{
    struct slice key;

    json_read_object(r);
    while (json_read_key(r, &key))
        if (slice_eq(key, "chat_template"))
            read_templates(t, r, path, rank);
        else
            json_read_skip(r);
}

static void read_tekken(struct tokenizer_facts_reader *t, struct json_reader *r)
{
    struct slice key;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        if (!slice_eq(key, "config") || json_read_kind(r) != KIND_OBJECT) {
            json_read_skip(r);
            continue;
        }
        json_read_object(r);
        while (json_read_key(r, &key))
            if (slice_eq(key, "default_vocab_size") && json_read_kind(r) == KIND_NUMBER)
                json_read_int(r, &t->tekken_vocab);
            else
                json_read_skip(r);
    }
}

static void count_lines(struct tokenizer_facts_reader *t, const char *text, size_t size)
{
    int64_t n = size > 0 && text[size - 1] != '\n';

    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    if (t->n_vocab == 0)
        t->n_vocab = n;
}

/* additional_chat_templates/tool_use.jinja is named tool_use. */
static void named_template(struct tokenizer_facts_reader *t, const char *path, struct slice source)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char name[64], origin[64];
    size_t n = strlen(base);

    n -= str_ends(base, ".jinja") ? strlen(".jinja") : 0;
    if (n == 0 || n >= sizeof(name))
        return;
    memcpy(name, base, n);
    name[n] = '\0';
    snprintf(origin, sizeof(origin), "additional_chat_templates/%s", base);
    set_template(t, name, source, origin, RANK_FIRST);
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool tokenizer_facts_add(struct tokenizer_facts_reader *t, enum tokenizer_file kind,
                         const char *path, const char *text, size_t size, struct err *err)
{
    AUTO_JSON_READER struct json_reader r = json_reader(text, size);
    struct slice whole = {text, size};
    const char *base = base_of(path);

    switch (kind) {
    case TOKENIZER_TEMPLATE_JINJA:
        set_template(t, "default", whole, base, RANK_FIRST);
        return true;
    case TOKENIZER_TEMPLATE_NAMED:
        named_template(t, path, whole);
        return true;
    case TOKENIZER_VOCAB_TXT:
        count_lines(t, text, size);
        return true;
    case TOKENIZER_JSON:
        read_tokenizer_json(t, &r);
        break;
    case TOKENIZER_CONFIG:
        read_tokenizer_config(t, &r, base);
        break;
    case TOKENIZER_SPECIAL_MAP:
        read_special_map(t, &r);
        break;
    case TOKENIZER_ADDED_TOKENS:
        read_added_tokens(t, &r);
        break;
    case TOKENIZER_TEMPLATE_JSON:
        read_template_json(t, &r, base, RANK_THIRD);
        break;
    case TOKENIZER_PROCESSOR:
        read_template_json(t, &r, base, RANK_FOURTH);
        break;
    case TOKENIZER_TEKKEN:
        read_tekken(t, &r);
        break;
    case N_TOKENIZER_FILES:
        return true;
    }
    return json_read_end(&r, ERR_FILE_CORRUPT, path, err);
}

void tokenizer_facts_add_gguf(struct tokenizer_facts_reader *t, const struct gguf *g,
                              const char *path)
{
    static const char prefix[] = "tokenizer.chat_template";
    const struct gguf_value *bos = gguf_find(g, "tokenizer.ggml.add_bos_token");
    const struct gguf_value *eos = gguf_find(g, "tokenizer.ggml.add_eos_token");
    const char *model = gguf_str(g, "tokenizer.ggml.model");

    if (!model[0] && g->n_tokens == 0)
        return;
    snprintf(t->gguf_kind, sizeof(t->gguf_kind), "gguf:%s", model);
    snprintf(t->gguf_path, sizeof(t->gguf_path), "%s", base_of(path));
    t->gguf_vocab = g->n_tokens;
    if (bos && t->f.add_bos_token < 0)
        t->f.add_bos_token = bos->i != 0;
    if (eos && t->f.add_eos_token < 0)
        t->f.add_eos_token = eos->i != 0;
    if (!t->f.pre_tokenizer && gguf_str(g, "tokenizer.ggml.pre")[0])
        t->f.pre_tokenizer = str_dup(gguf_str(g, "tokenizer.ggml.pre"));
    for (size_t i = 0; i < g->n_special; i++)
        set_role(t, g->special[i].role, g->special[i].content ? g->special[i].content : "",
                 g->special[i].id, RANK_GGUF);
    for (size_t i = 0; i < g->n_values; i++) {
        const struct gguf_value *v = &g->values[i];

        if (v->type != GGUF_STRING || !v->s || !str_starts(v->key, prefix))
            continue;
        const char *name = v->key + strlen(prefix);
        if (!*name || *name == '.')
            set_template(t, *name ? name + 1 : "default", (struct slice){v->s, v->size},
                         t->gguf_path, RANK_GGUF);
    }
    if (t->f.n_added_tokens == 0)
        t->f.n_added_tokens = g->n_special_tokens;
}

void tokenizer_facts_note_file(struct tokenizer_facts_reader *t, const char *base_name)
{
    if (str_starts(base_name, "tokenizer.model") || str_eq(base_name, "spiece.model") ||
        str_eq(base_name, "sentencepiece.bpe.model"))
        t->noted |= NOTED_MODEL;
    else if (str_ends(base_name, ".tiktoken") || str_eq(base_name, "tiktoken.model"))
        t->noted |= NOTED_TIKTOKEN;
    else if (str_eq(base_name, "tekken.json"))
        t->noted |= NOTED_TEKKEN;
    else if (str_eq(base_name, "merges.txt"))
        t->noted |= NOTED_MERGES;
    else if (str_eq(base_name, "vocab.json"))
        t->noted |= NOTED_VOCAB_JSON;
    else if (str_eq(base_name, "vocab.txt"))
        t->noted |= NOTED_VOCAB_TXT;
}

/* ---- finishing */

static void finish_kind(struct tokenizer_facts_reader *t, struct tokenizer_facts *f)
{
    static const struct {
        unsigned files;
        const char *kind, *file;
    } kinds[] = {
        {NOTED_TEKKEN, "tekken", "tekken.json"},
        {NOTED_TIKTOKEN, "tiktoken", "*.tiktoken"},
        {NOTED_MODEL, "sentencepiece", "tokenizer.model"},
        {NOTED_MERGES | NOTED_VOCAB_JSON, "BPE", "vocab.json"},
        {NOTED_VOCAB_TXT, "WordPiece", "vocab.txt"},
    };

    if (f->kind[0]) {
        strcpy(f->source_file, "tokenizer.json");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if ((t->noted & kinds[i].files) == kinds[i].files) {
            strcpy(f->kind, kinds[i].kind);
            strcpy(f->source_file, kinds[i].file);
            return;
        }
    strcpy(f->kind, t->gguf_kind);
    strcpy(f->source_file, t->gguf_path);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Words of the vocabulary, and what is added behind them. */
static void finish_size(struct tokenizer_facts_reader *t, struct tokenizer_facts *f)
{
    AUTO_FREE int64_t *ids = mem_new_array(t->n_added + 1, int64_t);
    enum rank best = RANK_NONE;
    size_t n = 0;

    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].rank < best)
            best = t->added[i].rank;
    for (size_t i = 0; i < t->n_added; i++) {
        f->n_added_tokens += t->added[i].rank == best;
        if (t->added[i].id >= t->n_vocab)
            ids[n++] = t->added[i].id;
    }
    qsort(ids, n, sizeof(*ids), by_id);
    f->vocab_size = t->n_vocab;
    for (size_t i = 0; t->n_vocab > 0 && i < n; i++)
        f->vocab_size += i == 0 || ids[i] != ids[i - 1];
    if (str_eq(f->kind, "tekken"))
        f->vocab_size = t->tekken_vocab;
    if (f->vocab_size == 0 && str_starts(f->kind, "gguf:"))
        f->vocab_size = t->gguf_vocab;
}

static int64_t id_of(const struct tokenizer_facts_reader *t, const char *content)
{
    enum rank best = RANK_NONE;
    int64_t id = -1;

    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].rank < best && str_eq(t->added[i].content, content)) {
            best = t->added[i].rank;
            id = t->added[i].id;
        }
    return id;
}

/* What config.json knows where the tokenizer's files give only the text. */
static int64_t id_of_role(const char *role, const struct config *c)
{
    if (!c)
        return -1;
    if (str_eq(role, "bos_token"))
        return c->bos_token_id;
    if (str_eq(role, "pad_token"))
        return c->pad_token_id;
    return str_eq(role, "eos_token") && c->n_eos_token_ids == 1 ? c->eos_token_ids[0] : -1;
}

static void finish_special(struct tokenizer_facts_reader *t, struct tokenizer_facts *f,
                           const struct config *c)
{
    f->special = mem_new_array(t->n_roles + 1, struct special_token);
    for (size_t i = 0; i < t->n_roles; i++) {
        struct role *r = &t->roles[i];
        struct special_token *s = &f->special[f->n_special++];

        memcpy(s->role, r->name, sizeof(s->role));
        s->content = take(&r->content);
        s->id = r->id >= 0 ? r->id : id_of(t, s->content);
        if (s->id < 0)
            s->id = id_of_role(r->name, c);
    }
}

enum { EOS_MAX = 64 };

static void add_eos(struct tokenizer_facts *f, int64_t id)
{
    for (size_t i = 0; i < f->n_eos_ids; i++)
        if (f->eos_ids[i] == id)
            return;
    if (id >= 0 && f->n_eos_ids < EOS_MAX)
        f->eos_ids[f->n_eos_ids++] = id;
}

static void add_eos_json(struct tokenizer_facts *f, json_t *v)
{
    json_t *item;
    size_t i;

    if (json_is_integer(v))
        add_eos(f, json_integer_value(v));
    json_array_foreach(v, i, item) if (json_is_integer(item)) add_eos(f, json_integer_value(item));
}

static void finish_eos(struct tokenizer_facts *f, const struct config *c, json_t *generation)
{
    f->eos_ids = mem_new_array(EOS_MAX, int64_t);
    for (size_t i = 0; i < f->n_special; i++)
        if (str_eq(f->special[i].role, "eos_token"))
            add_eos(f, f->special[i].id);
    add_eos_json(f, json_object_get(generation, "eos_token_id"));
    for (size_t i = 0; c && i < c->n_eos_token_ids; i++)
        add_eos(f, c->eos_token_ids[i]);
}

/* Templates of a source that is overruled go with it; those in files of their own stay. */
static void finish_templates(struct tokenizer_facts_reader *t, struct tokenizer_facts *f)
{
    enum rank best = RANK_NONE;

    for (size_t i = 0; i < t->n_templates; i++)
        if (str_eq(t->templates[i].t.name, "default"))
            best = t->templates[i].rank;
    f->templates = mem_new_array(t->n_templates + 1, struct chat_template);
    for (size_t i = 0; i < t->n_templates; i++) {
        struct template_found *found = &t->templates[i];

        if (found->rank > best)
            continue;
        found->t.facts = template_facts(found->t.source);
        f->templates[f->n_templates++] = found->t;
        found->t.source = NULL;
    }
}

void tokenizer_facts_finish(struct tokenizer_facts_reader *t, const struct config *config,
                            json_t *generation_config, struct tokenizer_facts *ret)
{
    struct tokenizer_facts *f = &t->f;

    finish_kind(t, f);
    finish_size(t, f);
    finish_special(t, f, config);
    finish_eos(f, config, generation_config);
    finish_templates(t, f);
    *ret = *f;
    *f = (struct tokenizer_facts){0};
}

void tokenizer_facts_release(struct tokenizer_facts *f)
{
    free(f->normalizer);
    free(f->pre_tokenizer);
    free(f->post_processor);
    free(f->decoder);
    free(f->additional_special);
    for (size_t i = 0; i < f->n_special; i++)
        free(f->special[i].content);
    for (size_t i = 0; i < f->n_templates; i++) {
        free(f->templates[i].source);
        free(f->templates[i].facts);
    }
    free(f->special);
    free(f->eos_ids);
    free(f->templates);
    *f = (struct tokenizer_facts){0};
}

const struct chat_template *tokenizer_default_template(const struct tokenizer_facts *f)
{
    for (size_t i = 0; i < f->n_templates; i++)
        if (str_eq(f->templates[i].name, "default"))
            return &f->templates[i];
    return f->n_templates == 1 ? &f->templates[0] : NULL;
}
