#include "test.h"

#include "hub/safetensors.h"
#include "json/writer.h"

/* The length and the header, as a file begins. */
static void make(struct buf *b, const char *header)
{
    uint64_t n = strlen(header);

    buf_append(b, &n, 8);
    buf_append_str(b, header);
}

static bool read_header(const char *header, int64_t data_size, struct safetensors *ret,
                        struct err *err)
{
    AUTO_BUF struct buf b = {0};
    size_t need;

    make(&b, header);
    bool ok = safetensors_read(ret, b.data, b.size,
                               data_size < 0 ? -1 : (int64_t)b.size + data_size, &need, err);
    if (ok)
        assert_int_equal(need, b.size);
    return ok;
}

static void a_header_is_counted_by_dtype(void **state)
{
    AUTO_ERR struct err err = {0};
    struct safetensors st;
    (void)state;

    assert_true(read_header(
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"a.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[4,8],\"data_offsets\":[0,32]},"
        "\"a.weight_scale_inv\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[32,40]},"
        "\"n.weight\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[40,48]}}   ",
        48, &st, &err));
    assert_int_equal(st.n_tensors, 3);
    assert_int_equal(st.elements[ST_F32], 2);
    assert_int_equal(st.weights[ST_F32], 0);
    assert_int_equal(st.n_parameters, 36);
    assert_int_equal(st.encoding, ENCODING_FLOAT8_E4M3FN);
    assert_int_equal(st.encodings, 1u << ENCODING_FLOAT8_E4M3FN | 1u << ENCODING_FLOAT32 |
                                       1u << ENCODING_BFLOAT16);
    assert_int_equal(st.data_size, 48);
    assert_string_equal(st.format, "pt");
}

static void it_says_how_many_bytes_it_needs(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    struct safetensors st;
    size_t need;
    (void)state;

    make(&b, "{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}");
    for (size_t size = 0; size < b.size; size++) {
        assert_true(safetensors_read(&st, b.data, size, -1, &need, &err));
        assert_int_equal(need, size < 8 ? 8 : b.size);
    }
}

static void tensors_may_stand_in_any_order_but_cover_all(void **state)
{
    static const struct {
        const char *header;
        int64_t data_size;
        const char *fault; /* NULL: fine */
    } cases[] = {
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
         8, NULL},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, NULL},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, NULL},
        {"{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3, NULL},
        {"{}", 0, NULL},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
         8, "overlap"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, "gap"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3, "beyond the end"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 8, "do not fit"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,4]}}", 8, "do not fit"},
        {"{\"a\":{\"dtype\":\"X8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 8, "unknown dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-4],\"data_offsets\":[0,4]}}", 8, "negative"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 8,
         "beyond 64 bits"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904],\"data_offsets\":[0,4]}}", 8,
         "beyond 64 bits"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 8, "needs dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,8]}}", 8, "two numbers"},
        {"{\"a\":1}", 8, "not an object"},
        {"[]", 8, "not an object"},
        {"{\"a\"", 8, "no :"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct safetensors st;
        bool ok = read_header(cases[i].header, cases[i].data_size, &st, &err);

        if (ok != !cases[i].fault || (!ok && !strstr(err.msg, cases[i].fault)))
            fail_msg("%s: %s", cases[i].header, ok ? "taken" : err.msg);
    }
}

static void a_length_that_cannot_be_is_refused(void **state)
{
    static const struct {
        uint64_t n;
        int64_t file_size;
    } cases[] = {{0, -1}, {1, -1}, {25000001, -1}, {UINT64_MAX, -1}, {100, 107}, {2, 9}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct safetensors st;
        size_t need;

        assert_false(safetensors_read(&st, &cases[i].n, 8, cases[i].file_size, &need, &err));
        assert_int_equal(err.code, ERR_FILE_CORRUPT);
    }
}

/* What a writer lays out in any order is read back with the same counts. */
static void generated_headers_are_read_back(void **state)
{
    static const enum safetensors_dtype types[] = {ST_F32, ST_F16, ST_BF16, ST_I8, ST_U8, ST_I64};
    unsigned seed = 3;
    (void)state;

    for (int round = 0; round < 200; round++) {
        AUTO_ERR struct err err = {0};
        AUTO_BUF struct buf b = {0};
        uint64_t counts[N_ST_DTYPES] = {0}, at = 0;
        struct json j = json_begin(&b);
        struct safetensors st;

        json_open(&j, '{');
        for (int i = rand_r(&seed) % 20; i >= 0; i--) {
            enum safetensors_dtype t = types[(size_t)rand_r(&seed) % ARRAY_SIZE(types)];
            uint64_t rows = (uint64_t)rand_r(&seed) % 50, columns = (uint64_t)rand_r(&seed) % 50;
            uint64_t end = at + rows * columns * safetensors_dtype_bits(t) / 8;
            AUTO_FREE char *name = str_printf("layer.%d", i);

            json_key(&j, name);
            buf_printf(&b, "{\"dtype\":\"%s\",\"shape\":[%llu,%llu],\"data_offsets\":[%llu,%llu]}",
                       safetensors_dtype_name(t), (unsigned long long)rows,
                       (unsigned long long)columns, (unsigned long long)at,
                       (unsigned long long)end);
            counts[t] += rows * columns;
            at = end;
        }
        json_close(&j, '}');
        if (!read_header(b.data, (int64_t)at, &st, &err))
            fail_msg("%s: %s", err.msg, b.data);
        assert_memory_equal(st.elements, counts, sizeof(counts));
        assert_int_equal(st.data_size, at);
    }
}

static void an_index_names_its_files_once(void **state)
{
    static const char text[] =
        "{\"metadata\":{\"total_size\":1.5e3},\"weight_map\":{\"a\":\"m-2.safetensors\","
        "\"b\":\"m-1.safetensors\",\"c\":\"m-2.safetensors\",\"d\":\"m-1.safetensors\"}}";
    AUTO_ERR struct err err = {0};
    struct safetensors_index ix;
    (void)state;

    assert_true(safetensors_index_read(&ix, text, strlen(text), &err));
    assert_int_equal(ix.n_files, 2);
    assert_string_equal(ix.files[0], "m-1.safetensors");
    assert_int_equal(ix.n_tensors, 4);
    assert_int_equal(ix.total_size, 1500);
    safetensors_index_release(&ix);
    assert_false(safetensors_index_read(&ix, "{}", 2, &err));
    assert_int_equal(err.code, ERR_FILE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_counted_by_dtype),
        cmocka_unit_test(it_says_how_many_bytes_it_needs),
        cmocka_unit_test(tensors_may_stand_in_any_order_but_cover_all),
        cmocka_unit_test(a_length_that_cannot_be_is_refused),
        cmocka_unit_test(generated_headers_are_read_back),
        cmocka_unit_test(an_index_names_its_files_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
