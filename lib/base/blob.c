#include "base/blob.h"

#include "base/hash.h"

struct blob *blob_new(const void *data, size_t size)
{
    struct blob *b = mem_alloc(sizeof(*b) + size + 1);
    char hex[SHA256_HEX];

    b->refs = 1;
    b->size = size;
    if (size)
        memcpy(b->bytes, data, size);
    hash_sha256_hex(data, size, hex);
    b->etag[0] = '"';
    memcpy(b->etag + 1, hex, 32);
    b->etag[33] = '"';
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_unref(struct blob *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}
