#pragma once
/*
 * Documents about a model. All append members to an object that the caller
 * has opened and closes, so that it can add what only it knows (architectures
 * the registry has, task, links).
 */
#include "hub/model.h"
#include "json/writer.h"

/* model, requested, commit, files, weights, architectures, modalities, limits, tokenizer, … */
void model_render_summary(const struct model *m, struct json *j);
/* model, requested, commit, kind, vocab_size, special_tokens, chat_templates, … */
void model_render_tokenizer(const struct model *m, struct json *j);
/* model, requested, commit, origin, stale, pinned_at_unix_s: what every answer about a model begins
 * with. */
void model_render_origin(const struct model *m, struct json *j);
