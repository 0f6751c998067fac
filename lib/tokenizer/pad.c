/* Padding: all of a batch, and what was cut off of each, to one length. */
#include "tokenizer/tokenizer.h"

static void shift(struct encoded *e, size_t by)
{
    memmove(e->ids + by, e->ids, e->n * sizeof(*e->ids));
    memmove(e->offsets + by, e->offsets, e->n * sizeof(*e->offsets));
    memmove(e->type_ids + by, e->type_ids, e->n * sizeof(*e->type_ids));
    memmove(e->special_mask + by, e->special_mask, e->n);
    memmove(e->attention_mask + by, e->attention_mask, e->n);
    memmove(e->word_ids + by, e->word_ids, e->n * sizeof(*e->word_ids));
    memmove(e->sequence_ids + by, e->sequence_ids, e->n);
}

static void pad_one(struct encoded *e, size_t length, const struct padding *padding)
{
    size_t n = e->n, more = length > n ? length - n : 0, at = n;

    if (!more)
        return;
    encoded_reserve(e, length);
    if (padding->side == SIDE_LEFT) {
        shift(e, more);
        at = 0;
    }
    e->n = length;
    for (size_t i = at; i < at + more; i++) {
        e->ids[i] = padding->pad_id;
        e->offsets[i] = (struct offset){0, 0};
        e->type_ids[i] = padding->pad_type_id;
        e->special_mask[i] = 1;
        e->attention_mask[i] = 0;
        e->word_ids[i] = -1;
        e->sequence_ids[i] = e->pad_sequence;
    }
}

void encoded_pad(struct encoded *items, size_t n, const struct padding *padding)
{
    size_t length = padding->fixed ? padding->length : 0;

    for (size_t i = 0; !padding->fixed && i < n; i++)
        if (items[i].n > length)
            length = items[i].n;
    if (padding->multiple_of && length % padding->multiple_of)
        length += padding->multiple_of - length % padding->multiple_of;
    for (size_t i = 0; i < n; i++) {
        pad_one(&items[i], length, padding);
        for (size_t o = 0; o < items[i].n_overflowing; o++)
            pad_one(&items[i].overflowing[o], length, padding);
    }
}
