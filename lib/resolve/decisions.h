#pragma once
/*
 * Decisions: what was taken, why, and what else there was, in the order taken.
 *
 *     {"field": "quantization_encoding", "value": "bfloat16",
 *      "because": "the repository has only this one", "alternatives": []}
 */
#include "base/buf.h"

struct decisions {
    struct buf list; /* JSON objects, comma-separated */
    size_t n;
};

/* value is one valid JSON value; alternatives are n JSON strings-to-be. */
void decide_json(struct decisions *d, const char *field, const char *value,
                 const char *const *alternatives, size_t n, const char *because, ...)
    PRINTF_LIKE(6, 7);
/* A text, or null. */
void decide_str(struct decisions *d, const char *field, const char *value,
                const char *const *alternatives, size_t n, const char *because, ...)
    PRINTF_LIKE(6, 7);
void decide_int(struct decisions *d, const char *field, int64_t value, const char *because, ...)
    PRINTF_LIKE(4, 5);
void decide_bool(struct decisions *d, const char *field, bool value, const char *because, ...)
    PRINTF_LIKE(4, 5);
void decisions_release(struct decisions *d);
