#pragma once
/*
 * Charsmap: SentencePiece's precompiled normalization: a double-array trie
 * (Darts-clone's layout) from character sequences to what replaces them.
 */
#include "json/reader.h"

struct charsmap {
    const uint8_t *units; /* 4 bytes each, little endian, any alignment */
    size_t n_units;
    const char *strings; /* each ends in NUL */
    size_t strings_size;
};

/* Bytes: size of the trie, trie, strings. Errors: FILE_CORRUPT. */
bool charsmap_open(struct charsmap *m, const char *data, size_t size, struct err *err) MUST_CHECK;
/*
 * What stands for key by its shortest prefix in the map, as the reference has
 * it. False: nothing.
 */
bool charsmap_find(const struct charsmap *m, const char *key, size_t size, struct slice *ret);
/* Bytes of its longest prefix in the map, as SentencePiece has it, and what stands for that. 0:
 * none. */
size_t charsmap_longest(const struct charsmap *m, const char *key, size_t size, struct slice *ret);
