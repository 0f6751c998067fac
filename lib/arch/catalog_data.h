#pragma once
/* What scripts/embed_catalog.py makes of lib/arch/catalog/. */
#include <stddef.h>

extern const char *const catalog_records[]; /* JSON, one document each, in order */
extern const size_t n_catalog_records;
