#pragma once
/*
 * Rows of the cache: what the Hub told us, kept so that we need not ask again.
 *
 * Everything is keyed by a credential class as well: "" for what anybody may
 * see, else a digest of the token with which it was seen. The store compares
 * it and knows nothing else about it.
 */
#include "base/err.h"

/* A branch or tag as of pinned_at. info is what the Hub said of the repository (JSON). */
struct cache_pin {
    char *model, *revision, *credential;
    char *commit;
    char *canonical; /* the Hub's spelling of model */
    char *info;
    size_t info_size;
    int64_t pinned_at; /* Unix seconds */
};

/*
 * A file of a commit, or what is known of it. Small ones are in content; of
 * larger ones blob_path says where they lie (relative to the Hub cache folder).
 * Neither: only size and etag are known.
 */
struct cache_file {
    char *model, *commit, *path, *credential;
    char *etag; /* as the Hub normalises it: git sha1 or sha256; "" unknown */
    int64_t size;
    char *content; /* NUL-terminated; NULL: not in the database */
    size_t content_size;
    char *blob_path;   /* NULL: none */
    int64_t last_used; /* Unix seconds */
};

/* What a removal took away: rows, and bytes of content and of blobs. */
struct cache_removed {
    int64_t n_pins, n_files, bytes;
};

/*
 * For rows a get returned: frees the strings, leaves the row zeroed. Rows given
 * to a put are only read; their strings may be anyone's.
 */
void cache_pin_release(struct cache_pin *p);
void cache_file_release(struct cache_file *f);
