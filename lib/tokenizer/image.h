#pragma once
/*
 * Image: a tokenizer compiled into one run of bytes that works wherever it is
 * mapped, read-only, by any number of threads and processes.
 *
 *     header   magic, format, build, key, size, checksum, table of sections
 *     sections each begins at a multiple of 64; numbers are the machine's own
 *
 * What a section holds is its module's business (model.h, pieces.h, …); it may
 * hold offsets, never pointers. docs/tokenizer-image.md describes the format.
 *
 * An image that is stale (other format, build or key), damaged or cut short is
 * refused by image_check(), and made anew by its owner. Every offset inside is
 * trusted after that: the checksum covers all of it.
 */
#include "base/err.h"

enum image_section {
    IMAGE_STRINGS,     /* spec.strings, less what only the vocabulary needed */
    IMAGE_PROGRAM,     /* struct program: the steps of the spec */
    IMAGE_ADDED,       /* added tokens and how they are found */
    IMAGE_VOCAB,       /* id → bytes */
    IMAGE_VOCAB_INDEX, /* bytes → id */
    IMAGE_MODEL_KIND,
    IMAGE_MODEL, /* the model's own tables */
    IMAGE_MODEL_2,
    IMAGE_MODEL_3,
    IMAGE_MODEL_4,
    IMAGE_WORDS, /* words and their ids, known from the start */
    IMAGE_CORE,  /* post-processors, decoders, added tokens by id (core.h) */
    IMAGE_TEXTS, /* id → its text in a decoded string (decode_table.h) */
    N_IMAGE_SECTIONS,
};

struct image_key {
    uint8_t digest[32]; /* of the files it was made of */
};

/* ---- writing */

struct image_writer {
    struct buf sections[N_IMAGE_SECTIONS];
};
void image_writer_release(struct image_writer *w);
/* Puts header and sections together; appends to out. */
void image_finish(const struct image_writer *w, const struct image_key *key, struct buf *out);

/* ---- reading */

struct image {
    const uint8_t *data;
    size_t size;
};

/*
 * Errors: FILE_CORRUPT, with what is wrong. key NULL: any.
 * Cost: checksum of the whole, some 10 GB/s; verify=false looks at the header
 * only, for a file that this process or its like has checked since boot.
 */
bool image_check(struct image image, const struct image_key *key, bool verify,
                 struct err *err) MUST_CHECK;
/* Never NULL; *ret_size may be 0. image.data is aligned to 8 at least. */
const void *image_section(struct image image, enum image_section section, size_t *ret_size);

/* What tells images apart: two with the same identity hold the same bytes. */
struct image_identity {
    struct image_key key;
    uint64_t checksum;
};
void image_identity(struct image image, struct image_identity *ret);
