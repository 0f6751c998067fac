#pragma once
/*
 * Notices: warnings beside an answer, {code, message}, in the order they came
 * up. The same code and message is noted once.
 */
#include "base/buf.h"

struct notices {
    struct buf list; /* JSON objects, comma-separated */
    size_t n;
};

void notice_add(struct notices *n, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
void notices_release(struct notices *n);
