#pragma once
/*
 * Keyhash: a hash of short byte strings for the tables of images and caches.
 *
 * Up to 15 bytes are loaded as two words, with the size in the topmost byte: that
 * is the key itself, and comparing keys is comparing two words. Not keyed: tables
 * that are filled by strangers must be bounded in how long they are probed.
 */
#include "base/base.h"

enum { SHORT_KEY_MAX = 15 };

struct short_key {
    uint64_t low, high;
};

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load_u64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* size at most 15; reads 16 bytes. */
static inline struct short_key short_key_padded(const char *p, size_t size)
{
    uint64_t low = load_u64(p), high = load_u64(p + 8);

    if (size < 8) {
        low &= (UINT64_C(1) << 8 * size) - 1;
        high = 0;
    } else {
        high &= (UINT64_C(1) << 8 * (size - 8)) - 1;
    }
    return (struct short_key){low, high | (uint64_t)size << 56};
}

/* The same, reads size bytes only. */
static inline struct short_key short_key(const char *p, size_t size)
{
    char padded[16] = {0};

    if (size)
        memcpy(padded, p, size);
    return short_key_padded(padded, size);
}

static inline uint64_t short_key_hash(struct short_key k)
{
    return hash_fold(k.low ^ UINT64_C(0x9e3779b97f4a7c15), k.high ^ UINT64_C(0xc2b2ae3d27d4eb4f));
}

static inline uint64_t long_key_hash(const char *p, size_t size)
{
    uint64_t h = size;

    for (size_t i = 0; i < size - 16; i += 16)
        h = hash_fold(load_u64(p + i) ^ h, load_u64(p + i + 8) ^ UINT64_C(0x9e3779b97f4a7c15));
    return hash_fold(load_u64(p + size - 16) ^ h,
                     load_u64(p + size - 8) ^ UINT64_C(0xd6e8feb86659fd93));
}

/* Equal for equal bytes, whichever of the two is called. */
static inline uint64_t key_hash(const char *p, size_t size)
{
    return size <= SHORT_KEY_MAX ? short_key_hash(short_key(p, size)) : long_key_hash(p, size);
}
/* May read 16 bytes from p. */
static inline uint64_t key_hash_padded(const char *p, size_t size)
{
    return size <= SHORT_KEY_MAX ? short_key_hash(short_key_padded(p, size))
                                 : long_key_hash(p, size);
}
