#pragma once
/*
 * Vocabulary: ids to bytes and bytes to ids, as sections of an image.
 *
 * VOCAB is a head, an offset per id, and one run of bytes in the order of ids,
 * so a token costs its bytes and four. Decoding copies the same bytes: the two topmost bits of
 * an offset say what it has to change. VOCAB_INDEX is a table of four bytes a
 * slot: a place (the id, or a name that shares an id with another) and eleven
 * bits of the hash.
 *
 * In a bytes model the bytes of a token are what its name stands for in
 * ByteLevel's alphabet. Names outside of it stay names, and are not found
 * among bytes.
 */
#include "tokenizer/image.h"
#include "tokenizer/pieces.h"
#include "tokenizer/spec.h"

enum {
    VOCAB_PLACES_MAX = (1 << 21) - 1,
    VOCAB_TAIL = 64, /* bytes that may be read behind the last token */
};

struct vocab_head {
    uint32_t n_entries, id_end;
    uint32_t n_places; /* ids, then further names of the same ids */
    uint32_t n_slots;
    uint32_t longest; /* bytes of the longest token */
    uint32_t is_bytes;
};

/* A view of the image. */
struct vocab {
    struct vocab_head head;
    const uint32_t *offsets;   /* of places, one more than there are; see vocab_flags */
    const uint32_t *alias_ids; /* of places from id_end on */
    const char *bytes;
    const uint32_t *slots;
};

enum vocab_flags {
    VOCAB_TEXT_SHIFT = 30,    /* above: what decoding makes of the bytes (decode_table.h) */
    VOCAB_MISSING = 1u << 29, /* no token has this id */
    VOCAB_IS_NAME = 1u << 28,
    VOCAB_OFFSET = VOCAB_IS_NAME - 1,
};

/*
 * Errors: COMBINATION (too many or too long tokens). Cost: some 80 ns per entry.
 * ret is a view of what was written to w; it holds until w changes.
 */
bool vocab_compile(const struct tokenizer_spec *spec, struct image_writer *w, struct vocab *ret,
                   struct err *err) MUST_CHECK;
void vocab_open(struct image image, struct vocab *ret);
void vocab_of_writer(const struct image_writer *w, struct vocab *ret);
/* To set the two topmost bits. */
uint32_t *vocab_offsets_of_writer(struct image_writer *w);

/* What a token is in this vocabulary: the bytes, appended. Returns true when they are a name. */
bool vocab_spell(bool is_bytes, const char *name, size_t size, struct buf *out);

/* NO_ID: none. */
uint32_t vocab_find(const struct vocab *v, const char *bytes, size_t size, bool is_name);
uint32_t vocab_find_name(const struct vocab *v, const char *name, size_t size);

/* In two steps, so that many may be on their way to the cache at once. */
static inline uint64_t vocab_hash(uint64_t key_hash, bool is_name)
{
    return is_name ? ~key_hash : key_hash;
}
static inline void vocab_prefetch(const struct vocab *v, uint64_t hash)
{
    __builtin_prefetch(v->slots + ((hash >> 32) * v->head.n_slots >> 32));
}
/* 16 bytes from bytes on may be read. */
uint32_t vocab_find_padded(const struct vocab *v, uint64_t hash, const char *bytes, size_t size,
                           bool is_name);

static inline bool vocab_has(const struct vocab *v, uint32_t id)
{
    return id < v->head.id_end && !(v->offsets[id] & VOCAB_MISSING);
}
static inline const char *vocab_bytes(const struct vocab *v, uint32_t place, uint32_t *ret_size)
{
    uint32_t at = v->offsets[place] & VOCAB_OFFSET;

    *ret_size = (v->offsets[place + 1] & VOCAB_OFFSET) - at;
    return v->bytes + at;
}
static inline bool vocab_is_name(const struct vocab *v, uint32_t place)
{
    return v->offsets[place] & VOCAB_IS_NAME;
}
/* The name as the file spells it, appended; the id must be there. */
void vocab_name(const struct vocab *v, uint32_t id, struct buf *out);
/* There are names that share an id. */
static inline bool vocab_has_aliases(const struct vocab *v)
{
    return v->head.n_places > v->head.id_end;
}
