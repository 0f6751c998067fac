#pragma once
/*
 * Tokenizer: from a request and a model to a tokenizer's handle, as MAX's
 * retrieve_tokenizer does it.
 */
#include "arch/registry.h"
#include "hub/model.h"
#include "pipeline/tokenizer_handle.h"
#include "resolve/request.h"

/*
 * req is checked and only read. The architecture says class and length; a model
 * without a config (tokenizer files alone) gets TextTokenizer.
 *
 * Errors: those of the registry's lookup, NO_TOKENIZER, MAX_LENGTH, REMOTE_CODE,
 * FIELD (chat template).
 */
bool tokenizer_handle_build(const struct tokenizer_request *req, const struct model *model,
                            const struct registry *registry, struct tokenizer_handle **ret,
                            struct err *err) MUST_CHECK;

/* What a tokenizer is made of once it is decided; borrowed. */
struct tokenizer_choice {
    const struct model *model;
    const char *requested, *subfolder; /* the model's name as asked for; subfolder NULL: none */
    const struct arch *arch;           /* NULL: none */
    const char *override_architecture; /* NULL: none */
    enum task task;
    bool trust_remote_code;
    int64_t max_length;        /* 0: no bound */
    const char *chat_template; /* NULL: the model's */
};
/* The handle of a choice. Never fails; NULL when the model has no tokenizer. */
struct tokenizer_handle *tokenizer_handle_of(const struct tokenizer_choice *c);

/*
 * What encoding has to know of a handle, from its stored texts. Errors: STORE_CORRUPT.
 */
struct tokenizer_terms {
    int64_t max_length; /* tokens; 0: no bound */
    bool whitespace_fix;
};
bool tokenizer_terms_read(const char *members, struct tokenizer_terms *ret,
                          struct err *err) MUST_CHECK;

/*
 * MAX's text tokenizers make one text of a message and refuse what is none; those
 * of models that see more than text take the parts.
 */
bool takes_text_only(const struct arch *a);

/* What a pipeline's stored texts say of its tokenizer. Errors: STORE_CORRUPT. */
struct pipeline_tokenizer {
    char id[41];    /* "": it has none */
    bool max_rules; /* messages are held to MAX's rules */
};
bool pipeline_tokenizer_read(const char *members, struct pipeline_tokenizer *ret,
                             struct err *err) MUST_CHECK;

/*
 * Text of a chat template override: a JSON object's "chat_template", else the
 * text as it is. The caller frees.
 */
char *chat_template_text(const char *given);
