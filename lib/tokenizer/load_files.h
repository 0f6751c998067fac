#pragma once
/*
 * The formats that tokenizer_load() chooses from. Each fills an empty spec from
 * its files; what a failure leaves in the spec is the caller's to release. Added
 * tokens are numbered by the caller, load_number_added().
 */
#include "tokenizer/load.h"

bool load_tokenizer_json(struct slice text, struct tokenizer_spec *s, struct err *err) MUST_CHECK;
bool load_gguf_tokenizer(struct slice file, struct tokenizer_spec *s, struct err *err) MUST_CHECK;

/* What config.json and tokenizer_config.json say that decides how other files are read. */
struct load_hints {
    char class_name[64]; /* tokenizer_class, without Fast; "" */
    char model_type[64]; /* config.json's; "" */
    int8_t add_bos, add_eos, add_prefix_space, lower_case, strip_accents, chinese_chars, legacy,
        clean_up;                                                        /* -1: not told */
    char bos[64], eos[64], unk[64], cls[64], sep[64], pad[64], mask[64]; /* "": not told */
};

/* vocab.json with merges.txt: GPT-2's kin. */
bool load_vocab_merges(const struct tokenizer_files *files, const struct load_hints *hints,
                       struct tokenizer_spec *s, struct err *err) MUST_CHECK;
/* vocab.txt: BERT's kin. */
bool load_vocab_txt(const struct tokenizer_files *files, const struct load_hints *hints,
                    struct tokenizer_spec *s, struct err *err) MUST_CHECK;
bool load_sentencepiece(const struct tokenizer_files *files, const struct load_hints *hints,
                        struct tokenizer_spec *s, struct err *err) MUST_CHECK;
bool load_tiktoken(const struct tokenizer_files *files, const struct load_hints *hints,
                   struct tokenizer_spec *s, struct err *err) MUST_CHECK;
bool load_tekken(const struct tokenizer_files *files, struct tokenizer_spec *s,
                 struct err *err) MUST_CHECK;

/* Hints from the files that are there; broken ones are faults. */
bool load_read_hints(const struct tokenizer_files *files, struct load_hints *ret,
                     struct err *err) MUST_CHECK;
/*
 * What transformers adds to a tokenizer whatever it was made from: added tokens of the other
 * files, bos and eos for classes like Llama's, clean-up.
 */
bool load_apply_config(const struct tokenizer_files *files, const struct load_hints *hints,
                       bool from_tokenizer_json, struct tokenizer_spec *s,
                       struct err *err) MUST_CHECK;
