#pragma once
/* What the routes about text share: a job is run here and now, or becomes a call. */
#include "api/routes/routes.h"
#include "api/text_job.h"

/*
 * For /v1/tokenizers/{id}/…: runs a job of this kind with the tokenizer of the path, and
 * answers. argument is taken over; NULL: none.
 */
void text_by_handle(struct request *req, const struct text_kind *kind, char *argument);
/* For vLLM's routes: with the tokenizer of the model that the body names. */
void text_by_model(struct request *req, const struct text_kind *kind, const char *model);

extern const enum err_code text_errors[];
