#pragma once
/*
 * Text tokenizer: a loaded tokenizer together with what its handle says of it.
 * What a tk_ id encodes and decodes with. Immutable and counted.
 */
#include "tokenizer/tokenizer.h"

struct text_tokenizer {
    atomic_uint refs;
    char id[41];
    char *model;
    struct tokenizer *tokenizer;
    int64_t max_length;  /* tokens of one text; 0: no bound */
    int64_t pad_id;      /* -1: it has no pad token */
    bool whitespace_fix; /* a single token is decoded as what it is behind another one */
};

/* With the id and what `of` says; its strings are copied, and a reference on its tokenizer is
 * taken. */
struct text_tokenizer *text_tokenizer_new(const struct text_tokenizer *of, const char *id);
struct text_tokenizer *text_tokenizer_ref(struct text_tokenizer *t);
void text_tokenizer_unref(struct text_tokenizer *t);
DEFINE_CLEANUP(struct text_tokenizer *, text_tokenizer_unref)
