#include "test.h"

#include "resolving.h"

#define H100 "'devices':[{'type':'H100','memory_bytes':85899345920}]"

/* Weights of 16 GiB in three files, bfloat16. */
static const struct made_file shards[] = {
    {"config.json", 800, 0},
    {"model-00001-of-00003.safetensors", GIB(6), ENCODING_BFLOAT16},
    {"model-00002-of-00003.safetensors", GIB(6), ENCODING_BFLOAT16},
    {"model-00003-of-00003.safetensors", GIB(4), ENCODING_BFLOAT16},
};
static const struct made_file floats[] = {{"model.safetensors", GIB(4), ENCODING_FLOAT32}};
static const struct made_file ggufs[] = {
    {"m-Q4_K_M.gguf", GIB(5), 0}, {"m-Q6_K.gguf", GIB(7), 0}, {"m-bf16.gguf", GIB(16), 0}};
static const struct made_file mixed[] = {{"a.safetensors", GIB(2), ENCODING_BFLOAT16},
                                         {"b.safetensors", GIB(2), ENCODING_FLOAT8_E4M3FN}};

static void add(struct world *w, size_t i, struct model *m)
{
    model_unref(w->models[i]);
    w->models[i] = m;
}

static void llama(struct world *w)
{
    world_open(w);
    add(w, 0, make_model("org/llama", 'a', LLAMA_8B, shards, ARRAY_SIZE(shards)));
}

/* A pipeline or a failed test. */
static json_t *resolved(const struct world *w, const char *request)
{
    AUTO_ERR struct err err = {0};
    struct pipeline *p = resolve_text(w, request, &err);
    json_t *doc;

    if (!p)
        fail_msg("%s: %s", err_slug(err.code), err.msg);
    doc = document_of(p);
    pipeline_unref(p);
    assert_non_null(doc);
    return doc;
}

static const char *text_at(const json_t *doc, const char *a, const char *b)
{
    const json_t *v = json_object_get(doc, a);

    return json_string_value(b ? json_object_get(v, b) : v);
}

static int64_t int_at(const json_t *doc, const char *a, const char *b)
{
    const json_t *v = json_object_get(doc, a);

    return json_integer_value(b ? json_object_get(v, b) : v);
}

static bool warned(const json_t *doc, const char *code)
{
    const json_t *list = json_object_get(doc, "warnings");

    for (size_t i = 0; i < json_array_size(list); i++)
        if (str_eq(text_at(json_array_get(list, i), "code", NULL), code))
            return true;
    return false;
}

static void a_llama_on_an_accelerator(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    doc = resolved(&w, "{'model_path':'org/llama'," H100 "}");
    assert_string_equal(text_at(doc, "task", NULL), "text_generation");
    assert_string_equal(text_at(doc, "architecture", "name"), "LlamaForCausalLM");
    assert_string_equal(text_at(doc, "encoding", NULL), "bfloat16");
    assert_string_equal(text_at(doc, "weights", "format"), "safetensors");
    assert_int_equal(int_at(doc, "weights", "total_bytes"), GIB(16));
    assert_int_equal(json_array_size(json_object_get(json_object_get(doc, "weights"), "files")), 3);
    assert_int_equal(int_at(doc, "kv_cache", "bytes_per_token"), 131072);
    assert_string_equal(text_at(doc, "kv_cache", "strategy"), "paged");
    assert_int_equal(int_at(doc, "max_batch_size", NULL), 512);
    assert_int_equal(int_at(doc, "max_length", NULL), 131072);
    assert_string_equal(text_at(doc, "pipeline_class", NULL), "OverlapTextGenerationPipeline");
    assert_string_equal(text_at(doc, "memory", "formula"), "max");
    assert_true(json_is_true(json_object_get(json_object_get(doc, "memory"), "fits")));
    assert_non_null(text_at(doc, "tokenizer", "id"));
    json_decref(doc);
    world_close(&w);
}

static void float32_on_a_cpu_is_the_plain_pipeline(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 0, make_model("org/llama", 'a', LLAMA_8B, floats, 1));
    doc = resolved(&w, "{'model':'org/llama'}");
    assert_string_equal(text_at(doc, "encoding", NULL), "float32");
    assert_string_equal(text_at(doc, "pipeline_class", NULL), "TextGenerationPipeline");
    assert_int_equal(int_at(doc, "max_batch_size", NULL), 1);
    assert_string_equal(text_at(json_object_get(doc, "effective"), "device_specs", NULL), "cpu");
    json_decref(doc);
    world_close(&w);
}

static void bfloat16_is_cast_on_a_cpu_when_there_is_nothing_else(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    doc = resolved(&w, "{'model_path':'org/llama'}");
    assert_string_equal(text_at(doc, "encoding", NULL), "float32");
    assert_string_equal(text_at(doc, "weights", "cast_from"), "bfloat16");
    json_decref(doc);
    add(&w, 0, make_model("org/llama", 'a', LLAMA_8B, ggufs, ARRAY_SIZE(ggufs)));
    doc = resolved(&w, "{'model_path':'org/llama'}");
    assert_string_equal(text_at(doc, "encoding", NULL), "q4_k"); /* the architecture's default */
    json_decref(doc);
    world_close(&w);
}

static void float32_is_cast_on_an_accelerator(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 0, make_model("org/llama", 'a', LLAMA_8B, floats, 1));
    doc = resolved(&w, "{'model_path':'org/llama'," H100 "}");
    assert_string_equal(text_at(doc, "encoding", NULL), "bfloat16");
    assert_string_equal(text_at(doc, "weights", "cast_from"), "float32");
    assert_true(warned(doc, "weights-cast"));
    json_decref(doc);
    doc = resolved(&w, "{'model_path':'org/llama','quantization_encoding':'bfloat16',"
                       "'weight_path':['model.safetensors']," H100 "}");
    assert_string_equal(text_at(doc, "weights", "cast_from"), "float32");
    json_decref(doc);
    world_close(&w);
}

static void several_encodings_choose_the_smallest_on_an_accelerator(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 0, make_model("org/llama", 'a', LLAMA_8B, mixed, ARRAY_SIZE(mixed)));
    doc = resolved(&w, "{'model_path':'org/llama'," H100 "}");
    assert_string_equal(text_at(doc, "encoding", NULL), "float8_e4m3fn");
    assert_int_equal(int_at(doc, "weights", "total_bytes"), GIB(4));
    json_decref(doc);
    world_close(&w);
}

static void gguf_files_are_chosen_by_encoding_or_path(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 0, make_model("org/llama", 'a', LLAMA_8B, ggufs, ARRAY_SIZE(ggufs)));
    doc = resolved(&w, "{'model_path':'org/llama','quantization_encoding':'q6_k'}");
    assert_string_equal(text_at(doc, "weights", "format"), "gguf");
    assert_int_equal(int_at(doc, "weights", "total_bytes"), GIB(7));
    json_decref(doc);
    doc = resolved(&w, "{'model_path':'org/llama','weight_path':['org/llama/m-Q4_K_M.gguf']}");
    assert_string_equal(text_at(doc, "encoding", NULL), "q4_k");
    assert_int_equal(int_at(doc, "weights", "total_bytes"), GIB(5));
    json_decref(doc);
    /* a CPU encoding brings the pipeline to the CPU */
    doc = resolved(&w, "{'model_path':'org/llama','quantization_encoding':'q4_k'," H100 "}");
    assert_true(warned(doc, "moved-to-cpu"));
    json_decref(doc);
    world_close(&w);
}

static void weights_may_lie_in_another_repository(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 1, make_model("quants/llama", 'b', NULL, ggufs, ARRAY_SIZE(ggufs)));
    doc = resolved(&w, "{'model_path':'org/llama','weight_path':['quants/llama/m-Q6_K.gguf']}");
    assert_string_equal(text_at(doc, "encoding", NULL), "q6_k");
    assert_string_equal(text_at(doc, "model", "weights_model"), "quants/llama");
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(json_object_get(doc, "effective"), "weight_path"), 0)),
                        "quants/llama/m-Q6_K.gguf");
    json_decref(doc);
    doc = resolved(&w, "{'model_path':'org/llama','weight_path':['quants/llama'],"
                       "'quantization_encoding':'q4_k'}");
    assert_int_equal(int_at(doc, "weights", "total_bytes"), GIB(5));
    json_decref(doc);
    world_close(&w);
}

static void what_a_model_brings_is_in_the_document(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    w.models[0]->generation_config = json_pack("{s:f}", "repetition_penalty", 1.1);
    doc = resolved(&w, "{'model_path':'org/llama','task':'undefined'," H100 "}");
    assert_true(
        json_is_true(json_object_get(json_object_get(doc, "effective"), "enable_penalties")));
    json_decref(doc);
    world_close(&w);
}

static void required_arguments_replace_and_warn(void **state)
{
    static const char bert[] = "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\","
                               "\"hidden_size\":384,\"num_hidden_layers\":6,"
                               "\"num_attention_heads\":12,\"max_position_embeddings\":512}";
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 0, make_model("org/bert", 'a', bert, floats, 1));
    doc = resolved(&w, "{'model_path':'org/bert','task':'embeddings_generation'}");
    assert_string_equal(text_at(doc, "pipeline_class", NULL), "EmbeddingsPipeline");
    assert_true(warned(doc, "required-argument"));
    assert_true(json_is_null(json_object_get(doc, "kv_cache")));
    json_decref(doc);
    doc = resolved(&w, "{'model_path':'org/bert','task':'embeddings_generation','force':true}");
    assert_false(warned(doc, "required-argument"));
    json_decref(doc);
    world_close(&w);
}

static void a_draft_of_the_same_kind_runs_by_itself(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 1, make_model("org/draft", 'd', LLAMA_8B, floats, 1));
    doc = resolved(&w,
                   "{'model_path':'org/llama','draft_model':{'model_path':'org/draft'}," H100 "}");
    assert_string_equal(text_at(doc, "pipeline_class", NULL),
                        "SpeculativeDecodingTextGenerationPipeline");
    assert_true(warned(doc, "prefix-caching-off"));
    assert_string_equal(text_at(json_object_get(doc, "draft_model"), "encoding", NULL), "bfloat16");
    json_decref(doc);
    world_close(&w);
}

static void a_method_fuses_target_and_draft(void **state)
{
    static const char eagle[] =
        "{\"architectures\":[\"LlamaForCausalLMEagle\"],\"model_type\":\"llama\","
        "\"hidden_size\":4096,\"num_hidden_layers\":1,\"num_attention_heads\":32,"
        "\"num_key_value_heads\":8,\"head_dim\":128,\"max_position_embeddings\":2048}";
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    add(&w, 1, make_model("org/eagle", 'e', eagle, floats, 1));
    doc = resolved(&w, "{'model_path':'org/llama','draft_model':{'model_path':'org/eagle'},"
                       "'speculative':{'speculative_method':'eagle'}," H100 "}");
    assert_string_equal(text_at(doc, "architecture", "name"), "UnifiedEagleLlama3ForCausalLM");
    assert_string_equal(text_at(doc, "pipeline_class", NULL), "OverlapTextGenerationPipeline");
    assert_int_equal(int_at(doc, "max_length", NULL), 2048); /* the draft goes no further */
    json_decref(doc);
    world_close(&w);
}

static void a_diffusion_pipeline_lists_its_components(void **state)
{
    static const char index[] = "{\"_class_name\":\"FluxPipeline\",\"_diffusers_version\":\"0.30\","
                                "\"transformer\":[\"diffusers\",\"FluxTransformer2DModel\"],"
                                "\"vae\":[\"diffusers\",\"AutoencoderKL\"]}";
    AUTO_ERR struct err err = {0};
    struct model *m;
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    m = make_model("org/flux", 'f', NULL, floats, 1);
    assert_true(config_from_model_index(&m->config, index, strlen(index), &err));
    add(&w, 0, m);
    doc = resolved(&w, "{'model_path':'org/flux','task':'pixel_generation'," H100 "}");
    assert_int_equal(json_array_size(json_object_get(doc, "components")), 2);
    assert_string_equal(text_at(doc, "pipeline_class", NULL), "PixelGenerationPipeline");
    assert_true(json_is_null(json_object_get(doc, "memory")));
    assert_true(json_is_null(json_object_get(doc, "kv_cache")));
    json_decref(doc);
    world_close(&w);
}

static void architectures_of_the_request_win(void **state)
{
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    doc = resolved(&w, "{'model_path':'org/llama'," H100 ",'custom_architectures':[{"
                       "'name':'LlamaForCausalLM','task':'text_generation',"
                       "'default_encoding':'bfloat16','supported_encodings':{'bfloat16':['paged']},"
                       "'pipeline_model':'MyLlama','tokenizer':'TextTokenizer',"
                       "'default_weights_format':'safetensors','example_repo_ids':[]}]}");
    assert_string_equal(text_at(doc, "pipeline_model", NULL), "MyLlama");
    json_decref(doc);
    world_close(&w);
}

/* ---- what is refused */

static const char two_names[] = "{\"architectures\":[\"Unknown\",\"AlsoUnknown\"],"
                                "\"model_type\":\"x\",\"hidden_size\":64,"
                                "\"num_hidden_layers\":2,\"num_attention_heads\":4}";
static const char remote[] = "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"mine\","
                             "\"auto_map\":{\"AutoConfig\":\"a.B\"},\"hidden_size\":64,"
                             "\"num_hidden_layers\":2,\"num_attention_heads\":4}";

static void what_cannot_be_is_refused_with_its_reason(void **state)
{
    static const struct {
        const char *request;
        enum err_code code;
        const char *fact;
    } cases[] = {
        {"{'task':'text_generation'}", ERR_FIELD, "/model_path"},
        {"{'model_path':'org/llama','task':'text_generaton'}", ERR_TASK_UNKNOWN,
         "\"nearest\":[\"text_generation\""},
        {"{'model_path':'org/llama','quantisation':'x'}", ERR_UNKNOWN_FIELD,
         "quantization_encoding"},
        {"{'model_path':'org/llama','model':'org/other'}", ERR_COMBINATION, "model_path"},
        {"{'model_path':'org/none'}", ERR_REPO_NOT_FOUND, ""},
        {"{'model_path':'org/llama','task':'embeddings_generation'}", ERR_TASK_NOT_FOUND,
         "text_generation"},
        {"{'model_path':'org/llama','override_architecture':'LamaForCausalLM'}", ERR_ARCH_NOT_FOUND,
         "LlamaForCausalLM"},
        {"{'model_path':'org/two'}", ERR_ARCH_NOT_FOUND, "AlsoUnknown"},
        {"{'model_path':'org/remote'," H100 "}", ERR_REMOTE_CODE, "trust_remote_code"},
        {"{'model_path':'org/llama','devices':[{'type':'H1000'}]}", ERR_DEVICE_UNAVAILABLE,
         "\"nearest\":[\"H100\""},
        {"{'model_path':'org/llama','device_specs':'gpu:3'," H100 "}", ERR_DEVICE_UNAVAILABLE,
         "gpu:0 (H100)"},
        {"{'model_path':'org/llama','device_specs':'gpu'}", ERR_DEVICE_UNAVAILABLE, "\"cpu\""},
        {"{'model_path':'org/llama','device_specs':'tpu:0'}", ERR_FIELD, "/device_specs"},
        {"{'model_path':'org/llama','device_specs':[0,0]," H100 "}", ERR_FIELD, "/device_specs"},
        {"{'model_path':'org/llama','quantization_encoding':'bfloat16'}", ERR_DEVICE_UNSUPPORTED,
         "\"float32\""},
        {"{'model_path':'org/llama','quantization_encoding':'float4_e2m1fnx2'," H100 "}",
         ERR_WEIGHTS_NOT_FOUND, "\"bfloat16\""},
        {"{'model_path':'org/llama','quantization_encoding':'float16'," H100 "}",
         ERR_ENCODING_UNSUPPORTED, "\"available\":[\"float32\",\"bfloat16\""},
        {"{'model_path':'org/llama','quantization_encoding':'q4_k'}", ERR_WEIGHTS_NOT_FOUND,
         "model-00001-of-00003.safetensors"},
        {"{'model_path':'org/llama','weight_path':['model.safetensors']," H100 "}",
         ERR_WEIGHTS_NOT_FOUND, "\"missing_files\":[\"model.safetensors\"]"},
        {"{'model_path':'org/llama','weight_path':['no/where/a.gguf']," H100 "}",
         ERR_WEIGHTS_NOT_FOUND, "\"missing_files\":[\"no/where/a.gguf\"]"},
        {"{'model_path':'org/llama','weight_path':['config.json']," H100 "}", ERR_WEIGHTS_NOT_FOUND,
         "config.json"},
        {"{'model_path':'org/llama','quantization_encoding':'gptq','weight_path':"
         "['a/b/c.gguf','d/e/f.gguf']}",
         ERR_WEIGHTS_INCONSISTENT, "weight_path"},
        {"{'model_path':'org/llama','max_length':131073," H100 "}", ERR_MAX_LENGTH,
         "\"limit\":131072"},
        {"{'model_path':'org/llama','devices':[{'type':'L4','free_bytes':18000000000}]}",
         ERR_DOES_NOT_FIT, "\"would_fit\""},
        {"{'model_path':'org/llama','devices':[{'type':'T4'}]}", ERR_DOES_NOT_FIT,
         "\"type\":\"L40S\""},
        {"{'model_path':'org/llama','lora':{'enable_lora':true}," H100 "}", ERR_LORA,
         "enable_prefix_caching"},
        {"{'model_path':'org/llama','kv_cache':{'kv_cache_page_size':200}," H100 "}", ERR_FIELD,
         "kv_cache_page_size"},
        {"{'model_path':'org/llama','devices':[{'type':'H100','count':3}]}", ERR_COMBINATION,
         "\"devices\""},
        {"{'model_path':'org/llama','speculative':{'speculative_method':'eagle'}," H100 "}",
         ERR_DRAFT, ""},
        {"{'model_path':'org/llama','draft_model':{'model_path':'org/none'}," H100 "}",
         ERR_REPO_NOT_FOUND, ""},
        {"{'model_path':'org/llama','draft_model':{'max_length':5}," H100 "}", ERR_FIELD,
         "/draft_model/model_path"},
        {"{'model_path':'org/llama','enable_structured_output':true,"
         "'quantization_encoding':'float32'}",
         ERR_COMBINATION, "enable_structured_output"},
        {"{'model_path':'org/llama','enable_overlap_scheduler':true,'enable_echo':true," H100 "}",
         ERR_COMBINATION, "enable_overlap_scheduler"},
        {"{'model_path':'org/llama','allow_safetensors_weights_fp32_bf6_bidirectional_cast':true}",
         ERR_COMBINATION, "quantization_encoding"},
        {"{'model_path':'org/llama','model_override':['main.max_lenth=5']}", ERR_FIELD,
         "max_length"},
        {"{'model_path':'org/llama','model_override':['max_length']}", ERR_FIELD,
         "/model_override"},
        {"{'model_path':'org/adapter'}", ERR_CONFIG_MISSING, "org/llama"},
        {"{'model_path':'org/llama','custom_architectures':[{'name':'X'}]}", ERR_FIELD,
         "/custom_architectures/0"},
    };
    struct world w;
    struct model *adapter;
    (void)state;

    llama(&w);
    add(&w, 1, make_model("org/two", 'b', two_names, floats, 1));
    add(&w, 2, make_model("org/remote", 'c', remote, floats, 1));
    adapter = make_model("org/adapter", 'd', NULL, floats, 1);
    adapter->has_adapter_config = true;
    snprintf(adapter->adapter_base, sizeof(adapter->adapter_base), "org/llama");
    add(&w, 3, adapter);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct pipeline *p = resolve_text(&w, cases[i].request, &err);

        pipeline_unref(p);
        if (p || err.code != cases[i].code)
            fail_msg("%s: %s: %s", cases[i].request, err_slug(err.code), err.msg);
        if (!strstr(err.facts.data ? err.facts.data : "", cases[i].fact))
            fail_msg("%s: no %s in %s (%s)", cases[i].request, cases[i].fact,
                     err.facts.data ? err.facts.data : "no facts", err.msg);
    }
    world_close(&w);
}

/* ---- identity */

static void id_of(const struct world *w, const char *request, char ret[HANDLE_ID_MAX])
{
    AUTO_ERR struct err err = {0};
    struct pipeline *p = resolve_text(w, request, &err);

    if (!p)
        fail_msg("%s: %s", request, err.msg);
    memcpy(ret, p->id, HANDLE_ID_MAX);
    pipeline_unref(p);
}

static void one_question_has_one_id_however_it_is_spelled(void **state)
{
    static const char *const same[] = {
        "{'model_path':'org/llama'," H100 "}",
        "{" H100 ",'model':'org/llama'}",
        "{'model_path':'org/llama','task':'text_generation','huggingface_model_revision':'main',"
        "'max_batch_size':512,'kv_cache':{'kv_cache_page_size':128},'trust_remote_code':false," H100
        "}",
        "{'model_path':'org/llama','devices':[{'type':'h100','count':1,'id':0,"
        "'memory_bytes':85899345920,'free_bytes':85899345920,'api':'cuda'}],"
        "'device_specs':['0']}",
        "{'model_path':'org/llama','dry_run':true,'weights':'required','lease':{'ttl_s':5},"
        "'lora':{'enable_lora':false,'max_lora_rank':64}," H100 "}",
        "{'model_path':'org/llama','model_override':['main.max_length=131072']," H100 "}",
    };
    static const char *const other[] = {
        "{'model_path':'org/llama','max_length':4096," H100 "}",
        "{'model_path':'org/llama','max_batch_size':4," H100 "}",
        "{'model_path':'org/llama','engine':'vllm'," H100 "}",
        "{'model_path':'org/llama','served_model_name':'x'," H100 "}",
        "{'model_path':'org/llama','memory_formula':'seed'," H100 "}",
        "{'model_path':'org/llama','weights':'remote'," H100 "}",
        "{'model_path':'org/llama','devices':[{'type':'H200'}]}",
    };
    char first[HANDLE_ID_MAX], id[HANDLE_ID_MAX];
    struct world w;
    (void)state;

    llama(&w);
    id_of(&w, same[0], first);
    assert_true(str_starts(first, "pl_"));
    assert_int_equal(strlen(first), 35);
    for (size_t i = 1; i < ARRAY_SIZE(same); i++) {
        id_of(&w, same[i], id);
        if (!str_eq(id, first))
            fail_msg("%s has another id", same[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
        id_of(&w, other[i], id);
        if (str_eq(id, first))
            fail_msg("%s has the same id", other[i]);
    }
    memset(w.models[0]->commit, '7', 40);
    id_of(&w, same[0], id);
    assert_string_not_equal(id, first);
    world_close(&w);
}

static void an_engine_is_no_part_of_the_factory(void **state)
{
    AUTO_ERR struct err err = {0};
    struct pipeline *a, *b;
    struct world w;
    (void)state;

    llama(&w);
    a = resolve_text(&w, "{'model_path':'org/llama'," H100 "}", &err);
    b = resolve_text(&w, "{'model_path':'org/llama','engine':'vllm'," H100 "}", &err);
    assert_string_equal(a->factory_id, b->factory_id);
    assert_true(str_starts(a->factory_id, "fc_"));
    assert_string_not_equal(a->id, b->id);
    assert_string_equal(a->tokenizer_id, b->tokenizer_id);
    pipeline_unref(a);
    pipeline_unref(b);
    world_close(&w);
}

static void the_effective_request_resolves_to_itself(void **state)
{
    static const char *const requests[] = {
        "{'model_path':'org/llama'," H100 "}",
        "{'model_path':'org/llama','device_specs':'gpu:1,2','devices':[{'type':'H100','count':4}]}",
        "{'model_path':'org/llama','devices':[{'type':'L4','free_bytes':20000000000}]}",
        "{'model_path':'org/llama','devices':[{'type':'L4','free_bytes':20000000000}],"
        "'memory_formula':'seed'}",
        "{'model_path':'org/float','quantization_encoding':'bfloat16'," H100 "}",
        "{'model_path':'org/float','weight_path':['model.safetensors']," H100 "}",
        "{'model_path':'org/float'}",
        "{'model_path':'org/llama'}",
        "{'model_path':'org/float','draft_model':{'model_path':'org/float'}," H100 "}",
        "{'model_path':'org/llama','weight_path':['quants/llama/m-Q6_K.gguf']}",
        "{'model_path':'org/llama','weight_path':['quants/llama'],'quantization_encoding':'q4_k'}",
        "{'model_path':'org/llama','tool_parser':'none','reasoning_parser':'x','force':true," H100
        "}",
        "{'model_path':'org/llama','kv_cache':{'enable_prefix_caching':false,'kv_connector':'null',"
        "'kv_connector_config':{'b':1,'a':[2]}},'lora':{'enable_lora':true,"
        "'lora_paths':['a=/x']}," H100 "}",
        "{'model_path':'org/llama','enable_echo':true,'max_batch_total_tokens':99999," H100 "}",
    };
    struct world w;
    (void)state;

    llama(&w);
    add(&w, 1, make_model("org/float", 'b', LLAMA_8B, floats, 1));
    add(&w, 2, make_model("quants/llama", 'c', NULL, ggufs, ARRAY_SIZE(ggufs)));
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        AUTO_ERR struct err err = {0};
        struct pipeline *a = resolve_text(&w, requests[i], &err), *b;
        json_t *effective;

        if (!a)
            fail_msg("%s: %s", requests[i], err.msg);
        effective = json_loads(a->effective, JSON_REJECT_DUPLICATES, NULL);
        b = world_resolve(&w, effective, &err);
        if (!b)
            fail_msg("%s: %s in %s", requests[i], err.msg, a->effective);
        if (!str_eq(a->effective, b->effective))
            fail_msg("%s\n%s\n%s", requests[i], a->effective, b->effective);
        assert_string_equal(a->id, b->id);
        assert_string_equal(a->factory_id, b->factory_id);
        assert_string_equal(a->tokenizer_id, b->tokenizer_id);
        json_decref(effective);
        pipeline_unref(a);
        pipeline_unref(b);
    }
    world_close(&w);
}

static void the_models_documents_name_task_and_architecture(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf out = {0};
    struct world w;
    json_t *doc;
    (void)state;

    llama(&w);
    assert_true(answer_architecture(w.models[0], w.registry, TASK_NONE, false, &out, &err));
    doc = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(text_at(doc, "name", NULL), "LlamaForCausalLM");
    assert_int_equal(json_array_size(json_object_get(doc, "decisions")), 2);
    json_decref(doc);
    buf_clear(&out);
    assert_true(answer_task(w.models[0], w.registry, &out, &err));
    doc = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(text_at(doc, "task", NULL), "text_generation");
    assert_int_equal(json_array_size(json_object_get(doc, "alternatives")), 0);
    json_decref(doc);
    assert_false(
        answer_architecture(w.models[0], w.registry, TASK_PIXEL_GENERATION, false, &out, &err));
    assert_int_equal(err.code, ERR_TASK_NOT_FOUND);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_llama_on_an_accelerator),
        cmocka_unit_test(float32_on_a_cpu_is_the_plain_pipeline),
        cmocka_unit_test(bfloat16_is_cast_on_a_cpu_when_there_is_nothing_else),
        cmocka_unit_test(float32_is_cast_on_an_accelerator),
        cmocka_unit_test(several_encodings_choose_the_smallest_on_an_accelerator),
        cmocka_unit_test(gguf_files_are_chosen_by_encoding_or_path),
        cmocka_unit_test(weights_may_lie_in_another_repository),
        cmocka_unit_test(what_a_model_brings_is_in_the_document),
        cmocka_unit_test(required_arguments_replace_and_warn),
        cmocka_unit_test(a_draft_of_the_same_kind_runs_by_itself),
        cmocka_unit_test(a_method_fuses_target_and_draft),
        cmocka_unit_test(a_diffusion_pipeline_lists_its_components),
        cmocka_unit_test(architectures_of_the_request_win),
        cmocka_unit_test(what_cannot_be_is_refused_with_its_reason),
        cmocka_unit_test(one_question_has_one_id_however_it_is_spelled),
        cmocka_unit_test(an_engine_is_no_part_of_the_factory),
        cmocka_unit_test(the_effective_request_resolves_to_itself),
        cmocka_unit_test(the_models_documents_name_task_and_architecture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
