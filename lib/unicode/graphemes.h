#pragma once
/* Graphemes: extended grapheme clusters of Unicode 17 (UAX 29). */
#include "base/base.h"

/* The end of the cluster that begins at `at` in text, which is valid UTF-8. */
size_t grapheme_end(const char *text, size_t size, size_t at);
/* No cluster reaches from what is before cp to cp, whatever that is but a Prepend. */
bool grapheme_begins(uint32_t cp);
