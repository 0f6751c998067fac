#include "tokenizer/image.h"

#include "image_build.h"

#include <assert.h>
#include <inttypes.h>

enum { FORMAT = 1, ALIGN = 64 };

static const char magic[8] = "\x7fTOKIMG";

struct header {
    char magic[8];
    uint32_t format, n_sections;
    uint64_t build, size, checksum;
    struct image_key key;
    struct {
        uint64_t at, size;
    } sections[N_IMAGE_SECTIONS];
};

/* 64 × 64 → 128 bits, folded: every bit of the result depends on every bit of both. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/*
 * Four lanes of folded products over blocks of 64 bytes. It tells damage from
 * none; who wants to forge an image may.
 */
static uint64_t checksum(const uint8_t *data, size_t size, uint64_t seed)
{
    static const uint64_t k[4] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
                                  0xd6e8feb86659fd93};
    uint64_t lane[4] = {seed ^ k[0], seed ^ k[1], seed ^ k[2], seed ^ k[3]};
    uint8_t last[64] = {0};
    size_t i = 0;

    for (; size - i >= 64; i += 64)
        for (int j = 0; j < 4; j++)
            lane[j] =
                fold(load64(data + i + 16 * j) ^ lane[j], load64(data + i + 16 * j + 8) ^ k[j]) +
                (lane[j] << 29 | lane[j] >> 35);
    if (i < size)
        memcpy(last, data + i, size - i);
    for (int j = 0; j < 4; j++)
        lane[j] = fold(load64(last + 16 * j) ^ lane[j], load64(last + 16 * j + 8) ^ k[j]) ^ lane[j];
    return fold(fold(lane[0] ^ k[1], lane[1] ^ size) ^ lane[2], fold(lane[3] ^ k[2], k[3])) ^
           lane[3];
}

/* Of header (its checksum left out) and all that follows. */
static uint64_t image_checksum(const struct header *h, const uint8_t *data, size_t size)
{
    struct header bare = *h;

    bare.checksum = 0;
    return checksum(data + sizeof(bare), size - sizeof(bare),
                    checksum((const uint8_t *)&bare, sizeof(bare), IMAGE_BUILD));
}

void image_writer_release(struct image_writer *w)
{
    for (int i = 0; i < N_IMAGE_SECTIONS; i++)
        buf_release(&w->sections[i]);
}

static void pad_to(struct buf *out, size_t size)
{
    static const char zeros[ALIGN];

    while (out->size < size)
        buf_append(out, zeros, size - out->size < ALIGN ? size - out->size : ALIGN);
}

static size_t aligned(size_t size) { return (size + ALIGN - 1) / ALIGN * ALIGN; }

void image_finish(const struct image_writer *w, const struct image_key *key, struct buf *out)
{
    struct header h = {.format = FORMAT, .n_sections = N_IMAGE_SECTIONS, .build = IMAGE_BUILD};
    size_t begin = out->size, at = aligned(sizeof(h));

    memcpy(h.magic, magic, sizeof(magic));
    h.key = *key;
    for (int i = 0; i < N_IMAGE_SECTIONS; i++) {
        h.sections[i].at = at;
        h.sections[i].size = w->sections[i].size;
        at = aligned(at + w->sections[i].size);
    }
    h.size = at;
    if (begin == 0)
        buf_reserve_large(out, at);
    buf_reserve(out, at);
    buf_append(out, &h, sizeof(h));
    for (int i = 0; i < N_IMAGE_SECTIONS; i++) {
        pad_to(out, begin + h.sections[i].at);
        buf_append(out, w->sections[i].data, w->sections[i].size);
    }
    pad_to(out, begin + at);
    h.checksum = image_checksum(&h, (const uint8_t *)out->data + begin, at);
    memcpy(out->data + begin, &h, sizeof(h));
}

static bool sections_fit(const struct header *h)
{
    size_t end = aligned(sizeof(*h));

    for (int i = 0; i < N_IMAGE_SECTIONS; i++) {
        if (h->sections[i].at != end || h->sections[i].size > h->size - end)
            return false;
        end = aligned(end + h->sections[i].size);
    }
    return end == h->size;
}

bool image_check(struct image image, const struct image_key *key, bool verify, struct err *err)
{
    struct header h;

    if (image.size < sizeof(h))
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: %zu bytes, shorter than its header",
                       image.size);
    memcpy(&h, image.data, sizeof(h));
    if (memcmp(h.magic, magic, sizeof(magic)) != 0)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: does not begin as one");
    if (h.format != FORMAT || h.n_sections != N_IMAGE_SECTIONS)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: format %" PRIu32 ", not %d",
                       h.format, FORMAT);
    if (h.build != IMAGE_BUILD)
        return err_set(err, ERR_FILE_CORRUPT,
                       "tokenizer image: made by another build (%016" PRIx64 ", this is %016" PRIx64
                       ")",
                       h.build, (uint64_t)IMAGE_BUILD);
    if (h.size != image.size)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: %zu bytes of %" PRIu64, image.size,
                       h.size);
    if (key && memcmp(&h.key, key, sizeof(*key)) != 0)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: made of other files");
    if (!sections_fit(&h))
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: its table of sections is damaged");
    if (verify && image_checksum(&h, image.data, image.size) != h.checksum)
        return err_set(err, ERR_FILE_CORRUPT, "tokenizer image: its checksum does not match");
    return true;
}

const void *image_section(struct image image, enum image_section section, size_t *ret_size)
{
    const struct header *h = (const struct header *)(const void *)image.data;

    assert((uintptr_t)image.data % _Alignof(struct header) == 0);
    *ret_size = h->sections[section].size;
    return image.data + h->sections[section].at;
}

void image_identity(struct image image, struct image_identity *ret)
{
    struct header h;

    memcpy(&h, image.data, sizeof(h));
    ret->key = h.key;
    ret->checksum = h.checksum;
}
