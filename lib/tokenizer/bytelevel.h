#pragma once
/*
 * ByteLevel: the 256 characters that stand for bytes in the names of tokens.
 * Printable Latin-1 stands for itself, the other 68 bytes for U+0100 and on.
 */
#include "base/base.h"

static inline uint32_t bytelevel_char(uint8_t byte)
{
    if (byte <= 0x20)
        return 0x100 + (uint32_t)byte;
    if (byte >= 0x7f && byte <= 0xa0)
        return 0x121 + (uint32_t)byte - 0x7f;
    return byte == 0xad ? 0x143 : byte;
}

/* -1: no such character. */
static inline int bytelevel_byte(uint32_t cp)
{
    if (cp < 0x100)
        return bytelevel_char((uint8_t)cp) == cp ? (int)cp : -1;
    if (cp <= 0x120)
        return (int)cp - 0x100;
    if (cp <= 0x142)
        return (int)cp - 0x121 + 0x7f;
    return cp == 0x143 ? 0xad : -1;
}
