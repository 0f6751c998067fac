#include "test.h"

#include "base/utf8.h"
#include "gguf_bytes.h"
#include "tokenizer/bytelevel.h"
#include "tokenizer/load.h"

#define WORDS                                                                                     \
    "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1,\"<unk>\":2},\"unk_token\":\"<" \
    "unk>\"}"
#define BPE_MODEL \
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"abb\":3},\"merges\":"

static struct slice of(const char *text) { return (struct slice){text, strlen(text)}; }

static void load(const struct tokenizer_files *files, struct tokenizer_spec *ret)
{
    AUTO_ERR struct err err = {0};

    if (!tokenizer_load(files, ret, &err))
        fail_msg("%s", err.msg);
}

static void load_json(const char *text, struct tokenizer_spec *ret)
{
    load(&(struct tokenizer_files){.tokenizer_json = of(text)}, ret);
}

static void refused(const struct tokenizer_files *files, enum err_code code, const char *words)
{
    AUTO_ERR struct err err = {0};
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    assert_false(tokenizer_load(files, &s, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" is not in \"%s\"", words, err.msg);
}

static void json_refused(const char *text, enum err_code code, const char *words)
{
    refused(&(struct tokenizer_files){.tokenizer_json = of(text)}, code, words);
}

static void is_text(const struct tokenizer_spec *s, struct text t, const char *expected)
{
    AUTO_FREE char *copy = str_dup_n(spec_str(s, t), t.size);

    assert_string_equal(copy, expected);
}

/* ---- tokenizer.json */

static void merges_are_read_in_both_spellings(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "{" BPE_MODEL "[\"#version: 0.2\",\"a b\",\"ab b\"]}}",
        "{" BPE_MODEL "[[\"a\",\"b\"],[\"ab\",\"b\"]]}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
        AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
        load_json(spellings[i], &s);
        assert_int_equal(s.n_merges, 2);
        is_text(&s, s.merges[1].left, "ab");
        is_text(&s, s.merges[1].right, "b");
    }
    json_refused("{" BPE_MODEL "[\"a  b\"]}}", ERR_FILE_CORRUPT, "merge 1");
    json_refused("{" BPE_MODEL "[\"a b\",[\"a\",\"b\"]]}}", ERR_FILE_CORRUPT,
                 "all texts or all pairs");
}

static void added_tokens_get_the_ids_of_the_library(void **state)
{
    (void)state;
#define ADDED(id, content)                                                               \
    "{\"id\":" id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false," \
    "\"rstrip\":false,\"normalized\":true,\"special\":false}"
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load_json("{\"added_tokens\":[" ADDED("100", "x") "," ADDED("7", "a") "," ADDED(
                  "0", "z") "," ADDED("5", "x") "," ADDED("9", "") "]," WORDS "}",
              &s);
    assert_int_equal(s.n_added, 3); /* the second x and the empty one are none */
    assert_int_equal(s.added[0].id, 3);
    assert_int_equal(s.added[1].id, 0);
    assert_int_equal(s.added[2].id, 4);
}

static void sequences_are_flattened(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load_json("{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},"
              "{\"normalizers\":[{\"prepend\":\"x\"},{\"type\":\"Lowercase\"}],\"type\":"
              "\"Sequence\"}]}," WORDS "}",
              &s);
    assert_int_equal(s.n_normalizers, 3);
    assert_int_equal(s.normalizers[1].kind, NORMALIZE_PREPEND);
    assert_int_equal(s.normalizers[2].kind, NORMALIZE_LOWERCASE);
}

static void null_strip_accents_follows_lowercase(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load_json("{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
              "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":false}," WORDS
              "}",
              &s);
    assert_false(s.normalizers[0].bert.strip_accents);
}

static void templates_name_tokens_before_they_are_told(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load_json("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
              "{\"id\":\"[C]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":1}}],"
              "\"pair\":[],\"special_tokens\":{\"[C]\":{\"id\":\"[C]\",\"ids\":[1,2],\"tokens\":"
              "[\"b\",\"c\"]}}}," WORDS "}",
              &s);
    assert_int_equal(s.postprocessors[0].template.n_single, 2);
    assert_int_equal(s.pieces[0].n_ids, 2);
    assert_int_equal(s.post_ids[s.pieces[0].first_id + 1], 2);
    assert_int_equal(s.pieces[1].part, PART_A);
    json_refused(
        "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
        "{\"id\":\"[C]\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{}}," WORDS "}",
        ERR_FILE_CORRUPT, "\"[C]\" is not among");
}

static void a_model_without_a_type_is_guessed(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0}, u = {0};

    load_json(
        "{\"model\":{\"vocab\":{\"a\":0},\"unk_token\":\"a\",\"continuing_subword_prefix\":\"##\","
        "\"max_input_chars_per_word\":9}}",
        &s);
    assert_int_equal(s.model.kind, MODEL_WORDPIECE);
    load_json("{\"model\":{\"unk_id\":null,\"vocab\":[[\"a\",-1.5],[\"b\",-2e0]]}}", &u);
    assert_int_equal(u.model.kind, MODEL_UNIGRAM);
    assert_false(u.model.has_unk);
    assert_true(u.vocab[1].score == -2.0);
}

static void what_is_not_supported_is_refused_by_name(void **state)
{
    (void)state;
    json_refused("{\"normalizer\":{\"type\":\"Lowecase\"}," WORDS "}", ERR_COMBINATION,
                 "the nearest is \"Lowercase\"");
    json_refused("{\"model\":{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{},\"merges\":[]}}",
                 ERR_COMBINATION, "dropout 0.1");
    json_refused("{\"version\":\"2.0\"," WORDS "}", ERR_COMBINATION, "version \"2.0\"");
    json_refused("{\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"vocab\":[[\"a\",0]]}}",
                 ERR_FILE_CORRUPT, "unk_id 3");
    json_refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":99999999},\"merges\":[]}}",
                 ERR_FILE_CORRUPT, "id 99999999");
    json_refused("{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\","
                 "\"add_prefix_space\":false}," WORDS "}",
                 ERR_FILE_CORRUPT, "prepend_scheme");
    json_refused("{\"version\":\"1.0\"}", ERR_FILE_CORRUPT, "no member \"model\"");
    refused(&(struct tokenizer_files){0}, ERR_NO_TOKENIZER, "tokenizer.json");
}

/* A tokenizer.json with a BPE of the stand-ins of all bytes but one. */
static void byte_model(const char *pretokenizer, int missing, struct buf *json)
{
    buf_printf(json, "{\"pre_tokenizer\":%s,\"model\":{\"type\":\"BPE\",\"vocab\":{\"ab\":256",
               pretokenizer);
    for (int b = 0; b < 256; b++) {
        char name[5] = {0};

        utf8_encode(bytelevel_char((uint8_t)b), name);
        if (b != missing)
            buf_printf(json, ",\"%s%s\":%d", b == '"' || b == '\\' ? "\\" : "", name, b);
    }
    buf_append_str(json, "},\"merges\":[]}}");
}

static bool is_bytes(const char *pretokenizer, int missing)
{
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    AUTO_BUF struct buf json = {0};

    byte_model(pretokenizer, missing, &json);
    load_json(json.data, &s);
    return spec_is_bytes(&s);
}

static void byte_alphabets_are_recognized(void **state)
{
#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}"
    (void)state;
    assert_true(is_bytes(BYTE_LEVEL, -1));
    assert_true(is_bytes(BYTE_LEVEL, 0xc0)); /* which no UTF-8 has */
    assert_false(is_bytes(BYTE_LEVEL, 'a'));
    assert_false(
        is_bytes("{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL "," BYTE_LEVEL "]}", -1));
}

/* ---- what lies beside a tokenizer.json */

static void llama_classes_get_bos_and_eos_from_the_config(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    struct tokenizer_files files = {
        .tokenizer_json = of("{" WORDS "}"),
        .tokenizer_config = of(
            "{\"tokenizer_class\":\"LlamaTokenizerFast\",\"bos_token\":\"a\",\"eos_token\":"
            "{\"content\":\"b\"},\"add_eos_token\":true,\"clean_up_tokenization_spaces\":true,"
            "\"added_tokens_decoder\":{\"9\":{\"content\":\"<y>\"},\"8\":{\"content\":\"<x>\"}}}")};

    load(&files, &s);
    assert_int_equal(s.postprocessors[0].template.n_single, 3);
    assert_true(s.clean_up_spaces);
    is_text(&s, s.added[0].content, "<x>"); /* in the order of their ids */
    assert_int_equal(s.added[0].id, 3);
    assert_int_equal(s.n_added, 4); /* and a, b as special tokens */
}

/* ---- other formats */

static void vocab_txt_makes_a_bert(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load(
        &(struct tokenizer_files){.vocab_txt = of("[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"),
                                  .tokenizer_config = of("{\"do_lower_case\":false}")},
        &s);
    assert_int_equal(s.n_vocab, 7);
    assert_int_equal(s.model.kind, MODEL_WORDPIECE);
    assert_false(s.normalizers[0].bert.lowercase);
    assert_int_equal(s.post_ids[s.pieces[0].first_id], 2);
    assert_int_equal(s.n_added, 5);
}

static void vocab_json_and_merges_make_a_gpt2(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load(&(struct tokenizer_files){.vocab_json =
                                       of("{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}"),
                                   .merges_txt = of("#version: 0.2\na b\n")},
         &s);
    assert_int_equal(s.n_merges, 1);
    assert_int_equal(s.pretokenizers[0].kind, SPLIT_BYTE_LEVEL);
    assert_int_equal(s.added[0].id, 3);
}

static void ranks_become_merges(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    /* a b c ab bc abc and the byte 0x00 */
    load(&(struct tokenizer_files){.tiktoken = of(
                                       "YQ== 0\nYg== 1\nYw== 2\nYWI= 3\nYmM= 4\nYWJj 5\nAA== 6\n"),
                                   .config = of("{\"model_type\":\"llama\"}")},
         &s);
    assert_int_equal(s.n_merges, 4);
    is_text(&s, s.merges[2].left, "a"); /* both ways to abc, the one whose left is older first */
    is_text(&s, s.merges[2].right, "bc");
    is_text(&s, s.vocab[6].token, "\xc4\x80");
    refused(&(struct tokenizer_files){.tiktoken = of("YQ== 0\n")}, ERR_COMBINATION, "1 tokens");
    refused(&(struct tokenizer_files){.tiktoken = of("YQ== 0\nYQ=\n")}, ERR_FILE_CORRUPT, "line 2");
}

static void tekken_ids_lie_behind_special_tokens(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};

    load(
        &(struct tokenizer_files){
            .tekken = of("{\"config\":{\"pattern\":\"\\\\S+\",\"default_vocab_size\":5,"
                         "\"default_num_special_tokens\":3},\"vocab\":[{\"rank\":0,\"token_bytes\":"
                         "\"YQ==\"},{\"rank\":1,\"token_bytes\":\"Yg==\"},{\"rank\":2,"
                         "\"token_bytes\":\"YWI=\"}]}")},
        &s);
    assert_int_equal(s.n_vocab, 5); /* the third token is beyond the size */
    assert_int_equal(s.vocab[1].id, 4);
    assert_int_equal(s.n_added, 3);
    is_text(&s, s.added[1].content, "<s>");
}

static void put_piece(struct buf *b, const char *piece, float score, char type)
{
    size_t n = strlen(piece);

    buf_append(b, (char[]){0x0a, (char)(n + 9), 0x0a, (char)n}, 4);
    buf_append(b, piece, n);
    buf_append_char(b, 0x15);
    buf_append(b, &score, 4);
    buf_append(b, (char[]){0x18, type}, 2);
}

static void sentencepiece_scores_become_merges(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    AUTO_BUF struct buf b = {0};

    put_piece(&b, "<unk>", 0, 2);
    put_piece(&b, "<s>", 0, 3);
    put_piece(&b, "a", -9, 1);
    put_piece(&b, "b", -9, 1);
    put_piece(&b, "ba", -2, 1);
    put_piece(&b, "ab", -1, 1);
    buf_append(&b, (char[]){0x12, 2, 0x18, 2}, 4); /* trainer_spec: bpe */
    load(&(struct tokenizer_files){.sentencepiece = {b.data, b.size}}, &s);
    assert_int_equal(s.model.kind, MODEL_BPE);
    assert_int_equal(s.n_merges, 2);
    is_text(&s, s.merges[0].left, "a"); /* the better score first */
    assert_int_equal(s.n_added, 1);
    refused(&(struct tokenizer_files){.sentencepiece = {b.data, b.size - 1}}, ERR_FILE_CORRUPT,
            "damaged");
}

static void gguf_bytes(struct buf *b, const char *model, const char *pre)
{
    static const char *const tokens[] = {"<s>", "a", "b", "ab"};

    gguf_begin(b, 3, 0, 5);
    gguf_kv_str(b, "tokenizer.ggml.model", model);
    gguf_kv_str(b, "tokenizer.ggml.pre", pre);
    gguf_kv_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 4);
    for (size_t i = 0; i < 4; i++)
        gguf_put_string(b, tokens[i]);
    gguf_kv_array(b, "tokenizer.ggml.merges", GGUF_STRING, 1);
    gguf_put_string(b, "a b");
    gguf_kv_u32(b, "tokenizer.ggml.bos_token_id", 0);
}

static void gguf_names_its_pattern(void **state)
{
    (void)state;
    AUTO_TOKENIZER_SPEC struct tokenizer_spec s = {0};
    AUTO_BUF struct buf b = {0}, wrong = {0}, model = {0};

    gguf_bytes(&b, "gpt2", "llama-bpe");
    load(&(struct tokenizer_files){.gguf = {b.data, b.size}}, &s);
    assert_true(s.model.ignore_merges);
    assert_int_equal(s.n_merges, 1);
    assert_int_equal(s.n_pretokenizers, 2);
    assert_int_equal(s.postprocessors[0].template.n_single, 2); /* <s> in front */
    gguf_bytes(&wrong, "gpt2", "lama-bpe");
    refused(&(struct tokenizer_files){.gguf = {wrong.data, wrong.size}}, ERR_COMBINATION,
            "the nearest is llama-bpe");
    gguf_bytes(&model, "rwkv", "");
    refused(&(struct tokenizer_files){.gguf = {model.data, model.size}}, ERR_COMBINATION,
            "\"rwkv\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_read_in_both_spellings),
        cmocka_unit_test(added_tokens_get_the_ids_of_the_library),
        cmocka_unit_test(sequences_are_flattened),
        cmocka_unit_test(null_strip_accents_follows_lowercase),
        cmocka_unit_test(templates_name_tokens_before_they_are_told),
        cmocka_unit_test(a_model_without_a_type_is_guessed),
        cmocka_unit_test(what_is_not_supported_is_refused_by_name),
        cmocka_unit_test(byte_alphabets_are_recognized),
        cmocka_unit_test(llama_classes_get_bos_and_eos_from_the_config),
        cmocka_unit_test(vocab_txt_makes_a_bert),
        cmocka_unit_test(vocab_json_and_merges_make_a_gpt2),
        cmocka_unit_test(ranks_become_merges),
        cmocka_unit_test(tekken_ids_lie_behind_special_tokens),
        cmocka_unit_test(sentencepiece_scores_become_merges),
        cmocka_unit_test(gguf_names_its_pattern),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
