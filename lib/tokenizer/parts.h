#pragma once
/*
 * Parts: tokens on their way through truncation and post-processing.
 *
 * A part is a run of rows (tokens with all that is known of them) with the
 * ranges of its sequences and the parts that truncation cut off. At the end
 * parts are joined to one encoding; what was cut off gives more of them, every
 * combination, in the order the reference has.
 */
#include "tokenizer/core.h"

struct row {
    uint32_t id, type_id;
    struct offset offset;
    int32_t word;         /* -1: none */
    uint32_t lead, trail; /* white space of the token's name, in the unit of offsets */
    uint8_t special, attention;
};

struct part_range {
    uint32_t sequence, start, end;
};

struct part {
    uint32_t row, n;
    uint32_t range, n_ranges; /* none: one sequence that covers everything */
    uint32_t over, n_over;    /* in parts.items */
};

struct parts {
    struct row *rows;
    struct part_range *ranges;
    struct part *items;
    uint32_t *list, *next; /* the parts of the result, in order */
    uint32_t *choices;     /* of the overflowing encodings: a part for each place of list */
    size_t n_rows, rows_capacity, n_ranges, ranges_capacity, n_items, items_capacity;
    size_t n_list, list_capacity, next_capacity, choices_capacity;
};

void parts_release(struct parts *p);
void parts_clear(struct parts *p);
/* A row of a part that is not finished; the pointer holds until the next row. */
struct row *parts_row(struct parts *p);
/* The rows from first on become a part with one range of that sequence, or none (-1). */
uint32_t parts_add(struct parts *p, size_t first_row, int sequence);
void parts_list(struct parts *p, uint32_t part);
void parts_set_sequence(struct parts *p, uint32_t part, uint32_t sequence);

/*
 * Cuts parts a and b (-1: none) down. n_added: what post-processing will add.
 * Errors: COMBINATION as the reference has them; stride too long, too much overflow.
 */
bool parts_truncate(struct parts *p, uint32_t a, int64_t b, const struct truncation *truncation,
                    uint32_t n_added, bool overflowing, struct err *err) MUST_CHECK;
/* Errors: COMBINATION (too many encodings). */
bool parts_join(struct parts *p, const struct encode_options *options, struct encoded *ret,
                struct err *err) MUST_CHECK;

/* ---- postprocess.c */

size_t postprocess_added(const struct core *c, bool pair);
/* How white space of tokens is taken out of their offsets. */
enum trims postprocess_trims(const struct core *c);
/* p->list is the one or two sequences. */
void postprocess(const struct core *c, struct parts *p, bool add_special_tokens);
