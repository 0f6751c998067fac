#include "arch/speculation.h"

#include "base/nearest.h"
#include "json/writer.h"

enum { EAGLE = 1, MTP = 2, DFLASH = 4, DFLASH2 = 8, ANY = 15 };

const char *const speculative_methods[] = {"eagle", "mtp", "dflash", "dflash2", NULL};

/* Drafts that are not one class. */
static const char none[] = "(no draft model)", any[] = "(any or no draft model)";

/* Of several rows that fit the first counts. */
static const struct rule {
    const char *target;
    unsigned methods;
    const char *draft;
    bool needs_mtp_layers;
    const char *becomes;
} rules[] = {
    {"LlamaForCausalLM", DFLASH, any, false, "UnifiedDflashLlama3ForCausalLM"},
    {"LlamaForCausalLM", EAGLE | MTP, any, false, "UnifiedEagleLlama3ForCausalLM"},

    {"DeepseekV3ForCausalLM", ANY, none, false, "UnifiedMTPDeepseekV3ForCausalLM"},
    {"DeepseekV3ForCausalLM", ANY, "Eagle3DeepseekV2ForCausalLM", false,
     "Eagle3DeepseekV3ForCausalLM"},
    {"DeepseekV3ForCausalLM", ANY, "LlamaForCausalLMEagle3", false,
     "Eagle3MHADeepseekV3ForCausalLM"},

    {"KimiK25ForConditionalGeneration", DFLASH, any, false, "UnifiedDflashKimiK25ForCausalLM"},
    {"KimiK25ForConditionalGeneration", ANY, "LlamaForCausalLMEagle3", false,
     "Eagle3MHAKimiK25ForCausalLM"},
    {"KimiK25ForConditionalGeneration", ANY, any, false, "Eagle3DeepseekV2ForCausalLM"},

    {"Gemma4ForConditionalGeneration", ANY, "Gemma4AssistantForCausalLM", false,
     "UnifiedMTPGemma4ForCausalLM"},
    {"Gemma4ForConditionalGeneration", ANY, "DSparkDraftModel", false,
     "UnifiedDSparkGemma4_31BForCausalLM"},
    {"Gemma4ForConditionalGeneration", DFLASH, "DFlashDraftModel", false,
     "UnifiedDflashGemma4_31BForCausalLM"},
    {"Gemma4ForConditionalGeneration", DFLASH, "LlamaForCausalLM", false,
     "UnifiedDflashGemma4_31BForCausalLM"},
    {"Gemma4UnifiedForConditionalGeneration", ANY, "Gemma4DSparkModel", false,
     "UnifiedDSparkGemma4_12BForCausalLM"},

    {"Qwen3_5ForConditionalGeneration", MTP, none, true,
     "UnifiedMTPQwen3_5ForConditionalGeneration"},
    {"Qwen3_5ForConditionalGeneration", DFLASH2, "DFlash2DraftModel", false,
     "UnifiedDflash2Qwen3_5ForConditionalGeneration"},

    {"GlmMoeDsaForCausalLM", ANY, none, true, "UnifiedMTPGlmMoeDsaForCausalLM"},
    {"InklingForConditionalGeneration", ANY, none, true,
     "UnifiedMTPInklingForConditionalGeneration"},
};

static unsigned method_bit(const char *method)
{
    for (unsigned i = 0; speculative_methods[i]; i++)
        if (str_eq(speculative_methods[i], method))
            return 1u << i;
    return 0;
}

static bool draft_fits(const struct rule *rule, const char *draft)
{
    if (rule->draft == any)
        return true;
    if (rule->draft == none)
        return !draft;
    return draft && str_eq(rule->draft, draft);
}

/* Checkpoints name the plain class; as a draft it is run by another. */
static const char *draft_name(unsigned method, const char *draft)
{
    if (draft && method == EAGLE && str_eq(draft, "LlamaForCausalLM"))
        return "LlamaForCausalLMEagle";
    if (draft && method & (DFLASH | DFLASH2) && str_eq(draft, "DFlashDraftModel"))
        return "LlamaForCausalLM";
    return draft;
}

static void write_rule(const struct rule *rule, struct json *j)
{
    json_item(j), json_open(j, '{');
    json_key(j, "methods"), json_open(j, '[');
    for (unsigned i = 0; speculative_methods[i]; i++)
        if (rule->methods & (1u << i))
            json_item(j), json_write_str(j->out, speculative_methods[i]);
    json_close(j, ']');
    if (rule->draft == any)
        json_str(j, "draft", "any");
    else
        json_str(j, "draft", rule->draft == none ? NULL : rule->draft);
    if (rule->needs_mtp_layers)
        json_str(j, "needs", "multi-token prediction layers in the target's checkpoint");
    json_str(j, "becomes", rule->becomes);
    json_close(j, '}');
}

static bool no_rule(const struct speculation *s, const char *draft, bool only_layers_missing,
                    struct err *err)
{
    AUTO_BUF struct buf combinations = {0};
    struct json j = json_begin(&combinations);

    json_open(&j, '[');
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (str_eq(rules[i].target, s->target))
            write_rule(&rules[i], &j);
    json_close(&j, ']');
    if (only_layers_missing)
        err_set(err, ERR_DRAFT,
                "%s can speculate without a draft only when its checkpoint has layers for it "
                "(num_nextn_predict_layers), and this one has none",
                s->target);
    else
        err_set(err, ERR_DRAFT, "%s has no fused variant for method %s with %s%s", s->target,
                s->method, draft ? "draft " : "no draft", draft ? draft : "");
    err_fact_str(err, "target", s->target);
    err_fact_str(err, "method", s->method);
    return err_fact_json(err, "combinations", combinations.data);
}

static bool no_method(const char *method, struct err *err)
{
    const char *near[NEAREST_MAX];
    size_t n = ARRAY_SIZE(speculative_methods) - 1;
    size_t n_near = nearest(method, speculative_methods, n, near);

    err_set(err, ERR_FIELD, "speculative method must be eagle, mtp, dflash or dflash2, not \"%s\"",
            method);
    err_fact_strv(err, "allowed", speculative_methods, n);
    return err_fact_strv(err, "nearest", near, n_near);
}

bool speculation_names(const struct speculation *s, const char **ret_target, const char **ret_draft,
                       struct err *err)
{
    unsigned method = s->method ? method_bit(s->method) : 0;
    const char *draft = draft_name(method, s->draft), *becomes = s->target;
    bool listed = false, layers_missing = false;

    if (s->method && !method)
        return no_method(s->method, err);
    for (size_t i = 0; method && i < ARRAY_SIZE(rules); i++) {
        const struct rule *rule = &rules[i];

        if (!str_eq(rule->target, s->target))
            continue;
        listed = true;
        if (!(rule->methods & method) || !(draft_fits(rule, draft) || draft_fits(rule, s->draft)))
            continue;
        if (!rule->needs_mtp_layers || s->n_mtp_layers > 0) {
            becomes = rule->becomes;
            break;
        }
        layers_missing = true;
    }
    if (listed && becomes == s->target)
        return no_rule(s, draft, layers_missing, err);
    *ret_target = becomes;
    *ret_draft = draft;
    return true;
}
