#include "unicode/properties.h"
#include "unicode/properties_data.h"

enum unicode_category unicode_category(uint32_t cp)
{
    if (cp >= CATEGORY_END)
        return CATEGORY_CN;
    size_t block = (size_t)category_index[cp >> CATEGORY_SHIFT] << CATEGORY_SHIFT;
    return category_blocks[block | (cp & ((1u << CATEGORY_SHIFT) - 1))];
}

void unicode_ranges_release(struct unicode_ranges *r)
{
    free(r->items);
    *r = (struct unicode_ranges){0};
}

enum { NAME_MAX_SIZE = 64 };

/* Lower case without spaces, "_" and "-"; false: longer than any name. */
static bool loose_name(const char *name, size_t size, char ret[NAME_MAX_SIZE])
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (c == ' ' || c == '_' || c == '-')
            continue;
        if (n == NAME_MAX_SIZE - 1 || !c)
            return false;
        ret[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    ret[n] = '\0';
    return true;
}

static int by_name(const void *key, const void *item)
{
    return strcmp(key, ((const struct property *)item)->name);
}

static uint32_t varint(const uint8_t **p)
{
    uint32_t n = 0;
    unsigned shift = 0;

    do {
        n |= (uint32_t)(**p & 0x7f) << shift;
        shift += 7;
    } while (*(*p)++ & 0x80);
    return n;
}

bool unicode_property(const char *name, size_t size, struct unicode_ranges *ret)
{
    char loose[NAME_MAX_SIZE];
    if (!loose_name(name, size, loose))
        return false;
    const struct property *found =
        bsearch(loose, properties, ARRAY_SIZE(properties), sizeof(*properties), by_name);
    if (!found)
        return false;

    /* Number of ranges, then of each its distance from the last end and its length. */
    const uint8_t *p = property_ranges + found->at;
    size_t n = varint(&p);
    uint32_t end = 0;
    if (n > ret->capacity) {
        ret->items = mem_resize(ret->items, n * sizeof(*ret->items));
        ret->capacity = n;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t first = end + varint(&p);
        end = first + varint(&p);
        ret->items[i] = (struct unicode_range){first, end - 1};
    }
    ret->n = n;
    return true;
}

const struct unicode_folding *unicode_foldings(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(foldings);
    return foldings;
}
