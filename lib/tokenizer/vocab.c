#include "tokenizer/vocab.h"

#include "base/utf8.h"
#include "tokenizer/bytelevel.h"
#include "tokenizer/keyhash.h"

#include <inttypes.h>

enum {
    EMPTY = UINT32_MAX,
    PLACE_BITS = 21,
    PLACE_MASK = (1 << PLACE_BITS) - 1,
    PROBES_MAX = 4096, /* chance needs a hundred, more is made on purpose */
};

/* At most 8 bytes of p, of which left are there; zeros behind them. */
static inline uint64_t load_some(const char *p, size_t left)
{
    uint64_t v = 0;
    uint32_t low, high;

    if (left >= 8) {
        memcpy(&v, p, 8);
    } else if (left >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + left - 4, 4);
        v = low | (uint64_t)high << 8 * (left - 4);
    } else {
        for (size_t i = 0; i < left; i++)
            v |= (uint64_t)(uint8_t)p[i] << 8 * i;
    }
    return v;
}

/* How many bytes of v at its begin stand for themselves: '!' to '~'. */
static inline size_t plain_bytes(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    /* A borrow or carry only spoils what is behind the first byte that is none. */
    uint64_t other = (v | (v - ones * '!') | (v + ones)) & ones << 7;

    return other ? (size_t)__builtin_ctzll(other) / 8 : 8;
}

bool vocab_spell(bool is_bytes, const char *name, size_t size, struct buf *out)
{
    size_t begin = out->size, i = 0;
    char *to;

    if (!is_bytes) {
        buf_append(out, name, size);
        return false;
    }
    buf_reserve(out, size + 8);
    to = out->data + begin;
    while (i < size) {
        uint64_t some = load_some(name + i, size - i);
        size_t n = plain_bytes(some);
        int byte = -1;

        memcpy(to, &some, sizeof(some));
        to += n;
        i += n;
        if (n == 8 || i == size)
            continue;
        /* The alphabet ends at U+0143. */
        if ((uint8_t)name[i] >= 0xc2 && (uint8_t)name[i] <= 0xc5 && i + 1 < size)
            byte = bytelevel_byte((name[i] & 0x1fu) << 6 | (name[i + 1] & 0x3fu));
        if (byte < 0) {
            out->size = begin;
            buf_append(out, name, size);
            return true;
        }
        *to++ = (char)byte;
        i += 2;
    }
    out->size = (size_t)(to - out->data);
    out->data[out->size] = '\0';
    return false;
}

/* ---- compiling */

struct entry {
    uint32_t at; /* in spelled */
    uint32_t size : 31, is_name : 1;
    uint32_t place; /* EMPTY: another entry has this name */
};

struct compiler {
    struct buf spelled;
    struct entry *entries;
    uint32_t *by_place; /* entry + 1; 0: none */
    uint32_t *alias_ids;
    uint32_t n_alias;
};

static void compiler_release(struct compiler *c)
{
    buf_release(&c->spelled);
    free(c->entries);
    free(c->by_place);
    free(c->alias_ids);
}

static inline uint32_t first_slot(uint64_t hash, uint32_t n_slots)
{
    return (uint32_t)((hash >> 32) * n_slots >> 32);
}

static inline uint32_t tag_of(uint64_t hash) { return (uint32_t)hash << PLACE_BITS; }

static inline bool same_bytes(const char *a, const char *b, size_t size)
{
    struct short_key x, y;

    if (size > SHORT_KEY_MAX)
        return memcmp(a, b, size) == 0;
    x = short_key_padded(a, size);
    y = short_key_padded(b, size);
    return x.low == y.low && x.high == y.high;
}

static bool same_entry(const struct compiler *c, const struct entry *a, const struct entry *b)
{
    return a->size == b->size && a->is_name == b->is_name &&
           same_bytes(c->spelled.data + a->at, c->spelled.data + b->at, a->size);
}

/* Puts entry e into the index; an earlier one of the same name gives way to it. False: too full
 * there. */
static bool index_entry(struct compiler *c, uint32_t e, uint64_t hash, uint32_t *slots,
                        uint32_t n_slots)
{
    struct entry *entry = &c->entries[e];
    uint32_t i = first_slot(hash, n_slots), n = 0;

    for (; slots[i] != EMPTY; i = i + 1 < n_slots ? i + 1 : 0) {
        uint32_t other = slots[i] & PLACE_MASK;

        if ((slots[i] & ~PLACE_MASK) == tag_of(hash) && same_entry(c, entry, &c->entries[other])) {
            c->entries[other].place = EMPTY;
            break;
        }
        if (++n > PROBES_MAX)
            return false;
    }
    slots[i] = tag_of(hash) | e;
    return true;
}

/* Tokens as bytes are at most as long as their names; and a little more is written. */
static size_t spelled_max(const struct tokenizer_spec *spec)
{
    size_t size = 32;

    for (size_t i = 0; i < spec->n_vocab; i++)
        size += spec->vocab[i].token.size;
    return size;
}

static bool spell_entries(const struct tokenizer_spec *spec, bool is_bytes, struct compiler *c,
                          struct vocab_head *head, struct err *err)
{
    for (uint32_t e = 0; e < spec->n_vocab; e++) {
        const struct vocab_entry *from = &spec->vocab[e];
        struct entry *to = &c->entries[e];

        to->at = (uint32_t)c->spelled.size;
        to->place = 0;
        to->is_name =
            vocab_spell(is_bytes, spec_str(spec, from->token), from->token.size, &c->spelled);
        to->size = (uint32_t)(c->spelled.size - to->at) & INT32_MAX;
        if (c->spelled.size >= VOCAB_OFFSET - VOCAB_TAIL)
            return err_set(err, ERR_COMBINATION, "vocabulary: tokens of more than %d bytes in all",
                           VOCAB_OFFSET);
        if (from->id >= VOCAB_MAX)
            return err_set(err, ERR_COMBINATION,
                           "vocabulary: id %" PRIu32 ", at most %d are possible", from->id,
                           VOCAB_MAX - 1);
        if (from->id >= head->id_end)
            head->id_end = from->id + 1;
        if (to->size > head->longest)
            head->longest = to->size;
    }
    buf_reserve(&c->spelled, 16); /* for key_hash_padded() */
    return true;
}

static bool index_entries(struct compiler *c, uint32_t n, uint32_t *slots, uint32_t n_slots,
                          struct err *err)
{
    enum { AHEAD = 16 };
    uint64_t ring[AHEAD];

    for (uint32_t e = 0; e < n + AHEAD; e++) {
        if (e >= AHEAD && !index_entry(c, e - AHEAD, ring[e % AHEAD], slots, n_slots))
            return err_set(err, ERR_COMBINATION, "vocabulary: tokens that are made to collide");
        if (e < n) {
            struct entry *entry = &c->entries[e];

            ring[e % AHEAD] = vocab_hash(key_hash_padded(c->spelled.data + entry->at, entry->size),
                                         entry->is_name);
            __builtin_prefetch(slots + first_slot(ring[e % AHEAD], n_slots), 1);
        }
    }
    return true;
}

/* Gives every entry its place: its id, or one behind all ids when that is taken. */
static void place_entries(const struct tokenizer_spec *spec, struct compiler *c,
                          struct vocab_head *head)
{
    for (uint32_t e = 0; e < spec->n_vocab; e++) {
        struct entry *entry = &c->entries[e];
        uint32_t id = spec->vocab[e].id;

        if (entry->place == EMPTY)
            continue;
        head->n_entries++;
        if (c->by_place[id] == 0) {
            entry->place = id;
        } else {
            entry->place = head->id_end + c->n_alias;
            c->alias_ids[c->n_alias++] = id;
        }
        c->by_place[entry->place] = e + 1;
    }
    head->n_places = head->id_end + c->n_alias;
}

static void write_vocab(const struct compiler *c, const struct vocab_head *head, struct buf *out)
{
    static const char tail[VOCAB_TAIL];
    size_t first = sizeof(*head) + sizeof(uint32_t) * ((size_t)head->n_places + 1 + c->n_alias);
    uint32_t *offsets;

    buf_reserve_large(out,
                      first + c->spelled.size + VOCAB_TAIL); /* it does not move from here on */
    buf_append(out, head, sizeof(*head));
    offsets = (uint32_t *)(void *)(out->data + out->size);
    out->size += sizeof(uint32_t) * (head->n_places + 1);
    buf_append(out, c->alias_ids, sizeof(uint32_t) * c->n_alias);
    for (uint32_t p = 0; p < head->n_places; p++) {
        offsets[p] = (uint32_t)(out->size - first);
        if (c->by_place[p] == 0) {
            offsets[p] |= VOCAB_MISSING;
            continue;
        }
        const struct entry *entry = &c->entries[c->by_place[p] - 1];
        if (entry->is_name)
            offsets[p] |= VOCAB_IS_NAME;
        buf_append(out, c->spelled.data + entry->at, entry->size);
    }
    offsets[head->n_places] = (uint32_t)(out->size - first);
    buf_append(out, tail, sizeof(tail));
}

static void vocab_view(const char *vocab, const char *index, struct vocab *ret)
{
    memcpy(&ret->head, vocab, sizeof(ret->head));
    ret->offsets = (const uint32_t *)(const void *)(vocab + sizeof(ret->head));
    ret->alias_ids = ret->offsets + ret->head.n_places + 1;
    ret->bytes = (const char *)(ret->alias_ids + (ret->head.n_places - ret->head.id_end));
    ret->slots = (const uint32_t *)(const void *)index;
}

bool vocab_compile(const struct tokenizer_spec *spec, struct image_writer *w, struct vocab *ret,
                   struct err *err)
{
    struct vocab_head head = {.is_bytes = spec_is_bytes(spec)};
    CLEANUP(compiler_release) struct compiler c = {0};
    struct buf *index = &w->sections[IMAGE_VOCAB_INDEX];
    uint32_t n = (uint32_t)spec->n_vocab, *slots;

    if (n > VOCAB_PLACES_MAX)
        return err_set(err, ERR_COMBINATION, "vocabulary: %" PRIu32 " entries, more than %d", n,
                       VOCAB_PLACES_MAX);
    head.n_slots = n + n / 3 + 8;
    c.entries = mem_alloc_large((n + 1) * sizeof(*c.entries));
    buf_reserve_large(&c.spelled, spelled_max(spec));
    if (!spell_entries(spec, head.is_bytes, &c, &head, err))
        return false;
    buf_reserve_large(index, sizeof(uint32_t) * head.n_slots);
    slots = (uint32_t *)(void *)index->data;
    memset(slots, 0xff, sizeof(uint32_t) * head.n_slots);
    index->size = sizeof(uint32_t) * head.n_slots;
    if (!index_entries(&c, n, slots, head.n_slots, err))
        return false;

    c.by_place = mem_alloc_large(((size_t)head.id_end + n + 1) * sizeof(*c.by_place));
    memset(c.by_place, 0, ((size_t)head.id_end + n + 1) * sizeof(*c.by_place));
    c.alias_ids = mem_resize(NULL, (n + 1) * sizeof(*c.alias_ids));
    place_entries(spec, &c, &head);
    if (head.n_places > VOCAB_PLACES_MAX)
        return err_set(err, ERR_COMBINATION,
                       "vocabulary: ids and names to %" PRIu32 ", more than %d", head.n_places,
                       VOCAB_PLACES_MAX);
    for (uint32_t i = 0; i < head.n_slots; i++)
        if (slots[i] != EMPTY)
            slots[i] = (slots[i] & ~PLACE_MASK) | c.entries[slots[i] & PLACE_MASK].place;
    write_vocab(&c, &head, &w->sections[IMAGE_VOCAB]);
    vocab_of_writer(w, ret);
    return true;
}

void vocab_of_writer(const struct image_writer *w, struct vocab *ret)
{
    vocab_view(w->sections[IMAGE_VOCAB].data, w->sections[IMAGE_VOCAB_INDEX].data, ret);
}

uint32_t *vocab_offsets_of_writer(struct image_writer *w)
{
    return (uint32_t *)(void *)(w->sections[IMAGE_VOCAB].data + sizeof(struct vocab_head));
}

/* ---- looking up */

void vocab_open(struct image image, struct vocab *ret)
{
    size_t size;
    const char *index = image_section(image, IMAGE_VOCAB_INDEX, &size);

    vocab_view(image_section(image, IMAGE_VOCAB, &size), index, ret);
}

uint32_t vocab_find_padded(const struct vocab *v, uint64_t hash, const char *bytes, size_t size,
                           bool is_name)
{
    uint32_t i = first_slot(hash, v->head.n_slots), slot, found_size;

    for (; (slot = v->slots[i]) != EMPTY; i = i + 1 < v->head.n_slots ? i + 1 : 0) {
        uint32_t place = slot & PLACE_MASK;

        if ((slot & ~PLACE_MASK) != tag_of(hash))
            continue;
        const char *found = vocab_bytes(v, place, &found_size);
        if (found_size == size && vocab_is_name(v, place) == is_name &&
            same_bytes(found, bytes, size))
            return place < v->head.id_end ? place : v->alias_ids[place - v->head.id_end];
    }
    return NO_ID;
}

uint32_t vocab_find(const struct vocab *v, const char *bytes, size_t size, bool is_name)
{
    char padded[SHORT_KEY_MAX + 1] = {0};

    if (size > v->head.longest)
        return NO_ID;
    if (size && size <= SHORT_KEY_MAX)
        bytes = memcpy(padded, bytes, size);
    else if (!size)
        bytes = padded;
    return vocab_find_padded(v, vocab_hash(key_hash_padded(bytes, size), is_name), bytes, size,
                             is_name);
}

uint32_t vocab_find_name(const struct vocab *v, const char *name, size_t size)
{
    AUTO_BUF struct buf spelled = {0};
    bool is_name = vocab_spell(v->head.is_bytes, name, size, &spelled);

    return vocab_find(v, spelled.data, spelled.size, is_name);
}

void vocab_name(const struct vocab *v, uint32_t id, struct buf *out)
{
    uint32_t size;
    const char *bytes = vocab_bytes(v, id, &size);

    if (!v->head.is_bytes || vocab_is_name(v, id)) {
        buf_append(out, bytes, size);
        return;
    }
    for (uint32_t i = 0; i < size; i++) {
        char utf8[4] = {0};

        buf_append(out, utf8, utf8_encode(bytelevel_char((uint8_t)bytes[i]), utf8));
    }
}
