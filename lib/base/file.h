#pragma once
/* File descriptors: closing them by themselves, reading a part of one. */
#include "base/buf.h"

void file_closep(const int *fd); /* negative: nothing */
#define AUTO_CLOSE CLEANUP(file_closep)

/*
 * Appends size bytes from offset to ret, fewer at the end of the file. False
 * with errno set when reading failed; ret is then as it was.
 */
bool file_read_range(int fd, int64_t offset, int64_t size, struct buf *ret) MUST_CHECK;
