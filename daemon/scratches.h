#pragma once
/*
 * Scratches: what workers encode with, passed from job to job.
 *
 * There are as many as workers ever ran at once, so each keeps the words it has seen.
 * Any thread; the lock is held for the push or pop of a list.
 */
#include "api/text_job.h"

struct scratches;
struct scratches *scratches_new(size_t max_bytes_each);
void scratches_free(struct scratches *s); /* all are back */

struct text_scratch *scratches_take(struct scratches *s);
void scratches_give(struct scratches *s, struct text_scratch *scratch);
