#pragma once
/*
 * Tokenizer set: which files of a model make its tokenizer.
 *
 * tokenizer.json decides when it is there; without it the files that
 * transformers would convert; without those the metadata of a GGUF file. The
 * set is what a compiled tokenizer is known by: see tokenizer_set_digest().
 */
#include "hub/model.h"

enum tokenizer_part {
    TOKENIZER_PART_JSON,
    TOKENIZER_PART_CONFIG,
    TOKENIZER_PART_SPECIAL_MAP,
    TOKENIZER_PART_ADDED,
    TOKENIZER_PART_VOCAB_JSON,
    TOKENIZER_PART_MERGES,
    TOKENIZER_PART_VOCAB_TXT,
    TOKENIZER_PART_SENTENCEPIECE,
    TOKENIZER_PART_TIKTOKEN,
    TOKENIZER_PART_TEKKEN,
    TOKENIZER_PART_MODEL_CONFIG,
    TOKENIZER_PART_GGUF, /* its header, not the whole file */
    N_TOKENIZER_PARTS,
};

enum { TOKENIZER_PART_MAX = 128 << 20 }; /* bytes of one file */

struct tokenizer_set {
    const struct model_file *files[N_TOKENIZER_PARTS]; /* the model's; NULL: none */
};

/* Errors: NO_TOKENIZER (fact "wanted": names that would do), FILE_TOO_LARGE. */
bool tokenizer_set_choose(const struct model *model, struct tokenizer_set *ret,
                          struct err *err) MUST_CHECK;
/*
 * SHA-256 of what the files are: by their content's hash on the Hub, by the
 * model's commit (name, size, time and inode of each file) where it is local.
 */
void tokenizer_set_digest(const struct model *model, const struct tokenizer_set *set,
                          uint8_t ret[32]);
