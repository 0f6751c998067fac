#include "test.h"

#include "arch/arch.h"

static const char minimal[] =
    "{\"name\":\"TinyForCausalLM\",\"task\":\"text_generation\",\"default_encoding\":\"bfloat16\","
    "\"supported_encodings\":{\"float32\":[\"paged\"],\"bfloat16\":[\"paged\",\"model_default\"]},"
    "\"default_weights_format\":\"safetensors\",\"pipeline_model\":\"TinyModel\","
    "\"tokenizer\":\"pkg.tok.TinyTokenizer\"}";

/* minimal with members set; value NULL takes the member away. The caller's to drop. */
static json_t *minimal_with(const char *member, const char *value)
{
    json_t *doc = json_loads(minimal, 0, NULL);

    if (member && value)
        json_object_set_new(doc, member, json_loads(value, JSON_DECODE_ANY, NULL));
    else if (member)
        json_object_del(doc, member);
    return doc;
}

static struct arch *build(const char *member, const char *value, enum arch_source source)
{
    AUTO_ERR struct err err = {0};
    json_t *doc = minimal_with(member, value);
    struct arch *a = NULL;

    if (!arch_from_json(&a, doc, "", source, 7, 1700000000, &err))
        fail_msg("%s", err.msg);
    json_decref(doc);
    return a;
}

/* The one fault of minimal with member = value. */
static void refused(const char *member, const char *value, enum arch_source source,
                    const char *pointer, const char *in_detail)
{
    AUTO_ERR struct err err = {0};
    json_t *doc = minimal_with(member, value);
    struct arch *a = NULL;

    assert_false(arch_from_json(&a, doc, "/d", source, 1, 0, &err));
    json_decref(doc);
    AUTO_FREE char *facts = str_printf("{%s}", err.facts.data);
    json_t *parsed = json_loads(facts, 0, NULL);
    json_t *errors = json_object_get(parsed, "errors");
    assert_int_equal(json_array_size(errors), 1);
    json_t *first = json_array_get(errors, 0);
    assert_string_equal(json_string_value(json_object_get(first, "pointer")), pointer);
    if (!strstr(json_string_value(json_object_get(first, "detail")), in_detail))
        fail_msg("%s: %s", pointer, json_string_value(json_object_get(first, "detail")));
    json_decref(parsed);
}

static void what_is_not_said_is_as_in_max(void **state)
{
    CLEANUP(arch_unrefp) struct arch *a = build(NULL, NULL, ARCH_API);
    (void)state;

    assert_string_equal(a->name, "TinyForCausalLM");
    assert_int_equal(a->rope_type, ROPE_NONE);
    assert_int_equal(a->input_modalities, MODALITY_TEXT);
    assert_int_equal(a->weight_formats, 1u << FORMAT_SAFETENSORS);
    assert_int_equal(a->first_strategy[ENCODING_BFLOAT16], KV_PAGED);
    assert_int_equal(a->kv_strategies[ENCODING_BFLOAT16], 1u << KV_PAGED | 1u << KV_MODEL_DEFAULT);
    assert_true(a->kv_cache && a->pipeline_model_is_class);
    assert_true(a->supports_overlap_scheduler && a->supports_device_graph_capture);
    assert_false(a->multi_gpu_supported || a->supports_empty_batches);
    assert_string_equal(a->tokenizer_cls, "pkg.tok.TinyTokenizer");
    assert_string_equal(a->role, "model");
    assert_true(arch_has_encoding(a, ENCODING_FLOAT32));
    assert_false(arch_has_encoding(a, ENCODING_Q4_K));
}

static void a_tokenizer_function_makes_text_tokenizers(void **state)
{
    CLEANUP(arch_unrefp) struct arch *a = build("tokenizer", "\"mk.make_tokenizer\"", ARCH_API);
    (void)state;

    assert_string_equal(a->tokenizer_cls, "TextTokenizer");
    assert_non_null(strstr(a->body->bytes, "\"tokenizer_cls\":\"TextTokenizer\""));
}

static void encodings_may_be_a_list(void **state)
{
    CLEANUP(arch_unrefp)
    struct arch *a = build("supported_encodings", "[\"bfloat16\",\"gptq\"]", ARCH_API);
    (void)state;

    assert_int_equal(a->encodings, 1u << ENCODING_BFLOAT16 | 1u << ENCODING_GPTQ);
    assert_int_equal(a->first_strategy[ENCODING_GPTQ], KV_PAGED);
}

static void the_body_says_where_it_is_from(void **state)
{
    CLEANUP(arch_unrefp) struct arch *a = build(NULL, NULL, ARCH_API);
    json_t *body = json_loads(a->body->bytes, JSON_REJECT_DUPLICATES, NULL);
    (void)state;

    assert_non_null(body);
    assert_string_equal(json_string_value(json_object_get(body, "source")), "api");
    assert_int_equal(json_integer_value(json_object_get(body, "revision")), 7);
    assert_string_equal(json_string_value(json_object_get(body, "created_at")),
                        "2023-11-14T22:13:20Z");
    assert_string_equal(json_string_value(json_object_get(body, "digest")), a->digest);
    assert_true(json_is_null(json_object_get(body, "tool_parser")));
    json_decref(body);
}

static void a_body_sent_back_is_the_same_record(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf text = {0};
    CLEANUP(arch_unrefp)
    struct arch *a = build("seed_version", "{\"z\":[1,2.5,null],\"a\":\"\\u00e9\"}", ARCH_API);
    CLEANUP(arch_unrefp) struct arch *b = NULL, *c = NULL;
    (void)state;

    json_t *doc = json_loads(a->body->bytes, 0, NULL);
    assert_true(arch_from_json(&b, doc, "", ARCH_CATALOG, 99, 0, &err));
    json_decref(doc);
    assert_string_equal(a->digest, b->digest);
    assert_string_not_equal(a->body->etag, b->body->etag); /* another revision */
    arch_write_doc(b, &text);
    doc = json_loads(text.data, 0, NULL);
    assert_true(arch_from_json(&c, doc, "", ARCH_API, 7, 1700000000, &err));
    json_decref(doc);
    assert_string_equal(a->body->bytes, c->body->bytes);
}

static void every_field_is_checked(void **state)
{
    (void)state;
    refused("name", NULL, ARCH_API, "/d/name", "required");
    refused("name", "\"a b\"", ARCH_API, "/d/name", "class name");
    refused("name", "\"../x\"", ARCH_API, "/d/name", "class name");
    refused("task", "\"text-generation\"", ARCH_API, "/d/task", "text_generation");
    refused("default_encoding", "\"q4_k\"", ARCH_API, "/d/default_encoding", "not among");
    refused("default_encoding", "null", ARCH_API, "/d/default_encoding", "required");
    refused("supported_encodings", "{\"bf16\":[]}", ARCH_API, "/d/supported_encodings/bf16",
            "not a known encoding");
    refused("supported_encodings", "{\"bfloat16\":[\"striped\"]}", ARCH_API,
            "/d/supported_encodings/bfloat16/0", "not an allowed");
    refused("supported_encodings", "{}", ARCH_API, "/d/supported_encodings", "at least one");
    refused("supported_encodings", "3", ARCH_API, "/d/supported_encodings", "object");
    refused("weight_adapters", "{\"onnx\":\"f\"}", ARCH_API, "/d/weight_adapters/onnx",
            "weights format");
    refused("weight_adapters", "{\"gguf\":1}", ARCH_API, "/d/weight_adapters/gguf", "function");
    refused("weight_formats", "[\"gguf\"]", ARCH_API, "/d/default_weights_format", "not among");
    refused("rope_type", "\"rotary\"", ARCH_API, "/d/rope_type", "not an allowed");
    refused("input_modalities", "[\"text\",\"smell\"]", ARCH_API, "/d/input_modalities/1",
            "not an allowed");
    refused("multi_gpu_supported", "1", ARCH_API, "/d/multi_gpu_supported", "true or false");
    refused("example_repo_ids", "[\"\"]", ARCH_API, "/d/example_repo_ids/0", "empty");
    refused("tokenizer", "\"a\\nb\"", ARCH_API, "/d/tokenizer", "control");
    refused("max_length_policy", "\"constant\"", ARCH_API, "/d/max_length_constant", "required");
    refused("seed_version", "[]", ARCH_API, "/d/seed_version", "object");
    refused("multi_gpu", "true", ARCH_API, "/d/multi_gpu", "multi_gpu_supported");
}

static void a_batch_processor_needs_a_pipeline_model(void **state)
{
    AUTO_ERR struct err err = {0};
    json_t *doc = minimal_with("batching", "\"B\"");
    struct arch *a = NULL;
    (void)state;

    json_object_set_new(doc, "pipeline_model_kind", json_string("executor_or_module"));
    assert_false(arch_from_json(&a, doc, "", ARCH_API, 1, 0, &err));
    assert_non_null(strstr(err.msg, "/batching"));
    json_decref(doc);
}

static void required_arguments_must_mean_something(void **state)
{
    CLEANUP(arch_unrefp)
    struct arch *a = build(
        "required_arguments",
        "{\"enable_prefix_caching\":false,\"max_length\":4096,\"relaxed_delta\":0.5}", ARCH_API);
    (void)state;

    assert_int_equal(a->n_required, 3);
    assert_string_equal(a->required[1].name, "max_length");
    assert_int_equal(a->required[1].kind, REQUIRED_INT);
    assert_true(a->required[1].value == 4096);
    refused("required_arguments", "{\"enable_prefix_cache\":false}", ARCH_API,
            "/d/required_arguments/enable_prefix_cache", "no config has");
    refused("required_arguments", "{\"enable_prefix_cache\":false}", ARCH_CATALOG,
            "/d/required_arguments/enable_prefix_cache", "no config has");
    refused("required_arguments", "{\"enable_prefix_caching\":0}", ARCH_API,
            "/d/required_arguments/enable_prefix_caching", "true or false");
    refused("required_arguments", "{\"max_length\":\"1\"}", ARCH_API,
            "/d/required_arguments/max_length", "boolean or a number");
}

static void remote_code_is_not_for_a_record_to_switch_on(void **state)
{
    static const char args[] = "{\"trust_remote_code\":true}";
    CLEANUP(arch_unrefp) struct arch *a = build("required_arguments", args, ARCH_BUILTIN);
    (void)state;

    refused("required_arguments", args, ARCH_API, "/d/required_arguments/trust_remote_code",
            "cannot switch remote code on");
    assert_non_null(strstr(a->body->bytes, "\"warnings\":[\"requires trust_remote_code"));
}

static void all_faults_of_a_document_come_together(void **state)
{
    AUTO_ERR struct err err = {0};
    json_t *doc = json_loads("{\"name\":1,\"tsk\":2}", 0, NULL);
    struct arch *a = NULL;
    (void)state;

    assert_false(arch_from_json(&a, doc, "", ARCH_API, 1, 0, &err));
    assert_int_equal(err.code, ERR_FIELD);
    assert_non_null(strstr(err.facts.data, "\"/name\""));
    assert_non_null(strstr(err.facts.data, "\"/tsk\""));
    assert_non_null(strstr(err.facts.data, "\"/pipeline_model\""));
    assert_non_null(strstr(err.facts.data, "\"/tokenizer\""));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_as_in_max),
        cmocka_unit_test(a_tokenizer_function_makes_text_tokenizers),
        cmocka_unit_test(encodings_may_be_a_list),
        cmocka_unit_test(the_body_says_where_it_is_from),
        cmocka_unit_test(a_body_sent_back_is_the_same_record),
        cmocka_unit_test(every_field_is_checked),
        cmocka_unit_test(a_batch_processor_needs_a_pipeline_model),
        cmocka_unit_test(required_arguments_must_mean_something),
        cmocka_unit_test(remote_code_is_not_for_a_record_to_switch_on),
        cmocka_unit_test(all_faults_of_a_document_come_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
