#include "test.h"

#include "base/buf.h"
#include "resolve/request.h"

/* Binds and checks a request with ' for "; the code of what is wrong, ERR_NONE for nothing. */
static enum err_code check(const char *text, struct pipeline_request *req, struct err *err)
{
    AUTO_FREE char *copy = str_dup(text);
    json_t *doc;
    bool ok;

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    doc = json_loads(copy, 0, NULL);
    assert_non_null(doc);
    memset(req, 0, sizeof(*req));
    ok = bind_object(&pipeline_request_table, doc, "", req, err) && request_check(req, err);
    json_decref(doc);
    return ok ? ERR_NONE : err->code;
}

static void every_field_of_max_is_known(void **state)
{
    static const char text[] =
        "{'model_path':'o/m','served_model_name':'n','huggingface_model_revision':'r',"
        "'huggingface_weight_revision':'r','subfolder':'s','weight_path':['w'],"
        "'quantization_encoding':'bfloat16','trust_remote_code':true,'force_download':false,"
        "'use_subgraphs':true,'rope_type':'yarn','sliding_window':4,'data_parallel_degree':2,"
        "'max_length':9,'enable_echo':false,'pool_embeddings':false,'chat_template':'t',"
        "'vision_config_overrides':{'max_dynamic_patch':3},'device_specs':['0',1,{'id':2}],"
        "'allow_safetensors_weights_fp32_bf6_bidirectional_cast':true,"
        "'kv_cache':{'cache_strategy':'paged','kv_cache_page_size':256,'enable_prefix_caching':"
        "true,'enable_kvcache_swapping_to_host':true,'host_kvcache_swap_space_gb':1.5,"
        "'device_memory_utilization':0.5,'kv_connector':'tiered','kv_connector_config':{},"
        "'kv_cache_format':'float8_e4m3fn','kv_cache_hash_algo':'sha256_64',"
        "'kv_cache_hash_seed':null,'allow_kv_head_replication':true},"
        "'lora':{'enable_lora':true,'lora_paths':['a=b'],'max_lora_rank':8,'max_num_loras':2},"
        "'draft_model':{'model_path':'o/d','quantization_encoding':'float32'},"
        "'speculative':{'speculative_method':'eagle','num_speculative_tokens':3,"
        "'rejection_sampling_strategy':'typical-acceptance','synthetic_acceptance_rate':0.5,"
        "'use_relaxed_acceptance_for_thinking':true,'relaxed_topk':3,'relaxed_delta':0.1},"
        "'devices':[{'type':'H100','count':2,'memory_bytes':1,'free_bytes':1,'api':'cuda'}],"
        "'pipeline_role':'decode_only','max_batch_size':1,'max_ce_batch_size':1,"
        "'max_queue_size_tg':1,'min_batch_size_tg':1,'max_num_steps':-1,"
        "'max_batch_input_tokens':5,'prefill_chunk_size':5,'max_batch_total_tokens':6,"
        "'ep_size':2,'ep_use_allreduce':true,'enable_chunked_prefill':false,"
        "'enable_in_flight_batching':true,'execute_empty_batches':false,"
        "'device_graph_capture':true,'enable_overlap_scheduler':true,'prefer_module_v3':true,"
        "'reasoning_parser':'none','tool_parser':'x','kvcache_ce_watermark':0.9,"
        "'max_vision_cache_entries':0,'vision_cache_utilization':0.1,'force':true,"
        "'enable_structured_output':true,'enable_variable_logits':true,'enable_penalties':true,"
        "'do_penalties':true,'enable_min_tokens':true,'custom_architectures':[],"
        "'model_override':['draft.max_length=7'],'task':'text_generation',"
        "'override_architecture':'A','dry_run':true,'engine':'e','weights':'remote',"
        "'lease':{'ttl_s':1,'holder':'h'}}";
    AUTO_ERR struct err err = {0};
    struct pipeline_request req;
    (void)state;

    if (check(text, &req, &err) != ERR_NONE)
        fail_msg("%s %s", err.msg, err.facts.data);
    assert_int_equal(req.main.encoding, ENCODING_BFLOAT16);
    assert_int_equal(req.draft.encoding, ENCODING_FLOAT32);
    assert_int_equal(req.main.rope_type, ROPE_YARN);
    assert_int_equal(req.kv.cache_strategy, KV_PAGED);
    assert_int_equal(req.kv.format, KV_FORMAT_FLOAT8_E4M3FN);
    assert_int_equal(req.role, ROLE_DECODE_ONLY);
    assert_int_equal(req.spec.method, SPEC_EAGLE);
    assert_int_equal(req.spec.rejection, REJECTION_TYPICAL);
    assert_int_equal(req.draft.max_length.value, 7);
    assert_int_equal(req.devices.n, 1);
    request_release(&req);
}

static void aliases_end_up_in_the_field_that_counts(void **state)
{
    AUTO_ERR struct err err = {0};
    struct pipeline_request req;
    (void)state;

    assert_int_equal(check("{'model':'o/m','revision':'r','prefill_chunk_size':7,'do_penalties':"
                           "true,'allow_safetensors_weights_fp32_bf16_bidirectional_cast':true,"
                           "'quantization_encoding':'float32'}",
                           &req, &err),
                     ERR_NONE);
    assert_string_equal(req.main.model_path, "o/m");
    assert_null(req.main.model);
    assert_string_equal(req.main.model_revision, "r");
    assert_int_equal(req.max_batch_input_tokens.value, 7);
    assert_false(req.prefill_chunk_size.set);
    assert_int_equal(req.enable_penalties, YES);
    assert_int_equal(req.main.allow_cast, YES);
    assert_true(request_check(&req, &err)); /* a second time changes nothing */
    assert_int_equal(req.max_batch_input_tokens.value, 7);
    request_release(&req);
}

static void overrides_reach_every_kind_of_field(void **state)
{
    AUTO_ERR struct err err = {0};
    struct pipeline_request req;
    (void)state;

    assert_int_equal(check("{'model_path':'o/m','max_length':4,'model_override':["
                           "'main.max_length=8','main.quantization_encoding=q4_k',"
                           "'main.trust_remote_code=true','main.subfolder=x',"
                           "'main.device_specs=gpu:0','draft.model_path=o/d']}",
                           &req, &err),
                     ERR_NONE);
    assert_int_equal(req.main.max_length.value, 8);
    assert_int_equal(req.main.encoding, ENCODING_Q4_K);
    assert_int_equal(req.main.trust_remote_code, YES);
    assert_string_equal(req.main.subfolder, "x");
    assert_string_equal(json_string_value(req.main.device_specs), "gpu:0");
    assert_string_equal(req.draft.model_path, "o/d");
    assert_int_equal(req.model_override.n, 0);
    request_release(&req);
}

static void what_no_model_could_mend_is_refused_at_the_door(void **state)
{
    static const struct {
        const char *request;
        enum err_code code;
        const char *fact;
    } cases[] = {
        {"{}", ERR_FIELD, "/model_path"},
        {"{'model_path':''}", ERR_FIELD, "/model_path"},
        {"{'model_path':'../etc'}", ERR_FIELD, "model"},
        {"{'model_path':'o/m','max_length':-1}", ERR_FIELD, "/max_length"},
        {"{'model_path':'o/m','max_lenght':1}", ERR_UNKNOWN_FIELD, "max_length"},
        {"{'model_path':'o/m','kv_cache':{'page_size':128}}", ERR_UNKNOWN_FIELD,
         "/kv_cache/page_size"},
        {"{'model_path':'o/m','quantization_encoding':'bf16'}", ERR_FIELD, "bfloat16"},
        {"{'model_path':'o/m','max_batch_input_tokens':1,'prefill_chunk_size':2}", ERR_COMBINATION,
         "max_batch_input_tokens"},
        {"{'model_path':'o/m','enable_penalties':true,'do_penalties':false}", ERR_COMBINATION,
         "enable_penalties"},
        {"{'model_path':'o/m','kv_cache':{'kv_connector':'local','enable_prefix_caching':false}}",
         ERR_COMBINATION, "enable_prefix_caching"},
        {"{'model_path':'o/m','kv_cache':{'kv_connector':'tiered','host_kvcache_swap_space_gb':0}}",
         ERR_FIELD, "host_kvcache_swap_space_gb"},
        {"{'model_path':'o/m','kv_cache':{'device_memory_utilization':1.5}}", ERR_FIELD,
         "device_memory_utilization"},
        {"{'model_path':'o/m','vision_config_overrides':[]}", ERR_FIELD, "vision_config_overrides"},
        {"{'model_path':'o/m','custom_architectures':'dir:module'}", ERR_FIELD,
         "custom_architectures"},
        {"{'model_path':'o/m','weight_path':['']}", ERR_FIELD, "weight_path"},
        {"{'model_path':'o/m','model_override':['vae.max_length=1']}", ERR_FIELD, "model_override"},
        {"{'model_path':'o/m','task':'vision'}", ERR_TASK_UNKNOWN, "available"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        struct pipeline_request req;
        enum err_code code = check(cases[i].request, &req, &err);

        if (code != cases[i].code || !strstr(err.facts.data ? err.facts.data : "", cases[i].fact))
            fail_msg("%s: %s: %s; %s", cases[i].request, err_slug(code), err.msg,
                     err.facts.data ? err.facts.data : "no facts");
        request_release(&req);
    }
}

static void an_undefined_task_is_left_to_be_found_out(void **state)
{
    AUTO_ERR struct err err = {0};
    struct pipeline_request req;
    (void)state;

    assert_int_equal(check("{'model_path':'o/m','task':'undefined'}", &req, &err), ERR_NONE);
    assert_int_equal(req.task, TASK_NONE);
    request_release(&req);
    assert_int_equal(check("{'model_path':'o/m'}", &req, &err), ERR_NONE);
    assert_int_equal(req.task, TASK_TEXT_GENERATION);
    request_release(&req);
}

static void the_schema_is_json(void **state)
{
    AUTO_BUF struct buf out = {0};
    json_t *doc;
    (void)state;

    bind_schema(&pipeline_request_table, &out);
    doc = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(doc);
    assert_non_null(json_object_get(json_object_get(doc, "properties"), "kv_cache"));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_max_is_known),
        cmocka_unit_test(aliases_end_up_in_the_field_that_counts),
        cmocka_unit_test(overrides_reach_every_kind_of_field),
        cmocka_unit_test(what_no_model_could_mend_is_refused_at_the_door),
        cmocka_unit_test(an_undefined_task_is_left_to_be_found_out),
        cmocka_unit_test(the_schema_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
