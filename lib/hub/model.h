#pragma once
/*
 * Model: everything read about one model at one commit, weights apart.
 *
 * The answer to "what is this repository", on which every decision is made.
 * Immutable and counted, so that jobs, caches and loops share it. Built by
 * hub/inspect from bytes that the daemon fetched.
 */
#include "hub/config.h"
#include "hub/repo_id.h"

/* Why a dtype is believed to be in a file. */
enum evidence {
    EVIDENCE_NONE,
    EVIDENCE_FILE_NAME,
    EVIDENCE_HEADER,
    EVIDENCE_HUB_METADATA,
    EVIDENCE_CONFIG,
    EVIDENCE_REPO_NAME
};
const char *evidence_name(enum evidence e);

struct model_file {
    const char *path; /* relative to the repository root */
    int64_t size;     /* bytes; -1 unknown */
    char oid[65];     /* git sha1 (40 hex) or, for LFS, sha256 (64 hex); "" for local files */

    /* weights only (below the subfolder, when one is asked for), otherwise FORMAT_NONE */
    enum weights_format format;
    enum encoding encoding; /* of this file as one answer; ENCODING_NONE when mixed or unknown */
    enum evidence evidence;
    uint32_t header_encodings; /* bit 1 << encoding for every dtype seen in the header */
    int64_t n_parameters;      /* from the header; 0 unknown */
    bool consolidated; /* a duplicate set, left out when a model*.safetensors set is there */
};

struct special_token {
    char role[32]; /* bos_token, eos_token, ... */
    char *content;
    int64_t id; /* -1 when the files do not say */
};

struct chat_template {
    char name[64];   /* "default", "tool_use", ... */
    char *source;    /* the template's text */
    char origin[64]; /* file it came from */
    char *facts;     /* members of a JSON object: see template_facts.h */
};

/* Facts of the tokenizer files. kind "" when there are none. */
struct tokenizer_facts {
    char kind[24];       /* BPE, WordPiece, Unigram, WordLevel, sentencepiece, tiktoken, tekken,
                            gguf:gpt2, ... */
    char class_name[64]; /* tokenizer_class of tokenizer_config.json */
    char source_file[64];
    int64_t vocab_size; /* with added tokens; 0 unknown */
    int64_t n_added_tokens;
    char *normalizer, *pre_tokenizer, *post_processor,
        *decoder;                     /* type names, a Sequence as "A+B"; NULL none */
    double model_max_length;          /* as written; 0 none, and beyond 1e12 means none */
    int add_bos_token, add_eos_token; /* -1 not said */
    struct special_token *special;
    size_t n_special;
    char *additional_special; /* additional_special_tokens: a JSON array of texts; NULL: none */
    int64_t *eos_ids;         /* of tokenizer, generation_config and config, without doubles */
    size_t n_eos_ids;
    struct chat_template *templates;
    size_t n_templates;
};

/* Something that was there but could not be read: told, not fatal. */
struct model_problem {
    char *path;
    enum err_code code;
    char *message;
};

struct model {
    atomic_uint refs;
    struct model_ref ref;
    char commit[65]; /* 40 hex; for a local model a digest of names, sizes and times */
    char canonical[MODEL_PATH_MAX + 1]; /* the Hub's spelling after a rename, else ref.model */
    enum { FROM_HUB, FROM_HUB_CACHE, FROM_LOCAL_DIR, FROM_LOCAL_GGUF } origin;
    bool stale;        /* the Hub could not be asked; this is the last that was known */
    int64_t pinned_at; /* Unix seconds */
    bool gated, is_private;

    struct model_file *files; /* sorted by path */
    size_t n_files;

    struct config *config; /* NULL: none found; then config_missing says what was looked for */
    uint32_t encodings;    /* bit 1 << encoding: found in the repository, as MAX finds them */
    enum evidence encoding_evidence[N_ENCODINGS];
    bool has_adapter_config; /* a LoRA adapter */
    char adapter_base[REPO_ID_MAX + 1];
    json_t *generation_config, *adapter_config; /* NULL: none or broken */
    bool is_sentence_transformer;
    struct tokenizer_facts tokenizer;
    struct model_problem *problems;
    size_t n_problems;
};

struct model *model_ref_count(const struct model *m); /* takes a reference */
void model_unref(struct model *m);
DEFINE_CLEANUP(struct model *, model_unref)

const struct model_file *model_file(const struct model *m, const char *path); /* NULL: none */
bool model_has_format(const struct model *m, enum weights_format f);
size_t model_bytes(const struct model *m); /* held in memory, for byte budgets */

/*
 * Why there is no config (tokenizer.kind is ""): a file that could not be read,
 * when there is one, else that there is none. Always false.
 */
bool model_no_config(const struct model *m, struct err *err);
bool model_no_tokenizer(const struct model *m, struct err *err);
