/*
 * Speculative decoding.
 *
 * With a method, target and draft become one fused architecture (newer MAX).
 * With a draft and no method, the draft runs by itself as in the seed, which
 * needs the same architecture and the same tokenizer.
 */
#include "arch/speculation.h"
#include "resolve/resolution.h"

static bool refuse(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct err *err, const char *fmt, ...)
{
    AUTO_BUF struct buf text = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_DRAFT, "%s", text.data);
}

static bool draft_name(const struct side *draft, const char **ret, struct err *err)
{
    const struct config *c = draft->model->config;

    if (!c || c->n_architectures == 0)
        return refuse(err, "The config of the draft model %s names no architectures.",
                      draft->model->ref.model);
    if (c->n_architectures != 1)
        return refuse(err, "The config of the draft model %s names several architectures.",
                      draft->model->ref.model);
    if (c->needs_remote_code && !is_yes(draft->fields->trust_remote_code))
        return err_set(err, ERR_REMOTE_CODE,
                       "The draft model %s brings its own Python code; set trust_remote_code if "
                       "you have read and trust it.",
                       draft->model->ref.model);
    *ret = c->architectures[0];
    return true;
}

/* The architecture of target and draft together, which the registry must have. */
static bool fuse(struct resolution *r, const char *draft, struct err *err)
{
    const struct config *c = r->main.model->config;
    struct speculation s = {
        .target = c->n_architectures ? c->architectures[0] : r->main.arch->name,
        .method = spec_method_name(r->req->spec.method),
        .draft = draft,
        .n_mtp_layers = c->n_mtp_layers,
    };
    const char *target, *drafting;
    const struct arch *fused;
    bool v3 = is_yes(r->req->prefer_module_v3);

    if (!speculation_names(&s, &target, &drafting, err))
        return false;
    if (!str_eq(target, s.target)) {
        if (!registry_find(r->registry, target, r->task, v3, &fused, NULL, err))
            return err_wrap(err, "speculative decoding with %s", s.method);
        r->main.arch = fused;
        decide_str(&r->decisions, "architecture", target, (const char *const[]){s.target}, 1,
                   "%s with %s runs as this one", s.target, s.method);
    }
    if (!drafting)
        return true;
    return registry_find(r->registry, drafting, TASK_NONE, v3, &r->draft.arch, NULL, err) ||
           err_wrap(err, "draft model");
}

static void speculative_defaults(struct resolution *r)
{
    struct speculative_fields *s = &r->req->spec;

    if (s->method == SPEC_NONE) {
        if (!s->num_speculative_tokens.set)
            s->num_speculative_tokens = (struct opt_int){true, 2};
        return;
    }
    if (!s->num_speculative_tokens.set && (s->method == SPEC_EAGLE || s->method == SPEC_MTP)) {
        s->num_speculative_tokens = (struct opt_int){true, 2};
        decide_int(&r->decisions, "speculative.num_speculative_tokens", 2, "the method's default");
    }
    if (s->rejection == REJECTION_UNSET && (s->method == SPEC_EAGLE || s->method == SPEC_MTP)) {
        s->rejection = REJECTION_TYPICAL;
        decide_str(&r->decisions, "speculative.rejection_sampling_strategy", "typical-acceptance",
                   NULL, 0, "the method's default");
    }
    if (!s->relaxed_topk.set)
        s->relaxed_topk = (struct opt_int){true, 10};
    if (!s->relaxed_delta.set)
        s->relaxed_delta = (struct opt_real){true, 0.6};
    if (s->use_relaxed_acceptance == UNSET)
        s->use_relaxed_acceptance = NO;
}

bool decide_draft(struct resolution *r, struct err *err)
{
    const char *draft = NULL;

    if (!r->has_draft && r->req->spec.method == SPEC_NONE)
        return true;
    if (r->task != TASK_TEXT_GENERATION)
        return err_set(err, ERR_COMBINATION,
                       "Speculative decoding is for text_generation; the task is %s.",
                       task_name(r->task));
    if (r->has_draft && !draft_name(&r->draft, &draft, err))
        return false;
    speculative_defaults(r);
    if (r->req->spec.method != SPEC_NONE) {
        if (!r->has_draft && r->req->spec.method != SPEC_MTP)
            return refuse(err, "The method %s needs a draft_model.",
                          spec_method_name(r->req->spec.method));
        return fuse(r, draft, err);
    }
    return registry_find(r->registry, draft, r->task, is_yes(r->req->prefer_module_v3),
                         &r->draft.arch, NULL, err) ||
           err_wrap(err, "draft model");
}

/* ---- the seed's checks of a pair */

static bool same_tokenizer(const struct resolution *r, struct err *err)
{
    const struct tokenizer_facts *a = &r->main.model->tokenizer, *b = &r->draft.model->tokenizer;

    if (a->vocab_size > 0 && b->vocab_size > 0 && a->vocab_size != b->vocab_size) {
        refuse(err, "Target and draft must have one vocabulary; %s has %lld tokens and %s %lld.",
               r->main.model->ref.model, (long long)a->vocab_size, r->draft.model->ref.model,
               (long long)b->vocab_size);
        err_fact_int(err, "target_vocab_size", a->vocab_size);
        return err_fact_int(err, "draft_vocab_size", b->vocab_size);
    }
    if (a->kind[0] && b->kind[0] && !str_eq(a->kind, b->kind))
        return refuse(err, "Target and draft must have one tokenizer; theirs are %s and %s.",
                      a->kind, b->kind);
    return true;
}

static bool check_stand_alone(struct resolution *r, struct err *err)
{
    if (r->main.arch != r->draft.arch) {
        refuse(err, "Target and draft must be of one architecture; they are %s and %s.",
               r->main.arch->name, r->draft.arch->name);
        err_fact_str(err, "target", r->main.arch->name);
        return err_fact_str(err, "draft", r->draft.arch->name);
    }
    if (!same_tokenizer(r, err))
        return false;
    if (is_yes(r->req->enable_structured_output))
        return refuse(err, "Structured output does not go with a draft model.");
    if (is_yes(r->req->kv.enable_prefix_caching) && !is_yes(r->req->force)) {
        r->req->kv.enable_prefix_caching = NO;
        notice_add(&r->notices, "prefix-caching-off",
                   "Prefix caching was switched off: a draft model does not go with it.");
    }
    if (r->req->enable_variable_logits == UNSET)
        r->req->enable_variable_logits = YES;
    return true;
}

bool check_draft_pair(struct resolution *r, struct err *err)
{
    if (!r->has_draft && r->req->spec.method == SPEC_NONE)
        return true;
    if (is_yes(r->req->main.enable_echo))
        return refuse(err, "enable_echo does not go with speculative decoding.");
    if (is_yes(r->req->enable_penalties)) {
        r->req->enable_penalties = NO;
        notice_add(&r->notices, "penalties-off",
                   "Penalties were switched off: they do not go with speculative decoding.");
    }
    if (r->req->spec.synthetic_acceptance_rate.set && is_yes(r->req->enable_structured_output))
        return refuse(err, "synthetic_acceptance_rate does not go with structured output.");
    return r->req->spec.method != SPEC_NONE || check_stand_alone(r, err);
}
