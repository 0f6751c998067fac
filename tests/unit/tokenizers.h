#pragma once
/* Tokenizers for tests: of a tokenizer.json in memory, and what the reference makes of them. */
#include "test.h"

#include "tokenizer/load.h"
#include "tokenizer/tokenizer.h"

#include <jansson.h>

/* Fails the test when it cannot be made. */
static inline struct tokenizer *make_tokenizer(const char *json)
{
    AUTO_ERR struct err err = {0};
    AUTO_TOKENIZER_SPEC struct tokenizer_spec spec = {0};
    struct tokenizer_files files = {.tokenizer_json = {json, strlen(json)}};
    struct image_key key = {{0}};
    struct tokenizer *t = NULL;
    struct buf image = {0};
    char *memory;
    bool ok = tokenizer_load(&files, &spec, &err) && tokenizer_compile(&spec, &key, &image, &err);

    if (ok) {
        memory = aligned_alloc(64, (image.size + 63) / 64 * 64);
        memcpy(memory, image.data, image.size);
        ok = tokenizer_open((struct image){(uint8_t *)memory, image.size}, free, memory, &t, &err);
    }
    buf_release(&image);
    if (!ok)
        fail_msg("%s", err.msg);
    return t;
}

static inline json_t *golden(const char *group)
{
    static json_t *all;
    json_error_t error;

    if (!all)
        all = json_load_file(TEST_DATA "/tokenizers/golden.json", 0, &error);
    assert_non_null(all);
    return json_object_get(all, group);
}

static inline uint32_t int_at(json_t *list, size_t i)
{
    return (uint32_t)json_integer_value(json_array_get(list, i));
}

/* One encoding against its golden form; where names the case. */
static inline void assert_encoded(const struct encoded *e, json_t *want, size_t where)
{
    json_t *ids = json_object_get(want, "ids");

    if (e->n != json_array_size(ids))
        fail_msg("case %zu: %zu tokens instead of %zu", where, e->n, json_array_size(ids));
    for (size_t i = 0; i < e->n; i++) {
        bool same = e->ids[i] == int_at(ids, i) &&
                    e->type_ids[i] == int_at(json_object_get(want, "type_ids"), i) &&
                    (uint32_t)e->word_ids[i] == int_at(json_object_get(want, "words"), i) &&
                    e->offsets[i].start == int_at(json_object_get(want, "offsets"), 2 * i) &&
                    e->offsets[i].end == int_at(json_object_get(want, "offsets"), 2 * i + 1) &&
                    e->special_mask[i] == int_at(json_object_get(want, "special"), i) &&
                    e->attention_mask[i] == int_at(json_object_get(want, "attention"), i) &&
                    (uint32_t)e->sequence_ids[i] == int_at(json_object_get(want, "sequences"), i);
        if (!same)
            fail_msg("case %zu, token %zu: id %u", where, i, e->ids[i]);
    }
}

/* A case of the golden groups encode and truncate. */
static inline void assert_golden_encoding(json_t *test, size_t where, struct scratch *scratch)
{
    struct tokenizer *t = make_tokenizer(json_string_value(json_object_get(test, "tokenizer")));
    const char *a = json_string_value(json_object_get(test, "text"));
    const char *b = json_string_value(json_object_get(test, "pair"));
    json_t *want = json_object_get(test, "encodings");
    struct slice first = {a, strlen(a)}, second = {b, b ? strlen(b) : 0};
    struct encode_input input = {&first, 1, false}, pair = {&second, 1, false};
    struct encode_options options = {.add_special_tokens =
                                         json_is_true(json_object_get(test, "specials")),
                                     .offsets = true,
                                     .overflowing = true,
                                     .truncation = *tokenizer_truncation(t)};
    struct encoded e = {0};
    AUTO_ERR struct err err = {0};
    bool ok = tokenizer_encode(t, &input, b ? &pair : NULL, &options, scratch, &e, &err);

    if (ok != json_is_array(want))
        fail_msg("case %zu: %s", where, ok ? "the reference refuses it" : err.msg);
    if (ok) {
        if (tokenizer_padding(t)->set)
            encoded_pad(&e, 1, tokenizer_padding(t));
        assert_int_equal(1 + e.n_overflowing, json_array_size(want));
        for (size_t i = 0; i <= e.n_overflowing; i++)
            assert_encoded(i ? &e.overflowing[i - 1] : &e, json_array_get(want, i), where);
    }
    encoded_release(&e);
    tokenizer_unref(t);
}

/* Small tokenizers of the three families that most models are of. */
#define WORDS_JSON                                                                               \
    "{\"added_tokens\":[{\"id\":7,\"content\":\"<m>\",\"single_word\":false,\"lstrip\":false,"   \
    "\"rstrip\":false,\"normalized\":false,\"special\":true}],\"normalizer\":null,"              \
    "\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"post_processor\":null,\"decoder\":null," \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":null,\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"d\":3," \
    "\"e\":4,\"ab\":5,\"cd\":6,\"<m>\":7,\"é\":8},\"merges\":[[\"a\",\"b\"],[\"c\",\"d\"]]}}"
