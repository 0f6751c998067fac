#pragma once
/*
 * Disk cache: the folder that transformers, vLLM, llama.cpp and huggingface_hub
 * share. What they downloaded we need not; what we download they find.
 *
 *     models--org--name/blobs/<etag>                 content, named by its hash
 *                       snapshots/<commit>/<path>    relative link to a blob
 *                       refs/<revision>              a commit
 *                       .no_exist/<commit>/<path>    known to be absent
 *                       trees/<commit>.json          the list of files
 *     .locks/models--org--name/<etag>.lock           flock while writing
 *
 * Everything written appears complete or not at all: temporary file, fsync,
 * check of the hash, rename. Several processes may write at once: the names are
 * content, so the last rename changes nothing. A blob is removed only after no
 * snapshot links to it. Paths from outside pass repo_path_valid() first. Of
 * .no_exist and trees we are readers only: what we know of absent files is in
 * cache.db.
 *
 * Blocking; for a worker thread. Immutable after open: any number of threads.
 */
#include "hub/inspect.h"

struct diskcache;

/*
 * root need not exist yet: reading then finds nothing, and the first write
 * makes it. ERR_IO when it exists and is no readable directory.
 */
bool diskcache_open(struct diskcache **ret, const char *root, struct err *err) MUST_CHECK;
void diskcache_close(struct diskcache *d);
DEFINE_CLEANUP(struct diskcache *, diskcache_close)

enum disk_answer { DISK_MISS, DISK_HIT, DISK_ABSENT };

/* The commit of a revision, or of a revision that is one already. */
bool diskcache_ref(const struct diskcache *d, const char *repo, const char *revision, char ret[41]);
/*
 * Opens a file of a snapshot. HIT: the caller closes *ret_fd. ABSENT: somebody
 * asked the Hub and it has no such file at that commit.
 */
enum disk_answer diskcache_find(const struct diskcache *d, const char *repo, const char *commit,
                                const char *path, int *ret_fd, int64_t *ret_size);
/*
 * Appends size bytes from offset (size -1: all) to ret. A file read whole whose
 * blob is named by a hash is checked: a damaged one is a MISS. ERR_FILE_TOO_LARGE
 * beyond max_bytes; ERR_IO.
 */
bool diskcache_read(const struct diskcache *d, const char *repo, const char *commit,
                    const char *path, int64_t offset, int64_t size, int64_t max_bytes,
                    struct buf *ret, enum disk_answer *ret_answer, struct err *err) MUST_CHECK;
/*
 * The file list of a commit: trees/<commit>.json when somebody wrote it, else
 * what lies in the snapshot (then *ret_complete is false: there may be more).
 * False: neither is there.
 */
bool diskcache_pin(const struct diskcache *d, const char *repo, const char *commit, struct pin *ret,
                   bool *ret_complete);

/* Repositories of which something is here, as ids, sorted; the caller frees each and the array. */
char **diskcache_repos(const struct diskcache *d, size_t *ret_n);

/* ---- writing; each ERR_IO or ERR_STORE_FULL */

/*
 * Puts data, which must be what oid names, into the snapshot. *ret_is_new: the
 * blob was not there before (or was damaged), so it is ours. A whole one that
 * somebody else wrote is linked to and stays his.
 */
bool diskcache_put(struct diskcache *d, const char *repo, const char *commit, const char *path,
                   const char *oid, const void *data, size_t size, bool *ret_is_new,
                   struct err *err) MUST_CHECK;
/*
 * Names the snapshot, where the revision has no ref yet: moving one would take
 * the snapshot it names from who works offline with it.
 */
bool diskcache_put_ref(struct diskcache *d, const char *repo, const char *revision,
                       const char *commit, struct err *err) MUST_CHECK;
/* models--org--name/blobs/<oid>; the caller frees. */
char *diskcache_blob_path(const char *repo, const char *oid);

/*
 * Forgets one file of one snapshot, and its blob when no snapshot of the
 * repository links to it any more. With the last file the snapshot goes, and
 * the refs that name it. Other folders stay though empty: somebody may be about
 * to write into them. *ret_freed: bytes given back.
 */
bool diskcache_remove(struct diskcache *d, const char *repo, const char *commit, const char *path,
                      int64_t *ret_freed, struct err *err) MUST_CHECK;
