#include "hub/safetensors.h"

#include "json/reader.h"

#include <endian.h>

/* clang-format off */
static const struct {
    const char *name;
    unsigned bits;
} dtypes[N_ST_DTYPES] = {
#define X(id, text, n_bits) [id] = {.name = text, .bits = n_bits},
    SAFETENSORS_DTYPES(X)
#undef X
};
/* clang-format on */

/* U8 is what packed four-bit formats are stored in, and MAX takes it for them. */
static enum encoding dtype_encoding(enum safetensors_dtype t)
{
    switch (t) {
    case ST_F32:
        return ENCODING_FLOAT32;
    case ST_F16:
        return ENCODING_FLOAT16;
    case ST_BF16:
        return ENCODING_BFLOAT16;
    case ST_F8_E4M3:
        return ENCODING_FLOAT8_E4M3FN;
    case ST_F6_E2M3:
        return ENCODING_FLOAT6_E2M3FN;
    case ST_U8:
    case ST_F4:
        return ENCODING_FLOAT4_E2M1FNX2;
    default:
        return ENCODING_NONE;
    }
}

const char *safetensors_dtype_name(enum safetensors_dtype t) { return dtypes[t].name; }

unsigned safetensors_dtype_bits(enum safetensors_dtype t) { return dtypes[t].bits; }

/* Bytes [begin, end) of the data that tensors cover. */
struct interval {
    uint64_t begin, end;
};

struct header {
    struct json_reader r;
    struct safetensors st;
    struct interval *covered; /* neighbours are joined, so usually it is one */
    size_t n_covered, capacity;
};

struct tensor {
    enum safetensors_dtype dtype; /* N_ST_DTYPES: not told */
    bool has_shape, has_offsets;
    uint64_t elements, begin, end;
};

static bool read_size(struct json_reader *r, uint64_t *ret)
{
    int64_t v;

    if (!json_read_int(r, &v))
        return false;
    if (v < 0)
        return json_read_fault(r, "a negative size");
    *ret = (uint64_t)v;
    return true;
}

static void read_dtype(struct json_reader *r, struct tensor *t)
{
    struct slice name;

    if (!json_read_text(r, &name))
        return;
    for (t->dtype = 0; t->dtype < N_ST_DTYPES; t->dtype++)
        if (slice_eq(name, dtypes[t->dtype].name))
            return;
    json_read_fault(r, "an unknown dtype");
}

static void read_shape(struct json_reader *r, struct tensor *t)
{
    uint64_t dim = 0;

    t->elements = 1;
    t->has_shape = json_read_array(r);
    while (json_read_item(r) && read_size(r, &dim))
        if (__builtin_mul_overflow(t->elements, dim, &t->elements))
            json_read_fault(r, "a shape beyond 64 bits");
}

static void read_offsets(struct json_reader *r, struct tensor *t)
{
    t->has_offsets = json_read_array(r) && json_read_item(r) && read_size(r, &t->begin) &&
                     json_read_item(r) && read_size(r, &t->end);
    if (!r->fault && (!t->has_offsets || json_read_item(r)))
        json_read_fault(r, "data_offsets are not two numbers");
}

/* Scales and zero points say nothing about what the weights are stored as. */
static bool is_scale(struct slice name)
{
    static const char *const endings[] = {"_scale",   "_scale_inv", "_scales", ".scales",
                                          "_scale_2", "zero_point", "_zeros",  ".qzeros",
                                          ".g_idx",   "_absmax",    "_offset", "_global_scale",
                                          ".absmax",  ".quant_map", ".scale"};

    for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
        size_t n = strlen(endings[i]);
        if (name.size >= n && memcmp(name.data + name.size - n, endings[i], n) == 0)
            return true;
    }
    return false;
}

static void cover(struct header *h, uint64_t begin, uint64_t end)
{
    if (begin == end)
        return;
    if (h->n_covered && h->covered[h->n_covered - 1].end == begin) {
        h->covered[h->n_covered - 1].end = end;
        return;
    }
    if (h->n_covered == h->capacity) {
        h->capacity = h->capacity ? 2 * h->capacity : 16;
        h->covered = mem_resize(h->covered, h->capacity * sizeof(*h->covered));
    }
    h->covered[h->n_covered++] = (struct interval){begin, end};
}

static void count_tensor(struct header *h, const struct tensor *t, bool scale)
{
    struct safetensors *st = &h->st;
    uint64_t bits, weights = scale || t->dtype == ST_F8_E8M0 ? 0 : t->elements;

    if (t->dtype == N_ST_DTYPES || !t->has_shape || !t->has_offsets) {
        json_read_fault(&h->r, "a tensor needs dtype, shape and data_offsets");
        return;
    }
    if (__builtin_mul_overflow(t->elements, dtypes[t->dtype].bits, &bits)) {
        json_read_fault(&h->r, "a shape beyond 64 bits");
        return;
    }
    if (t->begin > t->end || bits % 8 || t->end - t->begin != bits / 8) {
        json_read_fault(&h->r, "data_offsets do not fit dtype and shape");
        return;
    }
    /* Sums may wrap until check_cover() has seen that no byte counts twice. */
    st->n_tensors++;
    st->elements[t->dtype] += t->elements;
    st->weights[t->dtype] += weights;
    if (dtype_encoding(t->dtype))
        st->encodings |= 1u << dtype_encoding(t->dtype);
    cover(h, t->begin, t->end);
}

static void read_tensor(struct header *h, bool scale)
{
    struct tensor t = {.dtype = N_ST_DTYPES};
    struct slice key;

    if (!json_read_object(&h->r))
        return;
    while (json_read_key(&h->r, &key)) {
        if (slice_eq(key, "dtype"))
            read_dtype(&h->r, &t);
        else if (slice_eq(key, "shape"))
            read_shape(&h->r, &t);
        else if (slice_eq(key, "data_offsets"))
            read_offsets(&h->r, &t);
        else
            json_read_skip(&h->r);
    }
    if (!h->r.fault)
        count_tensor(h, &t, scale);
}

static void read_metadata(struct header *h)
{
    struct slice key, value;

    json_read_object(&h->r);
    while (json_read_key(&h->r, &key)) {
        bool format = slice_eq(key, "format");

        if (json_read_kind(&h->r) != KIND_STRING)
            json_read_skip(&h->r);
        else if (json_read_text(&h->r, &value) && format)
            slice_copy(value, h->st.format, sizeof(h->st.format));
    }
}

static int by_begin(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static bool corrupt(struct err *err, const char *detail)
{
    err_set(err, ERR_FILE_CORRUPT, "safetensors header: %s", detail);
    return err_fact_str(err, "detail", detail);
}

/* Every byte of the data belongs to one tensor: no overlap, no gap, nothing beyond the end. */
static bool check_cover(struct header *h, int64_t file_size, struct err *err)
{
    uint64_t end = 0;

    if (h->n_covered > 1)
        qsort(h->covered, h->n_covered, sizeof(*h->covered), by_begin);
    for (size_t i = 0; i < h->n_covered; i++) {
        if (h->covered[i].begin < end)
            return corrupt(err, "tensors overlap");
        if (h->covered[i].begin > end)
            return corrupt(err, "a gap between tensors");
        end = h->covered[i].end;
    }
    h->st.data_size = end;
    if (file_size >= 0 && end > (uint64_t)file_size - 8 - h->st.header_size)
        return corrupt(err, "tensors lie beyond the end of the file");
    return true;
}

static enum encoding sum_up(struct safetensors *st)
{
    enum safetensors_dtype most = 0;

    for (enum safetensors_dtype t = 0; t < N_ST_DTYPES; t++) {
        if (st->weights[t] > st->weights[most])
            most = t;
        if (__builtin_add_overflow(st->n_parameters, st->weights[t], &st->n_parameters))
            st->n_parameters = INT64_MAX;
    }
    return st->weights[most] ? dtype_encoding(most) : ENCODING_NONE;
}

static bool read_header(struct header *h, int64_t file_size, struct err *err)
{
    struct slice key;

    json_read_object(&h->r);
    while (json_read_key(&h->r, &key)) {
        if (slice_eq(key, "__metadata__"))
            read_metadata(h);
        else
            read_tensor(h, is_scale(key));
    }
    if (!json_read_end(&h->r, ERR_FILE_CORRUPT, "safetensors header", err))
        return false;
    if (!check_cover(h, file_size, err))
        return false;
    h->st.encoding = sum_up(&h->st);
    return true;
}

bool safetensors_read(struct safetensors *ret, const void *data, size_t size, int64_t file_size,
                      size_t *ret_need, struct err *err)
{
    uint64_t n;

    if (file_size >= 0 && file_size < 10)
        return corrupt(err, "the file is shorter than the shortest header");
    *ret_need = 8;
    if (size < 8)
        return true;
    memcpy(&n, data, 8);
    n = le64toh(n);
    if (n < 2)
        return corrupt(err, "its length is less than 2");
    if (n > SAFETENSORS_HEADER_MAX)
        return corrupt(err, "its length is beyond 25 MB: not a safetensors file?");
    if (file_size >= 0 && n + 8 > (uint64_t)file_size)
        return corrupt(err, "it is longer than the file");
    *ret_need = 8 + n;
    if (size < *ret_need)
        return true;
    struct header h = {.r = json_reader((const char *)data + 8, n), .st.header_size = n};
    bool ok = read_header(&h, file_size, err);
    free(h.covered);
    json_reader_release(&h.r);
    if (ok)
        *ret = h.st;
    return ok;
}

/* ---- the index */

enum { INDEX_FILES_MAX = 10000 };

/* Where name is or belongs among the sorted files. */
static size_t file_place(const struct safetensors_index *ix, const char *name, bool *ret_found)
{
    size_t low = 0, high = ix->n_files;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = strcmp(ix->files[mid], name);

        if (c == 0) {
            *ret_found = true;
            return mid;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = false;
    return low;
}

static void add_file(struct safetensors_index *ix, struct json_reader *r, const char *name)
{
    bool found;
    size_t at = file_place(ix, name, &found);

    if (found)
        return;
    if (ix->n_files == INDEX_FILES_MAX) {
        json_read_fault(r, "more than 10000 files");
        return;
    }
    if ((ix->n_files & (ix->n_files - 1)) == 0)
        ix->files = mem_resize(ix->files, (ix->n_files ? 2 * ix->n_files : 1) * sizeof(*ix->files));
    memmove(ix->files + at + 1, ix->files + at, (ix->n_files - at) * sizeof(*ix->files));
    ix->files[at] = str_dup(name);
    ix->n_files++;
}

static void read_weight_map(struct safetensors_index *ix, struct json_reader *r)
{
    struct slice tensor, file;
    char name[512], last[512] = "";

    json_read_object(r);
    while (json_read_key(r, &tensor) && json_read_text(r, &file)) {
        if (memchr(file.data, '\0', file.size) || !slice_copy(file, name, sizeof(name)))
            json_read_fault(r, "a file name that is none");
        else if (!str_eq(name, last)) /* tensors of one file mostly follow each other */
            add_file(ix, r, strcpy(last, name));
        ix->n_tensors++;
    }
}

/* Some writers put these numbers as 1.5e10. */
static void read_total(struct json_reader *r, int64_t *ret)
{
    double v;

    if (json_read_kind(r) != KIND_NUMBER)
        json_read_skip(r);
    else if (json_read_real(r, &v) && v >= 0 && v < 9e18)
        *ret = (int64_t)v;
}

static void read_index_metadata(struct safetensors_index *ix, struct json_reader *r)
{
    struct slice key;

    json_read_object(r);
    while (json_read_key(r, &key)) {
        if (slice_eq(key, "total_size"))
            read_total(r, &ix->total_size);
        else if (slice_eq(key, "total_parameters"))
            read_total(r, &ix->total_parameters);
        else
            json_read_skip(r);
    }
}

bool safetensors_index_read(struct safetensors_index *ret, const char *text, size_t size,
                            struct err *err)
{
    AUTO_JSON_READER struct json_reader r = json_reader(text, size);
    struct safetensors_index ix = {0};
    struct slice key;
    bool mapped = false;

    json_read_object(&r);
    while (json_read_key(&r, &key)) {
        if (slice_eq(key, "weight_map")) {
            mapped = true;
            read_weight_map(&ix, &r);
        } else if (slice_eq(key, "metadata") && json_read_kind(&r) == KIND_OBJECT) {
            read_index_metadata(&ix, &r);
        } else {
            json_read_skip(&r);
        }
    }
    if (!r.fault && !mapped)
        json_read_fault(&r, "no weight_map");
    if (!json_read_end(&r, ERR_FILE_CORRUPT, "safetensors index", err)) {
        safetensors_index_release(&ix);
        return false;
    }
    *ret = ix;
    return true;
}

void safetensors_index_release(struct safetensors_index *ix)
{
    for (size_t i = 0; i < ix->n_files; i++)
        free(ix->files[i]);
    free(ix->files);
    *ix = (struct safetensors_index){0};
}
