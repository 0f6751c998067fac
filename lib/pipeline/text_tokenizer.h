#pragma once
/*
 * Text tokenizer: a loaded tokenizer together with what its handle says of it.
 * What a tk_ id encodes, decodes and renders with. Immutable once it is shared, and
 * counted.
 */
#include "hub/model.h"
#include "template/template.h"
#include "tokenizer/tokenizer.h"

struct text_tokenizer {
    atomic_uint refs;
    char id[41];
    char *model;
    struct tokenizer *tokenizer; /* NULL: nobody has asked for ids yet */
    int64_t max_length;          /* tokens of one text; 0: no bound */
    int64_t pad_id;              /* -1: it has no pad token */
    bool whitespace_fix;         /* a single token is decoded as what it is behind another one */

    /* ---- for chats */
    struct model *source;      /* its templates and special tokens */
    char *chat_template;       /* the handle's own; NULL: none */
    struct template *compiled; /* the one for requests without wishes; NULL: not compiled yet */
};

/* With the id and what `of` says; its strings are copied, and references on its tokenizer and
 * source are taken. */
struct text_tokenizer *text_tokenizer_new(const struct text_tokenizer *of, const char *id);
struct text_tokenizer *text_tokenizer_ref(struct text_tokenizer *t);
void text_tokenizer_unref(struct text_tokenizer *t);
DEFINE_CLEANUP(struct text_tokenizer *, text_tokenizer_unref)
