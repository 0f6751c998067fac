#pragma once
/*
 * SentencePiece's model file: a protocol buffer, of which the pieces and what
 * encoding needs of the two specs are read. Borrowed slices point into the file.
 */
#include "tokenizer/load.h"

enum spm_type { SPM_NORMAL = 1, SPM_UNKNOWN, SPM_CONTROL, SPM_USER_DEFINED, SPM_UNUSED, SPM_BYTE };
enum spm_model { SPM_UNIGRAM = 1, SPM_BPE, SPM_WORD, SPM_CHAR };

struct spm_piece {
    struct slice piece;
    float score;
    enum spm_type type;
};

struct spm {
    struct spm_piece *pieces;
    size_t n_pieces;
    enum spm_model model;
    bool byte_fallback, suffix; /* suffix: treat_whitespace_as_suffix */
    bool dummy_prefix, remove_extra, escape;
    struct slice charsmap; /* data NULL: none */
    struct slice unk_piece;
    uint32_t unk_id;
};
void spm_release(struct spm *m);

/* Errors: FILE_CORRUPT with the offset. Cost: one pass. */
bool spm_read(struct slice file, struct spm *ret, struct err *err) MUST_CHECK;
