#pragma once
/*
 * Scanner: cuts text as a well-known sequence of pre-tokenizers would, by hand.
 *
 * The patterns that real models use are few. Each has a scanner that cuts at
 * several hundred MB/s what a regular expression engine cuts at twenty. Which one is chosen by
 * the exact text of the patterns and options; whatever is not known is left to pattern.h. A
 * property test holds every scanner to the patterns it stands for.
 *
 * A scanner covers the text without gaps, and each piece depends on what is around
 * it in the same text only as the pattern says.
 */
#include "tokenizer/spec.h"

struct scanner;
/*
 * The scanner of the whole sequence of pre-tokenizers, ByteLevel's own regex included
 * (with its byte mapping and prefix space left out); NULL: none is known.
 */
const struct scanner *scanner_find(const struct tokenizer_spec *spec_strings,
                                   const struct pretokenizer *steps, size_t n_steps);
const char *scanner_name(const struct scanner *s);

/*
 * Writes ends of consecutive pieces of text from `at` on, at most max; returns how many,
 * at least one; it may leave off when there is room for less than 64 more.
 * The last end is size when all is cut. text must be valid UTF-8 (`at` a piece's
 * begin). Reads up to 64 bytes behind size: the caller's buffer must have them.
 * Linear for every text, thread-safe, allocates nothing.
 */
size_t scanner_ends(const struct scanner *s, const char *text, size_t size, size_t at,
                    uint32_t *ends, size_t max);

/*
 * A place at or before `at`, and after `from`, where text may be cut in two so that the scanner
 * gives the same pieces for the halves as for the whole; 0: none found within reach.
 */
size_t scanner_safe_cut(const struct scanner *s, const char *text, size_t size, size_t from,
                        size_t at);
