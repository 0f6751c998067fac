#include "tokenizer/program.h"

enum { SCAN_ENDS = 1024 };

void pieces_release(struct pieces *p)
{
    buf_release(&p->text);
    free(p->origins);
    free(p->items);
}

struct pieces_scratch *pieces_scratch_new(void)
{
    struct pieces_scratch *s = mem_new(struct pieces_scratch);

    s->pattern = pattern_scratch_new();
    s->ends = mem_new_array(SCAN_ENDS, uint32_t);
    return s;
}

void pieces_scratch_free(struct pieces_scratch *s)
{
    if (!s)
        return;
    normalized_release(&s->text);
    normalized_release(&s->other);
    normalized_release(&s->section);
    normalization_release(&s->normalization);
    pattern_scratch_free(s->pattern);
    free(s->ranges.items);
    free(s->next.items);
    free(s->ends);
    free(s);
}

/* ---- what comes out */

static struct piece *add_piece(struct pieces *out, uint32_t id)
{
    if (out->n == out->capacity) {
        out->capacity = out->capacity ? 2 * out->capacity : 64;
        out->items = mem_resize(out->items, out->capacity * sizeof(*out->items));
    }
    out->items[out->n] = (struct piece){.id = id};
    return &out->items[out->n++];
}

/* Appends bytes with their origins; the piece is what they become. */
static void add_text(struct pieces *out, struct piece *piece, const struct normalized *n, size_t at,
                     size_t size, bool with_origins)
{
    size_t begin = out->text.size;

    piece->at = (uint32_t)begin;
    piece->size = (uint32_t)size;
    if (n->tracked && size)
        piece->origin = (struct span){n->origins[at].start, n->origins[at + size - 1].end};
    if (with_origins) {
        if (begin + size > out->origins_capacity) {
            out->origins_capacity = 2 * (begin + size) + 64;
            out->origins = mem_resize(out->origins, out->origins_capacity * sizeof(*out->origins));
        }
        if (size)
            memcpy(out->origins + begin, n->origins + at, size * sizeof(*out->origins));
    }
    buf_append(&out->text, size ? n->text.data + at : "", size);
}

struct making {
    const struct program *p;
    struct pieces_scratch *s;
    struct pieces *out;
    unsigned flags;
    const struct guard *guard;
};

static void add_token(struct making *m, const struct normalized *n, const struct added_match *match)
{
    struct piece *piece = add_piece(m->out, match->id);

    add_text(m->out, piece, n, match->start, match->end - match->start, m->flags & PIECES_ORIGINS);
}

/* Part of the normalized section: pre-tokenizers, then what is left are pieces. */
static bool add_split(struct making *m, size_t at, size_t end, struct err *err)
{
    struct pieces_scratch *s = m->s;
    const struct normalized *section = &m->s->section;

    if (at >= end)
        return true;
    normalized_begin(&s->text, section->tracked,
                     section->tracked ? section->origins[at].start : section->base + (uint32_t)at);
    normalized_append(&s->text, section, at, end - at);
    s->ranges.n = s->next.n = 0;
    ranges_push(&s->ranges, 0, end - at);
    if (!split(m->p, s, err))
        return false;
    for (size_t i = 0; i < s->ranges.n; i++) {
        const struct range *r = &s->ranges.items[i];

        if (r->size)
            add_text(m->out, add_piece(m->out, NO_ID), &s->text, r->at, r->size,
                     m->flags & PIECES_ORIGINS);
    }
    return true;
}

/* Text between raw tokens: normalizers, then normalized tokens, then the rest. */
static bool add_section(struct making *m, const char *text, size_t at, size_t end, struct err *err)
{
    struct pieces_scratch *s = m->s;
    struct added_guard guard = {m->guard, NULL};
    struct normalized swap;
    struct added_match match;
    size_t from = 0, look = 0;

    if (at >= end)
        return true;
    normalized_begin(&s->text, m->flags & PIECES_ORIGINS || m->p->looks_at_begin || m->guard->n,
                     (uint32_t)at);
    normalized_append_original(&s->text, text + at, end - at, (uint32_t)at);
    if (!normalize(m->p, s, err))
        return false;
    swap = m->s->section;
    m->s->section = s->text;
    s->text = swap;
    guard.origins = m->s->section.origins;
    if (!(m->flags & PIECES_NO_ADDED))
        while (added_next(&m->p->normalized, m->s->section.text.data, m->s->section.text.size, look,
                          from, &guard, &match)) {
            if (!add_split(m, from, match.start, err))
                return false;
            add_token(m, &m->s->section, &match);
            from = match.end;
            look = match.next;
        }
    return add_split(m, from, m->s->section.text.size, err);
}

static void add_raw_token(struct making *m, const char *text, const struct added_match *match)
{
    struct normalized *n = &m->s->section;
    struct added_match here = {.id = match->id, .end = match->end - match->start};

    normalized_begin(n, m->flags & PIECES_ORIGINS, (uint32_t)match->start);
    normalized_append_original(n, text + match->start, match->end - match->start,
                               (uint32_t)match->start);
    add_token(m, n, &here);
}

bool pieces_make(const struct program *p, const char *text, size_t size, unsigned flags,
                 struct pieces_scratch *scratch, struct pieces *ret, struct err *err)
{
    static const struct guard none;

    return pieces_make_guarded(p, text, size, flags, &none, scratch, ret, err);
}

bool pieces_make_guarded(const struct program *p, const char *text, size_t size, unsigned flags,
                         const struct guard *guard, struct pieces_scratch *scratch,
                         struct pieces *ret, struct err *err)
{
    struct making m = {p, scratch, ret, flags, guard};
    const struct added_guard raw = {guard, NULL};
    struct added_match match;
    size_t from = 0, look = 0;
    bool ok = true;

    buf_clear(&ret->text);
    ret->n = 0;
    if (!(flags & PIECES_NO_ADDED))
        while (ok && added_next(&p->raw, text, size, look, from, &raw, &match)) {
            ok = add_section(&m, text, from, match.start, err);
            add_raw_token(&m, text, &match);
            from = match.end;
            look = match.next;
        }
    ok = ok && add_section(&m, text, from, size, err);
    return ok;
}

bool program_normalize(const struct program *p, const char *text, size_t size,
                       struct pieces_scratch *scratch, struct pieces *ret, struct err *err)
{
    buf_clear(&ret->text);
    ret->n = 0;
    normalized_begin(&scratch->text, true, 0);
    normalized_append_original(&scratch->text, text, size, 0);
    if (!normalize(p, scratch, err))
        return false;
    add_text(ret, add_piece(ret, NO_ID), &scratch->text, 0, scratch->text.text.size, true);
    return true;
}
