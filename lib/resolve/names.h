#pragma once
/* Names of the sets in requests, NULL-terminated; an enum's value is index + 1. */
#include "bind/bind.h"

extern const char *const request_roles[],
    *const request_connectors[], *const request_kv_formats[], *const request_hashes[],
                                                                  *const request_methods[],
                                                                      *const request_rejections[],
                                                                          *const request_formulas[];

/* Tables of parts, for overrides. */
extern const struct field_table draft_model_table, kv_cache_table;

/* The name of value v of a set; NULL for 0. */
static inline const char *name_of(const char *const *names, int v)
{
    return v > 0 ? names[v - 1] : NULL;
}
