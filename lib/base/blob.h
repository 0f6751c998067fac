#pragma once
/*
 * Blob: immutable counted bytes, made once and sent often.
 *
 * What is rendered once per revision (an architecture, a pipeline, a config)
 * is a blob: I/O loops hold references and hand the bytes to the socket
 * without copying. The count is atomic, so any thread may ref and unref.
 */
#include "base/base.h"

#include <stdatomic.h>

struct blob {
    atomic_uint refs;
    size_t size;
    char etag[36]; /* strong, with its quotes: "<32 hex digits>", of the SHA-256 of bytes; or "" */
    char bytes[];  /* NUL behind them, not counted */
};

/* Copies data. The caller holds the one reference. */
struct blob *blob_new(const void *data, size_t size);
/* With an etag of 32 hex digits that the caller knows to be as good. */
struct blob *blob_tagged(const void *data, size_t size, const char *tag);
/* Without one: for what is never asked for by it. */
struct blob *blob_untagged(const void *data, size_t size);
struct blob *blob_ref(struct blob *b); /* NULL stays NULL */
/*
 * A reference to b, or when b does not end in a newline, to a copy that does and
 * has b's etag: what is sent often is sent from one piece.
 */
struct blob *blob_line(struct blob *b);
void blob_unref(struct blob *b);
DEFINE_CLEANUP(struct blob *, blob_unref)
#define AUTO_BLOB CLEANUP(blob_unrefp)
