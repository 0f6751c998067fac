#include "test.h"

#include "hub/gguf.h"
#include "hub/tokenizer_facts.h"

#include <stdio.h>

#include "gguf_bytes.h"

static const char tokenizer_json[] =
    "{\"version\": \"1.0\", \"added_tokens\": ["
    "{\"id\": 4, \"content\": \"<s>\", \"special\": true},"
    "{\"id\": 5, \"content\": \"</s>\", \"special\": true},"
    "{\"id\": 1, \"content\": \"b\", \"special\": false}],"
    "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, "
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"_\"}]},"
    "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false},"
    "\"post_processor\": null, \"decoder\": {\"type\": \"Sequence\", \"decoders\": []},"
    "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"\\u0120a\": 3},"
    "\"merges\": [\"a b\"]}}";

static void add(struct tokenizer_facts_reader *t, enum tokenizer_file kind, const char *path,
                const char *text)
{
    AUTO_ERR struct err err = {0};

    if (!tokenizer_facts_add(t, kind, path, text, strlen(text), &err))
        fail_msg("%s", err.msg);
}

static void a_tokenizer_json_is_scanned_for_its_facts(void **state)
{
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    struct tokenizer_facts f;
    (void)state;

    add(t, TOKENIZER_JSON, "tokenizer.json", tokenizer_json);
    tokenizer_facts_finish(t, NULL, NULL, &f);
    assert_string_equal(f.kind, "BPE");
    assert_string_equal(f.source_file, "tokenizer.json");
    assert_int_equal(f.vocab_size, 6); /* "b" is a word already */
    assert_int_equal(f.n_added_tokens, 3);
    assert_string_equal(f.normalizer, "NFC+Replace");
    assert_string_equal(f.pre_tokenizer, "ByteLevel");
    assert_null(f.post_processor);
    assert_null(f.decoder);
    assert_int_equal(f.add_bos_token, -1);
    tokenizer_facts_release(&f);
}

static void special_tokens_get_their_ids_from_wherever_they_are(void **state)
{
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    struct tokenizer_facts f;
    (void)state;

    add(t, TOKENIZER_SPECIAL_MAP, "special_tokens_map.json",
        "{\"bos_token\": \"wrong\", \"pad_token\": {\"content\": \"<pad>\"}, "
        "\"additional_special_tokens\": [\"x\"]}");
    add(t, TOKENIZER_ADDED_TOKENS, "added_tokens.json", "{\"<pad>\": 7}");
    add(t, TOKENIZER_CONFIG, "tokenizer_config.json",
        "{\"add_bos_token\": true, \"add_eos_token\": false, \"bos_token\": {\"content\": \"<s>\"},"
        "\"eos_token\": \"</s>\", \"unk_token\": null, \"model_max_length\": "
        "1000000000000000019884624838656, \"tokenizer_class\": \"LlamaTokenizer\"}");
    add(t, TOKENIZER_JSON, "tokenizer.json", tokenizer_json);
    tokenizer_facts_finish(t, NULL, NULL, &f);
    assert_int_equal(f.n_special, 3);
    assert_string_equal(f.special[0].role, "bos_token");
    assert_string_equal(f.special[0].content, "<s>");
    assert_int_equal(f.special[0].id, 4);
    assert_string_equal(f.special[1].role, "pad_token");
    assert_int_equal(f.special[1].id, 7);
    assert_int_equal(f.special[2].id, 5);
    assert_int_equal(f.add_bos_token, 1);
    assert_int_equal(f.add_eos_token, 0);
    assert_true(f.model_max_length > 1e29);
    assert_string_equal(f.class_name, "LlamaTokenizer");
    tokenizer_facts_release(&f);
}

static void ends_of_text_are_joined_in_order_without_doubles(void **state)
{
    static const char config_text[] = "{\"eos_token_id\": [9, 5, 8]}";
    AUTO_ERR struct err err = {0};
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    CLEANUP(config_unrefp) struct config *c = NULL;
    json_t *generation = json_pack("{s:[i,i]}", "eos_token_id", 8, 5);
    struct tokenizer_facts f;
    (void)state;

    assert_true(config_from_json(&c, config_text, strlen(config_text), &err));
    add(t, TOKENIZER_JSON, "tokenizer.json", tokenizer_json);
    add(t, TOKENIZER_CONFIG, "tokenizer_config.json", "{\"eos_token\": \"</s>\"}");
    tokenizer_facts_finish(t, c, generation, &f);
    static const int64_t want[] = {5, 8, 9};
    assert_int_equal(f.n_eos_ids, 3);
    assert_memory_equal(f.eos_ids, want, sizeof(want));
    tokenizer_facts_release(&f);
    json_decref(generation);
}

static void templates_of_the_stronger_source_win(void **state)
{
    struct tokenizer_facts f;
    (void)state;

    for (int order = 0; order < 2; order++) {
        CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();

        if (order)
            add(t, TOKENIZER_TEMPLATE_JINJA, "sub/chat_template.jinja", "J");
        add(t, TOKENIZER_CONFIG, "tokenizer_config.json",
            "{\"chat_template\": [{\"name\": \"default\", \"template\": \"D\"},"
            "{\"name\": \"rag\", \"template\": \"R\"}, {\"template\": \"no name\"}, 3]}");
        add(t, TOKENIZER_TEMPLATE_JSON, "chat_template.json", "{\"chat_template\": \"P\"}");
        add(t, TOKENIZER_TEMPLATE_NAMED, "additional_chat_templates/tool_use.jinja", "T");
        if (!order)
            add(t, TOKENIZER_TEMPLATE_JINJA, "chat_template.jinja", "J");
        tokenizer_facts_finish(t, NULL, NULL, &f);
        assert_int_equal(f.n_templates, 2);
        assert_string_equal(tokenizer_default_template(&f)->source, "J");
        assert_string_equal(tokenizer_default_template(&f)->origin, "chat_template.jinja");
        for (size_t i = 0; i < 2; i++)
            if (!str_eq(f.templates[i].name, "default")) {
                assert_string_equal(f.templates[i].name, "tool_use");
                assert_string_equal(f.templates[i].source, "T");
            }
        tokenizer_facts_release(&f);
    }
}

static void a_processors_template_counts_when_there_is_no_other(void **state)
{
    static const char *const origins[] = {"processor_config.json", "chat_template.json"};
    (void)state;

    for (int files = 0; files < 2; files++) {
        CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
        struct tokenizer_facts f;

        add(t, TOKENIZER_PROCESSOR, "processor_config.json",
            "{\"processor_class\": \"P\", \"chat_template\": \"Q\"}");
        if (files)
            add(t, TOKENIZER_TEMPLATE_JSON, "chat_template.json", "{\"chat_template\": \"P\"}");
        add(t, TOKENIZER_TEMPLATE_NAMED, "additional_chat_templates/v1.1.jinja", "T");
        tokenizer_facts_finish(t, NULL, NULL, &f);
        assert_int_equal(f.n_templates, 2);
        assert_string_equal(tokenizer_default_template(&f)->origin, origins[files]);
        assert_string_equal(f.templates[1].name, "v1.1");
        tokenizer_facts_release(&f);
    }
}

static void a_list_of_named_templates_is_kept(void **state)
{
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    struct tokenizer_facts f;
    (void)state;

    add(t, TOKENIZER_CONFIG, "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"T\"},"
        "{\"name\": \"rag\", \"template\": \"R\"}]}");
    tokenizer_facts_finish(t, NULL, NULL, &f);
    assert_int_equal(f.n_templates, 2);
    assert_null(tokenizer_default_template(&f));
    tokenizer_facts_release(&f);
}

static void the_kind_is_told_by_what_is_there(void **state)
{
    static const struct {
        const char *files[3];
        const char *kind;
    } cases[] = {
        {{"tokenizer.model"}, "sentencepiece"},
        {{"spiece.model"}, "sentencepiece"},
        {{"tekken.json", "tokenizer.model"}, "tekken"},
        {{"qwen.tiktoken"}, "tiktoken"},
        {{"vocab.json", "merges.txt"}, "BPE"},
        {{"vocab.json"}, ""},
        {{"vocab.txt"}, "WordPiece"},
        {{"README.md"}, ""},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
        struct tokenizer_facts f;

        for (size_t k = 0; k < 3 && cases[i].files[k]; k++)
            tokenizer_facts_note_file(t, cases[i].files[k]);
        tokenizer_facts_finish(t, NULL, NULL, &f);
        assert_string_equal(f.kind, cases[i].kind);
        tokenizer_facts_release(&f);
    }
}

static void models_of_old_files_are_recognised(void **state)
{
    static const struct {
        const char *text, *kind;
        int64_t vocab_size;
    } cases[] = {
        {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}}", "BPE", 1},
        {"{\"model\": {\"vocab\": [[\"a\", -1.5], [\"b\", -2]], \"unk_id\": 0}}", "Unigram", 2},
        {"{\"model\": {\"continuing_subword_prefix\": \"##\", \"vocab\": {}}}", "WordPiece", 0},
        {"{\"model\": {\"vocab\": {\"a\": 0}}}", "WordLevel", 1},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
        struct tokenizer_facts f;

        add(t, TOKENIZER_JSON, "tokenizer.json", cases[i].text);
        tokenizer_facts_finish(t, NULL, NULL, &f);
        assert_string_equal(f.kind, cases[i].kind);
        assert_int_equal(f.vocab_size, cases[i].vocab_size);
        tokenizer_facts_release(&f);
    }
}

static void other_files_give_the_size_of_the_vocabulary(void **state)
{
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *words = tokenizer_facts_new();
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *tekken = tokenizer_facts_new();
    struct tokenizer_facts f;
    (void)state;

    tokenizer_facts_note_file(words, "vocab.txt");
    add(words, TOKENIZER_VOCAB_TXT, "vocab.txt", "[PAD]\n[UNK]\nthe");
    tokenizer_facts_finish(words, NULL, NULL, &f);
    assert_int_equal(f.vocab_size, 3);
    tokenizer_facts_release(&f);
    tokenizer_facts_note_file(tekken, "tekken.json");
    add(tekken, TOKENIZER_TEKKEN, "tekken.json",
        "{\"config\": {\"default_vocab_size\": 131072, \"pattern\": \"x\"}, \"vocab\": [{\"rank\": "
        "0}]}");
    tokenizer_facts_finish(tekken, NULL, NULL, &f);
    assert_int_equal(f.vocab_size, 131072);
    tokenizer_facts_release(&f);
}

static void a_gguf_has_a_tokenizer_too(void **state)
{
    AUTO_ERR struct err err = {0};
    AUTO_BUF struct buf b = {0};
    CLEANUP(gguf_freep) struct gguf *g = gguf_new();
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    struct tokenizer_facts f;
    size_t need;
    (void)state;

    gguf_llama(&b, 100);
    assert_true(gguf_read(g, b.data, b.size, -1, &need, &err));
    tokenizer_facts_add_gguf(t, g, "x/small-Q4_K_M.gguf");
    tokenizer_facts_finish(t, NULL, NULL, &f);
    assert_string_equal(f.kind, "gguf:gpt2");
    assert_string_equal(f.source_file, "small-Q4_K_M.gguf");
    assert_int_equal(f.vocab_size, 100);
    assert_int_equal(f.n_special, 2);
    assert_string_equal(f.special[0].content, "t98");
    assert_int_equal(f.eos_ids[0], 99);
    assert_int_equal(f.add_bos_token, 1);
    assert_string_equal(f.pre_tokenizer, "llama-bpe");
    assert_int_equal(f.n_templates, 2);
    assert_string_equal(tokenizer_default_template(&f)->source, "{{ messages }}");
    tokenizer_facts_release(&f);
}

static void a_broken_file_is_reported(void **state)
{
    CLEANUP(tokenizer_facts_freep) struct tokenizer_facts_reader *t = tokenizer_facts_new();
    AUTO_ERR struct err err = {0};
    (void)state;

    assert_false(
        tokenizer_facts_add(t, TOKENIZER_JSON, "tokenizer.json", "{\"model\": {", 11, &err));
    assert_int_equal(err.code, ERR_FILE_CORRUPT);
    assert_non_null(strstr(err.msg, "tokenizer.json: line 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tokenizer_json_is_scanned_for_its_facts),
        cmocka_unit_test(special_tokens_get_their_ids_from_wherever_they_are),
        cmocka_unit_test(ends_of_text_are_joined_in_order_without_doubles),
        cmocka_unit_test(templates_of_the_stronger_source_win),
        cmocka_unit_test(a_processors_template_counts_when_there_is_no_other),
        cmocka_unit_test(a_list_of_named_templates_is_kept),
        cmocka_unit_test(the_kind_is_told_by_what_is_there),
        cmocka_unit_test(models_of_old_files_are_recognised),
        cmocka_unit_test(other_files_give_the_size_of_the_vocabulary),
        cmocka_unit_test(a_gguf_has_a_tokenizer_too),
        cmocka_unit_test(a_broken_file_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
