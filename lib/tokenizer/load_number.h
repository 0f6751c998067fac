#pragma once
/*
 * Scores as the library reads them: serde_json's quick conversion rounds twice,
 * so it is at times one unit in the last place off the nearest double. Where
 * two ways of cutting a text have nearly equal scores, that decides.
 */
#include "base/base.h"

/* A number in JSON's spelling. False: too large for a double. */
bool number_as_serde(const char *text, size_t size, double *ret) MUST_CHECK;
