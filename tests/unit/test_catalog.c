#include "test.h"

#include "arch/registry.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static json_t *parsed(const struct arch *a)
{
    json_t *body = json_loads(a->body->bytes, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(body);
    return body;
}

static void all_107_records_are_there_as_106_identities(void **state)
{
    AUTO_ARCHS struct archs archs = {0};
    const char *const *texts;
    size_t n_superseded = 0;
    (void)state;

    assert_int_equal(catalog_builtin(&texts), 106);
    catalog_load_builtin(1, 0, &archs);
    assert_int_equal(archs.n, 106);
    for (size_t i = 0; i < archs.n; i++) {
        json_t *body = parsed(archs.items[i]);

        n_superseded += json_array_size(json_object_get(body, "superseded"));
        json_decref(body);
    }
    assert_int_equal(n_superseded, 1);
    AUTO_REGISTRY struct registry *r = registry_new(1, archs.items, archs.n);
    assert_int_equal(registry_size(r), 106); /* no identity twice */
    assert_string_equal(registry_at(r, 0)->name, "BertModel");
    assert_string_equal(registry_at(r, 105)->name, "MPTForCausalLM");
}

static void every_member_of_a_record_is_served(void **state)
{
    AUTO_ARCHS struct archs archs = {0};
    const char *const *texts, *key;
    json_t *value;
    (void)state;

    catalog_builtin(&texts);
    catalog_load_builtin(1, 0, &archs);
    for (size_t i = 0; i < archs.n; i++) {
        json_t *text = json_loads(texts[i], JSON_REJECT_DUPLICATES, NULL);
        json_t *body = parsed(archs.items[i]);

        json_object_foreach(text, key, value)
        {
            if (!json_equal(value, json_object_get(body, key)))
                fail_msg("%s: %s", archs.items[i]->name, key);
        }
        json_decref(text);
        json_decref(body);
    }
}

static void the_well_known_record_is_as_max_has_it(void **state)
{
    AUTO_ARCHS struct archs archs = {0};
    (void)state;

    catalog_load_builtin(1, 0, &archs);
    AUTO_REGISTRY struct registry *r = registry_new(1, archs.items, archs.n);
    const struct arch *llama = registry_get(r, "LlamaForCausalLM", TASK_NONE);
    assert_int_equal(llama->default_encoding, ENCODING_Q4_K);
    assert_true(arch_has_encoding(llama, ENCODING_GPTQ));
    assert_int_equal(llama->rope_type, ROPE_NORMAL);
    assert_string_equal(llama->pipeline_model, "Llama3Model");
    assert_string_equal(llama->weight_adapters[FORMAT_GGUF], "convert_gguf_state_dict");
    assert_int_equal(registry_get(r, "BertModel", TASK_NONE)->rope_type, ROPE_UNSET);
    assert_int_equal(registry_get(r, "Qwen3ForCausalLM", TASK_NONE)->task, TASK_TEXT_GENERATION);
}

/* ---- folders */

struct folders {
    char root[32];
    char *path[3];
};

static int make_folders(void **state)
{
    struct folders *f = mem_new(struct folders);

    strcpy(f->root, "/tmp/catalog-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    for (int i = 0; i < 3; i++) {
        f->path[i] = str_printf("%s/%d", f->root, i);
        assert_int_equal(mkdir(f->path[i], 0700), 0);
    }
    *state = f;
    return 0;
}

static void remove_in(const char *folder)
{
    static const char *const names[] = {"10-a.json", "20-b.json", "30-c.json", "note.txt"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        AUTO_FREE char *path = str_printf("%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static int remove_folders(void **state)
{
    struct folders *f = *state;

    for (int i = 0; i < 3; i++) {
        remove_in(f->path[i]);
        free(f->path[i]);
    }
    rmdir(f->root);
    free(f);
    return 0;
}

static void put_file(const struct folders *f, int folder, const char *name, const char *text)
{
    AUTO_FREE char *path = str_printf("%s/%s", f->path[folder], name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define RECORD(name, model)                                                                    \
    "{\"name\":\"" name "\",\"task\":\"text_generation\",\"default_encoding\":\"bfloat16\",\n" \
    "\"supported_encodings\":[\"bfloat16\"],\"default_weights_format\":\"safetensors\",\n"     \
    "\"pipeline_model\":\"" model "\",\"tokenizer\":\"TextTokenizer\"}"

static void load(const struct folders *f, struct archs *ret, struct catalog_faults *faults)
{
    const char *paths[] = {f->path[0], "/tmp/no/such/folder", f->path[1], f->path[2]};

    catalog_load_folders(paths, ARRAY_SIZE(paths), 3, 0, ret, faults);
}

static void later_folders_hide_files_of_the_same_name(void **state)
{
    struct folders *f = *state;
    AUTO_ARCHS struct archs archs = {0};
    CLEANUP(catalog_faults_release) struct catalog_faults faults = {0};

    put_file(f, 0, "20-b.json",
             "{\"architectures\":[" RECORD("B1", "V") "," RECORD("B2", "V") "]}");
    put_file(f, 0, "10-a.json", RECORD("A", "V"));
    put_file(f, 0, "30-c.json", RECORD("C", "V"));
    put_file(f, 0, "note.txt", "no record");
    put_file(f, 2, "20-b.json", RECORD("B1", "R"));
    AUTO_FREE char *mask = str_printf("%s/30-c.json", f->path[1]);
    assert_int_equal(symlink("/dev/null", mask), 0);
    load(f, &archs, &faults);
    assert_int_equal(faults.n, 0);
    assert_int_equal(archs.n, 2);
    assert_string_equal(archs.items[0]->name, "A");
    assert_string_equal(archs.items[1]->name, "B1");
    assert_string_equal(archs.items[1]->pipeline_model, "R");
    assert_int_equal(archs.items[0]->source, ARCH_CATALOG);
}

static void a_broken_file_is_reported_and_the_rest_loads(void **state)
{
    struct folders *f = *state;
    AUTO_ARCHS struct archs archs = {0};
    CLEANUP(catalog_faults_release) struct catalog_faults faults = {0};

    put_file(f, 0, "10-a.json", "{\n\n\"name\": }");
    put_file(f, 0, "20-b.json",
             "{\"architectures\": [\n" RECORD("B1", "V") ",\n{\"name\": \"B,]2\",\n \"task\": "
                                                         "{\"x\": 1},\n \"tokenizer\": 5}\n]}");
    put_file(f, 0, "30-c.json", RECORD("B1", "W"));
    load(f, &archs, &faults);
    assert_int_equal(archs.n, 1);
    assert_string_equal(archs.items[0]->pipeline_model, "W");
    assert_int_equal(faults.items[0].line, 3);
    assert_true(str_ends(faults.items[0].file, "/0/10-a.json"));
    int seen = 0;
    for (size_t i = 1; i < faults.n; i++) {
        const struct catalog_fault *fault = &faults.items[i];

        if (str_eq(fault->pointer, "/architectures/1/name"))
            assert_int_equal(fault->line, 5), seen++;
        if (str_eq(fault->pointer, "/architectures/1/task"))
            assert_int_equal(fault->line, 6), seen++;
        if (str_eq(fault->pointer, "/architectures/1/tokenizer"))
            assert_int_equal(fault->line, 7), seen++;
        if (str_eq(fault->pointer, "/architectures/1/pipeline_model"))
            assert_int_equal(fault->line, 5), seen++;
        if (strstr(fault->text, "this one counts"))
            seen++;
    }
    assert_int_equal(seen, 5);
}

static void the_digest_of_layers_moves_with_their_content(void **state)
{
    AUTO_ARCHS struct archs a = {0}, b = {0};
    CLEANUP(catalog_faults_release) struct catalog_faults faults = {0};
    const struct archs *lists[] = {&a, &b};
    char first[33], same[33], other[33];
    (void)state;

    catalog_load_text("f", RECORD("A", "V"), strlen(RECORD("A", "V")), 1, 0, &a, &faults);
    archs_digest(lists, 2, first);
    archs_digest(lists, 2, same);
    catalog_load_text("f", RECORD("B", "V"), strlen(RECORD("B", "V")), 1, 0, &b, &faults);
    archs_digest(lists, 2, other);
    assert_string_equal(first, same);
    assert_string_not_equal(first, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_107_records_are_there_as_106_identities),
        cmocka_unit_test(every_member_of_a_record_is_served),
        cmocka_unit_test(the_well_known_record_is_as_max_has_it),
        cmocka_unit_test_setup_teardown(later_folders_hide_files_of_the_same_name, make_folders,
                                        remove_folders),
        cmocka_unit_test_setup_teardown(a_broken_file_is_reported_and_the_rest_loads, make_folders,
                                        remove_folders),
        cmocka_unit_test(the_digest_of_layers_moves_with_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
