#include "test.h"

#include "models.h"
#include "plan/bytes.h"
#include "plan/plan.h"

struct plan_case {
    struct config *config;
    struct device device;
    struct plan_input in;
};

/* A plan of one device with so much free memory for weights of that size. */
static void setup(struct plan_case *c, const char *config, int64_t free_bytes, int64_t weights)
{
    memset(c, 0, sizeof(*c));
    c->config = make_config(config);
    c->device = (struct device){.type = "H100",
                                .kind = DEVICE_GPU,
                                .api = API_CUDA,
                                .memory_bytes = free_bytes,
                                .free_bytes = free_bytes};
    c->in = (struct plan_input){
        .devices = &c->device,
        .n_devices = 1,
        .main = {.config = c->config,
                 .encoding = ENCODING_BFLOAT16,
                 .weights_bytes = weights,
                 .kv_dtype_bytes = 2},
        .kv_cache = true,
        .planner = "PagedMemoryPlanner",
        .dp = 1,
        .ep = 1,
        .utilization = 0.9,
        .page_size = 128,
        .max_length = 131072,
        .max_batch_input_tokens = 8192,
        .chunked_prefill = true,
        .vision_cap = 0.2,
    };
}

static void teardown(struct plan_case *c) { config_unref(c->config); }

static struct plan plan_of(const struct plan_case *c)
{
    AUTO_ERR struct err err = {0};
    struct plan p = {0};

    if (!plan_make(&c->in, &p, NULL, &err))
        fail_msg("%s", err.msg);
    return p;
}

static void pages_are_as_large_as_in_max(void **state)
{
    static const struct {
        struct kv_leaf leaf;
        int64_t bytes;
    } cases[] = {
        {{.n_layers = 32, .n_kv_heads = 8, .head_dim = 128, .n_devices = 1}, 16777216},
        {{.n_layers = 32, .n_kv_heads = 8, .head_dim = 128, .n_devices = 2}, 16777216},
        {{.n_layers = 16, .n_kv_heads = 8, .head_dim = 64, .n_devices = 1}, 4194304},
        {{.n_layers = 24, .n_kv_heads = 2, .head_dim = 64, .n_devices = 1}, 1572864},
        {{.mla = true, .n_layers = 61, .n_kv_heads = 1, .head_dim = 576, .n_devices = 8}, 71958528},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct kv_leaf leaf = cases[i].leaf;

        leaf.dtype_bytes = 2;
        leaf.page_size = 128;
        leaf.dp = 1;
        assert_int_equal(kv_bytes_per_block(&leaf), cases[i].bytes);
    }
}

static void a_long_default_takes_all_there_is(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    p = plan_of(&c);
    assert_true(p.fits);
    assert_int_equal(p.kv_cache_bytes, GIB(56));
    assert_int_equal(p.n_blocks, 3584);
    assert_int_equal(p.capacity_tokens, 458752);
    assert_int_equal(p.max_batch_size, 512);
    assert_int_equal(p.max_length, 131072);
    assert_int_equal(p.bytes_per_token, 131072);
    assert_int_equal(p.wanted_kv_bytes, 524288 * INT64_C(16777216));
    assert_int_equal(p.total_bytes, GIB(72));
    assert_int_equal(p.signal_buffer_bytes, 0);
    c.in.formula = PLAN_SEED;
    p = plan_of(&c);
    assert_int_equal(p.kv_cache_bytes, GIB(56));
    assert_int_equal(p.wanted_kv_bytes, GIB(8192));
    teardown(&c);
}

static void weights_that_leave_no_room_do_not_fit(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(16), GIB(31) / 2); /* 14.4 of 16 may be used */
    p = plan_of(&c);
    assert_false(p.fits);
    assert_non_null(strstr(p.reason, "no room for the KV cache"));
    c.in.main.weights_bytes = GIB(17);
    p = plan_of(&c);
    assert_false(p.fits);
    assert_non_null(strstr(p.reason, "more than there is"));
    teardown(&c);
}

static void too_little_for_one_page_does_not_fit(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(16), int_of_real((double)GIB(16) * 0.9) - 16777215);
    p = plan_of(&c);
    assert_false(p.fits);
    assert_non_null(strstr(p.reason, "one page"));
    c.in.main.weights_bytes -= 2;
    assert_true(plan_of(&c).fits);
    teardown(&c);
}

static void a_length_beyond_capacity_is_clamped_but_not_by_the_seed(void **state)
{
    struct notices notices = {0};
    AUTO_ERR struct err err = {0};
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(20), GIB(16)); /* 2 GiB: 128 pages */
    assert_true(plan_make(&c.in, &p, &notices, &err));
    assert_int_equal(p.n_blocks, 128);
    assert_int_equal(p.max_length, 128 * 128);
    assert_true(p.length_clamped);
    assert_non_null(strstr(notices.list.data, "length-clamped"));
    assert_non_null(strstr(notices.list.data, "batch-exceeds-cache"));
    /* what came out goes in again and stays */
    c.in.max_length = p.max_length;
    c.in.max_batch_size = p.max_batch_size;
    c.in.length_given = c.in.batch_given = true;
    p = plan_of(&c);
    assert_int_equal(p.max_length, 128 * 128);
    assert_false(p.length_clamped);
    c.in.formula = PLAN_SEED;
    c.in.max_length = 131072;
    assert_int_equal(plan_of(&c).max_length, 131072);
    notices_release(&notices);
    teardown(&c);
}

static void signal_buffers_are_for_several_gpus(void **state)
{
    struct device two[2];
    struct plan_case c;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    c.in.always_signal_buffers = true;
    assert_int_equal(plan_of(&c).signal_buffer_bytes, 293650448);
    two[0] = two[1] = c.device;
    c.in.devices = two;
    c.in.n_devices = 2;
    c.in.always_signal_buffers = false;
    assert_int_equal(plan_of(&c).signal_buffer_bytes, 2 * 293650448);
    two[0].kind = two[1].kind = DEVICE_CPU;
    assert_int_equal(plan_of(&c).signal_buffer_bytes, 0);
    teardown(&c);
}

static void heads_must_divide_by_devices(void **state)
{
    AUTO_ERR struct err err = {0};
    struct device three[3];
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    three[0] = three[1] = three[2] = c.device;
    c.in.devices = three;
    c.in.n_devices = 3;
    assert_false(plan_make(&c.in, &p, NULL, &err));
    assert_int_equal(err.code, ERR_COMBINATION);
    err_release(&err);
    c.in.dp = 3;
    assert_true(plan_make(&c.in, &p, NULL, &err));
    c.in.dp = 2;
    assert_false(plan_make(&c.in, &p, NULL, &err));
    assert_non_null(strstr(err.facts.data, "data_parallel_degree"));
    teardown(&c);
}

static void replication_lets_more_devices_share_few_heads(void **state)
{
    AUTO_ERR struct err err = {0};
    struct kv_leaf leaf = {.name = "main",
                           .n_layers = 2,
                           .n_kv_heads = 2,
                           .n_q_heads = 8,
                           .head_dim = 128,
                           .dtype_bytes = 2,
                           .page_size = 128,
                           .n_devices = 4,
                           .dp = 1};
    (void)state;

    assert_false(kv_leaf_check(&leaf, &err));
    leaf.replicate = true;
    err_release(&err);
    assert_true(kv_leaf_check(&leaf, &err));
    assert_int_equal(kv_heads_per_device(&leaf), 1);
    assert_int_equal(kv_bytes_per_block(&leaf), 2 * 2 * 128 * 1 * 128 * 2 * 4);
}

static void hostile_sizes_do_not_wrap(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), INT64_MAX);
    p = plan_of(&c);
    assert_false(p.fits);
    assert_true(p.total_bytes > 0);
    c.in.main.weights_bytes = GIB(1);
    c.config->n_layers = INT64_MAX / 2;
    c.config->head_dim = INT64_MAX / 2;
    p = plan_of(&c);
    assert_false(p.fits);
    assert_int_equal(p.bytes_per_block, INT64_MAX);
    teardown(&c);
}

static void sliding_windows_count_in_the_estimate_only(void **state)
{
    /* 6 layers, every third one sees everything */
    static const char config[] =
        "{\"architectures\":[\"Gemma3ForCausalLM\"],\"model_type\":\"gemma3_text\","
        "\"hidden_size\":640,\"num_hidden_layers\":6,\"num_attention_heads\":4,"
        "\"num_key_value_heads\":1,\"head_dim\":256,\"max_position_embeddings\":32768,"
        "\"sliding_window\":512,\"layer_types\":[\"sliding_attention\",\"sliding_attention\","
        "\"full_attention\",\"sliding_attention\",\"sliding_attention\",\"full_attention\"]}";
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, config, GIB(16), GIB(1));
    c.in.max_length = 32768;
    c.in.max_batch_size = 1;
    c.in.batch_given = true;
    p = plan_of(&c);
    assert_int_equal(p.bytes_per_token, 2 * 6 * 256 * 2);
    assert_int_equal(p.kv_cache_bytes, INT64_C(32768) * 6144);
    assert_int_equal(p.layers.n_sliding, 4);
    assert_int_equal(p.layers.n_full, 2);
    assert_int_equal(p.estimated_kv_bytes, INT64_C(32768) * 2048 + 512 * 4096);
    teardown(&c);
}

static void a_latent_cache_is_counted_once_per_token(void **state)
{
    static const char config[] =
        "{\"architectures\":[\"DeepseekV3ForCausalLM\"],\"model_type\":\"deepseek_v3\","
        "\"hidden_size\":7168,\"num_hidden_layers\":61,\"num_attention_heads\":128,"
        "\"num_key_value_heads\":128,\"kv_lora_rank\":512,\"qk_rope_head_dim\":64,"
        "\"qk_nope_head_dim\":128,\"v_head_dim\":128,\"max_position_embeddings\":163840}";
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, config, GIB(100), GIB(10));
    c.in.max_length = 4096;
    p = plan_of(&c);
    assert_int_equal(p.bytes_per_token, 70272);
    assert_int_equal(p.estimated_bytes_per_token, 70272);
    teardown(&c);
}

static void a_model_of_states_alone_has_no_token_cache(void **state)
{
    static const char config[] =
        "{\"architectures\":[\"MambaForCausalLM\"],\"model_type\":\"mamba\",\"hidden_size\":768,"
        "\"num_hidden_layers\":24,\"state_size\":16,\"conv_kernel\":4,\"expand\":2,"
        "\"intermediate_size\":1536,\"time_step_rank\":48,\"vocab_size\":50280}";
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, config, GIB(8), GIB(1));
    c.in.max_length = 2048;
    p = plan_of(&c);
    assert_true(p.fits);
    assert_int_equal(p.kv_cache_bytes, 0);
    assert_int_equal(p.max_length, 2048);
    teardown(&c);
}

static void planners_reserve_activations(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    c.in.activation_reservation_bytes = GIB(5);
    assert_int_equal(plan_of(&c).activation_bytes, GIB(5));
    c.in.planner = "GptOssMemoryPlanner";
    p = plan_of(&c);
    assert_int_equal(p.activation_bytes, GIB(6));
    assert_int_equal(p.signal_buffer_bytes, 293650448);
    c.in.planner = "Gemma4MemoryPlanner";
    assert_int_equal(plan_of(&c).activation_bytes, GIB(15));
    c.in.graph_capture = true;
    assert_int_equal(plan_of(&c).activation_bytes, GIB(17));
    c.in.planner = "InternVLMemoryPlanner"; /* 8192 tokens are 32 images of 256 */
    assert_int_equal(plan_of(&c).activation_bytes,
                     32 * (INT64_C(128) << 20) + INT64_C(8192) * 100 * 1024);
    teardown(&c);
}

static void a_planner_nobody_read_is_not_guessed(void **state)
{
    struct notices notices = {0};
    AUTO_ERR struct err err = {0};
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    c.in.planner = "InklingMemoryPlanner";
    assert_true(plan_make(&c.in, &p, &notices, &err));
    assert_string_equal(p.planner, "PagedMemoryPlanner");
    assert_non_null(strstr(notices.list.data, "planner-unknown"));
    notices_release(&notices);
    teardown(&c);
}

static void the_batch_defaults_to_one_on_a_cpu(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    c.device.kind = DEVICE_CPU;
    assert_int_equal(plan_of(&c).max_batch_size, 1);
    c.device.kind = DEVICE_GPU;
    c.in.kv_cache = false;
    c.in.planner = NULL;
    p = plan_of(&c);
    assert_int_equal(p.max_batch_size, 1);
    assert_int_equal(p.kv_cache_bytes, 0);
    assert_int_equal(p.total_bytes, GIB(16));
    c.in.kv_cache = true;
    c.in.max_batch_input_tokens = 100;
    p = plan_of(&c);
    assert_int_equal(p.max_batch_size, 100);
    assert_true(p.batch_clamped);
    teardown(&c);
}

static void a_default_length_that_does_not_fit_is_cut(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    /* Latent attention needs 2 * heads * 128 * 2 bytes of activations per token of length. */
    setup(&c, LLAMA_8B, GIB(20), GIB(10));
    c.in.planner = "DeepseekV3MemoryPlanner";
    c.config->qk_nope_head_dim = 1024;
    p = plan_of(&c);
    assert_true(p.fits);
    assert_true(p.length_truncated);
    assert_true(p.max_length < 131072);
    assert_true(p.total_bytes <= p.free_bytes);
    c.in.length_given = true;
    assert_false(plan_of(&c).fits);
    assert_int_equal(plan_search_length(&c.in, 131072), p.max_length);
    teardown(&c);
}

static void a_draft_shares_the_cache_or_gets_its_part(void **state)
{
    struct plan_case c;
    struct plan p;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    c.in.has_draft = true;
    c.in.draft = c.in.main;
    c.in.draft.weights_bytes = GIB(2);
    p = plan_of(&c);
    assert_int_equal(p.bytes_per_block, 2 * 16777216);
    assert_int_equal(p.weights_bytes, GIB(18));
    c.in.formula = PLAN_SEED;
    c.in.max_length = 1024;
    c.in.max_batch_size = 2;
    c.in.batch_given = true;
    p = plan_of(&c);
    assert_true(p.fits);
    assert_int_equal(p.draft_kv_cache_bytes, 2 * 8 * INT64_C(16777216));
    assert_int_equal(p.kv_cache_bytes, 2 * p.draft_kv_cache_bytes);
    c.in.draft.weights_bytes = GIB(30);
    assert_false(plan_of(&c).fits);
    teardown(&c);
}

static void whatever_fits_is_no_more_than_what_is_free(void **state)
{
    struct plan_case c;
    uint64_t x = 88172645463325252u;
    size_t n_fit = 0;
    (void)state;

    setup(&c, LLAMA_8B, GIB(80), GIB(16));
    for (int i = 0; i < 20000; i++) {
        struct plan p;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        c.device.free_bytes = c.device.memory_bytes = (int64_t)(x % (uint64_t)GIB(200)) + 1;
        c.in.main.weights_bytes = (int64_t)((x >> 7) % (uint64_t)GIB(150));
        c.in.max_length = (int64_t)((x >> 11) % 300000) + 1;
        c.in.max_batch_size = (int64_t)((x >> 17) % 600) + 1;
        c.in.batch_given = x & 1;
        c.in.formula = x & 2 ? PLAN_SEED : PLAN_MAX;
        p = plan_of(&c);
        if (!p.fits)
            continue;
        n_fit++;
        assert_true(p.total_bytes <= p.free_bytes);
        assert_true(p.kv_cache_bytes > 0);
    }
    assert_true(n_fit > 1000);
    teardown(&c);
}

static void shares_of_devices_add_up(void **state)
{
    struct device three[3];
    struct plan_case c;
    struct plan p;
    int64_t sum = 0;
    (void)state;

    setup(&c, LLAMA_8B, GIB(40), GIB(16) + 1);
    for (int i = 0; i < 3; i++)
        three[i] = c.device;
    c.in.devices = three;
    c.in.n_devices = 3;
    c.in.dp = 3;
    p = plan_of(&c);
    for (size_t i = 0; i < 3; i++)
        sum += plan_share_of(&c.in, &p, i).total_bytes;
    assert_int_equal(sum, p.total_bytes);
    teardown(&c);
}

static void bytes_read_like_max_prints_them(void **state)
{
    char text[BYTES_TEXT];
    (void)state;

    assert_string_equal(bytes_text(1023, text), "1.00 KiB");
    assert_string_equal(bytes_text(1536, text), "1.50 KiB");
    assert_string_equal(bytes_text(16777216, text), "16.00 MiB");
    assert_string_equal(bytes_text(293650448, text), "280.05 MiB");
    assert_string_equal(bytes_text(GIB(56), text), "56.00 GiB");
    assert_string_equal(bytes_text(INT64_MAX, text), "8388608.00 TiB");
}

static void devices_are_found_however_they_are_spelled(void **state)
{
    AUTO_ERR struct err err = {0};
    (void)state;

    assert_string_equal(device_type_find("h100")->name, "H100");
    assert_string_equal(device_type_find("H100-80GB")->name, "H100");
    assert_string_equal(device_type_find("NVIDIA H100 80GB HBM3")->name, "H100");
    assert_string_equal(device_type_find("rtx_4090")->name, "RTX4090");
    assert_int_equal(device_type_find("mi300x")->api, API_HIP);
    assert_null(device_type_find("H1000"));
    assert_null(device_type_find(""));
    device_type_unknown(&err, "/devices/0/type", "H1000");
    assert_int_equal(err.code, ERR_DEVICE_UNAVAILABLE);
    assert_non_null(strstr(err.facts.data, "\"nearest\":[\"H100\""));
    assert_non_null(strstr(err.facts.data, "\"available\""));
}

static void the_table_is_sorted_by_memory(void **state)
{
    size_t n;
    const struct device_type *types = device_types(&n);
    (void)state;

    for (size_t i = 1; i < n; i++)
        assert_true(types[i - 1].memory_bytes <= types[i].memory_bytes);
}

static void this_machine_has_a_cpu_with_memory(void **state)
{
    struct machine m;
    struct device gpu = device_of_type(device_type_find("L4"), 0);
    (void)state;

    machine_read(&m, NULL, 0);
    assert_int_equal(m.n, 1);
    assert_true(m.devices[0].free_bytes > 0);
    machine_read(&m, &gpu, 1);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.devices[0].kind, DEVICE_GPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_as_large_as_in_max),
        cmocka_unit_test(a_long_default_takes_all_there_is),
        cmocka_unit_test(weights_that_leave_no_room_do_not_fit),
        cmocka_unit_test(too_little_for_one_page_does_not_fit),
        cmocka_unit_test(a_length_beyond_capacity_is_clamped_but_not_by_the_seed),
        cmocka_unit_test(signal_buffers_are_for_several_gpus),
        cmocka_unit_test(heads_must_divide_by_devices),
        cmocka_unit_test(replication_lets_more_devices_share_few_heads),
        cmocka_unit_test(hostile_sizes_do_not_wrap),
        cmocka_unit_test(sliding_windows_count_in_the_estimate_only),
        cmocka_unit_test(a_latent_cache_is_counted_once_per_token),
        cmocka_unit_test(a_model_of_states_alone_has_no_token_cache),
        cmocka_unit_test(planners_reserve_activations),
        cmocka_unit_test(a_planner_nobody_read_is_not_guessed),
        cmocka_unit_test(the_batch_defaults_to_one_on_a_cpu),
        cmocka_unit_test(a_default_length_that_does_not_fit_is_cut),
        cmocka_unit_test(a_draft_shares_the_cache_or_gets_its_part),
        cmocka_unit_test(whatever_fits_is_no_more_than_what_is_free),
        cmocka_unit_test(shares_of_devices_add_up),
        cmocka_unit_test(bytes_read_like_max_prints_them),
        cmocka_unit_test(devices_are_found_however_they_are_spelled),
        cmocka_unit_test(the_table_is_sorted_by_memory),
        cmocka_unit_test(this_machine_has_a_cpu_with_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
