#pragma once
/* Base64 with its padding, strictly: no blanks, no bits left over. */
#include "base/buf.h"

/* Appends; false: text is not base64, and ret is as it was. */
bool base64_decode(const char *text, size_t size, struct buf *ret) MUST_CHECK;
