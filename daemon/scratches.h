#pragma once
/*
 * Scratches: what workers encode with, passed from job to job.
 *
 * There are as many as workers ever ran at once, so each keeps the words it has seen. One
 * whose buffers a large text has made larger than SCRATCH_BUFFERS_MAX is not kept.
 * Any thread; the lock is held for the push or pop of a list.
 */
#include "api/text_job.h"

enum { SCRATCH_BUFFERS_MAX = 16 << 20 };

struct scratches;
struct scratches *scratches_new(size_t max_bytes_each);
void scratches_free(struct scratches *s); /* all are back */

struct text_scratch *scratches_take(struct scratches *s);
void scratches_give(struct scratches *s, struct text_scratch *scratch);
