#include "test.h"

#include "hub/config.h"
#include "hub/gguf.h"
#include "hub/gguf_arch.h"

#include <stdio.h>

#include "gguf_bytes.h"

static struct gguf *read_whole(const struct buf *b)
{
    AUTO_ERR struct err err = {0};
    struct gguf *g = gguf_new();
    size_t need = 1;

    if (!gguf_read(g, b->data, b->size, -1, &need, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(need, 0);
    return g;
}

static void a_header_tells_numbers_tokens_and_types(void **state)
{
    AUTO_BUF struct buf b = {0};
    (void)state;

    gguf_llama(&b, 1000);
    CLEANUP(gguf_freep) struct gguf *g = read_whole(&b);
    assert_int_equal(gguf_arch_int(g, "block_count", 0), 4);
    assert_true(gguf_arch_real(g, "rope.freq_base", 0) == 500000);
    assert_string_equal(gguf_str(g, "general.name"), "Small");
    assert_string_equal(gguf_str(g, "llama.block_count"), "");
    assert_int_equal(g->n_tokens, 1000);
    assert_int_equal(g->n_special_tokens, 2);
    assert_int_equal(g->n_special, 2);
    assert_string_equal(g->special[1].role, "eos_token");
    assert_string_equal(g->special[1].content, "t999");
    assert_int_equal(g->encoding, ENCODING_Q4_K);
    assert_int_equal(g->encodings, 1u << ENCODING_Q4_K | 1u << ENCODING_Q6_K);
    assert_int_equal(g->n_parameters, 512 * 4 + 512 * 1024);
    assert_int_equal(g->header_size, b.size);
    assert_int_equal(g->data_size, GGUF_LLAMA_DATA);
}

/* However the bytes come, the end is the same, and what is asked for is never too little. */
static void a_growing_prefix_leads_to_the_same_end(void **state)
{
    AUTO_BUF struct buf b = {0};
    (void)state;

    gguf_llama(&b, 50);
    for (size_t first = 0; first < b.size; first += 7) {
        AUTO_ERR struct err err = {0};
        CLEANUP(gguf_freep) struct gguf *g = gguf_new();
        size_t size = first, need = 1;
        int rounds = 0;

        while (need) {
            /* A copy of its own size, so that a read beyond it is seen by the sanitizer. */
            AUTO_FREE char *prefix = mem_alloc(size + 1);
            memcpy(prefix, b.data, size);
            assert_true(gguf_read(g, prefix, size, -1, &need, &err));
            assert_true(need == 0 || need > size);
            assert_true(need <= b.size);
            size = need ? need : size;
            assert_true(++rounds < 500);
        }
        assert_int_equal(g->n_tokens, 50);
        assert_int_equal(g->tensors_read, 2);
        assert_string_equal(g->special[0].content, "t48");
    }
}

static void what_is_no_gguf_is_refused_with_its_reason(void **state)
{
    AUTO_BUF struct buf big = {0}, old = {0}, many = {0}, type = {0}, dims = {0}, tensor = {0};
    const struct {
        const struct buf *b;
        int64_t file_size;
        const char *message;
    } cases[] = {{&big, -1, "big endian"},      {&old, -1, "version"},
                 {&many, -1, "million"},        {&type, -1, "unknown"},
                 {&dims, -1, "dimensions"},     {&tensor, -1, "whole number"},
                 {&type, 20, "end of the file"}};
    (void)state;

    gguf_begin(&big, 0x03000000, 0, 0);
    gguf_begin(&old, 1, 0, 0);
    gguf_begin(&many, 3, 2000000, 0);
    gguf_begin(&type, 3, 0, 1);
    gguf_put_string(&type, "key");
    gguf_put(&type, 77, 4);
    gguf_begin(&dims, 3, 1, 0);
    gguf_put_string(&dims, "w");
    gguf_put(&dims, 9, 4);
    gguf_begin(&tensor, 3, 1, 0);
    gguf_tensor(&tensor, "w", 12, 100, 1, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        CLEANUP(gguf_freep) struct gguf *g = gguf_new();
        size_t need;

        assert_false(
            gguf_read(g, cases[i].b->data, cases[i].b->size, cases[i].file_size, &need, &err));
        assert_int_equal(err.code, ERR_FILE_CORRUPT);
        if (!strstr(err.msg, cases[i].message))
            fail_msg("%s", err.msg);
    }
}

static void tensors_must_lie_in_the_file(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    size_t need;
    (void)state;

    gguf_llama(&b, 10);
    CLEANUP(gguf_freep) struct gguf *fits = gguf_new();
    CLEANUP(gguf_freep) struct gguf *cut = gguf_new();
    int64_t size = (int64_t)b.size + GGUF_LLAMA_DATA;
    assert_true(gguf_read(fits, b.data, b.size, size, &need, &err));
    assert_false(gguf_read(cut, b.data, b.size, size - 1, &need, &err));
}

static void its_metadata_is_a_config(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    CLEANUP(config_unrefp) struct config *c = NULL;
    (void)state;

    gguf_llama(&b, 1000);
    CLEANUP(gguf_freep) struct gguf *g = read_whole(&b);
    assert_true(config_from_gguf(&c, g, &err));
    assert_int_equal(c->kind, CONFIG_GGUF);
    assert_string_equal(c->architectures[0], "LlamaForCausalLM");
    assert_string_equal(c->model_type, "llama");
    assert_int_equal(c->n_layers, 4);
    assert_int_equal(c->n_kv_heads, 2);
    assert_int_equal(c->head_dim, 64);
    assert_int_equal(c->vocab_size, 1000);
    assert_int_equal(c->max_positions, 8192);
    assert_int_equal(c->bos_token_id, 998);
    assert_int_equal(c->eos_token_ids[0], 999);
    assert_non_null(strstr(c->body->bytes, "\"num_hidden_layers\":4"));
}

static void layers_may_differ(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0}, s = {0};
    CLEANUP(config_unrefp) struct config *hybrid = NULL;
    CLEANUP(config_unrefp) struct config *sliding = NULL;
    (void)state;

    gguf_begin(&b, 3, 0, 9);
    gguf_kv_str(&b, "general.architecture", "nemotron_h");
    gguf_kv_u32(&b, "nemotron_h.block_count", 4);
    gguf_kv_u32(&b, "nemotron_h.embedding_length", 64);
    gguf_kv_u32(&b, "nemotron_h.attention.head_count", 4);
    gguf_kv_array(&b, "nemotron_h.attention.head_count_kv", GGUF_I32, 4);
    for (int i = 0; i < 4; i++)
        gguf_put(&b, i == 2 ? 2 : 0, 4);
    gguf_kv_array(&b, "nemotron_h.feed_forward_length", GGUF_I32, 4);
    for (int i = 0; i < 4; i++)
        gguf_put(&b, i == 1 ? 256 : 0, 4);
    gguf_kv_u32(&b, "nemotron_h.ssm.state_size", 16);
    gguf_kv_u32(&b, "nemotron_h.ssm.inner_size", 128);
    gguf_kv_u32(&b, "nemotron_h.ssm.conv_kernel", 4);
    CLEANUP(gguf_freep) struct gguf *g = read_whole(&b);
    assert_true(config_from_gguf(&hybrid, g, &err));
    static const uint8_t kinds[] = {LAYER_MAMBA, LAYER_NONE, LAYER_FULL, LAYER_MAMBA};
    assert_memory_equal(hybrid->layer_kinds, kinds, sizeof(kinds));
    assert_int_equal(hybrid->n_kv_heads, 2);
    assert_int_equal(hybrid->state_elements, 3 * 128 + 128 * 16);

    gguf_begin(&s, 3, 0, 4);
    gguf_kv_str(&s, "general.architecture", "gemma3");
    gguf_kv_u32(&s, "gemma3.block_count", 4);
    gguf_kv_u32(&s, "gemma3.attention.sliding_window", 512);
    gguf_kv_array(&s, "gemma3.attention.sliding_window_pattern", GGUF_BOOL, 4);
    for (int i = 0; i < 4; i++)
        gguf_put(&s, i != 1, 1);
    CLEANUP(gguf_freep) struct gguf *h = read_whole(&s);
    assert_true(config_from_gguf(&sliding, h, &err));
    static const uint8_t slide[] = {LAYER_SLIDING, LAYER_FULL, LAYER_SLIDING, LAYER_SLIDING};
    assert_memory_equal(sliding->layer_kinds, slide, sizeof(slide));
    assert_int_equal(sliding->sliding_window, 512);
}

static void a_projector_is_no_model(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    struct config *c = NULL;
    (void)state;

    gguf_begin(&b, 3, 0, 1);
    gguf_kv_str(&b, "general.architecture", "clip");
    CLEANUP(gguf_freep) struct gguf *g = read_whole(&b);
    assert_false(config_from_gguf(&c, g, &err));
    assert_int_equal(err.code, ERR_CONFIG_INVALID);
}

static void file_types_have_encodings(void **state)
{
    (void)state;
    assert_int_equal(gguf_file_type_encoding(0), ENCODING_FLOAT32);
    assert_int_equal(gguf_file_type_encoding(1), ENCODING_FLOAT16);
    assert_int_equal(gguf_file_type_encoding(1024 | 15), ENCODING_Q4_K);
    assert_int_equal(gguf_file_type_encoding(18), ENCODING_Q6_K);
    assert_int_equal(gguf_file_type_encoding(32), ENCODING_BFLOAT16);
    assert_int_equal(gguf_file_type_encoding(7), ENCODING_NONE);
}

static void gguf_names_give_classes_best_first(void **state)
{
    static const struct {
        const char *gguf, *first;
    } cases[] = {
        {"llama", "LlamaForCausalLM"},
        {"qwen2", "Qwen2ForCausalLM"},
        {"bert", "BertModel"},
        {"deepseek2", "DeepseekV3ForCausalLM"},
        {"t5", "T5ForConditionalGeneration"},
        {"gpt-oss", "GptOssForCausalLM"},
        {"gemma4", "Gemma4ForConditionalGeneration"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct gguf_arch *a = gguf_arch_find(cases[i].gguf);
        size_t size = strlen(cases[i].first);

        assert_non_null(a);
        assert_memory_equal(a->classes, cases[i].first, size);
        assert_true(a->classes[size] == '\0' || a->classes[size] == ' ');
    }
    assert_null(gguf_arch_find("clip"));
    assert_null(gguf_arch_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_names_give_classes_best_first),
        cmocka_unit_test(a_header_tells_numbers_tokens_and_types),
        cmocka_unit_test(a_growing_prefix_leads_to_the_same_end),
        cmocka_unit_test(what_is_no_gguf_is_refused_with_its_reason),
        cmocka_unit_test(tensors_must_lie_in_the_file),
        cmocka_unit_test(its_metadata_is_a_config),
        cmocka_unit_test(layers_may_differ),
        cmocka_unit_test(a_projector_is_no_model),
        cmocka_unit_test(file_types_have_encodings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
