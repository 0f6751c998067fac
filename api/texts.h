#pragma once
/*
 * Texts: the tokenizers that one I/O loop has at hand, by the id of their handle,
 * and what it encodes small texts with. Belongs to the loop's thread.
 *
 * A tokenizer comes in with the answer of the first call for it, and goes when
 * the backend says that its handle has gone (texts_drop), or for a newer one.
 */
#include "api/text_job.h"

enum { TEXTS_MAX = 64 };

struct texts {
    struct text_tokenizer *items[TEXTS_MAX]; /* most recently used first */
    size_t n;
    struct text_scratch *scratch; /* made with the first text */
};

void texts_release(struct texts *t);
/* NULL: not at hand. Borrowed until the next call here. */
struct text_tokenizer *texts_find(struct texts *t, const char *id);
/* Takes a reference; one of the same id is replaced, and what it knew besides is kept. */
void texts_put(struct texts *t, struct text_tokenizer *tokenizer);
/* NULL: all. */
void texts_drop(struct texts *t, const char *id);
struct text_scratch *texts_scratch(struct texts *t);
