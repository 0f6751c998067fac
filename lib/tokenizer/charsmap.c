#include "tokenizer/charsmap.h"

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool charsmap_open(struct charsmap *m, const char *data, size_t size, struct err *err)
{
    size_t trie;

    if (size < 4)
        return err_set(err, ERR_FILE_CORRUPT, "precompiled_charsmap: %zu bytes are too few", size);
    trie = u32_at((const uint8_t *)data);
    if (trie % 4 || trie > size - 4)
        return err_set(err, ERR_FILE_CORRUPT,
                       "precompiled_charsmap: a trie of %zu bytes in %zu bytes", trie, size);
    *m = (struct charsmap){(const uint8_t *)data + 4, trie / 4, data + 4 + trie, size - 4 - trie};
    return true;
}

static uint32_t unit_at(const struct charsmap *m, size_t i)
{
    return i < m->n_units ? u32_at(m->units + 4 * i) : 0;
}

static size_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & 1u << 9) >> 6); }

/* The shortest or the longest prefix of key; 0: none. */
static size_t find(const struct charsmap *m, const char *key, size_t size, bool longest,
                   struct slice *ret)
{
    size_t at = offset_of(unit_at(m, 0)), found = 0, begin = 0, end;

    for (size_t i = 0; i < size && key[i] && (longest || !found); i++) {
        uint32_t unit;

        at ^= (uint8_t)key[i];
        unit = unit_at(m, at);
        if ((unit & (1u << 31 | 0xff)) != (uint8_t)key[i])
            break;
        at ^= offset_of(unit);
        if (!(unit >> 8 & 1))
            continue;
        begin = unit_at(m, at) & ~(1u << 31);
        found = i + 1;
    }
    if (!found || begin > m->strings_size)
        return 0;
    for (end = begin; end < m->strings_size && m->strings[end];)
        end++;
    *ret = (struct slice){m->strings + begin, end - begin};
    return found;
}

bool charsmap_find(const struct charsmap *m, const char *key, size_t size, struct slice *ret)
{
    return find(m, key, size, false, ret) > 0;
}

size_t charsmap_longest(const struct charsmap *m, const char *key, size_t size, struct slice *ret)
{
    return find(m, key, size, true, ret);
}
