#include "tokenizer/bpe_symbols.h"

#include "tokenizer/model_parts.h"

enum { LAST = UINT32_MAX };

/* ---- short rows: an array that shrinks */

/* Rank and place of the best pair in one number, so that the smallest is the leftmost of equals. */
static inline uint32_t best_pair(const uint32_t *ranks, uint32_t n)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t pair = ranks[i] << 8 | i;

        best = pair < best ? pair : best;
    }
    return best;
}

void bpe_merge_short(const struct merges *m, uint32_t *ids, uint32_t *ends, uint32_t n,
                     struct tokens *out)
{
    uint32_t ranks[BPE_SHORT + 1], start = 0;

    for (uint32_t i = 0; i + 1 < n; i++)
        ranks[i] = merge_rank(m, ids[i], ids[i + 1]);
    while (n > 1) {
        uint32_t best = best_pair(ranks, n - 1), at = best & 0xff, rank = best >> 8;

        if (rank == MERGE_NONE)
            break;
        ids[at] = merge_result(m, rank);
        n--;
        for (uint32_t i = at + 1; i < n; i++) {
            ids[i] = ids[i + 1];
            ends[i - 1] = ends[i];
            ranks[i - 1] = ranks[i];
        }
        ends[n - 1] = ends[n];
        if (at + 1 < n)
            ranks[at] = merge_rank(m, ids[at], ids[at + 1]);
        if (at > 0)
            ranks[at - 1] = merge_rank(m, ids[at - 1], ids[at]);
    }
    tokens_reserve(out, n);
    for (uint32_t i = 0; i < n; i++) {
        out->items[out->n++] = (struct token){ids[i], {start, ends[i]}};
        start = ends[i];
    }
}

/* ---- long rows: a list, and a heap of its pairs */

static void heap_push(uint64_t *heap, size_t *n, uint64_t item)
{
    size_t i = (*n)++;

    while (i > 0 && heap[(i - 1) / 2] > item) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = item;
}

static uint64_t heap_pop(uint64_t *heap, size_t *n)
{
    uint64_t top = heap[0], last = heap[--*n];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < *n) {
        if (child + 1 < *n && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

/* Looks up the pair that begins at symbol i. */
static void pair_changed(const struct merges *m, struct bpe_symbol *symbols, uint32_t i,
                         uint64_t *heap, size_t *n_heap)
{
    struct bpe_symbol *s = &symbols[i];

    s->rank = s->next == LAST ? MERGE_NONE : merge_rank(m, s->id, symbols[s->next].id);
    if (s->rank != MERGE_NONE)
        heap_push(heap, n_heap, (uint64_t)s->rank << 32 | i);
}

static void merge_at(const struct merges *m, struct bpe_symbol *symbols, uint32_t i, uint32_t id,
                     uint64_t *heap, size_t *n_heap)
{
    struct bpe_symbol *s = &symbols[i], *right = &symbols[s->next];

    s->id = id;
    s->end = right->end;
    right->rank = MERGE_NONE;
    s->next = right->next;
    if (s->next != LAST)
        symbols[s->next].prev = i;
    if (s->prev != LAST)
        pair_changed(m, symbols, s->prev, heap, n_heap);
    pair_changed(m, symbols, i, heap, n_heap);
}

void bpe_merge_long(const struct merges *m, struct bpe_symbol *symbols, uint32_t n, uint64_t *heap,
                    struct tokens *out)
{
    size_t n_heap = 0;
    uint32_t start = 0;

    for (uint32_t i = 0; i < n; i++) {
        symbols[i].prev = i ? i - 1 : LAST;
        symbols[i].next = i + 1 < n ? i + 1 : LAST;
    }
    for (uint32_t i = 0; i < n; i++)
        pair_changed(m, symbols, i, heap, &n_heap);
    while (n_heap) {
        uint64_t top = heap_pop(heap, &n_heap);
        uint32_t i = (uint32_t)top, rank = (uint32_t)(top >> 32), id = merge_result(m, rank);

        /*
         * The pair may have changed since. The reference then still merges if what is there now
         * makes the same token, which irregular vocabularies can bring about.
         */
        if (symbols[i].rank == MERGE_NONE || merge_result(m, symbols[i].rank) != id)
            continue;
        merge_at(m, symbols, i, id, heap, &n_heap);
    }
    for (uint32_t i = 0; n && i != LAST; i = symbols[i].next) {
        tokens_append(out, symbols[i].id, start, symbols[i].end);
        start = symbols[i].end;
    }
}
