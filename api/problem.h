#pragma once
/*
 * Problem: errors as documents (RFC 9457). The one place that knows the status
 * of an error, its title, and the page that /problems/<slug> answers with.
 */
#include "base/err.h"

struct problem {
    unsigned status;
    const char *title; /* the same for every occurrence */
    const char *text;  /* what it means and what to do about it */
};

/* Never NULL. A code without a row is a bug of ours, found at compile time. */
const struct problem *problem_of(enum err_code code);
/* False when there is no such slug. */
bool problem_find(const char *slug, enum err_code *ret);
/* Slugs most like slug; their number. */
size_t problem_nearest(const char *slug, const char *ret[5]);

/*
 * Appends the document of err, without a newline: type, title, status, detail,
 * instance, code, and the facts. request_id may be NULL.
 */
void problem_write(struct buf *out, const struct err *err, const char *request_id);
/* Appends the description of one kind of problem; of all of them, as {"problems": […]}. */
void problem_write_page(struct buf *out, enum err_code code);
void problem_write_list(struct buf *out);
