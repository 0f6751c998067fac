#include "test.h"

#include "arch/terms.h"

static void every_name_parses_to_its_value(void **state)
{
    (void)state;
    for (int i = 1; i < N_TASKS; i++)
        assert_int_equal(task_parse(task_name((enum task)i)), i);
    for (int i = 1; i < N_ENCODINGS; i++)
        assert_int_equal(encoding_parse(encoding_name((enum encoding)i)), i);
    for (int i = 1; i < N_FORMATS; i++)
        assert_int_equal(weights_format_parse(weights_format_name((enum weights_format)i)), i);
    for (int i = 1; i < N_ROPES; i++)
        assert_int_equal(rope_type_parse(rope_type_name((enum rope_type)i)), i);
    for (int i = 1; i < N_KV_STRATEGIES; i++)
        assert_int_equal(kv_strategy_parse(kv_strategy_name((enum kv_strategy)i)), i);
    for (int i = 0; i < N_MODALITIES; i++)
        assert_int_equal(modality_parse(modality_names[i]), 1 << i);
    assert_null(task_name(TASK_NONE));
    assert_int_equal(encoding_parse("int7"), ENCODING_NONE);
    assert_null(encoding_names[N_ENCODINGS - 1]);
}

static void encodings_know_their_devices_and_caches(void **state)
{
    (void)state;
    assert_true(encoding_facts(ENCODING_Q4_K)->on_cpu);
    assert_false(encoding_facts(ENCODING_Q4_K)->on_gpu);
    assert_false(encoding_facts(ENCODING_BFLOAT16)->on_cpu);
    assert_string_equal(encoding_facts(ENCODING_FLOAT8_E4M3FN)->kv_dtype, "bfloat16");
    assert_int_equal(encoding_facts(ENCODING_NONE)->kv_dtype_bytes, 4);
    assert_true(encoding_facts(ENCODING_Q6_K)->bits == 210 * 8 / 256.0);
    for (int i = 0; i < N_ENCODINGS; i++)
        assert_non_null(encoding_facts((enum encoding)i)->dtype);
}

static void file_names_say_their_encoding(void **state)
{
    static const struct {
        const char *path;
        enum encoding encoding;
    } cases[] = {
        {"model-Q4_K_M.gguf", ENCODING_Q4_K},
        {"m-q4_0.gguf", ENCODING_Q4_0},
        {"m.Q6_K.gguf", ENCODING_Q6_K},
        {"m-bf16.gguf", ENCODING_BFLOAT16},
        {"m-F16.gguf", ENCODING_FLOAT16},
        {"m_f16.gguf", ENCODING_FLOAT16},
        {"f16-00001-of-00002.gguf", ENCODING_FLOAT16},
        {"diffusion_pytorch_model.fp16.safetensors", ENCODING_FLOAT16},
        {"x-fp32.safetensors", ENCODING_FLOAT32},
        {"nvfp4.safetensors", ENCODING_FLOAT4_E2M1FNX2},
        {"model-00001-of-00002.safetensors", ENCODING_NONE},
        {"Llama-GPTQ.safetensors", ENCODING_GPTQ},
        {"m-Q4_K_S.gguf", ENCODING_NONE},
        {"m-Q5_K_M.gguf", ENCODING_NONE},
        {"m-Q8_0.gguf", ENCODING_NONE},
        {"x-fp6.safetensors", ENCODING_FLOAT6_E2M3FN},
        {"flux1-dev-FP8_e4m3fn.safetensors", ENCODING_FLOAT8_E4M3FN},
        {"F8_E4M3.safetensors", ENCODING_FLOAT8_E4M3FN},
        /* only the base name counts, and no digests */
        {"f32/model.safetensors", ENCODING_NONE},
        {"f32/model-bf16.gguf", ENCODING_BFLOAT16},
        {"weights-3bf16a9c.safetensors", ENCODING_NONE},
        {"9af32f8f4f16.bin", ENCODING_NONE},
        {"af16-f16.gguf", ENCODING_FLOAT16},
        {"", ENCODING_NONE},
        {"dir/", ENCODING_NONE},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (encoding_of_file_name(cases[i].path) != cases[i].encoding)
            fail_msg("%s: %s", cases[i].path,
                     encoding_name(encoding_of_file_name(cases[i].path)) ?: "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_parses_to_its_value),
        cmocka_unit_test(encodings_know_their_devices_and_caches),
        cmocka_unit_test(file_names_say_their_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
