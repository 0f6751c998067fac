#pragma once
/*
 * Tokenizer image: a compiled tokenizer as a file, mapped read-only.
 *
 *     <cache-dir>/tokenizers/<digest of the files it was made of>.image
 *
 * What is there and whole is mapped; else it is compiled from the tokenizer's
 * files and written first: to a name of its own, then renamed, so that nobody
 * sees half of one. A disk that cannot be written to costs the file, not the
 * tokenizer. Blocking; for a worker thread.
 */
#include "hub/tokenizer_set.h"
#include "tokenizer/load.h"
#include "tokenizer/tokenizer.h"

/*
 * The tokenizer if its image is there, fits this build and is undamaged;
 * *ret NULL otherwise. folder is created by tokenizer_image_make().
 */
void tokenizer_image_map(const char *folder, const struct image_key *key, struct tokenizer **ret,
                         size_t *ret_size);

/*
 * Loads, compiles, writes and maps. files are borrowed.
 * Errors: those of tokenizer_load() and tokenizer_compile().
 */
bool tokenizer_image_make(const char *folder, const struct image_key *key,
                          const struct tokenizer_files *files, struct tokenizer **ret,
                          size_t *ret_size, struct err *err) MUST_CHECK;
