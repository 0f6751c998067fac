#include "hub/tokenizer_set.h"

#include <nettle/sha2.h>
#include <stdio.h>

/* In the order of trying; several spellings of one part: the first that is there. */
static const struct {
    enum tokenizer_part part;
    const char *name; /* begins with '*': ends so */
} names[] = {
    {TOKENIZER_PART_JSON, "tokenizer.json"},
    {TOKENIZER_PART_CONFIG, "tokenizer_config.json"},
    {TOKENIZER_PART_SPECIAL_MAP, "special_tokens_map.json"},
    {TOKENIZER_PART_ADDED, "added_tokens.json"},
    {TOKENIZER_PART_VOCAB_JSON, "vocab.json"},
    {TOKENIZER_PART_MERGES, "merges.txt"},
    {TOKENIZER_PART_VOCAB_TXT, "vocab.txt"},
    {TOKENIZER_PART_SENTENCEPIECE, "tokenizer.model"},
    {TOKENIZER_PART_SENTENCEPIECE, "spiece.model"},
    {TOKENIZER_PART_SENTENCEPIECE, "sentencepiece.bpe.model"},
    {TOKENIZER_PART_SENTENCEPIECE, "source.spm"},
    {TOKENIZER_PART_SENTENCEPIECE, "spm.model"},
    {TOKENIZER_PART_TIKTOKEN, "*.tiktoken"},
    {TOKENIZER_PART_TIKTOKEN, "tiktoken.model"},
    {TOKENIZER_PART_TEKKEN, "tekken.json"},
    {TOKENIZER_PART_MODEL_CONFIG, "config.json"},
};

/* Any of these alone makes a tokenizer; vocab.json needs merges.txt. */
static bool is_enough(const struct tokenizer_set *s)
{
    return s->files[TOKENIZER_PART_JSON] || s->files[TOKENIZER_PART_VOCAB_TXT] ||
           s->files[TOKENIZER_PART_SENTENCEPIECE] || s->files[TOKENIZER_PART_TIKTOKEN] ||
           s->files[TOKENIZER_PART_TEKKEN] ||
           (s->files[TOKENIZER_PART_VOCAB_JSON] && s->files[TOKENIZER_PART_MERGES]);
}

/* The folder the tokenizer lies in: the subfolder, or that of a diffusion pipeline. */
static void choose_folder(const struct model *m, char ret[SUBFOLDER_MAX + 16])
{
    const char *below = m->ref.subfolder;
    AUTO_FREE char *index = str_printf("%s%smodel_index.json", below, *below ? "/" : "");
    AUTO_FREE char *config = str_printf("%s%stokenizer_config.json", below, *below ? "/" : "");
    bool is_pipeline = model_file(m, index) && !model_file(m, config);

    snprintf(ret, SUBFOLDER_MAX + 16, "%s%s%s", below, *below ? "/" : "",
             is_pipeline ? "tokenizer/" : "");
}

static bool is_named(const char *path, const char *folder, const char *name)
{
    size_t size = strlen(folder);

    if (strncmp(path, folder, size) != 0 || strchr(path + size, '/'))
        return false;
    return name[0] == '*' ? str_ends(path + size, name + 1) : str_eq(path + size, name);
}

static const struct model_file *find(const struct model *m, const char *folder, const char *name)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (is_named(m->files[i].path, folder, name))
            return &m->files[i];
    return NULL;
}

static const struct model_file *find_gguf(const struct model *m)
{
    for (size_t i = 0; i < m->n_files; i++)
        if (m->files[i].format == FORMAT_GGUF)
            return &m->files[i];
    return NULL;
}

static bool check_sizes(const struct tokenizer_set *s, struct err *err)
{
    for (size_t i = 0; i < N_TOKENIZER_PARTS; i++) {
        const struct model_file *f = s->files[i];

        if (!f || i == TOKENIZER_PART_GGUF || f->size <= TOKENIZER_PART_MAX)
            continue;
        err_set(err, ERR_FILE_TOO_LARGE, "%s has %lld bytes; tokenizer files may have %d", f->path,
                (long long)f->size, TOKENIZER_PART_MAX);
        err_fact_str(err, "file", f->path);
        return err_fact_int(err, "limit", TOKENIZER_PART_MAX);
    }
    return true;
}

bool tokenizer_set_choose(const struct model *model, struct tokenizer_set *ret, struct err *err)
{
    struct tokenizer_set s = {0};
    char folder[SUBFOLDER_MAX + 16];

    choose_folder(model, folder);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!s.files[names[i].part])
            s.files[names[i].part] = find(model, folder, names[i].name);
    if (!is_enough(&s)) {
        s = (struct tokenizer_set){.files[TOKENIZER_PART_GGUF] = find_gguf(model)};
        if (!s.files[TOKENIZER_PART_GGUF])
            return model_no_tokenizer(model, err);
    } else if (s.files[TOKENIZER_PART_JSON]) {
        for (size_t i = TOKENIZER_PART_VOCAB_JSON; i <= TOKENIZER_PART_TEKKEN; i++)
            s.files[i] = NULL;
    }
    if (!check_sizes(&s, err))
        return false;
    *ret = s;
    return true;
}

void tokenizer_set_digest(const struct model *model, const struct tokenizer_set *set,
                          uint8_t ret[32])
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    for (size_t i = 0; i < N_TOKENIZER_PARTS; i++) {
        const struct model_file *f = set->files[i];
        AUTO_FREE char *line = NULL;

        if (!f)
            continue;
        /* The path of a local file is in its commit; the same content elsewhere is the same. */
        line =
            str_printf("%zu %lld %s\n", i, (long long)f->size, f->oid[0] ? f->oid : model->commit);
        sha256_update(&ctx, strlen(line), (const uint8_t *)line);
    }
    sha256_digest(&ctx, 32, ret);
}
