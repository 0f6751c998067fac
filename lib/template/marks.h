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

/* A buffer that strings are written to, and where in it they are the user's. */
struct marking {
    const struct buf *of;
    struct mark *items;
    size_t n, capacity;
    struct marking *outer;
};
/* From here to marking_end() or marking_str() bytes written to b are followed. */
void marking_begin(struct render *r, struct marking *m, const struct buf *b);
void marking_end(struct render *r, const struct marking *m);
/* What b holds as a string with its marks; ends the marking. */
struct value marking_str(struct render *r, struct marking *m, struct buf *b);

/* The bytes of b from start on are the user's. */
void mark_written(struct render *r, const struct buf *b, size_t start);
/* Appends part of a string, and its marks. */
void write_part(struct render *r, const struct str *s, size_t offset, size_t size, struct buf *b);
static inline void write_text(struct render *r, const struct str *s, struct buf *b)
{
    write_part(r, s, 0, s->size, b);
}
/* May printing it show text of the user's? Of what has items: yes. */
bool may_be_users(const struct render *r, struct value v);
