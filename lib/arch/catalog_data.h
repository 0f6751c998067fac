#pragma once
/* What scripts/embed_catalog.py makes of lib/arch/catalog/. */
#include <stddef.h>

extern const char *const catalog_records[]; /* JSON, one document each, in order */
extern const size_t n_catalog_records;

struct gguf_row {
    const char *name; /* general.architecture */
    const char *const *classes;
    size_t n_classes;
};
extern const struct gguf_row gguf_rows[]; /* sorted by name */
extern const size_t n_gguf_rows;
