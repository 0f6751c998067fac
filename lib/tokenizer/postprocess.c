/*
 * Post-processors, one after another, on a list of parts, as the reference
 * runs them: only the last step joins.
 */
#include "tokenizer/parts.h"

size_t postprocess_added(const struct core *c, bool pair)
{
    size_t n_added = 0;

    for (uint32_t i = 0; i < c->head->n_posts; i++) {
        const struct postprocessor *post = &c->posts[i];
        uint32_t first = pair ? post->template.first_pair : post->template.first_single;
        uint32_t n = pair ? post->template.n_pair : post->template.n_single;

        switch (post->kind) {
        case POST_TEMPLATE:
            for (uint32_t k = 0; k < n; k++)
                if (c->pieces[first + k].part == PART_TOKENS)
                    n_added += c->pieces[first + k].n_ids;
            break;
        case POST_BERT:
            n_added += pair ? 3 : 2;
            break;
        case POST_ROBERTA:
            n_added += pair ? 4 : 2;
            break;
        case POST_BYTE_LEVEL:
            break;
        }
    }
    return n_added;
}

enum trims postprocess_trims(const struct core *c)
{
    unsigned n = 0;
    bool everywhere = true;

    for (uint32_t i = 0; i < c->head->n_posts; i++) {
        const struct postprocessor *post = &c->posts[i];
        bool roberta = post->kind == POST_ROBERTA && post->bert.trim_offsets;
        bool bytes = post->kind == POST_BYTE_LEVEL && post->byte_level.trim_offsets;

        n += roberta || bytes;
        if ((roberta && post->bert.add_prefix_space) ||
            (bytes && post->byte_level.add_prefix_space))
            everywhere = false;
    }
    if (n == 0)
        return TRIMS_NOT;
    if (n > 1 || !everywhere)
        return TRIMS_ROWS;
    for (uint32_t i = 0; i < c->head->n_added; i++) {
        struct slice name = core_text(c, c->added[i].content);

        for (size_t k = 0; k < name.size; k++) /* only ASCII that is no white space */
            if (name.data[k] <= ' ' || name.data[k] > '~')
                return TRIMS_ROWS;
    }
    return TRIMS_WORDS;
}

/* White space of tokens is no part of their offsets, but for one that was put before the text. */
static void trim_part(struct parts *p, uint32_t part, bool add_prefix_space)
{
    struct row *rows = p->rows + p->items[part].row;

    for (uint32_t i = 0; i < p->items[part].n; i++) {
        struct offset *o = &rows[i].offset;
        uint32_t lead = rows[i].lead, trail = rows[i].trail;

        if (lead) {
            if ((i == 0 || o->start == 0) && add_prefix_space && lead == 1)
                lead = 0;
            o->start = o->start + lead < o->end ? o->start + lead : o->end;
        }
        if (trail && o->end >= trail)
            o->end = o->end - trail > o->start ? o->end - trail : o->start;
    }
}

/* Windows of one part share rows when stride is set: each needs its own before they change. */
static void own_rows(struct parts *p, uint32_t part)
{
    uint32_t n = p->items[part].n, from = p->items[part].row, to = (uint32_t)p->n_rows;

    for (uint32_t i = 0; i < n; i++) {
        struct row row = p->rows[from + i];
        *parts_row(p) = row;
    }
    p->items[part].row = to;
}

static void trim(struct parts *p, bool add_prefix_space)
{
    for (size_t i = 0; i < p->n_list; i++) {
        uint32_t part = p->list[i], over = p->items[part].over, n_over = p->items[part].n_over;

        if (n_over)
            own_rows(p, part);
        trim_part(p, part, add_prefix_space);
        for (uint32_t o = 0; o < n_over; o++) {
            own_rows(p, over + o);
            trim_part(p, over + o, add_prefix_space);
        }
    }
}

static void set_type(struct parts *p, uint32_t part, uint32_t type_id)
{
    struct row *rows = p->rows + p->items[part].row;

    for (uint32_t i = 0; i < p->items[part].n; i++)
        rows[i].type_id = type_id;
}

static void add_special(struct parts *p, uint32_t id, uint32_t type_id)
{
    struct row *row = parts_row(p);

    row->id = id;
    row->type_id = type_id;
    row->special = 1;
}

static void swap_lists(struct parts *p)
{
    uint32_t *list = p->list;
    size_t capacity = p->list_capacity;

    p->list = p->next;
    p->list_capacity = p->next_capacity;
    p->next = list;
    p->next_capacity = capacity;
    p->n_list = 0;
}

static void apply_template(const struct core *c, struct parts *p, const struct postprocessor *post,
                           bool add_special_tokens)
{
    bool pair = p->n_list == 2;
    uint32_t first = pair ? post->template.first_pair : post->template.first_single;
    uint32_t n = pair ? post->template.n_pair : post->template.n_single;

    swap_lists(p);
    for (uint32_t k = 0; k < n; k++) {
        const struct template_piece *piece = &c->pieces[first + k];
        size_t row = p->n_rows;

        if (piece->part == PART_TOKENS) {
            if (!add_special_tokens)
                continue;
            for (uint32_t i = 0; i < piece->n_ids; i++)
                add_special(p, c->post_ids[piece->first_id + i], piece->type_id);
            parts_list(p, parts_add(p, row, -1));
            continue;
        }
        uint32_t sequence = piece->part == PART_B, part = p->next[sequence];
        struct part copy = p->items[part];
        uint32_t index = parts_add(p, row, -1);

        /* The same text may stand in a template twice, with other types; and what was cut off
         * keeps its own. */
        p->items[index] = copy;
        own_rows(p, index);
        set_type(p, index, piece->type_id);
        parts_set_sequence(p, index, sequence);
        parts_list(p, index);
    }
}

/* before NO_ID: none. Type ids of those around: 0 before, type_after behind. */
static uint32_t wrap_part(struct parts *p, uint32_t part, uint32_t before, uint32_t after,
                          uint32_t type_after, bool zero_types, uint32_t sequence)
{
    struct part old = p->items[part];
    size_t first = p->n_rows;

    if (before != NO_ID)
        add_special(p, before, 0);
    for (uint32_t i = 0; i < old.n; i++) {
        struct row row = p->rows[old.row + i];

        row.special = 0;
        row.attention = 1;
        if (zero_types)
            row.type_id = 0;
        *parts_row(p) = row;
    }
    add_special(p, after, type_after);
    uint32_t index = parts_add(p, first, (int)sequence);
    struct part_range *range = &p->ranges[p->items[index].range];

    range->start = before != NO_ID;
    range->end = p->items[index].n - 1;
    return index;
}

/* Bert and Roberta differ in what is between the two, and in its type. */
static void wrap(struct parts *p, const struct postprocessor *post)
{
    bool roberta = post->kind == POST_ROBERTA;
    uint32_t cls = post->bert.cls.id, sep = post->bert.sep.id;
    size_t n = p->n_list;

    swap_lists(p);
    for (size_t i = 0; i < n; i++) {
        uint32_t part = p->next[i], before = i == 0 ? cls : roberta ? sep : NO_ID;
        uint32_t type_after = i > 0 && !roberta, sequence = i > 0;
        uint32_t over = p->items[part].over, n_over = p->items[part].n_over;
        uint32_t index = wrap_part(p, part, before, sep, type_after, roberta && i > 0, sequence);

        for (uint32_t o = 0; o < n_over; o++)
            wrap_part(p, over + o, before, sep, type_after, roberta && i > 0, sequence);
        p->items[index].over = index + 1;
        p->items[index].n_over = n_over;
        parts_list(p, index);
    }
}

void postprocess(const struct core *c, struct parts *p, bool add_special_tokens)
{
    size_t n = p->n_list;

    if (!c->head->has_postprocessor) {
        /* Nothing names the sequences of what was cut off. */
        for (size_t i = 0; n > 1 && i < n; i++)
            parts_set_sequence(p, p->list[i], (uint32_t)i);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        parts_set_sequence(p, p->list[i], (uint32_t)i);
        for (uint32_t o = 0; o < p->items[p->list[i]].n_over; o++)
            parts_set_sequence(p, p->items[p->list[i]].over + o, (uint32_t)i);
    }
    for (uint32_t i = 0; i < c->head->n_posts; i++) {
        const struct postprocessor *post = &c->posts[i];

        switch (post->kind) {
        case POST_TEMPLATE:
            apply_template(c, p, post, add_special_tokens);
            break;
        case POST_BERT:
            if (add_special_tokens)
                wrap(p, post);
            break;
        case POST_ROBERTA:
            if (post->bert.trim_offsets)
                trim(p, post->bert.add_prefix_space);
            for (size_t k = 0; k < p->n_list; k++) {
                if (p->items[p->list[k]].n_over)
                    own_rows(p, p->list[k]);
                set_type(p, p->list[k], 0);
            }
            if (add_special_tokens)
                wrap(p, post);
            break;
        case POST_BYTE_LEVEL:
            if (post->byte_level.trim_offsets)
                trim(p, post->byte_level.add_prefix_space);
            for (size_t k = 0; k < p->n_list; k++)
                parts_set_sequence(p, p->list[k], (uint32_t)k);
            break;
        }
    }
}
