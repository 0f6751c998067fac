#pragma once
/*
 * Local models: a directory or one GGUF file below an allowed root.
 *
 * The roots are opened once; afterwards every path is opened relative to its
 * root and may not leave it, by no symlink and no "..": the kernel checks
 * (openat2 RESOLVE_BENEATH), or where it cannot, the opened file's own path is
 * compared before anything is read.
 *
 * Blocking; for a worker thread. Immutable after open.
 */
#include "hub/inspect.h"

enum { LOCAL_FILES_MAX = 20000, LOCAL_DEPTH_MAX = 12 };

struct localroots;

/* ERR_IO when a root cannot be opened. No roots at all is allowed: then no path is. */
bool localroots_open(struct localroots **ret, const char *const *paths, size_t n_paths,
                     struct err *err) MUST_CHECK;
void localroots_close(struct localroots *r);
DEFINE_CLEANUP(struct localroots *, localroots_close)

/*
 * Commit and files of the model at path (absolute). The commit is a digest of
 * every file's path, size, modification time and inode. Folders whose name
 * begins with a dot are left out.
 *
 * Errors: ERR_PATH_NOT_ALLOWED and ERR_PATH_NOT_FOUND (facts "path", "roots"),
 * ERR_TOO_LARGE (more than LOCAL_FILES_MAX files), ERR_IO.
 */
bool local_pin(const struct localroots *r, const char *path, struct pin *ret,
               struct err *err) MUST_CHECK;

/*
 * Appends size bytes from offset (size -1: all) of a file of the model; file is
 * a path from the pin. Fewer at the end of the file. ERR_FILE_TOO_LARGE beyond
 * max_bytes (all only), ERR_FILE_NOT_FOUND.
 */
bool local_read(const struct localroots *r, const char *path, const char *file, int64_t offset,
                int64_t size, int64_t max_bytes, struct buf *ret, struct err *err) MUST_CHECK;
