#include "arch/pipeline_class.h"

#include "arch/speculation.h"
#include "base/nearest.h"

static const char *const by_task[N_TASKS] = {
    [TASK_TEXT_GENERATION] = "TextGenerationPipeline",
    [TASK_EMBEDDINGS_GENERATION] = "EmbeddingsPipeline",
    [TASK_PIXEL_GENERATION] = "PixelGenerationPipeline",
    [TASK_AUDIO_GENERATION] = "AudioGeneratorPipeline",
    [TASK_SPEECH_TOKEN_GENERATION] = "SpeechTokenGenerationPipeline",
};

enum { N_NAMES = N_TASKS - 1 };

bool task_of_name(const char *name, enum task *ret, struct err *err)
{
    const char *near[NEAREST_MAX];
    size_t n_near;

    if (task_parse(name) != TASK_NONE) {
        *ret = task_parse(name);
        return true;
    }
    n_near = nearest(name, task_names, N_NAMES, near);
    err_set(err, ERR_TASK_UNKNOWN, "there is no task \"%.64s\"%s%s", name,
            n_near ? "; did you mean " : "", n_near ? near[0] : "");
    err_fact_strv(err, "available", task_names, N_NAMES);
    return err_fact_strv(err, "nearest", near, n_near);
}

static bool needs_text_generation(enum task task, const char *what, struct err *err)
{
    static const char *const text[] = {"text_generation"};

    err_set(err, ERR_COMBINATION, "%s works with text_generation only, not with %s", what,
            task_name(task));
    return err_fact_strv(err, "available", text, 1);
}

static bool check_method(const char *method, struct err *err)
{
    const char *target, *draft;

    /* no target has this name, so only the method is checked */
    return speculation_names(&(struct speculation){"", method, NULL, 0}, &target, &draft, err);
}

bool pipeline_class_for(const struct pipeline_class_query *q, const char **ret, struct err *err)
{
    bool text = q->task == TASK_TEXT_GENERATION;

    if (q->task == TASK_NONE) {
        err_set(err, ERR_TASK_UNKNOWN, "the task is not known; name one");
        return err_fact_strv(err, "available", task_names, N_NAMES);
    }
    if (q->method && !check_method(q->method, err))
        return false;
    if (q->method && !text)
        return needs_text_generation(q->task, "speculative decoding", err);
    if (q->overlap_scheduler && !text)
        return needs_text_generation(q->task, "the overlap scheduler", err);
    if (q->pipeline_cls)
        *ret = q->pipeline_cls;
    else if (q->method || q->overlap_scheduler)
        *ret = "OverlapTextGenerationPipeline";
    else if (text && q->has_draft)
        *ret = "SpeculativeDecodingTextGenerationPipeline";
    else
        *ret = by_task[q->task];
    return true;
}
