#include "tokenizer/model_parts.h"
#include "tokenizer/scalar.h"

struct wordpiece_head {
    uint32_t unk, max_chars;
};

bool wordpiece_compile(const struct tokenizer_spec *spec, const struct vocab *v,
                       struct image_writer *w, struct err *err)
{
    const struct model_spec *m = &spec->model;
    struct wordpiece_head head = {.unk = NO_ID, .max_chars = m->max_word_chars};

    if (m->has_unk)
        head.unk = vocab_find_name(v, spec_str(spec, m->unk), m->unk.size);
    buf_append(&w->sections[IMAGE_MODEL], &head, sizeof(head));
    return trie_compile(v, "", 0, &w->sections[IMAGE_MODEL_2], err) &&
           trie_compile(v, spec_str(spec, m->continuing_prefix), m->continuing_prefix.size,
                        &w->sections[IMAGE_MODEL_3], err);
}

void wordpiece_open(struct image image, struct wordpiece *ret)
{
    size_t size;

    ret->head = image_section(image, IMAGE_MODEL, &size);
    trie_open(image_section(image, IMAGE_MODEL_2, &size), &ret->first);
    trie_open(image_section(image, IMAGE_MODEL_3, &size), &ret->rest);
}

uint32_t wordpiece_word_max(const struct wordpiece *m) { return m->head->max_chars; }

static bool longer_than(const char *text, size_t size, uint32_t max_chars)
{
    size_t n = 0;

    if (size <= max_chars)
        return false;
    for (size_t i = 0; i < size; i++)
        n += ((uint8_t)text[i] & 0xc0) != 0x80;
    return n > max_chars;
}

bool wordpiece_encode(const struct wordpiece *m, const struct vocab *v, const char *text,
                      size_t size, struct tokens *out, struct err *err)
{
    size_t begin = out->n;
    bool known = !longer_than(text, size, m->head->max_chars);

    for (size_t at = 0; known && at < size;) {
        const struct trie *t = at == 0 ? &m->first : &m->rest;
        struct trie_walk walk = trie_walk_begin();
        uint32_t longest = 0, place = 0;

        while (trie_walk_next(&walk, t, v, text + at, size - at)) {
            longest = walk.at;
            place = walk.place;
        }
        known = longest > 0;
        if (known)
            tokens_append(out, vocab_place_id(v, place), (uint32_t)at, (uint32_t)at + longest);
        at += longest;
    }
    if (known)
        return true;
    out->n = begin;
    if (m->head->unk == NO_ID)
        return err_set(err, ERR_COMBINATION, "WordPiece: its unk_token is not in the vocabulary");
    tokens_append(out, m->head->unk, 0, (uint32_t)size);
    return true;
}
