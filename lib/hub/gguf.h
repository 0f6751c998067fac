#pragma once
/*
 * GGUF: metadata and tensor types from the first bytes of a GGUF file.
 *
 *     "GGUF" version n_tensors n_kv | n_kv × {key, type, value} | n_tensors × {name, dims, type,
 * offset}
 *
 * The vocabulary lies in there, so a header has 1 to 15 MB and its length is
 * not told in advance. Fed with a growing prefix, the reader says how much it
 * needs at least. Kept are numbers, strings up to 1 MiB and short arrays;
 * vocabularies are walked over. Versions 2 and 3, little endian.
 *
 * Source: the GGUF description and the enums of ggml.
 */
#include "arch/terms.h"

enum {
    GGUF_HEADER_MAX = 64 << 20, /* bytes: beyond, the file is refused */
    GGUF_STRING_KEPT = 1 << 20,
    GGUF_ARRAY_KEPT = 4096, /* numbers; of strings 64 */
};

enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    N_GGUF_TYPES
};

struct gguf_value {
    char *key;
    enum gguf_type type;
    int64_t i;   /* integers and bools; above INT64_MAX cut to it */
    double d;    /* every number */
    char *s;     /* STRING, NUL-terminated; NULL when too long to keep */
    size_t size; /* STRING: its bytes */
    /* ARRAY */
    enum gguf_type item_type;
    uint64_t n;
    uint64_t items_at; /* where in the file they begin: all n of them were there */
    int64_t *ints;     /* n of them: short arrays of integers and bools, else NULL */
    char **strings;    /* n of them: short arrays of strings, else NULL */
};

enum { GGML_TYPES = 64 };

struct gguf_special {
    const char *role; /* bos_token, … */
    int64_t id;
    char *content; /* NULL: the id is not in the vocabulary */
};

struct gguf {
    uint32_t version;
    uint64_t n_tensors, n_kv, header_size;
    struct gguf_value *values;
    size_t n_values;
    int64_t n_tokens;         /* tokenizer.ggml.tokens; 0: none */
    int64_t n_special_tokens; /* of tokenizer.ggml.token_type: control and user defined */
    struct gguf_special *special;
    size_t n_special;
    uint64_t elements[GGML_TYPES]; /* by ggml type */
    int64_t n_parameters;          /* of this file */
    uint64_t data_size;            /* bytes of tensors */
    enum encoding encoding;        /* by general.file_type, else by what most weights have */
    uint32_t encodings;            /* of all tensor types that have one */
    /* where reading goes on */
    uint64_t at, kv_read, tensors_read, tokens_at, types_at, n_types, kept_bytes;
};

struct gguf *gguf_new(void);
void gguf_free(struct gguf *g);
DEFINE_CLEANUP(struct gguf *, gguf_free)

/*
 * Goes on reading. data is the file from its first byte, as in the call
 * before but longer. Returns true with *ret_need == 0: everything is there; or
 * with *ret_need > size: that many bytes at least are needed next. file_size
 * -1: unknown.
 *
 * Errors: FILE_CORRUPT (with the fact "detail"), also for big endian files.
 */
bool gguf_read(struct gguf *g, const void *data, size_t size, int64_t file_size, size_t *ret_need,
               struct err *err) MUST_CHECK;

/* NULL, 0, "" or fallback when the key is not there or of another kind. */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);
int64_t gguf_int(const struct gguf *g, const char *key, int64_t fallback);
const char *gguf_str(const struct gguf *g, const char *key);
/* "<general.architecture>.<name>" */
const struct gguf_value *gguf_find_arch(const struct gguf *g, const char *name);
int64_t gguf_arch_int(const struct gguf *g, const char *name, int64_t fallback);
double gguf_arch_real(const struct gguf *g, const char *name, double fallback);

/* A general.file_type as an encoding; NONE for those without one. */
enum encoding gguf_file_type_encoding(int64_t file_type);
