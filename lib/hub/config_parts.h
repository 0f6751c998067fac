#pragma once
/*
 * The parts a config is read by, one file each. Inside of hub/config only.
 *
 * All of them look keys up in the same place: the nested text config, when
 * there is one, before the root. Names are lists of synonyms, "a|b|c", of which
 * the first that is there and not null counts.
 */
#include "hub/config.h"

struct config_doc {
    json_t *root;
    json_t *text; /* the language model's part of it, or root */
    const char *file;
    const char *model_type; /* of text; "" */
    struct err *err;
    bool failed; /* *err is filled; lookups answer "not there" from now on */
};

/* The value of the first synonym in text, else in root; NULL none. */
json_t *doc_get(const struct config_doc *d, const char *names);
/* The same in one object only. Borrowed. */
json_t *object_get(json_t *object, const char *names);

/* ERR_CONFIG_INVALID with the facts file, key, value, detail; sets failed. */
void doc_fault(struct config_doc *d, const char *key, json_t *value, const char *detail);

/*
 * Numbers at least 0; a list counts as its largest, so that a size that differs
 * by layer is never taken for too small. Of another kind or negative: a fault.
 */
int64_t doc_int(struct config_doc *d, const char *names, int64_t fallback);
int64_t object_int(struct config_doc *d, json_t *object, const char *names, int64_t fallback);
double doc_real(struct config_doc *d, const char *names, double fallback);
bool doc_bool(const struct config_doc *d, const char *names, bool fallback);
bool object_bool(json_t *object, const char *names, bool fallback);
/* "" when it is no string. */
const char *doc_str(const struct config_doc *d, const char *names);
const char *object_str(json_t *object, const char *names);

/* Is word one of the words of a list "a|b|c"? */
bool word_in(const char *word, const char *list);

/* What the class of a model type has where its file is silent; -1 nothing known. */
int64_t config_default(const char *model_type, const char *key);
/* Is the model type part of transformers, so that it needs no code of the repository? */
bool config_type_known(const char *model_type);

void config_read_rope(struct config *c, struct config_doc *d);
void config_read_layers(struct config *c, struct config_doc *d);
void config_read_quant(struct config *c, struct config_doc *d);

/* Takes over doc. The one way into a config of kinds HF and GGUF. */
bool config_build(struct config **ret, json_t *doc, enum config_kind kind, const char *file,
                  struct err *err) MUST_CHECK;
/* JSON as Python writes it (NaN, Infinity, integers beyond 64 bits) to a tree. */
json_t *config_load_text(const char *text, size_t size, const char *file, struct err *err);
