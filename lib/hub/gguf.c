#include "hub/gguf.h"

#include <endian.h>

enum {
    COUNT_MAX = 1000 * 1000, /* key-value pairs, and tensors */
    KEY_MAX = 64 << 10,
    VALUES_MAX = 4096,
    KEPT_BYTES_MAX = 16 << 20,
    STRINGS_KEPT = 64, /* of an array */
};

/* ggml's tensor types by their numbers. elements 0: no such type. */
static const struct {
    uint16_t elements, bytes; /* of a block */
    enum encoding encoding;
} tensor_types[GGML_TYPES] = {
    [0] = {1, 4, ENCODING_FLOAT32},
    [1] = {1, 2, ENCODING_FLOAT16},
    [2] = {32, 18, ENCODING_Q4_0},
    [3] = {32, 20},
    [6] = {32, 22},
    [7] = {32, 24},
    [8] = {32, 34},
    [9] = {32, 36},
    [10] = {256, 84},
    [11] = {256, 110},
    [12] = {256, 144, ENCODING_Q4_K},
    [13] = {256, 176},
    [14] = {256, 210, ENCODING_Q6_K},
    [15] = {256, 292},
    [16] = {256, 66},
    [17] = {256, 74},
    [18] = {256, 98},
    [19] = {256, 50},
    [20] = {32, 18},
    [21] = {256, 110},
    [22] = {256, 82},
    [23] = {256, 136},
    [24] = {1, 1},
    [25] = {1, 2},
    [26] = {1, 4},
    [27] = {1, 8},
    [28] = {1, 8},
    [29] = {256, 56},
    [30] = {1, 2, ENCODING_BFLOAT16},
    [34] = {256, 54},
    [35] = {256, 66},
    [39] = {32, 17},
    [40] = {64, 36},
};

enum encoding gguf_file_type_encoding(int64_t file_type)
{
    switch (file_type & ~(int64_t)1024) { /* 1024: the writer guessed */
    case 0:
        return ENCODING_FLOAT32;
    case 1:
        return ENCODING_FLOAT16;
    case 2:
        return ENCODING_Q4_0;
    case 14: /* Q4_K_S */
    case 15: /* Q4_K_M */
        return ENCODING_Q4_K;
    case 18:
        return ENCODING_Q6_K;
    case 32:
        return ENCODING_BFLOAT16;
    default:
        return ENCODING_NONE;
    }
}

/* Bytes of a number or bool of this type; 0 for strings and arrays. */
static size_t scalar_size(enum gguf_type t)
{
    static const uint8_t sizes[N_GGUF_TYPES] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
        [GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
        [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8};

    return sizes[t];
}

/* ---- a cursor over the prefix: what it cannot read yet it needs */

struct cursor {
    const uint8_t *data;
    uint64_t at, size;
    uint64_t limit; /* no header reaches beyond this */
    uint64_t need;  /* > 0: bytes from the start of the file wanted before going on */
    const char *fault;
};

static bool cursor_fault(struct cursor *c, const char *what)
{
    if (!c->fault)
        c->fault = what;
    return false;
}

static bool has(struct cursor *c, uint64_t n)
{
    if (c->fault)
        return false;
    if (n > c->limit - c->at)
        return cursor_fault(c, c->limit == GGUF_HEADER_MAX ? "longer than 64 MiB"
                                                           : "it ends beyond the end of the file");
    if (c->at + n <= c->size)
        return true;
    c->need = c->at + n;
    return false;
}

static bool read_uint(struct cursor *c, size_t n, uint64_t *ret)
{
    uint64_t v = 0;

    if (!has(c, n))
        return false;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)c->data[c->at + i] << (8 * i);
    c->at += n;
    *ret = v;
    return true;
}

static bool read_string(struct cursor *c, uint64_t max, const char **ret, uint64_t *ret_size)
{
    uint64_t size;

    if (!read_uint(c, 8, &size))
        return false;
    if (size > max)
        return cursor_fault(c, "a string longer than allowed");
    if (!has(c, size))
        return false;
    *ret = (const char *)c->data + c->at;
    *ret_size = size;
    c->at += size;
    return true;
}

/* ---- values */

static void value_release(struct gguf_value *v)
{
    free(v->key);
    free(v->s);
    free(v->ints);
    for (size_t i = 0; v->strings && i < v->n; i++)
        free(v->strings[i]);
    free(v->strings);
}

/* Turns the raw bits of a scalar into both forms. */
static void set_number(enum gguf_type type, uint64_t bits, int64_t *ret_i, double *ret_d)
{
    float f;
    double d;

    switch (type) {
    case GGUF_F32: {
        uint32_t low = (uint32_t)bits;
        memcpy(&f, &low, 4);
        *ret_d = (double)f;
        break;
    }
    case GGUF_F64:
        memcpy(&d, &bits, 8);
        *ret_d = d;
        break;
    case GGUF_I8:
        *ret_i = (int8_t)bits; // NOLINT(bugprone-signed-char-misuse): a number
        break;
    case GGUF_I16:
        *ret_i = (int16_t)bits;
        break;
    case GGUF_I32:
        *ret_i = (int32_t)bits;
        break;
    case GGUF_BOOL:
        *ret_i = bits != 0;
        break;
    default: /* unsigned, and I64 whose bits are its value */
        *ret_i = bits > INT64_MAX && type == GGUF_U64 ? INT64_MAX : (int64_t)bits;
    }
    if (type == GGUF_F32 || type == GGUF_F64)
        *ret_i = *ret_d > -9e18 && *ret_d < 9e18 ? (int64_t)*ret_d : 0;
    else
        *ret_d = (double)*ret_i;
}

static bool read_number(struct cursor *c, struct gguf_value *v)
{
    uint64_t bits;

    if (!read_uint(c, scalar_size(v->type), &bits))
        return false;
    set_number(v->type, bits, &v->i, &v->d);
    return true;
}

static bool read_text(struct cursor *c, struct gguf_value *v)
{
    const char *s;
    uint64_t size = 0;

    if (!read_string(c, GGUF_HEADER_MAX, &s, &size))
        return false;
    v->size = size;
    if (size <= GGUF_STRING_KEPT && !memchr(s, '\0', size))
        v->s = str_dup_n(s, size);
    return true;
}

static bool read_number_array(struct cursor *c, struct gguf_value *v)
{
    size_t width = scalar_size(v->item_type);
    double d;

    if (v->n > GGUF_HEADER_MAX / width)
        return cursor_fault(c, "an array longer than allowed");
    if (!has(c, v->n * width))
        return false;
    if (v->n <= GGUF_ARRAY_KEPT && v->item_type != GGUF_F32 && v->item_type != GGUF_F64) {
        v->ints = mem_new_array(v->n + 1, int64_t);
        for (size_t i = 0; i < v->n; i++) {
            uint64_t bits = 0;
            if (!read_uint(c, width, &bits))
                return false;
            set_number(v->item_type, bits, &v->ints[i], &d);
        }
        return true;
    }
    c->at += v->n * width;
    return true;
}

static bool read_string_array(struct cursor *c, struct gguf_value *v)
{
    bool keep = v->n <= STRINGS_KEPT;

    if (v->n > GGUF_HEADER_MAX / 8)
        return cursor_fault(c, "an array longer than allowed");
    if (keep)
        v->strings = mem_new_array(v->n + 1, char *);
    for (uint64_t i = 0; i < v->n; i++) {
        const char *s;
        uint64_t size;

        if (!read_string(c, GGUF_HEADER_MAX, &s, &size))
            return false;
        if (keep)
            v->strings[i] = str_dup_n(s, size < 4096 ? size : 4096);
    }
    return true;
}

static bool read_array(struct cursor *c, struct gguf_value *v)
{
    uint64_t type;

    if (!read_uint(c, 4, &type) || !read_uint(c, 8, &v->n))
        return false;
    if (type >= N_GGUF_TYPES || type == GGUF_ARRAY)
        return cursor_fault(c, "an array of an unknown type");
    v->item_type = (enum gguf_type)type;
    return v->item_type == GGUF_STRING ? read_string_array(c, v) : read_number_array(c, v);
}

static uint64_t kept_bytes(const struct gguf_value *v)
{
    uint64_t n = sizeof(*v) + strlen(v->key) + (v->s ? v->size : 0) + (v->ints ? 8 * v->n : 0);

    for (size_t i = 0; v->strings && i < v->n; i++)
        n += strlen(v->strings[i]) + 8;
    return n;
}

/* One pair; the cursor is behind it only when all of it was there. */
static bool read_pair(struct cursor *c, struct gguf_value *v)
{
    const char *key;
    uint64_t size, type;

    if (!read_string(c, KEY_MAX, &key, &size) || !read_uint(c, 4, &type))
        return false;
    if (type >= N_GGUF_TYPES)
        return cursor_fault(c, "a value of an unknown type");
    v->key = str_dup_n(key, size);
    v->type = (enum gguf_type)type;
    v->items_at = c->at + 12; /* behind type and length, when it is an array */
    switch (v->type) {
    case GGUF_STRING:
        return read_text(c, v);
    case GGUF_ARRAY:
        return read_array(c, v);
    default:
        return read_number(c, v);
    }
}

static bool keep(struct gguf *g, struct cursor *c, struct gguf_value *v)
{
    if (str_eq(v->key, "tokenizer.ggml.tokens") && v->type == GGUF_ARRAY) {
        if (v->item_type != GGUF_STRING)
            return cursor_fault(c, "tokenizer.ggml.tokens are no strings");
        g->n_tokens = (int64_t)v->n;
        g->tokens_at = v->items_at;
    }
    if (str_eq(v->key, "tokenizer.ggml.token_type") && v->type == GGUF_ARRAY &&
        v->item_type == GGUF_I32) {
        g->types_at = v->items_at;
        g->n_types = v->n;
    }
    g->kept_bytes += kept_bytes(v);
    if (g->n_values == VALUES_MAX || g->kept_bytes > KEPT_BYTES_MAX)
        return cursor_fault(c, "more metadata than any model has");
    if ((g->n_values & (g->n_values - 1)) == 0)
        g->values = mem_resize(g->values, (g->n_values ? 2 * g->n_values : 1) * sizeof(*g->values));
    g->values[g->n_values++] = *v;
    *v = (struct gguf_value){0};
    return true;
}

static bool read_pairs(struct gguf *g, struct cursor *c)
{
    for (; g->kv_read < g->n_kv; g->kv_read++) {
        struct gguf_value v = {0};
        bool ok = read_pair(c, &v) && keep(g, c, &v);

        value_release(&v);
        if (!ok)
            return false;
        g->at = c->at;
    }
    return true;
}

/* ---- tensors */

static bool read_tensor(struct gguf *g, struct cursor *c)
{
    const char *name;
    uint64_t size, n_dims, dim, type, offset, elements = 1;

    if (!read_string(c, KEY_MAX, &name, &size) || !read_uint(c, 4, &n_dims))
        return false;
    if (n_dims > 4)
        return cursor_fault(c, "a tensor of more than 4 dimensions");
    for (uint64_t i = 0; i < n_dims; i++) {
        if (!read_uint(c, 8, &dim))
            return false;
        if (__builtin_mul_overflow(elements, dim, &elements) || elements > (uint64_t)1 << 50)
            return cursor_fault(c, "a tensor larger than any");
    }
    if (!read_uint(c, 4, &type) || !read_uint(c, 8, &offset))
        return false;
    if (type >= GGML_TYPES || !tensor_types[type].elements)
        return cursor_fault(c, "a tensor of an unknown type");
    if (elements % tensor_types[type].elements)
        return cursor_fault(c, "a tensor that is no whole number of blocks");
    uint64_t bytes = elements / tensor_types[type].elements * tensor_types[type].bytes;
    if (offset > (uint64_t)1 << 60)
        return cursor_fault(c, "a tensor beyond the end of the file");
    if (offset + bytes > g->data_size)
        g->data_size = offset + bytes;
    g->elements[type] += elements;
    if (__builtin_add_overflow(g->n_parameters, elements, &g->n_parameters))
        g->n_parameters = INT64_MAX;
    if (tensor_types[type].encoding)
        g->encodings |= 1u << tensor_types[type].encoding;
    return true;
}

static bool read_tensors(struct gguf *g, struct cursor *c)
{
    for (; g->tensors_read < g->n_tensors; g->tensors_read++) {
        if (!read_tensor(g, c))
            return false;
        g->at = c->at;
    }
    return true;
}

/* ---- what follows from it */

/* By the id keys that there are: role of the token, its key. */
static const struct {
    const char *role, *key;
} special_keys[] = {
    {"bos_token", "tokenizer.ggml.bos_token_id"},
    {"eos_token", "tokenizer.ggml.eos_token_id"},
    {"eot_token", "tokenizer.ggml.eot_token_id"},
    {"eom_token", "tokenizer.ggml.eom_token_id"},
    {"unk_token", "tokenizer.ggml.unknown_token_id"},
    {"sep_token", "tokenizer.ggml.seperator_token_id"}, /* spelled so in the files */
    {"pad_token", "tokenizer.ggml.padding_token_id"},
    {"cls_token", "tokenizer.ggml.cls_token_id"},
    {"mask_token", "tokenizer.ggml.mask_token_id"},
};

/* The texts of the special tokens, by one walk over the vocabulary. */
static void find_special(struct gguf *g, const uint8_t *data, uint64_t size)
{
    struct cursor c = {.data = data, .at = g->tokens_at, .size = size, .limit = size};

    g->special = mem_new_array(ARRAY_SIZE(special_keys), struct gguf_special);
    for (size_t i = 0; i < ARRAY_SIZE(special_keys); i++) {
        int64_t id = gguf_int(g, special_keys[i].key, -1);

        if (id >= 0)
            g->special[g->n_special++] =
                (struct gguf_special){.role = special_keys[i].role, .id = id};
    }
    for (int64_t id = 0; g->n_special && id < g->n_tokens; id++) {
        const char *s;
        uint64_t n;

        if (!read_string(&c, GGUF_HEADER_MAX, &s, &n))
            return;
        for (size_t i = 0; i < g->n_special; i++)
            if (g->special[i].id == id && !memchr(s, '\0', n))
                g->special[i].content = str_dup_n(s, n);
    }
}

/* Control tokens (3) and user-defined ones (4) are what other files call added. */
static void count_special(struct gguf *g, const uint8_t *data)
{
    for (uint64_t i = 0; i < g->n_types; i++) {
        uint32_t type;

        memcpy(&type, data + g->types_at + 4 * i, 4);
        type = le32toh(type);
        g->n_special_tokens += type == 3 || type == 4;
    }
}

static void sum_up(struct gguf *g, const uint8_t *data, uint64_t size)
{
    const struct gguf_value *file_type = gguf_find(g, "general.file_type");
    size_t most = 0;

    for (size_t t = 1; t < GGML_TYPES; t++)
        if (g->elements[t] > g->elements[most])
            most = t;
    if (file_type)
        g->encoding = gguf_file_type_encoding(file_type->i);
    else if (g->elements[most])
        g->encoding = tensor_types[most].encoding;
    find_special(g, data, size);
    count_special(g, data);
}

static bool read_start(struct gguf *g, struct cursor *c)
{
    uint64_t version;

    if (!has(c, 24))
        return false;
    if (memcmp(c->data, "GGUF", 4) != 0)
        return cursor_fault(c, "it does not begin with GGUF");
    c->at = 4;
    if (!read_uint(c, 4, &version) || !read_uint(c, 8, &g->n_tensors) || !read_uint(c, 8, &g->n_kv))
        return false;
    if (version > 0 && version < 0x10000 && version != 2 && version != 3)
        return cursor_fault(c, "a version other than 2 and 3");
    if (version != 2 && version != 3)
        return cursor_fault(c, "big endian: only little endian files are read");
    if (g->n_tensors > COUNT_MAX || g->n_kv > COUNT_MAX)
        return cursor_fault(c, "more than a million pairs or tensors");
    g->version = (uint32_t)version;
    g->at = c->at;
    return true;
}

static bool check_end(struct gguf *g, struct cursor *c, int64_t file_size)
{
    uint64_t align = (uint64_t)gguf_int(g, "general.alignment", 32);

    if (align == 0 || align % 8 || align > 1 << 20)
        return cursor_fault(c, "an alignment that is none");
    g->header_size = (g->at + align - 1) / align * align;
    if (file_size >= 0 && g->n_tensors && g->header_size + g->data_size > (uint64_t)file_size)
        return cursor_fault(c, "tensors lie beyond the end of the file");
    return true;
}

bool gguf_read(struct gguf *g, const void *data, size_t size, int64_t file_size, size_t *ret_need,
               struct err *err)
{
    struct cursor c = {.data = data, .at = g->at, .size = size, .limit = GGUF_HEADER_MAX};

    if (file_size >= 0 && (uint64_t)file_size < c.limit)
        c.limit = (uint64_t)file_size;
    if ((g->version || read_start(g, &c)) && read_pairs(g, &c) && read_tensors(g, &c) &&
        check_end(g, &c, file_size)) {
        sum_up(g, data, size);
        *ret_need = 0;
        return true;
    }
    if (c.fault) {
        err_set(err, ERR_FILE_CORRUPT, "GGUF header: %s", c.fault);
        return err_fact_str(err, "detail", c.fault);
    }
    *ret_need = c.need;
    return true;
}

struct gguf *gguf_new(void) { return mem_new(struct gguf); }

void gguf_free(struct gguf *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n_values; i++)
        value_release(&g->values[i]);
    for (size_t i = 0; i < g->n_special; i++)
        free(g->special[i].content);
    free(g->special);
    free(g->values);
    free(g);
}

/* ---- looking up */

const struct gguf_value *gguf_find(const struct gguf *g, const char *key)
{
    for (size_t i = 0; i < g->n_values; i++)
        if (str_eq(g->values[i].key, key))
            return &g->values[i];
    return NULL;
}

static bool is_number(const struct gguf_value *v)
{
    return v && v->type != GGUF_STRING && v->type != GGUF_ARRAY;
}

int64_t gguf_int(const struct gguf *g, const char *key, int64_t fallback)
{
    const struct gguf_value *v = gguf_find(g, key);

    return is_number(v) ? v->i : fallback;
}

const char *gguf_str(const struct gguf *g, const char *key)
{
    const struct gguf_value *v = gguf_find(g, key);

    return v && v->type == GGUF_STRING && v->s ? v->s : "";
}

const struct gguf_value *gguf_find_arch(const struct gguf *g, const char *name)
{
    AUTO_FREE char *key = str_printf("%s.%s", gguf_str(g, "general.architecture"), name);

    return gguf_find(g, key);
}

int64_t gguf_arch_int(const struct gguf *g, const char *name, int64_t fallback)
{
    const struct gguf_value *v = gguf_find_arch(g, name);

    return is_number(v) ? v->i : fallback;
}

double gguf_arch_real(const struct gguf *g, const char *name, double fallback)
{
    const struct gguf_value *v = gguf_find_arch(g, name);

    return is_number(v) ? v->d : fallback;
}
