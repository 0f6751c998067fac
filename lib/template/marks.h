#pragma once
/*
 * Marks: which bytes of a text came from the request, and which from the template.
 *
 * Only kept when they are asked for (render.marking): strings read from the
 * request are the user's from end to end; what is cut out of a string, put
 * together of strings or printed keeps its bytes' origin. What a filter makes
 * anew of a string (another case, escapes, padding) is the user's as a whole when
 * anything that went in was. So no byte of the user's ever passes for the
 * template's; the other way round happens in what is made anew only.
 */
#include "base/buf.h"
#include "template/value.h"

struct render;

struct mark {
    size_t start, end;
};
/* In order, apart from each other. */
struct marks {
    size_t n;
    struct mark items[];
};
/* All of a string, whatever its size. */
extern const struct marks marks_whole;

/* The marks of part of a string; NULL: none. */
const struct marks *marks_part(struct arena *a, const struct str *s, size_t offset, size_t size);
const struct marks *marks_concat(struct arena *a, const struct str *x, const struct str *y);

/* Where in the rendering's output the user's text is. */
struct marking {
    struct mark *items;
    size_t n, capacity;
};
/*
 * Text that becomes a string is written behind the output, and taken off again:
 * what the output holds from start on, with its marks.
 */
struct value text_taken(struct render *r, size_t start);
/* The same where nobody wants it. */
void text_dropped(struct render *r, size_t start);

/* The bytes of b from start on are the user's; noted when b is the output. */
void mark_written(struct render *r, const struct buf *b, size_t start);
/* Appends part of a string, and its marks. */
void write_part(struct render *r, const struct str *s, size_t offset, size_t size, struct buf *b);
static inline void write_text(struct render *r, const struct str *s, struct buf *b)
{
    if (s->user)
        write_part(r, s, 0, s->size, b);
    else
        buf_append(b, s->data, s->size);
}
/* May printing it show text of the user's? Of what has items: yes. */
bool may_be_users(const struct render *r, struct value v);
