#pragma once
/*
 * Text parts: what a text job encodes, spread over the workers that are free.
 *
 *     body up to TEXT_INLINE_MAX     on the I/O loop, at once
 *     texts up to TEXT_SHARED_MIN    one worker
 *     above                          parts of some SPLIT_PART bytes, or texts of a list, on as many
 *                                    workers as have nothing else to do
 *
 * What comes out is what one thread gives in one piece, errors too: a text is cut only where
 * tokenizer_split() has proven it, parts are joined in their order, and where a part fails
 * the text is encoded whole. On a worker these also use the prefix cache.
 */
#include "api/text_job.h"

/* Appends to *ids. */
bool text_parts_ids(struct text_job *job, struct slice text, bool add_special_tokens,
                    struct id_list *ids, struct err *err) MUST_CHECK;
bool text_parts_count(struct text_job *job, struct slice text, bool add_special_tokens, size_t *ret,
                      struct err *err) MUST_CHECK;
/* Ids and, if asked for, offsets: options are plain. */
bool text_parts_encode(struct text_job *job, struct slice text,
                       const struct encode_options *options, struct encoded *ret,
                       struct err *err) MUST_CHECK;

/*
 * A list of texts: one(ctx, i, scratch, err) for each, on several threads at once when all are
 * TEXT_SHARED_MIN bytes and more. The error is that of the first that failed.
 */
bool text_parts_each(struct text_job *job, const struct slice *texts, size_t n,
                     bool (*one)(void *ctx, size_t i, struct text_scratch *scratch,
                                 struct err *err),
                     void *ctx, struct err *err) MUST_CHECK;
