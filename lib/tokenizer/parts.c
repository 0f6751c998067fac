#include "tokenizer/parts.h"

/* Overflow of pairs multiplies: a text of one megabyte could ask for terabytes. */
enum { OVERFLOWING_MAX = 1 << 16, OVERFLOW_ROWS_MAX = 1 << 24 };

#define GROW(items, n, capacity, more)                                    \
    do {                                                                  \
        if ((n) + (more) > (capacity)) {                                  \
            (capacity) = (n) + (more) + (capacity) / 2 + 64;              \
            (items) = mem_resize((items), (capacity) * sizeof(*(items))); \
        }                                                                 \
    } while (0)

void parts_release(struct parts *p)
{
    free(p->rows);
    free(p->ranges);
    free(p->items);
    free(p->list);
    free(p->next);
    free(p->choices);
    *p = (struct parts){0};
}

void parts_clear(struct parts *p)
{
    p->n_rows = p->n_ranges = p->n_items = p->n_list = 0;
    GROW(p->rows, 0, p->rows_capacity, 1); /* parts without rows begin somewhere too */
}

struct row *parts_row(struct parts *p)
{
    GROW(p->rows, p->n_rows, p->rows_capacity, 1);
    struct row *row = &p->rows[p->n_rows++];
    *row = (struct row){.word = -1, .attention = 1};
    return row;
}

static void add_range(struct parts *p, struct part_range range)
{
    GROW(p->ranges, p->n_ranges, p->ranges_capacity, 1);
    p->ranges[p->n_ranges++] = range;
}

static uint32_t add_part(struct parts *p, struct part part)
{
    GROW(p->items, p->n_items, p->items_capacity, 1);
    p->items[p->n_items] = part;
    return (uint32_t)p->n_items++;
}

uint32_t parts_add(struct parts *p, size_t first_row, int sequence)
{
    struct part part = {.row = (uint32_t)first_row,
                        .n = (uint32_t)(p->n_rows - first_row),
                        .range = (uint32_t)p->n_ranges};

    if (sequence >= 0) {
        add_range(p, (struct part_range){(uint32_t)sequence, 0, part.n});
        part.n_ranges = 1;
    }
    return add_part(p, part);
}

void parts_list(struct parts *p, uint32_t part)
{
    GROW(p->list, p->n_list, p->list_capacity, 1);
    p->list[p->n_list++] = part;
}

void parts_set_sequence(struct parts *p, uint32_t part, uint32_t sequence)
{
    struct part *item = &p->items[part];
    uint32_t first = item->range, n = item->n_ranges;

    for (uint32_t i = 0; i < n; i++)
        if (p->ranges[first + i].sequence == sequence) {
            p->ranges[first + i] = (struct part_range){sequence, 0, item->n};
            return;
        }
    /* Ranges of a part lie together: they move to the end to get one more. */
    item->range = (uint32_t)p->n_ranges;
    item->n_ranges = n + 1;
    for (uint32_t i = 0; i < n; i++)
        add_range(p, p->ranges[first + i]);
    add_range(p, (struct part_range){sequence, 0, item->n});
}

/* ---- truncation */

/* Cuts the part to windows of max tokens: the first stays, the others are what it cut off. */
static bool cut_part(struct parts *p, uint32_t index, uint32_t max,
                     const struct truncation *truncation, bool overflowing, struct err *err)
{
    struct part whole = p->items[index];
    uint32_t step = max - truncation->stride;

    if (max >= whole.n)
        return true;
    if (max && truncation->stride >= max)
        return err_set(
            err, ERR_COMBINATION,
            "truncation: stride %u must be less than the %u tokens that are left for the "
            "sequence",
            truncation->stride, max);
    p->items[index] = (struct part){.row = whole.row, .range = whole.range};
    if (overflowing && max && (uint64_t)(whole.n / step + 1) * max > OVERFLOW_ROWS_MAX)
        return err_set(err, ERR_COMBINATION,
                       "truncation: %u tokens in pieces of %u with stride %u are too many", whole.n,
                       max, truncation->stride);
    if (!max) {
        /* Everything is cut off, in one piece that knows its ranges still. */
        if (overflowing) {
            uint32_t over = add_part(p, whole);
            p->items[index].over = over;
            p->items[index].n_over = 1;
        }
        return true;
    }
    uint32_t first = (uint32_t)p->n_items, n_windows = 0;
    for (uint32_t at = 0; at < whole.n; at += step, n_windows++) {
        uint32_t start, end;

        if (truncation->side == SIDE_RIGHT) {
            start = at;
            end = whole.n - at < max ? whole.n : at + max;
        } else {
            end = whole.n - at;
            start = end < max ? 0 : end - max;
        }
        if (!n_windows) {
            p->items[index].row = whole.row + start;
            p->items[index].n = end - start;
        } else if (overflowing) {
            add_part(p, (struct part){.row = whole.row + start, .n = end - start});
        }
        if (truncation->side == SIDE_RIGHT ? end == whole.n : start == 0)
            break;
    }
    p->items[index].over = first;
    p->items[index].n_over = (uint32_t)p->n_items - first;
    return true;
}

static bool cut_longest(struct parts *p, uint32_t a, int64_t b, uint32_t max,
                        const struct truncation *truncation, bool overflowing, struct err *err)
{
    if (b < 0)
        return cut_part(p, a, max, truncation, overflowing, err);
    uint32_t n_a = p->items[a].n, n_b = p->items[b].n;
    uint32_t less = n_a < n_b ? n_a : n_b, more;

    if (less > max)
        more = less;
    else
        more = max - less > less ? max - less : less;
    if (less + more > max) {
        less = max / 2;
        more = less + max % 2;
    }
    return cut_part(p, a, n_a > n_b ? more : less, truncation, overflowing, err) &&
           cut_part(p, (uint32_t)b, n_a > n_b ? less : more, truncation, overflowing, err);
}

static bool cut_only(struct parts *p, int64_t target, uint32_t remove,
                     const struct truncation *truncation, bool overflowing, struct err *err)
{
    if (target < 0)
        return err_set(err, ERR_COMBINATION, "truncation only_second: there is no second sequence");
    if (p->items[target].n <= remove)
        return err_set(err, ERR_COMBINATION,
                       "truncation: the sequence to truncate has %u tokens, too few to remove %u",
                       p->items[target].n, remove);
    return cut_part(p, (uint32_t)target, p->items[target].n - remove, truncation, overflowing, err);
}

bool parts_truncate(struct parts *p, uint32_t a, int64_t b, const struct truncation *truncation,
                    uint32_t n_added, bool overflowing, struct err *err)
{
    uint32_t total = p->items[a].n + (b >= 0 ? p->items[b].n : 0);

    /* The reference's subtraction wraps: less than the special tokens need is no limit at all. */
    if (n_added > truncation->max_length)
        return true;
    uint32_t max = truncation->max_length - n_added;
    if (!max)
        return cut_part(p, a, 0, truncation, overflowing, err) &&
               (b < 0 || cut_part(p, (uint32_t)b, 0, truncation, overflowing, err));
    if (total <= max)
        return true;
    switch (truncation->strategy) {
    case TRUNCATE_LONGEST_FIRST:
        return cut_longest(p, a, b, max, truncation, overflowing, err);
    case TRUNCATE_ONLY_FIRST:
        return cut_only(p, a, total - max, truncation, overflowing, err);
    case TRUNCATE_ONLY_SECOND:
        break;
    }
    return cut_only(p, b, total - max, truncation, overflowing, err);
}

/* ---- joining */

/* The last range of that sequence among the parts of list, in rows of the whole. */
static bool find_range(const struct parts *p, const uint32_t *list, uint32_t sequence,
                       struct span *ret)
{
    uint32_t at = 0;
    bool found = false;

    for (size_t i = 0; i < p->n_list; i++) {
        const struct part *part = &p->items[list[i]];

        for (uint32_t r = 0; r < part->n_ranges; r++) {
            const struct part_range *range = &p->ranges[part->range + r];

            if (range->sequence != sequence)
                continue;
            *ret = (struct span){at + range->start, at + range->end};
            found = true;
        }
        at += part->n;
    }
    return found;
}

/*
 * The reference asks for the range of each sequence from 0 on, as many as
 * there are ranges; one that is not there covers everything.
 */
static void fill_sequences(const struct parts *p, const uint32_t *list, struct encoded *e)
{
    uint32_t end = 0, n_sequences = 0;
    struct span range;

    for (size_t i = 0; i < p->n_list; i++)
        for (uint32_t r = 0; r < p->items[list[i]].n_ranges; r++) {
            uint32_t sequence = p->ranges[p->items[list[i]].range + r].sequence;

            if (sequence >= end)
                end = sequence + 1;
        }
    for (uint32_t s = 0; s < end; s++)
        n_sequences += find_range(p, list, s, &range);
    e->pad_sequence = -1;
    if (e->n)
        memset(e->sequence_ids, -1, e->n);
    for (uint32_t s = 0; s < (n_sequences ? n_sequences : 1); s++) {
        if (!find_range(p, list, s, &range)) {
            range = (struct span){0, (uint32_t)e->n};
            e->pad_sequence = (int8_t)s;
        }
        if (range.end > range.start)
            memset(e->sequence_ids + range.start, (int)s, range.end - range.start);
    }
}

static void fill(const struct parts *p, const uint32_t *list, const struct encode_options *options,
                 struct encoded *e)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < p->n_list; i++)
        n += p->items[list[i]].n;
    encoded_reserve(e, n);
    e->n = n;
    e->plain = options->plain;
    e->n_overflowing = 0;
    for (size_t i = 0; i < p->n_list; i++) {
        const struct row *rows = p->rows + p->items[list[i]].row;

        for (uint32_t r = 0; r < p->items[list[i]].n; r++, at++) {
            e->ids[at] = rows[r].id;
            e->offsets[at] = rows[r].offset;
            if (options->plain)
                continue;
            e->type_ids[at] = rows[r].type_id;
            e->special_mask[at] = rows[r].special;
            e->attention_mask[at] = rows[r].attention;
            e->word_ids[at] = rows[r].word;
        }
    }
    if (!options->plain)
        fill_sequences(p, list, e);
}

/* Joins part by part: what was cut off so far meets the next part and what was cut off there. */
static bool choose_overflow(struct parts *p, size_t *ret_n, struct err *err)
{
    size_t n = 0, width = p->n_list, n_rows = 0;

    for (size_t i = 0; i < width; i++) {
        const struct part *part = &p->items[p->list[i]];
        size_t n_new = n * (1 + (size_t)part->n_over) + part->n_over;

        if (n_new > OVERFLOWING_MAX)
            return err_set(err, ERR_COMBINATION,
                           "truncation: more than %d overflowing encodings: a longer max_length or "
                           "a shorter stride makes fewer",
                           OVERFLOWING_MAX);
        GROW(p->choices, 0, p->choices_capacity, n_new * width);
        /* From the back, so that no combination is overwritten before it was read. */
        for (size_t o = part->n_over, to = n_new; o-- > 0;) {
            uint32_t *choice = p->choices + --to * width;

            memcpy(choice, p->list, i * sizeof(*choice));
            choice[i] = part->over + (uint32_t)o;
        }
        for (size_t c = n; c-- > 0;)
            for (size_t o = 1 + (size_t)part->n_over; o-- > 0;) {
                uint32_t *choice = p->choices + (c * (1 + (size_t)part->n_over) + o) * width;

                memmove(choice, p->choices + c * width, i * sizeof(*choice));
                choice[i] = o ? part->over + (uint32_t)o - 1 : p->list[i];
            }
        n = n_new;
    }
    for (size_t c = 0; c < n * width; c++)
        n_rows += p->items[p->choices[c]].n;
    if (n_rows > OVERFLOW_ROWS_MAX)
        return err_set(err, ERR_COMBINATION,
                       "truncation: overflowing encodings of more than %d tokens in all",
                       OVERFLOW_ROWS_MAX);
    *ret_n = n;
    return true;
}

bool parts_join(struct parts *p, const struct encode_options *options, struct encoded *ret,
                struct err *err)
{
    size_t n = 0;

    if (options->overflowing && !choose_overflow(p, &n, err))
        return false;
    fill(p, p->list, options, ret);
    if (n > ret->overflowing_capacity) {
        ret->overflowing = mem_resize(ret->overflowing, n * sizeof(*ret->overflowing));
        memset(ret->overflowing + ret->overflowing_capacity, 0,
               (n - ret->overflowing_capacity) * sizeof(*ret->overflowing));
        ret->overflowing_capacity = n;
    }
    for (size_t i = 0; i < n; i++)
        fill(p, p->choices + i * p->n_list, options, &ret->overflowing[i]);
    ret->n_overflowing = n;
    return true;
}
