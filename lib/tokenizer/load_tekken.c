/* tekken.json: Mistral's ranks with their pattern. Ids are ranks behind the special tokens. */
#include "tokenizer/load_base64.h"
#include "tokenizer/load_build.h"
#include "tokenizer/load_fields.h"
#include "tokenizer/load_files.h"

#include <stdio.h>

struct tekken {
    struct text pattern;
    uint32_t n_special, vocab_size;
    struct text *special; /* by rank */
    size_t special_size;
    struct buf bytes, name;
};

static bool config(struct loader *l, void *ret)
{
    struct tekken *t = ret;
    struct field fields[] = {
        {"pattern", FIELD_TEXT, .ret = &t->pattern},
        {"default_vocab_size", FIELD_COUNT, .ret = &t->vocab_size},
        {"default_num_special_tokens", FIELD_COUNT, .ret = &t->n_special},
    };

    return load_fields(l, "config", fields, ARRAY_SIZE(fields));
}

/* Its id, counted behind the special tokens, is set once their number is known. */
static bool token(struct loader *l, struct tekken *t)
{
    struct text encoded = {0};
    uint32_t rank = 0;
    struct field fields[] = {
        {"rank", FIELD_COUNT, .ret = &rank},
        {"token_bytes", FIELD_TEXT, .ret = &encoded},
    };
    size_t before = l->spec->strings.size;

    if (!load_fields(l, "a token", fields, ARRAY_SIZE(fields)))
        return false;
    buf_clear(&t->bytes);
    buf_clear(&t->name);
    if (!base64_decode(spec_str(l->spec, encoded), encoded.size, &t->bytes))
        return json_read_fault(&l->r, "token_bytes is not base64");
    l->spec->strings.size = before;
    byte_level_encode(t->bytes.data, t->bytes.size, &t->name);
    if (!build_vocab(l->spec, t->name.data ? t->name.data : "", t->name.size, rank, 0))
        return json_read_fault(&l->r, "more tokens, or longer ones, than are allowed");
    return true;
}

static bool vocab(struct loader *l, void *ret)
{
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r))
        if (!token(l, ret))
            return false;
    return !l->r.fault;
}

static bool special(struct loader *l, struct tekken *t)
{
    struct text name = {0};
    uint32_t rank = 0;
    struct field fields[] = {
        {"rank", FIELD_COUNT, .ret = &rank},
        {"token_str", FIELD_TEXT, .ret = &name},
    };

    if (!load_fields(l, "a special token", fields, ARRAY_SIZE(fields)))
        return false;
    if (rank >= ADDED_MAX)
        return json_read_fault(&l->r, "a special token's rank is too large");
    while (t->special_size <= rank)
        *LOAD_PUSH(t->special, t->special_size) = (struct text){0};
    t->special[rank] = name;
    return true;
}

static bool specials(struct loader *l, void *ret)
{
    if (load_null(l))
        return true;
    if (!json_read_array(&l->r))
        return false;
    while (json_read_item(&l->r))
        if (!special(l, ret))
            return false;
    return !l->r.fault;
}

/* What files before their member "special_tokens" had. */
static const char *const first_specials[] = {
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
};

static bool add_special(struct tokenizer_spec *s, const struct tekken *t, uint32_t rank)
{
    char name[32];

    if (rank < t->special_size && t->special[rank].size) {
        AUTO_FREE char *copy = str_dup_n(spec_str(s, t->special[rank]), t->special[rank].size);
        return build_vocab(s, copy, t->special[rank].size, rank, 0) &&
               build_added(s, copy, t->special[rank].size, true);
    }
    snprintf(name, sizeof(name), "<SPECIAL_%u>", rank);
    const char *text =
        !t->special_size && rank < ARRAY_SIZE(first_specials) ? first_specials[rank] : name;
    return build_vocab(s, text, strlen(text), rank, 0) && build_added(s, text, strlen(text), true);
}

static bool assemble(struct tokenizer_spec *s, const struct tekken *t, struct err *err)
{
    uint32_t n_kept = 0;

    if (t->n_special > ADDED_MAX || t->vocab_size > VOCAB_MAX || t->n_special > t->vocab_size)
        return err_set(err, ERR_FILE_CORRUPT, "tekken.json: sizes that are too large");
    /* The file has more tokens than models of its kind use. */
    for (size_t i = 0; i < s->n_vocab; i++)
        if (s->vocab[i].id < t->vocab_size - t->n_special) {
            s->vocab[n_kept] = s->vocab[i];
            s->vocab[n_kept++].id += t->n_special;
        }
    s->n_vocab = n_kept;
    if (!build_merges(s, MERGES_BY_RANK, err))
        return false;
    for (uint32_t i = 0; i < t->n_special; i++)
        if (!add_special(s, t, i))
            return err_set(err, ERR_FILE_CORRUPT, "tekken.json: more tokens than are allowed");
    s->model = (struct model_spec){.kind = MODEL_BPE, .ignore_merges = true};
    struct pretokenizer *p = build_pretokenizer(s, SPLIT_PATTERN);
    p->pattern.what = (struct matcher){t->pattern, true};
    p->pattern.behavior = BEHAVIOR_ISOLATED;
    build_byte_level(s, false, false);
    build_decoder(s, DECODE_BYTE_LEVEL);
    return build_template(s, "<s> A", "<s> A <s>:1 B:1") ||
           err_set(err, ERR_FILE_CORRUPT, "tekken.json: no special token <s>");
}

bool load_tekken(const struct tokenizer_files *files, struct tokenizer_spec *s, struct err *err)
{
    struct tekken t = {0};
    struct loader l = {.r = json_reader(files->tekken.data, files->tekken.size),
                       .spec = s,
                       .file = "tekken.json",
                       .err = err};
    struct field fields[] = {
        {"config", FIELD_PART, .ret = &t, .part = config},
        {"vocab", FIELD_PART, .ret = &t, .part = vocab},
        {"special_tokens", FIELD_PART, FIELD_OPTIONAL, &t, .part = specials},
    };

    bool ok = load_fields(&l, "tekken.json", fields, ARRAY_SIZE(fields));
    ok = load_end(&l) && ok && assemble(s, &t, err);
    json_reader_release(&l.r);
    free(t.special);
    buf_release(&t.bytes);
    buf_release(&t.name);
    return ok;
}
