#include "tokenizer/merges.h"

#include "tokenizer/keyhash.h"

#include <inttypes.h>

enum {
    CHUNK = 32,
    HEAD_SIZE = 64,
    HOME_MAX = 1024, /* pairs with one home: chance gives a dozen, more is made on purpose */
};

struct merges_head {
    uint32_t n, n_homes;
};

/* One of the three tokens of a merge, on its way to an id. */
struct lookup {
    const char *bytes;
    size_t size;
    uint64_t hash;
    bool is_name;
};

struct compiler {
    const struct tokenizer_spec *spec;
    const struct vocab *vocab;
    struct buf spelled; /* of one chunk: left and right, side by side */
    struct lookup lookups[CHUNK][3];
    uint32_t *results;
    uint64_t *pairs; /* key and rank, by rank */
    bool regular;
};

static bool refuse(size_t rank, const char *token, size_t size, const char *why, struct err *err)
{
    return err_set(err, ERR_COMBINATION, "BPE: merge %zu: %s: '%.*s'", rank, why,
                   (int)(size < 64 ? size : 64), size ? token : "");
}

/* Offsets into spelled become pointers when the chunk is complete, for it may move. */
static bool spell_merge(struct compiler *c, size_t rank, struct lookup of[3], struct err *err)
{
    const struct merge *m = &c->spec->merges[rank];
    const char *left = spec_str(c->spec, m->left), *right = spec_str(c->spec, m->right);
    size_t prefix = c->spec->model.continuing_prefix.size, begin = c->spelled.size, middle;
    bool bytes = c->vocab->head.is_bytes;

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

/* The parts of a merge of which only one is a name were written as names. */
static uint32_t find_part(const struct compiler *c, const struct lookup *l, bool whole_is_name)
{
    if (whole_is_name && !l->is_name)
        return vocab_find_name(c->vocab, l->bytes, l->size);
    return vocab_find_hashed(c->vocab, l->hash, l->bytes, l->size, l->is_name);
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
    c->pairs[rank] = merge_key(ids[0], ids[1]) << MERGE_RANK_BITS | rank;
    return true;
}

static bool compile_chunk(struct compiler *c, size_t first, size_t n, struct err *err)
{
    const char *at;

    buf_clear(&c->spelled);
    for (size_t i = 0; i < n; i++)
        if (!spell_merge(c, first + i, c->lookups[i], err))
            return false;
    buf_reserve(&c->spelled, 16); /* for key_hash_padded() */
    at = c->spelled.data;
    for (size_t i = 0; i < n; i++) {
        struct lookup *of = c->lookups[i];

        of[0].bytes = of[2].bytes = at;
        of[1].bytes = at + of[0].size;
        at += of[2].size;
        for (int j = 0; j < 3; j++) {
            of[j].hash = vocab_hash(key_hash_padded(of[j].bytes, of[j].size), of[j].is_name);
            vocab_prefetch(c->vocab, of[j].hash);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (!find_merge(c, first + i, c->lookups[i], err))
            return false;
    return true;
}

/* ---- the table */

static uint32_t home_of(uint64_t pair, uint32_t n_homes)
{
    return (uint32_t)((pair >> (MERGE_RANK_BITS + 10)) * n_homes >> 32);
}

/* Sorts by home with one counting pass, then within homes, where few are. NULL: where many are. */
static uint64_t *sort_pairs(const uint64_t *pairs, size_t n, uint32_t n_homes)
{
    AUTO_FREE uint32_t *ends = mem_new_array((size_t)n_homes + 1, uint32_t);
    uint64_t *sorted;

    for (size_t i = 0; i < n; i++)
        if (++ends[home_of(pairs[i], n_homes) + 1] > HOME_MAX)
            return NULL;
    for (uint32_t h = 0; h < n_homes; h++)
        ends[h + 1] += ends[h];
    sorted = mem_new_array(n + 1, uint64_t);
    for (size_t i = 0; i < n; i++)
        sorted[ends[home_of(pairs[i], n_homes)]++] = pairs[i];
    for (size_t i = 1; i < n; i++) {
        uint64_t pair = sorted[i];
        size_t j = i;

        for (; j > 0 && sorted[j - 1] > pair; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = pair;
    }
    return sorted;
}

/* The same pair twice: the later rank counts, as when a map is filled. */
static size_t place_pairs(const uint64_t *sorted, size_t n, uint32_t n_homes, uint64_t *slots)
{
    size_t next = 0;

    for (size_t i = 0; i < n; i++) {
        size_t home = home_of(sorted[i], n_homes);

        if (i + 1 < n && sorted[i] >> MERGE_RANK_BITS == sorted[i + 1] >> MERGE_RANK_BITS)
            continue;
        next = next > home ? next : home;
        slots[next++] = sorted[i];
    }
    return next;
}

static bool write_table(const struct compiler *c, struct image_writer *w, struct err *err)
{
    size_t n = c->spec->n_merges, n_slots;
    struct merges_head head = {.n = (uint32_t)n, .n_homes = (uint32_t)(n + n / 4 + 1)};
    struct buf *table = &w->sections[IMAGE_MODEL_2], *results = &w->sections[IMAGE_MODEL_3];
    AUTO_FREE uint64_t *sorted = sort_pairs(c->pairs, n, head.n_homes);
    char padded[HEAD_SIZE] = {0};
    uint64_t *slots;

    if (!sorted)
        return err_set(err, ERR_COMBINATION, "BPE: merges that are made to collide");
    memcpy(padded, &head, sizeof(head));
    buf_append(table, padded, sizeof(padded));
    buf_reserve(table, sizeof(uint64_t) * (head.n_homes + n + 1));
    slots = (uint64_t *)(void *)(table->data + table->size);
    memset(slots, 0xff, sizeof(uint64_t) * (head.n_homes + n + 1));
    n_slots = place_pairs(sorted, n, head.n_homes, slots);
    n_slots =
        (n_slots > head.n_homes ? n_slots : head.n_homes) + 1; /* the last ends every search */
    table->size += sizeof(uint64_t) * n_slots;
    buf_append(results, c->results, sizeof(uint32_t) * n);
    return true;
}

static void compiler_release(struct compiler *c)
{
    buf_release(&c->spelled);
    free(c->results);
    free(c->pairs);
}

bool merges_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                    struct image_writer *w, bool *ret_regular, struct err *err)
{
    CLEANUP(compiler_release)
    struct compiler c = {.spec = spec, .vocab = v, .regular = !vocab_has_aliases(v)};
    size_t n = spec->n_merges;

    if (n >= MERGE_NONE)
        return err_set(err, ERR_COMBINATION, "BPE: %zu merges, more than %d", n, MERGE_NONE - 1);
    c.results = mem_new_array(n + 1, uint32_t);
    c.pairs = mem_new_array(n + 1, uint64_t);
    for (size_t i = 0; i < n; i += CHUNK)
        if (!compile_chunk(&c, i, n - i < CHUNK ? n - i : CHUNK, err))
            return false;
    *ret_regular = c.regular;
    return write_table(&c, w, err);
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
    ret->results = image_section(image, IMAGE_MODEL_3, &size);
}
