/*
 * tiktoken's files: a line per token, its bytes in base64 and its rank. Merges follow
 * from the ranks as in transformers' TikTokenConverter; the pattern is not in the
 * file and goes by the model's family, else by the number of tokens.
 */
#include "tokenizer/load_base64.h"
#include "tokenizer/load_build.h"
#include "tokenizer/load_files.h"
#include "tokenizer/load_patterns.h"

#include <stdio.h>

static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static const struct {
    const char *family; /* in the class's or the model type's name */
    size_t n_tokens;
    const char *pattern;
} families[] = {
    {"kimi", 163584, pattern_kimi},     {"moonshot", 163584, pattern_kimi},
    {"qwen", 151643, pattern_qwen2},    {"llama", 128000, pattern_llama3},
    {"gpt_oss", 199998, pattern_o200k}, {"dbrx", 100256, pattern_cl100k},
    {"cl100k", 100256, pattern_cl100k}, {"o200k", 199998, pattern_o200k},
    {"p50k", 50280, gpt2_pattern},      {"gpt2", 50256, gpt2_pattern},
};

static bool corrupt(struct err *err, size_t line, const char *what)
{
    err_set(err, ERR_FILE_CORRUPT, "tiktoken file: line %zu: %s", line, what);
    err_fact_int(err, "line", (int64_t)line);
    return err_fact_str(err, "detail", what);
}

static bool read_line(struct tokenizer_spec *s, const char *line, size_t size, struct buf *bytes,
                      struct buf *name, const char **ret_fault)
{
    const char *space = memchr(line, ' ', size);
    uint64_t rank = 0;

    *ret_fault = "not a token in base64, a space and a rank";
    buf_clear(bytes);
    buf_clear(name);
    if (!space || space + 1 == line + size || !base64_decode(line, (size_t)(space - line), bytes))
        return false;
    for (const char *p = space + 1; p < line + size; p++) {
        if (*p < '0' || *p > '9')
            return false;
        rank = rank < VOCAB_MAX ? rank * 10 + (uint64_t)(*p - '0') : rank;
    }
    *ret_fault = "a rank or a token that is too large";
    byte_level_encode(bytes->data, bytes->size, name);
    return rank < VOCAB_MAX &&
           build_vocab(s, name->data ? name->data : "", name->size, (uint32_t)rank, 0);
}

static bool read_ranks(struct slice file, struct tokenizer_spec *s, struct err *err)
{
    AUTO_BUF struct buf bytes = {0}, name = {0};
    const char *p = file.data, *end = p + file.size, *fault;

    for (size_t line = 1; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t size = (size_t)((stop ? stop : end) - p);
        size_t used = size && p[size - 1] == '\r' ? size - 1 : size;
        if (used && !read_line(s, p, used, &bytes, &name, &fault))
            return corrupt(err, line, fault);
        p += size + 1;
    }
    return s->n_vocab || corrupt(err, 1, "no tokens");
}

static const char *find_pattern(const struct load_hints *hints, size_t n_tokens)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        if (strcasestr(hints->class_name, families[i].family) ||
            strcasestr(hints->model_type, families[i].family))
            return families[i].pattern;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        if (families[i].n_tokens == n_tokens)
            return families[i].pattern;
    return NULL;
}

bool load_tiktoken(const struct tokenizer_files *files, const struct load_hints *hints,
                   struct tokenizer_spec *s, struct err *err)
{
    if (!read_ranks(files->tiktoken, s, err))
        return false;
    const char *pattern = find_pattern(hints, s->n_vocab);
    if (!pattern)
        return err_set(err, ERR_COMBINATION,
                       "tiktoken file: the pattern of tokenizer_class \"%s\", model_type \"%s\" "
                       "with %zu tokens is not known; those of Llama 3, Qwen, Kimi, cl100k, o200k, "
                       "p50k and GPT-2 are",
                       hints->class_name, hints->model_type, s->n_vocab);
    if (!build_merges(s, MERGES_BY_RANK, err))
        return false;
    s->model = (struct model_spec){.kind = MODEL_BPE, .ignore_merges = true};
    build_split(s, pattern, strlen(pattern));
    build_byte_level(s, false, false);
    build_decoder(s, DECODE_BYTE_LEVEL);
    return true;
}
