#pragma once
/*
 * Tokenizer handle: what a tk_ id stands for. Immutable and counted.
 *
 * The id is a digest of the model at its commit, the tokenizer's class, the
 * longest text and the chat template: so a pipeline and a POST /v1/tokenizers
 * that come to the same tokenizer name the same one.
 */
#include "base/base.h"

struct tokenizer_handle {
    char id[40]; /* tk_… */
    char *model; /* as requested */
    char commit[65];
    char *effective; /* the request as canonical JSON: can be posted back */
    char *members;   /* of the document, without braces, id and what changes */
    size_t members_size;

    /* for whoever loads it */
    char *class_name;    /* TextTokenizer, …: MAX's name */
    char *arch_name;     /* NULL: none, the model has no config */
    int64_t max_length;  /* tokens; 0: no bound */
    bool whitespace_fix; /* Llama's, for Mistral and Phi-3: docs/resolution.md */
    char *chat_template; /* instead of the model's; NULL: the model's */
    int64_t *eos_ids;
    size_t n_eos_ids;
};

struct tokenizer_handle *tokenizer_handle_ref(const struct tokenizer_handle *t);
void tokenizer_handle_unref(struct tokenizer_handle *t);
DEFINE_CLEANUP(struct tokenizer_handle *, tokenizer_handle_unref)

/* For builders: a zeroed one with one reference. */
struct tokenizer_handle *tokenizer_handle_new(void);
