#pragma once
/*
 * Prompt: a rendered chat as ids, with what the renderer knows of its text.
 *
 *     report.users       ─► special tokens there are text (template_only)
 *     report.generation  ─► assistant_tokens_mask
 */
#include "template/template.h"
#include "tokenizer/tokenizer.h"

/*
 * Replaces what *ret held. Spans of the report are in bytes still; options.guard is made from
 * its users, of which there are none unless they were asked for.
 * Errors: those of tokenizer_encode().
 */
bool prompt_encode(const struct tokenizer *t, const struct buf *text,
                   const struct template_report *report, struct encode_options options,
                   struct scratch *scratch, struct encoded *ret, struct err *err) MUST_CHECK;

/*
 * Appends a byte for each token of e, which has offsets in the unit of the spans: 1 for those
 * between the token where a span begins and the one that has its last character, as
 * transformers finds them with char_to_token(): where the end has no token, or the first, all
 * from the begin on count; where the begin has none (truncation cut it off), nothing more does.
 */
void prompt_mask(const struct template_spans *spans, const struct encoded *e, struct buf *out);
