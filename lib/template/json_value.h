#pragma once
/*
 * JSON values: JSON text to what a template computes with, in one pass.
 *
 * As Python's json.loads() reads it: 1 is no 1.0, the last of equal keys counts,
 * members keep their order. Strict like lib/json/reader.h, which says what is
 * wrong when something is. Strings without escapes are borrowed from the text;
 * keys that the template names are the template's own strings.
 */
#include "template/render.h"

/*
 * what names the text in errors. Errors: FIELD (no JSON, or nested deeper than
 * JSON_NEST_MAX), TEMPLATE_MEMORY. Recursion is bounded by JSON_NEST_MAX.
 */
enum { JSON_NEST_MAX = 100 };
bool json_value(struct render *r, struct slice text, const char *what, struct value *ret);
