#include "base/blob.h"

#include "base/hash.h"

static struct blob *alloc(const void *data, size_t size, size_t room)
{
    struct blob *b = mem_alloc(sizeof(*b) + room + 1);

    b->refs = 1;
    b->size = room;
    if (size)
        memcpy(b->bytes, data, size);
    return b;
}

struct blob *blob_new(const void *data, size_t size)
{
    char hex[SHA256_HEX];

    hash_sha256_hex(data, size, hex);
    return blob_tagged(data, size, hex);
}

struct blob *blob_tagged(const void *data, size_t size, const char *tag)
{
    struct blob *b = alloc(data, size, size);

    b->etag[0] = '"';
    memcpy(b->etag + 1, tag, 32);
    b->etag[33] = '"';
    return b;
}

struct blob *blob_untagged(const void *data, size_t size) { return alloc(data, size, size); }

struct blob *blob_ref(struct blob *b)
{
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

struct blob *blob_line(struct blob *b)
{
    struct blob *line;

    if (b->size && b->bytes[b->size - 1] == '\n')
        return blob_ref(b);
    line = alloc(b->bytes, b->size, b->size + 1);
    line->bytes[b->size] = '\n';
    memcpy(line->etag, b->etag, sizeof(b->etag));
    return line;
}

void blob_unref(struct blob *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}
