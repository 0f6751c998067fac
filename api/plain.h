#pragma once
/*
 * Plain: a request as nearly all of them are, whole in one buffer.
 *
 * Reads GET and POST of HTTP/1.1 with a body of known length, strictly, and nothing
 * that makes the answer a special one: no conditions, ranges, preferences,
 * idempotency keys, codings, Connection: close, bare LF or folded lines. What is
 * not plain is not refused here: somebody else reads it, who knows all of it.
 */
#include "api/head.h"
#include "api/route.h"

struct plain {
    enum method method;
    const char *target; /* raw; NUL behind it */
    size_t target_size;
    struct head head;
    const char *body; /* no NUL behind it */
    size_t body_size;
    size_t size; /* of the request in the buffer: the next one begins there */
};

enum plain_found {
    PLAIN_PARTIAL, /* what is there may be the beginning of a head */
    PLAIN_WHOLE,
    PLAIN_OTHER, /* not plain, or its body is not all there */
};

/*
 * Cuts up data: what ret has points into it. Cost: one pass over the head.
 */
enum plain_found plain_read(char *data, size_t size, struct plain *ret);
/* p, after its head was copied from one place to another. Its body is where it was. */
void plain_move(struct plain *p, const char *from, const char *to);
