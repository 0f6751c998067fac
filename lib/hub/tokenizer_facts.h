#pragma once
/*
 * Tokenizer facts: what the tokenizer files of a model say, without building
 * a tokenizer.
 *
 * Files come in any order; finishing applies their precedence:
 *     special tokens   tokenizer_config.json, special_tokens_map.json, GGUF
 *     ids of them      tokenizer.json, tokenizer_config.json, added_tokens.json, config
 *     chat templates   chat_template.jinja, tokenizer_config.json, chat_template.json,
 *                      processor_config.json, GGUF;
 *                      additional_chat_templates/NAME.jinja beside any of them
 *     end of text      tokenizer, generation_config.json, config.json, in this order
 */
#include "hub/model.h"

enum tokenizer_file {
    TOKENIZER_JSON,
    TOKENIZER_CONFIG,
    TOKENIZER_SPECIAL_MAP,
    TOKENIZER_ADDED_TOKENS,
    TOKENIZER_TEMPLATE_JINJA,
    TOKENIZER_TEMPLATE_JSON,
    TOKENIZER_PROCESSOR,      /* processor_config.json: of it the chat template */
    TOKENIZER_TEMPLATE_NAMED, /* additional_chat_templates/NAME.jinja */
    TOKENIZER_VOCAB_TXT,
    TOKENIZER_TEKKEN,
    N_TOKENIZER_FILES,
};

struct tokenizer_facts_reader;
struct tokenizer_facts_reader *tokenizer_facts_new(void);
void tokenizer_facts_free(struct tokenizer_facts_reader *t);
DEFINE_CLEANUP(struct tokenizer_facts_reader *, tokenizer_facts_free)

/*
 * Reads one file; path is only for messages, origins and template names. Of a
 * broken file counts what stands before the fault; it is the caller's to report.
 * Errors: FILE_CORRUPT. Cost: one scan of the text (tokenizer.json: ~2 ms per MB).
 */
bool tokenizer_facts_add(struct tokenizer_facts_reader *t, enum tokenizer_file kind,
                         const char *path, const char *text, size_t size,
                         struct err *err) MUST_CHECK;
struct gguf;
void tokenizer_facts_add_gguf(struct tokenizer_facts_reader *t, const struct gguf *g,
                              const char *path);
/* That a file is there tells a kind too: tokenizer.model, merges.txt, *.tiktoken, … */
void tokenizer_facts_note_file(struct tokenizer_facts_reader *t, const char *base_name);

/* Either may be NULL. *ret is the caller's, to be released. */
void tokenizer_facts_finish(struct tokenizer_facts_reader *t, const struct config *config,
                            json_t *generation_config, struct tokenizer_facts *ret);
void tokenizer_facts_release(struct tokenizer_facts *f);

/* "default", else the only one, else NULL. */
const struct chat_template *tokenizer_default_template(const struct tokenizer_facts *f);
