#pragma once
/* UTF-8, as RFC 3629 has it: no surrogates, nothing overlong, at most U+10FFFF. */
#include "base/base.h"

/* True when all of data is UTF-8; else *ret_bad (when not NULL) is the offset of the first fault.
 */
bool utf8_valid(const void *data, size_t size, size_t *ret_bad);
/* Writes the 1 to 4 bytes of code point cp (a valid one) to ret and returns their number. */
size_t utf8_encode(uint32_t cp, char ret[4]);
