#pragma once
/*
 * Safetensors: what the header of a weights file says, without the weights.
 *
 *     u64 N (little endian) | N bytes of JSON, maybe padded with blanks | data
 *
 * Tensors are counted, not kept: memory is a few intervals however long the
 * header is (one, when tensors lie in header order as all writers have them).
 *
 * Source: the format description and the checks of the reference library.
 */
#include "arch/terms.h"

enum { SAFETENSORS_HEADER_MAX = 25 * 1000 * 1000 };

/* X(enumerator, name, bits of an element) */
#define SAFETENSORS_DTYPES(X)           \
    X(ST_F64, "F64", 64)                \
    X(ST_I64, "I64", 64)                \
    X(ST_U64, "U64", 64)                \
    X(ST_C64, "C64", 64)                \
    X(ST_F32, "F32", 32)                \
    X(ST_I32, "I32", 32)                \
    X(ST_U32, "U32", 32)                \
    X(ST_F16, "F16", 16)                \
    X(ST_BF16, "BF16", 16)              \
    X(ST_I16, "I16", 16)                \
    X(ST_U16, "U16", 16)                \
    X(ST_I8, "I8", 8)                   \
    X(ST_U8, "U8", 8)                   \
    X(ST_BOOL, "BOOL", 8)               \
    X(ST_F8_E4M3, "F8_E4M3", 8)         \
    X(ST_F8_E5M2, "F8_E5M2", 8)         \
    X(ST_F8_E8M0, "F8_E8M0", 8)         \
    X(ST_F8_E4M3FNUZ, "F8_E4M3FNUZ", 8) \
    X(ST_F8_E5M2FNUZ, "F8_E5M2FNUZ", 8) \
    X(ST_F6_E2M3, "F6_E2M3", 6)         \
    X(ST_F6_E3M2, "F6_E3M2", 6)         \
    X(ST_F4, "F4", 4)

enum safetensors_dtype {
#define X(id, name, bits) id,
    SAFETENSORS_DTYPES(X)
#undef X
        N_ST_DTYPES,
};
const char *safetensors_dtype_name(enum safetensors_dtype t);
unsigned safetensors_dtype_bits(enum safetensors_dtype t);

struct safetensors {
    uint64_t header_size; /* N */
    uint64_t data_size;   /* end of the last tensor, from 8 + N */
    int64_t n_tensors;
    uint64_t elements[N_ST_DTYPES]; /* of all tensors */
    uint64_t weights[N_ST_DTYPES];  /* without scales and zero points */
    int64_t n_parameters;           /* sum of weights; a packed element counts once */
    uint32_t encodings;     /* bit 1 << encoding: F32, F16, BF16, F8_E4M3, U8 and F4 as float4 */
    enum encoding encoding; /* the one most weights have; NONE when that dtype has no name here */
    char format[16];        /* __metadata__.format: pt, mlx, np; "" */
};

/*
 * Reads the header out of a file's first bytes. When size is not enough,
 * returns true with *ret_need > size: come again with that many. Then *ret is
 * not filled. file_size -1: unknown, ends are not checked against it.
 *
 * Errors: FILE_CORRUPT with the fact "detail".
 * Cost: linear, about 1 GB/s.
 */
bool safetensors_read(struct safetensors *ret, const void *data, size_t size, int64_t file_size,
                      size_t *ret_need, struct err *err) MUST_CHECK;

/* model.safetensors.index.json: which files the tensors are in. */
struct safetensors_index {
    char **files; /* sorted, each once */
    size_t n_files;
    int64_t n_tensors;
    int64_t total_size, total_parameters; /* of metadata; 0 when not told. Often wrong: a hint */
};
bool safetensors_index_read(struct safetensors_index *ret, const char *text, size_t size,
                            struct err *err) MUST_CHECK;
void safetensors_index_release(struct safetensors_index *ix);
