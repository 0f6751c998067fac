#include "tokenizer/load_base64.h"

/* The value of a digit; 64 and more: none. */
static unsigned digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26u;
    if (c >= '0' && c <= '9')
        return c - '0' + 52u;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool base64_decode(const char *text, size_t size, struct buf *ret)
{
    size_t before = ret->size, pad = 0;

    if (size % 4)
        return false;
    if (size && text[size - 1] == '=')
        pad = text[size - 2] == '=' ? 2 : 1;
    buf_reserve(ret, size / 4 * 3 + 1);
    for (size_t i = 0; i < size; i += 4) {
        size_t n = i + 4 == size ? 4 - pad : 4; /* digits */
        unsigned v = 0, bad = 0;
        char bytes[3];

        for (size_t k = 0; k < 4; k++) {
            unsigned d = k < n ? digit((unsigned char)text[i + k]) : 0;
            bad |= d & 64;
            v = v << 6 | (d & 63);
        }
        if (bad || (n == 3 && (v & 0xff)) || (n == 2 && (v & 0xffff))) {
            ret->size = before;
            return false;
        }
        bytes[0] = (char)(v >> 16);
        bytes[1] = (char)(v >> 8);
        bytes[2] = (char)v;
        buf_append(ret, bytes, n - 1);
    }
    return true;
}
