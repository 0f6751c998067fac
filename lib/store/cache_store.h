#pragma once
/*
 * Cache store: cache.db, which may be deleted at any time.
 *
 * So nothing in it is waited for (synchronous=NORMAL), nothing is migrated (a
 * file of another schema is deleted), and a corrupt one is replaced by an empty
 * one, also in the middle of its use: the caller then sees misses. Where the
 * file cannot be written, the cache lives in memory, bounded, until the end of
 * the process.
 *
 * Every call blocks. A store belongs to one thread at a time.
 */
#include "store/cache.h"

enum { CACHE_INLINE_MAX = 1 << 20 }; /* larger content lies in a file */

struct cache_store;

/* *ret_note (may be NULL, else at least 400 bytes) tells what was odd; "" nothing. */
bool cache_store_open(struct cache_store **ret, const char *path, char *ret_note,
                      struct err *err) MUST_CHECK;
void cache_store_close(struct cache_store *s);
DEFINE_CLEANUP(struct cache_store *, cache_store_close)

/* Gets: *ret_found false is a miss. *ret is the caller's to release when found. */
bool cache_get_pin(struct cache_store *s, const char *model, const char *revision,
                   const char *credential, struct cache_pin *ret, bool *ret_found,
                   struct err *err) MUST_CHECK;
/* Marks it as used now_s when that is an hour or more after the last time. */
bool cache_get_file(struct cache_store *s, const char *model, const char *commit, const char *path,
                    const char *credential, int64_t now_s, struct cache_file *ret, bool *ret_found,
                    struct err *err) MUST_CHECK;

/* Puts replace. Content over CACHE_INLINE_MAX is ERR_TOO_LARGE. */
bool cache_put_pin(struct cache_store *s, const struct cache_pin *pin, struct err *err) MUST_CHECK;
bool cache_put_file(struct cache_store *s, const struct cache_file *file,
                    struct err *err) MUST_CHECK;
/*
 * A file that lies as a blob in the Hub cache folder. Not is_new (somebody had
 * written the blob before): counted only if it is one of ours, from another commit.
 */
bool cache_put_blob(struct cache_store *s, const struct cache_file *file, bool is_new,
                    struct err *err) MUST_CHECK;
/* As a get, for who read the file elsewhere: marks it as used. */
bool cache_touch_file(struct cache_store *s, const struct cache_file *key, int64_t now_s,
                      struct err *err) MUST_CHECK;

/* Every pin, the newest first, for the list of known models. Strings are borrowed; no info. */
bool cache_list_pins(struct cache_store *s, void (*each)(void *ctx, const struct cache_pin *pin),
                     void *ctx, struct err *err) MUST_CHECK;

/* Bytes of pins, of content, and of the blobs that rows point to, each blob once. */
bool cache_bytes(struct cache_store *s, int64_t *ret_bytes, struct err *err) MUST_CHECK;

/* ---- removal */

/*
 * Called for every file with a blob_path before its row goes, so that a crash in
 * between leaves a row too many and not a file nobody knows of: removes what
 * lies there, and returns the bytes that freed. file is borrowed; of it model,
 * commit, path and blob_path are set. NULL: there is nothing to remove.
 */
typedef int64_t cache_remove_blob(void *ctx, const struct cache_file *file);

/*
 * Removes the least recently used files, and then the oldest pins, until at
 * most max_bytes are left (*ret_bytes).
 */
bool cache_evict(struct cache_store *s, int64_t max_bytes, cache_remove_blob *remove, void *ctx,
                 int64_t *ret_bytes, struct err *err) MUST_CHECK;

/* Pins and files of model, by the name that was asked for and by the Hub's. */
bool cache_delete_model(struct cache_store *s, const char *model, cache_remove_blob *remove,
                        void *ctx, struct cache_removed *ret, struct err *err) MUST_CHECK;
/* Everything. */
bool cache_clear(struct cache_store *s, cache_remove_blob *remove, void *ctx,
                 struct cache_removed *ret, struct err *err) MUST_CHECK;
