#include "tokenizer/bpe_symbols.h"
#include "tokenizer/model_parts.h"
#include "tokenizer/scalar.h"

#include <stdio.h>

/* ---- compiling */

static uint32_t fallback_id(const struct vocab *v, int byte)
{
    char name[8];
    int n = snprintf(name, sizeof(name), "<0x%02X>", (unsigned)byte);

    return vocab_find_name(v, name, (size_t)n);
}

static bool byte_ids(const struct tokenizer_spec *spec, const struct vocab *v,
                     struct bpe_head *head, struct err *err)
{
    bool all = true;

    for (int b = 0; b < 256; b++) {
        char byte = (char)b;

        head->byte_ids[b] =
            head->flags & BPE_BYTES ? vocab_find(v, &byte, 1, false) : fallback_id(v, b);
        all = all && head->byte_ids[b] != NO_ID;
    }
    if (all)
        head->flags |= BPE_ALL_KNOWN;
    else if (spec->model.byte_fallback && head->flags & BPE_BYTES)
        return err_set(err, ERR_COMBINATION,
                       "BPE: byte_fallback with ByteLevel, of which a byte is no token");
    return true;
}

/* Tokens of one character, by the character. Page 0 is empty. */
static void char_pages(const struct vocab *v, struct bpe_head *head, struct buf *pages)
{
    static const uint32_t none[256];

    buf_append(pages, none, sizeof(none));
    head->n_pages = 1;
    for (uint32_t p = 0; p < v->head.n_places; p++) {
        uint32_t size, *page;
        const char *bytes = vocab_bytes(v, p, &size);
        size_t at = 0;

        if (size == 0 || size != scalar_size(*bytes) || v->head.is_bytes)
            continue;
        uint32_t cp = scalar_next(bytes, &at);
        if (cp > 0x10ffff) /* bytes that are no UTF-8: no text has them */
            continue;
        if (head->pages[cp >> 8] == 0) {
            buf_append(pages, none, sizeof(none));
            head->pages[cp >> 8] = (uint16_t)head->n_pages++;
        }
        page = (uint32_t *)(void *)pages->data + (size_t)head->pages[cp >> 8] * 256;
        page[cp & 0xff] = (p < v->head.id_end ? p : v->alias_ids[p - v->head.id_end]) + 1;
    }
}

bool bpe_compile(const struct tokenizer_spec *spec, const struct vocab *v, struct image_writer *w,
                 struct err *err)
{
    const struct model_spec *m = &spec->model;
    struct bpe_head *head;
    bool regular, ok;

    if (!merges_compile(spec, v, w, &regular, err))
        return false;
    head = mem_new(struct bpe_head);
    head->flags = (v->head.is_bytes ? BPE_BYTES : 0) | (m->fuse_unk ? BPE_FUSE_UNK : 0) |
                  (m->ignore_merges ? BPE_IGNORE_MERGES : 0) | (regular ? BPE_REGULAR : 0) |
                  (m->byte_fallback ? BPE_FALLBACK : 0);
    head->unk = NO_ID;
    if (m->has_unk) {
        head->unk = vocab_find_name(v, spec_str(spec, m->unk), m->unk.size);
        if (head->unk == NO_ID)
            head->flags |= BPE_UNK_MISSING;
    }
    head->prefix_size = m->continuing_prefix.size;
    head->suffix_size = m->word_suffix.size;
    ok = byte_ids(spec, v, head, err);
    char_pages(v, head, &w->sections[IMAGE_MODEL_4]);

    struct buf *out = &w->sections[IMAGE_MODEL];
    buf_append(out, head, sizeof(*head));
    buf_append(out, spec_str(spec, m->continuing_prefix), head->prefix_size);
    buf_append(out, spec_str(spec, m->word_suffix), head->suffix_size);
    free(head);
    return ok;
}

void bpe_open(struct image image, struct bpe *ret)
{
    size_t size;

    ret->head = image_section(image, IMAGE_MODEL, &size);
    ret->prefix = (const char *)(ret->head + 1);
    ret->suffix = ret->prefix + ret->head->prefix_size;
    ret->pages = image_section(image, IMAGE_MODEL_4, &size);
    merges_open(image, &ret->merges);
}

/* ---- from text to symbols */

struct row {
    const struct bpe *m;
    struct model_scratch *scratch;
    size_t n;
    uint32_t end;      /* of the last symbol */
    uint32_t unk_size; /* bytes of an unknown token that is not yet a symbol; 0: none */
};

static void row_add(struct row *r, uint32_t id, uint32_t size)
{
    struct model_scratch *s = r->scratch;

    if (r->n == s->symbols_capacity) {
        s->symbols_capacity = 2 * r->n + 64;
        s->symbols = mem_resize(s->symbols, s->symbols_capacity * sizeof(*s->symbols));
    }
    r->end += size;
    s->symbols[r->n++] = (struct bpe_symbol){.id = id, .end = r->end};
}

static void row_end_unknown(struct row *r)
{
    if (r->unk_size)
        row_add(r, r->m->head->unk, r->unk_size);
    r->unk_size = 0;
}

/* All bytes of a character (with its affixes) by their fallback tokens, or none of them. */
static bool row_fall_back(struct row *r, const char *bytes, size_t size)
{
    const struct bpe_head *head = r->m->head;

    if (!(head->flags & BPE_FALLBACK))
        return false;
    for (size_t i = 0; i < size; i++)
        if (head->byte_ids[(uint8_t)bytes[i]] == NO_ID)
            return false;
    for (size_t i = 0; i < size; i++) /* before an unknown token that waits: so the reference */
        row_add(r, head->byte_ids[(uint8_t)bytes[i]], 1);
    return true;
}

/* id NO_ID: bytes (size bytes of the text and its affixes) are no token. */
static bool row_symbol(struct row *r, uint32_t id, uint32_t text_size, const char *bytes,
                       size_t size, struct err *err)
{
    const struct bpe_head *head = r->m->head;

    if (id != NO_ID) {
        row_end_unknown(r);
        row_add(r, id, text_size);
        return true;
    }
    if (row_fall_back(r, bytes, size))
        return true;
    if (head->flags & BPE_UNK_MISSING)
        return err_set(err, ERR_COMBINATION, "BPE: its unk_token is not in the vocabulary");
    if (head->unk == NO_ID)
        return true;
    if (!(head->flags & BPE_FUSE_UNK))
        row_end_unknown(r);
    r->unk_size += text_size;
    return true;
}

static uint32_t affixed_id(const struct row *r, const struct vocab *v, const char *text,
                           size_t size, bool first, bool last)
{
    struct buf *spelled = &r->scratch->spelled;

    buf_clear(spelled);
    if (!first)
        buf_append(spelled, r->m->prefix, r->m->head->prefix_size);
    buf_append(spelled, text, size);
    if (last)
        buf_append(spelled, r->m->suffix, r->m->head->suffix_size);
    return vocab_find(v, spelled->data, spelled->size, false);
}

static bool row_fill(struct row *r, const struct vocab *v, const char *text, size_t size,
                     struct err *err)
{
    const struct bpe_head *head = r->m->head;
    bool affixes = head->prefix_size || head->suffix_size;

    for (size_t at = 0; at < size;) {
        size_t begin = at;

        if (head->flags & BPE_BYTES) {
            at++;
            if (!row_symbol(r, head->byte_ids[(uint8_t)text[begin]], 1, "", 0, err))
                return false;
        } else if (!affixes) {
            uint32_t cp = scalar_next(text, &at);

            if (!row_symbol(r, bpe_char_id(r->m, cp), (uint32_t)(at - begin), text + begin,
                            at - begin, err))
                return false;
        } else {
            at += scalar_size(text[at]);
            uint32_t id = affixed_id(r, v, text + begin, at - begin, begin == 0, at == size);
            if (!row_symbol(r, id, (uint32_t)(at - begin), r->scratch->spelled.data,
                            r->scratch->spelled.size, err))
                return false;
        }
    }
    row_end_unknown(r);
    return true;
}

static void merge_row(const struct bpe *m, struct model_scratch *scratch, size_t n,
                      struct tokens *out)
{
    if (n <= BPE_SHORT && m->head->flags & BPE_REGULAR) {
        uint32_t ids[BPE_SHORT], ends[BPE_SHORT];

        for (size_t i = 0; i < n; i++) {
            ids[i] = scratch->symbols[i].id;
            ends[i] = scratch->symbols[i].end;
        }
        bpe_merge_short(&m->merges, ids, ends, (uint32_t)n, out);
        return;
    }
    SCRATCH_ROOM(scratch->heap, scratch->heap_capacity, 3 * n);
    bpe_merge_long(&m->merges, scratch->symbols, (uint32_t)n, scratch->heap, out);
}

bool bpe_merge_whole(const struct bpe *m, const struct vocab *v, const char *text, size_t size,
                     struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    const uint32_t plain = BPE_BYTES | BPE_ALL_KNOWN | BPE_REGULAR;
    struct row row = {.m = m, .scratch = scratch};

    /* A short row of known bytes needs no more than this. */
    if ((m->head->flags & plain) == plain && size <= BPE_SHORT) {
        uint32_t ids[BPE_SHORT], ends[BPE_SHORT];

        for (uint32_t i = 0; i < size; i++) {
            ids[i] = m->head->byte_ids[(uint8_t)text[i]];
            ends[i] = i + 1;
        }
        bpe_merge_short(&m->merges, ids, ends, (uint32_t)size, out);
        return true;
    }
    if (!row_fill(&row, v, text, size, err))
        return false;
    merge_row(m, scratch, row.n, out);
    return true;
}

bool bpe_merge(const struct bpe *m, const struct vocab *v, const char *text, size_t size,
               struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    if (bpe_windows_serve(m, size))
        return bpe_merge_windows(m, v, text, size, scratch, out, err);
    return bpe_merge_whole(m, v, text, size, scratch, out, err);
}

bool bpe_encode(const struct bpe *m, const struct vocab *v, const char *text, size_t size,
                struct model_scratch *scratch, struct tokens *out, struct err *err)
{
    if (m->head->flags & BPE_IGNORE_MERGES) {
        uint32_t id = vocab_find(v, text, size, false);

        if (id != NO_ID) {
            tokens_append(out, id, 0, (uint32_t)size);
            return true;
        }
    }
    return bpe_merge(m, v, text, size, scratch, out, err);
}
