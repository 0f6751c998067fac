#include "test.h"

#include "resolve/tokenizer.h"
#include "resolving.h"

static const struct made_file files[] = {{"model.safetensors", GIB(1), ENCODING_FLOAT32}};

static const char mistral[] =
    "{\"architectures\":[\"MistralForCausalLM\"],\"model_type\":\"mistral\",\"hidden_size\":64,"
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"max_position_embeddings\":4096}";
static const char bert[] =
    "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\",\"hidden_size\":64,"
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"max_position_embeddings\":512}";

static void open_with(struct world *w, const char *config)
{
    world_open(w);
    w->models[0] = make_model("org/m", 'a', config, files, 1);
}

static struct tokenizer_handle *build(const struct world *w, const char *text, struct err *err)
{
    struct tokenizer_request req = {0};
    struct tokenizer_handle *t = NULL;
    json_t *doc = quoted(text);

    if (!bind_object(&tokenizer_request_table, doc, "", &req, err) ||
        !tokenizer_request_check(&req, err) ||
        !tokenizer_handle_build(&req, w->models[0], w->registry, &t, err))
        t = NULL;
    tokenizer_request_release(&req);
    json_decref(doc);
    return t;
}

static void a_pipeline_is_counted(void **state)
{
    AUTO_ERR struct err err = {0};
    struct pipeline *p;
    struct world w;
    (void)state;

    open_with(&w, mistral);
    p = resolve_text(&w, "{'model_path':'org/m','devices':[{'type':'H100'}]}", &err);
    if (!p)
        fail_msg("%s", err.msg);
    assert_ptr_equal(pipeline_ref(p), p);
    pipeline_unref(p);
    assert_true(pipeline_bytes(p) > p->members_size);
    assert_int_equal(p->n_weight_files, 1);
    assert_string_equal(p->weight_files[0].path, "model.safetensors");
    assert_string_equal(p->tokenizer_id, p->tokenizer->id);
    pipeline_unref(p);
    pipeline_unref(NULL);
    world_close(&w);
}

static void a_pipeline_and_its_tokenizer_name_the_same_handle(void **state)
{
    AUTO_ERR struct err err = {0};
    struct tokenizer_handle *t, *again, *other;
    struct pipeline *p;
    struct world w;
    (void)state;

    open_with(&w, mistral);
    p = resolve_text(&w, "{'model_path':'org/m','devices':[{'type':'H100'}]}", &err);
    t = build(&w, "{'model':'org/m'}", &err);
    if (!p || !t)
        fail_msg("%s", err.msg);
    assert_string_equal(p->tokenizer_id, t->id);
    assert_true(str_starts(t->id, "tk_"));
    assert_int_equal(t->max_length, 4096);
    again = build(&w, "{'model_path':'org/m','max_length':4096,'trust_remote_code':false}", &err);
    assert_string_equal(again->id, t->id);
    other = build(&w, "{'model':'org/m','max_length':128}", &err);
    assert_string_not_equal(other->id, t->id);
    tokenizer_handle_unref(other);
    other = build(&w, "{'model':'org/m','chat_template':'x'}", &err);
    assert_string_not_equal(other->id, t->id);
    tokenizer_handle_unref(other);
    tokenizer_handle_unref(again);
    /* what came out can be posted back */
    again = build(&w, t->effective, &err);
    assert_string_equal(again->id, t->id);
    tokenizer_handle_unref(again);
    tokenizer_handle_unref(t);
    pipeline_unref(p);
    world_close(&w);
}

static void mistral_gets_the_whitespace_fix_and_bert_an_end(void **state)
{
    AUTO_ERR struct err err = {0};
    struct tokenizer_handle *t;
    struct world w;
    (void)state;

    open_with(&w, mistral);
    t = build(&w, "{'model':'org/m'}", &err);
    assert_true(t->whitespace_fix);
    assert_string_equal(t->class_name, "TextTokenizer");
    tokenizer_handle_unref(t);
    world_close(&w);
    open_with(&w, bert);
    w.models[0]->tokenizer.n_eos_ids = 0;
    t = build(&w, "{'model':'org/m'}", &err);
    if (!t)
        fail_msg("%s", err.msg);
    assert_false(t->whitespace_fix);
    assert_string_equal(t->class_name, "BertTokenizer");
    assert_int_equal(t->n_eos_ids, 1);
    assert_int_equal(t->eos_ids[0], 0);
    tokenizer_handle_unref(t);
    world_close(&w);
}

static void a_tokenizer_that_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *request;
        enum err_code code;
    } cases[] = {
        {"{}", ERR_FIELD},
        {"{'model':'org/m','max_length':513}", ERR_MAX_LENGTH},
        {"{'model':'org/m','override_architecture':'Mistral'}", ERR_ARCH_NOT_FOUND},
        {"{'model':'org/m','task':'pixel_generation'}", ERR_TASK_NOT_FOUND},
        {"{'model':'org/m','task':'x'}", ERR_TASK_UNKNOWN},
        {"{'model':'org/m','truncation':1}", ERR_UNKNOWN_FIELD},
    };
    AUTO_ERR struct err err = {0};
    struct world w;
    (void)state;

    open_with(&w, bert);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_null(build(&w, cases[i].request, &err));
        if (err.code != cases[i].code)
            fail_msg("%s: %s", cases[i].request, err.msg);
        err_release(&err);
    }
    w.models[0]->tokenizer.kind[0] = '\0';
    assert_null(build(&w, "{'model':'org/m'}", &err));
    assert_int_equal(err.code, ERR_NO_TOKENIZER);
    world_close(&w);
}

static void a_template_may_come_as_a_document(void **state)
{
    AUTO_FREE char *a = chat_template_text("{\"chat_template\": \"{{ x }}\"}");
    AUTO_FREE char *b = chat_template_text("{{ messages }}");
    AUTO_FREE char *c = chat_template_text("{\"other\": 1}");
    (void)state;

    assert_string_equal(a, "{{ x }}");
    assert_string_equal(b, "{{ messages }}");
    assert_string_equal(c, "{\"other\": 1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipeline_is_counted),
        cmocka_unit_test(a_pipeline_and_its_tokenizer_name_the_same_handle),
        cmocka_unit_test(mistral_gets_the_whitespace_fix_and_bert_an_end),
        cmocka_unit_test(a_tokenizer_that_cannot_be_is_refused),
        cmocka_unit_test(a_template_may_come_as_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
