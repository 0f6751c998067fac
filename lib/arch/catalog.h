#pragma once
/*
 * Catalog: architectures that come with the daemon and from the operator's
 * files, and the classes behind GGUF's architecture names.
 *
 * The built-in records are lib/arch/catalog/ *.json, embedded as text. The
 * operator's are in folders, given from the least to the most important
 * (vendor, /etc, run time):
 *
 *   - files end in .json and are read in the order of their names, whatever
 *     their folder;
 *   - a file hides those of the same name in the folders before;
 *   - a symbolic link to /dev/null, or an empty file, hides and adds nothing;
 *   - a file is one document, or {"architectures": [...]}.
 *
 * What is wrong with a file is reported and the rest is loaded: a typing error
 * must not take the service down.
 */
#include "arch/arch.h"

/* Records, each reference owned. */
struct archs {
    struct arch **items;
    size_t n;
};
void archs_add(struct archs *list, struct arch *a); /* takes over */
void archs_release(struct archs *list);
#define AUTO_ARCHS CLEANUP(archs_release)
/* 32 hex of a SHA-256 over identities and digests of several lists, in order. */
void archs_digest(const struct archs *const *lists, size_t n, char ret[33]);

/* The built-in catalog, in order: JSON texts embedded at build time. */
size_t catalog_builtin(const char *const **ret_texts);
/* The records of it. Cost: a few ms. */
void catalog_load_builtin(int64_t revision, int64_t created_at, struct archs *ret);

struct catalog_fault {
    char *file;
    int line;      /* 0: of no line */
    char *pointer; /* "" : of the whole file */
    char *text;
};
struct catalog_faults {
    struct catalog_fault *items;
    size_t n;
};
void catalog_faults_release(struct catalog_faults *faults);

/*
 * Reads the folders and appends to both lists. A folder that does not exist is
 * empty. Of two records of one identity the later counts, and that is reported
 * too. Blocks; at most CATALOG_FILE_BYTES of a file are read.
 */
enum { CATALOG_FILE_BYTES = 4 << 20, CATALOG_FILES = 4096 };
void catalog_load_folders(const char *const *folders, size_t n, int64_t revision,
                          int64_t created_at, struct archs *ret, struct catalog_faults *faults);
/* One file's text, which came from path. */
void catalog_load_text(const char *path, const char *text, size_t size, int64_t revision,
                       int64_t created_at, struct archs *ret, struct catalog_faults *faults);
