#include "tokenizer/load.h"

#include "tokenizer/load_files.h"

enum { FILE_SIZE_MAX = 1 << 30 };

/* Whatever is there; what says most comes first. */
static bool load_any(const struct tokenizer_files *f, const struct load_hints *hints,
                     struct tokenizer_spec *s, struct err *err)
{
    if (f->tokenizer_json.data)
        return load_tokenizer_json(f->tokenizer_json, s, err);
    if (f->tekken.data)
        return load_tekken(f, s, err);
    if (f->sentencepiece.data)
        return load_sentencepiece(f, hints, s, err);
    if (f->vocab_json.data && f->merges_txt.data)
        return load_vocab_merges(f, hints, s, err);
    if (f->tiktoken.data)
        return load_tiktoken(f, hints, s, err);
    if (f->vocab_txt.data)
        return load_vocab_txt(f, hints, s, err);
    if (f->gguf.data)
        return load_gguf_tokenizer(f->gguf, s, err);
    return err_set(err, ERR_NO_TOKENIZER,
                   "none of the files makes a tokenizer: tokenizer.json, tekken.json, "
                   "tokenizer.model, vocab.json with merges.txt, *.tiktoken, vocab.txt or GGUF");
}

static bool check_sizes(const struct tokenizer_files *f, struct err *err)
{
    const struct slice all[] = {f->tokenizer_json,
                                f->tokenizer_config,
                                f->special_tokens_map,
                                f->added_tokens,
                                f->vocab_json,
                                f->merges_txt,
                                f->vocab_txt,
                                f->sentencepiece,
                                f->tiktoken,
                                f->tekken,
                                f->gguf,
                                f->config};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].data && all[i].size > FILE_SIZE_MAX)
            return err_set(err, ERR_FILE_CORRUPT,
                           "a tokenizer file of %zu bytes; at most %d are allowed", all[i].size,
                           FILE_SIZE_MAX);
    return true;
}

bool tokenizer_load(const struct tokenizer_files *files, struct tokenizer_spec *ret,
                    struct err *err)
{
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    struct load_hints hints;

    if (!check_sizes(files, err) || !load_read_hints(files, &hints, err) ||
        !load_any(files, &hints, &s, err) ||
        !load_apply_config(files, &hints, files->tokenizer_json.data, &s, err))
        return false;
    *ret = s;
    s = (struct tokenizer_spec){0};
    return true;
}
