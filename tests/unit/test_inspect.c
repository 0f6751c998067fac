#include "test.h"

#include "hub/inspect.h"
#include "hub/model_render.h"

#include <stdio.h>

#include "gguf_bytes.h"

/* A repository in memory: names and what is in them; text NULL: refused with code. */
struct file {
    const char *path;
    const char *text;
    size_t size;           /* 0: of text as a string */
    int64_t listed;        /* size as listed; 0: the real one */
    enum err_code refused; /* 0: given */
};

struct repo {
    struct file files[24];
    uint32_t hub_encodings;
    char log[1024]; /* what was asked for, in order */
};

static size_t size_of(const struct file *f)
{
    return f->size ? f->size : f->text ? strlen(f->text) : 0;
}

static struct pin make_pin(const struct repo *repo)
{
    struct pin pin = {.hub_encodings = repo->hub_encodings, .pinned_at = 1};

    strcpy(pin.commit, "0123456789abcdef0123456789abcdef01234567");
    pin.files = mem_new_array(ARRAY_SIZE(repo->files), struct model_file);
    for (size_t i = 0; i < ARRAY_SIZE(repo->files) && repo->files[i].path; i++) {
        const struct file *f = &repo->files[i];
        pin.files[pin.n_files++] = (struct model_file){
            .path = str_dup(f->path), .size = f->listed ? f->listed : (int64_t)size_of(f)};
    }
    return pin;
}

static const struct file *find(const struct repo *repo, const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(repo->files) && repo->files[i].path; i++)
        if (str_eq(repo->files[i].path, path))
            return &repo->files[i];
    fail_msg("%s was wanted and is not there", path);
    return NULL;
}

static void note(struct repo *repo, const struct want *w)
{
    size_t n = strlen(repo->log);

    snprintf(repo->log + n, sizeof(repo->log) - n, "%s%s%s", n ? " " : "", w->path,
             w->kind == WANT_RANGE ? "@" : "");
}

static void give(struct inspect *in, struct repo *repo, struct want *w)
{
    if (w->kind == WANT_PIN) {
        struct pin pin = make_pin(repo);
        inspect_give_pin(in, w, &pin);
        return;
    }
    const struct file *f = find(repo, w->path);
    note(repo, w);
    if (f->refused) {
        AUTO_ERR struct err err = {0};
        err_set(&err, f->refused, "refused");
        inspect_give_error(in, w, &err);
    } else if (w->kind == WANT_FILE) {
        inspect_give(in, w, f->text, size_of(f));
    } else {
        size_t from = (size_t)w->offset, left = size_of(f) > from ? size_of(f) - from : 0;
        inspect_give(in, w, f->text + from, left < (size_t)w->size ? left : (size_t)w->size);
    }
}

/* Drives the machine; order > 0 answers the newest want first. */
static bool run_ref(struct repo *repo, const struct model_ref *ref, enum inspect_depth depth,
                    int order, struct model **ret, struct err *err)
{
    CLEANUP(inspect_freep) struct inspect *in = inspect_new(ref, depth);
    struct want *open[64], *w;
    size_t n = 0;

    while (!inspect_done(in)) {
        while ((w = inspect_next(in)))
            open[n++] = w;
        assert_true(n > 0);
        if (order) {
            w = open[--n];
        } else {
            w = open[0];
            memmove(open, open + 1, --n * sizeof(*open));
        }
        give(in, repo, w);
    }
    assert_null(inspect_next(in));
    return inspect_take(in, ret, err);
}

static struct model *run(struct repo *repo, int order)
{
    AUTO_ERR struct err err = {0};
    struct model_ref ref = {.model = "org/name", .revision = "main"};
    struct model *m = NULL;

    if (!run_ref(repo, &ref, INSPECT_ALL, order, &m, &err))
        fail_msg("%s", err.msg);
    return m;
}

#define CONFIG                                                                              \
    {                                                                                       \
        "config.json", "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": "       \
                       "\"llama\", \"num_hidden_layers\": 2, \"torch_dtype\": \"float16\"}" \
    }
#define QUANTIZED(method)                                                                \
    {                                                                                    \
        "config.json",                                                                   \
            "{\"quantization_config\": {\"quant_method\": \"" method "\", \"bits\": 4}}" \
    }

/* A safetensors file of one tensor. */
static const char *weights(const char *dtype, size_t *ret_size)
{
    static char files[8][256];
    static size_t n;
    char *b = files[n++ % 8];
    int size = snprintf(b + 8, 200,
                        "{\"w\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,%d]}}", dtype,
                        str_eq(dtype, "F32") || str_eq(dtype, "I32") ? 32
                        : dtype[0] == 'U'                            ? 8
                                                                     : 16);
    uint64_t length = (uint64_t)size;

    memcpy(b, &length, 8);
    *ret_size = 8 + (size_t)size + 32;
    return b;
}

static struct file st(const char *path, const char *dtype)
{
    struct file f = {.path = path};

    f.text = weights(dtype, &f.size);
    /* Of the data there is as much as the header says. */
    f.size -= str_eq(dtype, "F32") || str_eq(dtype, "I32") ? 0 : dtype[0] == 'U' ? 24 : 16;
    return f;
}

static void only_what_is_listed_is_asked_for(void **state)
{
    struct repo repo = {.files = {CONFIG,
                                  {"tokenizer_config.json", "{\"chat_template\": \"x\"}"},
                                  {"README.md", "hello"},
                                  {"generation_config.json", "{\"eos_token_id\": [7]}"}}};
    (void)state;

    repo.files[4] = st("model.safetensors", "BF16");
    CLEANUP(model_unrefp) struct model *m = run(&repo, 0);
    assert_string_equal(
        repo.log, "config.json generation_config.json tokenizer_config.json model.safetensors@");
    assert_int_equal(m->config->n_layers, 2);
    assert_int_equal(m->encodings, 1u << ENCODING_BFLOAT16);
    assert_int_equal(m->encoding_evidence[ENCODING_BFLOAT16], EVIDENCE_HEADER);
    assert_int_equal(m->tokenizer.n_templates, 1);
    assert_int_equal(m->tokenizer.eos_ids[0], 7);
    assert_int_equal(model_file(m, "model.safetensors")->n_parameters, 8);
    assert_null(model_file(m, "absent"));
    assert_int_equal(m->n_problems, 0);
}

static void encodings_are_found_by_name_hub_header_or_config(void **state)
{
    static const struct {
        const char *name;
        struct file files[4];
        const char *dtypes[4]; /* safetensors in their place */
        uint32_t hub_encodings, want;
        enum evidence evidence;
        const char *log;
    } cases[] = {
        {"by name",
         {CONFIG, {"model.fp16.safetensors", ""}},
         {0},
         0,
         1u << ENCODING_FLOAT16,
         EVIDENCE_FILE_NAME,
         "config.json"},
        {"by the Hub",
         {CONFIG, {"model.safetensors", ""}},
         {0},
         1u << ENCODING_FLOAT16,
         1u << ENCODING_FLOAT16,
         EVIDENCE_HUB_METADATA,
         "config.json"},
        {"by header",
         {CONFIG, {"a.safetensors"}, {"b.safetensors"}},
         {0, "BF16", "F32"},
         0,
         1u << ENCODING_BFLOAT16 | 1u << ENCODING_FLOAT32,
         EVIDENCE_HEADER,
         "config.json a.safetensors@ b.safetensors@"},
        {"duplicates left out",
         {CONFIG, {"consolidated.safetensors"}, {"model.safetensors"}},
         {0, "F32", "F16"},
         0,
         1u << ENCODING_FLOAT16,
         EVIDENCE_HEADER,
         "config.json model.safetensors@"},
        {"a lone consolidated counts",
         {CONFIG, {"consolidated.safetensors"}},
         {0, "BF16"},
         0,
         1u << ENCODING_BFLOAT16,
         EVIDENCE_HEADER,
         "config.json consolidated.safetensors@"},
        {"gptq",
         {QUANTIZED("gptq"), {"model.safetensors"}},
         {0, "I32"},
         0,
         1u << ENCODING_GPTQ,
         EVIDENCE_CONFIG,
         "config.json model.safetensors@"},
        {"mxfp8",
         {QUANTIZED("mxfp8"), {"model.safetensors"}},
         {0, "U8"},
         0,
         1u << ENCODING_FLOAT8_E4M3FN,
         EVIDENCE_CONFIG,
         "config.json model.safetensors@"},
        {"mxfp6",
         {QUANTIZED("mxfp6"), {"model.safetensors"}},
         {0, "U8"},
         0,
         1u << ENCODING_FLOAT6_E2M3FN,
         EVIDENCE_CONFIG,
         "config.json model.safetensors@"},
        {"pytorch by config",
         {CONFIG, {"pytorch_model.bin", ""}, {"training_args.bin", ""}},
         {0},
         0,
         1u << ENCODING_FLOAT16,
         EVIDENCE_CONFIG,
         "config.json"},
        {"gguf by name",
         {CONFIG, {"m-Q4_K_M.gguf", ""}, {"m-Q6_K.gguf", ""}, {"mmproj-f16.gguf", ""}},
         {0},
         0,
         1u << ENCODING_Q4_K | 1u << ENCODING_Q6_K,
         EVIDENCE_FILE_NAME,
         "config.json"},
        {"a broken header is passed over",
         {CONFIG, {"model.safetensors", "\x01"}},
         {0},
         0,
         1u << ENCODING_FLOAT16,
         EVIDENCE_CONFIG,
         "config.json model.safetensors@"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (int order = 0; order < 2; order++) {
            struct repo repo = {.hub_encodings = cases[i].hub_encodings};

            for (size_t k = 0; k < 4; k++)
                repo.files[k] = cases[i].dtypes[k] ? st(cases[i].files[k].path, cases[i].dtypes[k])
                                                   : cases[i].files[k];
            CLEANUP(model_unrefp) struct model *m = run(&repo, order);
            if (m->encodings != cases[i].want || (!order && !str_eq(repo.log, cases[i].log)))
                fail_msg("%s: %x, asked for %s", cases[i].name, m->encodings, repo.log);
            for (enum encoding e = 1; e < N_ENCODINGS; e++)
                if (m->encodings & 1u << e)
                    assert_int_equal(m->encoding_evidence[e], cases[i].evidence);
        }
}

static void the_name_of_the_repository_is_the_last_hint(void **state)
{
    AUTO_ERR struct err err = {0};
    struct repo repo = {.files = {CONFIG}};
    struct model_ref ref = {.model = "org/name-FP8", .revision = "main"};
    CLEANUP(model_unrefp) struct model *m = NULL;
    (void)state;

    repo.files[1] = st("model.safetensors", "BF16");
    assert_true(run_ref(&repo, &ref, INSPECT_ALL, 0, &m, &err));
    assert_int_equal(m->encodings, 1u << ENCODING_BFLOAT16 | 1u << ENCODING_FLOAT8_E4M3FN);
    assert_int_equal(m->encoding_evidence[ENCODING_FLOAT8_E4M3FN], EVIDENCE_REPO_NAME);
}

static void of_many_shards_the_first_and_last_are_read_and_the_index(void **state)
{
    struct repo repo = {.files = {CONFIG}};
    static char paths[18][64], index[2048];
    (void)state;

    strcpy(index, "{\"weight_map\":{");
    for (int i = 0; i < 18; i++) {
        snprintf(paths[i], sizeof(paths[i]), "model-%05d-of-00018.safetensors", i + 1);
        repo.files[i + 1] = st(paths[i], "BF16");
        size_t n = strlen(index);
        snprintf(index + n, sizeof(index) - n, "\"t%d\":\"%s\",", i, paths[i]);
    }
    strcat(index, "\"x\":\"lost.safetensors\"}}");
    repo.files[19] = (struct file){.path = "model.safetensors.index.json", .text = index};
    /* Their texts were made in turn in few buffers: all shards have the same. */
    CLEANUP(model_unrefp) struct model *m = run(&repo, 0);
    assert_string_equal(repo.log, "config.json model-00001-of-00018.safetensors@ "
                                  "model-00018-of-00018.safetensors@ model.safetensors.index.json");
    assert_int_equal(m->n_problems, 1);
    assert_string_equal(m->problems[0].path, "lost.safetensors");
}

static void a_gguf_repository_has_its_config_in_the_file(void **state)
{
    AUTO_BUF struct buf b = {0};
    struct repo repo = {.files = {{"README.md", "x"}}};
    (void)state;

    /* 3 MB of vocabulary: beyond the first range. */
    gguf_llama(&b, 250000);
    assert_true(b.size > 3 << 20);
    repo.files[1] = (struct file){.path = "small.gguf",
                                  .text = b.data,
                                  .size = b.size,
                                  .listed = (int64_t)b.size + GGUF_LLAMA_DATA};
    repo.files[2] = (struct file){.path = "small-Q6_K.gguf", .text = "x"};
    CLEANUP(model_unrefp) struct model *m = run(&repo, 0);
    /* In order of their names "small-" stands first: broken, so nothing but a problem comes of it.
     */
    assert_string_equal(repo.log, "small-Q6_K.gguf@ small.gguf@ small.gguf@ small.gguf@");
    assert_int_equal(m->n_problems, 1);
    assert_int_equal(m->config->kind, CONFIG_GGUF);
    assert_string_equal(m->tokenizer.kind, "gguf:gpt2");
    assert_int_equal(m->tokenizer.vocab_size, 250000);
    assert_int_equal(m->encodings, 1u << ENCODING_Q4_K | 1u << ENCODING_Q6_K);
    assert_int_equal(model_file(m, "small.gguf")->encoding, ENCODING_Q4_K);
}

static void a_subfolder_is_a_model_of_its_own(void **state)
{
    AUTO_ERR struct err err = {0};
    struct repo repo = {.files = {{"config.json", "{\"n_layer\": 1}"},
                                  {"text/config.json", "{\"n_layer\": 2}"},
                                  {"texture/config.json", "{\"n_layer\": 3}"}},
                        .hub_encodings = 1u << ENCODING_FLOAT32};
    struct model_ref ref = {.model = "org/name", .revision = "main", .subfolder = "text"};
    CLEANUP(model_unrefp) struct model *m = NULL;
    (void)state;

    repo.files[3] = st("text/model.safetensors", "F16");
    repo.files[4] = st("model.safetensors", "F32");
    assert_true(run_ref(&repo, &ref, INSPECT_ALL, 0, &m, &err));
    assert_string_equal(repo.log, "text/config.json text/model.safetensors@");
    assert_int_equal(m->config->n_layers, 2);
    /* What the Hub counts is the whole repository. */
    assert_int_equal(m->encodings, 1u << ENCODING_FLOAT16);
    assert_int_equal(model_file(m, "model.safetensors")->format, FORMAT_NONE);
}

static void adapters_diffusers_and_sentence_transformers_are_recognised(void **state)
{
    struct repo adapter = {.files = {{"adapter_config.json",
                                      "{\"base_model_name_or_path\": \"org/base\", \"r\": 8}"}}};
    struct repo flux = {
        .files = {{"model_index.json",
                   "{\"_class_name\": \"FluxPipeline\", \"vae\": [\"diffusers\", "
                   "\"AutoencoderKL\"]}"},
                  {"tokenizer/tokenizer_config.json", "{\"tokenizer_class\": \"CLIPTokenizer\"}"},
                  {"vae/config.json", "{}"}}};
    struct repo sentence = {.files = {CONFIG, {"modules.json", "[]"}}};
    CLEANUP(model_unrefp) struct model *a = run(&adapter, 0);
    CLEANUP(model_unrefp) struct model *f = run(&flux, 0);
    CLEANUP(model_unrefp) struct model *s = run(&sentence, 0);
    (void)state;

    assert_true(a->has_adapter_config);
    assert_string_equal(a->adapter_base, "org/base");
    assert_null(a->config);
    assert_int_equal(f->config->kind, CONFIG_DIFFUSERS);
    assert_string_equal(f->tokenizer.class_name, "CLIPTokenizer");
    assert_string_equal(flux.log, "model_index.json tokenizer/tokenizer_config.json");
    assert_true(s->is_sentence_transformer);
}

static void what_is_refused_for_good_is_told_and_what_may_pass_ends_it(void **state)
{
    static const struct {
        struct file file;
        enum err_code fails; /* ERR_NONE: a problem only */
    } cases[] = {
        {{"tokenizer.json", NULL, .refused = ERR_REPO_GATED}, ERR_NONE},
        {{"tokenizer.json", NULL, .refused = ERR_OFFLINE}, ERR_NONE},
        {{"tokenizer.json", NULL, .refused = ERR_HUB_TIMEOUT}, ERR_HUB_TIMEOUT},
        {{"tokenizer.json", NULL, .refused = ERR_CANCELED}, ERR_CANCELED},
        {{"tokenizer.json", "{", 0}, ERR_NONE},
        {{"tokenizer.json", "{}", .listed = 65 << 20}, ERR_NONE},
        {{"generation_config.json", "[]"}, ERR_NONE},
        {{"config.json", NULL, .refused = ERR_REPO_GATED}, ERR_REPO_GATED},
        {{"config.json", "{}", .listed = 5 << 20}, ERR_FILE_TOO_LARGE},
        {{"config.json", "{"}, ERR_CONFIG_INVALID},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (int order = 0; order < 2; order++) {
            AUTO_ERR struct err err = {0};
            struct repo repo = {.files = {cases[i].file, {"tokenizer_config.json", "{}"}}};
            struct model_ref ref = {.model = "org/name", .revision = "main"};
            CLEANUP(model_unrefp) struct model *m = NULL;
            bool ok = run_ref(&repo, &ref, INSPECT_ALL, order, &m, &err);

            assert_int_equal(err.code, cases[i].fails);
            assert_int_equal(ok, cases[i].fails == ERR_NONE);
            if (ok)
                assert_int_equal(m->n_problems, 1);
        }
}

static void paths_that_lead_out_are_dropped(void **state)
{
    struct repo repo = {.files = {CONFIG,
                                  {"../etc/passwd", "x"},
                                  {"/abs", "x"},
                                  {"a/../b", "x"},
                                  {"config.json", "{}"},
                                  {"ok/x", "x"}}};
    CLEANUP(model_unrefp) struct model *m = run(&repo, 0);
    (void)state;

    assert_int_equal(m->n_files, 2);
    assert_string_equal(m->files[0].path, "config.json");
    assert_string_equal(m->files[1].path, "ok/x");
}

static void documents_say_what_was_found(void **state)
{
    struct repo repo = {.files = {CONFIG,
                                  {"tokenizer_config.json",
                                   "{\"chat_template\": \"four\", \"eos_token\": \"</s>\", "
                                   "\"model_max_length\": 1e30}"}}};
    AUTO_BUF struct buf summary = {0}, tokenizer = {0};
    struct json j = json_begin(&summary), k = json_begin(&tokenizer);
    (void)state;

    repo.files[2] = st("model.safetensors", "BF16");
    CLEANUP(model_unrefp) struct model *m = run(&repo, 0);
    json_open(&j, '{');
    model_render_summary(m, &j);
    json_close(&j, '}');
    json_open(&k, '{');
    model_render_tokenizer(m, &k);
    json_close(&k, '}');
    json_t *s = json_loads(summary.data, JSON_REJECT_DUPLICATES, NULL);
    json_t *t = json_loads(tokenizer.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(s);
    assert_non_null(t);
    assert_int_equal(json_array_size(json_object_get(s, "files")), 3);
    assert_true(json_is_true(json_object_get(s, "chat_template")));
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(s, "encodings"), 0), "encoding")),
                        "bfloat16");
    assert_true(json_is_null(json_object_get(t, "model_max_length")));
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(t, "chat_templates"), 0), "size_bytes")),
                     4);
    json_decref(s);
    json_decref(t);
    assert_true(model_bytes(m) > sizeof(*m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_listed_is_asked_for),
        cmocka_unit_test(encodings_are_found_by_name_hub_header_or_config),
        cmocka_unit_test(the_name_of_the_repository_is_the_last_hint),
        cmocka_unit_test(of_many_shards_the_first_and_last_are_read_and_the_index),
        cmocka_unit_test(a_gguf_repository_has_its_config_in_the_file),
        cmocka_unit_test(a_subfolder_is_a_model_of_its_own),
        cmocka_unit_test(adapters_diffusers_and_sentence_transformers_are_recognised),
        cmocka_unit_test(what_is_refused_for_good_is_told_and_what_may_pass_ends_it),
        cmocka_unit_test(paths_that_lead_out_are_dropped),
        cmocka_unit_test(documents_say_what_was_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
