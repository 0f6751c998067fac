#pragma once
/*
 * Core: what is left of a spec when normalizers, pre-tokenizers and model have
 * their own sections: post-processors, decoders, added tokens by id and by
 * text, defaults. It lies in the image as it is used.
 */
#include "tokenizer/char_index.h"
#include "tokenizer/decode_table.h"
#include "tokenizer/model.h"
#include "tokenizer/pattern.h"
#include "tokenizer/scanner.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/words.h"

struct core_added {
    struct text content; /* in core.strings */
    struct text name;    /* what it is called and decoded as: its normalized text */
    uint32_t id;
    bool special;
    bool plain; /* is found in raw text wherever it stands (added_finder.h) */
};

/* Head of IMAGE_CORE; places are bytes from its begin. */
struct core_head {
    struct truncation truncation;
    struct padding padding;
    uint32_t posts, n_posts;
    uint32_t pieces, n_pieces;
    uint32_t post_ids, n_post_ids;
    uint32_t decoders, n_decoders;
    uint32_t pretokenizers, n_pretokenizers; /* to find the scanner by */
    uint32_t added, n_added;                 /* by id, each id once */
    uint32_t by_text, n_texts;               /* indices of added, by content */
    uint32_t specials, n_specials;           /* struct text, sorted: contents of special tokens */
    uint32_t strings, strings_size;
    uint32_t id_end;         /* largest id of vocabulary and added tokens + 1 */
    uint32_t added_size_max; /* longest added token in bytes */
    bool has_decoder, has_postprocessor, clean_up_spaces;
    bool normalizes;  /* there are normalizers */
    bool added_plain; /* no added token hides from a look at the raw text */
    bool added_strip; /* some added token takes white space or looks at its neighbours */
    uint8_t cut;      /* enum cut_rule */
};

/* How a text may be cut in two without changing a single id (cut.c). */
enum cut_rule {
    CUT_NEVER,
    CUT_SCANNER, /* where the scanner ends a piece for sure */
    CUT_SPACE,   /* before a single space between letters or digits of ASCII */
};

struct core {
    const struct core_head *head;
    const struct postprocessor *posts;
    const struct template_piece *pieces;
    const uint32_t *post_ids;
    const struct decoder *decoders;
    const struct pretokenizer *pretokenizers;
    const struct core_added *added;
    const uint32_t *by_text;
    const struct text *specials;
    const char *strings;
};

/* Appends IMAGE_CORE. Errors: COMBINATION (post-processors the reference itself cannot run). */
bool core_compile(const struct tokenizer_spec *spec, const struct added_names *names,
                  struct buf *out, struct err *err) MUST_CHECK;
bool core_open(const void *data, size_t size, struct core *ret, struct err *err) MUST_CHECK;

static inline struct slice core_text(const struct core *c, struct text t)
{
    return (struct slice){c->strings + t.at, t.size};
}
/* NULL: none. */
const struct core_added *core_added_by_id(const struct core *c, uint32_t id);
const struct core_added *core_added_by_text(const struct core *c, const char *text, size_t size);
bool core_is_special_text(const struct core *c, const char *text, size_t size);

/* What the spec's normalizers, pre-tokenizers and model allow (cut.c). */
enum cut_rule cut_rule(const struct tokenizer_spec *spec);
/* Neighbouring bytes of added tokens; NULL: there are none. */
uint8_t *cut_added_pairs(const struct core *c);

enum trims {
    TRIMS_NOT,
    TRIMS_WORDS, /* wherever a token stands, and no added token has any */
    TRIMS_ROWS,  /* otherwise: rows need lead and trail */
};

struct tokenizer {
    atomic_uint refs;
    struct image image;
    void (*release)(void *ctx);
    void *ctx;
    struct core core;
    struct program *program;
    struct token_model *model;
    struct pattern **patterns; /* per decoder; NULL where it has none */
    struct decode_table table;
    const struct scanner *scanner;
    struct added_finder *finder;
    struct words *words;  /* NULL: there is no fast way */
    uint8_t *added_pairs; /* bit b1 << 8 | b2: neighbours in some added token; NULL: no added */
    uint32_t *prefix_ids, *suffix_ids; /* what post-processing puts around one text */
    size_t n_prefix, n_suffix;
    enum trims trims;
    bool wraps_plainly; /* … and that is all it does to ids: the text is there once */
    uint32_t n_names;
    uint64_t serial; /* no other tokenizer of this process has it, now or later */
};

/* Decoding by table, token after token. */
struct decode_state {
    struct buf run;         /* bytes of ByteFallback that wait for the end of their run */
    struct buf token, step; /* the first token on its way */
    struct pattern_scratch *patterns;
    uint32_t n_stripped;
    bool started, front_done; /* a token was there; text that is not stripped was there */
};

struct scratch {
    struct pieces_scratch *pieces_scratch;
    struct model_scratch *model_scratch;
    struct pieces pieces;
    struct tokens tokens;
    struct parts *parts;
    struct id_list ids;
    struct encoded encoding;
    struct buf decoded;
    struct decode_state decode;
    struct strings *strings[2];
    struct words_scratch *words_scratch;
    struct words_out words_out;
    struct char_index char_index;
    struct buf text; /* a copy with the bytes behind it that words_encode() reads */
};
