#pragma once
/* Scalars: stepping through UTF-8 that is known to be valid. */
#include "base/base.h"

/* The scalar at *at; *at is then behind it. */
static inline uint32_t scalar_next(const char *s, size_t *at)
{
    const uint8_t *p = (const uint8_t *)s + *at;

    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *at += 2;
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    }
    if (p[0] < 0xf0) {
        *at += 3;
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    }
    *at += 4;
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

/* Bytes of the scalar that begins with this byte. */
static inline uint32_t scalar_size(char first)
{
    uint8_t b = (uint8_t)first;

    return b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}
