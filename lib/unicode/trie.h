#pragma once
/* Two-level tables by code point, as scripts/gen_unicode.py writes them. */

/* The value of cp in the table NAME (with the prefix of its limits, SHIFT and END). */
#define UNICODE_TRIE(name, LIMITS, cp)                                                        \
    ((cp) >= LIMITS##_END                                                                     \
         ? 0                                                                                  \
         : name##_blocks[((unsigned)name##_index[(cp) >> LIMITS##_SHIFT] << LIMITS##_SHIFT) | \
                         ((cp) & ((1u << LIMITS##_SHIFT) - 1))])
