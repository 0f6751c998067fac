#include "base/hash.h"

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

void hash_hex(const uint8_t *digest, size_t size, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        ret[2 * i] = digits[digest[i] >> 4];
        ret[2 * i + 1] = digits[digest[i] & 15];
    }
    ret[2 * size] = '\0';
}

void hash_sha256_hex(const void *data, size_t size, char ret[SHA256_HEX])
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    sha256_digest(&ctx, sizeof(digest), digest);
    hash_hex(digest, sizeof(digest), ret);
}

void hash_git_blob_hex(const void *data, size_t size, char ret[SHA1_HEX])
{
    struct sha1_ctx ctx;
    uint8_t digest[SHA1_DIGEST_SIZE];
    char head[32];
    int n = snprintf(head, sizeof(head), "blob %zu", size);

    sha1_init(&ctx);
    sha1_update(&ctx, (size_t)n + 1, (const uint8_t *)head);
    sha1_update(&ctx, size, data);
    sha1_digest(&ctx, sizeof(digest), digest);
    hash_hex(digest, sizeof(digest), ret);
}

/* The key is chosen once and never changes: readers after the once need no lock. */
static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void sip_choose_key(void)
{
    if (getrandom(sip_key, sizeof(sip_key), 0) != (ssize_t)sizeof(sip_key))
        abort();
}

static inline uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
    v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

/* SipHash by Aumasson and Bernstein, one compression and three final rounds. */
uint64_t hash_table_key(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t v[4], word, tail = (uint64_t)size << 56;

    pthread_once(&sip_once, sip_choose_key);
    v[0] = sip_key[0] ^ 0x736f6d6570736575u;
    v[1] = sip_key[1] ^ 0x646f72616e646f6du;
    v[2] = sip_key[0] ^ 0x6c7967656e657261u;
    v[3] = sip_key[1] ^ 0x7465646279746573u;
    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = 0; i < size; i++)
        tail |= (uint64_t)p[i] << (8 * i);
    v[3] ^= tail;
    sip_round(v);
    v[0] ^= tail;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
