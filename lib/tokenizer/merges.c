#include "tokenizer/merges.h"

#include "tokenizer/keyhash.h"

#include <inttypes.h>

enum {
    CHUNK = 32,
    HEAD_SIZE = 64,
    PROBES_MAX = 4096, /* chance needs some dozens, more is made on purpose */
};

static const uint64_t FREE = UINT64_MAX;

struct merges_head {
    uint32_t n, n_homes;
};

/* One of the three tokens of a merge, on its way to an id. */
struct lookup {
    const char *bytes; /* 16 may be read */
    size_t size;
    uint64_t hash;
    uint32_t id; /* NO_ID: to be found */
    bool is_name;
};

struct compiler {
    const struct tokenizer_spec *spec;
    const struct vocab *vocab;
    struct buf spelled; /* of one chunk: left and right, side by side */
    struct lookup lookups[CHUNK][3];
    uint64_t keys[CHUNK];
    uint32_t *results; /* by rank */
    uint64_t *slots;   /* in theirs */
    struct merges_head head;
    bool regular;
    bool guesses;  /* entry e of the vocabulary has id e, as a rule, and no other has its name */
    uint32_t last; /* what a merge before made */
};

static bool refuse(size_t rank, const char *token, size_t size, const char *why, struct err *err)
{
    return err_set(err, ERR_COMBINATION, "BPE: merge %zu: %s: '%.*s'", rank, why,
                   (int)(size < 64 ? size : 64), size ? token : "");
}

static bool is_joined(const char *whole, const char *left, size_t left_size, const char *right,
                      size_t right_size)
{
    return memcmp(whole, left, left_size) == 0 && memcmp(whole + left_size, right, right_size) == 0;
}

/* Of a bytes model a name has as many characters as the token has bytes. */
static size_t spelled_size(const char *name, size_t size, bool is_bytes)
{
    size_t n = size;

    for (size_t i = 0; is_bytes && i < size; i++)
        n -= ((uint8_t)name[i] & 0xc0) == 0x80;
    return n;
}

/*
 * As a rule merges come in the order of what they make: the same as the one before, or the next
 * token. Then nothing has to be spelled or looked for, and both parts are of its bytes.
 */
static bool guess_merge(struct compiler *c, size_t rank, struct lookup of[3])
{
    const struct merge *m = &c->spec->merges[rank];
    const char *left = spec_str(c->spec, m->left), *right = spec_str(c->spec, m->right);
    uint32_t size, end = c->last + 2 < c->spec->n_vocab ? c->last + 2 : (uint32_t)c->spec->n_vocab;

    if (!c->guesses || m->left.size == 0 || m->right.size == 0)
        return false;
    for (uint32_t id = c->last; id < end; id++) {
        const struct vocab_entry *e = &c->spec->vocab[id];

        if (e->id != id || e->token.size != m->left.size + m->right.size ||
            vocab_is_name(c->vocab, id) ||
            !is_joined(spec_str(c->spec, e->token), left, m->left.size, right, m->right.size))
            continue;
        const char *bytes = vocab_bytes(c->vocab, id, &size);
        size_t middle = spelled_size(left, m->left.size, c->vocab->head.is_bytes);
        of[0] = (struct lookup){.bytes = bytes, .size = middle, .id = NO_ID};
        of[1] = (struct lookup){.bytes = bytes + middle, .size = size - middle, .id = NO_ID};
        of[2] = (struct lookup){.bytes = bytes, .size = size, .id = id};
        c->last = id;
        return true;
    }
    return false;
}

/* Offsets into spelled become pointers when the chunk is complete, for it may move. */
static bool spell_merge(struct compiler *c, size_t rank, struct lookup of[3], struct err *err)
{
    const struct merge *m = &c->spec->merges[rank];
    const char *left = spec_str(c->spec, m->left), *right = spec_str(c->spec, m->right);
    size_t prefix = c->spec->model.continuing_prefix.size, begin = c->spelled.size, middle;
    bool bytes = c->vocab->head.is_bytes;

    of[0] = of[1] = of[2] = (struct lookup){.id = NO_ID};
    if (m->right.size < prefix ||
        (m->right.size > prefix && ((uint8_t)right[prefix] & 0xc0) == 0x80))
        return refuse(rank, right, m->right.size, "shorter than continuing_subword_prefix", err);
    of[0].is_name = vocab_spell(bytes, left, m->left.size, &c->spelled);
    middle = c->spelled.size;
    of[1].is_name = vocab_spell(bytes, right + prefix, m->right.size - prefix, &c->spelled);
    if (of[0].is_name != of[1].is_name) { /* together they are a name */
        c->spelled.size = begin;
        buf_append(&c->spelled, left, m->left.size);
        buf_append(&c->spelled, right, m->right.size);
        middle = begin + m->left.size;
    }
    of[0].size = middle - begin;
    of[1].size = c->spelled.size - middle;
    of[2].size = c->spelled.size - begin;
    of[2].is_name = of[0].is_name || of[1].is_name;
    if (m->right.size == prefix || m->left.size == 0)
        c->regular = false;
    return true;
}

static uint64_t *home_of(const struct compiler *c, uint64_t key)
{
    return c->slots + ((key >> 10) * c->head.n_homes >> 32);
}

/* The parts of a merge of which only one is a name were written as names. */
static uint32_t find_part(const struct compiler *c, const struct lookup *l, bool whole_is_name)
{
    if (l->id != NO_ID)
        return l->id;
    if (whole_is_name && !l->is_name)
        return vocab_find_name(c->vocab, l->bytes, l->size);
    return vocab_find_padded(c->vocab, l->hash, l->bytes, l->size, l->is_name);
}

/*
 * Into the ascending row of slots: what is greater moves up by one, to the next free one.
 * The same pair again: the later rank counts, as when a map is filled.
 */
static bool place_pair(uint64_t *at, uint64_t pair)
{
    const uint64_t *last = at + PROBES_MAX;

    for (; *at < pair; at++) {
        if (at == last)
            return false;
        if (*at >> MERGE_RANK_BITS == pair >> MERGE_RANK_BITS) {
            *at = pair;
            return true;
        }
    }
    for (; pair != FREE; at++) {
        uint64_t next = *at;

        if (at == last)
            return false;
        *at = pair;
        pair = next;
    }
    return true;
}

static bool find_merge(struct compiler *c, size_t rank, const struct lookup of[3], struct err *err)
{
    const struct merge *m = &c->spec->merges[rank];
    uint32_t ids[3];

    for (int i = 0; i < 3; i++) {
        ids[i] = find_part(c, &of[i], of[2].is_name);
        if (i == 1 && c->spec->model.continuing_prefix.size)
            ids[i] = vocab_find_name(c->vocab, spec_str(c->spec, m->right), m->right.size);
        if (ids[i] == NO_ID)
            return refuse(rank, of[i].bytes, of[i].size, "not in the vocabulary", err);
    }
    c->results[rank] = ids[2];
    c->keys[rank % CHUNK] = merge_key(ids[0], ids[1]);
    __builtin_prefetch(home_of(c, c->keys[rank % CHUNK]), 1);
    return true;
}

/* Offsets into spelled become pointers: from here on it does not move. */
static void point_lookups(struct compiler *c, size_t n)
{
    const char *at;

    buf_reserve(&c->spelled, 16); /* for key_hash_padded() */
    at = c->spelled.data;
    for (size_t i = 0; i < n; i++) {
        struct lookup *of = c->lookups[i];

        if (of[0].bytes)
            continue;
        of[0].bytes = of[2].bytes = at;
        of[1].bytes = at + of[0].size;
        at += of[2].size;
    }
}

static bool compile_chunk(struct compiler *c, size_t first, size_t n, struct err *err)
{
    buf_clear(&c->spelled);
    for (size_t i = 0; i < n; i++)
        if (!guess_merge(c, first + i, c->lookups[i]) &&
            !spell_merge(c, first + i, c->lookups[i], err))
            return false;
    point_lookups(c, n);
    for (size_t i = 0; i < n; i++)
        for (struct lookup *l = c->lookups[i]; l < c->lookups[i] + 3; l++) {
            if (l->id != NO_ID)
                continue;
            l->hash = vocab_hash(key_hash_padded(l->bytes, l->size), l->is_name);
            vocab_prefetch(c->vocab, l->hash);
        }
    for (size_t i = 0; i < n; i++)
        if (!find_merge(c, first + i, c->lookups[i], err))
            return false;
    c->last = c->results[first + n - 1];
    for (size_t i = 0; i < n; i++) {
        uint64_t key = c->keys[(first + i) % CHUNK];

        if (!place_pair(home_of(c, key), key << MERGE_RANK_BITS | (first + i)))
            return err_set(err, ERR_COMBINATION, "BPE: merges that are made to collide");
    }
    return true;
}

/* Room for all slots and some behind the last home; the last of them stays free and ends searches.
 */
static void open_table(struct compiler *c, struct image_writer *w)
{
    struct buf *table = &w->sections[IMAGE_MODEL_2];
    size_t n_slots = (size_t)c->head.n_homes + PROBES_MAX + 1;
    char padded[HEAD_SIZE] = {0};

    memcpy(padded, &c->head, sizeof(c->head));
    buf_reserve_large(table, HEAD_SIZE + sizeof(uint64_t) * n_slots);
    buf_append(table, padded, sizeof(padded));
    c->slots = (uint64_t *)(void *)(table->data + HEAD_SIZE);
    memset(c->slots, 0xff, sizeof(uint64_t) * n_slots);
    table->size += sizeof(uint64_t) * n_slots;
    c->results = mem_alloc_large(sizeof(uint32_t) * (c->head.n + 1));
}

/* The block of n results; false: it is none of steps. */
static bool pack_block(const uint32_t *results, size_t n, uint32_t *ret)
{
    *ret = results[0];
    for (size_t i = 1; i < n; i++) {
        uint32_t step = results[i] - results[i - 1];

        if (step > 1)
            return false;
        *ret |= step << (MERGE_STEPS_SHIFT + i - 1);
    }
    return true;
}

static void write_results(const struct compiler *c, struct buf *out)
{
    AUTO_BUF struct buf listed = {0};
    size_t n = c->head.n;

    buf_reserve(out, (n / MERGE_BLOCK + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < n; i += MERGE_BLOCK) {
        size_t size = n - i < MERGE_BLOCK ? n - i : MERGE_BLOCK;
        uint32_t block;

        if (!pack_block(c->results + i, size, &block)) {
            block = MERGE_LISTED | (uint32_t)(listed.size / sizeof(uint32_t));
            buf_append(&listed, c->results + i, size * sizeof(uint32_t));
        }
        buf_append(out, &block, sizeof(block));
    }
    buf_append(out, listed.data, listed.size);
}

bool merges_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                    struct image_writer *w, bool *ret_regular, struct err *err)
{
    struct compiler c = {.spec = spec, .vocab = v, .regular = !vocab_has_aliases(v)};
    size_t n = spec->n_merges;
    bool ok = true;

    if (n >= MERGE_NONE)
        return err_set(err, ERR_COMBINATION, "BPE: %zu merges, more than %d", n, MERGE_NONE - 1);
    c.guesses =
        c.regular && v->head.n_entries == spec->n_vocab && spec->model.continuing_prefix.size == 0;
    c.head = (struct merges_head){.n = (uint32_t)n, .n_homes = (uint32_t)(n + n / 4 + 1)};
    open_table(&c, w);
    for (size_t i = 0; ok && i < n; i += CHUNK)
        ok = compile_chunk(&c, i, n - i < CHUNK ? n - i : CHUNK, err);
    if (ok)
        write_results(&c, &w->sections[IMAGE_MODEL_3]);
    free(c.results);
    buf_release(&c.spelled);
    *ret_regular = c.regular;
    return ok;
}

void merges_open(struct image image, struct merges *ret)
{
    struct merges_head head;
    size_t size;
    const char *table = image_section(image, IMAGE_MODEL_2, &size);

    memcpy(&head, table, sizeof(head));
    ret->n = head.n;
    ret->n_homes = head.n_homes;
    ret->slots = (const uint64_t *)(const void *)(table + HEAD_SIZE);
    ret->blocks = image_section(image, IMAGE_MODEL_3, &size);
    ret->listed = ret->blocks + (head.n + MERGE_BLOCK - 1) / MERGE_BLOCK;
}
