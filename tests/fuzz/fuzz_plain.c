/*
 * Requests in front of libmicrohttpd: a whole one lies within the bytes, passes the checks of
 * every head, and no shorter beginning of it is taken for a whole one of another size.
 */
#include "api/plain.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_whole(const struct plain *p, const char *copy, size_t size)
{
    AUTO_ERR struct err err = {0};

    assert(p->size <= size && p->body_size <= p->size);
    assert(p->body >= copy && p->body + p->body_size == copy + p->size);
    assert(p->target[0] == '/' && strlen(p->target) == p->target_size);
    assert(head_done(&p->head, "HTTP/1.1", "GET", p->target, &err));
    assert(!p->head.is_chunked && p->head.host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *copy = mem_alloc(size + 1);
    struct plain p, part;
    size_t head_size;

    memcpy(copy, data, size);
    if (plain_read(copy, size, &p) != PLAIN_WHOLE)
        return 0;
    check_whole(&p, copy, size);
    head_size = p.size - p.body_size;
    size = p.size;
    for (size_t n = 0; n < size; n += 1 + size / 64) {
        memcpy(copy, data, n);
        assert(plain_read(copy, n, &part) == (n < head_size ? PLAIN_PARTIAL : PLAIN_OTHER));
    }
    return 0;
}
