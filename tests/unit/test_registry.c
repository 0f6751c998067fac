#include "test.h"

#include "arch/register.h"

#include <stdio.h>

static struct arch *make(const char *name, enum task task, const char *model)
{
    AUTO_ERR struct err err = {0};
    struct arch *a = NULL;
    json_t *doc = json_pack("{s:s, s:s, s:s, s:{s:[]}, s:s, s:s, s:s, s:[s]}", "name", name, "task",
                            task_name(task), "default_encoding", "bfloat16", "supported_encodings",
                            "bfloat16", "default_weights_format", "safetensors", "pipeline_model",
                            model, "tokenizer", "TextTokenizer", "example_repo_ids", "some/repo");

    if (!arch_from_json(&a, doc, "", ARCH_API, 1, 0, &err))
        fail_msg("%s", err.msg);
    json_decref(doc);
    return a;
}

static void add(struct archs *list, const char *name, enum task task, const char *model)
{
    archs_add(list, make(name, task, model));
}

static struct registry *builtin(void)
{
    AUTO_ARCHS struct archs archs = {0};

    catalog_load_builtin(1, 0, &archs);
    return registry_new(1, archs.items, archs.n);
}

/* ---- lookups */

static void the_first_task_of_a_name_is_its_primary(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    enum task tasks[N_TASKS];
    (void)state;

    assert_int_equal(registry_tasks(r, "Qwen3ForCausalLM", tasks), 2);
    assert_int_equal(tasks[0], TASK_TEXT_GENERATION);
    assert_int_equal(tasks[1], TASK_EMBEDDINGS_GENERATION);
    assert_int_equal(registry_get(r, "Qwen3ForCausalLM", TASK_NONE)->task, TASK_TEXT_GENERATION);
    assert_int_equal(registry_get(r, "Qwen3ForCausalLM", TASK_EMBEDDINGS_GENERATION)->task,
                     TASK_EMBEDDINGS_GENERATION);
    assert_null(registry_get(r, "Qwen3ForCausalLM", TASK_PIXEL_GENERATION));
    assert_null(registry_get(r, "Qwen3", TASK_NONE));
}

static void variants_are_found_both_ways(void **state)
{
    static const struct {
        const char *name;
        enum task task;
        bool prefer;
        const char *found; /* NULL: an error */
        bool fallback;
        enum err_code code;
    } cases[] = {
        {"LlamaForCausalLM", TASK_TEXT_GENERATION, false, "LlamaForCausalLM", false, 0},
        {"LlamaForCausalLM", TASK_TEXT_GENERATION, true, "LlamaForCausalLM_ModuleV3", false, 0},
        {"BertModel", TASK_EMBEDDINGS_GENERATION, true, "BertModel", true, 0},
        {"LlamaForCausalLM_ModuleV3", TASK_NONE, false, "LlamaForCausalLM_ModuleV3", false, 0},
        {"BertModel_ModuleV3", TASK_NONE, false, "BertModel", true, 0},
        /* MAX gives embeddings here, because it looks at the name before the task */
        {"Qwen3ForCausalLM", TASK_TEXT_GENERATION, true, "Qwen3ForCausalLM", true, 0},
        {"Qwen3ForCausalLM", TASK_EMBEDDINGS_GENERATION, true, "Qwen3ForCausalLM_ModuleV3", false,
         0},
        {"LlamaForCausalLM", TASK_EMBEDDINGS_GENERATION, false, NULL, false, ERR_TASK_NOT_FOUND},
        {"LlamaForCausalML", TASK_TEXT_GENERATION, false, NULL, false, ERR_ARCH_NOT_FOUND},
    };
    AUTO_REGISTRY struct registry *r = builtin();
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        const struct arch *a = NULL;
        bool fallback = false;

        if (registry_find(r, cases[i].name, cases[i].task, cases[i].prefer, &a, &fallback, &err)) {
            assert_non_null(cases[i].found);
            assert_string_equal(a->name, cases[i].found);
            assert_int_equal(fallback, cases[i].fallback);
            assert_true(cases[i].task == TASK_NONE || a->task == cases[i].task);
        } else {
            assert_null(cases[i].found);
            assert_int_equal(err.code, cases[i].code);
        }
    }
}

static void a_miss_says_what_would_have_worked(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    AUTO_ERR struct err err = {0};
    const struct arch *a;
    (void)state;

    assert_false(registry_lookup(r, "LlamaForCausalML", TASK_NONE, &a, &err));
    assert_int_equal(err.code, ERR_ARCH_NOT_FOUND);
    assert_non_null(strstr(err.facts.data, "\"nearest\":[\"LlamaForCausalLM\""));
    assert_false(registry_lookup(r, "BertModel", TASK_PIXEL_GENERATION, &a, &err));
    assert_int_equal(err.code, ERR_TASK_NOT_FOUND);
    assert_non_null(strstr(err.facts.data, "\"available\":[\"embeddings_generation\"]"));
    AUTO_REGISTRY struct registry *empty = registry_new(0, NULL, 0);
    assert_false(registry_lookup(empty, "BertModel", TASK_NONE, &a, &err));
    assert_non_null(strstr(err.msg, "/v1/reset"));
}

static void a_models_list_is_tried_to_its_end(void **state)
{
    static const char *const names[] = {"NoSuchModel", "BertModel", "LlamaForCausalLM"};
    AUTO_REGISTRY struct registry *r = builtin();
    AUTO_ERR struct err err = {0};
    const struct arch *a;
    (void)state;

    assert_true(registry_find_any(r, names, 3, TASK_TEXT_GENERATION, false, &a, &err));
    assert_string_equal(a->name, "LlamaForCausalLM");
    assert_true(registry_find_any(r, names, 3, TASK_NONE, false, &a, &err));
    assert_string_equal(a->name, "BertModel");
    assert_false(registry_find_any(r, names, 2, TASK_PIXEL_GENERATION, false, &a, &err));
    assert_int_equal(err.code, ERR_TASK_NOT_FOUND);
    assert_non_null(
        strstr(err.facts.data, "{\"name\":\"NoSuchModel\",\"reason\":\"not registered\""));
    assert_false(registry_find_any(r, names, 1, TASK_NONE, false, &a, &err));
    assert_int_equal(err.code, ERR_ARCH_NOT_FOUND);
    assert_false(registry_find_any(r, NULL, 0, TASK_NONE, false, &a, &err));
    assert_int_equal(err.code, ERR_NO_ARCHITECTURES);
}

static void of_several_tasks_text_generation_is_meant(void **state)
{
    static const char *const qwen[] = {"Qwen3ForCausalLM"}, *const two[] = {"Two"},
                             *const variant[] = {"Variant"};
    AUTO_ARCHS struct archs archs = {0};
    AUTO_REGISTRY struct registry *r = builtin();
    AUTO_ERR struct err err = {0};
    struct task_choice choice;
    (void)state;

    assert_true(registry_task(r, qwen, 1, &choice, &err));
    assert_int_equal(choice.task, TASK_TEXT_GENERATION);
    assert_int_equal(choice.n_alternatives, 1);
    assert_int_equal(choice.alternatives[0], TASK_EMBEDDINGS_GENERATION);
    add(&archs, "Two", TASK_PIXEL_GENERATION, "M");
    add(&archs, "Two", TASK_AUDIO_GENERATION, "M");
    add(&archs, "Variant_ModuleV3", TASK_PIXEL_GENERATION, "M");
    AUTO_REGISTRY struct registry *more = registry_with(r, 2, archs.items, archs.n);
    assert_true(registry_task(more, variant, 1, &choice, &err));
    assert_int_equal(choice.task, TASK_PIXEL_GENERATION);
    assert_false(registry_task(more, two, 1, &choice, &err));
    assert_int_equal(err.code, ERR_TASK_NOT_FOUND);
    assert_non_null(
        strstr(err.facts.data, "\"available\":[\"pixel_generation\",\"audio_generation\"]"));
}

/* ---- change */

/* The same rules on a plain array. */
struct model {
    struct arch *items[64];
    size_t n;
};

static size_t model_at(const struct model *m, const char *name, enum task task)
{
    for (size_t i = 0; i < m->n; i++)
        if ((task == TASK_NONE || m->items[i]->task == task) && str_eq(m->items[i]->name, name))
            return i;
    return m->n;
}

static void model_put(struct model *m, struct arch *a)
{
    size_t i = model_at(m, a->name, a->task);

    m->items[i] = a;
    m->n += i == m->n;
}

static void model_remove(struct model *m, const char *name, enum task task)
{
    size_t i = model_at(m, name, task);

    if (i == m->n)
        return;
    memmove(&m->items[i], &m->items[i + 1], (m->n - i - 1) * sizeof(m->items[0]));
    m->n--;
}

static void assert_same(const struct registry *r, const struct model *m, const char *const *names,
                        size_t n_names)
{
    assert_int_equal(registry_size(r), m->n);
    for (size_t i = 0; i < m->n; i++)
        assert_ptr_equal(registry_at(r, i), m->items[i]);
    for (size_t i = 0; i < n_names; i++) {
        for (int t = 0; t < N_TASKS; t++) {
            size_t at = model_at(m, names[i], (enum task)t);
            const struct arch *a = registry_get(r, names[i], (enum task)t);

            assert_ptr_equal(a, at < m->n ? m->items[at] : NULL);
        }
    }
}

static void any_sequence_of_changes_is_as_in_a_plain_list(void **state)
{
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H"};
    AUTO_ARCHS struct archs all = {0}; /* keeps what the model points to */
    struct registry *r = registry_new(0, NULL, 0);
    struct model m = {0};
    uint32_t seed = 12345;
    (void)state;

    for (int step = 1; step <= 600; step++) {
        struct registry *next;

        seed = seed * 1664525 + 1013904223;
        const char *name = names[seed >> 8 & 7];
        enum task task = (enum task)(1 + (seed >> 16) % 3);

        if (seed >> 28 < 5) {
            model_remove(&m, name, task);
            next = registry_without(r, step, name, task);
        } else {
            size_t first = all.n;

            add(&all, name, task, "M");
            add(&all, names[seed >> 11 & 7], task, "M");
            model_put(&m, all.items[first]);
            model_put(&m, all.items[first + 1]);
            next = registry_with(r, step, all.items + first, 2);
        }
        registry_unref(r);
        r = next;
        assert_int_equal(registry_revision(r), step);
        assert_same(r, &m, names, ARRAY_SIZE(names));
    }
    registry_unref(r);
}

static void an_older_registry_stays_as_it_was(void **state)
{
    AUTO_ARCHS struct archs archs = {0};
    AUTO_REGISTRY struct registry *r = builtin();
    (void)state;

    add(&archs, "BertModel", TASK_EMBEDDINGS_GENERATION, "Mine");
    AUTO_REGISTRY struct registry *next = registry_with(r, 2, archs.items, 1);
    assert_string_equal(registry_get(r, "BertModel", TASK_NONE)->pipeline_model,
                        "BertPipelineModel");
    assert_string_equal(registry_at(next, 0)->pipeline_model, "Mine"); /* position kept */
    assert_ptr_equal(registry_at(next, 1), registry_at(r, 1));         /* shared */
}

static void layers_hide_each_other_in_place(void **state)
{
    AUTO_ARCHS struct archs low = {0}, files = {0}, api = {0};
    struct arch_id tombstone = {"C", TASK_TEXT_GENERATION};
    struct layers layers = {&low, &files, &api, &tombstone, 1, false};
    (void)state;

    add(&low, "A", TASK_TEXT_GENERATION, "low");
    add(&low, "B", TASK_TEXT_GENERATION, "low");
    add(&low, "C", TASK_TEXT_GENERATION, "low");
    add(&files, "B", TASK_TEXT_GENERATION, "file");
    add(&files, "D", TASK_TEXT_GENERATION, "file");
    add(&api, "D", TASK_TEXT_GENERATION, "api");
    add(&api, "A", TASK_PIXEL_GENERATION, "api");
    AUTO_REGISTRY struct registry *r = registry_compose(5, &layers);
    assert_int_equal(registry_size(r), 4);
    assert_string_equal(registry_at(r, 0)->pipeline_model, "low");
    assert_string_equal(registry_at(r, 1)->pipeline_model, "file");
    assert_string_equal(registry_at(r, 2)->pipeline_model, "api");
    assert_string_equal(registry_at(r, 2)->name, "D");
    assert_int_equal(registry_get(r, "A", TASK_NONE)->task, TASK_TEXT_GENERATION);
    layers.cleared = true;
    AUTO_REGISTRY struct registry *cleared = registry_compose(6, &layers);
    assert_int_equal(registry_size(cleared), 2);
    assert_int_equal(registry_get(cleared, "A", TASK_NONE)->task, TASK_PIXEL_GENERATION);
}

/* ---- lists */

static void pages_make_the_whole_list(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    struct registry_filter filter = {.task = TASK_TEXT_GENERATION, .source = ARCH_BUILTIN};
    AUTO_ERR struct err err = {0};
    size_t after = 0, n = 0;
    (void)state;

    do {
        AUTO_BUF struct buf out = {0};
        size_t next;

        registry_list(r, &filter, after, 10, &out, &next);
        json_t *page = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(page);
        n += json_array_size(json_object_get(page, "items"));
        const char *token = json_string_value(json_object_get(page, "next_page_token"));
        assert_int_equal(token != NULL, next != 0);
        if (token) {
            assert_true(registry_page(r, token, &after, &err));
            assert_int_equal(after, next);
        }
        json_decref(page);
        after = next;
    } while (after);
    assert_int_equal(n, 88);
}

static void a_page_goes_on_although_records_before_it_went(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    struct registry_filter filter = {.source = -1};
    AUTO_BUF struct buf out = {0};
    AUTO_ERR struct err err = {0};
    size_t next, after;
    (void)state;

    registry_list(r, &filter, 0, 5, &out, &next);
    json_t *page = json_loads(out.data, 0, NULL);
    const char *token = json_string_value(json_object_get(page, "next_page_token"));
    AUTO_REGISTRY struct registry *less =
        registry_without(r, 2, "BertModel", TASK_EMBEDDINGS_GENERATION);
    assert_true(registry_page(less, token, &after, &err));
    assert_ptr_equal(registry_at(less, after), registry_at(r, 5));
    /* and when the one it names went itself */
    AUTO_REGISTRY struct registry *none =
        registry_without(r, 2, registry_at(r, 4)->name, registry_at(r, 4)->task);
    assert_true(registry_page(none, token, &after, &err));
    assert_ptr_equal(registry_at(none, after), registry_at(r, 5));
    json_decref(page);
    assert_false(registry_page(r, "9", &after, &err));
    assert_false(registry_page(r, "9~A~x", &after, &err));
    assert_false(registry_page(r, "9~A~text_generation~", &after, &err));
}

static void filters_narrow_the_list(void **state)
{
    static const struct {
        struct registry_filter filter;
        size_t n;
    } cases[] = {
        {{.source = ARCH_API}, 0},
        {{.source = -1, .q = "llama-3.1"}, 2},
        {{.source = -1, .q = ""}, 106},
        {{.source = -1, .task = TASK_AUDIO_GENERATION}, 1},
        {{.source = -1, .encoding = ENCODING_GPTQ}, 1},
        {{.source = -1, .weights_format = FORMAT_GGUF, .q = "mpt"}, 1},
    };
    AUTO_REGISTRY struct registry *r = builtin();
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BUF struct buf out = {0};
        size_t next;

        registry_list(r, &cases[i].filter, 0, 1000, &out, &next);
        json_t *page = json_loads(out.data, 0, NULL);
        if (json_array_size(json_object_get(page, "items")) != cases[i].n)
            fail_msg("case %zu: %zu", i, json_array_size(json_object_get(page, "items")));
        json_decref(page);
    }
}

static void the_whole_list_is_rendered_once(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    struct blob *list = registry_list_all(r);
    (void)state;

    assert_ptr_equal(registry_list_all(r), list);
    json_t *doc = json_loads(list->bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_array_size(json_object_get(doc, "items")), 106);
    json_decref(doc);
}

/* ---- register */

static json_t *doc_of(const char *name, enum task task)
{
    AUTO_BUF struct buf text = {0};
    struct arch *a = make(name, task, "Mine");

    arch_write_doc(a, &text);
    arch_unref(a);
    return json_loads(text.data, 0, NULL);
}

static bool try_register(const struct registry *r, json_t *docs, bool override,
                         const char *if_match, const char *if_none_match, struct archs *ret,
                         struct err *err)
{
    struct registration what = {.docs = docs,
                                .batch = json_array_size(docs) != 1,
                                .allow_override = override,
                                .if_match = if_match,
                                .if_none_match = if_none_match,
                                .revision = 2};

    return register_check(r, &what, ret, err);
}

static void an_existing_identity_needs_override(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    AUTO_ARCHS struct archs ret = {0};
    AUTO_ERR struct err err = {0};
    /* the second task of the name: MAX replaces it without asking */
    json_t *docs = json_pack("[o]", doc_of("Qwen3ForCausalLM", TASK_EMBEDDINGS_GENERATION));
    const struct arch *old = registry_get(r, "Qwen3ForCausalLM", TASK_EMBEDDINGS_GENERATION);
    (void)state;

    assert_false(try_register(r, docs, false, NULL, NULL, &ret, &err));
    assert_int_equal(err.code, ERR_ARCH_EXISTS);
    assert_non_null(
        strstr(err.facts.data,
               "\"href\":\"/v1/architectures/Qwen3ForCausalLM?task=embeddings_generation\""));
    assert_int_equal(ret.n, 0);
    assert_true(try_register(r, docs, true, old->body->etag, NULL, &ret, &err));
    assert_int_equal(ret.n, 1);
    assert_int_equal(ret.items[0]->source, ARCH_API);
    json_decref(docs);
}

static void preconditions_come_before_conflicts(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    AUTO_ARCHS struct archs ret = {0};
    AUTO_ERR struct err err = {0};
    json_t *bert = json_pack("[o]", doc_of("BertModel", TASK_EMBEDDINGS_GENERATION));
    json_t *fresh = json_pack("[o]", doc_of("Fresh", TASK_EMBEDDINGS_GENERATION));
    (void)state;

    assert_false(try_register(r, bert, true, "\"0000\"", "", &ret, &err));
    assert_int_equal(err.code, ERR_PRECONDITION);
    assert_non_null(strstr(err.facts.data, "\"current_etag\""));
    assert_false(try_register(r, bert, false, "", "*", &ret, &err));
    assert_int_equal(err.code, ERR_PRECONDITION);
    assert_false(try_register(r, fresh, true, "*", "", &ret, &err));
    assert_int_equal(err.code, ERR_PRECONDITION);
    assert_true(try_register(r, fresh, false, "", "*", &ret, &err));
    json_decref(bert);
    json_decref(fresh);
}

static void a_batch_is_all_or_nothing_with_all_its_faults(void **state)
{
    AUTO_REGISTRY struct registry *r = builtin();
    AUTO_ARCHS struct archs ret = {0};
    AUTO_ERR struct err err = {0};
    json_t *docs = json_pack("[o,{},o,i]", doc_of("Fresh", TASK_TEXT_GENERATION),
                             doc_of("Fresh", TASK_TEXT_GENERATION), 3);
    (void)state;

    assert_false(try_register(r, docs, false, NULL, NULL, &ret, &err));
    assert_int_equal(err.code, ERR_FIELD);
    assert_non_null(strstr(err.facts.data, "\"/architectures/1/name\""));
    assert_non_null(strstr(err.facts.data, "already registered by an earlier document"));
    assert_non_null(strstr(err.facts.data, "\"/architectures/3\""));
    assert_int_equal(ret.n, 0);
    json_decref(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_task_of_a_name_is_its_primary),
        cmocka_unit_test(variants_are_found_both_ways),
        cmocka_unit_test(a_miss_says_what_would_have_worked),
        cmocka_unit_test(a_models_list_is_tried_to_its_end),
        cmocka_unit_test(of_several_tasks_text_generation_is_meant),
        cmocka_unit_test(any_sequence_of_changes_is_as_in_a_plain_list),
        cmocka_unit_test(an_older_registry_stays_as_it_was),
        cmocka_unit_test(layers_hide_each_other_in_place),
        cmocka_unit_test(pages_make_the_whole_list),
        cmocka_unit_test(a_page_goes_on_although_records_before_it_went),
        cmocka_unit_test(filters_narrow_the_list),
        cmocka_unit_test(the_whole_list_is_rendered_once),
        cmocka_unit_test(an_existing_identity_needs_override),
        cmocka_unit_test(preconditions_come_before_conflicts),
        cmocka_unit_test(a_batch_is_all_or_nothing_with_all_its_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
