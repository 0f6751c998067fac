#pragma once
/*
 * Spec: what the files of a tokenizer say, in one form for all formats.
 *
 * The loaders (load.h) fill it, tokenizer_compile() makes an image of it, and
 * nobody else keeps one. Everything is flat: text is a range of one string
 * buffer, sequences are arrays (a Sequence of Sequences is the same as their
 * concatenation), ids are checked. So the parts that encoding needs go into an
 * image as they are.
 *
 * Names and meaning are those of the `tokenizers` library, 0.23.2.
 */
#include "base/err.h"

enum {
    VOCAB_MAX = 1 << 21, /* ids, and entries of a vocabulary */
    MERGES_MAX = 1 << 22,
    ADDED_MAX = 1 << 17,
    STEPS_MAX = 64, /* of one sequence */
    TOKEN_SIZE_MAX = 1 << 16,
};

/* Bytes of spec.strings. */
struct text {
    uint32_t at, size;
};

/* ---- normalizers */

enum normalizer_kind {
    NORMALIZE_NFC,
    NORMALIZE_NFD,
    NORMALIZE_NFKC,
    NORMALIZE_NFKD,
    NORMALIZE_LOWERCASE,
    NORMALIZE_STRIP,
    NORMALIZE_STRIP_ACCENTS,
    NORMALIZE_REPLACE,
    NORMALIZE_PREPEND,
    NORMALIZE_NMT,
    NORMALIZE_BYTE_LEVEL,
    NORMALIZE_BERT,
    NORMALIZE_PRECOMPILED,
};

/* A literal or a regular expression in Oniguruma's syntax. */
struct matcher {
    struct text pattern;
    bool regex;
};

struct normalizer {
    enum normalizer_kind kind;
    union {
        struct {
            bool left, right;
        } strip;
        struct {
            struct matcher what;
            struct text with;
        } replace;
        struct text prepend;
        struct {
            bool clean_text, handle_chinese_chars, strip_accents, lowercase; /* null is resolved */
        } bert;
        struct text charsmap; /* SentencePiece's: trie size, trie, strings; decoded from base64 */
    };
};

/* ---- pre-tokenizers */

enum pretokenizer_kind {
    SPLIT_BYTE_LEVEL,
    SPLIT_BERT,
    SPLIT_METASPACE,
    SPLIT_WHITESPACE,
    SPLIT_WHITESPACE_SPLIT,
    SPLIT_CHAR_DELIMITER,
    SPLIT_PATTERN, /* "Split" */
    SPLIT_PUNCTUATION,
    SPLIT_DIGITS,
    SPLIT_UNICODE_SCRIPTS,
    SPLIT_FIXED_LENGTH,
};

enum split_behavior {
    BEHAVIOR_REMOVED,
    BEHAVIOR_ISOLATED,
    BEHAVIOR_MERGED_WITH_PREVIOUS,
    BEHAVIOR_MERGED_WITH_NEXT,
    BEHAVIOR_CONTIGUOUS,
};

enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

struct metaspace {
    uint32_t replacement; /* a scalar value, U+2581 as a rule */
    enum prepend_scheme scheme;
    bool split;
};

struct pretokenizer {
    enum pretokenizer_kind kind;
    union {
        struct {
            bool add_prefix_space, trim_offsets, use_regex;
        } byte_level;
        struct metaspace metaspace;
        uint32_t delimiter; /* a scalar value */
        struct {
            struct matcher what;
            enum split_behavior behavior;
            bool invert;
        } pattern;
        enum split_behavior punctuation;
        bool individual_digits;
        uint32_t fixed_length; /* characters */
    };
};

/* ---- model */

enum model_kind { MODEL_BPE, MODEL_WORDPIECE, MODEL_UNIGRAM, MODEL_WORDLEVEL };

struct model_spec {
    enum model_kind kind;
    bool has_unk;
    struct text unk; /* BPE, WordPiece, WordLevel: the token */
    uint32_t unk_id; /* Unigram */
    bool fuse_unk, byte_fallback, ignore_merges;
    struct text continuing_prefix; /* continuing_subword_prefix; empty: none */
    struct text word_suffix;       /* end_of_word_suffix; empty: none */
    uint32_t max_word_chars;       /* WordPiece: max_input_chars_per_word */
};

/* In the order of the file; equal tokens: the last counts, as in a hash map. */
struct vocab_entry {
    struct text token;
    uint32_t id;
    double score; /* Unigram */
};

/* In the order of rank: the first is merged first. */
struct merge {
    struct text left, right;
};

/* ---- added tokens */

struct added_token {
    struct text content;
    uint32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
};

/* ---- post-processors */

enum postprocessor_kind { POST_TEMPLATE, POST_BERT, POST_ROBERTA, POST_BYTE_LEVEL };

enum template_part { PART_A, PART_B, PART_TOKENS };

struct template_piece {
    enum template_part part;
    uint32_t type_id;
    uint32_t first_id, n_ids; /* PART_TOKENS: in spec.post_ids */
};

struct post_token {
    struct text token;
    uint32_t id;
};

struct postprocessor {
    enum postprocessor_kind kind;
    union {
        struct {
            uint32_t first_single, n_single; /* in spec.pieces */
            uint32_t first_pair, n_pair;
        } template;
        struct {
            struct post_token sep, cls;
            bool trim_offsets, add_prefix_space; /* Roberta */
        } bert;
        struct {
            bool add_prefix_space, trim_offsets, use_regex;
        } byte_level;
    };
};

/* ---- decoders */

enum decoder_kind {
    DECODE_BYTE_LEVEL,
    DECODE_WORDPIECE,
    DECODE_METASPACE,
    DECODE_BPE,
    DECODE_BYTE_FALLBACK,
    DECODE_FUSE,
    DECODE_STRIP,
    DECODE_REPLACE,
    DECODE_CTC,
};

struct decoder {
    enum decoder_kind kind;
    union {
        struct {
            struct text prefix;
            bool cleanup;
        } wordpiece;
        struct metaspace metaspace;
        struct text suffix; /* BPE */
        struct {
            uint32_t content; /* a scalar value */
            uint32_t start, stop;
        } strip;
        struct {
            struct matcher what;
            struct text with;
        } replace;
        struct {
            struct text pad, word_delimiter;
            bool cleanup;
        } ctc;
    };
};

/* ---- truncation and padding that the file asks for by default */

enum truncation_strategy { TRUNCATE_LONGEST_FIRST, TRUNCATE_ONLY_FIRST, TRUNCATE_ONLY_SECOND };
enum text_side { SIDE_LEFT, SIDE_RIGHT };

struct truncation {
    bool set;
    uint32_t max_length, stride;
    enum truncation_strategy strategy;
    enum text_side side;
};

struct padding {
    bool set;
    bool fixed; /* to length; else to the longest of the batch */
    uint32_t length, multiple_of, pad_id, pad_type_id;
    struct text pad_token;
    enum text_side side;
};

struct tokenizer_spec {
    struct buf strings;
    struct normalizer *normalizers;
    struct pretokenizer *pretokenizers;
    struct postprocessor *postprocessors;
    struct decoder *decoders;
    bool has_decoder; /* an empty Sequence is a decoder, "decoder": null is none: tokens are joined
                         by spaces */
    bool has_postprocessor; /* even if there are none: an empty Sequence names sequences too */
    struct template_piece *pieces;
    uint32_t *post_ids; /* of special tokens in templates */
    struct model_spec model;
    struct vocab_entry *vocab;
    struct merge *merges;
    struct added_token *added;
    struct truncation truncation;
    struct padding padding;
    size_t n_normalizers, n_pretokenizers, n_postprocessors, n_decoders, n_pieces, n_post_ids;
    size_t n_vocab, n_merges, n_added;

    /* What transformers does beside the library (tokenizer_config.json and its like). */
    bool clean_up_spaces; /* clean_up_tokenization_spaces in decode */
};

void tokenizer_spec_release(struct tokenizer_spec *s);
#define AUTO_TOKENIZER_SPEC CLEANUP(tokenizer_spec_release)

/* Appends to strings. */
struct text spec_text(struct tokenizer_spec *s, const void *data, size_t size);
static inline const char *spec_str(const struct tokenizer_spec *s, struct text t)
{
    return s->strings.data + t.at;
}

/*
 * The model's alphabet is bytes: its pre-tokenizers end in ByteLevel, it is a
 * BPE without affixes that knows every byte of UTF-8, and nothing between reads
 * the mapped characters. Then
 * pieces keep their bytes (ByteLevel only cuts), the vocabulary is compiled as
 * bytes, and the 256 stand-in characters of ByteLevel exist only in the names
 * of tokens. What comes out is the same.
 */
bool spec_is_bytes(const struct tokenizer_spec *s);
