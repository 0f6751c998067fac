#include "tokenizer/word_cache.h"

#include <sys/mman.h>

enum {
    DEFAULT_BYTES = 8 << 20,
    LEAST_BYTES = 64 << 10,
    HUGE_PAGE = 2 << 20,
};

static size_t power_of_two_up_to(size_t n)
{
    size_t p = 1;

    while (p * 2 <= n)
        p *= 2;
    return p;
}

/* Half for entries, a quarter for the ring, an eighth for its places. */
void word_cache_init(struct word_cache *c, size_t max_bytes)
{
    size_t bytes = max_bytes ? max_bytes : DEFAULT_BYTES;
    size_t align = 0;
    char *memory;

    bytes = power_of_two_up_to(bytes < LEAST_BYTES ? LEAST_BYTES : bytes);
    if (bytes > HUGE_PAGE)
        align = HUGE_PAGE;
    memory = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    *c = (struct word_cache){.memory = memory, .mapped = bytes + align};
    if (align) { /* fewer faults and misses of the TLB; without, it is only slower */
        memory += (align - (uintptr_t)memory % align) % align;
        madvise(memory, bytes, MADV_HUGEPAGE);
    }
    c->entries = (struct word_entry *)(void *)memory;
    c->line_mask = bytes / 2 / (2 * sizeof(*c->entries)) - 1;
    c->ring = memory + bytes / 2;
    c->ring_size = bytes / 4;
    c->ring_end = c->ring_size; /* so that a place of 0 is one long overwritten */
    c->places = (struct word_place *)(void *)(c->ring + c->ring_size);
    c->place_mask = bytes / 8 / sizeof(*c->places) - 1;
}

void word_cache_release(struct word_cache *c)
{
    if (c->mapped)
        munmap(c->memory, c->mapped);
    *c = (struct word_cache){0};
}

unsigned word_cache_owner(struct word_cache *c, const struct image_identity *who)
{
    for (unsigned i = 0; i < c->n_owners; i++)
        if (memcmp(&c->owners[i], who, sizeof(*who)) == 0)
            return i + 1;
    if (c->n_owners == WORD_OWNERS) {
        memset((void *)c->entries, 0, (c->line_mask + 1) * 2 * sizeof(*c->entries));
        c->ring_end += c->ring_size; /* all records are as good as overwritten */
        c->n_owners = 0;
    }
    c->owners[c->n_owners++] = *who;
    return c->n_owners;
}

bool word_put(struct word_cache *c, struct short_key k, uint64_t hash, const struct token *tokens,
              size_t n)
{
    struct word_entry *line = word_line(c, hash), e = {.key = k};

    if (n > WORD_LANES)
        return false;
    for (size_t i = 0; i < n; i++)
        e.lanes[i] = tokens[i].id | tokens[i].span.start << 21 | tokens[i].span.end << 25;
    e.lanes[0] |= (uint32_t)n << 29;
    for (int i = 0; i < 4; i++) {
        struct word_entry *place = &word_line(c, hash ^ (i >= 2))[i & 1];

        if (place->key.high == 0) {
            *place = e;
            return true;
        }
    }
    line[1] = line[0];
    line[0] = e;
    return true;
}

static size_t record_size(size_t size, size_t n)
{
    return (sizeof(struct word_record) + n * sizeof(struct token) + size + 7) / 8 * 8;
}

const struct token *word_find_long(const struct word_cache *c, unsigned owner, uint64_t hash,
                                   const char *word, size_t size, size_t *ret_n)
{
    const struct word_place *p = &c->places[hash & c->place_mask];
    const struct word_record *r;
    const struct token *tokens;

    if (p->hash != hash || p->at + c->ring_size < c->ring_end || p->at < c->ring_size)
        return NULL;
    r = (const struct word_record *)(const void *)(c->ring + p->at % c->ring_size);
    tokens = (const struct token *)(r + 1);
    if (r->hash != hash || r->owner != owner || r->size != size ||
        memcmp(tokens + r->n, word, size) != 0)
        return NULL;
    *ret_n = r->n;
    return tokens;
}

void word_put_long(struct word_cache *c, unsigned owner, uint64_t hash, const char *word,
                   size_t size, const struct token *tokens, size_t n)
{
    size_t need = record_size(size, n), left = c->ring_size - c->ring_end % c->ring_size;
    struct word_record *r;

    if (need > WORD_RECORD_MAX)
        return;
    if (need > left)
        c->ring_end += left;
    r = (struct word_record *)(void *)(c->ring + c->ring_end % c->ring_size);
    *r = (struct word_record){hash, owner, (uint32_t)size, (uint32_t)n, 0};
    if (n)
        memcpy(r + 1, tokens, n * sizeof(*tokens));
    memcpy((struct token *)(r + 1) + n, word, size);
    c->places[hash & c->place_mask] = (struct word_place){hash, c->ring_end};
    c->ring_end += need;
}
