/* Sampling, parsers, overlap scheduler, device graphs and the pipeline class. */
#include "arch/pipeline_class.h"
#include "resolve/resolution.h"

static bool sets_penalty(const json_t *generation, const char *key)
{
    const json_t *v = json_object_get(generation, key);

    return json_is_number(v) && json_number_value(v) != 0 && json_number_value(v) != 1;
}

/* A model's generation_config.json may ask for what costs something to have. */
static void decide_sampling(struct resolution *r)
{
    const json_t *g = r->main.model->generation_config;
    struct pipeline_request *q = r->req;

    if (q->enable_penalties == UNSET) {
        bool on = (sets_penalty(g, "frequency_penalty") || sets_penalty(g, "presence_penalty") ||
                   sets_penalty(g, "repetition_penalty")) &&
                  !r->has_draft && q->spec.method == SPEC_NONE;

        q->enable_penalties = on ? YES : NO;
        if (on)
            decide_bool(&r->decisions, "enable_penalties", true,
                        "the model's generation_config.json sets a penalty");
    }
    if (q->enable_min_tokens == UNSET) {
        const json_t *min = json_object_get(g, "min_new_tokens");
        bool on = json_is_integer(min) && json_integer_value(min) > 0;

        q->enable_min_tokens = on ? YES : NO;
        if (on)
            decide_bool(&r->decisions, "enable_min_tokens", true,
                        "the model's generation_config.json sets min_new_tokens");
    }
    if (q->enable_variable_logits == UNSET)
        q->enable_variable_logits = is_yes(q->main.enable_echo) ? YES : NO;
}

/* The request's parser, or the architecture's; "none" switches it off. */
static const char *decide_parser(struct resolution *r, const char *field, char **asked,
                                 const char *of_arch)
{
    const char *value = *asked ? *asked : of_arch;

    if (value && strcasecmp(value, "none") == 0)
        value = NULL;
    if (!*asked && of_arch)
        decide_str(&r->decisions, field, value, NULL, 0, "the architecture's default");
    if (!*asked)
        *asked = str_dup(of_arch ? of_arch : "none");
    return value;
}

static bool eligible_for_overlap(const struct resolution *r)
{
    return r->task == TASK_TEXT_GENERATION && !is_yes(r->req->enable_variable_logits) &&
           !is_yes(r->req->lora.enable_lora) && !on_cpu(r);
}

static void decide_overlap(struct resolution *r)
{
    struct pipeline_request *q = r->req;
    enum device_api api = r->devices[0].api;
    bool eligible = eligible_for_overlap(r), force = is_yes(q->force);

    if (q->device_graph_capture == UNSET) {
        bool on = !force && eligible && r->main.arch->supports_device_graph_capture &&
                  (api == API_CUDA || api == API_HIP) && q->role != ROLE_PREFILL_ONLY;

        q->device_graph_capture = on ? YES : NO;
        decide_bool(&r->decisions, "device_graph_capture", on, "%s",
                    on ? "the accelerator and the architecture can" : "not possible here");
    }
    if (is_yes(q->device_graph_capture))
        q->enable_overlap_scheduler = YES;
    if (q->enable_overlap_scheduler == UNSET) {
        bool on = !force && eligible && r->main.arch->supports_overlap_scheduler;

        q->enable_overlap_scheduler = on ? YES : NO;
        decide_bool(&r->decisions, "enable_overlap_scheduler", on, "%s",
                    on ? "text generation on an accelerator" : "not possible here");
    }
}

static bool refuse(struct err *err, const char *field, const char *text)
{
    err_set(err, ERR_COMBINATION, "%s", text);
    return err_fact_str(err, "field", field);
}

static bool check_combinations(const struct resolution *r, struct err *err)
{
    const struct pipeline_request *q = r->req;
    bool overlap = is_yes(q->enable_overlap_scheduler);

    if (is_yes(q->enable_structured_output) && on_cpu(r))
        return refuse(err, "enable_structured_output", "Structured output does not run on CPUs.");
    if (overlap && is_yes(q->enable_variable_logits))
        return refuse(err, "enable_overlap_scheduler",
                      "The overlap scheduler does not go with variable logits (nor echo).");
    if (overlap && is_yes(q->lora.enable_lora))
        return refuse(err, "enable_overlap_scheduler",
                      "The overlap scheduler does not go with LoRA.");
    if (overlap && on_cpu(r))
        return refuse(err, "enable_overlap_scheduler",
                      "The overlap scheduler does not run on CPUs.");
    if (is_yes(q->execute_empty_batches) && !r->main.arch->supports_empty_batches)
        return refuse(err, "execute_empty_batches",
                      "This architecture does not run empty batches.");
    if (overlap && r->main.arch->checkpoints_recurrent_state && is_yes(q->kv.enable_prefix_caching))
        return refuse(err, "kv_cache.enable_prefix_caching",
                      "This architecture keeps recurrent state, which prefix caching with the "
                      "overlap scheduler does not; switch one of them off.");
    return true;
}

bool decide_scheduler(struct resolution *r, struct err *err)
{
    struct pipeline_class_query query = {
        .task = r->task,
        .method = spec_method_name(r->req->spec.method),
        .has_draft = r->has_draft,
        .pipeline_cls = r->main.arch->pipeline_cls,
    };

    decide_sampling(r);
    r->tool_parser =
        decide_parser(r, "tool_parser", &r->req->tool_parser, r->main.arch->tool_parser);
    r->reasoning_parser = decide_parser(r, "reasoning_parser", &r->req->reasoning_parser,
                                        r->main.arch->reasoning_parser);
    decide_overlap(r);
    if (!check_combinations(r, err))
        return false;
    query.overlap_scheduler = is_yes(r->req->enable_overlap_scheduler);
    if (!pipeline_class_for(&query, &r->pipeline_class, err))
        return false;
    decide_str(&r->decisions, "pipeline_class", r->pipeline_class, NULL, 0, "%s",
               query.pipeline_cls        ? "the architecture's own"
               : query.method            ? "what the task needs with speculative decoding"
               : query.has_draft         ? "what the task needs with a draft model"
               : query.overlap_scheduler ? "what the task needs with the overlap scheduler"
                                         : "what the task needs");
    return true;
}
