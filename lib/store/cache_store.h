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
/* ret is what it was remembered as: filled like any error. Expired ones are misses. */
bool cache_get_negative(struct cache_store *s, const char *key, int64_t now_s, struct err *ret,
                        int64_t *ret_expires_at, bool *ret_found, struct err *err) MUST_CHECK;

/* Puts replace. Content over CACHE_INLINE_MAX is ERR_TOO_LARGE. */
bool cache_put_pin(struct cache_store *s, const struct cache_pin *pin, struct err *err) MUST_CHECK;
bool cache_put_file(struct cache_store *s, const struct cache_file *file,
                    struct err *err) MUST_CHECK;
bool cache_put_negative(struct cache_store *s, const struct cache_negative *negative,
                        struct err *err) MUST_CHECK;

/* Every pin, the newest first, for the list of known models. Strings are borrowed; no info. */
bool cache_list_pins(struct cache_store *s, void (*each)(void *ctx, const struct cache_pin *pin),
                     void *ctx, struct err *err) MUST_CHECK;

/* Bytes of content in the database and of the blobs it points to, each blob once. */
bool cache_bytes(struct cache_store *s, int64_t *ret_bytes, struct err *err) MUST_CHECK;

/*
 * Removes the least recently used files until at most max_bytes are left, and
 * calls on_blob with each blob that no row points to any more: the caller
 * unlinks it. Pins and negatives stay: they are small. *ret_bytes: what is left.
 */
bool cache_evict(struct cache_store *s, int64_t max_bytes,
                 void (*on_blob)(void *ctx, const char *blob_path), void *ctx, int64_t *ret_bytes,
                 struct err *err) MUST_CHECK;

/* Pins (by model or canonical name), files and negatives about model; on_blob as above. */
bool cache_delete_model(struct cache_store *s, const char *model,
                        void (*on_blob)(void *ctx, const char *blob_path), void *ctx,
                        int64_t *ret_rows, struct err *err) MUST_CHECK;
/* Everything; blobs are not named one by one. */
bool cache_clear(struct cache_store *s, int64_t *ret_rows, struct err *err) MUST_CHECK;
/* Negatives that have expired. */
bool cache_expire(struct cache_store *s, int64_t now_s, struct err *err) MUST_CHECK;
