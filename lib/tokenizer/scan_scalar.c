#include "tokenizer/scan_family.h"

#define X(name)                                                                            \
    static size_t name##_ends(const uint8_t *text, size_t size, size_t at, uint32_t *ends, \
                              size_t max)                                                  \
    {                                                                                      \
        size_t n = 0;                                                                      \
                                                                                           \
        while (at < size && n < max) {                                                     \
            at = scan_next(&name##_rules, text, size, at);                                 \
            ends[n++] = (uint32_t)at;                                                      \
        }                                                                                  \
        return n;                                                                          \
    }
SCAN_FAMILIES(X)
#undef X

const struct scan_kernel scan_scalar = {
    "scalar",
    {
#define X(name) name##_ends,
        SCAN_FAMILIES(X)
#undef X
    },
};
