#pragma once
/* The memory plan as documents: a member of the answer, and facts of the error. */
#include "resolve/resolution.h"
#include "json/writer.h"

/* {"weights_bytes": …, …, "per_device": […], "fits": …, "formula": …} */
void memory_write(const struct resolution *r, struct buf *out);
/* {"strategy": …, "page_size": …, "bytes_per_token": …, …}, or null without a KV cache */
void kv_cache_write(const struct resolution *r, struct buf *out);
