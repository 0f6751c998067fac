#pragma once
/*
 * Query: the keys behind '?' into a struct, by the rows of a field table.
 *
 * Kinds: STR (the text), BOOL ("true", "1" and no value are YES; "false" and
 * "0" NO; case does not count), INT, REAL, ENUM, STRV (the key repeated). An
 * empty value leaves anything but STR and BOOL unset.
 */
#include "api/url.h"
#include "bind/bind.h"

/*
 * Fills *ret, zeroed by the caller, who frees it with bind_release(); also after
 * a failure. table may be NULL: no key is known. open: unknown keys are passed over.
 * also: a key beside the table that is passed over, or NULL. Errors: ERR_UNKNOWN_FIELD,
 * ERR_FIELD, each with the fact "errors", pointers "?key".
 */
bool query_bind(const struct field_table *table, const struct url_param *params, size_t n,
                bool open, const char *also, void *ret, struct err *err) MUST_CHECK;

/* The last value of a key, or NULL. */
const char *query_find(const struct url_param *params, size_t n, const char *key);
