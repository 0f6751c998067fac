#pragma once
/*
 * Nearest: the known names most like an unknown one, for errors that say what
 * would have worked.
 */
#include "base/base.h"

enum { NEAREST_MAX = 5 };

/*
 * Fills ret with at most NEAREST_MAX of names, the nearest first, and returns
 * their number. Case does not count; a name more than half rewritten is not
 * near; a name that contains the wanted text (3 letters or more) is.
 * Cost: n_names * strlen(wanted) * strlen(name), both cut at 96 bytes.
 */
size_t nearest(const char *wanted, const char *const *names, size_t n_names,
               const char *ret[NEAREST_MAX]);
