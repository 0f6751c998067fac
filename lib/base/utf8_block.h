#pragma once
/* UTF-8 in blocks, for processors that look up 32 bytes at once. */
#include "base/base.h"

/* This processor can. */
bool utf8_blocks_usable(void);
/*
 * How many bytes at the begin of data are sure to be UTF-8, each character of them whole: where
 * it stops is a fault, or too near the end to look at it in a block. Only when usable.
 */
size_t utf8_blocks_valid(const uint8_t *data, size_t size);
