#pragma once
/* What the routes about text share: a job is run here and now, or becomes a call. */
#include "api/routes/routes.h"
#include "api/text_job.h"

/*
 * For /v1/tokenizers/{id}/…: runs a job of this kind with the tokenizer of the path, and
 * answers. argument is taken over; NULL: none.
 */
void text_by_handle(struct request *req, const struct text_kind *kind, char *argument);

/*
 * For what has to be known before the tokenizer is: a job with its own copy of the body, from
 * which the route reads job.asked. Ends with args_text_release(), or is submitted, which takes it
 * over and answers.
 */
struct args_text *text_args(struct request *req, const struct text_kind *kind);
/* With the tokenizer of the path. */
void text_submit(struct request *req, struct args_text *args);
/* For vLLM's routes: with the tokenizer of that model. */
void text_submit_model(struct request *req, struct args_text *args, const char *model);

extern const enum err_code text_errors[], chat_errors[];
