#pragma once
/*
 * Template facts: what a model's document says of a chat template.
 *
 * Its digest, what it is made for and can do (template/abilities.h), or why it is
 * no template. Written once, when the model's files are read.
 */
#include "base/base.h"

/* Larger ones are only digested. */
enum { TEMPLATE_TRIED_MAX = 128 << 10 };

/* Members of a JSON object, comma-separated, without the braces; the caller frees. */
char *template_facts(const char *source);
