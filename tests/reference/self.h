#pragma once
/*
 * Self: every other way from text to ids, and from ids to text, against the plain one. It needs no
 * reference, so it runs on any text with any tokenizer.
 */
#include "tokenizer/pieces.h"
#include "tokenizer/tokenizer.h"

/* Appends what differs to out, nothing when all agrees. Errors: those of encoding. */
bool self_check(const struct tokenizer *t, struct slice text, uint32_t seed,
                struct scratch *scratch, struct buf *out, struct err *err) MUST_CHECK;
