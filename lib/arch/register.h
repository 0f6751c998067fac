#pragma once
/*
 * Register: what a registration does to a registry, decided without doing it.
 *
 * All documents or none. Every fault of every document is reported together;
 * then preconditions, then conflicts. Nothing is changed by a refused
 * registration, and a second task of a name is guarded like the first.
 */
#include "arch/registry.h"

enum { REGISTER_BATCH_MAX = 1000, REGISTRY_MAX = 20000 };

struct registration {
    json_t *docs;        /* an array of documents */
    bool batch;          /* the client sent {"architectures": [...]}: pointers say so */
    bool allow_override; /* replace what has the same identity */
    const char *if_match, *if_none_match; /* an ETag, "*", or "" and NULL for none */
    int64_t revision, created_at;         /* of what is registered */
};

/*
 * Appends the built records to *ret, in order; registry_with() puts them in.
 *
 * Errors: FIELD and UNKNOWN_FIELD (the documents), PRECONDITION (with
 * "current_etag"), ARCH_EXISTS (with "existing": [{name, task, href, etag,
 * source}]), TOO_LARGE (the batch, or the registry it would make).
 */
bool register_check(const struct registry *r, const struct registration *what, struct archs *ret,
                    struct err *err) MUST_CHECK;

/* Whether If-Match and If-None-Match let existing (NULL: none) be changed. */
bool register_precondition(const struct arch *existing, const char *if_match,
                           const char *if_none_match, struct err *err) MUST_CHECK;

/* Appends "/v1/architectures/{name}?task=…". */
void arch_write_href(const struct arch *a, struct buf *out);
