#include "test.h"

#include "arch/pipeline_class.h"
#include "arch/registry.h"
#include "arch/speculation.h"

static const char unknown[] = "magic";

static void targets_become_what_runs_them_with_their_draft(void **state)
{
    static const struct {
        const char *target, *method, *draft;
        int n_mtp_layers;
        const char *becomes, *draft_becomes; /* becomes NULL: refused */
    } cases[] = {
        {"LlamaForCausalLM", NULL, NULL, 0, "LlamaForCausalLM", NULL},
        {"LlamaForCausalLM", NULL, "LlamaForCausalLM", 0, "LlamaForCausalLM", "LlamaForCausalLM"},
        {"LlamaForCausalLM", "eagle", "LlamaForCausalLM", 0, "UnifiedEagleLlama3ForCausalLM",
         "LlamaForCausalLMEagle"},
        {"LlamaForCausalLM", "dflash", "DFlashDraftModel", 0, "UnifiedDflashLlama3ForCausalLM",
         "LlamaForCausalLM"},
        {"LlamaForCausalLM", "dflash2", "DFlash2DraftModel", 0, NULL, NULL},
        {"DeepseekV3ForCausalLM", "mtp", NULL, 1, "UnifiedMTPDeepseekV3ForCausalLM", NULL},
        {"DeepseekV3ForCausalLM", "eagle", "Eagle3DeepseekV2ForCausalLM", 0,
         "Eagle3DeepseekV3ForCausalLM", "Eagle3DeepseekV2ForCausalLM"},
        {"DeepseekV3ForCausalLM", "eagle", "LlamaForCausalLMEagle3", 0,
         "Eagle3MHADeepseekV3ForCausalLM", "LlamaForCausalLMEagle3"},
        {"DeepseekV3ForCausalLM", "eagle", "BertModel", 0, NULL, NULL},
        {"KimiK25ForConditionalGeneration", "dflash", "X", 0, "UnifiedDflashKimiK25ForCausalLM",
         "X"},
        {"KimiK25ForConditionalGeneration", "eagle", "LlamaForCausalLMEagle3", 0,
         "Eagle3MHAKimiK25ForCausalLM", "LlamaForCausalLMEagle3"},
        {"KimiK25ForConditionalGeneration", "eagle", "X", 0, "Eagle3DeepseekV2ForCausalLM", "X"},
        {"Gemma4ForConditionalGeneration", "dflash", "DFlashDraftModel", 0,
         "UnifiedDflashGemma4_31BForCausalLM", "LlamaForCausalLM"},
        {"Gemma4ForConditionalGeneration", "mtp", "Gemma4AssistantForCausalLM", 0,
         "UnifiedMTPGemma4ForCausalLM", "Gemma4AssistantForCausalLM"},
        {"Gemma4ForConditionalGeneration", "eagle", NULL, 0, NULL, NULL},
        {"Qwen3_5ForConditionalGeneration", "mtp", NULL, 1,
         "UnifiedMTPQwen3_5ForConditionalGeneration", NULL},
        {"Qwen3_5ForConditionalGeneration", "mtp", NULL, 0, NULL, NULL},
        {"Qwen3_5ForConditionalGeneration", "dflash2", "DFlash2DraftModel", 0,
         "UnifiedDflash2Qwen3_5ForConditionalGeneration", "DFlash2DraftModel"},
        {"GlmMoeDsaForCausalLM", "mtp", NULL, 1, "UnifiedMTPGlmMoeDsaForCausalLM", NULL},
        {"BertModel", "eagle", NULL, 0, "BertModel", NULL},
        {"LlamaForCausalLM", unknown, NULL, 0, NULL, NULL},
    };
    AUTO_ARCHS struct archs archs = {0};
    (void)state;

    catalog_load_builtin(1, 0, &archs);
    AUTO_REGISTRY struct registry *r = registry_new(1, archs.items, archs.n);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct speculation s = {cases[i].target, cases[i].method, cases[i].draft,
                                cases[i].n_mtp_layers};
        const char *target = NULL, *draft = NULL;
        AUTO_ERR struct err err = {0};

        if (!speculation_names(&s, &target, &draft, &err)) {
            if (cases[i].becomes)
                fail_msg("%zu: %s", i, err.msg);
            if (err.code == ERR_FIELD)
                assert_ptr_equal(cases[i].method, unknown);
            else
                assert_non_null(strstr(err.facts.data, "\"combinations\":[{"));
            continue;
        }
        assert_non_null(cases[i].becomes);
        assert_string_equal(target, cases[i].becomes);
        assert_non_null(registry_get(r, target, TASK_NONE)); /* we have what we name */
        assert_int_equal(draft != NULL, cases[i].draft_becomes != NULL);
        if (draft)
            assert_string_equal(draft, cases[i].draft_becomes);
    }
}

static void tasks_have_their_pipeline_class(void **state)
{
    static const struct {
        struct pipeline_class_query q;
        const char *name; /* NULL: refused */
        enum err_code code;
    } cases[] = {
        {{TASK_TEXT_GENERATION}, "TextGenerationPipeline", 0},
        {{TASK_TEXT_GENERATION, .has_draft = true}, "SpeculativeDecodingTextGenerationPipeline", 0},
        {{TASK_TEXT_GENERATION, .method = "eagle", .has_draft = true},
         "OverlapTextGenerationPipeline",
         0},
        {{TASK_TEXT_GENERATION, .overlap_scheduler = true}, "OverlapTextGenerationPipeline", 0},
        {{TASK_TEXT_GENERATION, .pipeline_cls = "BlockDiffusionTextGenerationPipeline"},
         "BlockDiffusionTextGenerationPipeline",
         0},
        {{TASK_EMBEDDINGS_GENERATION, .has_draft = true}, "EmbeddingsPipeline", 0},
        {{TASK_PIXEL_GENERATION}, "PixelGenerationPipeline", 0},
        {{TASK_AUDIO_GENERATION}, "AudioGeneratorPipeline", 0},
        {{TASK_SPEECH_TOKEN_GENERATION}, "SpeechTokenGenerationPipeline", 0},
        {{TASK_NONE}, NULL, ERR_TASK_UNKNOWN},
        {{TASK_TEXT_GENERATION, .method = "medusa"}, NULL, ERR_FIELD},
        {{TASK_EMBEDDINGS_GENERATION, .method = "eagle"}, NULL, ERR_COMBINATION},
        {{TASK_PIXEL_GENERATION, .overlap_scheduler = true}, NULL, ERR_COMBINATION},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ERR struct err err = {0};
        const char *name = NULL;

        if (pipeline_class_for(&cases[i].q, &name, &err)) {
            assert_non_null(cases[i].name);
            assert_string_equal(name, cases[i].name);
        } else {
            assert_null(cases[i].name);
            assert_int_equal(err.code, cases[i].code);
        }
    }
}

static void an_unknown_task_lists_them_all(void **state)
{
    AUTO_ERR struct err err = {0};
    enum task task;
    (void)state;

    assert_true(task_of_name("pixel_generation", &task, &err));
    assert_int_equal(task, TASK_PIXEL_GENERATION);
    assert_false(task_of_name("text_generatoin", &task, &err));
    assert_int_equal(err.code, ERR_TASK_UNKNOWN);
    assert_non_null(strstr(err.facts.data, "\"speech_token_generation\""));
    assert_non_null(strstr(err.facts.data, "\"nearest\":[\"text_generation\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_become_what_runs_them_with_their_draft),
        cmocka_unit_test(tasks_have_their_pipeline_class),
        cmocka_unit_test(an_unknown_task_lists_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
