#pragma once
/*
 * Tree: the JSON of a body as jansson's values, made by our own reader.
 *
 * jansson reads a character at a time and took half of what reading a
 * registration costs. What the reader here refuses is jansson's to judge, so that
 * there is one opinion of what is JSON, and its line and column in errors.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The object or list in text, or NULL: not for this reader. Equal keys are refused. */
json_t *tree_read(const char *text, size_t size, unsigned max_depth);
