#pragma once
/*
 * Load: files of a tokenizer, in whichever format, to a spec.
 *
 *     tokenizer.json              as the `tokenizers` library reads it, legacy spellings too
 *     vocab.json + merges.txt     as transformers converts GPT-2's kin
 *     vocab.txt                   BERT's
 *     *.model (SentencePiece)     BPE and Unigram, as transformers converts them
 *     *.tiktoken, tokenizer.model ranks in base64, with the pattern its model family has
 *     tekken.json                 Mistral's
 *     GGUF                        tokenizer.ggml.*: gpt2, llama, bert, t5
 *
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json are
 * applied as transformers does. What cannot be had exactly is refused by the
 * component's name; nothing is approximated.
 */
#include "tokenizer/spec.h"
#include "json/reader.h"

/* Borrowed; data NULL: the model has no such file. */
struct tokenizer_files {
    struct slice tokenizer_json, tokenizer_config, special_tokens_map, added_tokens;
    struct slice vocab_json, merges_txt, vocab_txt;
    struct slice sentencepiece, tiktoken, tekken;
    struct slice gguf;   /* the header with all its metadata */
    struct slice config; /* config.json: model_type decides how some formats are read */
};

/*
 * Errors: FILE_CORRUPT (file, line or offset, what), COMBINATION (component: what is
 * not supported, and what is), NO_TOKENIZER (none of the files makes one; lists what is needed).
 * Cost: linear; tokenizer.json some 400 MB/s and more.
 */
bool tokenizer_load(const struct tokenizer_files *files, struct tokenizer_spec *ret,
                    struct err *err) MUST_CHECK;
