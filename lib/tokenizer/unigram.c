#include "tokenizer/model_parts.h"
#include "tokenizer/scalar.h"

#include <stdio.h>

enum { UNK_PENALTY = 10, NO_NODE = UINT32_MAX };

struct unigram_head {
    double unk_score;
    uint32_t unk;           /* NO_ID: none */
    uint32_t byte_fallback; /* and all 256 are there */
    uint32_t byte_ids[256];
    uint32_t narrow; /* scores are floats, which lose nothing */
    uint32_t unused;
};

/* The best way to reach a place of the text. */
struct unigram_node {
    double score;
    uint32_t id, from; /* NO_NODE: not reached */
};

/* ---- compiling */

/* Scores by place; what has none is never reached by the trie. */
static void write_scores(const struct tokenizer_spec *spec, const struct vocab *v,
                         struct unigram_head *head, struct buf *out)
{
    double *scores = mem_new_array((size_t)v->head.n_places + 1, double);

    head->narrow = true;
    head->unk_score = 0;
    for (size_t e = 0; e < spec->n_vocab; e++) {
        double score = spec->vocab[e].score;

        scores[spec->vocab[e].id] = score;
        head->narrow = head->narrow && (double)(float)score == score;
        if (e == 0 || score < head->unk_score)
            head->unk_score = score;
    }
    head->unk_score -= UNK_PENALTY;
    for (uint32_t p = 0; p < v->head.n_places; p++) {
        float narrow = (float)scores[p];

        if (head->narrow)
            buf_append(out, &narrow, sizeof(narrow));
        else
            buf_append(out, &scores[p], sizeof(*scores));
    }
    free(scores);
}

bool unigram_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                     struct image_writer *w, struct err *err)
{
    struct unigram_head head = {.unk = spec->model.has_unk ? spec->model.unk_id : NO_ID};

    if (head.unk != NO_ID && head.unk >= spec->n_vocab)
        return err_set(err, ERR_COMBINATION, "Unigram: unk_id %u of %zu tokens", head.unk,
                       spec->n_vocab);
    if (vocab_has_aliases(v))
        return err_set(err, ERR_COMBINATION, "Unigram: two tokens have one id");
    head.byte_fallback = spec->model.byte_fallback;
    for (int b = 0; b < 256; b++) {
        char name[8];
        int n = snprintf(name, sizeof(name), "<0x%02X>", (unsigned)b);

        head.byte_ids[b] = vocab_find_name(v, name, (size_t)n);
    }
    write_scores(spec, v, &head, &w->sections[IMAGE_MODEL_3]);
    buf_append(&w->sections[IMAGE_MODEL], &head, sizeof(head));
    return trie_compile(v, "", 0, &w->sections[IMAGE_MODEL_2], err);
}

void unigram_open(struct image image, struct unigram *ret)
{
    size_t size;

    ret->head = image_section(image, IMAGE_MODEL, &size);
    trie_open(image_section(image, IMAGE_MODEL_2, &size), &ret->trie);
    ret->scores = image_section(image, IMAGE_MODEL_3, &size);
}

uint32_t unigram_unk(const struct unigram *m) { return m->head->unk; }

/* ---- encoding */

static inline double score_of(const struct unigram *m, uint32_t id)
{
    return m->head->narrow ? (double)((const float *)m->scores)[id]
                           : ((const double *)m->scores)[id];
}

/* Only what is better replaces: of equal ways the one that began first stays. */
static inline void reach(struct unigram_node *node, double score, uint32_t id, uint32_t from)
{
    if (node->from == NO_NODE || score > node->score)
        *node = (struct unigram_node){score, id, from};
}

static bool find_best(const struct unigram *m, const struct vocab *v, const char *text, size_t size,
                      struct unigram_node *nodes, struct err *err)
{
    uint32_t chars;

    for (size_t i = 0; i <= size; i++)
        nodes[i] = (struct unigram_node){0, 0, NO_NODE};
    for (size_t at = 0; at < size; at += chars) {
        double here = nodes[at].score;
        struct trie_walk walk = trie_walk_begin();
        bool single = false;

        chars = scalar_size(text[at]);
        while (trie_walk_next(&walk, &m->trie, v, text + at, size - at)) {
            reach(&nodes[at + walk.at], score_of(m, walk.place) + here, walk.place, (uint32_t)at);
            single = single || walk.at == chars;
        }
        if (single)
            continue;
        double score = m->head->unk_score + here;
        struct unigram_node *node = &nodes[at + chars];
        if (node->from != NO_NODE && score <= node->score)
            continue;
        if (m->head->unk == NO_ID)
            return err_set(err, ERR_COMBINATION, "Unigram: has no unk_id, and needs it");
        *node = (struct unigram_node){score, m->head->unk, (uint32_t)at};
    }
    return true;
}

/* What the best way calls unknown, neighbours joined: a token after all, bytes, or unknown. */
static void append_unknown(const struct unigram *m, const struct vocab *v, const char *text,
                           uint32_t start, uint32_t end, struct tokens *out)
{
    uint32_t id = vocab_find(v, text + start, end - start, false);
    bool bytes = id == NO_ID && m->head->byte_fallback;

    for (uint32_t i = start; bytes && i < end; i++)
        bytes = m->head->byte_ids[(uint8_t)text[i]] != NO_ID;
    if (!bytes) {
        tokens_append(out, id != NO_ID ? id : m->head->unk, start, end);
        return;
    }
    for (uint32_t i = start; i < end; i++) /* each covers all, as in the reference */
        tokens_append(out, m->head->byte_ids[(uint8_t)text[i]], start, end);
}

bool unigram_encode(const struct unigram *m, const struct vocab *v, const char *text, size_t size,
                    struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    struct unigram_node *nodes;
    uint32_t at = (uint32_t)size, next = NO_NODE, start;

    SCRATCH_ROOM(scratch->nodes, scratch->nodes_capacity, size + 1);
    nodes = scratch->nodes;
    if (!find_best(m, v, text, size, nodes, err))
        return false;
    while (at > 0) { /* turn the chain of places around: from now leads to the next */
        uint32_t from = nodes[at].from;

        nodes[at].from = next;
        next = at;
        at = from;
    }
    for (start = 0; next != NO_NODE;) {
        uint32_t end = next, id = nodes[end].id;

        next = nodes[end].from;
        if (id != m->head->unk) {
            tokens_append(out, id, start, end);
        } else {
            for (; next != NO_NODE && nodes[next].id == id; next = nodes[next].from)
                end = next;
            append_unknown(m, v, text, start, end, out);
        }
        start = end;
    }
    return true;
}
