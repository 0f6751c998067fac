#pragma once
/*
 * Pipeline class: what runs a task, as get_pipeline_for_task says it.
 *
 * The names are the seed's five and what newer versions added. Where versions
 * differ the seed counts unless the request asks for what it did not have
 * (a speculative method, the overlap scheduler).
 */
#include "arch/terms.h"

struct pipeline_class_query {
    enum task task;
    const char *method;       /* speculative method, NULL for none: arch/speculation.h */
    bool has_draft;           /* a draft model is configured */
    bool overlap_scheduler;   /* asked for */
    const char *pipeline_cls; /* the architecture's own, which wins; NULL for none */
};

/*
 * *ret is static or the query's pipeline_cls.
 * Errors: TASK_UNKNOWN with "available" (no task), FIELD (no such method),
 * COMBINATION (speculation or overlap with another task than text generation).
 */
bool pipeline_class_for(const struct pipeline_class_query *q, const char **ret,
                        struct err *err) MUST_CHECK;
/* The task of a name from a path or query, or the error that lists them all. */
bool task_of_name(const char *name, enum task *ret, struct err *err) MUST_CHECK;
